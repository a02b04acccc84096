// Decoder, encoder, encoder-decoder: who may look at whom, as small squares (who asks down, who is looked at across).

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const { header } = readPayload(data);
  const theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "ak" });
    parentElement.append(store.root);
  }
  store.root.replaceChildren(...header.kinds.map((kind) => akKind(kind, header.now.includes(kind.id), theme)));
}

const AK_SAYS = { triangle: "a triangle: only what came before", full: "a full square: everything", wide: "a full rectangle: the whole source" };

function akKind(kind, on, theme) {
  return el("section", { class: on ? "on" : "", "aria-label": `${kind.title}${on ? ", shown below" : ""}` },
    el("div", { class: "masks" }, kind.masks.map(([shape, name]) => el("figure", {}, akMask(shape, name, on, theme), kind.masks.length > 1 ? el("figcaption", { text: name }) : null))),
    el("div", {}, el("h4", { text: kind.title }), el("p", {}, kind.says), el("p", { class: "sub" }, kind.why, " ", el("span", { class: "models", text: kind.models }))));
}

function akMask(shape, name, on, theme) {
  const rows = 5, columns = shape === "wide" ? 7 : 5, cell = 12;
  const svg = svgEl("svg", { width: columns * cell, height: rows * cell, role: "img", "aria-label": `${name}: ${AK_SAYS[shape]}` });
  for (let q = 0; q < rows; q++) {
    for (let k = 0; k < columns; k++) {
      const seen = shape !== "triangle" || k <= q;
      svg.append(svgEl("rect", { x: k * cell + 1, y: q * cell + 1, width: cell - 2, height: cell - 2, rx: 2, fill: seen ? (on ? theme.accent : theme.grey) : "none", stroke: seen ? "none" : theme.hairline }));
    }
  }
  return svg;
}
