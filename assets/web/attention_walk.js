// A walk through one forward pass: stations on a rail, one at a time on the stage, each with pictures of real numbers.
// components/views/attention/walk_stations.py says what a part holds. Everything is here at once; only another token
// asks the server.

const AK_BIG = 0.985; // this share of a group's numbers sets its scale; the few beyond are drawn full

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ station: null, key: null }));
  const { header, arrays } = readPayload(data);
  const names = header.stations.map((one) => one.name);
  if (store.key === null) store.station = names.includes(header.station) ? header.station : names[0];
  // Another architecture may lack the station where the reader stood.
  if (!names.includes(store.station)) store.station = names[Math.min(store.index || 0, names.length - 1)];
  Object.assign(store, { header, arrays, names, key: true, theme: themeOf(parentElement), tip: tip(parentElement) });
  store.tell = (at, soon) => {
    clearTimeout(store.telling);
    store.telling = setTimeout(() => setStateValue("view", { at: at === header.home ? null : at, station: store.station === names[0] ? null : store.station }), soon ? 0 : 600);
  };
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "ak" });
    parentElement.append(store.root);
  }
  const { root, theme } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.style.setProperty("--key", theme.categories[1]);
  root.style.setProperty("--good", theme.categories[2]);
  // What the reader did comes back as the same walk: then nothing is built anew.
  const built = JSON.stringify({ ...header, station: null, dark: theme.dark });
  if (built === store.built && root.firstChild) return watchWidth(parentElement, (width) => width !== store.width && akResize(store, width));
  store.built = built;
  akBuild(store);
  return watchWidth(parentElement, (width) => akResize(store, width));
}

function akResize(store, width) {
  store.width = width;
  store.root.classList.toggle("narrow", width < 860);
  akStation(store);
}

// -------------------------------------------------------------------------------------------------------------- frame

