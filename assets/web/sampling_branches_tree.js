// Branches: the tree itself, its words, its lines and its keys.

const LONG = 36; // a run of more words is folded in its middle
const ENDS = 13;

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
