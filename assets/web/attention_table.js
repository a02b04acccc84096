// Small tables under the picture: words, tokens, numbers and bars.

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const { header } = readPayload(data);
  const root = el("div", { class: "tables" }, header.sections.map((section) => tableSection(section)));
  if (store.root) store.root.replaceWith(root);
  else parentElement.append(root);
  store.root = root;
  // What scrolls must be reached by key, and what does not scroll must not be a stop on the way.
  return watchWidth(parentElement, () => {
    for (const box of root.querySelectorAll(".scroll")) {
      const scrolls = box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth;
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
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
      ? el("div", { class: "scroll", role: "group", "aria-label": section.title },
          el("table", {},
            el("thead", {}, el("tr", {}, section.columns.map(([label, kind]) => el("th", { scope: "col", class: kind, text: label })))),
            el("tbody", {}, section.rows.map((row) => el("tr", {}, row.map((value, i) => cell(value, section.columns[i][1])))))))
      : null);
}
