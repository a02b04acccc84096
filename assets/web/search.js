// The Search picture: the question's words, ranked columns joined by lines, and a reading card for the followed
// passage. Hover and focus light a passage in every column; a click follows it and tells the page which one.

const ROW = 36, GAP = 5, HEAD = 62, NOTE = 34; // px, wide layout; the lines are computed from them
const TERM_COLOURS = [2, 0, 1, 3, 5, 4, 6]; // order of the theme's categories, the first three far apart
const NARROW = 600;

const colourOf = (number) => `var(--c${number < TERM_COLOURS.length ? TERM_COLOURS[number] : 7})`;

function ordinal(n) {
  const end = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  return n.toLocaleString("en-US") + end;
}

const bare = (x, digits) => x.toFixed(digits).replace(/^(-?)0\./, "$1.");

const SCORE = {
  bm25: (x) => x.toFixed(2),
  dense: (x) => bare(x, 3),
  rrf: (x) => (1000 * x).toFixed(1),
};
const score = (method, x) => (SCORE[method] || fmt)(x);

function topOf(ranks, top) {
  const list = [];
  for (let i = 0; i < ranks.length; i++) if (ranks[i] > 0 && ranks[i] <= top) list[ranks[i] - 1] = i;
  return list;
}

function reciprocal(k, rank) {
  return rank > 0 ? 1 / (k + rank) : 0;
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const store = instance(parentElement, () => ({ sent: [], drawn: "" }));
  const { header, arrays } = readPayload(data);
  store.header = header;
  store.arrays = arrays;
  store.ranks = (method, p) => arrays[`ranks_${method}`][p];
  store.scores = (method, p) => arrays[`scores_${method}`][p];
  store.tops = header.methods.map((m) => topOf(arrays[`ranks_${m.id}`], header.top));
  store.k = header.settings.rrf_k ?? 60;
  store.send = (p) => {
    store.sent = [...store.sent.slice(-4), p];
    setTriggerValue("follow", `${header.id}:${p}`);
  };
  // An answer to an earlier click may arrive after a later one: what this page sent itself is not taken back.
  const late = store.id === header.id && store.sent.includes(header.followed);
  if (!late) store.pinned = header.followed;
  if (store.pinned !== null && !(store.pinned in header.passages)) store.pinned = header.followed;
  store.id = header.id;

  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "search" });
    parentElement.append(store.root);
    store.drawn = "";
  }
  paint(store.root, themeOf(parentElement));
  return watchWidth(parentElement, (width) => {
    const now = JSON.stringify([header.id, header.settings, header.message, width, Object.keys(header.passages).length]);
    if (now !== store.drawn) draw(store, width);
    store.drawn = now;
    light(store, store.pinned);
  });
}

function paint(root, theme) {
  const set = (name, value) => root.style.setProperty(name, value);
  theme.categories.forEach((colour, i) => set(`--c${i}`, colour));
  set("--muted", theme.muted);
  set("--soft", theme.accentSoft);
  set("--on-accent", theme.onAccent);
  set("--hairline", theme.hairline);
  set("--line", theme.dark ? "#5B616D" : "#B9B3A4");
}

function draw(store, width) {
  const { root, header } = store;
  const narrow = width < NARROW;
  root.className = narrow ? "search narrow" : "search wide";
  store.narrow = narrow;
  store.said = el("p", { class: "sr-only", "aria-live": "polite" });
  store.card = el("article", { class: "card", "aria-label": "The followed passage" });
  const stage = narrow ? phoneStage(store) : wideStage(store, width);
  root.replaceChildren(strip(header), stage, store.card, table(store), store.said);
  root.onmouseleave = () => light(store, store.pinned);
  holdHeight(store);
}

// The card keeps the height of the longest passage it may show, so that reading along makes nothing jump.
function holdHeight(store) {
  store.card.style.minHeight = "";
  const entries = Object.entries(store.header.passages);
  if (!entries.length) return;
  const longest = (size) => Number(entries.reduce((a, b) => (size(b[1]) > size(a[1]) ? b : a))[0]);
  let height = 0;
  for (const p of new Set([longest((d) => d.text.length), longest((d) => d.terms.length)])) {
    fillCard(store, p);
    height = Math.max(height, store.card.offsetHeight);
  }
  store.card.style.minHeight = `${height}px`;
}

// ---------------------------------------------------------------------------------------- the words of the question

