// A date and what an encoder-decoder wrote for it: point at a written character, and lines go to the words it looks at.
// All weights of all heads are here, so another character, head or kind of attention needs no answer from the server.

const CX_KINDS = ["cross", "encoder", "decoder"];

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ text: null, telling: 0 }));
  const { header, arrays } = readPayload(data);
  Object.assign(store, { header, arrays, theme: themeOf(parentElement) });
  if (store.text !== header.text) {
    store.text = header.text;
    [store.kind, store.layer, store.head, store.row] = header.view;
    if (store.row === null || store.row >= cxAsks(store).length) store.row = cxTelling(store);
  }
  store.tell = () => {
    clearTimeout(store.waiting);
    store.waiting = setTimeout(() => setStateValue("view", { kind: store.kind, layer: store.layer, head: store.head, row: store.row }), 500);
  };
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "cx" });
    parentElement.append(store.root);
    store.built = null;
  }
  const { root, theme } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.style.setProperty("--key", theme.categories[1]);
  // What the reader did comes back with the same text: then the picture stands already.
  const built = JSON.stringify([header.text, header.written, theme.dark, store.kind]);
  if (built !== store.built || !root.firstChild) cxBuild(store);
  store.built = built;
  return watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 900);
    root.classList.toggle("slim", width < 520);
    cxShow(store);
  });
}

// ------------------------------------------------------------------------------------------------------------ reading

const cxKeys = (store) => (store.kind === "decoder" ? store.header.before : store.header.source);
const cxAsks = (store) => (store.kind === "encoder" ? store.header.source : store.header.target);
const cxMark = (store, row, i) => (row === "source" ? store.header.marks[i] : ["start", "end"].includes(store.header[row][i]));
const cxName = (store, head) => (head === null ? `Layer ${store.layer}, mean of its heads` : `Layer ${store.layer}, head ${head}`);

// One head's row, or the mean of the layer's heads.
function cxRow(store, layer, head, row) {
  const all = store.arrays[store.kind];
  const [, heads, asks, keys] = all.shape;
  const of = (h) => all.subarray(((layer * heads + h) * asks + row) * keys, ((layer * heads + h) * asks + row + 1) * keys);
  if (head !== null) return of(head);
  const mean = new Float32Array(keys);
  for (let h = 0; h < heads; h++) of(h).forEach((w, k) => (mean[k] += w / heads));
  return mean;
}

const cxBest = (row) => row.reduce((best, w, k) => (w > row[best] ? k : best), 0);

// The row to begin with: the last character before the end mark, where a date's day is written.
function cxTelling(store) {
  const asks = cxAsks(store);
  return Math.max(0, asks.length - (cxMark(store, store.kind === "encoder" ? "source" : "target", asks.length - 1) ? 2 : 1));
}

// ------------------------------------------------------------------------------------------------------------- frame

