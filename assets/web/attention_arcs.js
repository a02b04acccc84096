// The sentence and where it looks: in a line under arcs, in a column beside arcs, or in two columns joined by lines.

// Which of the three: the reader's choice, else a line where it fits the width and a column where it does not.
function attLayout(store, total, width) {
  if (store.view.layout === "columns") return "columns";
  if (store.view.layout === "line") return "line";
  return width < 560 && total > width ? "column" : "line";
}

function attArcs(store, width) {
  const { grid, theme } = store;
  const pen = (store.pen ||= document.createElement("canvas").getContext("2d"));
  pen.font = `15px ${theme.mono}`;
  const widths = grid.labels.map((label) => Math.max(18, pen.measureText(label).width + 9));
  const layout = attLayout(store, widths.reduce((a, b) => a + b, 0), width);
  const box = el("div", { class: `arcs ${layout}`, role: "group", "aria-label": "The sentence; hover or focus a word to see where it looks" });
  const line = el("div", { class: "line" });
  const svg = svgEl("svg", { "aria-hidden": "true", class: "arcsvg" });
  store.base = svgEl("g", {});
  store.top = svgEl("g", {});
  svg.append(store.base, store.top);
  store.words = [];
  store.keys = [];
  store.scroller = box;
  store.layout = layout;
  ({ line: attInLine, column: attInColumn, columns: attInColumns })[layout](store, box, line, svg, widths, width);
  attWalk(line, store.words);
  if (grid.drawn) attBase(store);
  return box;
}

// One stop for Tab, arrows inside.
function attWalk(box, items) {
  box.onkeydown = (event) => {
    const at = items.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    if (!items[to]) return;
    items[at].tabIndex = -1;
    items[to].tabIndex = 0;
    items[to].focus();
  };
}

function attInLine(store, box, line, svg, widths, width) {
  const n = widths.length;
  // A sentence too long to lie in one line stands: its words turned, as under the matrix.
  const standing = widths.reduce((a, b) => a + b, 0) > width - 4;
  const sizes = standing ? widths.map(() => 21) : widths;
  const sum = sizes.reduce((a, b) => a + b, 0);
  const spare = Math.max(0, width - sum - 4);
  const between = n > 1 ? Math.min(22, spare / (n - 1)) : 0;
  let x = Math.max(2, Math.min(40, (spare - between * (n - 1)) / 2));
  const places = [];
  const starts = sizes.map((size) => {
    const start = x;
    x += size + between;
    places.push(start + size / 2);
    return start;
  });
  if (standing) {
    box.classList.add("standing");
    line.style.height = `${Math.min(150, Math.max(...widths) + 14)}px`;
  }
  const whole = Math.max(width, x);
  const roof = Math.max(96, Math.min(168, whole * 0.2));
  const height = roof + 8;
  const lift = (q, k) => Math.min(roof - 22, (Math.abs(places[q] - places[k]) / 2) * 0.85 + 6);
  store.path = (q, k) => `M ${places[k]} ${height} C ${places[k]} ${height - lift(q, k) * 1.33}, ${places[q]} ${height - lift(q, k) * 1.33}, ${places[q]} ${height}`;
  store.apex = (q, k) => [(places[q] + places[k]) / 2, height - lift(q, k) - 7, "middle"];
  store.dot = (k) => [places[k], height - 3];
  svg.setAttribute("width", whole);
  svg.setAttribute("height", height);
  line.style.width = `${whole}px`;
  store.grid.labels.forEach((label, i) => line.append(attWord(store, i, label, { left: `${starts[i]}px`, width: `${sizes[i]}px` })));
  box.append(svg, line);
}

const ATT_ROW = 27;

function attInColumn(store, box, line, svg, widths, width) {
  const n = widths.length;
  const places = widths.map((_, i) => i * ATT_ROW + ATT_ROW / 2);
  const text = Math.min(width * 0.5, Math.max(...widths) + 14);
  const room = width - text - 50;
  const depth = (q, k) => 10 + (room - 10) * Math.pow(Math.abs(places[q] - places[k]) / Math.max(1, (n - 1) * ATT_ROW), 0.75);
  store.path = (q, k) => `M ${text} ${places[k]} C ${text + depth(q, k) * 1.33} ${places[k]}, ${text + depth(q, k) * 1.33} ${places[q]}, ${text} ${places[q]}`;
  store.apex = (q, k) => [text + depth(q, k) + 6, (places[q] + places[k]) / 2 + 5, "start"];
  store.dot = (k) => [text, places[k]];
  svg.setAttribute("width", width);
  svg.setAttribute("height", n * ATT_ROW);
  line.style.width = `${text}px`;
  line.style.height = `${n * ATT_ROW}px`;
  store.grid.labels.forEach((label, i) => line.append(attWord(store, i, label, { top: `${i * ATT_ROW}px`, height: `${ATT_ROW - 3}px`, right: "6px" })));
  box.append(el("div", { class: "roll" }, line, svg));
}

