// An encoder's heads beside a decoder's, on the same text: point at a head, and the one at its place in the other model
// is shown too.

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ at: null, text: null }));
  const { header, arrays } = readPayload(data);
  Object.assign(store, { header, arrays, theme: themeOf(parentElement) });
  const text = header.models[0].pieces.join("");
  if (store.text !== text) Object.assign(store, { text, at: asTelling(header, arrays) });
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "as" });
    parentElement.append(store.root);
  }
  const { root, theme } = store;
  for (const name of ["muted", "hairline", "accent", "panel", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--back", theme.categories[2]);
  root.style.setProperty("--ahead", theme.warm);
  store.tip = tip(parentElement);
  asBuild(store);
  return watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 1060);
    root.classList.toggle("slim", width < 620);
  });
}

const AS_SCORES = [["back", "one token back"], ["ahead", "one token ahead"]];
const asShare = (x) => (Number.isNaN(x) ? "–" : x.toFixed(2));
const asCounts = (store, score, m, i) => store.arrays[`${score}_${m}`][i] >= store.header.counts;

// The head of the first model that looks ahead most: what the other kind can never do.
function asTelling(header, arrays) {
  const ahead = [...arrays.ahead_0].map((x) => (Number.isNaN(x) ? -1 : x));
  const at = ahead.indexOf(Math.max(...ahead));
  const { layers, heads } = header.models[1];
  return at >= 0 && at < layers * heads ? at : 0;
}

function asBuild(store) {
  const { header, root } = store;
  const focused = root.getRootNode().activeElement?.dataset?.place;
  store.models = header.models.map((model, m) => asModel(store, model, m));
  root.replaceChildren(el("p", { class: "sees", text: header.copy.sees }), el("div", { class: "two" }, store.models.map((one) => one.node)),
    el("p", { class: "sub kin" }, header.copy.kin, " ", header.copy.from));
  asTo(store, store.at);
  if (focused) root.querySelector(`[data-place="${focused}"]`)?.focus({ preventScroll: true });
}

function asModel(store, model, m) {
  const every = Array.from({ length: model.layers * model.heads }, (_, i) => i);
  const buttons = every.map((i) => {
    const layer = Math.floor(i / model.heads), head = i % model.heads;
    const found = AS_SCORES.filter(([score]) => asCounts(store, score, m, i));
    const canvas = el("canvas", { "aria-hidden": "true" });
    asPaint(store, m, i, canvas);
    return el("button", { type: "button", "data-place": `${m}-${i}`, "aria-label": [`${model.title}, layer ${layer}, head ${head}`, ...found.map(([, name]) => name)].join(", "), on: { click: () => asTo(store, i), pointerenter: () => asTo(store, i) } },
      canvas, found.slice(0, 1).map(([score]) => el("span", { class: `dot ${score}` })));
  });
  const grid = el("div", { class: "grid", role: "group", "aria-label": `All heads of ${model.title}; arrow keys move`, style: { "grid-template-columns": `auto repeat(${model.heads}, auto)` } },
    el("span", {}), Array.from({ length: model.heads }, (_, h) => el("span", { class: "n", text: String(h) })),
    Array.from({ length: model.layers }, (_, l) => [el("span", { class: "n", text: String(l), title: `layer ${l}` }), ...buttons.slice(l * model.heads, (l + 1) * model.heads)]).flat());
  grid.addEventListener("focusin", (event) => {
    const at = buttons.indexOf(event.target.closest("button"));
    if (at >= 0) asTo(store, at);
  });
  moveByArrows(grid, "button", { columns: model.heads });
  const large = el("canvas", { role: "img" }), name = el("b", {}), numbers = el("p", { class: "numbers" });
  large.onpointermove = (event) => asCell(store, m, event);
  large.onpointerleave = () => store.tip.hide();
  const total = every.length;
  const count = (score) => every.filter((i) => asCounts(store, score, m, i)).length;
  const node = el("section", {}, el("h4", { text: `${model.title}, ${model.kind === "encoder" ? "an encoder" : "a decoder"}` }),
    el("p", { class: "count" }, AS_SCORES.map(([score, title]) => el("span", {}, el("span", { class: `dot ${score}`, "aria-hidden": "true" }), `${title}: `, score === "ahead" && model.causal ? el("b", { text: "none, it cannot" }) : el("b", { text: `${count(score)} of ${total} heads` })))),
    el("div", { class: "model" }, grid, el("div", { class: "large" }, large, el("p", { class: "numbers" }, name, el("br"), numbers))));
  return { node, buttons, large, name, numbers };
}

