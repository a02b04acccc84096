// All heads as thumbnails, and one head large: arcs over the sentence and the matrix, with one hover for both.
// Nothing here asks the server until another head is chosen; hovering, pinning and moving answer at once.

const ATT_MARKS = ["previous", "induction", "duplicate", "first", "far"];
const ATT_WORDS = {
  previous: "one token back", induction: "induction", duplicate: "same token", first: "first token", far: "looks far back",
};
const ATT_SMALL = 0.0005;
const attPercent = (p) => percent(p).replace(" %", "\u00a0%");

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ chosen: null, turn: null, pinned: null, hover: null, text: null, timer: 0 }));
  if (store.raw !== data) {
    store.raw = data;
    const { header, arrays } = readPayload(data);
    store.header = header;
    store.arrays = arrays;
    const text = header.pieces.join("\u0000") + header.model;
    if (text !== store.text) store.pinned = store.hover = null;
    store.text = text;
    if (header.turn !== store.turn || !store.chosen || store.chosen[0] >= header.layers || store.chosen[1] >= header.heads) {
      store.turn = header.turn;
      store.chosen = header.chosen.slice();
    }
  }
  store.tell = (chosen) => {
    clearTimeout(store.timer);
    // Arrow keys run through many heads; the server hears of the one they stop at.
    store.timer = setTimeout(() => setStateValue("chosen", chosen.slice()), 220);
  };
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "att" });
    parentElement.append(store.root);
  }
  const stop = watchWidth(parentElement, (width) => attDraw(store, parentElement, width));
  return () => {
    stop();
    clearTimeout(store.timer);
  };
}

// ------------------------------------------------------------------------------------------------------------ reading

const attShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";
const attCell = (causal, n, q, k) => (causal ? (q * (q + 1)) / 2 + k : q * n + k);

function attScore(store, name, layer, head) {
  const { header, arrays } = store;
  return arrays.scores[(ATT_MARKS.indexOf(name) * header.layers + layer) * header.heads + head];
}

// The chosen head's weights: exact where they are here, else what its thumbnail knows until the server answers.
function attWeights(store) {
  const { header, arrays } = store;
  const [layer, head] = store.chosen;
  const n = header.pieces.length;
  const cells = header.causal ? (n * (n + 1)) / 2 : n * n;
  const at = layer * header.heads + head - header.first;
  if (at >= 0 && at < header.count) {
    const part = arrays.weights.subarray(at * cells, (at + 1) * cells);
    return { exact: true, at: (q, k) => (header.causal && k > q ? 0 : part[attCell(header.causal, n, q, k)]) };
  }
  const edges = arrays.edges;
  const block = new Int32Array(n);
  for (let b = 0; b + 1 < edges.length; b++) block.fill(b, edges[b], edges[b + 1]);
  const side = edges.length - 1;
  const size = arrays.thumbs.shape[2];
  const from = (layer * header.heads + head) * size;
  return {
    exact: false,
    at: (q, k) => (header.causal && k > q ? 0 : (arrays.thumbs[from + attCell(header.causal, side, block[q], block[k])] / 255) ** 2),
  };
}

function attLit(store, layer, head) {
  const { header } = store;
  return header.light !== "none" && attScore(store, header.light, layer, head) >= header.at_least;
}

function attOrder(store) {
  const { header } = store;
  const all = [];
  for (let layer = 0; layer < header.layers; layer++) for (let head = 0; head < header.heads; head++) all.push([layer, head]);
  if (header.sort !== "score" || header.light === "none") return null;
  const value = ([layer, head]) => {
    const score = attScore(store, header.light, layer, head);
    return Number.isNaN(score) ? -1 : score;
  };
  return all.sort((a, b) => value(b) - value(a) || a[0] - b[0] || a[1] - b[1]);
}

// What a head does on this text, from its scores; the words claim no more than the number beside them.
function attSays(store) {
  const [layer, head] = store.chosen;
  const score = (name) => attScore(store, name, layer, head);
  if (score("induction") >= 0.5) return "finds the phrase again and looks at what came next";
  if (score("previous") >= 0.5) return "looks one token back";
  if (score("duplicate") >= 0.5) return "finds the same token earlier in the text";
  if (score("first") >= 0.9) return "rests on the first token";
  if (score("far") >= 0.1) return "looks far back, each token at its own place";
  if (score("first") >= 0.5) return "rests mostly on the first token";
  return "no single pattern on this text";
}

