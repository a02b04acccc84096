// parts: sampling_label sampling_branches_tree sampling_branches_below
// The tree of what was written: it grows from the text's last word to the right, a line's width is its chance after the
// chain. Pressing a word goes on from it; what only the server can do is sent as `act`.

const AHEAD = 5; // offers that are kept with each place

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
  root.setAttribute("aria-busy", String(Boolean(header.running)));
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
