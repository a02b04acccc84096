// A training log on one axis: scores of heads, losses, and the map of all heads at the moment under the pointer.

const AB_WORDS = { previous: "one token back", induction: "induction", duplicate: "same token" };
const AB_NAMES = { previous: "One token back", induction: "Induction", duplicate: "Same token" };
const abMillions = (x) => `${(x / 1e6).toFixed(2)} million tokens`;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ row: null, score: "induction", pinned: null, timer: 0, playing: 0 }));
  if (store.raw !== data) {
    store.raw = data;
    Object.assign(store, readPayload(data));
    const { header, arrays } = store;
    store.count = arrays.tokens.length;
    const start = header.view.row ?? (header.marks.find((mark) => mark.kind === "induction") || { row: 0 }).row + 1;
    if (store.row === null || store.row >= store.count) store.row = Math.min(store.count - 1, start);
    if (!store.chosen) store.score = header.view.score;
  }
  store.tell = () => tellLater(store, setStateValue, "view", () => ({ row: store.row, score: store.score }), 400);
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "birth" });
    parentElement.append(store.root);
  }
  store.tip = tip(parentElement);
  const stop = watchWidth(parentElement, (width) => abDraw(store, width));
  return () => {
    stop();
    abPause(store);
  };
}

// ------------------------------------------------------------------------------------------------------------ reading

const abValue = (store, curve, row) => store.arrays.values[store.header.curves.indexOf(curve) * store.count + row];

function abScore(store, score, row, layer, head) {
  const { header, arrays } = store;
  return arrays.log[((header.scores.indexOf(score) * store.count + row) * header.layers + layer) * header.heads + head];
}

function abShipped(store, score, layer, head) {
  const { header, arrays } = store;
  return arrays.shipped[(header.scores.indexOf(score) * header.layers + layer) * header.heads + head];
}

// ------------------------------------------------------------------------------------------------------------ drawing

function abDraw(store, width) {
  const { header, theme } = store;
  const wide = width >= 900;
  store.width = width;
  store.root.className = `birth ${theme.dark ? "dark" : "light"}${wide ? " wide" : ""}`;
  const active = document.activeElement && store.root.getRootNode().activeElement;
  const focused = active && active.dataset ? active.dataset.focus : null;
  const side = wide ? Math.min(470, Math.round(width * 0.36)) : width;
  store.root.style.gridTemplateColumns = wide ? `minmax(0, 1fr) ${side}px` : "100%";
  const chartWidth = wide ? width - side - 44 : width;
  const head = el("div", { class: "top" }, el("h3", { text: header.title }), el("p", { class: "sub", text: header.copy.sentence }));
  const chart = el("section", { class: "curves", "aria-label": "Curves over training" }, abChart(store, chartWidth), abControls(store));
  const maps = el("section", { class: "maps", "aria-label": "Maps of all heads" }, abMaps(store, side));
  store.root.replaceChildren(head, chart, maps, abMarks(store), abNotes(store), abTable(store));
  abShow(store);
  if (focused) store.root.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
}

function abStrips(store) {
  const { header, theme } = store;
  const name = (kind) => `layer ${header.best[kind][0]}, head ${header.best[kind][1]}`;
  const of = (kind) => (row) => abScore(store, kind, row, ...header.best[kind]);
  const curve = (key) => (row) => abValue(store, key, row);
  const [blue, orange, green, pink] = theme.categories;
  return [
    {
      title: "Head scores", unit: "share of attention, 0 to 1", high: 196, low: 0, top: 1, ticks: [0, 0.5, 1],
      lines: [
        { label: "best of all 48, one token back", at: curve("best_previous_token"), colour: green, faint: true },
        { label: "best of all 48, induction", at: curve("best_induction"), colour: theme.warm, faint: true },
        { label: `one token back: ${name("previous")}`, at: of("previous"), colour: green },
        { label: `induction: ${name("induction")}`, at: of("induction"), colour: theme.warm, dash: "7 3" },
      ],
    },
    {
      title: "Loss on random tokens", unit: "nats a token", high: 120, low: 0,
      lines: [
        { label: "first copy", at: curve("first_copy_loss"), colour: theme.grey },
        { label: "second copy", at: curve("second_copy_loss"), colour: blue },
      ],
    },
    { title: "Held-out books", unit: "bits per byte", high: 84, lines: [{ label: "bits per byte", at: curve("bits_per_byte"), colour: pink }] },
    { title: "Training loss", unit: "nats a token, repeated rows included", high: 84, lines: [{ label: "loss", at: curve("loss"), colour: orange }] },
  ];
}

