// A model's shape as pictures: parameters part by part, weights in four precisions, the cache, and growth with length.
// Every count comes from the server for a row of lengths; the slider only chooses which of them is shown.

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ at: null, timer: 0 }));
  if (store.raw !== data) {
    const tokens = store.arrays && store.at !== null ? store.arrays.lengths[store.at] : null;
    store.raw = data;
    Object.assign(store, readPayload(data));
    const lengths = [...store.arrays.lengths];
    // Another model has the same lengths, and its own context among them.
    const same = tokens !== null ? lengths.indexOf(tokens) : -1;
    store.at = same >= 0 && store.moved ? same : lengths.indexOf(store.header.start);
  }
  store.tell = () => tellLater(store, setStateValue, "view", () => ({ tokens: store.arrays.lengths[store.at] }), 350);
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "shapes" });
    parentElement.append(store.root);
  }
  store.tip = tip(parentElement);
  return watchWidth(parentElement, (width) => asDraw(store, width));
}

// ------------------------------------------------------------------------------------------------------------ numbers

const asCount = (x) => x.toLocaleString("en-US");

function asShort(x) {
  for (const [size, word] of [[1e21, "sextillion"], [1e18, "quintillion"], [1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) {
    if (x >= size * 0.9995) return `${fmtThree(x / size)} ${word}`;
  }
  return asCount(Math.round(x));
}

function asBytes(x) {
  for (const [size, word] of [[1e15, "PB"], [1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (x >= size * 0.9995) return `${fmtThree(x / size)}\u00a0${word}`;
  }
  return `${Math.round(x)}\u00a0bytes`;
}

const fmtThree = (x) => (x >= 100 ? Math.round(x).toLocaleString("en-US") : Number(x.toPrecision(3)).toString());
const asShare = (x) => (x > 0 && x < 0.001 ? "under 0.1\u00a0%" : `${Number((x * 100).toPrecision(x >= 0.1 ? 3 : 2))}\u00a0%`);

// ------------------------------------------------------------------------------------------------------------- layout

function asDraw(store, width) {
  const { header, theme } = store;
  store.width = width;
  const wide = width >= 860;
  store.root.className = `shapes ${theme.dark ? "dark" : "light"}${wide ? " wide" : ""}`;
  const half = wide ? Math.floor((width - 48) / 2) : width;
  const focused = store.root.getRootNode().activeElement === store.range;
  store.root.replaceChildren(asHead(store), asParts(store, width), asWeights(store, half), asCache(store, half), asLength(store), asSquares(store, half), asGrowth(store, half));
  asShow(store);
  if (focused) store.range.focus({ preventScroll: true });
  void header;
}

function asHead(store) {
  const { header } = store;
  return el("div", { class: "full top" },
    el("h3", {}, header.title, ": ", asShort(header.count), " parameters"),
    el("p", { class: "sub" }, `${asCount(header.count)} numbers, learned in training. `, header.says),
    el("p", { class: "sub" }, "Source: ", header.source));
}

function asColours(theme) {
  const [blue, orange, green, pink, sky, red, , grey] = theme.categories;
  return { embedding: orange, positions: grey, query: blue, key: sky, value: green, output: theme.dark ? "#7B8FE0" : "#4A5FB5", feed_forward: pink, norms: grey, head: red };
}

function asParts(store, width) {
  const { header, theme } = store;
  const colours = asColours(theme);
  const bar = el("div", { class: "stack", "aria-hidden": "true" });
  for (const part of header.parts) {
    if (!part.count) continue;
    const share = part.count / header.count;
    const piece = el("span", { class: "piece", style: { "flex-grow": part.count / header.count, background: colours[part.id] } });
    if (share * width > part.name.length * 9 + 14) piece.append(el("span", { text: part.name }));
    piece.onpointerenter = (event) => store.tip.show(event.clientX, event.clientY, `${part.name}: ${asCount(part.count)}, ${asShare(share)}`);
    piece.onpointerleave = () => store.tip.hide();
    bar.append(piece);
  }
  const rows = header.parts.map((part) =>
    el("tr", {},
      el("th", { scope: "row" }, el("i", { class: "swatch", style: { background: part.count ? colours[part.id] : "transparent" } }), part.name),
      el("td", { class: "formula", text: part.formula }),
      el("td", { class: "number", text: asCount(part.count) }),
      el("td", { class: "number", text: part.count ? asShare(part.count / header.count) : "–" })));
  return el("section", { class: "full", "aria-label": "Parameters part by part" }, bar,
    el("table", { class: "parts" },
      el("thead", {}, el("tr", {}, ["part", "how it comes about", "parameters", "share"].map((text, i) => el("th", { scope: "col", class: i > 1 ? "number" : i === 1 ? "formula" : null, text })))),
      el("tbody", {}, rows)));
}

function asWeights(store) {
  const { header } = store;
  const most = header.weights[0].bytes;
  const fits = header.memories.filter((one) => one.gb * 1e9 <= most * 1.02);
  const rows = header.weights.map((one) => {
    const track = el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${(one.bytes / most) * 100}%` } }));
    for (const memory of fits) track.append(el("i", { class: "limit", style: { left: `${(memory.gb * 1e9 / most) * 100}%` } }));
    return el("li", {}, el("b", { text: one.name }), track, el("span", { class: "number", text: asBytes(one.bytes) }));
  });
  const holds = header.memories.find((one) => header.weights[1].bytes <= one.gb * 1e9);
  const largest = header.memories[header.memories.length - 1];
  const told = holds
    ? `In bf16 the weights fit into ${holds.gb} GB (${holds.label}).`
    : `In bf16 the weights fill ${Math.ceil(header.weights[1].bytes / (largest.gb * 1e9))} cards of ${largest.gb} GB.`;
  return el("section", { "aria-label": "Weights in four precisions" }, el("h4", { text: "The weights in bytes" }), el("ul", { class: "bars" }, rows),
    el("p", { class: "sub" }, fits.length ? `Thin lines: ${fits.map((one) => `${one.label}, ${one.gb} GB`).join("; ")}. ` : "", told, " ", header.notes.weights));
}

function asCache(store) {
  const { header } = store;
  const section = el("section", { "aria-label": "Key-value cache" }, el("h4", {}, "Keys and values kept ", el("span", { class: "thin at" })));
  if (!header.decoder) {
    section.append(el("p", { class: "sub", text: header.notes.no_cache }));
    store.cacheRows = [];
    return section;
  }
  store.cacheRows = header.kinds.map((kind, i) => {
    const fill = el("span", { class: kind.own ? "fill own" : "fill" });
    const number = el("span", { class: "number" });
    const row = el("li", { class: kind.own ? "own" : null },
      el("span", { class: "kind" }, el("b", { text: kind.name }), el("span", { class: "sub", text: `${kind.kv} key-value head${kind.kv > 1 ? "s" : ""}${kind.own ? ", this model" : ""}` }), asSharing(store, kind.kv)),
      el("span", { class: "track" }, fill), number);
    return { fill, number, row, i };
  });
  section.append(el("ul", { class: "bars cache" }, store.cacheRows.map((one) => one.row)),
    el("p", { class: "sub" }, header.notes.cache, " ", header.windowed));
  return section;
}

// Query heads as ticks above, the key-value heads they share as blocks below.
function asSharing(store, kv) {
  const { heads } = store.header;
  const many = heads > 32;
  const shown = many ? 32 : heads;
  const blocks = many ? Math.max(1, Math.round((kv / heads) * 32)) : kv;
  const width = 132;
  const svg = svgEl("svg", { width, height: 22, class: "sharing", "aria-hidden": "true" });
  for (let i = 0; i < shown; i++) svg.append(svgEl("circle", { cx: ((i + 0.5) / shown) * width, cy: 5, r: Math.min(3, width / shown / 2.6), class: "q" }));
  for (let i = 0; i < blocks; i++) svg.append(svgEl("rect", { x: (i / blocks) * width + 0.7, y: 12, width: Math.max(1, width / blocks - 1.4), height: 8, rx: 1.5, class: "kv" }));
  return svg;
}

function asLength(store) {
  const { arrays, header } = store;
  store.range = el("input", {
    type: "range", min: 0, max: arrays.lengths.length - 1, step: 1, "aria-label": "Length of the text in tokens",
    on: { input: () => { store.at = Number(store.range.value); store.moved = true; asShow(store); store.tell(); } },
  });
  store.lengthText = el("b", {});
  store.lengthNote = el("span", { class: "sub" });
  return el("div", { class: "full length" }, el("label", {}, "A text of ", store.lengthText, " ", store.lengthNote), store.range, el("p", { class: "sr-only", text: `The model reads ${header.context} tokens at most.` }));
}

function asSquares(store, width) {
  store.squareSize = Math.min(250, width - 150);
  store.squares = svgEl("svg", { width, height: store.squareSize + 34, role: "img", "aria-label": "Scores of one head as squares: half the text, a quarter of the area" });
  store.scoresText = el("p", { class: "told" });
  return el("section", { "aria-label": "Attention scores" }, el("h4", { text: "Scores grow with the square" }), store.squares, store.scoresText, el("p", { class: "sub", text: store.header.notes.squares }));
}

function asGrowth(store, width) {
  const { arrays, header, theme } = store;
  const high = 250;
  const left = 50;
  const bottom = high - 30;
  const svg = svgEl("svg", { width, height: high, role: "img", "aria-label": `Multiply-adds over length; attention passes the weight matrices at ${header.crossing} tokens` });
  const logs = (array) => Array.from(array, (value) => Math.log10(value));
  const xs = logs(arrays.lengths);
  const ys = [logs(arrays.matrices), logs(arrays.attention)];
  const low = Math.floor(Math.min(...ys.flat()));
  const top = Math.ceil(Math.max(...ys.flat()));
  store.x = (value) => left + ((width - left - 14) * (value - xs[0])) / (xs[xs.length - 1] - xs[0]);
  store.y = (value) => 10 + (bottom - 10) * (1 - (value - low) / (top - low));
  for (let power = Math.ceil(low / 3) * 3; power <= top; power += 3) {
    svg.append(svgEl("line", { class: "gridline", x1: left, x2: width - 14, y1: store.y(power), y2: store.y(power) }),
      svgEl("text", { class: "tick", x: left - 6, y: store.y(power) + 4, "text-anchor": "end" }, "10", svgEl("tspan", { dy: -6, "font-size": 10.5, text: power })));
  }
  for (const power of [4, 8, 12, 16, 20]) {
    const tokens = 2 ** power;
    svg.append(svgEl("text", { class: "tick", x: store.x(Math.log10(tokens)), y: bottom + 18, "text-anchor": power === 20 ? "end" : "middle", text: tokens >= 1048576 ? "1M" : tokens >= 1024 ? `${tokens / 1024}k` : tokens }));
  }
  const colours = asColours(theme);
  const lines = [["weight matrices", ys[0], colours.feed_forward, null], ["attention", ys[1], colours.query, "7 3"]];
  for (const [, values, colour, dash] of lines) {
    svg.append(svgEl("path", { class: "line", stroke: colour, "stroke-dasharray": dash, d: xs.map((x, i) => `${i ? "L" : "M"}${store.x(x).toFixed(1)} ${store.y(values[i]).toFixed(1)}`).join("") }));
  }
  const cross = Math.log10(header.crossing);
  if (cross > xs[0] && cross < xs[xs.length - 1]) {
    const at = Math.min(xs.length - 1, xs.findIndex((x) => x >= cross));
    const share = at ? (cross - xs[at - 1]) / (xs[at] - xs[at - 1]) : 0;
    const y = store.y(at ? ys[0][at - 1] + share * (ys[0][at] - ys[0][at - 1]) : ys[0][0]);
    svg.append(svgEl("line", { class: "cross", x1: store.x(cross), x2: store.x(cross), y1: y, y2: bottom }),
      svgEl("circle", { class: "crossdot", cx: store.x(cross), cy: y, r: 5 }),
      svgEl("text", { class: "crosslabel", x: store.x(cross) - 9, y: Math.max(22, y - 10), "text-anchor": "end", text: `equal at ${asCount(header.crossing)}` }));
  }
  store.cursor = svgEl("line", { class: "cursor", y1: 10, y2: bottom });
  svg.append(store.cursor);
  store.growthText = el("p", { class: "told" });
  const key = el("p", { class: "keys" }, lines.map(([name, , colour, dash]) => el("span", {}, el("i", { class: dash ? "stroke dashed" : "stroke", style: { "--c": colour } }), name)));
  return el("section", { "aria-label": "Growth" }, el("h4", { text: "Who does the work" }), key, svg, store.growthText, el("p", { class: "sub", text: header.notes.growth }));
}

// --------------------------------------------------------------------------------------------------------------- state

function asShow(store) {
  const { arrays, header, at } = store;
  const tokens = arrays.lengths[at];
  const count = arrays.lengths.length;
  store.range.value = at;
  store.range.setAttribute("aria-valuetext", `${asCount(tokens)} tokens`);
  store.lengthText.textContent = `${asCount(tokens)} tokens`;
  store.lengthNote.textContent = tokens > header.context ? `(this model reads at most ${asCount(header.context)})` : `(of at most ${asCount(header.context)}; ${tokens < 500 ? "a paragraph" : tokens < 3000 ? "a few pages" : tokens < 20000 ? "a long article" : tokens < 200000 ? "a book" : "a shelf of books"})`;
  const place = store.root.querySelector(".at");
  if (place && header.decoder) place.textContent = `for ${asCount(tokens)} tokens`;
  const most = Math.max(...header.kinds.map((_, i) => arrays.cache[i * count + at]));
  for (const { fill, number, i } of store.cacheRows) {
    const value = arrays.cache[i * count + at];
    fill.style.width = `${(value / most) * 100}%`;
    number.textContent = asBytes(value);
  }
  asPaintSquares(store);
  store.scoresText.textContent = `${asShort(arrays.scores[at])} scores in all: ${asCount(tokens)} × ${asCount(tokens)} × ${header.heads} heads × ${header.layers} layers. One layer's scores take ${asBytes(arrays.score_bytes[at])} in bf16.`;
  const share = arrays.attention[at] / (arrays.attention[at] + arrays.matrices[at]);
  store.growthText.textContent = `At ${asCount(tokens)} tokens attention is ${asShare(share)} of ${asShort(arrays.attention[at] + arrays.matrices[at])} multiply-adds.`;
  const x = store.x(Math.log10(tokens));
  store.cursor.setAttribute("x1", x);
  store.cursor.setAttribute("x2", x);
}

function asPaintSquares(store) {
  const tokens = store.arrays.lengths[store.at];
  const size = store.squareSize;
  store.squares.replaceChildren();
  [1, 0.5, 0.25].forEach((part, i) => {
    const side = size * part;
    const count = Math.round(tokens * part);
    store.squares.append(
      svgEl("rect", { x: 0, y: size - side, width: side, height: side, class: `square s${i}` }),
      svgEl("text", { class: "tick", x: size + 12, y: size - side + 14, text: `${asCount(count)} tokens` }),
      svgEl("text", { class: "tick strong", x: size + 12, y: size - side + 31, text: asShort(count * count) }),
      svgEl("line", { class: "gridline", x1: side, x2: size + 8, y1: size - side + 0.5, y2: size - side + 0.5 }));
  });
  store.squares.append(svgEl("text", { class: "tick", x: 0, y: size + 20, text: "one head, one layer: each point a score" }));
}
