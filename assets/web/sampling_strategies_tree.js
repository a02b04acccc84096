// The tree of a beam search: a column for each step, the likeliest at the top. Every candidate is a node; who stays is
// solid, who is dropped a ghost, who ends carries an end mark and its score. `t` is the step that the reader looks at.

const SS_KEPT = 0, SS_FINISHED = 1, SS_LATE = 2, SS_DROPPED = 3, SS_VOID = 4;
const SS_ROW = 31, SS_TOP = 30;

// Nodes with their parents and children, from the columns of numbers.
function ssNodes(header, arrays) {
  const steps = [];
  let running = [];
  for (let step = 0; step < header.steps; step += 1) {
    const column = [];
    for (let at = arrays.start[step]; at < arrays.start[step + 1]; at += 1) {
      if (arrays.fate[at] === SS_VOID) continue;
      column.push({
        step, at, fate: arrays.fate[at], beam: arrays.beam[at], label: header.labels[arrays.token[at]], token: arrays.token[at],
        raw: arrays.raw[at], logP: arrays.log_p[at], total: arrays.total[at], score: arrays.score[at],
        parent: step ? running[arrays.parent[at]] : null, children: [],
      });
    }
    column.sort((a, b) => b.total - a.total);
    column.forEach((node, row) => {
      node.row = row;
      if (node.parent) node.parent.children.push(node);
    });
    running = [];
    for (const node of column) if (node.beam >= 0) running[node.beam] = node;
    steps.push(column);
  }
  return steps;
}

const ssPath = (node) => {
  const path = [];
  for (let one = node; one; one = one.parent) path.unshift(one);
  return path;
};
const ssText = (node) => ssPath(node).map((one) => (one.label.k === 2 ? `⟨${one.label.t}⟩` : one.label.t)).join("");
const ssMinus = (x) => x.toFixed(2).replace("-", "−");
const ssPower = (x) => String(Number(x.toFixed(1))).replace("-", "−");

// The node at the end of these tokens, as far as the search looked at them.
function ssFollow(steps, tokens) {
  let found = null;
  for (const token of tokens) {
    const next = found ? found.children.find((one) => one.token === token) : steps[0]?.find((one) => one.token === token);
    if (!next) break;
    found = next;
  }
  return found;
}

// What lives at step t: ancestors of whatever runs then, or has finished by then.
function ssAlive(steps, t) {
  const alive = new Set();
  const up = (node) => {
    for (let one = node; one && !alive.has(one); one = one.parent) alive.add(one);
  };
  steps.slice(0, t + 1).forEach((column, step) => column.forEach((node) => {
    if (node.fate === SS_FINISHED || (step === t && node.fate === SS_KEPT)) up(node);
  }));
  return alive;
}

function ssFate(node, header) {
  const of = header.way === "greedy" ? "the text goes on with it" : `goes on as number ${node.beam + 1}`;
  return [of, "finished", "ended, but behind the first num_beams, so it does not count", "dropped", ""][node.fate];
}

// One line of arithmetic for a node.
function ssSum(node, header) {
  const before = node.parent ? `${ssMinus(node.parent.total)} ` : "";
  const own = `${node.parent ? (node.logP < 0 ? "− " : "+ ") : ""}${node.parent ? Math.abs(node.logP).toFixed(2) : ssMinus(node.logP)}`;
  const score = node.fate === SS_FINISHED && header.way !== "greedy"
    ? `; divided by ${node.step + 1}^${ssPower(header.length_penalty)} the score is ${ssMinus(node.score)}` : "";
  return `log p${header.changed ? " after the chain" : ""} ${before}${own} = ${ssMinus(node.total)}${score}`;
}

