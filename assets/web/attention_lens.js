// The logit lens as a table: a row a layer, a column a token, in each cell what the model would say there.

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ column: null, layer: null }));
  if (store.raw !== data) {
    store.raw = data;
    Object.assign(store, readPayload(data));
    store.column = store.header.pieces.length - 1;
    store.layer = null;
  }
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "lens" });
    parentElement.append(store.root);
  }
  store.tip = tip(parentElement);
  return watchWidth(parentElement, (width) => lensDraw(store, width));
}

const lensShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";
const lensLayers = (store) => store.arrays.rank.shape[0];
const lensColumns = (store) => store.header.pieces.length;
const lensName = (store, layer) => (layer === 0 ? "at the start" : layer === lensLayers(store) - 1 ? `after ${layer}: the answer` : `after ${layer}`);
const lensText = (store, place) => lensShown(store.header.texts[place]);

function lensDraw(store, width) {
  const wide = width >= 900;
  store.root.className = `lens ${wide ? "wide" : "narrow"}`;
  const columns = lensColumns(store);
  const answer = lensText(store, store.arrays.answers[columns - 1]);
  const decided = store.header.decided[columns - 1];
  const layers = lensLayers(store);
  store.table = lensTable(store);
  store.side = el("section", { class: "side", "aria-live": "polite" });
  store.root.replaceChildren(
    el("div", { class: "headline" },
      el("h3", {}, "If it had to answer after each layer"),
      el("p", { class: "sub" }, decided >= layers - 1
        ? "After the text it settles on "
        : `After the text it settles at layer ${decided} on `, el("b", { class: "token", text: answer }),
        decided >= layers - 1 ? ", and only in the very last layer." : " and stays with it.")),
    el("div", { class: "both" }, el("div", { class: "scroll" }, store.table), store.side),
    el("p", { class: "why", text: "Every row is the residual stream at that depth, read with the model's own final norm and vocabulary. Only the last row was trained to be read: a row above that says nonsense is not wrong, it is not finished." }),
  );
  lensSide(store);
  const scroller = store.root.querySelector(".scroll");
  scroller.scrollLeft = scroller.scrollWidth;
}

function lensTable(store) {
  const { header, arrays, theme } = store;
  const layers = lensLayers(store);
  const columns = lensColumns(store);
  const head = el("tr", {}, el("th", { scope: "col", class: "depth", text: "layer" }),
    header.pieces.map((piece, c) => el("th", { scope: "col", class: c === store.column ? "on" : "", "data-column": c, title: `token ${header.start + c}`, text: lensShown(piece) })));
  const panel = parseColour(theme.panel);
  const rows = Array.from({ length: layers }, (_, layer) => {
    const row = el("tr", {}, el("th", { scope: "row", class: "depth", text: layer === 0 ? "start" : String(layer) }));
    for (let c = 0; c < columns; c++) {
      const share = arrays.shares[(layer * columns + c) * 5];
      const colour = mix(panel, parseColour(theme.accent), 0.08 + 0.72 * share);
      const light = (colour[0] * 299 + colour[1] * 587 + colour[2] * 114) / 1000 > 140;
      const answer = arrays.rank[layer * columns + c] === 1;
      row.append(el("td", {},
        el("button", {
          type: "button", class: `${answer ? "answer" : ""}`, tabindex: layer === layers - 1 && c === columns - 1 ? 0 : -1,
          style: { background: toRgb(colour), color: light ? "#1D1C24" : "#FFFFFF" }, "data-layer": layer, "data-column": c,
          "aria-label": `${lensName(store, layer)}, at ${lensShown(header.pieces[c])}: ${lensText(store, arrays.top[(layer * columns + c) * 5])}, ${percent(share)}`,
          text: lensText(store, arrays.top[(layer * columns + c) * 5]),
        })));
    }
    return row;
  });
  const table = el("table", { class: "grid" }, el("caption", { class: "sr-only", text: `Likeliest next token of ${header.model} after each layer` }), el("thead", {}, head), el("tbody", {}, rows));
  const at = (event) => {
    const button = event.target.closest("button");
    return button ? [Number(button.dataset.layer), Number(button.dataset.column)] : null;
  };
  table.onpointerover = (event) => {
    const cell = at(event);
    if (cell && event.pointerType !== "touch") lensTip(store, cell[0], cell[1], event.clientX, event.clientY);
    else store.tip.hide();
  };
  table.onpointerleave = () => store.tip.hide();
  const choose = (event) => {
    const cell = at(event);
    if (!cell) return;
    [store.layer, store.column] = cell;
    for (const th of table.querySelectorAll("th[data-column]")) th.classList.toggle("on", Number(th.dataset.column) === store.column);
    lensSide(store);
  };
  table.onclick = choose;
  table.addEventListener("focusin", choose);
  moveByArrows(table, "button", { columns });
  return table;
}

