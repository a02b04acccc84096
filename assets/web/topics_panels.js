// Two panels of the Topics page: the five stages as small pictures, and the outliers as a list.

const SHAPES = ["circle", "square", "triangle"];

function sign(theme, topic, size = 11) {
  const colour = topic < 0 ? theme.grey : theme.categories[topic % 7];
  const shape = topic < 0 ? "circle" : SHAPES[Math.floor(topic / 7) % 3];
  const d = { circle: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z", square: "M-4.4 -4.4h8.8v8.8h-8.8z", triangle: "M0 -5.7L5.5 4H-5.5z" }[shape];
  return svgEl("svg", { class: "mark", width: size, height: size, viewBox: "-6 -6 12 12", "aria-hidden": "true" },
    svgEl("path", { d, fill: topic < 0 ? "none" : colour, stroke: topic < 0 ? colour : "none", "stroke-width": 1.6 }));
}

const score = (x) => x.toFixed(2).replace(/^(-?)0\./, "$1.");
const picture = (label, ...parts) => svgEl("svg", { viewBox: "0 0 200 84", role: "img", "aria-label": label, preserveAspectRatio: "xMidYMid meet" }, ...parts);

function embedPicture(theme, heat) {
  const [rows, columns] = heat.shape;
  const most = heat.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const w = 200 / columns, h = 84 / rows, cells = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      cells.push(svgEl("rect", { x: c * w, y: r * h, width: w - 0.5, height: h - 0.8, fill: theme.diverging(heat[r * columns + c] / most) }));
    }
  }
  return picture("The first numbers of some documents", ...cells);
}

function neighbourPicture(theme, counts) {
  const most = Math.max(...counts, 1), w = 200 / counts.length;
  const bars = [...counts].map((count, i) =>
    svgEl("rect", { x: i * w, y: 68 - (64 * count) / most, width: w - 1, height: (64 * count) / most, fill: theme.accent }));
  const label = (x, text, anchor) => svgEl("text", { x, y: 82, "text-anchor": anchor, fill: theme.muted, "font-size": 11 }, text);
  return picture("How alike neighbours are, as a histogram of cosines", ...bars,
    svgEl("line", { x1: 0, x2: 200, y1: 68.5, y2: 68.5, stroke: theme.hairline }), label(0, "cosine 0", "start"), label(100, "0.5", "middle"), label(200, "1", "end"));
}

function reducePicture(theme, xy) {
  const count = xy.length / 2, xs = [], ys = [];
  for (let i = 0; i < count; i++) { xs.push(xy[2 * i]); ys.push(xy[2 * i + 1]); }
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const k = Math.min(190 / Math.max(x1 - x0, 1e-6), 78 / Math.max(y1 - y0, 1e-6));
  const every = Math.max(1, Math.floor(count / 600)), dots = [];
  for (let i = 0; i < count; i += every) {
    dots.push(svgEl("circle", { cx: 100 + (xs[i] - (x0 + x1) / 2) * k * 1.6, cy: 42 - (ys[i] - (y0 + y1) / 2) * k, r: 1.1, fill: theme.ink, opacity: 0.7 }));
  }
  return picture("The map as it came out, before it was grouped", ...dots);
}

function clusterPicture(theme, topics, smallest) {
  const most = Math.max(...topics.map((topic) => topic.size), smallest * 1.3, 1);
  const w = Math.min(16, 200 / Math.max(topics.length, 1)), y = 80 - (76 * smallest) / most;
  return picture("Sizes of the groups, with the smallest size allowed as a dashed line",
    ...topics.map((topic, i) => svgEl("rect", {
      x: i * w, y: 80 - (76 * topic.size) / most, width: Math.max(1, w - 2), height: (76 * topic.size) / most, fill: theme.categories[i % 7],
    })),
    svgEl("line", { x1: 0, x2: 200, y1: y, y2: y, stroke: theme.ink, "stroke-dasharray": "4 3", "stroke-width": 1.2 }),
    svgEl("line", { x1: 0, x2: 200, y1: 80.5, y2: 80.5, stroke: theme.hairline }));
}