function akBuild(store) {
  const { header, root } = store;
  const inner = root.getRootNode().activeElement;
  const focus = inner && root.contains(inner) ? inner.dataset.keep : null;
  store.tokens = header.pieces.map((piece, i) => el("button", {
    type: "button", class: `token${i === header.position ? " on" : ""}`, text: piece, "aria-pressed": i === header.position ? "true" : "false",
    "aria-label": `Token ${i}: ${piece}`, "data-keep": `t${i}`, on: { click: () => store.tell(i, true) },
  }));
  const sentence = el("div", { class: "sentence", role: "group", "aria-label": "The token that is followed" },
    el("span", { class: "hint", text: "Follow" }), ...store.tokens);
  moveByArrows(sentence, ".token");
  for (const token of store.tokens) token.tabIndex = token.classList.contains("on") ? 0 : -1;
  store.stops = header.stations.map((one, i) => el("button", {
    type: "button", class: "stop", "data-keep": one.name, on: { click: () => akGo(store, i, true) },
  }, el("span", { class: "dot", text: i + 1, "aria-hidden": "true" }), el("span", { class: "short", text: one.short })));
  const rail = el("nav", { class: "rail", "aria-label": "Stations of the forward pass" });
  let group = null;
  header.stations.forEach((one, i) => {
    if (one.group !== group) rail.append(el("span", { class: "group", text: one.group }));
    group = one.group;
    rail.append(store.stops[i]);
  });
  store.rail = rail;
  store.back = el("button", { type: "button", text: "Back", on: { click: () => akGo(store, store.index - 1) } });
  store.next = el("button", { type: "button", class: "main", text: "Next", on: { click: () => akGo(store, store.index + 1) } });
  store.title = el("h3", {});
  store.seen = el("p", { class: "seen", "aria-live": "polite" });
  store.picture = el("div", { class: "picture" });
  store.why = el("p", { class: "why" });
  store.check = el("p", { class: "check" });
  store.spoken = el("div", { class: "sr-only" });
  store.stage = el("section", { class: "stage", tabindex: 0, "data-keep": "stage", "aria-label": "Station; the arrow keys go to the next and back" },
    el("div", { class: "top" }, store.title, el("div", { class: "buttons" }, store.back, store.next)), store.seen, store.picture, store.why, store.check, store.spoken);
  store.stage.onkeydown = (event) => {
    const last = header.stations.length - 1;
    const to = { ArrowRight: store.index + 1, ArrowDown: store.index + 1, PageDown: store.index + 1, ArrowLeft: store.index - 1, ArrowUp: store.index - 1, PageUp: store.index - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    akGo(store, to);
  };
  rail.onkeydown = store.stage.onkeydown;
  root.replaceChildren(sentence, el("div", { class: "two" }, rail, store.stage));
  if (focus) root.querySelector(`[data-keep="${focus}"]`)?.focus({ preventScroll: true });
}

function akGo(store, index) {
  const to = Math.max(0, Math.min(store.names.length - 1, index));
  if (to === store.index) return;
  const onRail = store.rail.contains(store.root.getRootNode().activeElement);
  store.station = store.names[to];
  akStation(store);
  if (onRail) store.stops[to].focus({ preventScroll: true });
  store.tell(store.header.position, false);
}

function akStation(store) {
  const { header, names } = store;
  if (!store.width) return;
  const index = names.indexOf(store.station);
  store.index = index;
  const one = header.stations[index];
  store.tip.hide();
  store.stops.forEach((stop, i) => {
    stop.classList.toggle("on", i === index);
    stop.classList.toggle("past", i < index);
    stop.tabIndex = i === index ? 0 : -1;
    if (i === index) stop.setAttribute("aria-current", "step");
    else stop.removeAttribute("aria-current");
  });
  const stop = store.stops[index];
  if (stop.offsetLeft < store.rail.scrollLeft || stop.offsetLeft + stop.offsetWidth > store.rail.scrollLeft + store.rail.clientWidth) {
    store.rail.scrollLeft = stop.offsetLeft - store.rail.clientWidth / 2 + stop.offsetWidth / 2;
  }
  store.back.disabled = index === 0;
  store.next.disabled = index === names.length - 1;
  store.title.replaceChildren(el("span", { class: "number", text: index + 1 }), one.title);
  store.seen.textContent = one.seen;
  store.why.textContent = one.why;
  store.check.className = `check ${one.check && one.check.good ? "good" : ""}`;
  store.check.replaceChildren(...(!one.check ? [] : one.check.note ? [one.check.note]
    : [el("span", { class: "tick", "aria-hidden": "true", text: one.check.good ? "✓" : "≠" }), "Worked out here ", el("b", { text: one.check.here }), ", by the model ", el("b", { text: one.check.model }), `. ${one.check.agree}`]));
  store.picture.replaceChildren();
  store.room = Math.max(200, store.picture.clientWidth);
  const scales = akScales(store, one.parts);
  // Pictures on one scale share one legend, under the last of them.
  one.parts.forEach((part, i) => (part.legend = !one.parts.slice(i + 1).some((other) => other.group === part.group)));
  store.picture.append(...one.parts.map((part) => AK_DRAW[part.kind](store, part, scales)));
  store.spoken.replaceChildren(...akSpoken(store, one.parts));
}

// ---------------------------------------------------------------------------------------------------------- small help

const akSigned = (x) => fmt(Math.abs(x)).replace(/^/, x < 0 ? "−" : "");

// Numbers side by side keep one count of decimals, by the largest among them.
function akFixed(x, scale) {
  const decimals = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(scale || 1))));
  const text = Math.abs(x).toFixed(decimals);
  return x < 0 && Number(text) ? `−${text}` : text;
}

function akRow(store, part) {
  const whole = store.arrays[part.array];
  if (part.row === undefined) return whole;
  const size = whole.shape[1];
  return whole.subarray(part.row * size, (part.row + 1) * size);
}

