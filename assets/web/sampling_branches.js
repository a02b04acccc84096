// parts: sampling_label
// The tree of what was written: it grows from the text's last word to the right, a line's width is its chance after the
// chain. Pressing a word goes on from it; what only the server can do is sent as `act`.

const AHEAD = 5; // offers that are kept with each place
const LONG = 44; // a run of more words is folded in its middle
const ENDS = 13;

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ unfolded: new Set(), focus: null }));
  const theme = themeOf(parentElement);
  if (!store.root) {
    store.legend = el("div", { class: "legend" });
    store.lines = svgEl("svg", { class: "lines", "aria-hidden": "true" });
    store.grown = el("div", { class: "grown", role: "tree", "aria-label": "Branches: arrows move, Enter goes on from a word, Delete prunes, F2 names" });
    store.scroll = el("div", { class: "scroll" }, el("div", { class: "canvas" }, store.lines, store.grown));
    store.strip = el("div", { class: "strip" });
    store.pruned = el("div", { class: "pruned" });
    store.table = el("div", { class: "compare" });
    store.root = el("div", { class: "branches" }, store.legend, store.scroll, store.strip, store.pruned, store.table);
    parentElement.append(store.root);
  }
  const { root } = store;
  paintRoot(root, theme);
  const send = sender(store, root, header.written, setTriggerValue);
  const view = {
    store, header, theme, tree: readTree(header, arrays),
    act: (what, more) => {
      if (!header.running) send.act(what, more);
    },
  };
  const hadFocus = store.grown.contains(parentElement.activeElement || store.grown.getRootNode().activeElement);
  tip(store.root).hide();
  drawLegend(view);
  drawTree(view);
  drawPruned(view);
  drawTable(view);
  if (store.seenAt !== header.at) store.focus = `n${header.at}`;
  store.seenAt = header.at;
  rove(view, hadFocus);
  drawStrip(view, null);
  const stop = watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 700);
    connect(view);
  });
  connect(view);
  const here = store.grown.querySelector("[aria-selected=true]");
  const place = `${header.at} ${header.names[header.at] || ""}`;
  if (here && store.scrolledTo !== place) {
    const left = here.getBoundingClientRect().left;
    const right = Math.max(...[here, ...store.grown.querySelectorAll(".offer")].map((one) => one.parentNode.getBoundingClientRect().right));
    const frame = store.scroll.getBoundingClientRect();
    if (right > frame.right || left < frame.left) store.scroll.scrollLeft += Math.min(right - frame.right + 12, left - frame.left - 24);
    store.scrolledTo = place;
  }
  return () => {
    stop();
    clearTimeout(store.busyTimer);
  };
}

function readTree(header, arrays) {
  const nodes = new Map();
  arrays.number.forEach((number, row) => {
    const [chance, raw, surprise, rank] = arrays.numbers.subarray(row * 4, row * 4 + 4);
    const offers = [];
    for (let i = 0; i < AHEAD; i += 1) {
      const token = arrays.offer[row * AHEAD + i];
      if (token >= 0) offers.push({ token, chance: arrays.offer_chance[row * AHEAD + i] });
    }
    nodes.set(number, {
      number, up: arrays.up[row], label: number ? header.labels[arrays.token[row]] : header.root, token: arrays.token[row], chance, raw, surprise,
      rank, offers, kids: [], name: header.names[number] || "",
    });
  });
  for (const node of nodes.values()) if (node.up >= 0 && nodes.has(node.up)) nodes.get(node.up).kids.push(node);
  for (const node of nodes.values()) node.kids.sort((a, b) => b.chance - a.chance || a.number - b.number);
  const path = new Set();
  for (let node = nodes.get(header.at); node; node = nodes.get(node.up)) path.add(node.number);
  return { nodes, path, root: nodes.get(0) };
}

const wayTo = (tree, node) => {
  const way = [];
  for (let one = node; one && one.number; one = tree.nodes.get(one.up)) way.unshift(one);
  return way;
};
const shownText = (label) => (label.k === 2 ? `⟨${label.t}⟩` : label.t.trim() ? label.t.trim() : label.t);
const piece = (label) => visible(shownText(label)).replace(/·/g, label.t.trim() ? " " : "·");