// ------------------------------------------------------------------------------------------------------------- layout

function attDraw(store, parentElement, width) {
  const wide = width >= 860;
  store.width = width;
  store.wide = wide;
  store.root.className = `att ${wide ? "wide" : "narrow"} ${store.theme.dark ? "dark" : "light"}`;
  store.tip = tip(parentElement);
  const gap = 36;
  const left = wide ? Math.round((width - gap) * 0.44) : width;
  const right = wide ? width - gap - left : width;
  store.root.style.gridTemplateColumns = wide ? `${left}px ${right}px` : "100%";
  const focus = parentElement.activeElement || parentElement.ownerDocument?.activeElement;
  const hadFocus = focus && store.map && store.map.contains(focus);
  store.map = el("section", { class: "map", "aria-label": "All heads" });
  store.one = el("section", { class: "one", "aria-label": "The chosen head" });
  store.root.replaceChildren(store.map, store.one);
  attMap(store, left);
  attHead(store, right);
  if (hadFocus) store.buttons.get(store.chosen.join())?.focus({ preventScroll: true });
}

// ------------------------------------------------------------------------------------------------------ map of heads

function attMap(store, width) {
  const { header } = store;
  const { layers, heads } = header;
  const order = attOrder(store);
  const labels = order ? 0 : 24;
  const most = Math.max(1, Math.floor((width - labels) / 31));
  const bands = Math.ceil(layers / most);
  const across = order ? Math.min(most, Math.ceil(layers / bands)) : Math.ceil(layers / bands);
  const size = Math.min(72, Math.floor((width - labels) / across));
  const lit = [];
  for (let layer = 0; layer < layers; layer++) for (let head = 0; head < heads; head++) if (attLit(store, layer, head)) lit.push([layer, head]);

  const place = order ? `by score, highest first` : "layers across, heads down";
  const told = header.light === "none" ? "" : `; ${lit.length} lit up`;
  store.map.append(
    el("div", { class: "headline" }, el("h3", { text: `All ${layers * heads} heads` }), el("p", { class: "sub", text: place + told })),
  );
  store.buttons = new Map();
  const grid = el("div", { class: "grid", role: "group", "aria-label": `${layers} layers of ${heads} heads; arrow keys move, Enter chooses` });
  const groups = order
    ? [order]
    : Array.from({ length: bands }, (_, b) => {
        const group = [];
        for (let head = 0; head < heads; head++) for (let layer = b * across; layer < Math.min(layers, (b + 1) * across); layer++) group.push([layer, head]);
        return group;
      });
  groups.forEach((group, b) => {
    const columns = order ? across : Math.min(across, layers - b * across);
    const rows = Math.ceil(group.length / columns);
    const canvas = el("canvas", { "aria-hidden": "true" });
    const board = el("div", { class: "board", style: { width: `${columns * size}px`, height: `${rows * size}px` } }, canvas);
    group.forEach(([layer, head], i) => board.append(attButton(store, layer, head, (i % columns) * size, Math.floor(i / columns) * size, size)));
    attThumbs(store, canvas, group, columns, rows, size);
    if (order) {
      grid.append(board);
      return;
    }
    const top = el("div", { class: "across", "aria-hidden": "true", style: { "margin-left": `${labels}px` } });
    for (let c = 0; c < columns; c++) top.append(el("span", { text: b * across + c, style: { width: `${size}px` }, "data-layer": b * across + c }));
    const side = el("div", { class: "down", "aria-hidden": "true", style: { width: `${labels}px` } });
    for (let r = 0; r < heads; r++) side.append(el("span", { text: r, style: { height: `${size}px` }, "data-head": r }));
    grid.append(el("div", { class: "band" }, top, el("div", { class: "row" }, side, board)));
  });
  store.grid = { order, across, groups };
  grid.onkeydown = (event) => attKey(store, event);
  store.map.append(grid, attLegend(store));
  attMarkChosen(store);
}