function strip(header) {
  const seen = new Set();
  const chips = [];
  const out = [];
  for (const word of header.words) {
    if (word.term === null) {
      if (!out.includes(word.text.toLowerCase())) out.push(word.text.toLowerCase());
    } else if (!seen.has(word.term)) {
      seen.add(word.term);
      const nowhere = word.passages === 0;
      chips.push(el("li", { class: nowhere ? "chip nowhere" : "chip", style: { "--c": colourOf(word.colour) } },
        el("b", { text: word.text }),
        word.term !== word.text.toLowerCase() ? el("span", { class: "stem mono", text: word.term }) : null,
        el("small", { text: nowhere ? "in none" : `in ${word.passages}` })));
    }
  }
  if (header.more_words) chips.push(el("li", { class: "rest", text: `and ${header.more_words} more words` }));
  if (out.length) chips.push(el("li", { class: "rest", text: `left out: ${out.slice(0, 8).join(", ")}${out.length > 8 ? " …" : ""}` }));
  const label = header.count
    ? `Words that keyword search looks up, and how many of the ${header.count} passages have them`
    : "Words that keyword search looks up";
  return el("div", { class: "strip" },
    el("p", { class: "strip-label", text: label }),
    el("ul", {}, chips.length ? chips : [el("li", { class: "rest", text: header.message ? " " : "none: there is no word of two letters or more" })]),
    header.notes.map((note) => el("p", { class: "note", text: note })));
}

// ----------------------------------------------------------------------------------------------------- wide: columns

function wideStage(store, width) {
  const { header } = store;
  const count = header.methods.length;
  const gutter = 34;
  const gap = Math.round(Math.min(104, Math.max(36, width * (count > 3 ? 0.034 : 0.068))));
  const column = (width - gutter - gap * (count - 1)) / count;
  const bodyHeight = header.top * (ROW + GAP);
  const height = HEAD + bodyHeight + NOTE + ROW + 4;
  const stage = el("div", { class: "stage", style: { height: `${height}px` } });
  stage.append(lines(store, { gutter, gap, column, width, height }));
  stage.append(el("ol", { class: "gutter", "aria-hidden": "true", style: { top: `${HEAD}px` } },
    Array.from({ length: header.top }, (_, i) => el("li", { text: i + 1 }))));
  store.trays = [];
  header.methods.forEach((method, i) => {
    const left = gutter + i * (column + gap);
    const rows = store.tops[i].map((p) => row(store, method, i, p));
    const none = !rows.length && !header.message;
    while (rows.length < header.top) rows.push(el("span", { class: "row empty" }));
    const tray = el("div", { class: "tray" });
    store.trays.push(tray);
    stage.append(el("section", { class: "col", "aria-label": method.name, style: { left: `${left}px`, width: `${column}px` } },
      heading(method),
      el("ol", { class: "rows" }, rows.map((node) => el("li", {}, node))),
      none ? el("p", { class: "none-here", text: "No passage shares a word with the question." }) : null,
      el("p", { class: "further", text: further(store, method, i) }),
      tray));
  });
  if (header.message) stage.append(el("p", { class: "message", role: "status", text: header.message }));
  arrows(store, stage);
  return stage;
}

function heading(method) {
  return el("h2", {}, method.name, el("small", { text: method.sub }));
}

function further(store, method, i) {
  const { header } = store;
  const found = header.found[method.id];
  const below = found - store.tops[i].length;
  const none = header.count - found;
  const parts = [];
  if (below > 0) parts.push(`${below} further down`);
  if (none > 0) parts.push(`${none} share no word`);
  return parts.join(", ");
}

function bar(store, method, p) {
  const { header } = store;
  const node = el("span", { class: "bar", "aria-hidden": "true" });
  const piece = (part, colour) => part > 0 && node.append(el("i", { style: { width: `${(100 * part).toFixed(2)}%`, background: colour } }));
  if (method === "bm25") {
    const best = store.scores("bm25", store.tops[header.methods.findIndex((m) => m.id === "bm25")][0]) || 1;
    const detail = header.passages[p];
    detail.terms.forEach((term) => piece(term.score / best, colourOf(term.colour)));
    piece(detail.others / best, "var(--c7)");
  } else if (method === "dense") {
    piece(Math.max(0, store.scores("dense", p)), "var(--muted)");
  } else if (method === "rrf") {
    const most = 2 / (store.k + 1);
    piece(reciprocal(store.k, store.ranks("bm25", p)) / most, "var(--c7)");
    piece(reciprocal(store.k, store.ranks("dense", p)) / most, "var(--muted)");
  } else {
    piece(Math.max(0, Math.min(1, store.scores(method, p))), "var(--muted)");
  }
  return node;
}

