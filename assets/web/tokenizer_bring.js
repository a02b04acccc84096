// "Bring your own". Header: `card` (what is known of a tokenizer file) or `decoded` (ids or bytes, read by one tokenizer).
// Text is only ever set as textContent.

const KIND_SAYS = { ordinary: "ordinary", special: "special", unknown: "the unknown token", missing: "no entry has this id" };
const strictly = new TextDecoder("utf-8", { fatal: true });
const SPEAKABLE = 150;

const bytesOf = (digits) => Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0"));

function spelled(bytes) {
  try {
    return strictly.decode(bytes);
  } catch {
    return null;
  }
}

function card({ title, about, specials, special_count: count, notes, known }) {
  const chips = el("p", { class: "specials" }, el("span", { class: "what", text: count ? `${count.toLocaleString("en-US")} special token${count === 1 ? "" : "s"}` : "No special tokens" }));
  for (const [name, id] of specials.slice(0, 12)) chips.append(el("span", { class: "chip special", title: `id ${id}` }, visible(name), el("small", { text: String(id) })));
  if (count > Math.min(12, specials.length)) chips.append(el("span", { class: "what", text: `and ${(count - Math.min(12, specials.length)).toLocaleString("en-US")} more` }));
  const odd = notes.filter((note) => !/no special tokens/i.test(note) || count);
  return [el("h3", { text: title, dir: "auto" }), el("p", { class: "about" }, ...about.map((part) => el("span", { text: part }))),
    known ? chips : null,
    odd.length ? el("ul", { class: "odd", "aria-label": "What is odd about it" }, ...odd.map((note) => el("li", { text: note, dir: "auto" }))) : known ? el("p", { class: "fine", text: "Nothing odd about it." }) : null];
}

function face(bytes, kind) {
  if (kind === "missing") return "no entry";
  const text = spelled(bytes);
  return text === null ? null : visible(text) || "∅";
}

function part([id, digits, kind, broken, shares], place, tell) {
  const bytes = bytesOf(digits);
  const text = face(bytes, kind);
  const wrong = new Set(broken);
  const body = el("span", { class: "body", dir: "auto" });
  if (text !== null && !wrong.size) body.append(text);
  else hexOf(bytes).forEach((byte, at) => body.append(at ? " " : "", el("span", { class: wrong.has(at) ? "wrong" : "", text: byte })));
  const classes = ["chip", `t${place % 6}`, kind, wrong.size ? "broken" : "", text === null && !wrong.size ? "shares" : ""];
  const says = kind === "missing" ? `id ${id}: no entry has it`
    : `id ${id}: bytes ${hexOf(bytes).join(" ") || "none"}, ${KIND_SAYS[kind]}${wrong.size ? `; ${wrong.size} of its bytes belong${wrong.size === 1 ? "s" : ""} to no whole character` : shares ? "; part of a character that its neighbours complete" : ""}`;
  const node = el("span", { class: classes.filter(Boolean).join(" "), role: "option", "aria-label": says }, body, el("small", { text: String(id) }));
  node.onmouseenter = () => tell(says);
  node.onfocus = () => tell(says);
  return node;
}

function byteRow({ hex, rest, broken, inside }) {
  const wrong = new Set(broken);
  const within = new Set(inside);
  return el("p", { class: "raw", "aria-label": "The bytes" }, ...hexOf(bytesOf(hex)).map((byte, place) =>
    el("span", { class: `${wrong.has(place) ? "wrong" : ""}${within.has(place) ? " within" : ""}`, text: byte })), rest ? ` and ${rest.toLocaleString("en-US")} more` : null);
}

function table(parts, title, count) {
  const rows = parts.slice(0, SPEAKABLE).map(([id, digits, kind, broken]) => {
    const bytes = bytesOf(digits);
    return el("tr", {}, el("td", { text: String(id) }), el("td", { text: face(bytes, kind) || "part of a character" }), el("td", { text: hexOf(bytes).join(" ") }),
      el("td", { text: broken.length ? "not valid UTF-8" : KIND_SAYS[kind] }));
  });
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `Ids read by ${title}${count > rows.length ? `, the first ${rows.length} of ${count}` : ""}` }),
    el("thead", {}, el("tr", {}, ...["id", "text", "bytes", "kind"].map((name) => el("th", { scope: "col", text: name })))), el("tbody", {}, ...rows)));
}

function decoded({ title, says, text, cut, count, row, parts, trouble }) {
  const line = el("p", { class: "tell", "aria-live": "polite", text: "\u00a0" });
  const tell = (words) => (line.textContent = words);
  const flow = el("div", { class: "flow", role: "listbox", "aria-label": `Ids read by ${title}`, "aria-orientation": "horizontal" },
    ...parts.map((one, place) => part(one, place, tell)), count > parts.length ? el("span", { class: "what", text: ` and ${(count - parts.length).toLocaleString("en-US")} more` }) : null);
  moveByArrows(flow, ".chip");
  const shown = el("p", { class: "text", dir: "auto", "aria-label": "The text" });
  for (const piece of text.split(/(\ufffd|\n)/)) {
    if (piece === "\ufffd") shown.append(el("span", { class: "wrong", text: piece, title: "bytes that are no text" }));
    else if (piece === "\n") shown.append(el("span", { class: "mark", text: "↵" }), el("br"));
    else if (piece) shown.append(piece);
  }
  if (cut) shown.append(" …");
  return [row ? byteRow(row) : null, el("p", { class: "says" }, ...says.map((words) => el("span", { text: words }))),
    trouble ? el("p", { class: "trouble", text: trouble }) : null, parts.length ? flow : null, parts.length ? line : null,
    parts.length && text ? el("p", { class: "what", text: "The text" }) : null, parts.length && text ? shown : null, parts.length ? table(parts, title, count) : null];
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tb" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["paper", "panel", "ink", "muted", "hairline", "accent", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  theme.tints.forEach((tint, i) => root.style.setProperty(`--t${i}`, tint));
  const { header } = readPayload(data);
  root.classList.toggle("card", Boolean(header.card));
  root.replaceChildren(...(header.card ? card(header.card) : decoded(header.decoded)).filter(Boolean));
  return watchWidth(parentElement, () => {});
}