function attButton(store, layer, head, x, y, size) {
  const { header } = store;
  const marks = ["previous", "induction"].filter((name) => attScore(store, name, layer, head) >= header.at_least);
  if (header.light !== "none" && attLit(store, layer, head) && !marks.includes(header.light)) marks.push(header.light);
  const told = marks.map((name) => `${ATT_WORDS[name]} ${fmt(attScore(store, name, layer, head))}`).join(", ");
  const button = el(
    "button",
    {
      type: "button",
      class: attLit(store, layer, head) ? `cell lit ${header.light}` : "cell",
      style: { left: `${x}px`, top: `${y}px`, width: `${size}px`, height: `${size}px` },
      tabindex: -1,
      "aria-label": `Layer ${layer}, head ${head}${told ? `: ${told}` : ""}`,
      "data-at": `${layer},${head}`,
    },
    marks.map((name) => el("span", { class: `mark ${name}`, "aria-hidden": "true" })),
  );
  button.onclick = () => attChoose(store, [layer, head], true);
  button.onpointerenter = (event) => {
    if (event.pointerType !== "touch") attHeadTip(store, layer, head, event.clientX, event.clientY);
  };
  button.onpointerleave = () => store.tip.hide();
  store.buttons.set(`${layer},${head}`, button);
  return button;
}

function attHeadTip(store, layer, head, x, y) {
  const rows = ATT_MARKS.map((name) => [ATT_WORDS[name], attScore(store, name, layer, head)]).filter((row) => !Number.isNaN(row[1]));
  store.tip.show(x, y, el(
    "div",
    {},
    el("strong", { text: `Layer ${layer}, head ${head}` }),
    rows.map(([name, value]) => el("div", { class: "tiprow" }, el("span", { text: name }), el("b", { text: value.toFixed(2) }))),
  ));
}

