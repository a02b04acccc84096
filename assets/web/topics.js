// The Topics picture: a list of topics, the map with its clouds, and what is chosen. One hover and one choice for all
// three. Only a chosen document is told to Python (it can be sent to another page); the rest answers here.

const SHAPES = ["circle", "square", "triangle"];
const NEW = "new";

// ---------------------------------------------------------------------------------------------- marks and names

function markPath(shape, x, y, r) {
  if (shape === "square") return `M${x - r * 0.88} ${y - r * 0.88}h${r * 1.76}v${r * 1.76}h${-r * 1.76}z`;
  if (shape === "triangle") return `M${x} ${y - r * 1.15}L${x + r * 1.1} ${y + r * 0.8}H${x - r * 1.1}z`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

function look(theme, topic) {
  if (topic < 0) return { colour: theme.grey, shape: "circle", hollow: true };
  return { colour: theme.categories[topic % 7], shape: SHAPES[Math.floor(topic / 7) % 3], hollow: false };
}

function mark(theme, topic, size = 12) {
  const { colour, shape, hollow } = look(theme, topic);
  return svgEl("svg", { class: "mark", width: size, height: size, viewBox: "-6 -6 12 12", "aria-hidden": "true" },
    svgEl("path", {
      d: markPath(shape, 0, 0, hollow ? 4.2 : 5), fill: hollow ? "none" : colour,
      stroke: hollow ? colour : "none", "stroke-width": 1.6,
    }));
}

function ringMark(theme, size = 16) {
  return svgEl("svg", { class: "mark", width: size, height: size, viewBox: "-8 -8 16 16", "aria-hidden": "true" },
    svgEl("circle", { r: 6, fill: "none", stroke: theme.ink, "stroke-width": 2.2 }),
    svgEl("circle", { r: 2.4, fill: theme.ink }));
}

const outlierName = (v) => (v.header.topics.length ? "Outliers" : "Not grouped");
const nameOf = (v, topic) => (topic < 0 ? outlierName(v) : v.header.topics[topic].name);
const snippet = (text, length = 60) => (text.length > length ? text.slice(0, length - 1).trimEnd() + "…" : text);
const score = (x) => x.toFixed(2).replace(/^(-?)0\./, "$1.");
const textOf = (v, i) => (v.header.full && v.header.full.index === i ? v.header.full.text : v.header.texts[i]);

function prepare({ header, arrays }) {
  const members = new Map();
  const push = (topic, i) => (members.get(topic) || members.set(topic, []).get(topic)).push(i);
  for (let i = 0; i < arrays.labels.length; i++) push(arrays.labels[i], i);
  for (const list of members.values()) list.sort((a, b) => arrays.closeness[b] - arrays.closeness[a]);
  return { header, ...arrays, members, count: arrays.labels.length };
}

function firstChoice(v) {
  if (v.header.new) return { kind: NEW };
  return v.header.topics.length ? { kind: "topic", id: 0 } : { kind: "topic", id: -1 };
}

// What is lit: the topic that the choice belongs to.
function topicOf(v, choice) {
  if (!choice) return null;
  if (choice.kind === "topic") return choice.id;
  return choice.kind === NEW ? v.header.new.topic : v.labels[choice.id];
}

// --------------------------------------------------------------------------------------------------- the map

function geometry(v, width, height) {
  const pad = Math.min(46, width * 0.08);
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < v.count; i++) {
    x0 = Math.min(x0, v.xy[2 * i]); x1 = Math.max(x1, v.xy[2 * i]);
    y0 = Math.min(y0, v.xy[2 * i + 1]); y1 = Math.max(y1, v.xy[2 * i + 1]);
  }
  const spanX = Math.max(x1 - x0, 1e-6), spanY = Math.max(y1 - y0, 1e-6);
  let sx = (width - 2 * pad) / spanX, sy = (height - 2 * pad) / spanY;
  const least = Math.min(sx, sy);
  sx = Math.min(sx, least * 1.5); sy = Math.min(sy, least * 1.5);
  if (spanX < 1e-5 && spanY < 1e-5) sx = sy = 0;
  const to = (x, y) => [width / 2 + (x - (x0 + x1) / 2) * sx, height / 2 - (y - (y0 + y1) / 2) * sy];
  const at = new Float32Array(2 * v.count);
  const seen = new Map();
  for (let i = 0; i < v.count; i++) {
    let [x, y] = to(v.xy[2 * i], v.xy[2 * i + 1]);
    // Documents on one spot (equal texts) are spread as the seeds of a sunflower, so that each can be pointed at.
    const spot = `${Math.round(x * 2)},${Math.round(y * 2)}`;
    const before = seen.get(spot) || 0;
    seen.set(spot, before + 1);
    if (before) { x += 4 * Math.sqrt(before) * Math.cos(2.4 * before); y += 4 * Math.sqrt(before) * Math.sin(2.4 * before); }
    at[2 * i] = x; at[2 * i + 1] = y;
  }
  return { width, height, at, to };
}

