// The Sampling page's picture: the text so far, what may come next, the chain stage by stage, the draw.
// It answers hovering and opening by itself; it sends `act` for what only the server can do.

const ORANGE = 1;
const PINK = 3;

// A token's text for reading: white space as signs, the space in front as a quiet dot of its own.
function tokenLabel(token) {
  const fragment = token.k === 2;
  const text = fragment ? `⟨${token.t}⟩` : token.t;
  const span = el("span", { class: `label k${token.k}` });
  if (!fragment && text.length > 1 && text.startsWith(" ")) span.append(el("i", { text: "·" }), visible(text.slice(1)));
  else span.append(visible(text));
  return span;
}

const short = (p) => percent(p).replace("under ", "< ");
const spoken = (token) => (token.k === 2 ? `bytes ${token.t}` : token.t.trim() ? token.t.trim() : `white space ${visible(token.t)}`);
const oneIn = (surprise) => {
  const n = Math.exp(surprise);
  if (n < 1.05) return "a chance of almost 1";
  return n < 10 ? `a chance of ${percent(1 / n)}` : `a chance of 1 in ${Number(n.toPrecision(3)).toLocaleString("en-US")}`;
};

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ open: undefined, look: null, serial: 0, bars: new Map() }));
  const theme = themeOf(parentElement);
  const S = header.stages.length;

  if (!store.root) build(store, parentElement);
  const { root } = store;
  root.style.setProperty("--now", theme.categories[ORANGE]);
  root.style.setProperty("--surprise", theme.categories[PINK]);
  root.style.setProperty("--muted", theme.muted);
  root.style.setProperty("--hairline", theme.hairline);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.classList.toggle("dark", theme.dark);

  const act = (what) => {
    if (store.busy && what !== "stop") return;
    store.serial += 1;
    busy(true);
    setTriggerValue("act", { do: what, at: header.written.length, serial: store.serial });
  };
  const busy = (on) => {
    store.busy = on;
    root.setAttribute("aria-busy", on ? "true" : "false");
    clearTimeout(store.busyTimer);
    // If an answer never comes (a lost connection), the buttons must not stay dead.
    if (on) store.busyTimer = setTimeout(() => busy(false), 20000);
  };
  busy(false);

  soFar(store, header, theme);
  buttons(store, header, act);
  bars(store, header, arrays, store.look ?? S - 1);
  chain(store, header, arrays, (stage) => {
    store.look = stage;
    bars(store, header, arrays, stage ?? S - 1);
  });
  drawn(store, header, arrays, theme);
  readable(store, header, arrays);

  // While text is being written each drawn picture asks for the next, so closing the tab ends the work.
  clearTimeout(store.ticker);
  clearTimeout(store.again);
  if (header.running) {
    const tick = () => setTriggerValue("act", { do: "tick", at: header.written.length, serial: (store.serial += 1) });
    store.ticker = setTimeout(tick, 30);
    store.again = setTimeout(tick, 8000);
  }

  const stopWatching = watchWidth(parentElement, (width) => {
    store.width = width;
    root.classList.toggle("narrow", width < 620);
    root.classList.toggle("wide", width >= 820);
    details(store, header, arrays, theme);
    fitDraw(store);
  });
  details(store, header, arrays, theme);
  return () => {
    stopWatching();
    clearTimeout(store.ticker);
    clearTimeout(store.again);
    clearTimeout(store.busyTimer);
  };
}

function build(store, parentElement) {
  store.tokens = el("div", { class: "tokens", role: "group", "aria-label": "The text so far, token by token" });
  store.about = el("p", { class: "about", role: "status" });
  store.buttonRow = el("div", { class: "buttons" });
  store.note = el("p", { class: "note", role: "status" });
  store.bars_ = el("div", { class: "bars", "aria-hidden": "true" });
  store.as = el("p", { class: "as" });
  store.table = el("div", { class: "chain-rows" });
  store.library = el("span", { class: "sub" });
  store.drawTitle = el("span", { class: "sub" });
  store.drawBox = el("div", { class: "draw" });
  store.sr = el("div", { class: "sr-only" });
  const legend = el("p", { class: "legend", "aria-hidden": "true" },
    el("span", {}, el("i", { class: "key now" }), "now"),
    el("span", {}, el("i", { class: "key gave" }), "as the model gave it"),
    el("span", {}, el("i", { class: "key gone" }), "removed"));
  store.root = el("div", { class: "picture" },
    el("section", { class: "so-far" },
      el("div", { class: "line" }, el("h2", { text: "The text so far" }),
        el("span", { class: "scale", "aria-hidden": "true" }, "likely", el("i"), "surprising")),
      store.tokens, store.about, store.buttonRow, store.note),
    el("div", { class: "columns" },
      el("section", { class: "may-come" }, el("h2", { text: "What may come next" }), legend, store.bars_, store.as),
      el("section", { class: "chain" },
        el("div", { class: "line" }, el("h2", { text: "The chain, in its order" }), store.library),
        el("div", { class: "chain-head", "aria-hidden": "true" }, el("span"), el("span", { text: "tokens left" }),
          el("span", { text: "removed" }), el("span", { text: "effective choices" })),
        store.table)),
    el("section", { class: "drawn" },
      el("div", { class: "line" }, el("h2", { text: "The draw" }), store.drawTitle), store.drawBox),
    store.sr);
  parentElement.append(store.root);
}