// One small image a head, drawn through a 256-step table of colours; blocks keep their sharp edges.
function attThumbs(store, canvas, group, columns, rows, size) {
  const { header, arrays, theme } = store;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(columns * size * ratio);
  canvas.height = Math.round(rows * size * ratio);
  canvas.style.width = `${columns * size}px`;
  canvas.style.height = `${rows * size}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const table = attTable(theme);
  const side = arrays.edges.length - 1;
  const cells = arrays.thumbs.shape[2];
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const pen = small.getContext("2d");
  const image = pen.createImageData(side, side);
  const panel = parseColour(theme.panel);
  group.forEach(([layer, head], i) => {
    const from = (layer * header.heads + head) * cells;
    for (let r = 0; r < side; r++) {
      for (let c = 0; c < side; c++) {
        const at = (r * side + c) * 4;
        const future = header.causal && c > r;
        const hidden = header.hide_first && c === 0 && side > 1;
        const value = future || hidden ? 0 : arrays.thumbs[from + attCell(header.causal, side, r, c)];
        const colour = future ? panel : table[value];
        image.data[at] = colour[0];
        image.data[at + 1] = colour[1];
        image.data[at + 2] = colour[2];
        image.data[at + 3] = future ? 110 : 255;
      }
    }
    pen.putImageData(image, 0, 0);
    const pad = 1.5 * ratio;
    context.drawImage(
      small,
      Math.round((i % columns) * size * ratio + pad), Math.round(Math.floor(i / columns) * size * ratio + pad),
      Math.round(size * ratio - 2 * pad), Math.round(size * ratio - 2 * pad),
    );
  });
}

// Colours for round(255 sqrt(w)): nothing is the panel itself, and faint weights rise out of it.
function attTable(theme) {
  const panel = parseColour(theme.panel);
  return Array.from({ length: 256 }, (_, i) => {
    const t = Math.pow(i / 255, 1.35);
    return mix(panel, parseColour(theme.cividis(t)), Math.min(1, 0.1 + t / 0.38));
  });
}

function attLegend(store) {
  const { header, theme } = store;
  const table = attTable(theme);
  const stops = Array.from({ length: 17 }, (_, i) => `${toRgb(table[Math.round(255 * Math.sqrt(i / 16))])} ${i * 6.25}%`).join(",");
  const item = (kind, words) => el("span", { class: "key" }, el("span", { class: `sample ${kind}` }, el("span", { class: `mark ${kind}` })), words);
  const kinds = ["previous", "induction"];
  if (header.light !== "none" && !kinds.includes(header.light)) kinds.push(header.light);
  return el(
    "div",
    { class: "legend" },
    el("span", { class: "key" }, el("span", { class: "sample chosen" }), "chosen"),
    kinds.map((kind) => item(kind, `${ATT_WORDS[kind]}${kind === header.light ? ` ≥ ${header.at_least.toFixed(2)}` : ""}`)),
    el("span", { class: "key" }, "0", el("span", { class: "scale", style: { background: `linear-gradient(90deg, ${stops})` } }), "1"),
  );
}

function attMarkChosen(store) {
  const [layer, head] = store.chosen;
  for (const [at, button] of store.buttons) {
    const on = at === `${layer},${head}`;
    if (on !== (button.getAttribute("aria-pressed") === "true") || !button.hasAttribute("aria-pressed")) {
      button.setAttribute("aria-pressed", on ? "true" : "false");
    }
    button.tabIndex = on ? 0 : -1;
  }
  for (const label of store.map.querySelectorAll("[data-layer]")) label.classList.toggle("on", Number(label.dataset.layer) === layer);
  for (const label of store.map.querySelectorAll("[data-head]")) label.classList.toggle("on", Number(label.dataset.head) === head);
}

function attChoose(store, chosen, tell) {
  store.chosen = chosen;
  store.hover = null;
  store.tip.hide();
  attMarkChosen(store);
  attHead(store, store.wide ? store.one.clientWidth : store.width);
  if (tell) store.tell(chosen);
}

function attKey(store, event) {
  const { header, grid } = store;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  const [layer, head] = store.chosen;
  let next;
  if (grid.order) {
    const at = grid.order.findIndex(([l, h]) => l === layer && h === head);
    const to = !step ? (event.key === "Home" ? 0 : grid.order.length - 1) : at + step[0] + step[1] * grid.across;
    next = grid.order[Math.max(0, Math.min(grid.order.length - 1, to))];
  } else if (!step) next = event.key === "Home" ? [0, 0] : [header.layers - 1, header.heads - 1];
  else next = [Math.max(0, Math.min(header.layers - 1, layer + step[0])), Math.max(0, Math.min(header.heads - 1, head + step[1]))];
  attChoose(store, next, true);
  store.buttons.get(next.join()).focus({ preventScroll: false });
}

// --------------------------------------------------------------------------------------------------------- one head

function attHead(store, width) {
  const { header } = store;
  const [layer, head] = store.chosen;
  const n = header.pieces.length;
  store.weights = attWeights(store);
  store.opening = attOpening(store);
  const active = attActive(store);
  store.one.classList.toggle("coming", !store.weights.exact);
  const title = el("div", { class: "headline" },
    el("h3", { text: `Layer ${layer}, head ${head}` }),
    el("p", { class: "sub", text: store.weights.exact ? attSays(store) : "its exact weights are on their way" }));
  store.words = [];
  const arcs = attArcs(store, width);
  const matrix = attMatrix(store, width);
  store.looks = el("div", { class: "looks", "aria-live": "polite" });
  const facts = attFacts(store);
  const beside = el("div", { class: "beside" }, store.looks, facts);
  const lower = el("div", { class: "lower" }, matrix, beside);
  lower.style.gridTemplateColumns = store.wide || width > 620 ? `minmax(0, ${store.matrixWidth}px) minmax(170px, 1fr)` : "100%";
  store.one.replaceChildren(title, arcs, lower, attTableForReaders(store));
  store.tokens = n;
  attLight(store, active);
  store.one.onpointerleave = () => {
    store.hover = null;
    store.tip.hide();
    attLight(store, attActive(store));
  };
}

// What is shown: the token under the pointer, else the pinned pair, else the strongest look three or more back, else
// the last token.
function attActive(store) {
  return store.hover || store.pinned || store.opening;
}

function attOpening(store) {
  const n = store.header.pieces.length;
  let best = { query: n - 1, key: null };
  let most = 0.15;
  for (let q = 0; q < n; q++) {
    for (let k = 1; k <= q - 3; k++) {
      const w = store.weights.at(q, k);
      if (w > most) [most, best] = [w, { query: q, key: k }];
    }
  }
  return best;
}

function attRow(store, query) {
  const n = store.header.pieces.length;
  const row = [];
  for (let k = 0; k < n; k++) {
    const w = store.weights.at(query, k);
    if (w > 0) row.push([k, w]);
  }
  return row.sort((a, b) => b[1] - a[1]);
}

function attArcs(store, width) {
  const { header, theme } = store;
  const n = header.pieces.length;
  const shown = header.pieces.map(attShown);
  const pen = (store.pen ||= document.createElement("canvas").getContext("2d"));
  const font = 15;
  pen.font = `${font}px ${theme.mono}`;
  const widths = shown.map((piece) => Math.max(18, pen.measureText(piece).width + 9));
  const total = widths.reduce((a, b) => a + b, 0);
  // Short sentences stand in one line; on a narrow screen they stand in a column; long ones scroll inside.
  const column = width < 560 && total > width;
  store.column = column;
  const places = [];
  const box = el("div", { class: column ? "arcs column" : "arcs", role: "group", "aria-label": "The sentence; hover or focus a token to see where it looks" });
  const line = el("div", { class: "line" });
  const svg = svgEl("svg", { "aria-hidden": "true", class: "arcsvg" });
  store.base = svgEl("g", {});
  store.top = svgEl("g", {});
  svg.append(store.base, store.top);
  const reach = (q, k) => Math.abs(places[q] - places[k]) / 2;
  let height = 0;
  if (column) {
    const row = 27;
    for (let i = 0; i < n; i++) places.push(i * row + row / 2);
    height = n * row;
    const text = Math.min(width * 0.5, Math.max(...widths) + 14);
    const room = width - text - 50;
    const depth = (q, k) => 10 + (room - 10) * Math.pow(reach(q, k) / (((n - 1) * row) / 2), 0.75);
    store.path = (q, k) => {
      const deep = depth(q, k);
      return `M ${text} ${places[k]} C ${text + deep * 1.33} ${places[k]}, ${text + deep * 1.33} ${places[q]}, ${text} ${places[q]}`;
    };
    store.apex = (q, k) => [text + depth(q, k) + 6, (places[q] + places[k]) / 2 + 5, "start"];
    store.dot = (k) => [text, places[k]];
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    line.style.width = `${text}px`;
    line.style.height = `${height}px`;
    shown.forEach((piece, i) => line.append(attWord(store, i, piece, { top: `${i * row}px`, height: `${row - 3}px`, right: "6px" })));
  } else {
    // A sentence too long to lie in one line stands: its words turned, as under the matrix.
    const standing = total > width - 4;
    const sizes = standing ? widths.map(() => 21) : widths;
    const sum = sizes.reduce((a, b) => a + b, 0);
    const spare = Math.max(0, width - sum - 4);
    const between = n > 1 ? Math.min(22, spare / (n - 1)) : 0;
    let x = Math.max(2, Math.min(40, (spare - between * (n - 1)) / 2));
    const starts = sizes.map((w) => {
      const start = x;
      x += w + between;
      places.push(start + w / 2);
      return start;
    });
    if (standing) {
      box.classList.add("standing");
      line.style.height = `${Math.min(150, Math.max(...widths) + 14)}px`;
    }
    const whole = Math.max(width, x);
    const roof = Math.max(96, Math.min(168, whole * 0.2));
    height = roof + 8;
    store.path = (q, k) => {
      const high = Math.min(roof - 22, reach(q, k) * 0.85 + 6);
      return `M ${places[k]} ${height} C ${places[k]} ${height - high * 1.33}, ${places[q]} ${height - high * 1.33}, ${places[q]} ${height}`;
    };
    store.apex = (q, k) => [(places[q] + places[k]) / 2, height - Math.min(roof - 22, reach(q, k) * 0.85 + 6) - 7, "middle"];
    store.dot = (k) => [places[k], height - 3];
    svg.setAttribute("width", whole);
    svg.setAttribute("height", height);
    line.style.width = `${whole}px`;
    shown.forEach((piece, i) => line.append(attWord(store, i, piece, { left: `${starts[i]}px`, width: `${sizes[i]}px` })));
  }
  if (column) box.append(line, svg);
  else box.append(svg, line);
  moveByArrows(line, ".word");
  if (store.weights.exact) attBase(store);
  store.scroller = box;
  store.places = places;
  return box;
}

function attWord(store, index, piece, style) {
  const row = attRow(store, index).slice(0, 3);
  const word = el("button", {
    type: "button", class: "word", style, tabindex: index === 0 ? 0 : -1, text: piece,
    "aria-label": `${piece}, token ${index}; looks at ${row.map(([k, w]) => `${attShown(store.header.pieces[k])} ${w.toFixed(3)}`).join(", ")}`,
  });
  word.onpointerenter = (event) => {
    if (event.pointerType === "touch") return;
    store.hover = { query: index, key: null };
    attLight(store, store.hover);
  };
  word.onfocus = () => {
    if (!word.matches(":focus-visible")) return;
    store.hover = { query: index, key: null };
    attLight(store, store.hover);
  };
  word.onblur = () => {
    store.hover = null;
    attLight(store, attActive(store));
  };
  word.onclick = () => attPin(store, { query: index, key: null });
  store.words.push(word);
  return word;
}

function attPin(store, pair) {
  const same = store.pinned && store.pinned.query === pair.query && store.pinned.key === pair.key;
  store.pinned = same ? null : pair;
  store.hover = null;
  attLight(store, attActive(store));
}

// The quiet arcs of the whole sentence: at most 200, the strongest.
function attBase(store) {
  const { header, theme } = store;
  const n = header.pieces.length;
  const pairs = [];
  for (let q = 0; q < n; q++) {
    for (let k = 0; k < n; k++) {
      if (k === q || (header.causal && k > q) || (header.hide_first && k === 0)) continue;
      const w = store.weights.at(q, k);
      if (w >= 0.04) pairs.push([q, k, w]);
    }
  }
  pairs.sort((a, b) => b[2] - a[2]);
  const fragment = document.createDocumentFragment();
  for (const [q, k, w] of pairs.slice(0, 200).reverse()) {
    fragment.append(svgEl("path", { d: store.path(q, k), fill: "none", stroke: theme.grey, "stroke-width": (0.8 + 5.4 * w).toFixed(2), "stroke-opacity": (0.16 + 0.5 * w).toFixed(2) }));
  }
  store.base.replaceChildren(fragment);
}

function attMatrix(store, width) {
  const { header, theme } = store;
  const n = header.pieces.length;
  const shown = header.pieces.map(attShown);
  const beside = store.wide || width > 620;
  const space = beside ? Math.min(width * 0.64, width - 210) : width;
  const longest = Math.min(11, Math.max(...shown.map((piece) => [...piece].length)));
  const gutter = Math.round(longest * 7.6 + 12);
  const named = n <= 40 && (space - gutter) / n >= 10;
  const left = named ? gutter : 0;
  const foot = named ? Math.round(longest * 7.6 + 8) : 0;
  const side = named ? Math.min(n * 24, space - left) : Math.min(space, Math.max(n * 4, 340));
  const cell = side / n;
  store.matrixWidth = Math.ceil(left + side) + 2;
  const ratio = window.devicePixelRatio || 1;
  const canvas = el("canvas", { "aria-hidden": "true" });
  const pixels = Math.max(1, Math.round(side * ratio));
  canvas.width = canvas.height = pixels;
  Object.assign(canvas.style, { width: `${side}px`, height: `${side}px`, left: `${left}px`, top: "0" });
  const pen = canvas.getContext("2d");
  const table = attTable(theme).map(toRgb);
  const gapped = cell >= 8 ? Math.max(1, Math.round(cell * ratio * 0.07)) : 0;
  for (let q = 0; q < n; q++) {
    const y0 = Math.floor((q * pixels) / n);
    const y1 = Math.max(y0 + 1, Math.floor(((q + 1) * pixels) / n));
    for (let k = 0; k < (header.causal ? q + 1 : n); k++) {
      const x0 = Math.floor((k * pixels) / n);
      const x1 = Math.max(x0 + 1, Math.floor(((k + 1) * pixels) / n));
      const hidden = header.hide_first && k === 0 && n > 1;
      pen.fillStyle = hidden ? theme.panel : table[Math.round(255 * Math.sqrt(Math.min(1, store.weights.at(q, k))))];
      pen.fillRect(x0, y0, Math.max(1, x1 - x0 - gapped), Math.max(1, y1 - y0 - gapped));
    }
  }
  if (header.hide_first && n > 1) attHatch(pen, theme, pixels / n, pixels, ratio);
  store.lines = svgEl("svg", { class: "lines", "aria-hidden": "true", width: side, height: side, style: { left: `${left}px` } });
  store.cellSize = cell;
  const box = el("div", { class: "matrix", style: { width: `${left + side}px`, height: `${side + foot}px` } }, canvas, store.lines);
  store.rowNames = [];
  store.columnNames = [];
  if (named) {
    const name = (piece) => ([...piece].length > 11 ? `${[...piece].slice(0, 10).join("")}…` : piece);
    const size = Math.max(10.5, Math.min(14, cell - 1));
    shown.forEach((piece, i) => {
      const row = el("span", { class: "rowname", text: name(piece), "aria-hidden": "true", style: { top: `${i * cell}px`, height: `${cell}px`, width: `${left - 7}px`, "font-size": `${size}px`, "line-height": `${cell}px` } });
      const column = el("span", { class: "columnname", text: name(piece), "aria-hidden": "true", style: { left: `${left + i * cell}px`, top: `${side + 4}px`, width: `${cell}px`, "font-size": `${size}px`, "line-height": `${cell}px` } });
      store.rowNames.push(row);
      store.columnNames.push(column);
      box.append(row, column);
    });
  }
  if (header.causal && n >= 6 && side > 220) {
    box.append(el("p", { class: "note", style: { left: `${left + side * 0.5}px`, width: `${side * 0.5}px` }, text: "a decoder sees only what came before" }));
  }
  const where = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const k = Math.floor(((event.clientX - bounds.left) / bounds.width) * n);
    const q = Math.floor(((event.clientY - bounds.top) / bounds.height) * n);
    return q < 0 || q >= n || k < 0 || k >= n || (header.causal && k > q) ? null : { query: q, key: k };
  };
  store.lines.onpointermove = (event) => {
    const pair = where(event);
    store.hover = pair;
    attLight(store, attActive(store));
    if (!pair) return store.tip.hide();
    store.tip.show(event.clientX, event.clientY, el("div", {},
      el("span", { class: "mono", text: `${shown[pair.query]} → ${shown[pair.key]}` }), " ", el("b", { text: store.weights.at(pair.query, pair.key).toFixed(3) })));
  };
  store.lines.onpointerleave = () => {
    store.hover = null;
    store.tip.hide();
    attLight(store, attActive(store));
  };
  store.lines.onclick = (event) => {
    const pair = where(event);
    if (pair) attPin(store, pair);
  };
  return box;
}

function attHatch(pen, theme, cell, pixels, ratio) {
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, cell * 0.93, pixels);
  pen.clip();
  pen.strokeStyle = theme.grey;
  pen.globalAlpha = 0.55;
  pen.lineWidth = 1.2 * ratio;
  const step = Math.max(5, 5 * ratio);
  for (let y = -cell; y < pixels + cell; y += step) {
    pen.beginPath();
    pen.moveTo(0, y + cell);
    pen.lineTo(cell, y);
    pen.stroke();
  }
  pen.restore();
}

// One hover for all: arcs, words, the matrix's row and the list beside it.
function attLight(store, active) {
  const { header, theme } = store;
  const { query } = active;
  const n = header.pieces.length;
  const row = attRow(store, query);
  const seen = row.filter(([k]) => !(header.hide_first && k === 0));
  const key = active.key ?? (seen.length ? seen[0][0] : row.length ? row[0][0] : null);
  store.words.forEach((word, i) => {
    word.classList.toggle("query", i === query);
    word.classList.toggle("key", i === key && i !== query);
    word.setAttribute("aria-pressed", store.pinned && store.pinned.query === i ? "true" : "false");
  });
  store.rowNames.forEach((name, i) => name.classList.toggle("on", i === query));
  store.columnNames.forEach((name, i) => name.classList.toggle("on", i === key));
  store.base.setAttribute("opacity", store.hover || store.pinned ? "0.45" : "0.8");

  const arcs = document.createDocumentFragment();
  if (store.weights.exact) {
    for (const [k, w] of row.slice(0, 24).reverse()) {
      if (k === query || w < 0.01 || (header.hide_first && k === 0 && k !== active.key)) continue;
      arcs.append(svgEl("path", { d: store.path(query, k), fill: "none", stroke: theme.accent, "stroke-width": (1 + 6.5 * w).toFixed(2), "stroke-opacity": k === key ? 1 : Math.min(1, 0.35 + w).toFixed(2), "stroke-linecap": "round" }));
    }
    if (key !== null && key !== query) {
      const [x, y, anchor] = store.apex(query, key);
      const [dx, dy] = store.dot(key);
      arcs.append(
        svgEl("circle", { cx: dx, cy: dy, r: 5, fill: theme.categories[1] }),
        svgEl("text", { x, y, "text-anchor": anchor, class: "value", fill: theme.accent, text: store.weights.at(query, key).toFixed(3) }),
      );
    }
  }
  store.top.replaceChildren(arcs);

  const c = store.cellSize;
  const across = header.causal ? query + 1 : n;
  store.lines.replaceChildren(
    svgEl("rect", { x: 0, y: query * c - 0.5, width: across * c, height: c, fill: "none", stroke: theme.accent, "stroke-width": 1.4 }),
  );
  if (key !== null) {
    store.lines.append(
      svgEl("rect", { x: key * c - 0.5, y: header.causal ? key * c : 0, width: c, height: (header.causal ? n - key : n) * c, fill: "none", stroke: theme.categories[1], "stroke-width": 1, "stroke-opacity": 0.75 }),
      svgEl("rect", { x: key * c - 1, y: query * c - 1, width: c + 1, height: c + 1, fill: "none", stroke: theme.accent, "stroke-width": 2.6, rx: 2 }),
    );
  }
  attLooks(store, query, key, row);
  const word = store.words[query];
  if (!store.hover && store.scroller && word) attIntoView(store.scroller, word, store.column);
}

function attIntoView(box, word, column) {
  if (column) return;
  const left = word.offsetLeft;
  if (left < box.scrollLeft || left + word.offsetWidth > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
}

function attLooks(store, query, key, row) {
  const { header } = store;
  const shown = header.pieces.map(attShown);
  const most = 6;
  const first = row.slice(0, most);
  if (key !== null && !first.some(([k]) => k === key)) {
    const own = row.find(([k]) => k === key) || [key, store.weights.at(query, key)];
    first.splice(most - 1, 1, own);
  }
  const rest = row.filter(([k]) => !first.some(([f]) => f === k));
  const bar = (name, w, kind, label) => el("div", { class: `bar ${kind}` },
    el("span", { class: "name", text: name, title: label }),
    el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${Math.max(w > ATT_SMALL ? 1.5 : 0, w * 100)}%` } })),
    el("span", { class: "number", text: w.toFixed(3) }));
  store.looks.replaceChildren(
    el("h4", {}, el("span", { class: "chip", text: shown[query] }), header.causal ? " looks at" : " looks at"),
    ...first.map(([k, w]) => bar(shown[k], w, k === key ? "key" : k === 0 && header.hide_first ? "sink" : "", `token ${k}`)),
  );
  if (rest.length) store.looks.append(bar(`${rest.length} more`, rest.reduce((sum, [, w]) => sum + w, 0), "rest", ""));
}