// ----------------------------------------------------------------------------------------------------------- the tree

// From 0 to 1: how strongly a token is coloured, and with which of the scales.
function shade(header, node) {
  if (header.colour === "surprise") return { share: Math.min(1, node.surprise / 10), kind: "surprise" };
  if (header.colour === "probability") return { share: Math.sqrt(node.chance), kind: "probability" };
  return { share: 1, kind: `rank r${node.rank <= 1 ? 0 : node.rank <= 10 ? 1 : node.rank <= 100 ? 2 : 3}` };
}

function drawTree(view) {
  const { store, tree } = view;
  view.links = [];
  store.grown.replaceChildren(segment(view, tree.root, 1));
}

// A run of words up to the next fork, and what goes on from there. The text in sight ends a run, for what may follow it.
function segment(view, first, level) {
  const { header, tree } = view;
  const run = [first];
  let last = first;
  while (last.kids.length === 1 && last.number !== header.at && last !== tree.root) {
    last = last.kids[0];
    run.push(last);
  }
  const head = chip(view, first, level, true);
  const words = [...run.slice(1)];
  let shownWords = words.map((node, i) => chip(view, node, level + 1 + i, false));
  const fold = first.number;
  if (words.length > LONG && !view.store.unfolded.has(fold)) {
    const hidden = words.length - 2 * ENDS;
    shownWords = [...shownWords.slice(0, ENDS), el("button", {
      type: "button", class: "fold", text: `${hidden} more`, "aria-label": `Show ${hidden} more words of this branch`,
      on: { click: () => { view.store.unfolded.add(fold); drawTree(view); rove(view, false); connect(view); } },
    }), ...shownWords.slice(-ENDS)];
  }
  const name = run.map((node) => node.name).filter(Boolean).pop();
  const end = last.kids.length === 0 && last.number !== header.at;
  const line = el("div", { class: `run${words.length ? "" : " single"}${end ? " end" : ""}` },
    el("span", { class: "head" }, head, first === tree.root ? null : el("span", { class: "chance n", text: short(first.chance) })),
    words.length ? el("span", { class: "words" }, shownWords) : null,
    name ? el("span", { class: "name", text: name }) : null);
  const kids = el("div", { class: "kids", role: "group" });
  const coming = last.kids.map((node) => ({ node, chance: node.chance }));
  if (last.number === header.at && !header.running) {
    const there = new Set(last.kids.map((node) => node.token));
    for (const offer of last.offers) if (!there.has(offer.token)) coming.push({ offer, chance: offer.chance });
  }
  coming.sort((a, b) => b.chance - a.chance);
  for (const { node, offer } of coming) {
    const made = node ? segment(view, node, level + run.length) : ghost(view, last, offer, level + run.length);
    kids.append(made);
    view.links.push({ from: line, to: made.querySelector(".head"), chance: node ? node.chance : offer.chance,
      on: node ? tree.path.has(node.number) : false, ghost: !node });
  }
  return el("div", { class: "segment", role: "none" }, line, coming.length ? kids : null);
}

function chip(view, node, level, head) {
  const { header, tree } = view;
  const isRoot = node === tree.root;
  const { share, kind } = isRoot ? { share: 0, kind: "" } : shade(header, node);
  const here = node.number === header.at;
  const said = isRoot ? `${spoken(node.label)}, where the text ended before anything was written`
    : `${spoken(node.label)}, ${percent(node.chance)} after the chain, rank ${grouped(node.rank)}, surprise ${fmt(node.surprise)} nats${node.name ? `, branch ${node.name}` : ""}`;
  return el("span", {
    class: `word ${kind} k${node.label.k}${head && !isRoot ? " first" : ""}${isRoot ? " root" : ""}${here ? " here" : ""}${tree.path.has(node.number) ? " on" : ""}${/^\s/.test(node.label.t) ? " apart" : ""}`,
    role: "treeitem", tabindex: -1, "aria-level": level, "aria-selected": here ? "true" : "false", "aria-label": said,
    "aria-expanded": node.kids.length ? "true" : null,
    "data-key": `n${node.number}`, style: { "--share": share.toFixed(3) },
    on: {
      click: () => view.act("branch", { node: node.number }),
      mouseenter: (event) => { if (!isRoot) tip(view.store.root).show(event.clientX, event.clientY, said); },
      mouseleave: () => tip(view.store.root).hide(),
    },
  }, piece(node.label));
}

