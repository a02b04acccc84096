// The text box of every page: example chips above, Enter sends, Shift+Enter breaks the line. On Tokens it also sends
// 250 ms after the last keystroke.
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const { header } = readPayload(data);
  const store = instance(parentElement, () => ({ pending: [], timer: 0 }));

  if (!store.root) {
    store.chips = el("div", { class: "chips", role: "group" });
    store.area = el("textarea", { id: "text", spellcheck: "false", autocomplete: "off" });
    store.label = el("label", { class: "sr-only", for: "text" });
    store.hint = el("span", { class: "hint" });
    store.send = el("button", { class: "send", type: "button", text: "Enter" });
    store.hint.append(store.send, el("span", { class: "hint-words" }));
    store.note = el("p", { class: "note", role: "status" });
    store.mirror = el("div", { class: "mirror", "aria-hidden": "true" });
    store.field = el("div", { class: "field" }, store.mirror, store.area);
    store.box = el("div", { class: "box" }, store.label, store.field, store.hint);
    store.root = el("div", { class: "root" }, store.chips, store.box, store.note);
    parentElement.append(store.root);
  }
  const { area, chips, note } = store;

  const send = (text) => {
    clearTimeout(store.timer);
    store.pending.push(text);
    store.sent = text;
    setTriggerValue("sent", text);
    mark(text);
  };
  const mark = (text) => {
    for (const chip of chips.children) {
      const on = header.examples[Number(chip.dataset.index)].text === text;
      chip.setAttribute("aria-pressed", on ? "true" : "false");
    }
  };
  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, header.rows > 2 ? 260 : 180)}px`;
  };

  store.label.textContent = header.label;
  area.placeholder = header.placeholder;
  area.rows = header.rows;
  store.hint.lastChild.textContent = header.hint;
  store.root.classList.toggle("mono-text", header.mono);
  chips.setAttribute("aria-label", "Examples");
  const wanted = JSON.stringify(header.examples);
  if (store.examples !== wanted) {
    store.examples = wanted;
    chips.replaceChildren(
      ...header.examples.map((example, i) =>
        el("button", { class: "chip", type: "button", text: example.label, "data-index": i, title: example.text.slice(0, 300) }),
      ),
    );
  }
  for (const chip of chips.children) {
    chip.onclick = () => {
      const text = header.examples[Number(chip.dataset.index)].text;
      area.value = text;
      grow();
      send(text);
    };
  }

  // What the server echoes may be older than what has been typed since: only a text that this box did not send
  // itself (a link, a lesson, another page) replaces what stands in it.
  const echo = store.pending.indexOf(header.text);
  if (echo >= 0) store.pending.splice(0, echo + 1);
  else if (header.text !== store.sent || store.fresh === undefined) {
    if (area.value !== header.text) area.value = header.text;
    store.sent = header.text;
  }
  store.fresh = false;
  mark(area.value);
  requestAnimationFrame(grow);
  note.textContent = header.note || "";
  note.hidden = !header.note;

  // The same text behind the box, unseen but for the stretch that another picture points at.
  const markSpan = (span) => {
    store.mirror.hidden = !span || span.text !== area.value.slice(0, span.text.length) || span.from >= span.to;
    if (store.mirror.hidden) return;
    store.mirror.style.width = `${area.clientWidth}px`;
    store.mirror.replaceChildren(area.value.slice(0, span.from), el("mark", { text: area.value.slice(span.from, span.to) }),
      `${area.value.slice(span.to)}\u200b`);
    store.mirror.style.transform = `translateY(${-area.scrollTop}px)`;
  };
  markSpan(null);
  if (header.live && !store.pointed) {
    store.pointed = (event) => store.mark && store.mark(event.detail);
    window.addEventListener("lg-token", store.pointed);
  }
  store.mark = markSpan;
  const tell = () => {
    if (header.live) window.dispatchEvent(new CustomEvent("lg-selection", { detail: { text: area.value, from: area.selectionStart, to: area.selectionEnd } }));
  };
  area.onselect = tell;
  area.onkeyup = tell;
  area.onclick = tell;
  area.onscroll = () => markSpan(null);

  area.oninput = () => {
    markSpan(null);
    grow();
    clearTimeout(store.timer);
    if (header.live) store.timer = setTimeout(() => send(area.value), 250);
  };
  area.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send(area.value);
    }
  };
  store.send.onclick = () => send(area.value);
  store.send.setAttribute("aria-label", header.hint ? `Enter ${header.hint}` : "Send");
  const stopWatching = watchWidth(parentElement, grow);
  return () => {
    stopWatching();
    window.removeEventListener("lg-token", store.pointed);
    store.pointed = null;
  };
}
