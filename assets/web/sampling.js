// parts: sampling_label sampling_bars sampling_draw sampling_chain sampling_stage
// The Sampling page's picture: what may come next, the chain stage by stage, the draw.
// It answers hovering and opening by itself; it sends `act` for what writes, and `ask` for another order or a search.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ open: undefined, look: null, serial: 0, bars: new Map() }));
  const theme = themeOf(parentElement);
  const S = header.stages.length;

  if (!store.root) build(store, parentElement);
  const { root } = store;
  paintRoot(root, theme);
  store.marks = [5, 2, 3, 4, 0, 6].map((i) => theme.categories[i]);
  const { act, send } = sender(store, root, header.written, setTriggerValue);
  const ask = (value) => send("ask", value);

  bars(store, header, arrays, store.look !== null && store.look < S ? store.look : S - 1, act);
  searching(store, header, ask);
  chain(store, header, (stage) => {
    store.look = stage;
    bars(store, header, arrays, stage ?? S - 1, act);
  }, ask);
  drawn(store, header, arrays, act);
  readable(store, header, arrays);
  writeByKeys(root, act, header);

  const stopWatching = watchWidth(parentElement, (width) => {
    store.width = width;
    root.classList.toggle("narrow", width < 620);
    root.classList.toggle("wide", width >= 760);
    details(store, header, arrays, theme);
    fitDraw(store);
  });
  details(store, header, arrays, theme);
  return () => {
    stopWatching();
    clearTimeout(store.busyTimer);
    clearTimeout(store.lookTimer);
  };
}

function build(store, parentElement) {
  store.bars_ = el("div", { class: "bars", role: "group", "aria-label": "What may come next; press a token to go on from it", "data-arrows": true });
  store.as = el("p", { class: "as" });
  store.table = el("div", { class: "chain-rows" });
  store.library = el("span", { class: "sub" });
  store.order = el("div", { class: "order" });
  store.said = el("p", { class: "sr-only", role: "status" });
  store.drawTitle = el("span", { class: "sub" });
  store.drawBox = el("div", { class: "draw" });
  store.sr = el("div", { class: "sr-only" });
  const legend = el("p", { class: "legend", "aria-hidden": "true" },
    el("span", {}, el("i", { class: "key now" }), "now"),
    el("span", {}, el("i", { class: "key gave" }), "as the model gave it"),
    el("span", {}, el("i", { class: "key gone" }), "removed"));
  store.mayCome = el("section", { class: "may-come" }, el("h2", { text: "What may come next" }), legend, store.bars_, store.as);
  store.root = el("div", { class: "picture", tabindex: 0, role: "group",
    "aria-label": "The next token. Space writes it, the left arrow takes the last one back." },
  el("div", { class: "columns" },
    store.mayCome,
    el("section", { class: "chain" },
      el("div", { class: "line" }, el("h2", { text: "The chain, in its order" }), store.library),
      el("div", { class: "chain-head", "aria-hidden": "true" }, el("span"), el("span", { text: "tokens left" }),
        el("span", { text: "mass removed" }), el("span", { text: "effective choices" })),
      store.table, store.order, store.said)),
  el("section", { class: "drawn" },
    el("div", { class: "line" }, el("h2", { text: "The draw" }), store.drawTitle), store.drawBox),
  store.sr);
  parentElement.append(store.root);
}

// ------------------------------------------------------------------------------------------------ for screen readers

function readable(store, header, arrays) {
  const S = header.stages.length;
  const table = el("table", {}, el("caption", { text: "What may come next: chances as the model gave them and after the chain" }),
    el("thead", {}, el("tr", {}, ["token", "as the model gave it", "now"].map((t) => el("th", { scope: "col", text: t })))),
    el("tbody", {}, header.rows.map((token, row) => el("tr", {}, el("th", { scope: "row", text: spoken(token) }),
      el("td", { text: percent(arrays.shares[row * S]) }),
      el("td", { text: arrays.shares[row * S + S - 1] ? percent(arrays.shares[row * S + S - 1]) : `removed by ${header.stages[token.cut ?? 0].name}` }))),
    el("tr", {}, el("th", { scope: "row", text: `the other ${header.others} together` }),
      el("td", { text: percent(arrays.others[0]) }), el("td", { text: percent(arrays.others[S - 1]) }))));
  const { draw } = header;
  store.sr.replaceChildren(table, el("p", { text: draw.greedy
    ? `Greedy: the next token is ${spoken(draw)}.`
    : `The random number ${draw.random.toFixed(3)} lands in ${spoken(draw)}, which lies from ${fmt(draw.low)} to ${fmt(draw.high)}.` }));
}
