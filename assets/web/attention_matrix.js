// One head as a matrix: a row a word that looks, a column a word that is looked at. Pointer, click and arrow keys.

function attMatrix(store, width) {
  const { grid, theme, header } = store;
  const { n, labels } = grid;
  const beside = store.wide || width > 620;
  const space = beside ? Math.min(width * 0.64, width - 210) : width;
  const longest = Math.min(11, Math.max(...labels.map((label) => [...label].length)));
  const gutter = Math.round(longest * 7.6 + 12);
  const named = n <= 40 && (space - gutter) / n >= 10;
  const left = named ? gutter : 0;
  const foot = named ? Math.round(longest * 7.6 + 8) : 0;
  const side = named ? Math.min(n * 24, space - left) : Math.min(space, Math.max(n * 4, 340));
  const cell = side / n;
  store.matrixWidth = Math.ceil(left + side) + 2;
  store.cellSize = cell;
  const canvas = el("canvas", { "aria-hidden": "true" });
  attPaint(store, canvas, side);
  Object.assign(canvas.style, { width: `${side}px`, height: `${side}px`, left: `${left}px`, top: "0" });
  store.lines = svgEl("svg", { class: "lines", "aria-hidden": "true", width: side, height: side, style: { left: `${left}px` } });
  const frame = (stroke, wide, extra = {}) => svgEl("rect", { fill: "none", stroke, "stroke-width": wide, ...extra });
  store.frames = {
    row: frame(theme.accent, 1.4), column: frame(theme.categories[1], 1, { "stroke-opacity": 0.75 }), cell: frame(theme.accent, 2.6, { rx: 2 }),
  };
  store.lines.append(store.frames.row, store.frames.column, store.frames.cell);
  const box = el("div", {
    class: "matrix", tabindex: 0, role: "application", style: { width: `${left + side}px`, height: `${side + foot}px` },
    "aria-label": "The matrix: arrow keys move from cell to cell, Enter pins one, Escape lets go", "aria-describedby": "att-said",
  }, canvas, store.lines);
  store.rowNames = [];
  store.columnNames = [];
  if (named) {
    const name = (label) => ([...label].length > 11 ? `${[...label].slice(0, 10).join("")}…` : label);
    const size = Math.max(10.5, Math.min(14, cell - 1));
    labels.forEach((label, i) => {
      const row = el("span", { class: "rowname", text: name(label), "aria-hidden": "true", style: { top: `${i * cell}px`, height: `${cell}px`, width: `${left - 7}px`, "font-size": `${size}px`, "line-height": `${cell}px` } });
      const column = el("span", { class: "columnname", text: name(label), "aria-hidden": "true", style: { left: `${left + i * cell}px`, top: `${side + 4}px`, width: `${cell}px`, "font-size": `${size}px`, "line-height": `${cell}px` } });
      store.rowNames.push(row);
      store.columnNames.push(column);
      box.append(row, column);
    });
  }
  if (header.causal && n >= 6 && side > 220) {
    box.append(el("p", { class: "note", style: { left: `${left + side * 0.5}px`, width: `${side * 0.5}px` }, text: "a decoder sees only what came before" }));
  }
  const where = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const k = Math.floor(((event.clientX - bounds.left) / bounds.width) * n);
    const q = Math.floor(((event.clientY - bounds.top) / bounds.height) * n);
    return q < 0 || q >= n || k < 0 || k >= n || !grid.sees(q, k) ? null : { query: q, key: k };
  };
  store.lines.onpointermove = (event) => {
    const pair = where(event);
    attHover(store, pair);
    if (!pair) return store.tip.hide();
    store.tip.show(event.clientX, event.clientY, attPairTip(store, pair));
  };
  store.lines.onpointerleave = () => {
    store.tip.hide();
    attHover(store, null);
  };
  store.lines.onclick = (event) => {
    const pair = where(event);
    if (pair) attPin(store, pair);
  };
  attMatrixKeys(store, box);
  return box;
}

function attPairTip(store, { query, key }) {
  const { grid } = store;
  const line = (name, value) => el("div", { class: "tiprow" }, el("span", { text: name }), el("b", { text: value }));
  const at = query * grid.n + key;
  return el("div", {},
    el("span", { class: "mono", text: `${grid.labels[query]} → ${grid.labels[key]}` }), " ",
    grid.even
      ? [line("rollout", grid.rolled[at].toFixed(3)), line("evenly spread", grid.even[at].toFixed(3)), line("ratio", grid.even[at] > 1e-9 ? `× ${fmt(grid.rolled[at] / grid.even[at])}` : "–")]
      : el("b", { text: grid.say(grid.at(query, key)) }));
}

