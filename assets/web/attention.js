// parts: attention_read attention_alone attention_map attention_arcs attention_matrix attention_head
// All heads as thumbnails, and one head large: arcs over the sentence and the matrix, with one hover for both.
// Nothing here asks the server until another head is chosen; hovering, pinning and moving answer at once.

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ chosen: null, turn: null, pinned: null, hover: null, text: null, lit: {} }));
  if (store.raw !== data) {
    store.raw = data;
    const { header, arrays } = readPayload(data);
    store.header = header;
    store.arrays = arrays;
    attReadScores(store);
    const text = header.pieces.join("\u0000") + header.model;
    if (text !== store.text) store.pinned = store.hover = store.grid = null;
    store.text = text;
    if (header.turn !== store.turn || !store.chosen || store.chosen[0] >= header.layers || store.chosen[1] >= header.heads) {
      store.turn = header.turn;
      tellNothing(store);
      store.chosen = header.chosen.slice();
      store.view = { ...header.view };
      if (header.pinned && !header.view.words) store.pinned = { query: header.pinned[0], key: header.pinned[1] };
    }
  }
  // Arrow keys run through many heads; the server hears of the one they stop at.
  store.tell = (name, value) => tellLater(store, setStateValue, name, () => value, 220);
  store.focused = () => parentElement.activeElement || parentElement.ownerDocument?.activeElement || document.activeElement;
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "att" });
    parentElement.append(store.root);
  }
  const stop = watchWidth(parentElement, (width) => attDraw(store, parentElement, width));
  // Whoever wants the picture itself (attention_png.js) is given its root and a line for under it.
  const giving = (event) => {
    if (!store.root.isConnected) return;
    attHover(store, null);
    event.detail.take(store.root, `${store.header.model}, ${attTitle(store).replace(/^L/, "l")}: ${store.header.pieces.join("").trim().replace(/\s+/g, " ")}`);
  };
  window.addEventListener("lg-attention", giving);
  return () => {
    stop();
    window.removeEventListener("lg-attention", giving);
  };
}

function attDraw(store, parentElement, width) {
  const wide = width >= 860;
  store.width = width;
  store.wide = wide;
  store.root.className = `att ${wide ? "wide" : "narrow"} ${store.theme.dark ? "dark" : "light"}`;
  store.tip = tip(parentElement);
  const gap = 36;
  const left = wide ? Math.round((width - gap) * 0.44) : width;
  store.right = wide ? width - gap - left : width;
  store.root.style.gridTemplateColumns = wide ? `${left}px ${store.right}px` : "100%";
  // What had the focus keeps it through a redrawing: a head of the map, a control, the matrix.
  const focus = store.focused();
  const onHead = focus && store.map?.contains(focus);
  const onControl = focus && store.controls?.contains(focus) ? focus.dataset.value || focus.textContent : null;
  const onMatrix = focus && focus.classList?.contains("matrix");
  store.map = el("section", { class: "map", "aria-label": "All heads" });
  store.title = el("h3");
  store.sub = el("p", { class: "sub", "aria-live": "polite" });
  store.controls = el("div", { class: "controls" });
  store.stage = el("div", { class: "stage" });
  store.one = el("section", { class: "one", "aria-label": "The chosen head" }, el("div", { class: "headline" }, store.title, store.sub), store.controls, store.stage);
  store.root.replaceChildren(store.map, store.one);
  attMap(store, left);
  attHead(store);
  if (onHead) (store.buttons.get(store.chosen.join()) || store.likeButton).focus({ preventScroll: true });
  if (onControl) [...store.controls.querySelectorAll("button")].find((one) => (one.dataset.value || one.textContent) === onControl)?.focus({ preventScroll: true });
  if (onMatrix) store.stage.querySelector(".matrix")?.focus({ preventScroll: true });
}
