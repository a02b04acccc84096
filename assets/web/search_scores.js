// All passages: a point for each by keyword score and cosine, and a table that sorts. A click follows a passage.

const SHOWN = 200;
const scoresBare = (x, digits) => x.toFixed(digits).replace(/^(-?)0\./, "$1.");

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const store = instance(parentElement, () => ({ sort: "rrf", all: false }));
  const { header, arrays } = readPayload(data);
  Object.assign(store, { header, arrays });
  store.follow = (p) => setTriggerValue("follow", `${header.id}:${p}`);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "scores" });
    parentElement.append(store.root);
  }
  const theme = themeOf(parentElement);
  for (const [name, value] of [["--muted", theme.muted], ["--hairline", theme.hairline], ["--soft", theme.accentSoft],
    ["--keyword", theme.categories[1]], ["--meaning", theme.categories[0]], ["--both", theme.categories[2]]]) store.root.style.setProperty(name, value);
  store.tip = tip(parentElement);
  return watchWidth(parentElement, (width) => {
    store.root.classList.toggle("one", width < 860);
    const chart = el("div", { class: "chart" });
    store.list = el("div", { class: "list", tabindex: 0, role: "region", "aria-label": "All passages with their ranks" });
    store.root.replaceChildren(chart, store.list);
    plot(store, chart, width < 860 ? width : Math.min(620, width * 0.5));
    rows(store);
  });
}

function plot(store, chart, width) {
  const { header, arrays } = store;
  const height = Math.min(430, Math.max(280, width * 0.72));
  const [left, right, top, bottom] = [46, 16, 30, 46];
  const xs = arrays.scores_bm25, ys = arrays.scores_dense;
  let xMax = 0, yMin = 0, yMax = 0;
  for (let i = 0; i < xs.length; i++) {
    xMax = Math.max(xMax, xs[i]);
    yMin = Math.min(yMin, ys[i]);
    yMax = Math.max(yMax, ys[i]);
  }
  xMax = xMax || 1;
  yMax = Math.min(1, yMax + 0.05);
  yMin = Math.max(-1, yMin - 0.02);
  const x = (v) => left + ((width - left - right) * v) / xMax;
  const y = (v) => top + (height - top - bottom) * (1 - (v - yMin) / (yMax - yMin));
  const svg = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "Every passage as a point: keyword score to the right, cosine upwards. The table beside it has the same numbers." });
  const axis = (d) => svg.append(svgEl("path", { class: "axis", d }));
  const write = (px, py, text, anchor, extra) => svg.append(svgEl("text", { x: px, y: py, "text-anchor": anchor, class: extra || "" }, text));
  const across = [0.2, 0.5, 1, 2, 5, 10, 20, 50].find((size) => xMax / size <= 6) || xMax / 4;
  for (let v = 0; v <= xMax; v += across) {
    axis(`M${x(v)} ${top}V${height - bottom}`);
    write(x(v), height - bottom + 18, across < 1 ? v.toFixed(1) : String(Math.round(v)), "middle");
  }
  const step = yMax - yMin > 0.5 ? 0.2 : 0.1;
  for (let v = Math.ceil(yMin / step) * step; v <= yMax; v += step) {
    axis(`M${left} ${y(v)}H${width - right}`);
    write(left - 8, y(v) + 5, Math.abs(v) < 1e-9 ? "0" : scoresBare(v, 1), "end");
  }
  write(width - right, height - 8, "keyword score →", "end", "label");
  write(left - 8, top - 14, "↑ cosine", "start", "label");
  const order = [...Array(xs.length).keys()].sort((a, b) => (a === header.followed) - (b === header.followed) || arrays.ranks_rrf[b] - arrays.ranks_rrf[a]);
  for (const p of order) {
    const keyword = arrays.ranks_bm25[p] > 0 && arrays.ranks_bm25[p] <= header.top;
    const meaning = arrays.ranks_dense[p] <= header.top;
    const kind = keyword && meaning ? "both" : keyword ? "keyword" : meaning ? "meaning" : "rest";
    const [px, py] = [x(xs[p]), y(ys[p])];
    const mark = kind === "keyword" ? svgEl("rect", { x: px - 5, y: py - 5, width: 10, height: 10 })
      : kind === "meaning" ? svgEl("path", { d: `M${px} ${py - 6.5}L${px + 6} ${py + 4.5}H${px - 6}Z` })
      : svgEl("circle", { cx: px, cy: py, r: kind === "both" ? 6 : 3.5 });
    mark.setAttribute("class", `mark ${kind}`);
    if (p === header.followed) svg.append(svgEl("circle", { class: "ring", cx: px, cy: py, r: 11 }));
    mark.onmousemove = (event) => store.tip.show(event.clientX, event.clientY,
      `${header.titles[p]}: keyword ${xs[p].toFixed(2)}, cosine ${scoresBare(ys[p], 3)}`);
    mark.onmouseleave = () => store.tip.hide();
    mark.onclick = () => store.follow(p);
    svg.append(mark);
    if (p === header.followed) write(px + (px > width * 0.6 ? -16 : 16), py + 5, header.titles[p].slice(0, 34), px > width * 0.6 ? "end" : "start", "name");
  }
  const legend = [["both", "in both top tens"], ["keyword", "keyword's only"], ["meaning", "meaning's only"], ["rest", "neither"]].map(([kind, label]) => {
    const icon = svgEl("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" });
    icon.append(kind === "keyword" ? svgEl("rect", { x: 3, y: 3, width: 10, height: 10, class: "mark keyword" })
      : kind === "meaning" ? svgEl("path", { d: "M8 2L14 13H2Z", class: "mark meaning" })
      : svgEl("circle", { cx: 8, cy: 8, r: kind === "both" ? 6 : 3.5, class: `mark ${kind}` }));
    return el("li", {}, icon, label);
  });
  chart.append(svg, el("ul", { class: "legend" }, legend));
}

function rows(store) {
  const { header, arrays, sort } = store;
  const columns = header.methods;
  const key = (p) => arrays[`ranks_${sort}`][p] || 1e9;
  const order = [...Array(header.count).keys()].sort((a, b) => key(a) - key(b) || a - b);
  const shown = store.all ? order : order.slice(0, SHOWN);
  const scoreText = { bm25: (v) => v.toFixed(2), dense: (v) => scoresBare(v, 3), rrf: (v) => (1000 * v).toFixed(1) };
  const head = el("tr", {}, el("th", { scope: "col", text: "Passage" }), columns.map((m) =>
    el("th", { scope: "col", "aria-sort": m.id === sort ? "ascending" : "none" },
      el("button", { type: "button", text: m.id === sort ? `${m.name} ↑` : m.name, on: { click: () => { store.sort = m.id; rows(store); } } }))));
  const body = shown.map((p) => el("tr", { class: p === header.followed ? "now" : null },
    el("th", { scope: "row" }, el("button", { type: "button", text: header.titles[p], on: { click: () => store.follow(p) } })),
    columns.map((m) => {
      const rank = arrays[`ranks_${m.id}`][p];
      return el("td", { class: rank && rank <= header.top ? "mono top" : "mono" },
        el("b", { text: rank || "–" }), el("span", { text: rank ? (scoreText[m.id] || fmt)(arrays[`scores_${m.id}`][p]) : "" }));
    })));
  store.list.replaceChildren(el("table", {}, el("caption", { class: "sr-only", text: "Rank and score of every passage by each method" }),
    el("thead", {}, head), el("tbody", {}, body)),
  shown.length < order.length ? el("button", { class: "more", type: "button", text: `Show all ${order.length}`, on: { click: () => { store.all = true; rows(store); } } }) : "");
}