function attMatrixKeys(store, box) {
  const { grid } = store;
  box.onkeydown = (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -grid.n], End: [0, grid.n] }[event.key];
    const now = attActive(store);
    const start = { query: now.query, key: now.key ?? attKeyOf(store, now, attRow(store, now.query)) ?? now.query };
    if (step) {
      const query = Math.max(0, Math.min(grid.n - 1, start.query + step[0]));
      const last = grid.sees(query, grid.n - 1) ? grid.n - 1 : query;
      const pair = { query, key: Math.max(0, Math.min(last, start.key + step[1])) };
      attHover(store, pair);
      store.said.textContent = `${grid.labels[pair.query]} looks at ${grid.labels[pair.key]}: ${grid.say(grid.at(pair.query, pair.key))}`;
    } else if (event.key === "Enter" || event.key === " ") attPin(store, start);
    else if (event.key === "Escape" && store.pinned) attPin(store, store.pinned);
    else return;
    event.preventDefault();
  };
  box.onblur = () => attHover(store, null);
}

function attPaint(store, canvas, side) {
  const { grid, theme } = store;
  const { n } = grid;
  const ratio = window.devicePixelRatio || 1;
  const pixels = Math.max(1, Math.round(side * ratio));
  canvas.width = canvas.height = pixels;
  const pen = canvas.getContext("2d");
  const table = attTable(theme);
  const ink = grid.unit === "ratio"
    ? (value) => parseColour(theme.diverging(grid.strength(value)))
    : (value) => table[Math.round(255 * Math.sqrt(Math.max(0, Math.min(1, grid.strength(value)))))];
  const panel = parseColour(theme.panel);
  if (side / n >= 8) {
    const gap = Math.max(1, Math.round((side / n) * ratio * 0.07));
    for (let q = 0; q < n; q++) {
      const [y0, y1] = [Math.floor((q * pixels) / n), Math.floor(((q + 1) * pixels) / n)];
      for (let k = 0; k < n; k++) {
        if (!grid.sees(q, k)) continue;
        const [x0, x1] = [Math.floor((k * pixels) / n), Math.floor(((k + 1) * pixels) / n)];
        pen.fillStyle = toRgb(grid.hidden.has(k) ? panel : ink(grid.at(q, k)));
        pen.fillRect(x0, y0, Math.max(1, x1 - x0 - gap), Math.max(1, y1 - y0 - gap));
      }
    }
  } else {
    // One pixel a cell, then enlarged with sharp edges: thirty thousand rectangles would take their time.
    const small = document.createElement("canvas");
    small.width = small.height = n;
    const image = small.getContext("2d").createImageData(n, n);
    for (let q = 0; q < n; q++) {
      for (let k = 0; k < n; k++) {
        if (!grid.sees(q, k)) continue;
        const colour = grid.hidden.has(k) ? panel : ink(grid.at(q, k));
        image.data.set([colour[0], colour[1], colour[2], 255], (q * n + k) * 4);
      }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, pixels, pixels);
  }
  for (const sink of grid.hidden) attHatch(pen, theme, (sink * pixels) / n, pixels / n, pixels, ratio);
}

function attHatch(pen, theme, from, cell, pixels, ratio) {
  pen.save();
  pen.beginPath();
  pen.rect(from, 0, cell * 0.93, pixels);
  pen.clip();
  pen.strokeStyle = theme.grey;
  pen.globalAlpha = 0.55;
  pen.lineWidth = 1.2 * ratio;
  const step = Math.max(5, 5 * ratio);
  for (let y = -cell; y < pixels + cell; y += step) {
    pen.beginPath();
    pen.moveTo(from, y + cell);
    pen.lineTo(from + cell, y);
    pen.stroke();
  }
  pen.restore();
}

// Move the three frames: the row that looks, the column that is looked at, and where they cross.
function attFrames(store, query, key) {
  const { grid, frames } = store;
  const c = store.cellSize;
  const put = (node, x, y, width, height) => {
    for (const [name, value] of Object.entries({ x, y, width, height })) node.setAttribute(name, value);
    node.setAttribute("visibility", width > 0 ? "visible" : "hidden");
  };
  const causal = store.header.causal;
  put(frames.row, 0, query * c - 0.5, (causal ? query + 1 : grid.n) * c, c);
  if (key === null) {
    put(frames.column, 0, 0, 0, 0);
    put(frames.cell, 0, 0, 0, 0);
    return;
  }
  put(frames.column, key * c - 0.5, causal ? key * c : 0, c, (causal ? grid.n - key : grid.n) * c);
  put(frames.cell, key * c - 1, query * c - 1, c + 1, c + 1);
}