// Numbers that belong together share one scale, so that their colours can be compared.
function akScales(store, parts) {
  const groups = {};
  for (const part of parts) {
    if (part.kind !== "strip" && part.kind !== "heat") continue;
    (groups[part.group] = groups[part.group] || []).push(...Array.from(akRow(store, part), Math.abs));
  }
  const scales = {};
  for (const [name, values] of Object.entries(groups)) {
    values.sort((a, b) => a - b);
    scales[name] = values[Math.min(values.length - 1, Math.floor(values.length * AK_BIG))] || values[values.length - 1] || 1;
  }
  return scales;
}

const akLabel = (part) => el("div", { class: "label" }, part.op ? el("span", { class: "op", text: part.op }) : null, el("span", { class: "name", text: part.label }), part.shape ? el("span", { class: "shape", text: part.shape }) : null);

function akLegend(store, scale) {
  const stops = [-1, -0.5, 0, 0.5, 1].map((t) => store.theme.diverging(t)).join(",");
  return el("span", { class: "legend", "aria-hidden": "true" }, akSigned(-scale), el("span", { class: "ramp", style: { background: `linear-gradient(90deg, ${stops})` } }), fmt(scale));
}

function akCanvas(wide, high) {
  const ratio = window.devicePixelRatio || 1;
  const canvas = el("canvas", { "aria-hidden": "true" });
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(high * ratio);
  Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px` });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return { canvas, pen };
}

function akPoint(store, canvas, find) {
  canvas.onpointermove = (event) => {
    const box = canvas.getBoundingClientRect();
    const told = find(event.clientX - box.left, event.clientY - box.top);
    if (told) store.tip.show(event.clientX, event.clientY, told);
    else store.tip.hide();
  };
  canvas.onpointerleave = () => store.tip.hide();
}

// ------------------------------------------------------------------------------------------------------------ pictures

// A list of numbers as cells, blue below zero, orange above, wrapped like text.
function akStrip(store, part, scales) {
  const values = akRow(store, part);
  const n = values.length;
  const narrow = store.room < 560;
  const columns = n <= 64 ? (narrow ? Math.min(32, n) : n) : n <= 1100 ? (narrow ? 32 : 64) : narrow ? 64 : 128;
  const rows = Math.ceil(n / columns);
  const cell = Math.min(n <= 64 ? 30 : 15, store.room / columns);
  const tall = n > 64 && rows > 12 ? Math.min(cell, 8) : n <= 64 ? Math.max(cell, 20) : cell;
  const { canvas, pen } = akCanvas(columns * cell, rows * tall);
  const scale = scales[part.group];
  const gap = cell > 6 ? 1 : 0;
  for (let i = 0; i < n; i++) {
    const x = (i % columns) * cell;
    const y = Math.floor(i / columns) * tall;
    pen.fillStyle = store.theme.panel;
    pen.fillRect(x, y, cell - gap, tall - (tall > 6 ? 1 : 0));
    pen.fillStyle = store.theme.diverging(Math.max(-1, Math.min(1, values[i] / scale)));
    pen.globalAlpha = Math.min(1, 0.25 + Math.abs(values[i] / scale));
    pen.fillRect(x, y, cell - gap, tall - (tall > 6 ? 1 : 0));
    pen.globalAlpha = 1;
  }
  if (part.mark) akFrame(store, pen, part.mark, columns, cell, tall);
  akPoint(store, canvas, (x, y) => {
    const i = Math.floor(y / tall) * columns + Math.floor(x / cell);
    return i >= 0 && i < n ? `number ${i}: ${akSigned(values[i])}` : null;
  });
  const first = Array.from(values.slice(0, narrow ? 4 : 7), (x) => akFixed(x, scale)).join("  ");
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "draw" }, canvas),
    el("div", { class: "under" }, el("span", { class: "mono", text: `${first}${n > 7 ? " …" : ""}` }), part.legend ? akLegend(store, scale) : null));
}

// Frames the cells [from, to) of a wrapped grid.
function akFrame(store, pen, [from, to], columns, cell, tall) {
  pen.strokeStyle = store.theme.accent;
  pen.lineWidth = 2.5;
  for (let at = from; at < to;) {
    const end = Math.min(to, (Math.floor(at / columns) + 1) * columns);
    pen.strokeRect((at % columns) * cell + 0.5, Math.floor(at / columns) * tall, (end - at) * cell - 2, tall - 1);
    at = end;
  }
}

// Vectors under each other: a row a token, a place or a layer.
function akHeat(store, part, scales) {
  const values = store.arrays[part.array];
  const [rows, columns] = values.shape;
  const named = part.rows.length > 0;
  const left = named ? Math.min(110, store.room * 0.26) : 0;
  const lengths = part.lengths ? store.arrays[part.lengths] : null;
  const right = lengths ? Math.min(170, store.room * 0.24) : 0;
  const high = named ? Math.max(15, Math.min(rows < 9 ? 38 : 26, 440 / rows)) : Math.max(2, 150 / rows);
  const wide = store.room - left - right;
  const ratio = window.devicePixelRatio || 1;
  const { canvas, pen } = akCanvas(store.room, rows * high);
  const scale = scales[part.group];
  const image = pen.createImageData(columns, rows);
  const panel = parseColour(store.theme.panel);
  for (let i = 0; i < rows * columns; i++) {
    const t = Math.max(-1, Math.min(1, values[i] / scale));
    const colour = mix(panel, parseColour(store.theme.diverging(t)), Math.min(1, 0.25 + Math.abs(t)));
    image.data.set([colour[0], colour[1], colour[2], 255], i * 4);
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = columns > wide * ratio;
  for (let r = 0; r < rows; r++) pen.drawImage(small, 0, r, columns, 1, left, r * high, wide, high - (named ? 2 : 0));
  pen.font = `14px ${store.theme.mono}`;
  pen.textBaseline = "middle";
  const longest = lengths ? Math.max(...lengths) : 1;
  for (let r = 0; r < rows; r++) {
    pen.fillStyle = r === part.mark ? store.theme.accent : store.theme.ink;
    if (named) pen.fillText(akCut(part.rows[r] || "", Math.floor(left / 8.6) - 1), 0, r * high + high / 2 - 1, left - 6);
    if (lengths) {
      pen.fillStyle = store.theme.accent;
      pen.fillRect(left + wide + 12, r * high + 2, Math.max(2, (right - 76) * (lengths[r] / longest)), high - 6);
      pen.fillStyle = store.theme.ink;
      pen.fillText(fmt(lengths[r]), left + wide + 18 + (right - 76) * (lengths[r] / longest), r * high + high / 2 - 1);
    }
  }
  if (part.mark >= 0 && part.mark < rows) {
    pen.strokeStyle = store.theme.accent;
    pen.lineWidth = 2.5;
    pen.strokeRect(left + 1, part.mark * high, wide - 2, Math.max(4, high - 2));
  }
  akPoint(store, canvas, (x, y) => {
    const r = Math.floor(y / high);
    const c = Math.floor(((x - left) / wide) * columns);
    return r >= 0 && r < rows && c >= 0 && c < columns ? `${part.rows[r] ?? `row ${r}`}, number ${c}: ${akSigned(values[r * columns + c])}` : null;
  });
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "draw" }, canvas),
    el("div", { class: "under" }, el("span", { text: lengths ? "bars: length of the vector" : "" }), part.legend ? akLegend(store, scale) : null));
}

const akCut = (text, most) => ([...text].length > most ? `${[...text].slice(0, Math.max(1, most - 1)).join("")}…` : text);

// One number a token: scores around a zero line, or shares from the ground.
function akBars(store, part) {
  const { header, theme } = store;
  const values = store.arrays[part.array];
  const n = values.length;
  const named = store.room / n >= 17;
  const seen = Array.from(values).filter((x) => !Number.isNaN(x));
  const beside = part.same ? store.arrays[store.header.stations[store.index].parts[0].array] : null;
  const all = beside ? [...seen, ...beside] : seen;
  const top = part.share ? Math.max(...seen) : Math.max(0, ...all);
  const low = part.share ? 0 : Math.min(0, ...all);
  const high = part.share ? 170 : 130;
  const under = low < 0 ? 18 : 0; // room for the numbers of bars that hang down
  const foot = named ? 84 + under : 4 + under;
  const lane = Math.min(64, store.room / n);
  const { canvas, pen } = akCanvas(store.room, high + 20 + foot);
  const y = (v) => 16 + ((top - v) / (top - low || 1)) * high;
  pen.font = `14px ${theme.sans}`;
  pen.textAlign = "center";
  values.forEach((v, i) => {
    const x = i * lane;
    const on = i === part.peak;
    if (Number.isNaN(v)) {
      pen.strokeStyle = theme.hairline;
      for (let s = 0; s < 3; s++) {
        pen.beginPath();
        pen.moveTo(x + lane * 0.2, y(0) - 4 + s * 4);
        pen.lineTo(x + lane * 0.8, y(0) - 8 + s * 4);
        pen.stroke();
      }
    } else {
      pen.fillStyle = on ? theme.categories[1] : part.share ? theme.accent : theme.grey;
      pen.fillRect(x + lane * 0.14, Math.min(y(0), y(v)), Math.max(1, lane * 0.72), Math.max(1.5, Math.abs(y(v) - y(0))));
      if (on || (lane >= 40 && n <= 24 && (!part.share || v >= 0.005))) {
        const told = part.share ? v.toFixed(3) : akFixed(v, Math.max(top, -low));
        pen.fillStyle = theme.ink;
        pen.font = `${on ? "700 16px" : "13px"} ${theme.sans}`;
        const wide = pen.measureText(told).width / 2;
        pen.fillText(told, Math.max(wide, Math.min(store.room - wide, x + lane / 2)), v < 0 ? y(v) + 14 : y(v) - 4);
      }
    }
    if (named) {
      pen.save();
      pen.translate(x + lane / 2, high + 24 + under);
      pen.rotate(Math.PI / 2);
      pen.textAlign = "left";
      pen.textBaseline = "middle";
      pen.font = `${i === header.position || on ? "700 " : ""}${Math.min(15, Math.max(12, lane - 4))}px ${theme.mono}`;
      pen.fillStyle = i === header.position ? theme.accent : Number.isNaN(v) ? theme.muted : theme.ink;
      pen.fillText(akCut(header.pieces[i], 9), 0, 0);
      pen.restore();
    }
  });
  pen.fillStyle = theme.muted;
  pen.fillRect(0, y(0) - 0.5, n * lane, 1);
  akPoint(store, canvas, (x) => {
    const i = Math.floor(x / lane);
    if (i < 0 || i >= n) return null;
    return el("div", {}, el("span", { class: "mono", text: header.pieces[i] }), Number.isNaN(values[i]) ? " hidden by the mask" : ` ${akSigned(values[i])}`);
  });
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "draw" }, canvas));
}

// Each pair of numbers is a point on a dial: where it was, and where its angle has turned it.
function akDials(store, part) {
  const { theme, arrays } = store;
  const [before, after, angles, speeds] = [part.before, part.after, part.angles, part.speeds].map((name) => arrays[name]);
  const n = angles.length;
  const most = store.room < 560 ? 4 : 8;
  const columns = Math.min(n, most);
  const size = Math.min(118, Math.floor(store.room / columns));
  const rows = Math.ceil(n / columns);
  const { canvas, pen } = akCanvas(columns * size, rows * (size + 22));
  for (let i = 0; i < n; i++) {
    const cx = (i % columns) * size + size / 2;
    const cy = Math.floor(i / columns) * (size + 22) + size / 2;
    const r = size / 2 - 8;
    const from = Math.atan2(before[i + n], before[i]);
    const to = Math.atan2(after[i + n], after[i]);
    pen.strokeStyle = theme.hairline;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(cx, cy, r, 0, 2 * Math.PI);
    pen.stroke();
    // The way round, once at most; whole turns stand in the number below.
    const turn = Math.min(2 * Math.PI, Math.abs(angles[i]) % (2 * Math.PI) || (angles[i] ? 2 * Math.PI : 0));
    pen.fillStyle = theme.accentSoft;
    pen.beginPath();
    pen.moveTo(cx, cy);
    pen.arc(cx, cy, r * 0.62, -from, -from - turn, true);
    pen.closePath();
    pen.fill();
    for (const [angle, colour, wide] of [[from, theme.grey, 2], [to, theme.accent, 3.5]]) {
      pen.strokeStyle = pen.fillStyle = colour;
      pen.lineWidth = wide;
      pen.beginPath();
      pen.moveTo(cx, cy);
      pen.lineTo(cx + r * Math.cos(angle), cy - r * Math.sin(angle));
      pen.stroke();
      pen.beginPath();
      pen.arc(cx + r * Math.cos(angle), cy - r * Math.sin(angle), wide + 1.5, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.fillStyle = theme.ink;
    pen.font = `14px ${theme.sans}`;
    pen.textAlign = "center";
    const degrees = (angles[i] * 180) / Math.PI;
    pen.fillText(`${degrees >= 10 ? Math.round(degrees) : fmt(degrees)}°`, cx, cy + r + 22);
  }
  akPoint(store, canvas, (x, y) => {
    const i = Math.floor(y / (size + 22)) * columns + Math.floor(x / size);
    return i >= 0 && i < n ? `pair ${i}: numbers ${i} and ${i + n}, ${fmt((speeds[i] * 180) / Math.PI)}° a token; ${akSigned(before[i])}, ${akSigned(before[i + n])} become ${akSigned(after[i])}, ${akSigned(after[i + n])}` : null;
  });
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "draw" }, canvas),
    el("div", { class: "under" }, el("span", {}, el("i", { class: "hand grey" }), "before  ", el("i", { class: "hand blue" }), "after; lengths are left out, turning keeps them")));
}

// sin and cos of position / 10000^(2i/dim), as in "Attention Is All You Need", for 64 dimensions. The paper has them in
// turn; here all sines stand above all cosines, so that the waves can be seen.
function akWaves(store, part) {
  const { theme } = store;
  const places = Math.max(64, Math.min(160, part.at + 8));
  const dims = 64;
  const wide = Math.min(store.room, 860);
  const high = 192;
  const { canvas, pen } = akCanvas(wide, high);
  const value = (place, d) => {
    const angle = place / 10000 ** ((2 * (d % (dims / 2))) / dims);
    return d < dims / 2 ? Math.sin(angle) : Math.cos(angle);
  };
  for (let p = 0; p < places; p++) for (let d = 0; d < dims; d++) {
    pen.fillStyle = theme.diverging(value(p, d));
    pen.fillRect((p / places) * wide, (d / dims) * high, wide / places + 0.6, high / dims + 0.6);
  }
  if (part.at < places) {
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 2;
    pen.strokeRect((part.at / places) * wide, 1, Math.max(4, wide / places), high - 2);
  }
  akPoint(store, canvas, (x, y) => {
    const p = Math.floor((x / wide) * places);
    const d = Math.floor((y / high) * dims);
    return p >= 0 && p < places && d >= 0 && d < dims ? `place ${p}, ${d < dims / 2 ? "sine" : "cosine"} ${d % (dims / 2)}: ${akSigned(value(p, d))}` : null;
  });
  return el("div", { class: "part" }, akLabel({ ...part, shape: `[dimension, place] = [${dims}, ${places}]` }), el("div", { class: "draw" }, canvas),
    el("div", { class: "under" }, el("span", { text: "places from left to right; 32 sines from fast to slow, under them their cosines; the frame is this token’s place" })));
}

// Who sees whom in this model, and beside it the other kind.
function akMask(store, part) {
  const { header, theme, arrays } = store;
  const spans = arrays[part.array];
  const n = spans.shape[0];
  const side = Math.min(270, Math.floor((store.room - 40) / 2));
  const square = (title, sees, real) => {
    const { canvas, pen } = akCanvas(side, side);
    const cell = side / n;
    for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
      pen.fillStyle = sees(q, k) ? (real ? (q === header.position ? theme.accent : theme.cividis(0.55)) : theme.grey) : theme.panel;
      pen.globalAlpha = real || !sees(q, k) ? 1 : 0.55;
      pen.fillRect(k * cell, q * cell, Math.max(0.7, cell - (cell > 5 ? 1 : 0)), Math.max(0.7, cell - (cell > 5 ? 1 : 0)));
    }
    pen.globalAlpha = 1;
    if (real) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2;
      pen.strokeRect(1, header.position * cell, side - 2, Math.max(3, cell));
      akPoint(store, canvas, (x, y) => {
        const [k, q] = [Math.floor(x / cell), Math.floor(y / cell)];
        return q < 0 || k < 0 || q >= n || k >= n ? null : `“${header.pieces[q]}” ${sees(q, k) ? "sees" : "does not see"} “${header.pieces[k]}”`;
      });
    }
    return el("figure", {}, canvas, el("figcaption", { text: title }));
  };
  const here = square(`this layer, a row a token; the row of “${header.pieces[header.position]}” is marked`, (q, k) => k >= spans[2 * q] && k <= spans[2 * q + 1], true);
  const other = header.causal ? square("an encoder: all see all", () => true, false) : square("a decoder: nothing ahead", (q, k) => k <= q, false);
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "draw squares" }, here, other));
}

// Query heads over the key-value heads that serve them.
function akGroups(store, part) {
  const share = part.heads / part.kv_heads;
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "groups" }, Array.from({ length: part.kv_heads }, (_, kv) => el("div", { class: `served${Math.floor(part.head / share) === kv ? " on" : ""}` },
    el("div", { class: "asking" }, Array.from({ length: share }, (_, i) => el("span", { class: `ask${kv * share + i === part.head ? " on" : ""}`, text: `q ${kv * share + i}` }))),
    el("span", { class: "kv", text: `k, v ${kv}` })))));
}

function akLengths(store, part) {
  const values = store.arrays[part.array];
  const most = Math.max(...values);
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "lengths" }, Array.from(values, (v, i) => el("div", { class: `length${i === part.mark ? " on" : ""}` },
    el("span", { class: "name", text: `head ${i}` }), el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${(100 * v) / most}%` } })), el("span", { class: "number", text: fmt(v) })))));
}