// ------------------------------------------------------------------------------------------------------- text so far

function soFar(store, header, theme) {
  const { tokens, about } = store;
  const shown = header.so_far.tokens;
  const say = (token, place) => {
    const words = el("span", {}, el("span", { class: "mono", text: visible(token.k === 2 ? `⟨${token.t}⟩` : token.t) }));
    if (token.s === null) words.append(" stands first, so nothing could announce it.");
    else words.append(` had ${oneIn(token.s)} here: a surprise of ${fmt(token.s)} nats.`);
    if (token.p !== undefined) words.append(` After the chain: ${percent(token.p)}.`);
    if (place === undefined) words.prepend();
    about.replaceChildren(words);
  };
  const chips = shown.map((token, place) => {
    const share = token.s === null ? 0 : Math.min(1, token.s / 10);
    const fragment = token.k === 2;
    const text = fragment ? `⟨${token.t}⟩` : token.t;
    const inner = text.trim() ? text.trim() : text;
    const chip = el("span", {
      class: `token k${token.k}${token.new ? " new" : ""}${/^\s/.test(text) && place ? " apart" : ""}`,
      tabindex: place === shown.length - 1 ? 0 : -1,
      role: "img",
      "aria-label": `${spoken(token)}, ${token.s === null ? "first token" : oneIn(token.s)}`,
      style: { "--share": share.toFixed(3) },
      on: { mouseenter: () => say(token, place), focus: () => say(token, place) },
    }, /[\n]/.test(text) && !text.trim() ? visible(text) : text.trim() ? visible(inner).replace(/·/g, " ") : visible(inner));
    return /\n/.test(text) && !fragment ? [chip, el("br")] : [chip];
  });
  tokens.replaceChildren(
    ...(header.so_far.hidden ? [el("span", { class: "hidden", text: `${header.so_far.hidden.toLocaleString("en-US")} tokens before, …` })] : []),
    ...chips.flat(),
    el("span", { class: "caret", "aria-hidden": "true" }),
    el("span", { class: `token pending k${header.draw.k}`, role: "img", "aria-label": `next by the draw: ${spoken(header.draw)}` },
      visible(header.draw.k === 2 ? `⟨${header.draw.t}⟩` : header.draw.t.trim() || header.draw.t)));
  moveByArrows(tokens, ".token:not(.pending)");
  if (shown.length) say(shown[shown.length - 1], shown.length - 1);
  tokens.onmouseleave = () => shown.length && say(shown[shown.length - 1], shown.length - 1);
  if (header.written.length) tokens.scrollTop = tokens.scrollHeight;
}

function buttons(store, header, act) {
  if (!store.buttons) {
    store.buttons = {};
    for (const [what, label] of [["next", "Next token"], ["ten", "10 more"], ["back", "Back"], ["redraw", "Draw again"],
      ["generate", "Generate"], ["stop", "Stop"]]) {
      store.buttons[what] = el("button", { type: "button", class: `act ${what}`, text: label, "aria-label": what === "back" ? "Back one token" : null });
      store.buttonRow.append(store.buttons[what]);
    }
  }
  const running = Boolean(header.running);
  const full = Boolean(header.ended);
  for (const [what, button] of Object.entries(store.buttons)) {
    button.onclick = () => act(what);
    button.hidden = what === "stop" ? !running : running && what === "generate";
    button.disabled = what !== "stop" && (running
      || (what === "back" && !header.written.length)
      || (what === "redraw" && (header.draw.greedy || full))
      || (["next", "ten", "generate"].includes(what) && full));
  }
  if (running && store.root.contains(document.activeElement)) store.buttons.stop.focus();
  store.note.textContent = header.note || (running ? `Writing: ${header.written.length} tokens so far.` : "");
}