function abChart(store, width) {
  const { header, arrays, theme } = store;
  const left = 40;
  const right = 12;
  const last = arrays.tokens[store.count - 1];
  store.x = (tokens) => left + ((width - left - right) * tokens) / last;
  store.strips = abStrips(store);
  store.dots = [];
  let y = 34;
  const svg = svgEl("svg", { width, role: "img", "aria-label": `${header.title}. The table below holds the values.` });
  for (const event of header.events) {
    const [a, b] = event.rows.map((row) => store.x(arrays.tokens[row]));
    svg.append(svgEl("rect", { class: "event", x: a, y: 20, width: Math.max(2, b - a), height: 0 }, svgEl("title", { text: event.says })));
    svg.append(svgEl("text", { class: "eventlabel", x: (a + b) / 2, y: 14, "text-anchor": "middle", text: event.label }));
  }
  for (const strip of store.strips) {
    const values = strip.lines.flatMap((line) => Array.from({ length: store.count }, (_, row) => line.at(row))).filter(Number.isFinite);
    const low = strip.low ?? Math.floor(Math.min(...values) * 2) / 2;
    const top = strip.top ?? Math.ceil(Math.max(...values) * 2) / 2;
    const from = y + 22;
    strip.y = (value) => from + strip.high * (1 - (value - low) / (top - low));
    svg.append(
      svgEl("text", { class: "striptitle", x: left, y: y + 12 }, svgEl("tspan", { class: "strong", text: strip.title }), svgEl("tspan", { dx: 8, text: strip.unit })),
    );
    for (const value of strip.ticks || [low, top]) {
      svg.append(
        svgEl("line", { class: "gridline", x1: left, x2: width - right, y1: strip.y(value), y2: strip.y(value) }),
        svgEl("text", { class: "tick", x: left - 7, y: strip.y(value) + 4, "text-anchor": "end", text: String(value) }),
      );
    }
    for (const line of strip.lines) {
      let path = "";
      for (let row = 0; row < store.count; row++) {
        const value = line.at(row);
        if (Number.isFinite(value)) path += `${path ? "L" : "M"}${store.x(arrays.tokens[row]).toFixed(1)} ${strip.y(value).toFixed(1)}`;
      }
      svg.append(svgEl("path", { d: path, class: line.faint ? "line faint" : "line", stroke: line.colour, "stroke-dasharray": line.dash }));
    }
    if (strip === store.strips[0]) {
      store.extra = svgEl("path", { class: "line extra", stroke: theme.accent });
      svg.append(store.extra);
    }
    y = from + strip.high + 12;
  }
  for (const rect of svg.querySelectorAll(".event")) rect.setAttribute("height", y - 20);
  header.marks.forEach((mark, i) => {
    const x = (store.x(arrays.tokens[mark.row]) + store.x(arrays.tokens[mark.row + 1])) / 2;
    svg.append(
      svgEl("line", { class: "marked", x1: x, x2: x, y1: 34, y2: y - 6 }),
      svgEl("circle", { class: "badge", cx: x + (i - 1) * 13, cy: 34, r: 9 }),
      svgEl("text", { class: "badgetext", x: x + (i - 1) * 13, y: 38.5, "text-anchor": "middle", text: i + 1 }),
    );
  });
  for (const strip of store.strips) for (const line of strip.lines) {
    if (line.faint) continue;
    const dot = svgEl("circle", { r: 4.5, fill: line.colour, class: "dot" });
    store.dots.push({ dot, strip, line });
    svg.append(dot);
  }
  const step = last > 8e6 ? 2e6 : last > 2e6 ? 1e6 : last / 5;
  for (let tokens = 0; tokens <= last; tokens += step * (width < 520 ? 2 : 1)) {
    svg.append(svgEl("text", { class: "tick", x: store.x(tokens), y: y + 12, "text-anchor": "middle", text: `${Math.round(tokens / 1e5) / 10}` }));
  }
  svg.append(svgEl("text", { class: "tick", x: width - right, y: y + 30, "text-anchor": "end", text: "million tokens of training" }));
  store.cursor = svgEl("line", { class: "cursor", y1: 20, y2: y });
  svg.append(store.cursor);
  svg.setAttribute("height", y + 36);
  const move = (event) => {
    const box = svg.getBoundingClientRect();
    abGo(store, abNearest(store, event.clientX - box.left), true);
  };
  svg.onpointerdown = (event) => {
    abPause(store);
    svg.setPointerCapture(event.pointerId);
    move(event);
  };
  svg.onpointermove = (event) => {
    if (event.pointerType === "mouse" || event.buttons) move(event);
  };
  store.readout = el("div", { class: "readout", "aria-hidden": "true" });
  return [store.readout, svg];
}

