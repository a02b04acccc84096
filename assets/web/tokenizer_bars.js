// Every tokenizer here: one row each, fewest tokens first. A press puts one into the right column.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tb" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["muted", "hairline", "accent", "panel", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--bar", theme.dark ? "#3E6E9C" : "#9DBEE3");
  root.style.setProperty("--good", theme.dark ? "#3CC79A" : "#00704F");
  const { header } = readPayload(data);
  const most = Math.max(1, ...header.rows.map((row) => row.tokens));
  const body = el("tbody");
  for (const row of header.rows) {
    const exact = row.exact ? el("span", {}, el("b", { class: "good", "aria-hidden": "true", text: "✓ " }), "exact")
      : el("span", { dir: "auto" }, el("b", { class: "warm", "aria-hidden": "true", text: "≠ " }), row.changes.slice(0, 4).map((change) => change.text).join("; "));
    body.append(el("tr", { class: row.chosen ? "chosen" : "" },
      el("th", { scope: "row" }, row.chosen ? el("span", { class: "name", text: row.title })
        : el("button", { class: "name", type: "button", title: "Put it into the right column", text: row.title,
          on: { click: () => setTriggerValue("choose", row.name) } }),
      el("span", { class: "about", text: row.about })),
      el("td", { class: "count" }, el("div", {}, el("span", { class: "number", text: row.tokens.toLocaleString("en-US") }),
        el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "bar", style: { width: `${(100 * row.tokens) / most}%` } })))),
      el("td", { class: "per", text: fmt(row.per_token) }),
      el("td", { class: "trip" }, exact)));
  }
  root.replaceChildren(el("table", {}, el("caption", { class: "sr-only", text: "The same text in every tokenizer that is here" }),
    el("thead", {}, el("tr", {}, ...["tokenizer", "tokens", "bytes a token", "does the text come back?"].map((name) => el("th", { scope: "col", text: name })))),
    body));
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 640));
}