function cxBuild(store) {
  const { header, root } = store;
  const [layers, heads] = store.arrays[store.kind].shape;
  const copy = header.copy.kinds;
  const refocus = root.getRootNode().activeElement?.dataset?.kind;
  const kinds = el("div", { class: "kinds", role: "group", "aria-label": "Kind of attention" }, CX_KINDS.map((kind) =>
    el("button", { type: "button", text: copy[kind].title, "data-kind": kind, "aria-pressed": kind === store.kind ? "true" : "false", on: { click: () => cxKind(store, kind) } })));
  const keyRow = store.kind === "decoder" ? "before" : "source";
  const askRow = store.kind === "encoder" ? "source" : "target";
  store.keys = cxKeys(store).map((piece, i) => {
    const unknown = keyRow === "source" && !header.known[i];
    const chip = el("span", { class: `chip${unknown ? " unknown" : ""}${cxMark(store, keyRow, i) ? " mark" : ""}`, text: visible(piece), title: unknown ? "unknown: this word is not in the model's vocabulary" : null });
    const weight = el("span", { class: "w" });
    return { chip, weight, node: el("span", { class: "key" }, chip, weight) };
  });
  store.asks = cxAsks(store).map((piece, i) => el("button", {
    type: "button", class: `ask${askRow === "source" ? " small" : ""}${cxMark(store, askRow, i) ? " mark" : ""}`, text: visible(piece), "data-row": i, tabindex: i === store.row ? 0 : -1,
  }));
  store.lines = svgEl("svg", { class: "lines", "aria-hidden": "true" });
  const asks = el("div", { class: "row asks", role: "group", "aria-label": "Point at one; arrow keys move along" }, store.asks);
  asks.addEventListener("focusin", (event) => cxTo(store, Number(event.target.dataset.row)));
  // A mouse points by moving, a finger by sliding along the row.
  asks.onpointermove = asks.onpointerdown = (event) => {
    const under = root.getRootNode().elementFromPoint(event.clientX, event.clientY);
    const ask = under && under.closest && under.closest(".ask");
    if (ask && root.contains(ask)) cxTo(store, Number(ask.dataset.row));
  };
  moveByArrows(asks, ".ask");
  const names = { cross: ["what it reads", "what it writes"], encoder: ["looked at", "each word asks"], decoder: ["written so far", "what it writes next"] }[store.kind];
  store.say = el("p", { class: "say", "aria-live": "polite" });
  store.figure = el("div", { class: "figure" }, store.lines,
    el("p", { class: "rowname", text: names[0] }), el("div", { class: "row keys" }, store.keys.map((key) => key.node)), asks, el("p", { class: "rowname below", text: names[1] }));

  store.maps = [];
  const grid = el("div", { class: "heads", role: "group", "aria-label": "All heads; arrow keys move", style: { "grid-template-columns": `auto repeat(${heads + 1}, auto)` } },
    el("span", {}), Array.from({ length: heads }, (_, h) => el("span", { class: "hname", text: `head ${h}` })), el("span", { class: "hname", text: "mean" }));
  for (let layer = 0; layer < layers; layer++) {
    grid.append(el("span", { class: "lname", text: `layer ${layer}` }));
    for (let h = 0; h <= heads; h++) {
      const head = h === heads ? null : h;
      const canvas = el("canvas", { "aria-hidden": "true" });
      const button = el("button", { type: "button", "aria-label": `Layer ${layer}, ${head === null ? "mean of its heads" : `head ${head}`}`, on: { click: () => cxHead(store, layer, head) } }, canvas);
      store.maps.push({ layer, head, canvas, button });
      grid.append(button);
    }
  }
  moveByArrows(grid, "button", { columns: heads + 1 });
  store.bars = el("div", { class: "bars" });
  store.table = el("table", {});
  const exact = header.exact;
  const share = ([value, texts]) => `${(Math.floor(value * 1000) / 10).toFixed(1)} % of ${texts.toLocaleString("en-US")}`;
  const unknown = header.known.filter((known) => !known).length;
  root.replaceChildren(kinds, el("p", { class: "sub", text: copy[store.kind].says }),
    el("div", { class: "two" },
      el("section", {}, store.figure, store.say,
        header.nothing_known ? el("p", { class: "note", text: header.copy.nothing }) : unknown ? el("p", { class: "sub", text: `Underlined with a wave: ${unknown} ${unknown === 1 ? "word" : "words"} unknown to it. It sees that a word stands there, not which.` }) : null),
      el("section", {}, el("h4", { text: "All heads: choose one" }), grid, store.bars,
        el("p", { class: "sub exact" }, `On dates that it never trained on, every character is right in ${share(exact.held_out_dates)} texts; in phrasings it never saw, ${share(exact.held_out_phrasings)}. `, header.copy.honest))),
    el("div", { class: "sr-only" }, store.table));
  cxMaps(store);
  if (refocus) root.querySelector(`[data-kind=${store.kind}]`).focus({ preventScroll: true });
}

// ------------------------------------------------------------------------------------------------------------ choices

function cxKind(store, kind) {
  store.kind = kind;
  const [layers, heads] = store.arrays[kind].shape;
  store.layer = Math.min(store.layer, layers - 1);
  if (store.head !== null) store.head = Math.min(store.head, heads - 1);
  store.row = Math.min(store.row, cxAsks(store).length - 1);
  cxBuild(store);
  store.built = JSON.stringify([store.header.text, store.header.written, store.theme.dark, kind]);
  cxShow(store);
  store.tell();
}

function cxHead(store, layer, head) {
  Object.assign(store, { layer, head });
  cxShow(store);
  store.tell();
}

function cxTo(store, row) {
  if (row === store.row || !Number.isInteger(row)) return;
  store.row = row;
  store.asks.forEach((ask, i) => (ask.tabIndex = i === row ? 0 : -1));
  cxShow(store);
  store.tell();
}

// --------------------------------------------------------------------------------------------------------------- show

