// One line that folds its box away where there is no room for it: on a phone the picture stands under the text, and the
// knobs behind this line. On a wide page the line is not there and the box is open.

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return;
  const { header } = readPayload(data);
  const store = instance(parentElement, () => ({ open: false }));
  const box = (parentElement.host || parentElement).closest(`.st-key-${header.box}`);
  if (!store.line) {
    store.title = el("b", {});
    store.words = el("span", {});
    store.line = el("button", { class: "fold", type: "button" }, store.title, store.words);
    store.line.addEventListener("click", () => {
      store.open = !store.open;
      store.show();
    });
    parentElement.append(store.line);
  }
  store.show = () => {
    store.line.setAttribute("aria-expanded", String(store.open));
    box?.setAttribute("data-fold", store.open ? "open" : "shut");
  };
  store.title.textContent = header.title;
  store.words.textContent = header.words;
  store.show();
}
