// Heads turned off: next-token bars before and after, the same against chance, and every head in turn as two maps.
// components/views/attention/ablation_payload.py says what the header holds. A click tells the server which heads.

const signed = (x, digits = 3) => (x === null || x === undefined ? "–" : `${x < 0 ? "−" : "+"}${short(Math.abs(x), digits)}`);
const short = (x, digits = 3) => (x === 0 ? "0" : x >= 1000 ? Math.round(x).toLocaleString("en-US") : x < 0.0005 ? "under 0.001" : String(Number(x.toPrecision(digits))));
const word = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";
const median = (list) => { const s = [...list].sort((a, b) => a - b); return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2; };
const MEASURES = {
  kl: { name: "The whole prediction", unit: "KL divergence, nats", chip: "whole prediction", map: "How far the next-token probabilities move without it" },
  target: { name: "The target's log-probability", unit: "nats; less than 0: less likely", chip: "target", map: "What the target's log-probability loses without it" },
  loss: { name: "Loss on the whole text", unit: "nats a token; more than 0: worse", chip: "loss", map: "How much harder the text is to predict without it" },
  moved: { name: "How far vectors turn", unit: "1 − cosine, mean over tokens", chip: "vectors", map: "How far the tokens' vectors turn without it" },
};

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  const store = instance(parentElement, () => ({ raw: null, measure: null, focus: null }));
  if (store.raw !== data) {
    store.raw = data;
    const { header, arrays } = readPayload(data);
    Object.assign(store, { header, arrays, off: new Set(header.off.map((one) => one.join())), waiting: false });
  }
  store.theme = themeOf(parentElement);
  store.choose = (at) => {
    const { header, off } = store;
    const key = at.join();
    if (header.scope === "picked") {
      if (!off.delete(key)) off.add(key);
    } else {
      store.off = new Set(header.scope === "layer" ? Array.from({ length: header.heads }, (_, head) => `${at[0]},${head}`) : [key]);
    }
    const heads = header.scope === "picked" ? [...store.off].map((one) => one.split(",").map(Number)) : [at];
    heads.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    store.waiting = true;
    store.root.classList.add("waiting");
    marks(store);
    clearTimeout(store.timer);
    store.timer = setTimeout(() => setStateValue("picked", { scope: header.scope, heads, at: Date.now() }), header.scope === "picked" ? 500 : 150);
  };
  store.sweep = () => setTriggerValue("sweep", Date.now());
  if (!store.root) {
    store.root = el("div", { class: "ab" });
    parentElement.append(store.root);
  }
  return watchWidth(parentElement, (width) => draw(store, parentElement, width));
}

function draw(store, parentElement, width) {
  const { header, theme } = store;
  const wide = width >= 900;
  const left = wide ? Math.round((width - 44) * 0.47) : width;
  const right = wide ? width - 44 - left : width;
  store.tip = tip(parentElement);
  store.root.className = `ab ${wide ? "wide" : "narrow"} ${theme.dark ? "dark" : "light"}${store.waiting ? " waiting" : ""}`;
  store.root.style.gridTemplateColumns = wide ? `${left}px ${right}px` : "100%";
  const held = parentElement.activeElement?.dataset?.at || parentElement.ownerDocument?.activeElement?.dataset?.at;
  const one = el("section", { class: "result", "aria-label": "With and without" }, header.result ? result(store, left) : empty(header));
  const all = el("section", { class: "maps", "aria-label": "All heads" }, maps(store, right));
  store.root.replaceChildren(one, all);
  marks(store);
  if (held) all.querySelector(`[data-at="${held}"]`)?.focus({ preventScroll: true });
}

const empty = () => [el("h3", { text: "No head is off yet" }), el("p", { class: "sub", text: "Pick heads in the grid: click them, or move with the arrow keys and press Enter." })];

// ------------------------------------------------------------------------------------------------ with and without

function result(store, width) {
  const { header } = store;
  const { result: told } = header;
  const parts = [
    el("div", { class: "headline" }, el("h3", { text: header.title }), el("p", { class: "sub", text: header.how === "mean" ? "set to their mean over this text" : "set to zero" })),
    el("p", { class: "verdict", role: "status", text: told.verdict }),
  ];
  if (told.tokens) parts.push(bars(store, width), facts(store));
  else if (told.moved) parts.push(vectors(store));
  parts.push(chance(store, width), table(store));
  return parts;
}