function wordPicture(theme, topics) {
  if (!topics.length) return picture("No topic, no words");
  const found = topics[0].words.slice(0, 4), top = found.length ? found[0][1] : 1;
  return picture(`The heaviest words of ${topics[0].name}`, ...found.flatMap(([term, weight], i) => [
    svgEl("text", { x: 0, y: 16 + i * 20, fill: theme.ink, "font-size": 13, "font-family": theme.mono }, term.slice(0, 13)),
    svgEl("rect", { x: 108, y: 7 + i * 20, width: (92 * weight) / top, height: 8, fill: theme.categories[0] }),
  ]));
}

function stages(root, theme, { header, arrays }) {
  const { stages: facts, settings, quality, topics, corpus, reducer } = header;
  const outliers = arrays.labels.reduce((sum, label) => sum + (label < 0), 0);
  const umap = reducer === "umap";
  const n = (count, one, many) => `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
  const list = [
    ["Embed", embedPicture(theme, arrays.heat), `MiniLM turns each of ${corpus.count.toLocaleString("en-US")} ${corpus.unit} into ${facts.dimensions} numbers. Here, ${arrays.heat.shape[1]} of them for ${arrays.heat.shape[0]}.`],
    ["Neighbours", neighbourPicture(theme, arrays.cosines), facts.nearest === null ? "A single document has none." : `Each is tied to the ${facts.neighbours - 1} nearest in meaning. The nearest has a cosine of ${score(facts.nearest)} on average.`],
    ["Reduce", reducePicture(theme, arrays.xy), umap
      ? `UMAP takes ${facts.dimensions} numbers to ${settings.n_components}, in which groups are looked for, and to 2 for the map.`
      : `PCA takes ${facts.dimensions} numbers to 2 for the map: there are too few different documents for UMAP.`],
    ["Cluster", clusterPicture(theme, topics, settings.min_cluster_size), `${umap ? "HDBSCAN finds" : "There are"} ${n(topics.length, "group", "groups")} of at least ${settings.min_cluster_size} (dashed) and leaves ${n(outliers, "outlier", "outliers")}.`],
    ["Words", wordPicture(theme, topics), `c-TF-IDF weighs ${n(facts.terms, "word or pair of words", "words and pairs of words")}: how much more often does a topic use it than the others?`],
  ];
  root.replaceChildren(el("ol", { class: "stages" }, list.map(([name, drawing, says], i) =>
    el("li", {}, el("h3", {}, el("span", { class: "step", text: String(i + 1), "aria-hidden": "true" }), name), drawing, el("p", { text: says })))));
}

function outlierList(root, theme, { header }) {
  const { rows, topics, usual, corpus, left_out: left } = header;
  if (!rows.length) {
    root.replaceChildren(el("p", { text: `Every one of the ${corpus.count} ${corpus.unit} is in a topic.` }));
    return;
  }
  root.replaceChildren(
    el("p", { class: "lead", text: topics.length
      ? `HDBSCAN left these ${corpus.unit} out. The bar is the cosine to the nearest topic; the tick is what is usual inside that topic. A bar that reaches its tick is an outlier by a hair; a short one belongs nowhere.`
      : `There is no topic that these ${corpus.unit} could be held against.` }),
    el("ul", { class: "outliers" }, rows.map((row) => el("li", {},
      el("div", { class: "text", text: row.text }),
      row.topic >= 0 && el("div", { class: "near" },
        el("span", { class: "topic" }, sign(theme, row.topic), " ", topics[row.topic]),
        el("span", { class: "beam", role: "img", "aria-label": `cosine ${score(row.cosine)}, usual in this topic ${score(usual[row.topic])}` },
          el("span", { class: "fill", style: { width: `${Math.max(0, 100 * row.cosine)}%`, background: theme.categories[row.topic % 7] } }),
          el("span", { class: "tick", style: { left: `${100 * usual[row.topic]}%` } })),
        el("span", { class: "mono number", text: score(row.cosine) }))))),
    left ? el("p", { class: "lead", text: `and ${left} more, which the CSV export has.` }) : "");
}

export default function ({ parentElement, data }) {
  const s = instance(parentElement, () => ({}));
  if (!s.root || !s.root.isConnected) {
    s.root = el("div", { class: "panel" });
    parentElement.append(s.root);
  }
  const theme = themeOf(parentElement), payload = readPayload(data);
  s.root.style.setProperty("--muted", theme.muted);
  s.root.style.setProperty("--soft", theme.accentSoft);
  (payload.header.panel === "stages" ? stages : outlierList)(s.root, theme, payload);
}