// -------------------------------------------------------------------------------------------------------------- bars

function bars(store, header, arrays, at) {
  const S = header.stages.length;
  const shares = arrays.shares;
  const last = at === S - 1;
  const most = Math.max(...header.rows.map((_, row) => Math.max(shares[row * S], shares[row * S + S - 1]))) || 1;
  // The rest may be longer than any single token: its bar is then cut short, and says so by a torn end.
  const scale = (p) => `${Math.min(100, (100 * p) / most)}%`;
  const kept = new Set();
  const nodes = header.rows.map((token, row) => {
    const gave = shares[row * S];
    const now = shares[row * S + at];
    let node = store.bars.get(token.i);
    if (!node) {
      node = el("div", { class: "bar" }, el("span", { class: "name" }), el("span", { class: "track" },
        el("span", { class: "solid" }), el("span", { class: "gave" }), el("span", { class: "was" })), el("span", { class: "value" }));
      node.firstChild.append(tokenLabel(token));
      store.bars.set(token.i, node);
    }
    kept.add(token.i);
    const gone = now === 0 && gave > 0;
    node.className = `bar${gone ? " gone" : ""}${last && token.i === header.draw.i ? " picked" : ""}`;
    const [solid, outline, was] = node.children[1].children;
    solid.style.width = scale(gone ? gave : now);
    outline.style.width = scale(gave);
    outline.hidden = gone;
    was.textContent = gone ? `was ${percent(gave)}, cut by ${header.stages[token.cut ?? at].name}` : "";
    was.style.left = scale(gave);
    was.classList.toggle("inside", gone && gave / most > (store.width < 620 ? 0.2 : 0.5));
    node.lastChild.textContent = gone ? "" : short(now);
    node.onmousemove = (event) => tip(store.root.parentNode).show(event.clientX, event.clientY, through(header, arrays, row));
    node.onmouseleave = () => tip(store.root.parentNode).hide();
    return node;
  });
  for (const id of [...store.bars.keys()]) if (!kept.has(id)) store.bars.delete(id);
  const gave = arrays.others[0];
  const now = arrays.others[at];
  const gone = now === 0;
  store.rest ??= el("div", { class: "bar rest" }, el("span", { class: "name" }), el("span", { class: "track" },
    el("span", { class: "solid" }), el("span", { class: "gave" }), el("span", { class: "was" })), el("span", { class: "value" }));
  const [solid, outline, was] = store.rest.children[1].children;
  store.rest.className = `bar rest${gone ? " gone" : ""}`;
  store.rest.firstChild.textContent = `the other ${header.others.toLocaleString("en-US")}`;
  solid.style.width = scale(gone ? gave : now);
  outline.style.width = scale(gave);
  outline.hidden = gone;
  solid.classList.toggle("torn", (gone ? gave : now) > most);
  outline.classList.toggle("torn", gave > most);
  was.style.left = scale(gave);
  was.classList.toggle("inside", gone && gave / most > (store.width < 620 ? 0.2 : 0.5));
  was.textContent = gone ? `was ${percent(gave)} together, now 0` : "";
  store.rest.lastChild.textContent = gone ? "" : short(now);
  const wanted = [...nodes, store.rest];
  // Only what changed its place is moved, so that widths can glide.
  wanted.forEach((node, i) => {
    if (store.bars_.children[i] !== node) store.bars_.insertBefore(node, store.bars_.children[i] || null);
  });
  while (store.bars_.children.length > wanted.length) store.bars_.lastChild.remove();
  store.as.textContent = last
    ? `All ${header.vocabulary.toLocaleString("en-US")} tokens are counted; the bars and the rest add up to 100 %.`
    : `Shown as it stands after ${header.stages[at].name}.`;
}

// One token's way through the stages, for the card under the pointer.
function through(header, arrays, row) {
  const S = header.stages.length;
  const box = el("div", { class: "through" }, el("b", {}, tokenLabel(header.rows[row]), ` token ${header.rows[row].i.toLocaleString("en-US")}`));
  header.stages.forEach((stage, i) => {
    if (i && !stage.on) return;
    const p = arrays.shares[row * S + i];
    box.append(el("div", {}, el("span", { text: i ? stage.name : "the model" }), el("span", { text: p ? percent(p) : "removed" })));
  });
  return box;
}

