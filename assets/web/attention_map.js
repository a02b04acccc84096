// All heads as thumbnails, in the order of the model or of a score; marks, frames and arrow keys.

function attMap(store, width) {
  const { header } = store;
  const { layers, heads } = header;
  const order = attOrder(store);
  const labels = order ? 0 : 24;
  const most = Math.max(1, Math.floor((width - labels) / 31));
  const bands = Math.ceil(layers / most);
  const across = order ? Math.min(most, Math.max(Math.ceil(layers / bands), Math.ceil(Math.sqrt(layers * heads)))) : Math.ceil(layers / bands);
  const size = Math.min(72, Math.floor((width - labels) / across));
  store.mapSub = el("p", { class: "sub", "aria-live": "polite" });
  store.likeButton = el("button", { type: "button", class: "pill", text: "Heads like this one", title: "Light up the heads whose picture is nearest to the chosen one's, the resting place left out" });
  store.likeButton.onclick = () => attView(store, { like: !store.view.like });
  store.map.append(
    el("div", { class: "headline" }, el("h3", { text: `All ${layers * heads} heads` }), store.likeButton, store.mapSub),
  );
  store.buttons = new Map();
  const grid = el("div", { class: "grid", role: "group", "aria-label": `${layers} layers of ${heads} heads; arrow keys move, Enter chooses` });
  const groups = order
    ? [order]
    : Array.from({ length: bands }, (_, b) => {
        const group = [];
        for (let head = 0; head < heads; head++) for (let layer = b * across; layer < Math.min(layers, (b + 1) * across); layer++) group.push([layer, head]);
        return group;
      });
  groups.forEach((group, b) => {
    const columns = order ? across : Math.min(across, layers - b * across);
    const rows = Math.ceil(group.length / columns);
    const canvas = el("canvas", { "aria-hidden": "true" });
    const board = el("div", { class: "board", style: { width: `${columns * size}px`, height: `${rows * size}px` } }, canvas);
    group.forEach(([layer, head], i) => board.append(attButton(store, layer, head, (i % columns) * size, Math.floor(i / columns) * size, size)));
    attThumbs(store, canvas, group, columns, rows, size);
    if (order) {
      grid.append(board);
      return;
    }
    const top = el("div", { class: "across", "aria-hidden": "true", style: { "margin-left": `${labels}px` } });
    for (let c = 0; c < columns; c++) top.append(el("span", { text: b * across + c, style: { width: `${size}px` }, "data-layer": b * across + c }));
    const side = el("div", { class: "down", "aria-hidden": "true", style: { width: `${labels}px` } });
    for (let r = 0; r < heads; r++) side.append(el("span", { text: r, style: { height: `${size}px` }, "data-head": r }));
    grid.append(el("div", { class: "band" }, top, el("div", { class: "row" }, side, board)));
  });
  store.board = { order, across };
  grid.onkeydown = (event) => attKey(store, event);
  store.legend = el("div", { class: "legend" });
  store.map.append(grid, store.legend);
  attMarkChosen(store);
}

function attMapSays(store, like) {
  const { header } = store;
  const column = attColumn(store, header.sort);
  const source = (one) => (one.source ? ` ${one.source}` : "");
  let place = "layers across, heads down";
  if (column) place = store.board.order ? `by ${column.short}${source(column)}, highest first` : `${column.missing} In the order of the model until then.`;
  const light = attColumn(store, header.light);
  let told = "";
  if (light && Number.isNaN(light.top)) told = light.name === header.sort ? "" : ` ${light.missing}`;
  else if (light) {
    let lit = 0;
    for (let layer = 0; layer < header.layers; layer++) for (let head = 0; head < header.heads; head++) if (attLit(store, layer, head)) lit++;
    told = `; ${lit} lit up${light.source ? ` (${light.short} ${light.source}: nothing repeats here)` : ""}`;
  }
  if (store.view.like) told += like.size ? `; ${like.size} like this one` : "; no head is much like this one";
  return place + told;
}

function attButton(store, layer, head, x, y, size) {
  const marks = attMarks(store, layer, head);
  const told = marks.map((name) => `${attColumn(store, name).short} ${attScoreText(attColumn(store, name), attScore(store, name, layer, head))}`).join(", ");
  const button = el(
    "button",
    {
      type: "button",
      class: attLit(store, layer, head) ? `cell lit ${store.header.light}` : "cell",
      style: { left: `${x}px`, top: `${y}px`, width: `${size}px`, height: `${size}px` },
      tabindex: -1,
      "aria-label": `${attName(store, layer, head)}${told ? `: ${told}` : ""}`,
      "data-at": `${layer},${head}`,
    },
    marks.map((name) => el("span", { class: `mark ${name}`, "aria-hidden": "true" })),
  );
  button.onclick = () => attChoose(store, [layer, head], true);
  button.onpointerenter = (event) => {
    if (event.pointerType !== "touch") attHeadTip(store, layer, head, event.clientX, event.clientY);
  };
  button.onpointerleave = () => store.tip.hide();
  store.buttons.set(`${layer},${head}`, button);
  return button;
}

function attHeadTip(store, layer, head, x, y) {
  const rows = [...store.columns.values()].map((column) => [column, attScore(store, column.name, layer, head)]).filter((row) => !Number.isNaN(row[1]));
  const cosine = attLike(store).get(layer * store.header.heads + head);
  store.tip.show(x, y, el(
    "div",
    {},
    el("strong", { text: attName(store, layer, head) }),
    rows.map(([column, value]) => el("div", { class: "tiprow" },
      el("span", { text: column.source ? `${column.short}, ${column.source}` : column.short }), el("b", { text: attScoreText(column, value) }))),
    cosine ? el("div", { class: "tiprow" }, el("span", { text: "like the chosen one (cosine)" }), el("b", { text: cosine.toFixed(2) })) : null,
  ));
}

