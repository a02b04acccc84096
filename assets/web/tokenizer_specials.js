// Rows of chips in which control tokens stand out. Header: rows of {title, badge, note, count, tokens: [text, kind]};
// kind 0 a token of the template or of the text, 1 a control token, 2 a control token that came from a message, 3 a message's own words.

const SAYS = ["", "control token", "control token typed in a message", ""];

function chip([text, kind]) {
  return el("span", { class: `chip k${kind}`, title: SAYS[kind] || null, text: visible(text) || "∅", dir: "auto" });
}

function flow(row) {
  const node = el("div", { class: "flow" });
  for (const token of row.tokens) {
    node.append(chip(token));
    if (token[1] !== 1 && token[0].includes("\n")) node.append(el("br"));
  }
  if (row.count > row.tokens.length) node.append(` and ${(row.count - row.tokens.length).toLocaleString("en-US")} more`);
  return node;
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "ts" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["muted", "hairline", "accent", "panel", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--t0", theme.tints[0]);
  const { header } = readPayload(data);
  const kinds = new Set(header.rows.flatMap((row) => row.tokens.map((token) => token[1])));
  const key = el("div", { class: "key", "aria-hidden": "true" },
    ...[[0, header.rows.some((row) => row.control !== undefined) ? "the format's own words" : "ordinary"], [3, "a message's words"], [1, "control token"], [2, "control token that a message brought"]]
      .filter(([kind]) => kinds.has(kind)).map(([kind, words]) => el("span", {}, el("span", { class: `chip k${kind}` }), words)));
  root.replaceChildren(key, ...header.rows.map((row) => el("section", { class: "row", "aria-label": row.title },
    el("p", { class: "head" }, el("b", { text: row.title }),
      row.trouble ? null : el("span", { class: "count", text: `${row.count.toLocaleString("en-US")} token${row.count === 1 ? "" : "s"}${row.control !== undefined ? `, ${row.control} of them control tokens` : ""}` }),
      row.badge ? el("span", { class: "badge", text: row.badge }) : null),
    row.trouble ? el("p", { class: "warning", text: row.trouble }) : flow(row),
    row.warning ? el("p", { class: "warning", text: row.warning, dir: "auto" }) : null,
    row.note ? el("p", { class: "note", text: row.note, dir: "auto" }) : null)));
  const chats = header.rows.some((row) => row.control !== undefined);
  return watchWidth(parentElement, (width) => root.classList.toggle("pair", chats && width >= 900));
}
