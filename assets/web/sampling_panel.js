// The panels below the Sampling picture: what was written, every token's chance by rank.

function tokenText(token) {
  return token.k === 2 ? `⟨${token.t}⟩` : visible(token.t);
}

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({}));
  const theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "panel" });
    parentElement.append(store.root);
  }
  store.root.style.setProperty("--now", theme.categories[1]);
  store.root.style.setProperty("--muted", theme.muted);
  store.root.style.setProperty("--hairline", theme.hairline);
  const draw = { steps: drawSteps, curve: drawCurve }[header.kind];
  return watchWidth(parentElement, (width) => store.root.replaceChildren(...draw(header, arrays, width, theme)));
}

function drawSteps(header, arrays, width) {
  if (!header.written.length) {
    return [el("p", { class: "empty", text: "Nothing is written yet. Press Next token or Generate, and each token is listed here with its chances and its random number." })];
  }
  const narrow = width < 620;
  const head = ["", "token", "the model gave", "after the chain", "rank", ...(narrow ? [] : ["surprise, nats"]), "random number", ...(narrow ? [] : ["its place from 0 to 1"])];
  const rows = header.written.map((step, i) => el("tr", {},
    el("td", { class: "n quiet", text: i + 1 }),
    el("th", { scope: "row", class: `mono k${step.k}`, text: tokenText(step) }),
    el("td", { class: "n", text: percent(step.raw) }),
    el("td", { class: "n" }, narrow ? "" : el("i", { class: "share", style: { width: `${(5 * step.probability).toFixed(2)}rem` } }), percent(step.probability)),
    el("td", { class: "n", text: step.rank.toLocaleString("en-US") }),
    narrow ? null : el("td", { class: "n", text: fmt(step.surprise) }),
    el("td", { class: "n", text: step.random === null ? "greedy" : step.random.toFixed(3) }),
    narrow ? null : el("td", { class: "place" }, step.random === null ? "" : el("span", { class: "rule" },
      el("i", { style: { left: `${100 * step.low}%`, width: `${Math.max(0.6, 100 * (step.high - step.low))}%` } }),
      el("b", { style: { left: `${100 * step.random}%` } })))));
  return [el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The written tokens" }, el("table", {},
    el("caption", { class: "sr-only", text: "The written tokens, each with its chances and its random number" }),
    el("thead", {}, el("tr", {}, head.map((text) => (text ? el("th", { scope: "col", text }) : el("td"))))),
    el("tbody", {}, rows)))];
}

function drawCurve(header, arrays, width, theme) {
  const rank = arrays.curve_rank;
  const m = rank.length;
  const floor = 1e-8;
  const left = 72;
  const height = Math.min(380, Math.max(260, width * 0.32));
  const foot = height - 34;
  const x = (r) => left + (Math.log10(r) / Math.log10(header.vocabulary)) * (width - left - 12);
  const y = (p) => 12 + (Math.log10(1 / Math.max(p, floor)) / 8) * (foot - 12);
  const colours = [theme.ink, ...[4, 1, 2, 3, 5, 0].map((i) => theme.categories[i])];
  const dashes = ["", "7 4", "2 3", "9 3 2 3", "5 5", ""];
  const svg = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Chance by rank over ${header.vocabulary} tokens, both scales logarithmic. ${header.stages.map((s) => `${s.name}: ${s.left} tokens left`).join("; ")}.` });
  for (let e = 0; e >= -8; e -= 2) {
    svg.append(svgEl("line", { x1: left, x2: width - 12, y1: y(10 ** e), y2: y(10 ** e), stroke: theme.hairline }));
    svg.append(svgEl("text", { x: left - 8, y: y(10 ** e) + 5, "text-anchor": "end", class: "t" }, ["100 %", "1 %", "0.01 %", "0.0001 %", "less"][-e / 2]));
  }
  for (let r = 1; r <= header.vocabulary; r *= 10) {
    svg.append(svgEl("text", { x: x(r), y: height - 12, "text-anchor": "middle", class: "t" }, r.toLocaleString("en-US")));
  }
  const ends = [];
  header.stages.forEach((stage, i) => {
    const values = arrays.curve.subarray(stage.place * m, stage.place * m + m);
    const points = [...rank.keys()].filter((k) => values[k] > 0);
    if (!points.length) return;
    const path = points.map((k, n) => `${n ? "L" : "M"}${x(rank[k]).toFixed(1)} ${y(values[k]).toFixed(1)}`).join("");
    const lastPoint = points[points.length - 1];
    const wall = stage.left < header.vocabulary ? `L${x(Math.max(stage.left, rank[lastPoint])).toFixed(1)} ${y(values[lastPoint]).toFixed(1)}V${foot}` : "";
    svg.append(svgEl("path", { d: path + wall, fill: "none", stroke: colours[i % colours.length], "stroke-width": i ? 2.2 : 2.8, "stroke-dasharray": dashes[i % dashes.length] || null }));
    ends.push({ stage, i });
  });
  const legend = el("p", { class: "legend" }, ends.map(({ stage, i }) => el("span", {},
    svgEl("svg", { width: 34, height: 12, "aria-hidden": "true" }, svgEl("line", { x1: 1, x2: 33, y1: 6, y2: 6, stroke: colours[i % colours.length], "stroke-width": 2.6, "stroke-dasharray": dashes[i % dashes.length] || null })),
    el("span", { class: "mono", text: stage.name === "logits" ? "the model" : `${stage.name} ${stage.value}` }),
    el("span", { class: "quiet", text: `${stage.left.toLocaleString("en-US")} left` }))));
  return [legend, svg, el("p", { class: "quiet", text: `All ${header.vocabulary.toLocaleString("en-US")} tokens by rank, the likeliest at the left; both scales grow tenfold a step. A line that drops to the floor ends where its stage cuts.` })];
}