function abNearest(store, x) {
  const { tokens } = store.arrays;
  let best = 0;
  for (let row = 1; row < store.count; row++) if (Math.abs(store.x(tokens[row]) - x) < Math.abs(store.x(tokens[best]) - x)) best = row;
  return best;
}

function abControls(store) {
  store.play = el("button", { type: "button", class: "play", "data-focus": "play", on: { click: () => abPlay(store) } });
  store.range = el("input", {
    type: "range", min: 0, max: store.count - 1, step: 1, "data-focus": "range", "aria-label": "Moment of training",
    on: { input: () => { abPause(store); abGo(store, Number(store.range.value), true); } },
  });
  store.moment = el("p", { class: "moment", "aria-live": "polite" });
  return [el("div", { class: "controls" }, store.play, store.range), store.moment];
}

function abPlay(store) {
  if (store.playing) {
    abPause(store);
    return abShow(store);
  }
  if (store.row === store.count - 1) store.row = 0;
  store.playing = setInterval(() => {
    abGo(store, store.row + 1, store.row + 1 === store.count - 1);
    if (store.row === store.count - 1) { abPause(store); abShow(store); }
  }, 110);
  abShow(store);
}

function abPause(store) {
  clearInterval(store.playing);
  store.playing = 0;
}

function abGo(store, row, tell) {
  const to = Math.max(0, Math.min(store.count - 1, row));
  if (to === store.row && !store.playing) return;
  store.row = to;
  abShow(store);
  if (tell) store.tell();
}

// --------------------------------------------------------------------------------------------------------------- maps

function abMaps(store, width) {
  const { header } = store;
  const buttons = ["previous", "induction", "duplicate"].map((score) =>
    el("button", {
      type: "button", class: "choice", "aria-pressed": String(score === store.score), "data-focus": `score-${score}`, text: AB_NAMES[score],
      on: { click: () => { store.score = score; store.chosen = true; abDraw(store, store.width); store.tell(); } },
    }));
  const gap = 22;
  const size = Math.max(20, Math.min(42, Math.floor((width - gap - 40) / 2 / header.layers)));
  store.cells = [];
  const one = (title, kind) => {
    const svg = svgEl("svg", { width: size * header.layers + 18, height: size * header.heads + 20, role: "img", "aria-label": `${title}, ${AB_WORDS[store.score]}` });
    for (let layer = 0; layer < header.layers; layer++) svg.append(svgEl("text", { class: "tick", x: 18 + size * (layer + 0.5), y: 12, "text-anchor": "middle", text: layer }));
    for (let head = 0; head < header.heads; head++) {
      svg.append(svgEl("text", { class: "tick", x: 12, y: 20 + size * (head + 0.5) + 4, "text-anchor": "end", text: head }));
      for (let layer = 0; layer < header.layers; layer++) {
        const rect = svgEl("rect", { x: 18 + layer * size + 1, y: 20 + head * size + 1, width: size - 2, height: size - 2, rx: 3 });
        const label = svgEl("text", { class: "cellvalue", x: 18 + size * (layer + 0.5), y: 20 + size * (head + 0.5) + 4, "text-anchor": "middle" });
        rect.onpointerenter = (event) => {
          store.over = [layer, head];
          abExtra(store);
          const now = abScore(store, store.score, store.row, layer, head);
          store.tip.show(event.clientX, event.clientY, `Layer ${layer}, head ${head}, ${AB_WORDS[store.score]}: then ${now.toFixed(3)}, shipped ${abShipped(store, store.score, layer, head).toFixed(3)}`);
        };
        rect.onpointerleave = () => { store.over = null; abExtra(store); store.tip.hide(); };
        rect.onclick = () => {
          const same = store.pinned && store.pinned[0] === layer && store.pinned[1] === head;
          store.pinned = same ? null : [layer, head];
          abShow(store);
        };
        store.cells.push({ rect, label, kind, layer, head, size });
        svg.append(rect, label);
      }
    }
    return el("figure", {}, el("figcaption", {}, el("b", { text: title }), el("span", { class: `when ${kind}` })), svg);
  };
  const agrees = `worked out now; the log's last row agrees to ${Math.max(header.agrees, 0.0001).toFixed(4)}`;
  const both = el("div", { class: "both" }, one("Then", "then"), one("Shipped model", "shipped"));
  both.querySelector(".when.shipped").textContent = agrees;
  store.then = both.querySelector(".when.then");
  return [
    el("div", { class: "choices", role: "group", "aria-label": "Score shown in the maps" }, buttons),
    both,
    el("p", { class: "hint", text: "Layers across, heads down. Point at a head to see its own curve above; a click keeps it." }),
  ];
}

