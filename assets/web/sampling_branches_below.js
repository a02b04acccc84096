// Branches: what stands below the tree: one word and what stood beside it, names, what was pruned, the comparison.

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
    el("span", { class: "how", text: header.running ? "Words can be pressed when the branches have ended." : "Press any word to go on from it." }));
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
