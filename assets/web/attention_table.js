// Small tables under the picture: words, tokens, numbers and bars.

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const { header } = readPayload(data);
  const root = el("div", { class: "tables" }, header.sections.map((section) => tableSection(section)));
  if (store.root) store.root.replaceWith(root);
  else parentElement.append(root);
  store.root = root;
}

function tableSection(section) {
  const cell = (value, kind) => {
    if (kind === "term") {
      return el("th", { scope: "row", class: "term" }, value[0], el("span", { class: "means", text: value[1] }));
    }
    if (kind === "bar") {
      const [share, words] = Array.isArray(value) ? value : [value, value === null ? "–" : value.toFixed(3)];
      if (share === null) return el("td", { class: "bar", text: words });
      return el("td", { class: "bar" },
        el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${Math.max(0, Math.min(1, share)) * 100}%` } })),
        el("span", { class: "amount", text: words }));
    }
    if (kind === "token") return el("td", {}, el("span", { class: "token", text: visible(value) || "∅" }));
    return el("td", { class: kind, text: value ?? "–" });
  };
  return el("section", {},
    el("h3", { text: section.title }),
    section.note ? el("p", { text: section.note }) : null,
    section.rows.length
      ? el("div", { class: "scroll", tabindex: section.rows.length > 14 ? 0 : null, role: section.rows.length > 14 ? "group" : null, "aria-label": section.rows.length > 14 ? section.title : null },
          el("table", {},
            el("thead", {}, el("tr", {}, section.columns.map(([label, kind]) => el("th", { scope: "col", class: kind, text: label })))),
            el("tbody", {}, section.rows.map((row) => el("tr", {}, row.map((value, i) => cell(value, section.columns[i][1])))))))
      : null);
}
