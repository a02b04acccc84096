// One word in two sentences: three curves of likeness over the layers, and under each neighbour what it did.

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ layer: null }));
  if (store.raw !== data) {
    store.raw = data;
    Object.assign(store, readPayload(data));
    store.layer = store.arrays.cosine.length - 1;
  }
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "part" });
    parentElement.append(store.root);
  }
  return watchWidth(parentElement, (width) => partDraw(store, width));
}

const partShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";

function partDraw(store, width) {
  const { header, arrays } = store;
  const last = arrays.cosine.length - 1;
  store.root.className = `part ${width >= 860 ? "wide" : "narrow"}`;
  const same = arrays.same.length ? arrays.same[last] : null;
  const now = arrays.cosine[last];
  const told = same === null
    ? `At the end the two vectors have a cosine of ${now.toFixed(2)}; different words have ${arrays.others[last].toFixed(2)} on average.`
    : now < same - 0.02
      ? `At the end: ${now.toFixed(2)} between the two senses, ${same.toFixed(2)} within one sense. ${header.model} tells them apart.`
      : `At the end: ${now.toFixed(2)} between the two senses, ${same.toFixed(2)} within one sense. ${header.model} does not tell them apart here.`;
  const chart = el("section", { class: "chart" });
  const words = el("section", { class: "words", "aria-live": "polite" });
  store.chart = chart;
  store.words = words;
  store.root.replaceChildren(
    el("div", { class: "headline" }, el("h3", {}, "How far does ", el("span", { class: "chip", text: header.word }), " part?"), el("p", { class: "sub", text: told })),
    el("div", { class: "both" }, chart, words),
    partTable(store),
  );
  partChart(store);
  partWords(store);
}

