// The right half: whose attention is shown and how, the sentence, the matrix, and the list of where a word looks.

const ATT_WHOSE = [["head", "this head"], ["average", "layer's average"], ["rollout", "rollout"]];
const ATT_SHOW = [["rollout", "rollout"], ["even", "evenly spread"], ["ratio", "ratio"]];
const ATT_LAYOUTS = [["auto", "by width"], ["line", "arcs"], ["columns", "two columns"]];

function attSegments(label, choices, now, choose) {
  const box = el("div", { class: "segments", role: "group", "aria-label": label }, el("span", { class: "label", text: label }));
  for (const [value, words] of choices) {
    const button = el("button", { type: "button", text: words, "aria-pressed": String(value === now), "data-value": value });
    button.onclick = () => choose(value);
    box.append(button);
  }
  return box;
}

function attSwitch(words, on, title, choose) {
  const button = el("button", { type: "button", class: "switch", role: "switch", "aria-checked": String(on), title }, el("span", { class: "knob", "aria-hidden": "true" }), words);
  button.onclick = () => choose(!on);
  return button;
}

// The controls stay where they are while the picture under them changes; only what they say is renewed.
function attControls(store) {
  const { view, header } = store;
  const focus = store.controls.contains(store.focused()) ? store.focused() : null;
  const mark = focus && (focus.dataset.value || focus.textContent);
  const rolled = view.whose === "rollout";
  store.controls.replaceChildren(...[
    attSegments("Whose", ATT_WHOSE.filter(([whose]) => attOffers(store, whose)), view.whose, (whose) => attView(store, { whose })),
    rolled ? attSegments("Show", ATT_SHOW, view.show, (show) => attView(store, { show })) : null,
    attSegments("Layout", ATT_LAYOUTS, view.layout, (layout) => attView(store, { layout })),
    attSwitch("Whole words", view.words, "Pieces of a word taken together: summed as keys, averaged as queries", (words) => attView(store, { words })),
    view.whose === "head" && store.arrays.norms.shape[1]
      ? attSwitch("Weigh by value", view.value, "Each weight times the length of what that word's value adds", (value) => attView(store, { value }))
      : null,
  ].filter(Boolean));
  if (mark) [...store.controls.querySelectorAll("button")].find((one) => (one.dataset.value || one.textContent) === mark)?.focus({ preventScroll: true });
}

function attView(store, change) {
  store.view = { ...store.view, ...change };
  if ("words" in change) store.pinned = null;
  store.hover = null;
  attMarkChosen(store);
  attHead(store);
  store.tell("view", { ...store.view, turn: store.turn });
}

function attTitle(store) {
  const { header, view } = store;
  const [layer, head] = store.chosen;
  if (view.whose === "average") return `Layer ${layer}, average of ${header.heads} heads`;
  if (view.whose === "rollout") return `Rollout up to layer ${layer}`;
  return attName(store, layer, head);
}

function attSub(store) {
  const { view, grid } = store;
  const parts = [];
  if (!grid || !grid.drawn) parts.push(store.header.alone ? attAloneSays(store) : "exact numbers are on their way");
  else if (view.whose === "average") parts.push("what the heads of this layer do together");
  else if (view.whose === "rollout") {
    parts.push({ rollout: "all layers multiplied, half of each the word itself", even: "the same sum if every head looked everywhere alike: what the mask alone does", ratio: "how much more than the mask alone would give" }[view.show]);
  } else parts.push(attSays(store));
  if (grid?.drawn && !grid.exact) parts.push(attAloneSays(store));
  if (grid?.unit === "length") parts.push("numbers are lengths of what each word adds");
  if (grid && grid.unit !== "ratio" && grid.top > 0 && grid.top !== 1) parts.push(`strongest colour ${fmt(grid.top)}`);
  if (view.words) parts.push("whole words: keys summed, queries averaged");
  return parts.join("; ");
}