// How dense each topic is on a grid; a cell belongs to the densest, so clouds touch and never overlap.
function clouds(v, g) {
  const step = 5, columns = Math.ceil(g.width / step) + 1, rows = Math.ceil(g.height / step) + 1;
  const topics = v.header.topics.length;
  const spread = Math.max(11, Math.min(20, g.width / 42)), reach = Math.ceil((spread * 3) / step);
  const fields = Array.from({ length: topics }, () => new Float32Array(columns * rows));
  for (let i = 0; i < v.count; i++) {
    if (v.labels[i] < 0) continue;
    const field = fields[v.labels[i]], x = g.at[2 * i], y = g.at[2 * i + 1];
    const cx = Math.round(x / step), cy = Math.round(y / step);
    for (let r = Math.max(0, cy - reach); r <= Math.min(rows - 1, cy + reach); r++) {
      for (let c = Math.max(0, cx - reach); c <= Math.min(columns - 1, cx + reach); c++) {
        const d = ((c * step - x) ** 2 + (r * step - y) ** 2) / (2 * spread * spread);
        field[r * columns + c] += Math.exp(-d);
      }
    }
  }
  const first = new Float32Array(columns * rows), second = new Float32Array(columns * rows);
  const owner = new Int16Array(columns * rows).fill(-1);
  fields.forEach((field, topic) => {
    for (let k = 0; k < field.length; k++) {
      if (field[k] > first[k]) { second[k] = first[k]; first[k] = field[k]; owner[k] = topic; }
      else if (field[k] > second[k]) second[k] = field[k];
    }
  });
  const shapes = fields.map((field, topic) => {
    const level = Math.min(1.25, 0.55 + field.reduce((a, b) => Math.max(a, b), 0) * 0.1);
    const inside = new Float32Array(field.length);
    for (let k = 0; k < field.length; k++) {
      const rival = owner[k] === topic ? second[k] : first[k];
      inside[k] = Math.min(field[k] - level, field[k] - rival);
    }
    const { path, middle } = outline(inside, columns, rows, step);
    // The name goes to the cloud's largest part, as near to its middle as there is cloud.
    let peak = [g.width / 2, g.height / 2], least = Infinity;
    for (let k = 0; k < field.length; k++) {
      const x = (k % columns) * step, y = Math.floor(k / columns) * step;
      const d = middle ? Math.hypot(x - middle[0], y - middle[1]) : -field[k];
      if ((inside[k] > 0 || !middle) && d < least) { least = d; peak = [x, y]; }
    }
    return { topic, path, peak };
  });
  const ownerAt = (x, y) => {
    const k = Math.round(y / step) * columns + Math.round(x / step);
    return k >= 0 && k < first.length && first[k] > 0.8 ? owner[k] : -1;
  };
  return { shapes, ownerAt };
}

