// Why this hit: the sums behind the scores. Reads the same payload as the Search picture, with `nearest` added.

const WHY_COLOURS = [2, 0, 1, 3, 5, 4, 6];
const whyColour = (number) => `var(--c${number < WHY_COLOURS.length ? WHY_COLOURS[number] : 7})`;
const whyBare = (x, digits) => x.toFixed(digits).replace(/^(-?)0\./, "$1.");
const whyPlace = (n) => {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  return `${n}${end}`;
};

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const store = instance(parentElement, () => ({}));
  const { header, arrays } = readPayload(data);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "why-panel" });
    parentElement.append(store.root);
  }
  const theme = themeOf(parentElement);
  theme.categories.forEach((colour, i) => store.root.style.setProperty(`--c${i}`, colour));
  for (const [name, value] of [["--muted", theme.muted], ["--hairline", theme.hairline]]) store.root.style.setProperty(name, value);
  const follow = (p) => setTriggerValue("follow", `${header.id}:${p}`);
  store.root.replaceChildren(
    el("div", { class: "half" }, sums(header, arrays, follow)),
    el("div", { class: "half" }, factors(header), fused(header, arrays), nearest(header, follow)));
  return watchWidth(parentElement, (width) => store.root.classList.toggle("one", width < 760));
}

function best(ranks, count) {
  const list = [];
  for (let i = 0; i < ranks.length; i++) if (ranks[i] > 0 && ranks[i] <= count) list[ranks[i] - 1] = i;
  return list;
}

function sums(header, arrays, follow) {
  const top = best(arrays.ranks_bm25, 4);
  const p = header.followed;
  const shown = p === null || top.includes(p) ? top : [...top.slice(0, 3), p];
  const most = top.length ? arrays.scores_bm25[top[0]] : 1;
  const rows = shown.map((q) => {
    const detail = header.passages[q];
    const rank = arrays.ranks_bm25[q];
    const title = el("button", { type: "button", class: q === p ? "name now" : "name", "aria-pressed": String(q === p), on: { click: () => follow(q) } },
      detail.title, el("small", { text: rank ? whyPlace(rank) : "none" }));
    const head = el("div", { class: "head" }, title, el("span", { class: "mono", text: rank ? arrays.scores_bm25[q].toFixed(2) : "0" }));
    if (!rank) return el("li", {}, head, el("span", { class: "nobar" }), el("p", { class: "quiet", text: "no word of the question stands in it" }));
    const parts = detail.terms.map((t) => [t.found > 1 ? `${t.word} × ${t.found}` : t.word, t.score, whyColour(t.colour)]);
    if (detail.others > 0) parts.push(["further words", detail.others, "var(--c7)"]);
    return el("li", {}, head,
      el("div", { class: "parts" }, parts.map(([label, value, colour]) =>
        el("div", { class: "part", style: { width: `${(100 * value) / most}%`, "--c": colour } },
          el("i", {}), el("span", { class: "word", text: label }), el("span", { class: "mono", text: value.toFixed(2) })))));
  });
  return [el("h2", { text: "Keyword: a sum over shared words" }),
    rows.length ? el("ul", { class: "sums" }, rows) : el("p", { class: "quiet", text: "No passage shares a word with the question, so there is nothing to sum." })];
}

function factors(header) {
  const detail = header.followed === null ? null : header.passages[header.followed];
  if (!detail || !detail.terms.length) return null;
  const cells = (list, tag = "td") => list.map((text, i) => el(i ? tag : "th", { class: i ? "mono" : null, scope: i ? null : "row", text }));
  return el("section", {},
    el("h2", { text: `Inside the sum: ${detail.title}` }),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Factors of each word" }, el("table", {},
      el("thead", {}, el("tr", {}, ["word", "passages", "idf", "times here", "saturation", "score"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, detail.terms.map((t) => el("tr", {}, cells([t.word, `${t.passages} of ${header.count}`,
        t.idf.toFixed(2), String(t.found), `× ${t.saturation.toFixed(2)}`, `= ${t.score.toFixed(2)}`])))))),
    el("p", { class: "quiet", text: "idf: a word that few passages have weighs more. Saturation: a second time adds less than the first, and a long passage is held back."
      + (detail.terms.some((t) => t.count > 1) ? " A word that the question has twice counts twice." : "") }));
}

function fused(header, arrays) {
  const p = header.followed;
  if (p === null) return null;
  const k = header.settings.rrf_k;
  const ranks = [arrays.ranks_bm25[p], arrays.ranks_dense[p]];
  const part = (rank) => (rank ? `1/(${k} + ${rank})` : "0");
  const total = arrays.scores_rrf[p];
  const twin = Math.round(2 / total - k);
  return el("section", {},
    el("h2", { text: "Both: a sum over ranks" }),
    el("p", { class: "mono", text: `${part(ranks[0])} + ${part(ranks[1])} = ${whyBare(total, 4)}` }),
    el("p", { class: "quiet", text: (ranks[0]
      ? `Keyword ${whyPlace(ranks[0])}, meaning ${whyPlace(ranks[1])}. `
      : `Keyword does not have it, meaning ${whyPlace(ranks[1])}. `)
      + (twin > 0 && ranks[0] !== ranks[1] ? `Coming ${whyPlace(twin)} in both lists would give about as much.` : "Scores play no part, only ranks.") }));
}

function nearest(header, follow) {
  if (!header.nearest || !header.nearest.length) return null;
  return el("section", {},
    el("h2", { text: "Nearest to it by meaning" }),
    el("ul", { class: "near" }, header.nearest.map(([q, cosine]) => el("li", {},
      el("button", { type: "button", class: "name", text: header.titles[q], on: { click: () => follow(q) } }),
      el("span", { class: "track", "aria-hidden": "true" }, el("i", { style: { width: `${Math.max(0, cosine) * 100}%` } })),
      el("span", { class: "mono", text: whyBare(cosine, 2) })))));
}