function abPaintMaps(store) {
  const { theme } = store;
  for (const { rect, label, kind, layer, head, size } of store.cells) {
    const value = kind === "then" ? abScore(store, store.score, store.row, layer, head) : abShipped(store, store.score, layer, head);
    rect.setAttribute("fill", theme.cividis(value));
    const kept = store.pinned && store.pinned[0] === layer && store.pinned[1] === head;
    rect.setAttribute("class", kept ? "cell kept" : "cell");
    label.textContent = value >= 0.25 && size >= 32 ? (value >= 0.995 ? "1.0" : value.toFixed(2).slice(1)) : "";
    label.setAttribute("fill", theme.dark ? (value > 0.55 ? "#14161B" : "#ECEAE4") : value > 0.45 ? "#FFFFFF" : "#1D1C24");
  }
}

function abExtra(store) {
  const at = store.over || store.pinned;
  const strip = store.strips[0];
  let path = "";
  if (at) for (let row = 0; row < store.count; row++) path += `${path ? "L" : "M"}${store.x(store.arrays.tokens[row]).toFixed(1)} ${strip.y(abScore(store, store.score, row, ...at)).toFixed(1)}`;
  store.extra.setAttribute("d", path);
}

// --------------------------------------------------------------------------------------------------------------- state

function abShow(store) {
  const { arrays, theme, row } = store;
  const x = store.x(arrays.tokens[row]);
  store.cursor.setAttribute("x1", x);
  store.cursor.setAttribute("x2", x);
  const told = [];
  for (const { dot, strip, line } of store.dots) {
    const value = line.at(row);
    dot.style.display = Number.isFinite(value) ? "" : "none";
    if (Number.isFinite(value)) {
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", strip.y(value));
    }
    told.push(el("span", { class: "entry" }, el("i", { class: line.dash ? "swatch dashed" : "swatch", style: { "--c": line.colour } }), line.label, el("b", { text: Number.isFinite(value) ? value.toFixed(2) : "–" })));
  }
  store.readout.replaceChildren(...told);
  store.range.value = row;
  const when = `${abMillions(arrays.tokens[row])}, minute ${arrays.minutes[row].toFixed(0)}, step ${arrays.steps[row].toLocaleString("en-US")}`;
  store.range.setAttribute("aria-valuetext", when);
  store.moment.textContent = `${when} (row ${row + 1} of ${store.count})`;
  store.moment.setAttribute("aria-live", store.playing ? "off" : "polite");
  store.then.textContent = `at ${abMillions(arrays.tokens[row])}`;
  store.play.textContent = store.playing ? "Pause" : "Play";
  abPaintMaps(store);
  abExtra(store);
  for (const button of store.root.querySelectorAll(".mark")) button.classList.toggle("on", Math.abs(Number(button.dataset.row) - row) <= 1);
  store.extra.setAttribute("stroke", theme.accent);
}

function abMarks(store) {
  const { header } = store;
  return el("ol", { class: "marks" }, header.marks.map((mark, i) =>
    el("li", {}, el("button", { type: "button", class: "mark", "data-row": mark.row + 1, "data-focus": `mark-${i}`, on: { click: () => { abPause(store); abGo(store, mark.row + 1, true); } } },
      el("span", { class: "number", "aria-hidden": "true", text: i + 1 }),
      el("span", { class: "words" }, el("b", { text: mark.title }), el("span", { text: mark.says }), el("span", { class: "sub", text: mark.when }))))));
}

function abNotes(store) {
  const { copy, events } = store.header;
  return el("div", { class: "notes" },
    el("p", {}, el("b", { text: "Why in this order. " }), copy.why.replace(/^Why this order\? /, "")),
    el("p", {}, el("b", { text: "What the log cannot say. " }), copy.limits, " ", store.header.earlier),
    el("p", {}, el("b", { text: "How it was measured. " }), copy.test, " ", "A step is the steepest rise that lasts: medians of five rows before and after are compared, so a single high row is none. ", ...events.map((event) => event.says)));
}

function abTable(store) {
  const { header, arrays } = store;
  const rows = [];
  for (let row = 0; row < store.count; row += 5) rows.push(row);
  if (rows[rows.length - 1] !== store.count - 1) rows.push(store.count - 1);
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: "The training log, every fifth row" }),
    el("thead", {}, el("tr", {}, ["tokens", ...header.curves].map((name) => el("th", { scope: "col", text: name.replace(/_/g, " ") })))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row", text: arrays.tokens[row] }), header.curves.map((name) => el("td", { text: fmt(abValue(store, name, row)) })))))));
}