function attHead(store) {
  const width = store.right;
  if (!attOffers(store, store.view.whose)) store.view = { ...store.view, whose: "head" };
  store.grid = attGrid(store);
  attControls(store);
  store.title.textContent = attTitle(store);
  store.sub.textContent = attSub(store);
  if (!store.grid) return;
  const { grid } = store;
  if (store.pinned && (store.pinned.query >= grid.n || (store.pinned.key ?? 0) >= grid.n)) store.pinned = null;
  store.one.classList.toggle("coming", !grid.drawn);
  store.opening = attOpening(store);
  store.lit = {};
  const arcs = attArcs(store, width);
  const matrix = attMatrix(store, width);
  store.looks = el("div", { class: "looks" });
  store.said = el("p", { class: "sr-only", id: "att-said", role: "status" });
  const beside = el("div", { class: "beside" }, store.looks, attFacts(store));
  const lower = el("div", { class: "lower" }, matrix, beside);
  lower.style.gridTemplateColumns = store.wide || width > 620 ? `minmax(0, ${store.matrixWidth}px) minmax(170px, 1fr)` : "100%";
  store.stage.replaceChildren(arcs, lower, store.said, attTableForReaders(store));
  attLight(store);
  store.stage.onpointerleave = () => {
    store.tip.hide();
    attHover(store, null);
  };
}

// What is shown: the word under the pointer, else the pinned pair, else the opening one.
const attActive = (store) => store.hover || store.pinned || store.opening;

function attHover(store, pair) {
  const old = store.hover;
  if (old === pair || (old && pair && old.query === pair.query && old.key === pair.key)) return;
  store.hover = pair;
  attLight(store);
}

function attPin(store, pair) {
  const same = store.pinned && store.pinned.query === pair.query && store.pinned.key === pair.key;
  store.pinned = same ? null : { query: pair.query, key: pair.key };
  store.hover = null;
  attLight(store);
  if (store.view.words || store.view.whose !== "head") return;
  const key = attKeyOf(store, pair, attRow(store, pair.query));
  // Never null, which the server would not hear of where nothing was pinned here before, but by a link.
  store.tell("pinned", same || key === null ? [] : [pair.query, key]);
}

function attKeyOf(store, active, row) {
  if (active.key !== null && active.key !== undefined) return active.key;
  const seen = row.find(([k]) => !store.grid.hidden.has(k)) || row[0];
  return seen ? seen[0] : null;
}

// One hover for all: arcs, words, the matrix's row and the list beside it. Only what changes is touched.
function attLight(store) {
  const active = attActive(store);
  const { query } = active;
  const row = attRow(store, query);
  const key = attKeyOf(store, active, row);
  const pinned = store.pinned ? store.pinned.query : null;
  const swap = (list, name, at, on) => {
    const was = store.lit[name];
    if (was && was !== list[at]) was.classList.remove(on);
    store.lit[name] = at === null || at === undefined ? null : list[at];
    store.lit[name]?.classList.add(on);
  };
  swap(store.words, "query", query, "query");
  swap(store.keys.length ? store.keys : store.words, "key", key === query && !store.keys.length ? null : key, "key");
  swap(store.rowNames, "row", query, "on");
  swap(store.columnNames, "column", key, "on");
  if (store.lit.pinned !== store.words[pinned ?? -1]) {
    store.lit.pinned?.setAttribute("aria-pressed", "false");
    store.lit.pinned = store.words[pinned ?? -1];
    store.lit.pinned?.setAttribute("aria-pressed", "true");
  }
  store.base.setAttribute("opacity", store.hover || store.pinned ? "0.45" : "0.8");
  attBright(store, active, key, row);
  attFrames(store, query, key);
  attLooks(store, query, key, row);
  if (!store.hover && store.words[query]) attIntoView(store, store.words[query]);
}

