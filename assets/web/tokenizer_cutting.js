// A text and its cut: what is kept in ink, what falls away faint; or chunks in tints, their shared tokens underlined.
// Header: way, limit, by, text (the drawn part, from character `from` on), whole (what is kept). Arrays: start, end, tokens.

const LISTED = 60;

// Places are counted in characters; JavaScript counts those beyond U+FFFF twice.
function slicer(text) {
  const signs = Array.from(text);
  return (from, to) => signs.slice(Math.max(0, from), Math.max(0, to)).join("");
}

function copyButton(words, text) {
  const button = el("button", { class: "copy", type: "button", text: words, on: { click: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser does not allow copying here";
    }
    setTimeout(() => (button.textContent = words), 1600);
  } } });
  return button;
}

function kept(header, arrays) {
  const slice = slicer(header.text);
  const [start, end] = [arrays.start[0] - header.from, arrays.end[0] - header.from];
  const gone = header.characters - (arrays.end[0] - arrays.start[0]);
  const drawn = Array.from(header.text).length;
  const says = el("p", { class: "says" },
    el("span", {}, el("strong", { text: arrays.tokens[0].toLocaleString("en-US") }), ` of at most ${header.limit.toLocaleString("en-US")} tokens, by ${header.by}`),
    el("span", { class: "muted", text: gone ? `${gone.toLocaleString("en-US")} of ${header.characters.toLocaleString("en-US")} characters cut off` : "nothing to cut off: the text is shorter" }),
    header.whole ? copyButton("Copy what is kept", () => header.whole) : el("span", { text: "The nearest sign alone needs more tokens than that." }));
  const edge = () => el("span", { class: "edge", "aria-hidden": "true" });
  const page = el("div", { class: "page", tabindex: "0", role: "region", "aria-label": "The text and its cut", dir: "auto" },
    start > 0 ? el("span", { class: "gone", text: slice(0, start) }) : null, start > 0 ? edge() : null,
    el("span", { class: "stays", text: slice(start, end) }),
    end < drawn ? edge() : null, end < drawn ? el("span", { class: "gone", text: slice(end, drawn) }) : null);
  return [says, page];
}

function pieces(header, arrays, store, redraw) {
  const slice = slicer(header.text);
  const drawn = Array.from(header.text).length;
  const { start, end, tokens } = arrays;
  const count = start.length;
  store.at = Math.min(store.at, count - 1);
  const page = el("div", { class: "page", tabindex: "0", role: "region", "aria-label": "The text in chunks", dir: "auto" });
  // Chunks overlap with their neighbours only: cut the text at every begin and end.
  const marks = [...new Set([...start, ...end].filter((place) => place <= drawn))].sort((a, b) => a - b);
  for (let m = 0; m + 1 < marks.length; m++) {
    const inside = [];
    for (let i = 0; i < count; i++) if (start[i] <= marks[m] && end[i] >= marks[m + 1]) inside.push(i);
    const on = inside.includes(store.at);
    page.append(el("span", { class: `piece t${inside[inside.length - 1] % 6}${inside.length > 1 ? " both" : ""}${on ? " on" : ""}`,
      title: inside.map((i) => `chunk ${i + 1}`).join(" and "), text: slice(marks[m], marks[m + 1]), on: { click: () => pick(inside[inside.length - 1]) } }));
  }
  const pick = (i) => {
    store.at = store.at === i ? -1 : i;
    redraw();
  };
  const total = tokens.reduce((sum, n) => sum + n, 0);
  const says = el("p", { class: "says" },
    el("span", {}, el("strong", { text: header.pieces.toLocaleString("en-US") }), ` chunk${header.pieces === 1 ? "" : "s"} of at most ${header.limit.toLocaleString("en-US")} tokens, by ${header.by}`),
    el("span", { class: "muted", text: header.pieces === count ? `${total.toLocaleString("en-US")} tokens in all, shared ones counted twice and underlined` : `the first ${count} are drawn` }),
    store.at >= 0 ? copyButton(`Copy chunk ${store.at + 1}`, () => slice(start[store.at], end[store.at])) : el("span", { class: "muted", text: "press a chunk to copy it" }));
  const list = el("ul", { class: "list", "aria-label": "Chunks" });
  for (let i = 0; i < Math.min(count, LISTED); i++) {
    list.append(el("li", {}, el("button", { type: "button", "aria-pressed": String(i === store.at), on: { click: () => {
      pick(i);
      store.root.querySelectorAll(".list button")[i].focus();
    } } }, `chunk ${i + 1}`, el("span", { class: "n", text: `${tokens[i]} tokens` }))));
  }
  moveByArrows(list, "button");
  return [says, page, list];
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ at: -1 }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tc" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["muted", "hairline", "accent", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  theme.tints.forEach((tint, i) => root.style.setProperty(`--t${i}`, tint));
  const { header, arrays } = readPayload(data);
  const redraw = () => root.replaceChildren(...(header.way === "chunks" ? pieces(header, arrays, store, redraw) : kept(header, arrays)));
  redraw();
  return watchWidth(parentElement, () => {});
}