function ghost(view, before, offer, level) {
  const label = view.header.labels[offer.token];
  const item = el("span", {
    class: `word first offer k${label.k}`, role: "treeitem", tabindex: -1, "aria-level": level, "aria-selected": "false",
    "aria-label": `${spoken(label)}, ${percent(offer.chance)} after the chain, not written yet`,
    "data-key": `o${before.number}.${offer.token}`,
    on: { click: () => view.act("take", { node: before.number, token: offer.token }) },
  }, piece(label));
  return el("div", { class: "segment", role: "none" }, el("div", { class: "run single" },
    el("span", { class: "head" }, item, el("span", { class: "chance n", text: short(offer.chance) }))));
}

// The lines: measured after the browser has laid the words out.
function connect(view) {
  const { store } = view;
  const canvas = store.lines.parentNode.getBoundingClientRect();
  const narrow = store.root.classList.contains("narrow");
  const paths = view.links.map(({ from, to, chance, on, ghost: open }) => {
    const a = from.getBoundingClientRect();
    const b = to.getBoundingClientRect();
    const [x2, y2] = [b.left - canvas.left - 2, (b.top + b.bottom) / 2 - canvas.top];
    let d;
    if (narrow) {
      const x1 = a.left - canvas.left + 12;
      d = `M${x1} ${a.bottom - canvas.top}V${y2 - 6}Q${x1} ${y2} ${x1 + 6} ${y2}H${x2}`;
    } else {
      const [x1, y1] = [a.right - canvas.left + 3, (a.top + a.bottom) / 2 - canvas.top];
      const middle = (x1 + x2) / 2;
      d = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
    }
    return svgEl("path", { d, class: `${on ? "on" : ""}${open ? " open" : ""}`, "stroke-width": (1 + 9 * chance).toFixed(2) });
  });
  const { grown } = store;
  store.lines.setAttribute("width", grown.scrollWidth);
  store.lines.setAttribute("height", grown.scrollHeight);
  // The chosen way is drawn last, over the others.
  store.lines.replaceChildren(...paths.sort((a, b) => a.classList.contains("on") - b.classList.contains("on")));
}