function bars(store) {
  const { tokens, target } = store.header.result;
  const most = Math.max(...tokens.flatMap((row) => [row[2], row[3]]), 1e-9);
  const share = (p) => `${(100 * p) / most}%`;
  return el("div", { class: "bars" },
    el("p", { class: "legend" }, "Next token: ", el("span", { class: "key before" }), " every head on, ", el("span", { class: "key after" }), " without"),
    tokens.map(([id, piece, before, after]) => el("div", { class: `bar${id === target.id ? " target" : ""}` },
      el("span", { class: "name", text: word(piece), title: `token ${id}` }),
      el("span", { class: "track" }, el("span", { class: "after", style: { width: share(after) } }), el("span", { class: "before", style: { width: share(before) } })),
      el("span", { class: "numbers" }, percent(before).replace(" ", "\u00a0"), " → ", el("b", { text: percent(after).replace(" ", "\u00a0") })))));
}

function facts(store) {
  const { target, loss } = store.header.result;
  const pair = (name, before, after, note) => el("div", { class: "fact" }, el("span", { class: "name" }, name), el("span", { class: "pair" }, before, " → ", el("b", { text: after })), el("span", { class: "note", text: note }));
  const order = (rank) => rank.toLocaleString("en-US");
  return el("div", { class: "facts" },
    pair(["Rank of ", el("span", { class: "mono chip", text: word(target.piece) })], order(target.rank[0]), order(target.rank[1]), "among all next tokens"),
    loss ? pair("Loss on this text", loss[0].toFixed(3), loss[1].toFixed(3), "nats a token, less is better") : pair("Loss on this text", "–", "–", "one token has nothing before it"));
}

function vectors(store) {
  const rows = store.header.result.moved;
  const most = Math.max(...rows.map((row) => row[1]), 1e-9);
  return el("div", { class: "bars" },
    el("p", { class: "legend", text: "How far each token's last vector turns (1 − cosine), and its length against before" }),
    el("div", { class: "tokens" }, rows.map(([piece, turn, length]) => el("div", { class: "bar" },
      el("span", { class: "name", text: word(piece) }),
      el("span", { class: "track" }, el("span", { class: "after", style: { width: `${(100 * turn) / most}%` } })),
      el("span", { class: "numbers" }, el("b", { text: short(Math.max(0, turn)) }), `  × ${length.toFixed(2)}`)))));
}

// The chosen heads on one line with random heads and with themselves on another text.
function chance(store, width) {
  const { result: told } = store.header;
  const count = told.strips[0].random.length;
  const many = store.header.off.length > 1;
  const these = many ? "these heads" : "this head";
  const box = el("div", { class: "chance" },
    el("h4", { text: "Against chance" }),
    el("p", { class: "legend" }, el("span", { class: "dot chosen" }), ` ${these}, `, el("span", { class: "dot random" }), ` ${count} random ${many ? "sets of as many heads" : "heads"}, `, el("span", { class: "dot other" }), ` ${these} on another text`));
  for (const strip of told.strips) box.append(line(store, strip, width));
  box.append(el("p", { class: "fine", text: `The other text: “${told.elsewhere}” Random heads are drawn with seed ${told.seed}; ${count} draws give a rough range. Without a control a number here means nothing.` }));
  return box;
}

function line(store, strip, width) {
  const { theme } = store;
  const measure = MEASURES[strip.name];
  const values = [0, strip.chosen, ...strip.random, ...(strip.elsewhere === null ? [] : [strip.elsewhere])];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const span = Math.max(high - low, 1e-6);
  const side = 12;
  const x = (value) => side + ((value - low) / span) * (width - 2 * side);
  const svg = svgEl("svg", { width, height: 34, class: "strip", "aria-hidden": "true" },
    svgEl("line", { x1: side, x2: width - side, y1: 17, y2: 17, stroke: theme.hairline, "stroke-width": 2 }),
    svgEl("line", { x1: x(0), x2: x(0), y1: 7, y2: 27, stroke: theme.ink, "stroke-width": 1.5 }),
    strip.random.map((value) => svgEl("circle", { cx: x(value), cy: 17, r: 6, fill: theme.paper, "fill-opacity": 0.4, stroke: theme.grey, "stroke-width": 2 })),
    strip.elsewhere === null ? null : svgEl("rect", { x: x(strip.elsewhere) - 5.5, y: 11.5, width: 11, height: 11, fill: theme.paper, "fill-opacity": 0.5, stroke: theme.categories[2], "stroke-width": 2.5 }),
    svgEl("path", { d: `M${x(strip.chosen)} 7 l10 10 l-10 10 l-10 -10 z`, fill: theme.accent, stroke: theme.paper, "stroke-width": 1.5 }));
  const far = strip.random.length ? strip.random.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : null;
  const random = strip.random.length ? `random: median ${signed(median(strip.random), 2)}, up to ${signed(far, 2)}` : "no random set: all heads are off";
  const other = strip.elsewhere === null ? "" : `; another text: ${signed(strip.elsewhere, 2)}`;
  return el("div", { class: "measure" },
    el("div", { class: "measurehead" }, el("span", {}, measure.name, " ", el("span", { class: "unit", text: `(${measure.unit})` })), el("b", { text: signed(strip.chosen) })),
    svg, el("p", { class: "says", text: random + other }));
}