function lensTip(store, layer, column, x, y) {
  const columns = lensColumns(store);
  const from = (layer * columns + column) * 5;
  store.tip.show(x, y, el("div", {}, el("strong", { text: `${lensName(store, layer)}, at “${lensShown(store.header.pieces[column])}”` }),
    Array.from({ length: 5 }, (_, i) => el("div", { class: "tiprow" }, el("span", { class: "token", text: lensText(store, store.arrays.top[from + i]) }), el("b", { text: percent(store.arrays.shares[from + i]) })))));
}

// How the answer of one column climbs: its rank on a logarithmic scale, its probability, the distance still to go.
function lensSide(store) {
  const { header, arrays, theme, column } = store;
  const layers = lensLayers(store);
  const columns = lensColumns(store);
  const answer = lensText(store, arrays.answers[column]);
  const rank = Array.from({ length: layers }, (_, l) => arrays.rank[l * columns + column]);
  const worst = Math.max(10, ...rank);
  const width = 300, height = 190, left = 46, bottom = 22;
  const x = (l) => left + (l / Math.max(1, layers - 1)) * (width - left - 8);
  const y = (r) => 8 + (Math.log10(r) / Math.log10(worst)) * (height - bottom - 14);
  const svg = svgEl("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Rank of ${answer} after each layer: ${rank.join(", ")}` });
  for (let r = 1; r <= worst; r *= 10) {
    svg.append(svgEl("line", { x1: left, x2: width - 8, y1: y(r), y2: y(r), stroke: theme.hairline }),
      svgEl("text", { x: left - 6, y: y(r) + 4, "text-anchor": "end", class: "axis", fill: theme.muted, text: r === 1 ? "1st" : r.toLocaleString("en-US") }));
  }
  svg.append(
    svgEl("path", { d: rank.map((r, l) => `${l ? "L" : "M"}${x(l).toFixed(1)} ${y(r).toFixed(1)}`).join(""), fill: "none", stroke: theme.accent, "stroke-width": 2.4 }),
    ...rank.map((r, l) => svgEl("circle", { cx: x(l), cy: y(r), r: l === store.layer ? 5 : 2.6, fill: r === 1 ? theme.categories[1] : theme.accent })),
    svgEl("text", { x: left, y: height - 5, class: "axis", fill: theme.muted, text: "start" }),
    svgEl("text", { x: width - 8, y: height - 5, "text-anchor": "end", class: "axis", fill: theme.muted, text: `layer ${layers - 1}` }));
  const layer = store.layer ?? layers - 1;
  const from = (layer * columns + column) * 5;
  const bars = Array.from({ length: 5 }, (_, i) => {
    const share = arrays.shares[from + i];
    return el("div", { class: "bar" }, el("span", { class: "token name", text: lensText(store, arrays.top[from + i]) }),
      el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${share * 100}%` } })), el("span", { class: "number", text: percent(share) }));
  });
  store.side.replaceChildren(
    el("h4", {}, "Rank of ", el("span", { class: "chip", text: answer }), header.causal ? " after " : " at ", el("span", { class: "token", text: lensShown(header.pieces[column]) })),
    svg,
    el("h4", {}, layer === 0 ? "At the start it would say" : layer === layers - 1 ? "Its answer" : `After layer ${layer} it would say`),
    ...bars,
    el("p", { class: "sub", text: `The final answer is number ${arrays.rank[layer * columns + column].toLocaleString("en-US")} here with ${percent(arrays.chance[layer * columns + column])}; ${fmt(arrays.bits[layer * columns + column])} bits from the end.` }),
  );
}