function cxShow(store) {
  const { layer, head, row, keys, asks, theme, kind, header } = store;
  const weights = cxRow(store, layer, head, row);
  const best = cxBest(weights);
  const paper = parseColour(theme.paper), warm = parseColour(theme.categories[1]);
  keys.forEach((key, k) => {
    key.weight.textContent = weights[k] >= 0.005 ? weights[k].toFixed(2) : "";
    key.chip.style.background = weights[k] >= 0.005 ? toRgb(mix(paper, warm, 0.5 * Math.sqrt(weights[k]))) : "";
    key.node.classList.toggle("best", k === best);
  });
  asks.forEach((ask, i) => {
    const own = cxRow(store, layer, head, i);
    if (i === row) ask.setAttribute("aria-current", "true");
    else ask.removeAttribute("aria-current");
    ask.setAttribute("aria-label", `${cxAsks(store)[i]}: looks most at ${cxKeys(store)[cxBest(own)]}, ${own[cxBest(own)].toFixed(2)}`);
  });
  for (const map of store.maps) map.button.setAttribute("aria-pressed", map.layer === layer && map.head === head ? "true" : "false");
  cxLines(store);
  const asked = el("span", { class: "token", text: visible(cxAsks(store)[row]) });
  const looked = [el("span", { class: "token", text: visible(cxKeys(store)[best]) }), ` (${weights[best].toFixed(2)})`];
  const sure = kind === "encoder" ? [] : [` It is ${store.arrays.chance[row] > 0.999 ? "over 99.9 %" : percent(store.arrays.chance[row])} sure of this ${cxMark(store, "target", row) ? "end" : "character"}.`];
  store.say.replaceChildren(`${cxName(store, head)}: `, ...(kind === "encoder" ? [asked, " looks most at "] : ["to write ", asked, " it looks most at "]), ...looked, ".", ...sure);
  const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).filter((k, i) => i < 5 && (i === 0 || weights[k] >= 0.0005));
  store.bars.replaceChildren(el("h4", {}, el("span", { class: "token", text: visible(cxAsks(store)[row]) }), " looks at"), ...order.map((k) =>
    el("div", { class: "bar" }, el("span", { class: "name", text: visible(cxKeys(store)[k]) }),
      el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${weights[k] * 100}%` } })), el("span", { class: "number", text: weights[k].toFixed(3) }))));
  store.table.replaceChildren(el("caption", { text: `${cxName(store, head)}: where each looks most. Source: ${header.text}. Written: ${header.written}.` }),
    el("tr", {}, ["asks", "looks most at", "weight"].map((word) => el("th", { scope: "col", text: word }))),
    ...asks.map((_, i) => {
      const own = cxRow(store, layer, head, i);
      return el("tr", {}, el("th", { scope: "row", text: cxAsks(store)[i] }), el("td", { text: cxKeys(store)[cxBest(own)] }), el("td", { text: own[cxBest(own)].toFixed(3) }));
    }));
}

// From the chosen character to every word it looks at; faint, from every other character to its strongest.
function cxLines(store) {
  const { lines, figure, keys, asks, theme, row } = store;
  const frame = figure.getBoundingClientRect();
  if (!frame.width) return;
  lines.setAttribute("width", Math.floor(frame.width));
  lines.setAttribute("height", Math.floor(frame.height));
  const tops = asks.map((ask) => ask.getBoundingClientRect()), ends = keys.map((key) => key.node.getBoundingClientRect());
  const path = (i, k, width, opacity, colour) => {
    const x = tops[i].left + tops[i].width / 2 - frame.left, y = tops[i].top - frame.top;
    const u = ends[k].left + ends[k].width / 2 - frame.left, v = ends[k].bottom - frame.top + 2;
    const bend = Math.max(20, (y - v) * 0.5);
    return svgEl("path", { d: `M ${x} ${y} C ${x} ${y - bend}, ${u} ${v + bend}, ${u} ${v}`, fill: "none", stroke: colour, "stroke-width": width.toFixed(2), "stroke-opacity": opacity.toFixed(2), "stroke-linecap": "round" });
  };
  const drawn = [];
  asks.forEach((_, i) => {
    const own = cxRow(store, store.layer, store.head, i);
    const best = cxBest(own);
    if (i !== row && own[best] >= 0.3) drawn.push(path(i, best, 1.5, 0.35, theme.grey));
  });
  cxRow(store, store.layer, store.head, row).forEach((w, k) => {
    if (w >= 0.02) drawn.push(path(row, k, 1.2 + 8 * w, Math.min(1, 0.35 + w), theme.accent));
  });
  lines.replaceChildren(...drawn);
}

// Nothing is the panel itself, and faint weights rise out of it.
const cxColour = (theme, t) => mix(parseColour(theme.panel), parseColour(theme.cividis(t)), Math.min(1, 0.1 + t / 0.38));

// Every head as a small matrix: who asks down, who is looked at across.
function cxMaps(store) {
  const [, , asks, keys] = store.arrays[store.kind].shape;
  const colours = Array.from({ length: 256 }, (_, i) => cxColour(store.theme, Math.pow(i / 255, 0.68)));
  for (const map of store.maps) {
    map.canvas.width = keys;
    map.canvas.height = asks;
    map.canvas.style.height = `${Math.round(Math.min(72, Math.max(34, (50 * asks) / keys)))}px`;
    const pen = map.canvas.getContext("2d");
    const image = pen.createImageData(keys, asks);
    for (let q = 0; q < asks; q++) {
      cxRow(store, map.layer, map.head, q).forEach((w, k) => image.data.set([...colours[Math.round(Math.min(1, w) * 255)], 255], (q * keys + k) * 4));
    }
    pen.putImageData(image, 0, 0);
  }
}