function attLooks(store, query, key, row) {
  const { grid } = store;
  const first = row.slice(0, 6);
  if (key !== null && !first.some(([k]) => k === key)) first.splice(5, 1, [key, grid.at(query, key)]);
  const rest = row.filter(([k]) => !first.some(([f]) => f === k));
  const most = grid.unit === "weight" ? 1 : Math.max(1e-9, ...first.map(([, w]) => w));
  const bar = (name, w, kind, title, number) => el("div", { class: `bar ${kind}` },
    el("span", { class: "name", text: name, title }),
    el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${Math.max(w > ATT_SMALL ? 1.5 : 0, Math.min(1, w / most) * 100)}%` } })),
    el("span", { class: "number", text: number }));
  const label = (k, w) => (grid.even && grid.unit !== "ratio" ? `evenly spread ${grid.even[query * grid.n + k].toFixed(3)}, ratio ${fmt(grid.rolled[query * grid.n + k] / grid.even[query * grid.n + k])}` : `number ${k}`);
  const verb = grid.unit === "length" ? " takes from" : store.view.whose === "rollout" ? " is made of" : " looks at";
  store.looks.replaceChildren(
    el("h4", {}, el("span", { class: "chip", text: grid.labels[query] }), verb),
    ...first.map(([k, w]) => bar(grid.labels[k], w, k === key ? "key" : grid.hidden.has(k) ? "sink" : "", label(k, w), grid.say(w))),
  );
  if (rest.length && grid.unit === "weight") {
    const sum = rest.reduce((total, [, w]) => total + w, 0);
    store.looks.append(bar(`${rest.length} more`, sum, "rest", "", grid.say(sum)));
  }
  if (grid.even && key !== null) {
    const at = query * grid.n + key;
    store.looks.append(el("p", { class: "beside-null", text: `${grid.labels[key]}: rollout ${grid.rolled[at].toFixed(3)}, evenly spread ${grid.even[at].toFixed(3)}${grid.even[at] > 1e-9 ? `, ratio ${fmt(grid.rolled[at] / grid.even[at])}` : ""}` }));
  }
}

function attFacts(store) {
  const { header } = store;
  const [layer, head] = store.chosen;
  const line = (words, value, after = "") => el("p", {}, words, " ", el("b", { text: value }), after);
  const box = el("div", { class: "facts" });
  const names = ["induction", "previous", "first", ...(header.causal ? [] : ["next"]), "entropy"];
  for (const extra of [header.light, header.sort]) if (store.columns.has(extra) && !names.includes(extra)) names.push(extra);
  if (store.view.whose === "head") {
    for (const name of names) {
      const column = attColumn(store, name);
      const value = attScore(store, name, layer, head);
      if (Number.isNaN(value)) {
        if (name === "induction") box.append(el("p", { text: "Induction: nothing repeats here" }));
        continue;
      }
      box.append(line(column.source ? `${column.title}, ${column.source}:` : column.title, attScoreText(column, value), attRank(store, name, value)));
    }
    const share = header.heads / header.kv_heads;
    if (share > 1) {
      const from = Math.floor(head / share) * share;
      const others = Array.from({ length: share }, (_, i) => from + i).filter((other) => other !== head);
      box.append(line(others.length > 1 ? "Same keys as heads" : "Same keys as head", others.join(", ")));
    }
  }
  if (header.next.length) {
    const [best, second] = header.next;
    const next = el("p", { class: "next" }, "Next token: ", el("b", { class: "mono", text: attShown(best[0]) }), ` ${attPercent(best[1])}`);
    if (second) next.append(", then ", el("span", { class: "mono", text: attShown(second[0]) }), ` ${attPercent(second[1])}`);
    box.append(next);
  }
  return box;
}

function attRank(store, name, value) {
  const { values } = attColumn(store, name);
  let above = 0;
  for (const other of values) if (other > value) above++;
  return above === 0 ? `, first of ${values.length}` : above < 10 ? `, number ${above + 1}` : "";
}

// The same facts as a table, for those who do not see the picture: the strongest pairs.
function attTableForReaders(store) {
  const { grid } = store;
  const pairs = [];
  grid.labels.forEach((_, q) => {
    for (const [k, w] of attRow(store, q).slice(0, 2)) pairs.push([q, k, w]);
  });
  pairs.sort((a, b) => b[2] - a[2]);
  return el("table", { class: "sr-only" },
    el("caption", { text: `Strongest pairs of ${attTitle(store).replace(/^L/, "l")}` }),
    el("thead", {}, el("tr", {}, ["Token", "looks at", grid.unit].map((word) => el("th", { scope: "col", text: word })))),
    el("tbody", {}, pairs.slice(0, 30).map(([q, k, w]) => el("tr", {},
      el("th", { scope: "row", text: `${grid.labels[q]} (${q})` }), el("td", { text: `${grid.labels[k]} (${k})` }), el("td", { text: grid.say(w) })))));
}