// Marching squares at zero, the pieces joined to rings and rounded off.
function outline(field, columns, rows, step) {
  const next = new Map();
  const cut = (a, b) => { const d = field[a] - field[b]; return d ? field[a] / d : 0.5; };
  for (let r = 0; r < rows - 1; r++) {
    for (let c = 0; c < columns - 1; c++) {
      const k = r * columns + c, corner = [k, k + 1, k + columns + 1, k + columns];
      const code = corner.reduce((sum, id, i) => sum + (field[id] > 0 ? 1 << i : 0), 0);
      if (code === 0 || code === 15) continue;
      // Each crossing is known by its grid edge: rounding its place would let two meet in one corner.
      const edge = [
        () => [2 * k, c + cut(k, k + 1), r], () => [2 * k + 3, c + 1, r + cut(k + 1, k + columns + 1)],
        () => [2 * (k + columns), c + cut(k + columns, k + columns + 1), r + 1], () => [2 * k + 1, c, r + cut(k, k + columns)],
      ];
      const pairs = {
        1: [[3, 0]], 2: [[0, 1]], 3: [[3, 1]], 4: [[1, 2]], 5: [[3, 0], [1, 2]], 6: [[0, 2]], 7: [[3, 2]], 8: [[2, 3]],
        9: [[2, 0]], 10: [[0, 1], [2, 3]], 11: [[2, 1]], 12: [[1, 3]], 13: [[1, 0]], 14: [[0, 3]],
      }[code];
      for (const [from, to] of pairs) {
        const a = edge[from](), b = edge[to]();
        next.set(a[0], { a, b });
      }
    }
  }
  const path = new Path2D();
  let largest = 0, middle = null;
  while (next.size) {
    const ring = [];
    let key = next.keys().next().value;
    while (next.has(key)) {
      const { a, b } = next.get(key);
      next.delete(key);
      ring.push([a[1] * step, a[2] * step]);
      key = b[0];
    }
    if (ring.length < 8) continue;
    let soft = ring.filter((_, i) => i % 2 === 0);
    for (let round = 0; round < 2; round++) {
      soft = soft.flatMap(([x, y], i) => {
        const [u, w] = soft[(i + 1) % soft.length];
        return [[0.75 * x + 0.25 * u, 0.75 * y + 0.25 * w], [0.25 * x + 0.75 * u, 0.25 * y + 0.75 * w]];
      });
    }
    soft.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    const area = Math.abs(soft.reduce((sum, [x, y], i) => sum + x * soft[(i + 1) % soft.length][1] - soft[(i + 1) % soft.length][0] * y, 0));
    if (area > largest) {
      largest = area;
      middle = [0, 1].map((axis) => soft.reduce((sum, point) => sum + point[axis], 0) / soft.length);
    }
  }
  return { path, middle };
}