// ------------------------------------------------------------------------------------------------------------- chain

const valueOf = (stage) => (stage.value === null || stage.value === undefined ? "" : String(stage.value));

function chain(store, header, arrays, look) {
  store.library.textContent = header.library;
  if (store.open === undefined) {
    const busiest = header.stages.reduce((best, s) => (s.on && s.removed > (best ? best.removed : 0) ? s : best), null);
    store.open = busiest ? busiest.name : "logits";
  }
  store.rows ??= new Map();
  const nodes = header.stages.map((stage, place) => {
    let row = store.rows.get(stage.name);
    if (!row) {
      const button = el("button", { type: "button", class: "stage" }, el("span", { class: "arrow", "aria-hidden": "true" }),
        el("span", { class: "what" }), el("span", { class: "n left" }), el("span", { class: "n removed" }), el("span", { class: "n effective" }));
      row = { button, body: el("div", { class: "body" }) };
      row.node = el("div", { class: "stage-row" }, button, row.body);
      store.rows.set(stage.name, row);
    }
    const open = store.open === stage.name;
    row.node.classList.toggle("open", open);
    row.node.classList.toggle("off", !stage.on);
    row.button.setAttribute("aria-expanded", open ? "true" : "false");
    const [, what, left, removed, effective] = row.button.children;
    what.replaceChildren(el("span", { class: "mono", text: stage.name }), " ",
      stage.on ? el("span", { class: "mono value", text: valueOf(stage) }) : "",
      el("span", { class: "plain", text: stage.plain }));
    left.textContent = stage.on ? stage.left.toLocaleString("en-US") : "";
    removed.textContent = stage.on ? (place ? percent(stage.removed) : "") : "off";
    effective.textContent = stage.on ? fmt(stage.effective) : "";
    row.button.setAttribute("aria-label", stage.on
      ? `${stage.name} ${valueOf(stage)}: ${stage.left} tokens left, ${place ? `${percent(stage.removed)} removed, ` : ""}${fmt(stage.effective)} effective choices`
      : `${stage.name}: off`);
    row.button.onclick = () => {
      store.open = open ? "" : stage.name;
      chain(store, header, arrays, look);
      store.redetail();
    };
    const see = () => look(stage.on && place < header.stages.length - 1 ? place : null);
    row.node.onmouseenter = see;
    row.button.onfocus = see;
    row.button.onblur = () => look(null);
    row.body.hidden = !open;
    return row.node;
  });
  store.table.onmouseleave = () => look(null);
  if (nodes.length !== store.table.children.length || nodes.some((node, i) => store.table.children[i] !== node)) {
    store.table.replaceChildren(...nodes);
  }
}

function details(store, header, arrays, theme) {
  store.redetail = () => details(store, header, arrays, theme);
  header.stages.forEach((stage, place) => {
    const row = store.rows.get(stage.name);
    if (store.open !== stage.name) return row.body.replaceChildren();
    const width = Math.max(220, row.node.clientWidth - 28);
    const parts = [];
    if (stage.touched) parts.push(touchedList(stage.touched));
    else if (arrays[`stage${place}_rank`]) parts.push(smallChart(stage, pick(arrays, place), width, theme));
    row.body.replaceChildren(...parts, el("p", { class: "says", text: stage.says }));
  });
}

const pick = (arrays, place) => ({
  rank: arrays[`stage${place}_rank`], before: arrays[`stage${place}_before`],
  after: arrays[`stage${place}_after`], sum: arrays[`stage${place}_sum`],
});

function touchedList(touched) {
  const most = Math.max(...touched.map((t) => Math.max(t.before, t.after))) || 1;
  return el("div", { class: "touched" }, touched.map((t) => el("div", {}, tokenLabel(t),
    el("span", { class: "mini" }, el("i", { class: "after", style: { width: `${(100 * t.after) / most}%` } }),
      el("i", { class: "before", style: { width: `${(100 * t.before) / most}%` } })),
    el("span", { class: "n", text: `${short(t.before)} → ${short(t.after)}` }))));
}