// One head as bytes [block, block]; a decoder's come as its lower half.
function asCells(store, m, i) {
  const { causal } = store.header.models[m];
  const thumbs = store.arrays[`thumbs_${m}`];
  const side = store.arrays[`edges_${m}`].length - 1;
  const cells = thumbs.shape[2];
  const from = thumbs.subarray(i * cells, (i + 1) * cells);
  return { side, at: (q, k) => (!causal ? from[q * side + k] : k > q ? -1 : from[(q * (q + 1)) / 2 + k]) };
}

// Nothing is the panel itself, and faint weights rise out of it.
const asColour = (theme, t) => mix(parseColour(theme.panel), parseColour(theme.cividis(t)), Math.min(1, 0.1 + t / 0.38));

function asPaint(store, m, i, canvas) {
  const { theme } = store;
  const { side, at } = asCells(store, m, i);
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(side, side);
  if (!store.colours || store.colours.dark !== theme.dark) {
    store.colours = { dark: theme.dark, of: Array.from({ length: 256 }, (_, b) => asColour(theme, Math.pow(b / 255, 1.35))), none: parseColour(theme.paper) };
  }
  for (let q = 0; q < side; q++) {
    for (let k = 0; k < side; k++) {
      const byte = at(q, k);
      image.data.set([...(byte < 0 ? store.colours.none : store.colours.of[byte]), 255], (q * side + k) * 4);
    }
  }
  pen.putImageData(image, 0, 0);
}

function asTo(store, i) {
  store.at = i;
  store.models.forEach((one, m) => {
    const model = store.header.models[m];
    const there = i < one.buttons.length;
    one.buttons.forEach((button, n) => {
      button.setAttribute("aria-pressed", n === i ? "true" : "false");
      button.tabIndex = n === (there ? i : 0) ? 0 : -1;
    });
    if (!there) return;
    const layer = Math.floor(i / model.heads), head = i % model.heads;
    asPaint(store, m, i, one.large);
    const ahead = store.arrays[`ahead_${m}`][i];
    one.name.textContent = `Layer ${layer}, head ${head}`;
    one.numbers.textContent = `${asShare(store.arrays[`back_${m}`][i])} one token back, ${model.causal ? "nothing ahead" : `${asShare(ahead)} one token ahead`}`;
    one.large.setAttribute("aria-label", `${model.title}, layer ${layer}, head ${head}: ${one.numbers.textContent}`);
  });
}

// The pair of tokens under the pointer, and the largest weight in that cell.
function asCell(store, m, event) {
  const { pieces } = store.header.models[m];
  const edges = store.arrays[`edges_${m}`];
  const { side, at } = asCells(store, m, store.at);
  const box = event.currentTarget.getBoundingClientRect();
  const q = Math.floor(((event.clientY - box.top) / box.height) * side), k = Math.floor(((event.clientX - box.left) / box.width) * side);
  if (q < 0 || k < 0 || q >= side || k >= side) return store.tip.hide();
  const name = (b) => visible(pieces.slice(edges[b], edges[b + 1]).join("").trim()) || "∅";
  const byte = at(q, k);
  store.tip.show(event.clientX, event.clientY, el("div", {}, el("b", { text: name(q) }), byte < 0 ? " may not look ahead at " : " looks at ", el("b", { text: name(k) }), byte < 0 ? "" : `: ${((byte / 255) ** 2).toFixed(2)}`));
}