function ssTree(store, header, theme, width) {
  const { nodes, t } = store;
  const narrow = width < 620;
  const chip = narrow ? 76 : 88, gap = narrow ? 44 : 50, root = narrow ? 74 : 96;
  const x = (step) => root + gap + step * (chip + gap);
  const y = (node) => SS_TOP + node.row * SS_ROW + SS_ROW / 2;
  const tallest = Math.max(...nodes.map((column) => column.length), 2);
  const full = x(nodes.length - 1) + chip + 62;
  const height = SS_TOP + tallest * SS_ROW + 6;
  const rootY = SS_TOP + SS_ROW / 2;
  const alive = ssAlive(nodes, t);
  const shown = store.look || ssBestAt(store, header);
  const path = new Set(shown ? ssPath(shown) : []);
  const greedy = new Set(header.way === "greedy" || !store.greedyNode ? [] : ssPath(store.greedyNode));
  const cut = (text) => (text.length > (narrow ? 7 : 9) ? `${text.slice(0, narrow ? 6 : 8)}…` : text);

  const svg = svgEl("svg", { width: full, height, viewBox: `0 0 ${full} ${height}`, role: "group",
    "aria-label": "The candidates of each step, the likeliest text so far at the top. Arrow keys move." });
  const edges = svgEl("g", { "aria-hidden": "true" }), marks = svgEl("g", {});
  svg.append(edges, marks);
  nodes.forEach((column, step) => {
    marks.append(svgEl("text", { x: x(step) + chip / 2, y: 17, "text-anchor": "middle", class: `t${step === t ? " strong" : ""}`, text: step + 1, "aria-hidden": "true" }));
    if (step > t) return;
    for (const node of column) {
      const kind = node.fate === SS_DROPPED || node.fate === SS_LATE ? "ghost" : alive.has(node) ? "alive" : "died";
      const on = path.has(node), middle = y(node), from = node.parent ? y(node.parent) : rootY;
      const start = node.parent ? x(step - 1) + chip : root - 4, end = x(step);
      const bend = (end - start) / 2;
      edges.append(svgEl("path", { class: `edge ${kind}${on ? " on" : ""}`, "stroke-width": (1 + 8 * Math.exp(Math.min(0, node.logP))).toFixed(1),
        d: `M${start} ${from}C${start + bend} ${from} ${end - bend} ${middle} ${end} ${middle}` }));
      if (greedy.has(node)) edges.append(svgEl("path", { class: "greedy", d: `M${start} ${from + 5}C${start + bend} ${from + 5} ${end - bend} ${middle + 5} ${end} ${middle + 5}` }));
      const group = svgEl("g", { class: `node ${kind}${on ? " on" : ""}${node.fate === SS_FINISHED ? " done" : ""}`, tabindex: -1, role: "button",
        "aria-label": `Step ${step + 1}: ${spoken(node.label)}, ${percent(Math.exp(node.logP))}, ${ssSum(node, header)}, ${ssFate(node, header)}` },
        svgEl("rect", { x: x(step), y: middle - 12, width: chip, height: 24, rx: 5 }),
        svgEl("text", { x: x(step) + 7, y: middle + 5, class: "word", text: cut(node.label.k === 2 ? `⟨${node.label.t}⟩` : visible(node.label.t)) }));
      if (node.fate === SS_FINISHED) {
        group.append(svgEl("path", { class: "end", d: `M${x(step) + chip - 5} ${middle - 12}v24` }));
        if (header.way !== "greedy") group.append(svgEl("text", { x: x(step) + chip + 6, y: middle + 5, class: "score", text: ssMinus(node.score) }));
      }
      group.node = node;
      node.mark = group;
      marks.append(group);
    }
  });
  const rootText = cut(visible(header.root.t));
  marks.append(svgEl("text", { x: root - 10, y: rootY + 5, "text-anchor": "end", class: "word root", text: `…${rootText}` }));
  ssWire(store, header, svg);
  return svg;
}

// The text that leads at step t: the best finished one at the end, else the best that runs.
function ssBestAt(store, header) {
  const { nodes, t } = store;
  if (t === nodes.length - 1 && store.bestNode) return store.bestNode;
  return nodes[t].find((node) => node.beam === 0) || nodes[t][0] || null;
}

function ssWire(store, header, svg) {
  const on = (event) => event.target.closest?.(".node")?.node;
  const look = (node) => {
    if (!node || store.look === node) return;
    store.look = node;
    ssLight(store, header);
  };
  svg.onmouseover = (event) => look(on(event));
  svg.onmouseleave = () => {
    if (!store.look || svg.querySelector(":focus")) return;
    store.look = null;
    ssLight(store, header);
  };
  svg.onfocusin = (event) => look(on(event));
  svg.onclick = (event) => {
    const node = on(event);
    if (node) node.mark.focus();
  };
  const first = store.look?.mark?.isConnected ? store.look : ssBestAt(store, header);
  if (first?.mark) first.mark.setAttribute("tabindex", 0);
  svg.onkeydown = (event) => {
    const node = on(event);
    if (!node) return;
    const column = store.nodes[node.step];
    const children = node.step < store.t ? node.children : [];
    const next = { ArrowLeft: node.parent, ArrowRight: children.find((one) => one.fate === SS_KEPT) || children[0],
      ArrowUp: column[node.row - 1], ArrowDown: column[node.row + 1] }[event.key];
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (!next?.mark) return;
    node.mark.setAttribute("tabindex", -1);
    next.mark.setAttribute("tabindex", 0);
    next.mark.focus();
  };
}

// Light another path without drawing anew, so that the focus stays where it is.
function ssLight(store, header) {
  const shown = store.look || ssBestAt(store, header);
  const path = new Set(shown ? ssPath(shown) : []);
  const edges = store.scroll.querySelectorAll(".edge");
  store.scroll.querySelectorAll(".node").forEach((mark, place) => {
    mark.classList.toggle("on", path.has(mark.node));
    edges[place].classList.toggle("on", path.has(mark.node));
  });
  ssAbout(store, header, shown);
}

function ssAbout(store, header, node) {
  if (!node) return store.about.replaceChildren();
  const chance = percent(Math.exp(node.logP));
  store.about.replaceChildren(
    el("span", { class: "mono words", text: ssRead(ssText(node)) }),
    el("span", { class: "sums n", text: `${ssSum(node, header)}. This token had ${chance}; it ${["", "", "", "was ", ""][node.fate]}${ssFate(node, header)}.` }));
}
