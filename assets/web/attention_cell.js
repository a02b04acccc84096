// parts: attention_cell_numbers attention_cell_products attention_cell_row attention_cell_below
// One attention weight, worked out from the model's own query and keys: products, scale, softmax over the row, times
// value. components/views/attention/cell.py says what the header holds. All keys of the row come at once, so choosing
// another one needs no answer from the server.

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ row: null, key: 0, wanted: null, still: false, timer: 0 }));
  if (store.raw !== data) {
    store.raw = data;
    Object.assign(store, readPayload(data));
    const { header } = store;
    // A reader may be ahead of the server: its answer to an earlier choice does not take the later one back.
    const ahead = store.row === header.row && store.wanted !== null && store.wanted !== header.key;
    if (!ahead) Object.assign(store, { key: header.key, wanted: null });
    store.row = header.row;
  }
  store.tell = (wait) => {
    store.wanted = store.key;
    tellLater(store, setStateValue, "cell", () => ({ query: store.header.query, key: store.key }), wait);
  };
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "cellpanel" });
    parentElement.append(store.root);
  }
  return watchWidth(parentElement, (width) => {
    store.width = width;
    acDraw(store);
  });
}

function acChoose(store, key, wait = 0) {
  if (key === store.key || !store.arrays.visible[key]) return;
  store.key = key;
  acDraw(store);
  store.tell(wait);
}

function acDraw(store) {
  const { header, width } = store;
  if (!header.rotary) store.still = false;
  const wide = width >= 980;
  const middle = !wide && width >= 620;
  store.root.className = `cellpanel${store.theme.dark ? " dark" : ""}${wide ? " wide" : middle ? " middle" : ""}`;
  const active = store.root.getRootNode().activeElement;
  const focused = active && active.dataset ? active.dataset.focus : null;
  const inner = wide ? width - 3 * 34 : middle ? width - 34 : width;
  const [a, b, c, d] = wide ? [0.42, 0.115, 0.27, 0.195].map((part) => Math.floor(part * inner))
    : middle ? [width, Math.floor(inner * 0.3), Math.floor(inner * 0.7), width] : [width, width, width, width];
  store.root.style.gridTemplateColumns = wide ? `${a}px ${b}px ${c}px ${d}px` : middle ? `${b}px ${c}px` : "100%";
  const step = (number, title, cls, ...children) =>
    el("section", { class: `step ${cls}` }, el("h4", {}, el("span", { class: "badge", text: number }), title), ...children);
  store.root.replaceChildren(
    acTitle(store),
    step(1, `Query times key: ${header.dim} products, largest first`, "products", acProducts(store, a)),
    step(2, "Scale", "scale", acScale(store)),
    step(3, "Softmax over the row", "softmax", acRow(store, c)),
    step(4, "Times value", "value", acValue(store)),
    acCheck(store),
    acRotary(store),
    acGrouped(store),
    acTable(store),
  );
  if (focused) store.root.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
}

const acChip = (store, at, cls) => el("span", { class: `chip ${cls}`, text: acName(store, at) });

function acTitle(store) {
  const { header, arrays, key } = store;
  const weight = arrays.model[key];
  const self = key === header.query;
  return el("div", { class: "top" },
    el("h3", {}, "Why does ", acChip(store, header.query, "query"), weight < 0.1 ? " give only " : " give ",
      `${percent(weight)} of its attention to `, self ? "itself" : acChip(store, key, "key"), "?"),
    el("p", { class: "sub", text: `layer ${header.layer}, head ${header.head}; token ${header.query} looks at token ${key}` }));
}

function acValue(store) {
  const { header, arrays, key } = store;
  const seen = acSeen(store);
  const order = [...seen].sort((a, b) => arrays.lengths[b] - arrays.lengths[a]);
  let shown = order.slice(0, 5);
  if (!shown.includes(key)) shown = [...order.slice(0, 4), key];
  const most = arrays.lengths[order[0]] || 1;
  const rest = order.filter((at) => !shown.includes(at));
  return [
    el("p", { class: "sub", text: "length of what each word adds" }),
    el("div", { class: "lengths" }, shown.map((at) => el("button", {
      type: "button", class: `length${at === key ? " key" : ""}`, "data-focus": `length-${at}`, "aria-pressed": String(at === key),
      "aria-label": `${acName(store, at)}, token ${at}, adds a vector of length ${acFmt(arrays.lengths[at])}`, on: { click: () => acChoose(store, at) },
    }, el("span", { class: "name" }, acName(store, at), el("span", { class: "place", text: at })),
    el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${(100 * arrays.lengths[at]) / most}%` } })),
    el("span", { class: "number", text: acLength(arrays.lengths[at]) })))),
    rest.length ? el("p", { class: "rest", text: `${rest.length} more, each ${arrays.lengths[rest[0]] < 0.001 ? "under 0.001" : `at most ${acFmt(arrays.lengths[rest[0]])}`}` }) : null,
    el("p", { class: "sum" }, "together ", el("b", { text: acFmt(header.output_length) })),
    el("p", { class: "why", text: `${header.copy.value} ${header.copy.together}` }),
  ];
}

function acCheck(store) {
  const { header, arrays, key } = store;
  const good = header.agrees;
  const [digits, power] = header.difference.toExponential(0).split("e-");
  const mark = svgEl("svg", { class: "mark", width: 24, height: 24, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svgEl("circle", { cx: 12, cy: 12, r: 10 }), svgEl("path", { d: good ? "M7.5 12.5l3 3 6-7" : "M12 7v6M12 16.4v.6" }));
  const exact = header.difference === 0 ? "to the last digit" : power ? ["to ", digits, "·10", el("sup", { text: `−${power}` })] : `to ${acFmt(header.difference)}`;
  return el("div", { class: `check${good ? "" : " off"}` }, mark, el("p", {},
    "Worked out here ", el("b", { class: "mono", text: acWeight(arrays.weights[key]) }), ", by the model ", el("b", { class: "mono", text: acWeight(arrays.model[key]) }), ". ",
    good ? "The whole row agrees " : "The row differs, more than rounding would; it agrees ", exact, ". ",
    el("span", { class: "try", text: header.copy.try })));
}
