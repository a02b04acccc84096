// The first tokens of one column, one row a token, in a box that scrolls by itself. Same payload as tokenizer.js.

const ROWS = 200;
const WORDS = ["ordinary", "special", "part of a character", "unknown", "space added", "bare byte"];
const strict = new TextDecoder("utf-8", { fatal: true });

function spelled(bytes) {
  try {
    return visible(strict.decode(bytes));
  } catch {
    return ""; // part of a character: the next column has its bytes
  }
}

function rows(payload, index) {
  const { header, arrays } = payload;
  const column = header.columns[index];
  const [ids, start, end, kind] = ["ids", "start", "end", "kind"].map((name) => arrays[name + index]);
  const charAt = new Int32Array(arrays.text.length + 1);
  for (let i = 0; i < arrays.text.length; i++) charAt[i + 1] = charAt[i] + ((arrays.text[i] & 0xc0) !== 0x80 ? 1 : 0);
  const body = el("tbody");
  for (let i = 0; i < Math.min(ROWS, ids.length); i++) {
    const own = arrays.text.subarray(start[i], end[i]);
    const hex = [...own.subarray(0, 20)].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ") + (own.length > 20 ? " …" : "");
    const from = start[i] < end[i] ? charAt[start[i] + 1] - 1 : charAt[start[i]];
    const reads = column.pieces[i];
    body.append(el("tr", {}, el("td", { class: "n", text: String(i + 1) }), el("td", { class: "n", text: String(ids[i]) }),
      el("td", { class: "mono", dir: "auto", text: spelled(own) }), el("td", { class: "mono", text: hex }),
      el("td", { class: "n", text: `${start[i]}:${end[i]}` }), el("td", { class: "n", text: `${from}:${charAt[end[i]]}` }),
      el("td", {}, WORDS[kind[i]], reads === undefined ? null
        : el("span", { class: "reads" }, "read as ", el("span", { class: "mono", text: visible(reads) })))));
  }
  return body;
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ side: 0 }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tt" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["muted", "hairline", "paper", "accent"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  const payload = readPayload(data);
  const draw = () => {
    const { columns } = payload.header;
    if (!columns.length) {
      root.replaceChildren(el("p", { class: "caption", text: "Type a sentence, or press an example." }));
      return;
    }
    store.side = Math.min(store.side, columns.length - 1);
    const column = columns[store.side];
    const shown = Math.min(ROWS, column.drawn);
    const caption = shown < column.tokens ? `The first ${shown} of ${column.tokens.toLocaleString("en-US")} tokens. Export has all of them.`
      : `All ${shown.toLocaleString("en-US")} tokens.`;
    const sides = columns.map((one, index) => el("button", { type: "button", "aria-pressed": String(index === store.side), text: one.title,
      on: { click: () => {
        store.side = index;
        draw();
        root.querySelectorAll(".sides button")[index].focus();
      } } }));
    root.replaceChildren(el("div", { class: "sides", role: "group", "aria-label": "Column" }, ...sides, el("span", { class: "caption", text: caption })),
      el("div", { class: "box", tabindex: "0", role: "region", "aria-label": `Ids and bytes of ${column.title}` },
        el("table", {}, el("thead", {}, el("tr", {}, ...["place", "id", "text", "bytes", "byte range", "characters", "kind"].map((name) => el("th", { scope: "col", text: name })))),
          rows(payload, store.side))));
  };
  draw();
  return watchWidth(parentElement, () => {});
}