function attFacts(store) {
  const { header } = store;
  const [layer, head] = store.chosen;
  const line = (words, value, after = "") => el("p", {}, words, " ", el("b", { text: value }), after);
  const box = el("div", { class: "facts" });
  for (const name of ["induction", "previous", "first"]) {
    const value = attScore(store, name, layer, head);
    const words = { induction: "Induction", previous: "One token back", first: "On the first token" }[name];
    if (Number.isNaN(value)) {
      if (name === "induction") box.append(el("p", { text: "Induction: nothing repeats here" }));
      continue;
    }
    box.append(line(words, value.toFixed(2), attRank(store, name, value)));
  }
  const share = header.heads / header.kv_heads;
  if (share > 1) {
    const from = Math.floor(head / share) * share;
    const others = Array.from({ length: share }, (_, i) => from + i).filter((other) => other !== head);
    box.append(line(others.length > 1 ? "Same keys as heads" : "Same keys as head", others.join(", ")));
  }
  if (header.next.length) {
    const [best, second] = header.next;
    const next = el("p", { class: "next" }, "Next token: ", el("b", { class: "mono", text: attShown(best[0]) }), ` ${attPercent(best[1])}`);
    if (second) next.append(", then ", el("span", { class: "mono", text: attShown(second[0]) }), ` ${attPercent(second[1])}`);
    box.append(next);
  }
  return box;
}