function akChoices(store, part) {
  return el("div", { class: "part" }, akLabel(part), el("div", { class: "choices" }, part.items.map(([text, p, score], i) => el("div", { class: `choice${i ? "" : " on"}` },
    el("span", { class: "word", text }), el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${Math.max(0.5, 100 * p)}%` } })), el("b", { text: percent(p) }), el("span", { class: "logit", text: `logit ${score}` })))));
}

const AK_DRAW = { strip: akStrip, heat: akHeat, bars: akBars, dials: akDials, waves: akWaves, mask: akMask, groups: akGroups, lengths: akLengths, choices: akChoices };

// The same numbers as tables, for those who do not see the pictures.
function akSpoken(store, parts) {
  const { header } = store;
  return parts.filter((part) => part.kind === "bars" || part.kind === "strip").map((part) => {
    const values = Array.from(akRow(store, part)).slice(0, 64);
    const head = part.kind === "bars" ? (i) => header.pieces[i] : (i) => `number ${i}`;
    return el("table", {}, el("caption", { text: `${part.label}, ${part.shape || ""}${akRow(store, part).length > 64 ? ", the first 64" : ""}` }),
      el("tbody", {}, values.map((v, i) => el("tr", {}, el("th", { scope: "row", text: head(i) }), el("td", { text: Number.isNaN(v) ? "hidden" : akSigned(v) })))));
  });
}