// One stop for Tab; right and left along a branch, up and down between branches.
function rove(view, refocus) {
  const { store, header } = view;
  const items = () => [...store.grown.querySelectorAll("[data-key]")];
  const find = (key) => store.grown.querySelector(`[data-key="${key}"]`);
  const current = find(store.focus) || find(`n${header.at}`) || items()[0];
  if (!current) return;
  current.tabIndex = 0;
  store.focus = current.dataset.key;
  if (refocus) current.focus({ preventScroll: true });
  const move = (to) => {
    if (!to) return;
    for (const item of items()) item.tabIndex = -1;
    to.tabIndex = 0;
    store.focus = to.dataset.key;
    to.focus();
    // By key alone: under the pointer the page must not move between press and release.
    drawStrip(view, view.tree.nodes.get(Number(to.dataset.key.slice(1).split(".")[0])));
  };
  store.grown.onkeydown = (event) => {
    const item = event.target.closest("[data-key]");
    if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = items();
    const at = all.indexOf(item);
    const level = Number(item.getAttribute("aria-level"));
    const levelOf = (one) => Number(one.getAttribute("aria-level"));
    const number = item.dataset.key.startsWith("n") ? Number(item.dataset.key.slice(1)) : null;
    const beside = (step) => {
      // Between branches: the next one as deep as this, or the nearest before it.
      for (let i = at + step; i >= 0 && i < all.length; i += step) if (levelOf(all[i]) === level) return all[i];
      return all[at + step];
    };
    const keys = {
      ArrowRight: () => move(all[at + 1] && levelOf(all[at + 1]) > level ? all[at + 1] : null),
      ArrowLeft: () => move(all.slice(0, at).reverse().find((one) => levelOf(one) < level)),
      ArrowDown: () => move(beside(1)),
      ArrowUp: () => move(beside(-1)),
      Home: () => move(all[0]),
      End: () => move(find(`n${header.at}`)),
      Enter: () => item.click(),
      " ": () => item.click(),
      Delete: () => number && view.act("prune", { node: number }),
      F2: () => number && rename(view, view.tree.nodes.get(number)),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  };
}

// ------------------------------------------------------------------------------------------ one word: what stood beside it

function drawStrip(view, chosen) {
  const { store, header, tree } = view;
  const node = chosen || tree.nodes.get(header.at) || tree.root;
  if (store.naming && chosen && store.naming !== node.number) store.naming = null;
  const box = [];
  const quiet = header.running;
  if (node === tree.root) {
    box.push(el("p", { class: "says" }, "The text ends with ", el("b", { class: "mono", text: piece(node.label) }),
      node.kids.length ? ". Press any word to go on from it; nothing that was written is lost." : ". These words are the likeliest to come next: press one, or let each of them go on."));
  } else {
    box.push(el("p", { class: "says" }, el("b", { class: "mono", text: piece(node.label) }),
      ` had ${percent(node.chance)} after the chain, ${percent(node.raw)} by the model alone: rank ${grouped(node.rank)}, a surprise of ${fmt(node.surprise)} nats.`));
    const parent = tree.nodes.get(node.up);
    const others = parent ? parent.offers.filter((offer) => offer.token !== node.token) : [];
    if (others.length) {
      box.push(el("p", { class: "beside" }, el("span", { class: "quiet", text: "Beside it:" }), others.map((offer) => el("button", {
        type: "button", class: "other", disabled: quiet, "aria-label": `Go on with ${spoken(header.labels[offer.token])} instead, ${percent(offer.chance)}`,
        on: { click: () => view.act("take", { node: parent.number, token: offer.token }) },
      }, el("span", { class: "mono", text: piece(header.labels[offer.token]) }), ` ${short(offer.chance)}`))));
    }
    const tools = el("p", { class: "tools" });
    if (store.naming === node.number) tools.append(nameBox(view, node));
    else {
      tools.append(
        el("button", { type: "button", text: node.name ? "Rename" : "Name this branch", disabled: quiet, on: { click: () => rename(view, node) } }),
        el("button", { type: "button", text: "Prune from here", disabled: quiet, on: { click: () => view.act("prune", { node: node.number }) } }));
    }
    box.push(tools);
  }
  if (header.note) box.push(el("p", { class: "quiet", text: header.note }));
  store.strip.replaceChildren(...box);
}

function rename(view, node) {
  if (view.header.running) return;
  view.store.naming = node.number;
  drawStrip(view, node);
  const input = view.store.strip.querySelector("input");
  if (input) input.focus();
}

function nameBox(view, node) {
  const input = el("input", { type: "text", maxlength: 40, value: node.name, "aria-label": "Name of this branch" });
  const done = (keep) => {
    view.store.naming = null;
    if (keep && input.value.trim() !== node.name) view.act("name", { node: node.number, name: input.value });
    else drawStrip(view, node);
    const item = view.store.grown.querySelector(`[data-key="n${node.number}"]`);
    if (item) item.focus();
  };
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") done(true);
    if (event.key === "Escape") done(false);
  };
  return el("span", { class: "naming" }, input,
    el("button", { type: "button", text: "Keep the name", on: { click: () => done(true) } }));
}

// --------------------------------------------------------------------------------------- legend, pruned, comparison