function attRank(store, name, value) {
  const { header } = store;
  let above = 0;
  for (let layer = 0; layer < header.layers; layer++) for (let head = 0; head < header.heads; head++) if (attScore(store, name, layer, head) > value) above++;
  return above === 0 ? `, first of ${header.layers * header.heads}` : above < 10 ? `, number ${above + 1}` : "";
}

// The same facts as a table, for those who do not see the picture: the strongest pairs of this head.
function attTableForReaders(store) {
  const { header } = store;
  const [layer, head] = store.chosen;
  const shown = header.pieces.map(attShown);
  const pairs = [];
  header.pieces.forEach((_, q) => {
    for (const [k, w] of attRow(store, q).slice(0, 2)) pairs.push([q, k, w]);
  });
  pairs.sort((a, b) => b[2] - a[2]);
  return el("table", { class: "sr-only" },
    el("caption", { text: `Strongest pairs of layer ${layer}, head ${head}` }),
    el("thead", {}, el("tr", {}, ["Token", "looks at", "weight"].map((word) => el("th", { scope: "col", text: word })))),
    el("tbody", {}, pairs.slice(0, 30).map(([q, k, w]) => el("tr", {},
      el("th", { scope: "row", text: `${shown[q]} (${q})` }), el("td", { text: `${shown[k]} (${k})` }), el("td", { text: w.toFixed(3) })))));
}