// ------------------------------------------------------------------------------------------------------- the maps

function maps(store, width) {
  const { header, arrays } = store;
  const pick = { head: "click one to turn it off", layer: "click one to turn off its layer", picked: "click to turn off and on" }[header.scope];
  const parts = [];
  if (!header.swept) {
    parts.push(el("div", { class: "headline" }, el("h3", { text: `All ${header.layers * header.heads} heads` }), el("p", { class: "sub", text: `layers across, heads down; ${pick}` })));
    parts.push(grid(store, width, null, null));
  } else {
    const names = header.swept.maps;
    if (!names.includes(store.measure)) store.measure = names[0];
    parts.push(el("div", { class: "headline" }, el("h3", { text: "Every head off in turn" }), el("p", { class: "sub", text: pick })));
    if (names.length > 1) {
      parts.push(el("div", { class: "choices", role: "group", "aria-label": "What is measured" }, names.map((name) => el("button", {
        type: "button", class: "choice", "aria-pressed": name === store.measure ? "true" : "false", text: MEASURES[name].chip,
        on: { click: () => { store.measure = name; draw(store, store.root.parentNode, Math.floor((store.root.parentNode.host || store.root.parentNode).getBoundingClientRect().width)); } } }))));
    }
    const unit = store.measure === "moved" ? "1 − cosine" : "nats";
    parts.push(figure(store, width, arrays[store.measure], `${MEASURES[store.measure].map}, ${unit}`, store.measure === "target" || store.measure === "loss"));
    if (header.direct) {
      const d = header.direct;
      parts.push(figure(store, width, arrays.direct, "What each head itself says for the target: direct attribution, logits above the mean", true));
      parts.push(el("p", { class: "fine", text: `Direct effects only: what a head writes for later heads to read stands here with nothing. ` +
        `Embedding ${signed(d.embedding)}, heads ${signed(d.heads)}, feed-forward layers ${signed(d.feed_forward)}${d.bias ? `, biases ${signed(d.bias)}` : ""}: together ${short(d.total, 4)}; the model's own logit above the mean is ${short(d.logit, 4)}${d.softcap ? ` before its soft cap at ${d.softcap}` : ""}.` }));
    }
  }
  parts.push(ask(store));
  return parts;
}

function ask(store) {
  const { header } = store;
  const every = header.layers * header.heads;
  if (header.swept || header.running) return el("p", { class: "fine", text: header.running ? "The sweep is under way; it goes on while you look around." : "" });
  const seconds = header.estimate;
  const about = seconds === null ? "" : seconds < 1 ? ", under a second" : seconds < 90 ? `, about ${Math.round(seconds)} s` : `, about ${Math.round(seconds / 60)} min`;
  return el("div", { class: "ask" },
    el("button", { type: "button", class: "main", text: `Sweep all ${every} heads`, on: { click: () => store.sweep() } }),
    el("p", { class: "sub", text: `Turns off each head by itself. Each goes on from its own layer: the work of ${header.passes} forward passes instead of ${every}${about}.` }));
}

function figure(store, width, values, caption, both) {
  return el("figure", {}, el("figcaption", { text: caption }), grid(store, width, values, both), scale(store, values, both));
}

function colours(theme, values, both) {
  let most = 1e-9;
  for (const value of values) most = Math.max(most, Math.abs(value));
  const t = (value) => Math.sign(value) * Math.sqrt(Math.abs(value) / most);
  return { most, of: (value) => (both ? theme.diverging(t(value)) : theme.cividis(Math.max(0, t(value)))) };
}

function scale(store, values, both) {
  const { theme } = store;
  const paint = colours(theme, values, both);
  const stops = Array.from({ length: 21 }, (_, i) => paint.of(paint.most * (both ? (i - 10) / 10 : i / 20)));
  const end = short(paint.most, 2);
  return el("p", { class: "scale" }, both ? `−${end}` : "0", el("span", { class: "ramp", style: { background: `linear-gradient(90deg, ${stops.join(",")})` } }), both ? `+${end}` : end,
    el("span", { class: "means", text: both ? "orange: speaks for it, blue: against it" : "" }));
}