function partChart(store) {
  const { arrays, theme, header } = store;
  const layers = arrays.cosine.length;
  const every = [...arrays.cosine, ...arrays.same, ...arrays.others].filter((v) => !Number.isNaN(v));
  const low = Math.min(0, ...every);
  const width = 460, height = 300, left = 44, right = 118, bottom = 34, top = 12;
  const x = (l) => left + (l / Math.max(1, layers - 1)) * (width - left - right);
  const y = (v) => top + ((1 - v) / (1 - low)) * (height - top - bottom);
  const svg = svgEl("svg", { viewBox: `0 0 ${width} ${height}`, role: "slider", tabindex: 0, "aria-label": "Layer", "aria-valuemin": 0, "aria-valuemax": layers - 1 });
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(svgEl("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), stroke: theme.hairline }),
      svgEl("text", { x: left - 7, y: y(v) + 4, "text-anchor": "end", class: "axis", fill: theme.muted, text: String(v) }));
  }
  const lines = [
    { values: arrays.same, colour: theme.categories[2], dash: "7 4", label: "same sense" },
    { values: arrays.cosine, colour: theme.accent, dash: null, label: "two senses" },
    { values: arrays.others, colour: theme.grey, dash: "2 4", label: "other words" },
  ].filter((line) => line.values.length && !Number.isNaN(line.values[0]));
  const labels = lines.map((line) => y(line.values[layers - 1]));
  // Names of curves that end close together are set apart.
  for (let i = 1; i < labels.length; i++) if (labels[i] - labels[i - 1] < 17) labels[i] = labels[i - 1] + 17;
  lines.forEach((line, i) => {
    const path = [...line.values].map((v, l) => `${l ? "L" : "M"}${x(l).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    svg.append(svgEl("path", { d: path, fill: "none", stroke: line.colour, "stroke-width": line.dash ? 2 : 3, "stroke-dasharray": line.dash }),
      svgEl("text", { x: width - right + 8, y: labels[i] + 4, class: "label", fill: line.colour, text: line.label }));
  });
  const mark = svgEl("g", {});
  svg.append(mark, svgEl("text", { x: left, y: height - 10, class: "axis", fill: theme.muted, text: "start" }),
    svgEl("text", { x: width - right, y: height - 10, "text-anchor": "end", class: "axis", fill: theme.muted, text: `layer ${layers - 1}` }));
  const place = () => {
    const l = store.layer;
    mark.replaceChildren(svgEl("line", { x1: x(l), x2: x(l), y1: top, y2: height - bottom, stroke: theme.ink, "stroke-opacity": 0.5 }),
      ...lines.map((line) => svgEl("circle", { cx: x(l), cy: y(line.values[l]), r: 5, fill: line.colour })));
    svg.setAttribute("aria-valuenow", l);
    svg.setAttribute("aria-valuetext", `layer ${l}: cosine ${arrays.cosine[l].toFixed(3)}`);
    title.textContent = l === 0 ? "At the start: only the word itself" : `After layer ${l} of ${layers - 1}: cosine ${arrays.cosine[l].toFixed(3)}`;
  };
  const title = el("h4", {});
  const go = (l) => {
    const next = Math.max(0, Math.min(layers - 1, l));
    if (next === store.layer) return;
    store.layer = next;
    place();
    partWords(store);
  };
  svg.onpointermove = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    if (at > left - 10 && at < width - right + 10) go(Math.round(((at - left) / (width - left - right)) * (layers - 1)));
  };
  svg.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -layers, End: layers }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    go(store.layer + step);
  };
  place();
  store.chart.replaceChildren(title, svg,
    el("p", { class: "sub", text: header.third ? `Cosine between the word's vectors. “Same sense” compares with: ${header.third}` : "Cosine between the word's vectors; “other words” are pairs of different words." }));
}

function partWords(store) {
  const { header, arrays } = store;
  const layers = arrays.cosine.length;
  const pulls = [arrays.pull_0, arrays.pull_1];
  const most = Math.max(0.02, ...pulls.flatMap((p) => [...p].filter((v) => !Number.isNaN(v)).map(Math.abs)));
  const lines = header.sentences.map((sentence, s) => {
    const count = sentence.pieces.length;
    return el("div", { class: "sentence" }, sentence.pieces.map((piece, i) => {
      const value = pulls[s][store.layer * count + i];
      const self = sentence.at.includes(i);
      const fixed = sentence.fixed.includes(i);
      const unseen = header.causal && i > Math.max(...sentence.at);
      const height = Number.isNaN(value) ? 0 : Math.round((Math.abs(value) / most) * 44);
      return el("span", { class: `word ${self ? "self" : ""} ${fixed || unseen ? "quiet" : ""}`, title: Number.isNaN(value) || unseen ? null : `cosine ${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)} when hidden` },
        el("span", { class: "column", "aria-hidden": "true" }, value > 0 ? el("span", { class: "up", style: { height: `${height}px` } }) : null),
        el("span", { class: "text", text: partShown(piece) }),
        el("span", { class: "column down", "aria-hidden": "true" }, value < 0 ? el("span", { class: "under", style: { height: `${height}px` } }) : null),
        el("span", { class: "amount", text: self || fixed || unseen || Math.abs(value) < most * 0.12 || Number.isNaN(value) ? "" : `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}` }));
    }));
  });
  store.words.replaceChildren(
    el("h4", { text: store.layer === 0 ? "What its neighbours had done: nothing yet" : `What its neighbours had done by layer ${store.layer}` }),
    ...lines,
    el("p", { class: "sub", text: header.causal
      ? "Each word was hidden in turn. Blue, up: it had pulled the two vectors apart. Orange, down: it had kept them together. A decoder sees only what came before, so words after it can do nothing."
      : "Each word was hidden in turn. Blue, up: it had pulled the two vectors apart. Orange, down: it had kept them together." }),
  );
}

function partTable(store) {
  const { header, arrays } = store;
  const last = arrays.cosine.length - 1;
  return el("table", { class: "sr-only" }, el("caption", { text: "Cosine after each layer" }),
    el("thead", {}, el("tr", {}, ["layer", "two senses", "same sense", "other words"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, [...arrays.cosine].map((v, l) => el("tr", {}, el("th", { scope: "row", text: String(l) }), el("td", { text: v.toFixed(3) }),
      el("td", { text: arrays.same.length ? arrays.same[l].toFixed(3) : "–" }), el("td", { text: arrays.others[l].toFixed(3) })))),
    el("tfoot", {}, header.sentences.map((sentence, s) => el("tr", {}, el("td", { colspan: 4, text: sentence.pieces.map((piece, i) => `${partShown(piece)} ${(s ? arrays.pull_1 : arrays.pull_0)[last * sentence.pieces.length + i].toFixed(3)}`).join(", ") })))));
}