// Chances by rank, heights as square roots; what stays in orange, what goes hatched; for top_p their sum above.
function smallChart(stage, { rank, before, after, sum }, width, theme) {
  const count = rank[rank.length - 1];
  const linear = count <= 80;
  const cuts = stage.name !== "temperature";
  const summing = stage.name === "top_p";
  const height = summing ? 168 : 132;
  const foot = height - 18;
  const top = summing ? 74 : 12;
  const x = (r) => (linear ? ((r - 0.5) / count) * width : (Math.log(r) / Math.log(count)) * (width - 8) + 4);
  const most = Math.sqrt(Math.max(before[0], ...after));
  const y = (p) => foot - (Math.sqrt(p) / most) * (foot - top);
  const svg = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": stage.says });
  const hatch = `hatch-${stage.name}`;
  svg.append(svgEl("defs", {}, svgEl("pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svgEl("line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: theme.muted, "stroke-width": 2.4 }))));
  const keptPlaces = [...rank.keys()].filter((i) => after[i] > 0);
  const edge = keptPlaces.length ? rank[keptPlaces[keptPlaces.length - 1]] : 0;
  const line = (values, style) => svgEl("path", { d: values.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join(""), fill: "none", ...style });
  if (linear && cuts) {
    const step = width / count;
    rank.forEach((r, i) => svg.append(svgEl("rect", {
      x: (r - 1) * step + step * 0.08, width: Math.max(1, step * 0.84), y: y(before[i]), height: Math.max(0.5, foot - y(before[i])),
      fill: after[i] > 0 ? theme.categories[ORANGE] : `url(#${hatch})`,
    })));
  } else {
    const area = (places, values) => `M${x(rank[places[0]])} ${foot}` + places.map((i) => `L${x(rank[i]).toFixed(1)} ${y(values[i]).toFixed(1)}`).join("") + `L${x(rank[places[places.length - 1]])} ${foot}Z`;
    const gone = [...rank.keys()].filter((i) => after[i] === 0);
    if (!cuts) svg.append(svgEl("path", { d: area(keptPlaces, after), fill: theme.categories[ORANGE], opacity: 0.85 }));
    else if (keptPlaces.length > 1) svg.append(svgEl("path", { d: area(keptPlaces, before), fill: theme.categories[ORANGE] }));
    if (cuts && gone.length > 1) svg.append(svgEl("path", { d: area(gone, before), fill: `url(#${hatch})` }));
  }
  if (!cuts) {
    svg.append(line([...rank.keys()].map((i) => [x(rank[i]), y(before[i])]), { stroke: theme.ink, "stroke-width": 1.6, "stroke-dasharray": "4 3" }));
    svg.append(svgEl("text", { x: width - 2, y: 14, "text-anchor": "end", class: "t" }, "dashed: before, filled: after"));
  }
  if (summing) {
    const level = 8 + (1 - stage.value) * 54;
    svg.append(svgEl("line", { x1: 0, x2: width, y1: level, y2: level, stroke: theme.muted, "stroke-dasharray": "3 3" }));
    svg.append(line([...rank.keys()].map((i) => [x(rank[i]), 8 + (1 - sum[i]) * 54]), { stroke: theme.accent, "stroke-width": 2.2 }));
  }
  if (stage.name === "min_p") {
    const bar = y(before[0] * stage.value);
    svg.append(svgEl("line", { x1: 0, x2: width, y1: bar, y2: bar, stroke: theme.accent, "stroke-width": 1.8, "stroke-dasharray": "5 3" }));
    svg.append(svgEl("text", { x: width - 2, y: Math.max(12, bar - 5), "text-anchor": "end", class: "t" }, `the bar: ${percent(before[0] * stage.value)}`));
  }
  if (cuts && edge && edge < count) {
    const at = linear ? (edge / count) * width : x(edge + 0.5);
    svg.append(svgEl("line", { x1: at, x2: at, y1: summing ? 4 : 10, y2: foot + 3, stroke: theme.ink, "stroke-width": 1.6 }));
    const right = at < width * 0.55;
    if (stage.name !== "min_p") {
      const words = summing ? `${percent(stage.value)} reached` : `${edge.toLocaleString("en-US")} stay`;
      svg.append(svgEl("text", { x: right ? at + 7 : at - 7, y: summing ? 40 : 24, "text-anchor": right ? "start" : "end", class: "t strong" }, words));
    }
    if (at > 24 && at < width - 34) svg.append(svgEl("text", { x: at, y: height - 3, "text-anchor": "middle", class: "t strong" }, edge.toLocaleString("en-US")));
  }
  svg.append(svgEl("line", { x1: 0, x2: width, y1: foot, y2: foot, stroke: theme.muted, "stroke-width": 1 }));
  svg.append(svgEl("text", { x: 0, y: height - 3, class: "t" }, "1"));
  svg.append(svgEl("text", { x: width, y: height - 3, "text-anchor": "end", class: "t" }, count.toLocaleString("en-US")));
  return el("figure", {}, svg, el("figcaption", {
    text: `by rank${linear ? "" : ", each step wider than the last"}; heights as square roots${summing ? "; blue: the sum so far" : ""}`,
  }));
}