function grid(store, width, values, both) {
  const { header, theme } = store;
  const { layers, heads } = header;
  const label = 24;
  const least = 19;
  const bands = Math.ceil(layers / Math.max(1, Math.floor((width - label) / least)));
  const across = Math.ceil(layers / bands);
  const size = Math.min(64, Math.floor((width - label) / across));
  const paint = values ? colours(theme, values, both) : null;
  const box = el("div", { class: "grid" });
  for (let from = 0; from < layers; from += across) {
    const columns = Math.min(across, layers - from);
    const board = el("div", { class: "board", role: "group", "aria-label": `Layers ${from} to ${from + columns - 1}; arrow keys move, Enter chooses`, style: { "grid-template-columns": `repeat(${columns}, ${size}px)`, "grid-auto-rows": `${Math.min(size, 30)}px` } });
    for (let head = 0; head < heads; head++) {
      for (let layer = from; layer < from + columns; layer++) {
        const value = values ? values[layer * heads + head] : null;
        const says = value === null ? "" : `: ${signed(value)}`;
        board.append(el("button", {
          type: "button", class: "cell", "data-at": `${layer},${head}`, "aria-label": `Layer ${layer}, head ${head}${says}`,
          style: { background: paint ? paint.of(value) : theme.panel },
          on: {
            click: () => store.choose([layer, head]),
            pointerenter: (event) => event.pointerType === "touch" || hint(store, layer, head, event.clientX, event.clientY),
            pointerleave: () => store.tip.hide(),
            focus: (event) => { if (event.target.matches(":focus-visible")) { const at = event.target.getBoundingClientRect(); hint(store, layer, head, at.right, at.bottom); } },
            blur: () => store.tip.hide(),
          },
        }));
      }
    }
    moveByArrows(board, "button", { columns });
    box.append(el("div", { class: "band" },
      el("div", { class: "across", "aria-hidden": "true", style: { "margin-left": `${label}px` } }, Array.from({ length: columns }, (_, c) => el("span", { text: from + c, style: { width: `${size}px` } }))),
      el("div", { class: "row" }, el("div", { class: "down", "aria-hidden": "true", style: { width: `${label}px` } }, Array.from({ length: heads }, (_, r) => el("span", { text: r, style: { height: `${Math.min(size, 30)}px` } }))), board)));
  }
  return box;
}

function hint(store, layer, head, x, y) {
  const { header, arrays } = store;
  const at = layer * header.heads + head;
  const rows = [...(header.swept ? header.swept.maps : []), ...(header.direct ? ["direct"] : [])].map((name) => [
    { target: "the target loses without it", kl: "prediction moves by", loss: "loss rises by", moved: "vectors turn by", direct: "says itself for the target" }[name], arrays[name][at]]);
  store.tip.show(x, y, el("div", {}, el("strong", { text: `Layer ${layer}, head ${head}` }),
    rows.map(([name, value]) => el("div", { class: "tiprow" }, el("span", { text: name }), el("b", { text: signed(value) })))));
}

function marks(store) {
  for (const cell of store.root.querySelectorAll(".cell")) cell.setAttribute("aria-pressed", store.off.has(cell.dataset.at) ? "true" : "false");
}

// The same facts for those who do not see the picture.
function table(store) {
  const { header, arrays } = store;
  const { result: told } = header;
  const row = (cells) => el("tr", {}, cells.map((cell, i) => el(i ? "td" : "th", i ? { text: cell } : { scope: "row", text: cell })));
  const rows = told.tokens ? told.tokens.map(([, piece, before, after]) => row([word(piece), percent(before), percent(after)]))
    : told.moved.slice(0, 60).map(([piece, turn, length]) => row([word(piece), short(turn), length.toFixed(2)]));
  const heads = told.tokens ? ["next token", "before", "after"] : ["token", "1 − cosine", "length after over before"];
  const parts = [el("table", {}, el("caption", { text: `${header.title}. ${told.verdict}` }), el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col", text: name })))), el("tbody", {}, rows))];
  if (header.swept) {
    const name = header.swept.maps[0];
    const order = [...arrays[name].keys()].sort((a, b) => Math.abs(arrays[name][b]) - Math.abs(arrays[name][a])).slice(0, 12);
    parts.push(el("table", {}, el("caption", { text: MEASURES[name].map }), el("tbody", {}, order.map((at) => row([`Layer ${Math.floor(at / header.heads)}, head ${at % header.heads}`, signed(arrays[name][at])])))));
  }
  return el("div", { class: "sr-only" }, parts);
}