function drawLegend({ store, header }) {
  const scales = {
    surprise: [el("span", { class: "scale" }, "likely", el("i", { class: "surprise" }), "surprising (10 nats and more)")],
    probability: [el("span", { class: "scale" }, "0 %", el("i", { class: "probability" }), "100 % after the chain, as square roots")],
    rank: ["the likeliest", "to the 10th", "to the 100th", "beyond"].map((text, i) => el("span", {}, el("i", { class: `band r${i}` }), text)),
  };
  const thick = svgEl("svg", { width: 44, height: 14, "aria-hidden": "true" }, svgEl("path", { d: "M2 7H20", "stroke-width": 1.5 }), svgEl("path", { d: "M24 7H42", "stroke-width": 8 }));
  store.legend.replaceChildren(...scales[header.colour], el("span", { class: "wide" }, thick, "a line's width: the chance after the chain"),
    el("span", { class: "how", text: "Press any word to go on from it." }));
}

function drawPruned(view) {
  const { store, header } = view;
  store.pruned.hidden = !header.pruned.length;
  store.pruned.replaceChildren(el("span", { class: "quiet", text: "Pruned:" }), ...header.pruned.map((one) => el("button", {
    type: "button", class: "back", disabled: header.running, on: { click: () => view.act("restore", { node: one.node }) },
    "aria-label": `Bring back the branch ${one.name || spoken(header.labels[one.token])}`,
  }, el("span", { class: "mono", text: one.name || piece(header.labels[one.token]) }), " bring back")));
}

function drawTable(view) {
  const { store, header, tree } = view;
  const ends = [...tree.nodes.values()].filter((node) => node.number && !node.kids.length);
  store.table.hidden = !ends.length;
  if (!ends.length) return;
  const rows = ends.map((node) => {
    const way = wayTo(tree, node);
    return { node, way, mean: way.reduce((sum, one) => sum + one.surprise, 0) / way.length,
      name: way.map((one) => one.name).filter(Boolean).pop() || "", together: way.reduce((sum, one) => sum + Math.log10(Math.max(one.chance, 1e-30)), 0) };
  });
  const most = Math.max(...rows.map((row) => row.mean), 0.5);
  const least = Math.min(...rows.map((row) => row.mean));
  const joined = (way) => way.map((one) => (one.label.k === 2 ? `⟨${one.label.t}⟩` : one.label.t)).join("").trim();
  const words = (way) => (way.length > 18 ? `${joined(way.slice(0, 6))} … ${joined(way.slice(-10))}` : joined(way));
  const chance = (log) => (log > -2 ? percent(10 ** log) : log > -12 ? `1 in ${grouped(Number((10 ** -log).toPrecision(2)))}` : `1 in 10^${Math.round(-log)}`);
  store.table.replaceChildren(
    el("h3", { text: "The branches compared" }),
    el("div", { class: "rows", tabindex: 0, role: "region", "aria-label": "The branches compared" }, el("table", {},
      el("caption", { class: "sr-only", text: "Each branch with its words, their number, the mean surprise and the chance of all its words together" }),
      el("thead", {}, el("tr", {}, ["branch", "tokens", "mean surprise, nats", "all of it, after the chain"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, rows.map(({ node, way, mean, name, together }) => el("tr", { class: node.number === header.at ? "here" : null },
        el("th", { scope: "row" }, el("button", { type: "button", class: "go", disabled: header.running, on: { click: () => view.act("branch", { node: node.number }) } },
          name ? el("b", { text: `${name}: ` }) : null, words(way)), node.number === header.at ? el("span", { class: "quiet", text: " (the text now)" }) : null),
        el("td", { class: "n", text: way.length }),
        el("td", { class: "n mean" }, el("span", { class: "track", "aria-hidden": "true" }, el("i", { style: { width: `${(100 * mean) / most}%` } })),
          el("span", { class: "value", text: fmt(mean) }), el("span", { class: "quiet least", text: rows.length > 1 && mean === least ? "lowest" : "" })),
        el("td", { class: "n", text: chance(together) })))))),
    el("p", { class: "quiet", text: `${header.left_out ? `${header.left_out} older branches are not drawn. ` : ""}Mean surprise is by the model's own distribution, over all new words of a branch: low reads as expected, not as good. A link cannot hold a tree. It stays with you while this tab is open, also on the other pages.` }));
}