function row(store, method, column, p) {
  const detail = store.header.passages[p];
  const rank = store.ranks(method.id, p);
  const value = score(method.id, store.scores(method.id, p));
  return el("button", {
    class: "row", type: "button", tabindex: column === 0 && rank === 1 ? 0 : -1, "data-p": p, "data-column": column,
    "aria-pressed": "false", "aria-label": `${method.name} ${ordinal(rank)}: ${detail.title}, ${value}`,
    on: {
      mouseenter: () => light(store, p),
      focus: () => light(store, p),
      blur: () => light(store, store.pinned),
      click: () => follow(store, p),
    },
  },
  el("span", { class: "title", text: detail.title }),
  el("span", { class: "score mono", text: value }),
  bar(store, method.id, p));
}

function lines(store, { gutter, gap, column, width, height }) {
  const svg = svgEl("svg", { class: "lines", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const { header } = store;
  const trayY = HEAD + header.top * (ROW + GAP) + NOTE + ROW / 2;
  const y = (i, p) => {
    const at = store.tops[i].indexOf(p);
    return at < 0 ? trayY : HEAD + at * (ROW + GAP) + ROW / 2;
  };
  const all = Object.keys(header.passages).map(Number);
  for (let i = 0; i + 1 < header.methods.length; i++) {
    const x0 = gutter + i * (column + gap) + column;
    const x1 = x0 + gap;
    for (const p of all) {
      const inLeft = store.tops[i].includes(p);
      const inRight = store.tops[i + 1].includes(p);
      const y0 = y(i, p), y1 = y(i + 1, p);
      svg.append(svgEl("path", {
        class: inLeft && inRight ? "line" : inLeft || inRight ? "line out" : "line away",
        "data-p": p, d: `M${x0} ${y0}C${x0 + gap / 2} ${y0} ${x1 - gap / 2} ${y1} ${x1} ${y1}`,
      }));
    }
  }
  return svg;
}

// Up and down inside a column; left and right to the same passage where the next column has it, else to the same rank.
function arrows(store, stage) {
  const at = (column, rank) => {
    const list = store.tops[column];
    if (!list || !list.length) return null;
    const p = list[Math.max(0, Math.min(list.length - 1, rank))];
    return stage.querySelector(`.row[data-column="${column}"][data-p="${p}"]`);
  };
  stage.onkeydown = (event) => {
    const here = event.target.closest(".row[data-p]");
    if (!here) return;
    const p = Number(here.dataset.p);
    let column = Number(here.dataset.column);
    const rank = Math.max(0, store.tops[column].indexOf(p));
    let next = null;
    if (event.key === "ArrowDown") next = at(column, rank + 1);
    else if (event.key === "ArrowUp") next = at(column, rank - 1);
    else if (event.key === "Home") next = at(column, 0);
    else if (event.key === "End") next = at(column, 99);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const step = event.key === "ArrowRight" ? 1 : -1;
      do column += step; while (store.tops[column] && !store.tops[column].length);
      if (store.tops[column]) {
        const same = store.tops[column].indexOf(p);
        next = at(column, same < 0 ? rank : same);
      }
    } else return;
    event.preventDefault();
    if (!next) return;
    stage.querySelectorAll(".row[data-p]").forEach((node) => (node.tabIndex = -1));
    next.tabIndex = 0;
    next.focus();
  };
}

// ----------------------------------------------------------------------------------------- narrow: columns to swipe

function phoneStage(store) {
  const { header } = store;
  store.trays = [];
  const columns = header.methods.map((method, i) => {
    const tray = el("div", { class: "tray" });
    store.trays.push(tray);
    const rows = store.tops[i].map((p) => {
      const node = row(store, method, i, p);
      const rank = store.ranks(method.id, p);
      node.prepend(el("span", { class: "place", text: rank, "aria-hidden": "true" }));
      node.append(el("span", { class: "places mono", "aria-hidden": "true", text: header.methods.map((m) =>
        `${m.letter}${store.ranks(m.id, p) || "–"}`).join("  ") }));
      return node;
    });
    if (!rows.length) rows.push(el("p", { class: "nothing", text: header.message || "No passage shares a word with the question." }));
    return el("section", { class: "col", "aria-label": method.name }, heading(method),
      el("ol", { class: "rows" }, rows.map((node) => el("li", {}, node))),
      el("p", { class: "further", text: further(store, method, i) }), tray);
  });
  const scroller = el("div", { class: "swipe" }, columns);
  const tabs = header.methods.map((method, i) => el("button", {
    type: "button", "aria-pressed": String(i === 0), text: method.name,
    on: { click: () => scroller.scrollTo({ left: columns[i].offsetLeft - scroller.offsetLeft, behavior: calm() ? "auto" : "smooth" }) },
  }));
  scroller.onscroll = () => {
    const middle = scroller.scrollLeft + scroller.clientWidth / 2 + scroller.offsetLeft;
    const now = columns.findIndex((c) => c.offsetLeft + c.offsetWidth > middle);
    tabs.forEach((tab, i) => tab.setAttribute("aria-pressed", String(i === now)));
  };
  const key = header.methods.map((m) => `${m.letter} ${m.name.toLowerCase()}`).join(", ");
  const stage = el("div", {}, el("div", { class: "tabs", role: "group", "aria-label": "Column" }, tabs), scroller,
    el("p", { class: "hint", text: `Swipe for the other columns. Under each title its rank in each: ${key}.` }));
  arrows(store, stage);
  return stage;
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// ---------------------------------------------------------------------------------------------- following a passage

function follow(store, p) {
  store.pinned = p;
  light(store, p);
  const detail = store.header.passages[p];
  store.said.textContent = `Following ${detail.title}: ${places(store, p)}.`;
  store.send(p);
}

const places = (store, p) => store.header.methods.map((m) =>
  `${m.name.toLowerCase()} ${store.ranks(m.id, p) ? ordinal(store.ranks(m.id, p)) : "not found"}`).join(", ");

function light(store, p) {
  const { root, header } = store;
  root.querySelectorAll(".row[data-p]").forEach((node) => {
    const mine = Number(node.dataset.p);
    node.classList.toggle("lit", mine === p);
    node.classList.toggle("pinned", mine === store.pinned);
    if (node.hasAttribute("aria-pressed")) node.setAttribute("aria-pressed", String(mine === store.pinned));
  });
  root.querySelectorAll(".line.lit, .line.pinned").forEach((node) => node.classList.remove("lit", "pinned"));
  for (const [which, name] of [[store.pinned, "pinned"], [p, "lit"]]) {
    if (which === null) continue;
    root.querySelectorAll(`.line[data-p="${which}"]`).forEach((node) => {
      node.classList.add(name);
      node.parentNode.append(node);
    });
  }
  // A tray holds the lit passage where it fell out of the column, else the followed one where that did.
  const isOut = (q, i) => q !== null && q !== undefined && !store.tops[i].includes(q);
  header.methods.forEach((method, i) => {
    const tray = store.trays[i];
    const out = isOut(p, i) ? p : isOut(store.pinned, i) ? store.pinned : null;
    tray.className = out === null ? "tray" : out === store.pinned ? "tray out pinned" : "tray out";
    if (out === null) return tray.replaceChildren();
    const rank = store.ranks(method.id, out);
    tray.replaceChildren(
      el("span", { class: "title", text: header.passages[out].title }),
      el("span", { class: "score mono", text: rank ? ordinal(rank) : "no word" }));
  });
  fillCard(store, p);
}

// -------------------------------------------------------------------------------------------------- the reading card

function marked(detail) {
  const nodes = [];
  let at = 0;
  for (const [start, end, colour] of detail.spans) {
    nodes.push(detail.text.slice(at, start));
    nodes.push(el("mark", { style: { "--c": colourOf(colour) }, text: detail.text.slice(start, end) }));
    at = end;
  }
  nodes.push(detail.text.slice(at));
  return nodes;
}

function fillCard(store, p) {
  const { card, header } = store;
  if (p === null || p === undefined || !(p in header.passages)) {
    card.replaceChildren(el("p", { class: "hint", text: header.message ? "" : "Choose a passage to read it here." }));
    return;
  }
  const detail = header.passages[p];
  const meta = [detail.id, ...Object.values(detail.meta)].join(" · ");
  card.replaceChildren(
    el("div", { class: "reading" },
      el("h2", {}, detail.title.endsWith("…") && detail.text.startsWith(detail.title.slice(0, -1)) ? "The passage" : detail.title,
        el("small", { class: "mono", text: meta })),
      el("p", { class: "text", tabindex: detail.text.length > 900 ? 0 : null, dir: "auto" }, marked(detail)),
      el("dl", { class: "places-line" }, header.methods.map((m) => el("div", {},
        el("dt", { text: m.name.toLowerCase() }),
        el("dd", { text: store.ranks(m.id, p) ? ordinal(store.ranks(m.id, p)) : "–" }))))),
    el("div", { class: "why" }, whyKeyword(store, p, detail), whyMeaning(store, p), whyBoth(store, p)));
}

function whyKeyword(store, p, detail) {
  const total = store.scores("bm25", p);
  const head = el("h3", {}, "Keyword", el("span", { class: "mono", text: total > 0 ? total.toFixed(2) : "0" }));
  if (!(total > 0)) {
    return el("section", {}, head, el("span", { class: "sum none" }), el("p", { class: "hint", text: "No word of the question stands in it." }));
  }
  const parts = detail.terms.map((t) => ({ label: t.found > 1 ? `${t.word} × ${t.found}` : t.word, score: t.score, colour: colourOf(t.colour) }));
  if (detail.others > 0) parts.push({ label: "further words", score: detail.others, colour: "var(--c7)" });
  return el("section", {}, head,
    el("span", { class: "sum", "aria-hidden": "true" }, parts.map((t) => el("i", { style: { "flex-grow": 100 * t.score, background: t.colour } }))),
    el("ul", { class: "terms" }, parts.map((t) => el("li", { style: { "--c": t.colour } },
      el("b", { text: t.label }), el("span", { class: "mono", text: t.score.toFixed(2) })))));
}

function whyMeaning(store, p) {
  const cosine = store.scores("dense", p);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const x = 4 + 34 * Math.cos(angle), y = 36 - 34 * Math.sin(angle);
  return el("section", { class: "meaning" },
    el("h3", {}, "Meaning", el("span", { class: "mono", text: bare(cosine, 3) })),
    el("div", { class: "angle" },
      svgEl("svg", { width: 46, height: 40, viewBox: "0 0 46 40", "aria-hidden": "true" },
        svgEl("path", { class: "arc", d: `M${4 + 15} 36A15 15 0 0 0 ${4 + 15 * Math.cos(angle)} ${36 - 15 * Math.sin(angle)}` }),
        svgEl("path", { class: "ray", d: `M40 36H4L${x} ${y}` })),
      el("p", { class: "hint", text: `The vectors of question and passage are ${Math.round((angle * 180) / Math.PI)}° apart; the cosine of that is the score.` })));
}

function whyBoth(store, p) {
  const part = (rank) => (rank > 0 ? `1/(${fmtK(store.k)} + ${rank})` : "0");
  return el("section", {},
    el("h3", {}, "Both", el("span", { class: "mono", text: score("rrf", store.scores("rrf", p)) })),
    el("p", { class: "mono formula", text: `${part(store.ranks("bm25", p))} + ${part(store.ranks("dense", p))} = ${bare(store.scores("rrf", p), 4)}` }));
}

const fmtK = (k) => (Number.isInteger(k) ? String(k) : k.toFixed(1));

// --------------------------------------------------------------------------------------- the same facts as a table

function table(store) {
  const { header } = store;
  if (!header.count) return null;
  // In a box of its own: a table takes the width of its cells, whatever the class asks for.
  return el("div", { class: "sr-only" }, el("table", {},
    el("caption", { text: "Ranks and scores of the passages drawn above" }),
    el("thead", {}, el("tr", {}, el("th", { scope: "col", text: "Passage" }),
      header.methods.map((m) => el("th", { scope: "col", text: `${m.name}, rank and score` })))),
    el("tbody", {}, Object.entries(header.passages).map(([p, detail]) => el("tr", {},
      el("th", { scope: "row", text: detail.title }),
      header.methods.map((m) => {
        const rank = store.ranks(m.id, Number(p));
        return el("td", { text: rank ? `${ordinal(rank)}, ${score(m.id, store.scores(m.id, Number(p)))}` : "not found" });
      }))))));
}