function wrap(context, name, most) {
  const lines = [];
  for (const word of name.split(", ").map((part, i, all) => part + (i < all.length - 1 ? "," : ""))) {
    const last = lines[lines.length - 1];
    if (last && context.measureText(`${last} ${word}`).width <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

// Names in their clouds, the largest topics first; a name that finds no room in its cloud says less. Where not even its
// first word has room, the name stands beside the cloud, and in the end nowhere.
function placeNames(context, v, { shapes, ownerAt }, g, sans, taken) {
  const placed = [];
  for (const { topic, peak } of shapes) {
    const size = g.width < 520 ? 12 : v.header.topics[topic].size > v.count / 14 ? 15.5 : 14;
    context.font = `600 ${size}px ${sans}`;
    const words = v.header.topics[topic].name.split(", ");
    const tries = [true, false].flatMap((inside) => words.map((_, i) => ({ use: words.length - i, inside })));
    for (const { use, inside } of tries) {
      const lines = wrap(context, words.slice(0, use).join(", "), g.width < 520 ? 84 : 118);
      const w = Math.max(...lines.map((line) => context.measureText(line).width)) + 6, h = lines.length * size * 1.2 + 4;
      const spots = [[0, 0], [0, -16], [0, 16], [-22, 0], [22, 0], [0, -32], [0, 32], [-36, -18], [36, 18], [36, -18], [-36, 18], [0, -48], [0, 48]];
      const spot = spots.map(([dx, dy]) => {
        const x = Math.max(w / 2 + 2, Math.min(g.width - w / 2 - 2, peak[0] + dx));
        const y = Math.max(h / 2 + 2, Math.min(g.height - h / 2 - 2, peak[1] + dy));
        return { x, y, box: [x - w / 2, y - h / 2, x + w / 2, y + h / 2] };
      }).find(({ x, y, box }) => (!inside || ownerAt(x, y) === topic) && taken.every((b) => box[2] < b[0] || box[0] > b[2] || box[3] < b[1] || box[1] > b[3]));
      if (spot) {
        taken.push(spot.box);
        placed.push({ topic, lines, size, x: spot.x, y: spot.y });
        break;
      }
    }
  }
  return placed;
}

// The marks of each topic as one path, the smaller the more documents share the map.
function marksOf(v, g) {
  const radius = Math.max(1.6, Math.min(3.2, Math.sqrt((g.width * g.height) / v.count) / 8));
  return new Map([...v.members].map(([topic, members]) => {
    const shape = topic < 0 ? "circle" : SHAPES[Math.floor(topic / 7) % 3];
    return [topic, new Path2D(members.map((i) => markPath(shape, g.at[2 * i], g.at[2 * i + 1], radius)).join(""))];
  }));
}

// The pointer changes little: a ring, or which topic is lit. The picture under the ring is drawn once and kept.
function drawMap(s, kept = false) {
  const { v, g, canvas, choice, hover, theme } = s;
  if (!g) return;
  const lit = hover && hover.kind === "topic" ? hover.id : topicOf(v, choice);
  if (!kept || !s.under || s.under.lit !== lit) {
    drawUnder(s, lit);
    s.under = { lit, canvas: document.createElement("canvas") };
    s.under.canvas.width = canvas.width;
    s.under.canvas.height = canvas.height;
    s.under.canvas.getContext("2d").drawImage(canvas, 0, 0);
  } else {
    const c = canvas.getContext("2d");
    c.save();
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, canvas.width, canvas.height);
    c.drawImage(s.under.canvas, 0, 0);
    c.restore();
  }
  if (hover && hover.kind === "document") ring(canvas.getContext("2d"), theme, g, hover.id, 6, 1.6);
}

function ring(c, theme, g, i, size, width) {
  c.beginPath();
  c.arc(g.at[2 * i], g.at[2 * i + 1], size, 0, 7);
  c.strokeStyle = theme.paper; c.lineWidth = width + 2.5; c.stroke();
  c.strokeStyle = theme.ink; c.lineWidth = width; c.stroke();
}

function drawUnder(s, lit) {
  const { v, theme, g, canvas, choice } = s;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = g.width * ratio;
  canvas.height = g.height * ratio;
  const c = canvas.getContext("2d");
  c.scale(ratio, ratio);
  for (const { topic, path } of s.cloud.shapes) {
    const { colour } = look(theme, topic);
    c.globalAlpha = topic === lit ? (theme.dark ? 0.3 : 0.24) : theme.dark ? 0.15 : 0.12;
    c.fillStyle = colour;
    c.fill(path);
    c.globalAlpha = topic === lit ? 1 : 0.55;
    c.strokeStyle = topic === lit ? theme.ink : colour;
    c.lineWidth = topic === lit ? 2 : 1;
    c.stroke(path);
  }
  // The outliers lie lowest and quietest: there may be more of them than of any topic.
  for (const topic of [-1, ...v.header.topics.keys()]) {
    const marks = s.marks.get(topic);
    if (!marks) continue;
    const { colour, hollow } = look(theme, topic);
    c.globalAlpha = topic === lit ? 1 : hollow ? 0.6 : lit === null ? 0.95 : 0.72;
    if (hollow) {
      c.strokeStyle = topic === lit ? theme.ink : colour;
      c.lineWidth = 1;
      c.stroke(marks);
    } else {
      c.fillStyle = colour;
      c.fill(marks);
    }
  }
  c.globalAlpha = 1;
  const fresh = v.header.new;
  if (choice && choice.kind === NEW && fresh) {
    const [x, y] = g.to(fresh.x, fresh.y);
    fresh.neighbours.forEach((i, n) => {
      c.beginPath(); c.moveTo(x, y); c.lineTo(g.at[2 * i], g.at[2 * i + 1]);
      c.strokeStyle = theme.ink; c.globalAlpha = 0.35 + 0.5 * fresh.weights[n]; c.lineWidth = 0.8 + 5 * fresh.weights[n];
      c.stroke();
    });
    c.globalAlpha = 1;
  }
  c.textAlign = "center"; c.textBaseline = "middle"; c.lineJoin = "round";
  const write = (line, x, y) => {
    c.strokeStyle = theme.paper; c.lineWidth = 4; c.strokeText(line, x, y);
    c.fillStyle = theme.ink; c.fillText(line, x, y);
  };
  for (const { topic, lines, size, x, y } of s.names) {
    c.font = `${topic === lit ? 700 : 600} ${size}px ${theme.sans}`;
    lines.forEach((line, i) => write(line, x, y + (i - (lines.length - 1) / 2) * size * 1.2));
  }
  if (choice && choice.kind === "document") ring(c, theme, g, choice.id, 7, 2);
  if (fresh) {
    const [x, y] = g.to(fresh.x, fresh.y);
    c.beginPath(); c.arc(x, y, 9, 0, 7);
    c.fillStyle = theme.paper; c.fill();
    c.strokeStyle = theme.paper; c.lineWidth = 6; c.stroke();
    c.strokeStyle = theme.ink; c.lineWidth = 2.4; c.stroke();
    c.beginPath(); c.arc(x, y, 3.6, 0, 7);
    c.fillStyle = look(theme, fresh.topic).colour; c.fill();
    c.font = `700 ${g.width < 520 ? 12 : 14}px ${theme.sans}`;
    write("your document", s.newLabel[0], s.newLabel[1]);
  }
}

// ------------------------------------------------------------------------------------------------ choosing

function nearestPoint(s, x, y) {
  let best = -1, least = 11 ** 2;
  for (let i = 0; i < s.v.count; i++) {
    const d = (s.g.at[2 * i] - x) ** 2 + (s.g.at[2 * i + 1] - y) ** 2;
    if (d < least) { least = d; best = i; }
  }
  return best;
}

function underPointer(s, event) {
  const box = s.canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  if (s.v.header.new) {
    const [u, w] = s.g.to(s.v.header.new.x, s.v.header.new.y);
    if (Math.hypot(u - x, w - y) < 12) return { kind: NEW };
  }
  const i = nearestPoint(s, x, y);
  if (i >= 0) return { kind: "document", id: i };
  const topic = s.cloud.ownerAt(x, y);
  return topic >= 0 ? { kind: "topic", id: topic } : null;
}

const same = (a, b) => a === b || (a && b && a.kind === b.kind && a.id === b.id);

function choose(s, choice, { focus = false } = {}) {
  if (same(s.choice, choice)) return;
  s.choice = choice;
  s.hover = null;
  drawMap(s);
  drawList(s);
  drawDetail(s);
  if (focus) (s.detail.querySelector("h3") || s.detail).focus({ preventScroll: true });
  const told = choice.kind === "document" ? `${s.v.header.key}:${choice.id}` : "";
  if (told !== s.told) { s.told = told; s.component.setStateValue("chosen", told); }
}

function hoverOn(s, what) {
  if (same(s.hover, what)) return;
  s.hover = what;
  drawMap(s, true);
  const lit = what && what.kind === "topic" ? what.id : what && what.kind === "document" ? s.v.labels[what.id] : null;
  s.list.querySelectorAll("button").forEach((b) => b.classList.toggle("warm", Number(b.dataset.topic) === lit));
  s.detail.querySelectorAll("[data-document]").forEach((b) =>
    b.classList.toggle("warm", Boolean(what) && what.kind === "document" && Number(b.dataset.document) === what.id));
}

function listen(s) {
  const card = tip(s.map);
  s.canvas.onpointermove = (event) => {
    if (event.pointerType === "touch" || !s.g) return;
    const what = underPointer(s, event);
    s.canvas.style.cursor = what ? "pointer" : "default";
    hoverOn(s, what);
    if (!what) return card.hide();
    const lines = what.kind === "topic"
      ? [el("b", { text: nameOf(s.v, what.id) }), el("div", { text: `${s.v.header.topics[what.id].size} ${s.v.header.corpus.unit}` })]
      : what.kind === NEW ? [el("b", { text: "your document" })]
        : [el("div", { text: snippet(s.v.header.texts[what.id], 110) }), el("div", { class: "muted", text: nameOf(s.v, s.v.labels[what.id]) })];
    card.show(event.clientX, event.clientY, el("div", {}, lines));
  };
  s.canvas.onpointerleave = () => { card.hide(); hoverOn(s, null); };
  s.canvas.onclick = (event) => {
    if (!s.g) return;
    const what = underPointer(s, event);
    if (what) choose(s, what);
  };
}

// --------------------------------------------------------------------------------------------- list and detail

function drawList(s) {
  const { v, theme, list } = s;
  const lit = topicOf(v, s.choice);
  const sizes = v.header.topics.map((topic) => topic.size);
  const outliers = (v.members.get(-1) || []).length;
  const most = Math.max(1, ...sizes, outliers);
  const ids = [...v.header.topics.keys(), ...(outliers ? [-1] : [])];
  const held = s.list.getRootNode().activeElement;
  const refocus = held && s.list.contains(held) ? held.dataset.topic : null;
  list.replaceChildren(...ids.map((topic) => {
    const size = topic < 0 ? outliers : sizes[topic];
    const button = el("button", {
      class: `topic${topic === lit ? " on" : ""}`, type: "button", "aria-pressed": String(topic === lit), "data-topic": topic,
      on: {
        click: () => choose(s, { kind: "topic", id: topic }),
        pointerenter: () => hoverOn(s, { kind: "topic", id: topic }),
        pointerleave: () => hoverOn(s, null),
      },
    }, mark(theme, topic), el("span", { class: "name", text: nameOf(v, topic) }), el("span", { class: "size", text: size }),
      el("span", { class: "bar", style: { width: `${(100 * size) / most}%`, background: look(theme, topic).colour } }));
    button.tabIndex = topic === (lit === null ? ids[0] : lit) ? 0 : -1;
    return button;
  }));
  moveByArrows(list, "button.topic", { onMove: (button) => choose(s, { kind: "topic", id: Number(button.dataset.topic) }) });
  const on = list.querySelector(".on");
  if (on && (on.offsetTop < list.scrollTop + list.offsetTop || on.offsetTop + on.offsetHeight > list.scrollTop + list.offsetTop + list.clientHeight)) {
    list.scrollTop = on.offsetTop - list.offsetTop - list.clientHeight / 2; // the list alone moves, never the page
  }
  if (refocus !== null) list.querySelector(`[data-topic="${refocus}"]`)?.focus({ preventScroll: true });
}

function words(s, topic, most = 8) {
  const { v, theme } = s;
  const found = v.header.topics[topic].words.slice(0, most);
  const top = found.length ? found[0][1] : 1;
  return el("table", { class: "words" },
    el("caption", {}, el("b", { text: "Words" }), " c-TF-IDF"),
    el("tbody", {}, found.map(([term, weight]) => el("tr", {},
      el("th", { scope: "row", class: "mono", text: term }),
      el("td", { class: "beam" }, el("span", { style: { width: `${(100 * weight) / top}%`, background: look(theme, topic).colour } })),
      el("td", { class: "number mono", text: weight.toFixed(3).replace(/^0/, "") })))));
}

function documentButton(s, i, { note = null, withMark = false } = {}) {
  return el("button", {
    class: "document", type: "button", "data-document": i,
    on: {
      click: () => choose(s, { kind: "document", id: i }, { focus: true }),
      pointerenter: () => hoverOn(s, { kind: "document", id: i }),
      pointerleave: () => hoverOn(s, null),
    },
  }, withMark && mark(s.theme, s.v.labels[i], 11), el("span", { class: "text", text: snippet(s.v.header.texts[i], 150) }),
    note !== null && el("span", { class: "number mono", text: note }));
}

// Only so many rows are built at once; the rest on asking, so that two thousand documents do not weigh the page down.
function documentList(s, ids, label, options) {
  const box = el("div", { class: "documents", role: "group", "aria-label": label });
  let shown = 0;
  const more = () => {
    const part = ids.slice(shown, shown + 60).map((i, n) => documentButton(s, i, options ? options(i, shown + n) : {}));
    shown += part.length;
    box.querySelector(".more")?.remove();
    box.append(...part);
    if (shown < ids.length) box.append(el("button", { class: "more", type: "button", text: `${ids.length - shown} more`, on: { click: more } }));
    moveByArrows(box, "button.document");
  };
  more();
  return box;
}

function highlighted(text, terms) {
  const parts = [...new Set(terms.flatMap((term) => term.split(" ")))].map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!parts.length) return [text];
  const found = new RegExp(`(?<![\\p{L}])(${parts.join("|")})(?![\\p{L}])`, "giu");
  return text.split(found).map((piece, i) => (i % 2 ? el("mark", { text: piece }) : piece));
}

const heading = (sign, text) => el("h3", { tabindex: -1 }, sign, el("span", { text }));
const topicLink = (s, topic) => el("button", {
  class: "link", type: "button", on: { click: () => choose(s, { kind: "topic", id: topic }, { focus: true }) },
}, mark(s.theme, topic, 11), ` ${nameOf(s.v, topic)}`);

function topicDetail(s, topic) {
  const { v, theme } = s;
  const ids = v.members.get(topic) || [];
  const share = `${ids.length.toLocaleString("en-US")} ${v.header.corpus.unit}, ${percent(Math.round((100 * ids.length) / v.count) / 100)}`;
  const fresh = v.header.new;
  const lands = fresh && fresh.topic === topic && el("button", {
    class: "lands", type: "button", on: { click: () => choose(s, { kind: NEW }, { focus: true }) },
  }, ringMark(theme), el("span", { text: "your document lands here" }));
  if (topic < 0) {
    const why = v.header.topics.length
      ? "They lie between the dense regions: too few others mean the same, or they speak of two things at once."
      : v.header.notes[0] || "";
    return [heading(mark(theme, -1, 14), outlierName(v)), el("p", { class: "muted", text: share }), lands, el("p", { text: why }),
      el("h4", {}, el("b", { text: "Documents" }), v.header.topics.length ? " cosine to the nearest topic" : ""),
      documentList(s, ids, "Outliers", (i) => ({ note: v.header.topics.length ? score(v.closeness[i]) : null }))];
  }
  return [heading(mark(theme, topic, 14), nameOf(v, topic)), el("p", { class: "muted", text: share }), lands, words(s, topic),
    el("h4", {}, el("b", { text: "Documents" }), " the most typical first"),
    documentList(s, ids, "Documents of this topic", (i) => ({ note: score(v.closeness[i]) }))];
}

function documentDetail(s, i) {
  const { v, theme } = s;
  const topic = v.labels[i], home = topic < 0 ? v.nearest[i] : topic;
  const terms = home < 0 ? [] : v.header.topics[home].words.slice(0, 8).map(([term]) => term);
  const width = v.near.shape[1];
  const near = [...Array(width).keys()].map((n) => v.near[i * width + n]);
  return [heading(mark(theme, topic, 14), v.header.ids[i]),
    v.header.meta[i] && el("p", { class: "muted", text: v.header.meta[i] }),
    el("div", { class: "whole", tabindex: 0, role: "region", "aria-label": "The document" }, highlighted(textOf(v, i), terms)),
    v.header.clipped && !(v.header.full && v.header.full.index === i) && el("p", { class: "muted", text: "The rest of the text is on its way." }),
    el("p", {}, topic < 0 ? (home < 0 ? "In no group." : "An outlier; nearest is ") : "In ", home >= 0 && topicLink(s, home),
      home >= 0 && el("span", { class: "muted", text: `, cosine ${score(v.closeness[i])}` })),
    near.length ? el("h4", {}, el("b", { text: "Closest in meaning" }), " cosine") : null,
    near.length ? documentList(s, near, "Closest documents", (j, n) => ({ note: score(v.near_cosine[i * width + n]), withMark: true })) : null];
}

function newDetail(s) {
  const { v, theme } = s;
  const fresh = v.header.new;
  const where = fresh.topic < 0
    ? [v.header.topics.length ? "It lands among the " : "", v.header.topics.length ? topicLink(s, -1) : "", v.header.topics.length ? ": " : ""]
    : ["It lands in ", topicLink(s, fresh.topic), ": "];
  return [heading(ringMark(theme, 18), "Your document"),
    el("div", { class: "whole", tabindex: 0, role: "region", "aria-label": "Your document" },
      highlighted(snippet(fresh.text, 1500), fresh.topic < 0 ? [] : v.header.topics[fresh.topic].words.slice(0, 8).map(([t]) => t))),
    v.header.topics.length ? el("p", {}, where, `${percent(Math.round(fresh.share * 100) / 100)} of the weight of its nearest documents.`) : null,
    fresh.topic >= 0 && words(s, fresh.topic, 6),
    fresh.note && el("p", { class: "muted", text: fresh.note }),
    el("h4", {}, el("b", { text: "Its nearest documents" }), " cosine"),
    documentList(s, fresh.neighbours, "Nearest documents", (i, n) => ({ note: score(fresh.similarities[n]), withMark: true }))];
}

function drawDetail(s) {
  const { choice, v } = s;
  const parts = choice.kind === NEW ? newDetail(s) : choice.kind === "document" ? documentDetail(s, choice.id) : topicDetail(s, choice.id);
  s.detail.replaceChildren(...parts.flat().filter(Boolean));
  s.detail.scrollTop = 0;
}

function drawFacts(s) {
  const { header, count } = s.v;
  const q = header.quality;
  const facts = [
    [String(header.topics.length), header.topics.length === 1 ? "topic" : "topics", `of ${header.settings.min_cluster_size} ${header.corpus.unit} or more`],
    [percent(Math.round(q.outlier_share * 100) / 100), header.topics.length ? "outliers" : "not grouped", `${(s.v.members.get(-1) || []).length} of ${count.toLocaleString("en-US")}`],
    [q.silhouette === null ? "–" : score(q.silhouette), "silhouette", "how well topics part: from –1 to 1"],
    [q.kept === null ? "–" : percent(Math.round(q.kept * 100) / 100), "kept", "of the nearest in meaning are near on the map"],
  ];
  s.facts.replaceChildren(...facts.map(([value, name, help]) => el("div", { class: "fact" },
    el("span", { class: "value", text: value }), el("span", { class: "what" }, el("i", { text: name }), el("span", { class: "muted", text: help })))));
  s.notes.replaceChildren(...header.notes.map((note) => el("p", { text: note })));
  s.table.replaceChildren(el("table", {}, el("caption", { text: `Topics of ${header.corpus.title}` }),
    el("thead", {}, el("tr", {}, ["Topic", "Documents", "Words"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, header.topics.map((topic) => el("tr", {}, el("th", { scope: "row", text: topic.name }), el("td", { text: topic.size }),
      el("td", { text: topic.words.map(([term]) => term).join(", ") }))))));
  const place = header.new ? ` Your document is at ${nameOf(s.v, header.new.topic)}.` : "";
  s.canvas.setAttribute("aria-label",
    `Map of ${count.toLocaleString("en-US")} ${header.corpus.unit} in ${header.topics.length} topics; near means alike.${place} The list and the table say the same.`);
}

// ----------------------------------------------------------------------------------------------------- mounting

function build(parentElement) {
  const s = { list: el("div", { class: "list", role: "group", "aria-label": "Topics by size" }) };
  s.title = el("h2", {});
  s.canvas = el("canvas", { role: "img" });
  s.map = el("div", { class: "map" }, s.canvas);
  s.notes = el("div", { class: "notes", role: "status" });
  s.facts = el("div", { class: "facts" });
  s.detail = el("div", { class: "detail", role: "region", "aria-label": "What is chosen", tabindex: -1 });
  s.table = el("div", { class: "sr-only" });
  s.root = el("div", { class: "topics" },
    el("div", { class: "side" }, s.title, s.list), el("div", { class: "middle" }, s.notes, s.map, s.facts), s.detail, s.table);
  parentElement.append(s.root);
  return s;
}

function lay(s, width) {
  s.root.dataset.size = width < 720 ? "narrow" : width < 1040 ? "middle" : "wide";
  const across = Math.floor(s.map.getBoundingClientRect().width);
  if (across < 40) return;
  const height = Math.round(width < 720 ? Math.min(across * 1.12, 520) : Math.min(620, Math.max(460, across * 0.82)));
  s.canvas.style.height = `${height}px`;
  s.root.style.setProperty("--map-height", `${height}px`);
  s.g = geometry(s.v, across, height);
  s.marks = marksOf(s.v, s.g);
  s.cloud = clouds(s.v, s.g);
  const c = s.canvas.getContext("2d");
  const taken = [];
  if (s.v.header.new) {
    c.font = `700 ${across < 520 ? 12 : 14}px ${s.theme.sans}`;
    const w = c.measureText("your document").width;
    const [x, y] = s.g.to(s.v.header.new.x, s.v.header.new.y);
    const cx = Math.max(w / 2 + 4, Math.min(across - w / 2 - 4, x));
    const cy = y > height - 40 ? y - 22 : y + 22;
    s.newLabel = [cx, cy];
    taken.push([cx - w / 2 - 3, Math.min(cy - 9, y - 12), cx + w / 2 + 3, Math.max(cy + 9, y + 12)]);
  }
  s.names = placeNames(c, s.v, s.cloud, s.g, s.theme.sans, taken);
  drawMap(s);
  drawList(s);
}

export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement;
  const s = instance(root, () => build(root));
  if (!s.root) Object.assign(s, build(root));
  s.component = component;
  s.theme = themeOf(root);
  const v = prepare(readPayload(data));
  const before = s.v;
  s.v = v;
  const sameMap = before && before.header.key === v.header.key;
  const sameNew = before && JSON.stringify(before.header.new) === JSON.stringify(v.header.new);
  if (!sameMap || !s.choice || (!sameNew && v.header.new) || (s.choice.kind === NEW && !v.header.new)) {
    // A new map keeps a chosen document of the same collection; a newly typed text is what one wants to see.
    const stays = before && sameNew && before.header.corpus.hash === v.header.corpus.hash && s.choice && s.choice.kind === "document";
    if (!stays) s.choice = firstChoice(v);
    s.hover = null;
  }
  s.root.style.setProperty("--soft", s.theme.accentSoft);
  s.root.style.setProperty("--muted", s.theme.muted);
  const n = v.header.topics.length;
  s.title.replaceChildren(el("b", { text: n ? `${n} ${n === 1 ? "topic" : "topics"}` : "No topic" }), n ? el("span", { class: "muted", text: " by size" }) : "");
  drawDetail(s);
  drawFacts(s);
  listen(s);
  s.g = null;
  return watchWidth(root, (width) => lay(s, width));
}