// -------------------------------------------------------------------------------------------------------------- draw

function drawn(store, header, arrays, theme) {
  const { draw } = header;
  store.drawTitle.textContent = draw.greedy
    ? "greedy: the likeliest token is taken, no number is drawn"
    : "one random number between 0 and 1 picks the token";
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const total = arrays.parts.reduce((a, b) => a + b, 0);
  let at = 0;
  draw.parts.forEach((token, i) => {
    const p = arrays.parts[i];
    const picked = token.i === draw.i;
    strip.append(el("span", {
      class: `part${picked ? " picked" : ""}`,
      style: { left: `${100 * at}%`, width: `${100 * p}%`, "--weight": `${Math.round(100 - Math.min(i, 8) * 7)}%` },
      on: {
        mousemove: (event) => tip(store.root.parentNode).show(event.clientX, event.clientY, el("span", {}, tokenLabel(token), ` ${percent(p)}`)),
        mouseleave: () => tip(store.root.parentNode).hide(),
      },
    }, el("span", { class: "text", text: visible(token.k === 2 ? `⟨${token.t}⟩` : token.t.trim() || token.t) })));
    at += p;
  });
  if (draw.alive > draw.parts.length && total < 1) {
    strip.append(el("span", { class: "part others", style: { left: `${100 * at}%`, width: `${100 * (1 - at)}%` } },
      el("span", { class: "text", text: `${(draw.alive - draw.parts.length).toLocaleString("en-US")} more` })));
  }
  const pieces = [];
  if (!draw.greedy) {
    const side = draw.random > 0.6 ? "right" : "left";
    pieces.push(el("div", { class: `hit ${side}`, style: { "--at": `${100 * draw.random}%` } },
      el("b", { class: "n", text: draw.random.toFixed(3) }), " lands in ", tokenLabel(draw)));
  }
  pieces.push(strip, el("div", { class: "ends n" }, el("span", { text: "0" }), el("span", { class: "how", text: draw.greedy ? ""
    : `seed ${draw.seed}, token ${header.written.length + 1}${draw.redraw ? `, drawn again ${draw.redraw} time${draw.redraw > 1 ? "s" : ""}` : ""}` }),
  el("span", { text: "1" })));
  store.drawBox.replaceChildren(...pieces);
  fitDraw(store);
}

// A name that does not fit into its part is left out; the card under the pointer still gives it.
function fitDraw(store) {
  for (const part of store.drawBox.querySelectorAll(".part")) {
    const text = part.firstChild;
    text.hidden = false;
    text.hidden = text.scrollWidth + 6 > part.clientWidth;
  }
}

// ------------------------------------------------------------------------------------------------ for screen readers

function readable(store, header, arrays) {
  const S = header.stages.length;
  const table = el("table", {}, el("caption", { text: "What may come next: chances as the model gave them and after the chain" }),
    el("thead", {}, el("tr", {}, ["token", "as the model gave it", "now"].map((t) => el("th", { scope: "col", text: t })))),
    el("tbody", {}, header.rows.map((token, row) => el("tr", {}, el("th", { scope: "row", text: spoken(token) }),
      el("td", { text: percent(arrays.shares[row * S]) }),
      el("td", { text: arrays.shares[row * S + S - 1] ? percent(arrays.shares[row * S + S - 1]) : `removed by ${header.stages[token.cut ?? 0].name}` }))),
    el("tr", {}, el("th", { scope: "row", text: `the other ${header.others} together` }),
      el("td", { text: percent(arrays.others[0]) }), el("td", { text: percent(arrays.others[S - 1]) }))));
  const { draw } = header;
  store.sr.replaceChildren(table, el("p", { text: draw.greedy
    ? `Greedy: the next token is ${spoken(draw)}.`
    : `The random number ${draw.random.toFixed(3)} lands in ${spoken(draw)}, which lies from ${fmt(draw.low)} to ${fmt(draw.high)}.` }));
}