// Who looks on the left, at whom on the right.
function attInColumns(store, box, line, svg, widths, width) {
  const n = widths.length;
  const text = Math.min(width * 0.34, Math.max(...widths) + 14);
  const whole = Math.min(width, Math.max(text * 2 + 160, 560));
  const places = widths.map((_, i) => i * ATT_ROW + ATT_ROW / 2);
  const [from, to] = [text, whole - text];
  const bend = (to - from) * 0.42;
  store.path = (q, k) => `M ${from} ${places[q]} C ${from + bend} ${places[q]}, ${to - bend} ${places[k]}, ${to} ${places[k]}`;
  store.apex = (q, k) => [to - 8, places[k] - 8, "end"];
  store.dot = (k) => [to, places[k]];
  svg.setAttribute("width", whole);
  svg.setAttribute("height", n * ATT_ROW);
  line.style.width = `${text}px`;
  line.style.height = `${n * ATT_ROW}px`;
  const keys = el("div", { class: "line keys", "aria-hidden": "true", style: { width: `${text}px`, height: `${n * ATT_ROW}px`, left: `${to}px` } });
  store.grid.labels.forEach((label, i) => {
    const place = { top: `${i * ATT_ROW}px`, height: `${ATT_ROW - 3}px` };
    line.append(attWord(store, i, label, { ...place, right: "6px" }));
    const key = el("span", { class: "word", text: label, style: { ...place, left: "6px" } });
    key.onpointerenter = (event) => {
      if (event.pointerType === "touch") return;
      attHover(store, { query: attActive(store).query, key: i, from: true });
    };
    key.onclick = () => attPin(store, { query: attActive(store).query, key: i });
    store.keys.push(key);
    keys.append(key);
  });
  box.append(
    el("p", { class: "twoheads", style: { width: `${whole}px` }, "aria-hidden": "true" }, el("span", { text: "who looks" }), el("span", { text: "at whom" })),
    el("div", { class: "roll", style: { width: `${whole}px` } }, line, svg, keys),
  );
}

function attWord(store, index, label, style) {
  const { grid } = store;
  const word = el("button", { type: "button", class: "word", style, tabindex: index === 0 ? 0 : -1, text: label });
  word.onpointerenter = (event) => {
    if (event.pointerType !== "touch") attHover(store, { query: index, key: null });
  };
  word.onfocus = () => {
    // Said when it is reached; two hundred rows are not sorted for words that nobody has come to.
    const row = attRow(store, index).slice(0, 3);
    word.setAttribute("aria-label", `${label}, number ${index}; looks at ${row.map(([k, w]) => `${grid.labels[k]} ${grid.say(w)}`).join(", ")}`);
    if (word.matches(":focus-visible")) attHover(store, { query: index, key: null });
  };
  word.onblur = () => attHover(store, null);
  word.onclick = () => attPin(store, { query: index, key: null });
  store.words.push(word);
  return word;
}

// The quiet arcs of the whole sentence: at most 200, the strongest.
function attBase(store) {
  const { grid, theme } = store;
  const pairs = [];
  for (let q = 0; q < grid.n; q++) {
    for (let k = 0; k < grid.n; k++) {
      if ((k === q && store.layout !== "columns") || !grid.sees(q, k) || grid.hidden.has(k)) continue;
      const strong = grid.strength(grid.at(q, k));
      if (strong >= 0.04) pairs.push([q, k, strong]);
    }
  }
  pairs.sort((a, b) => b[2] - a[2]);
  const fragment = document.createDocumentFragment();
  for (const [q, k, w] of pairs.slice(0, 200).reverse()) {
    fragment.append(svgEl("path", { d: store.path(q, k), fill: "none", stroke: theme.grey, "stroke-width": (0.8 + 5.4 * w).toFixed(2), "stroke-opacity": (0.16 + 0.5 * w).toFixed(2) }));
  }
  store.base.replaceChildren(fragment);
}

// The arcs of the row that is looked at, or, from a word on the right of two columns, of all that look at it.
function attBright(store, active, key, row) {
  const { grid, theme } = store;
  const arcs = document.createDocumentFragment();
  store.top.replaceChildren();
  if (!grid.drawn) return;
  const pairs = active.from
    ? grid.labels.map((_, q) => [q, key, grid.sees(q, key) ? grid.at(q, key) : 0]).sort((a, b) => b[2] - a[2])
    : row.map(([k, w]) => [active.query, k, w]);
  for (const [q, k, w] of pairs.slice(0, 24).reverse()) {
    const strong = grid.strength(w);
    if ((k === q && store.layout !== "columns") || !(strong >= 0.01) || (grid.hidden.has(k) && k !== active.key)) continue;
    arcs.append(svgEl("path", {
      d: store.path(q, k), fill: "none", stroke: active.from ? theme.categories[1] : theme.accent, "stroke-linecap": "round",
      "stroke-width": (1 + 6.5 * strong).toFixed(2), "stroke-opacity": k === key ? 1 : Math.min(1, 0.35 + strong).toFixed(2),
    }));
  }
  if (key !== null && (key !== active.query || store.layout === "columns")) {
    const [x, y, anchor] = store.apex(active.query, key);
    const [dx, dy] = store.dot(key);
    arcs.append(
      svgEl("circle", { cx: dx, cy: dy, r: 5, fill: theme.categories[1] }),
      svgEl("text", { x, y, "text-anchor": anchor, class: "value", fill: theme.accent, text: grid.say(grid.at(active.query, key)) }),
    );
  }
  store.top.append(arcs);
}

function attIntoView(store, word) {
  const box = store.scroller;
  if (store.layout === "line") {
    const left = word.offsetLeft;
    if (left < box.scrollLeft || left + word.offsetWidth > box.scrollLeft + box.clientWidth) box.scrollLeft = left - box.clientWidth / 2;
  } else if (box.scrollHeight > box.clientHeight + 4) {
    const top = word.offsetTop;
    if (top < box.scrollTop || top + word.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
  }
}