// One small image a head, drawn through a 256-step table of colours; blocks keep their sharp edges.
function attThumbs(store, canvas, group, columns, rows, size) {
  const { header, arrays, theme } = store;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(columns * size * ratio);
  canvas.height = Math.round(rows * size * ratio);
  canvas.style.width = `${columns * size}px`;
  canvas.style.height = `${rows * size}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const table = attTable(theme);
  const side = arrays.edges.length - 1;
  const cells = arrays.thumbs.shape[2];
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const pen = small.getContext("2d");
  const image = pen.createImageData(side, side);
  const panel = parseColour(theme.panel);
  const hidden = new Set();
  if (header.hide_first && header.pieces.length > header.sinks.length) {
    for (const sink of header.sinks) for (let b = 0; b < side; b++) if (arrays.edges[b] <= sink && sink < arrays.edges[b + 1]) hidden.add(b);
  }
  group.forEach(([layer, head], i) => {
    const from = (layer * header.heads + head) * cells;
    for (let r = 0; r < side; r++) {
      for (let c = 0; c < side; c++) {
        const at = (r * side + c) * 4;
        const future = header.causal && c > r;
        const value = future || hidden.has(c) ? 0 : arrays.thumbs[from + attCell(header.causal, side, r, c)];
        const colour = future ? panel : table[value];
        image.data[at] = colour[0];
        image.data[at + 1] = colour[1];
        image.data[at + 2] = colour[2];
        image.data[at + 3] = future ? 110 : 255;
      }
    }
    pen.putImageData(image, 0, 0);
    const pad = 1.5 * ratio;
    context.drawImage(
      small,
      Math.round((i % columns) * size * ratio + pad), Math.round(Math.floor(i / columns) * size * ratio + pad),
      Math.round(size * ratio - 2 * pad), Math.round(size * ratio - 2 * pad),
    );
  });
}

function attLegend(store, like) {
  const { header, theme } = store;
  const table = attTable(theme);
  const stops = Array.from({ length: 17 }, (_, i) => `${toRgb(table[Math.round(255 * Math.sqrt(i / 16))])} ${i * 6.25}%`).join(",");
  const item = (kind, words) => el("span", { class: "key" }, el("span", { class: `sample ${kind}` }, el("span", { class: `mark ${kind}` })), words);
  const kinds = ["previous", "induction"].filter((name) => !attColumn(store, name).source);
  const light = attColumn(store, header.light);
  if (light && !Number.isNaN(light.top) && !kinds.includes(header.light)) kinds.push(header.light);
  const bar = (kind) => {
    const column = attColumn(store, kind);
    return kind === header.light ? ` ≥ ${attScoreText(column, attBar(store, kind))}` : "";
  };
  return [
    el("span", { class: "key" }, el("span", { class: "sample chosen" }), "chosen"),
    ...kinds.map((kind) => item(kind, attColumn(store, kind).short + bar(kind))),
    like.size ? el("span", { class: "key" }, el("span", { class: "sample like" }), "like the chosen one") : null,
    el("span", { class: "key" }, "0", el("span", { class: "scale", style: { background: `linear-gradient(90deg, ${stops})` } }), "1"),
  ].filter(Boolean);
}

function attMarkChosen(store) {
  const { header } = store;
  const [layer, head] = store.chosen;
  const like = attLike(store);
  for (const [at, button] of store.buttons) {
    const [l, h] = at.split(",").map(Number);
    const on = l === layer && h === head;
    if (button.getAttribute("aria-pressed") !== String(on)) button.setAttribute("aria-pressed", String(on));
    button.classList.toggle("like", like.has(l * header.heads + h));
    button.tabIndex = on ? 0 : -1;
  }
  for (const label of store.map.querySelectorAll("[data-layer]")) label.classList.toggle("on", Number(label.dataset.layer) === layer);
  for (const label of store.map.querySelectorAll("[data-head]")) label.classList.toggle("on", Number(label.dataset.head) === head);
  store.likeButton.setAttribute("aria-pressed", String(store.view.like));
  store.mapSub.textContent = attMapSays(store, like);
  store.legend.replaceChildren(...attLegend(store, like));
}

function attChoose(store, chosen, tell) {
  store.chosen = chosen;
  store.hover = null;
  store.tip.hide();
  attMarkChosen(store);
  attHead(store);
  if (tell) store.tell("chosen", [...chosen, store.turn]);
}

function attKey(store, event) {
  const { header, board } = store;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  const [layer, head] = store.chosen;
  let next;
  if (board.order) {
    const at = board.order.findIndex(([l, h]) => l === layer && h === head);
    const to = !step ? (event.key === "Home" ? 0 : board.order.length - 1) : at + step[0] + step[1] * board.across;
    next = board.order[Math.max(0, Math.min(board.order.length - 1, to))];
  } else if (!step) next = event.key === "Home" ? [0, 0] : [header.layers - 1, header.heads - 1];
  else next = [Math.max(0, Math.min(header.layers - 1, layer + step[0])), Math.max(0, Math.min(header.heads - 1, head + step[1]))];
  attChoose(store, next, true);
  store.buttons.get(next.join()).focus({ preventScroll: false });
}
