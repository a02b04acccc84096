// A text as a model writes it: at each step the last token so far asks, its row says where it looks, and from there the
// next token is written. All rows of the chosen layer are here, so playing and stepping need no answer from the server.

const AW_ARCS = 6;
const awShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  const store = instance(parentElement, () => ({ step: null, key: null, timer: 0, telling: 0, wish: null }));
  const { header, arrays } = readPayload(data);
  const key = header.pieces.join("\u0000") + header.prompt;
  const last = header.pieces.length - header.prompt - 1;
  if (store.key !== key) {
    // Another text starts at its end, with everything written; a link may name a step.
    store.step = store.key === null && header.at !== null ? header.at : last;
    clearInterval(store.timer);
    store.timer = 0;
  }
  Object.assign(store, { key, header, arrays, last, theme: themeOf(parentElement) });
  store.step = Math.max(0, Math.min(last, store.step));
  store.layer = header.layer;
  store.head = header.head;
  store.tell = () => {
    clearTimeout(store.telling);
    store.telling = setTimeout(() => setStateValue("view", { step: store.step === last ? null : store.step }), 500);
  };
  store.choose = (head) => {
    store.head = head;
    clearTimeout(store.choosing);
    store.choosing = setTimeout(() => setTriggerValue("chosen", [store.layer, head]), 220);
    awStep(store);
  };
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "aw" });
    parentElement.append(store.root);
  }
  const { root, theme } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.style.setProperty("--key", theme.categories[1]);
  store.tip = tip(parentElement);
  // What the reader did comes back as the same picture: then nothing is built anew and playing goes on.
  const built = JSON.stringify({ ...header, at: null, arrays: null, dark: theme.dark });
  if (built !== store.built || !root.firstChild) awBuild(store);
  store.built = built;
  const stop = watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 860);
    awStep(store);
  });
  return stop;
}

// ------------------------------------------------------------------------------------------------------------ reading

const awStart = (store, step) => step * store.header.prompt + (step * (step - 1)) / 2;

// The weights of one head at one step, over all tokens so far.
function awRow(store, head, step) {
  const { header, arrays } = store;
  const cells = arrays.rows.shape[2];
  const from = ((store.layer - header.first) * header.heads + head) * cells + awStart(store, step);
  return arrays.rows.subarray(from, from + header.prompt + step);
}

function awFact(store, name, head, step) {
  const { header, arrays } = store;
  return arrays[name][((store.layer - header.first) * header.heads + head) * (store.last + 1) + step];
}

// Colours for round(255 sqrt(w)): nothing is the panel itself, and faint weights rise out of it.
function awTable(theme) {
  const panel = parseColour(theme.panel);
  return Array.from({ length: 256 }, (_, i) => {
    const t = Math.pow(i / 255, 1.35);
    return mix(panel, parseColour(theme.cividis(t)), Math.min(1, 0.1 + t / 0.38));
  });
}

// ------------------------------------------------------------------------------------------------------------- frame

function awBuild(store) {
  const { header, root, last } = store;
  const button = (text, label, go, cls = "") => el("button", { type: "button", text, class: cls, "aria-label": label, on: { click: go } });
  store.play = button(store.timer ? "Pause" : "Play", null, () => awPlay(store), "main");
  store.back = button("Back", "One token back", () => awGo(store, store.step - 1));
  store.next = button("Next", "One token on", () => awGo(store, store.step + 1));
  store.range = el("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "New token", on: { input: () => awGo(store, Number(store.range.value)) } });
  store.count = el("b", {});
  const bar = el("div", { class: "bar" }, el("div", { class: "buttons" }, store.play, store.back, store.next), store.range, el("span", { class: "count" }, "new token ", store.count));

  store.svg = svgEl("svg", { class: "ribbons", "aria-hidden": "true" });
  store.chips = header.pieces.map((piece, i) => {
    const chip = el("span", { class: `chip${i >= header.prompt ? " new" : ""}`, text: awShown(piece) });
    chip.onpointerenter = (event) => awChipTip(store, i, event);
    chip.onpointerleave = () => store.tip.hide();
    return chip;
  });
  const flow = [];
  header.pieces.forEach((piece, i) => {
    flow.push(store.chips[i], " ");
    if (/\n/.test(piece)) flow.push(el("br"));
  });
  store.text = el("div", { class: "text", tabindex: 0, role: "group", "aria-label": "The text as it is written; arrow keys step through the new tokens, space plays" }, store.svg, ...flow);
  store.text.onkeydown = (event) => {
    const to = { ArrowRight: store.step + 1, ArrowDown: store.step + 1, ArrowLeft: store.step - 1, ArrowUp: store.step - 1, Home: 0, End: last }[event.key];
    if (event.key === " ") awPlay(store);
    else if (to === undefined) return;
    else awGo(store, to);
    event.preventDefault();
  };
  store.say = el("p", { class: "say", "aria-live": "polite" });

  store.strips = el("canvas", { "aria-hidden": "true" });
  store.names = Array.from({ length: header.heads }, (_, head) => el("button", { type: "button", class: "name", on: { click: () => store.choose(head) } }));
  store.firsts = Array.from({ length: header.heads }, () => el("span", { class: "first" }));
  const heads = el("div", { class: "heads", role: "group", "aria-label": "All heads of the layer at this step" },
    el("div", { class: "names" }, store.names), el("div", { class: "lane" }, store.strips), el("div", { class: "firsts" }, store.firsts));
  store.headsTitle = el("h4", {});
  store.strips.onpointermove = (event) => awStripTip(store, event);
  store.strips.onpointerleave = () => store.tip.hide();
  store.strips.onclick = (event) => {
    const box = store.strips.getBoundingClientRect();
    store.choose(Math.max(0, Math.min(header.heads - 1, Math.floor(((event.clientY - box.top) / box.height) * header.heads))));
  };

  store.rows = Array.from({ length: last + 1 }, (_, step) => awTableRow(store, step));
  store.scroll = el("div", { class: "scroll" }, el("table", {},
    el("caption", { class: "sr-only", text: "Each new token: its probability, where the chosen head looked first, and how much of it rested on the first token" }),
    el("thead", {}, el("tr", {}, [["written", ""], ["probability", "wide"], ["looked first at", ""], ["on first token", "wide"]].map(([word, cls]) => el("th", { scope: "col", class: cls, text: word })))),
    el("tbody", {}, store.rows.map((row) => row.node))));
  store.end = el("p", { class: "end", text: header.ended });
  const before = document.activeElement;
  const focused = root.contains(before) || root.getRootNode().activeElement;
  const at = focused && root.getRootNode().activeElement?.className;
  root.replaceChildren(bar, el("div", { class: "two" },
    el("section", { class: "main" }, store.text, store.say, store.headsTitle, heads),
    el("section", { class: "side" }, el("h4", { text: "Token by token" }), store.scroll, store.end)));
  if (at === "text") store.text.focus({ preventScroll: true });
}

function awTableRow(store, step) {
  const { header, arrays } = store;
  const piece = awShown(header.pieces[header.prompt + step]);
  const looked = el("span", { class: "chip small" });
  const weight = el("span", { class: "number" });
  const sink = el("span", { class: "fill grey" });
  const sinkNumber = el("span", { class: "number" });
  const p = arrays.probability[step];
  const jump = el("button", { type: "button", class: "chip small jump", text: piece, "aria-label": `Step ${step + 1}: ${piece}`, on: { click: () => awGo(store, step) } });
  const node = el("tr", {},
    el("th", { scope: "row" }, jump),
    el("td", { class: "wide" }, el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${p * 100}%` } })), el("span", { class: "number", text: percent(p) })),
    el("td", {}, looked, " ", weight),
    el("td", { class: "wide" }, el("span", { class: "track", "aria-hidden": "true" }, sink), sinkNumber));
  node.onclick = () => awGo(store, step);
  return { node, looked, weight, sink, sinkNumber };
}

// ------------------------------------------------------------------------------------------------------------ moving

function awPause(store) {
  clearInterval(store.timer);
  store.timer = 0;
  store.play.textContent = "Play";
}

function awPlay(store) {
  if (store.timer) return awPause(store);
  if (store.step >= store.last) store.step = -1;
  awGo(store, store.step + 1, true);
  if (store.step >= store.last) return;
  store.play.textContent = "Pause";
  store.timer = setInterval(() => {
    if (!store.root.isConnected || store.step >= store.last) return awPause(store);
    awGo(store, store.step + 1, true);
    if (store.step >= store.last) awPause(store);
  }, 850);
}

function awGo(store, step, playing = false) {
  if (!playing) awPause(store);
  store.step = Math.max(0, Math.min(store.last, step));
  if (!playing || store.step === store.last) store.tell();
  awStep(store);
}

// -------------------------------------------------------------------------------------------------------------- step

function awStep(store) {
  const { header, theme, step, last, head } = store;
  const asks = header.prompt + step - 1;
  const row = awRow(store, head, step);
  const behind = header.hide_first && row.length > 1 ? 1 : 0;
  const most = awFact(store, "keys", head, step);
  const paper = parseColour(theme.paper);
  const warm = parseColour(theme.categories[1]);
  store.range.value = step;
  store.range.setAttribute("aria-valuetext", `${step + 1} of ${last + 1}`);
  store.count.textContent = `${step + 1} of ${last + 1}`;
  store.back.disabled = step === 0;
  store.next.disabled = step === last;

  store.chips.forEach((chip, i) => {
    const w = i < row.length ? (row[i] / 255) ** 2 : 0;
    chip.classList.toggle("later", i > asks + 1);
    chip.classList.toggle("asks", i === asks);
    chip.classList.toggle("written", i === asks + 1);
    chip.classList.toggle("most", i === most && i < asks);
    chip.classList.toggle("hatched", behind === 1 && i === 0 && asks > 0);
    chip.style.background = i < asks && i >= behind ? toRgb(mix(paper, warm, 0.62 * Math.sqrt(w))) : "";
  });
  awRibbons(store, row, asks, behind);
  awSay(store, asks, most);
  awHeads(store);
  store.rows.forEach((one, s) => {
    const key = awFact(store, "keys", head, s);
    const sink = awFact(store, "sink", head, s);
    one.looked.textContent = awShown(header.pieces[key]);
    one.weight.textContent = awFact(store, "most", head, s).toFixed(2);
    one.sink.style.width = `${sink * 100}%`;
    one.sinkNumber.textContent = sink.toFixed(2);
    one.node.classList.toggle("now", s === step);
    one.node.classList.toggle("later", s > step);
    if (s === step) one.node.setAttribute("aria-current", "step");
    else one.node.removeAttribute("aria-current");
  });
  const now = store.rows[step].node;
  const box = store.scroll;
  if (now.offsetTop < box.scrollTop + 30) box.scrollTop = now.offsetTop - 34;
  else if (now.offsetTop + now.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = now.offsetTop + now.offsetHeight - box.clientHeight + 4;
  store.end.hidden = step !== last;
}

// Lines from the token that asks to the tokens it looks at, as thick as their weight; they run above the lines of text.
function awRibbons(store, row, asks, behind) {
  const { svg, theme, chips, text } = store;
  const frame = text.getBoundingClientRect();
  if (!frame.width) return;
  svg.setAttribute("width", Math.floor(frame.width));
  svg.setAttribute("height", Math.floor(text.scrollHeight));
  const place = (i) => {
    const box = chips[i].getBoundingClientRect();
    return { x: box.left - frame.left + box.width / 2, top: box.top - frame.top + text.scrollTop, bottom: box.bottom - frame.top + text.scrollTop };
  };
  const from = place(asks);
  const found = [...row].map((value, i) => [i, (value / 255) ** 2]).filter(([i, w]) => i >= behind && i < asks && w >= 0.02);
  found.sort((a, b) => b[1] - a[1]);
  svg.replaceChildren(...found.slice(0, AW_ARCS).reverse().map(([i, w]) => {
    const to = place(i);
    const same = Math.abs(to.top - from.top) < 4;
    const high = same ? Math.min(30, 9 + Math.abs(to.x - from.x) * 0.13) : 26;
    const d = same
      ? `M ${from.x} ${from.top} C ${from.x} ${from.top - high}, ${to.x} ${to.top - high}, ${to.x} ${to.top}`
      : `M ${from.x} ${from.top} C ${from.x} ${from.top - high}, ${to.x} ${to.bottom + high}, ${to.x} ${to.bottom}`;
    return svgEl("path", { d, fill: "none", stroke: theme.accent, "stroke-width": (1.2 + 6 * w).toFixed(2), "stroke-opacity": Math.min(0.95, 0.3 + w).toFixed(2), "stroke-linecap": "round" });
  }));
}

function awSay(store, asks, most) {
  const { header, arrays, step, layer, head } = store;
  const chip = (i, cls = "") => el("span", { class: `chip small ${cls}`, text: awShown(header.pieces[i]) });
  const p = arrays.probability[step];
  const rank = arrays.rank[step];
  const w = awFact(store, "most", head, step);
  const sink = awFact(store, "sink", head, step);
  const rests = asks === 0 ? ["Only ", chip(0), " is there to look at. "]
    : most === asks ? [chip(asks, "asks"), ` looks first at itself (${w.toFixed(2)})`, sink >= 0.5 && most !== 0 ? `; ${sink.toFixed(2)} rest on the first token. ` : ". "]
      : [chip(asks, "asks"), " looks first at ", chip(most, "most"), ` (${w.toFixed(2)})`, sink >= 0.5 && most !== 0 ? `; ${sink.toFixed(2)} rest on the first token. ` : ". "];
  store.say.replaceChildren(
    el("span", { class: "where", text: `Layer ${layer}, head ${head}` }), ...rests.flat(),
    "The model writes ", chip(asks + 1, "written"), `, ${percent(p)} likely`, rank === 1 ? "." : `, its choice number ${rank}.`);
}

// All heads of the layer at this step, a strip each; later steps have room at the right from the start.
function awHeads(store) {
  const { header, theme, step, head, last } = store;
  const canvas = store.strips;
  const wide = canvas.parentElement.clientWidth;
  if (!wide) return;
  const ratio = window.devicePixelRatio || 1;
  const lane = 26;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(lane * header.heads * ratio);
  canvas.style.height = `${lane * header.heads}px`;
  const pen = canvas.getContext("2d");
  const table = awTable(theme).map(toRgb);
  const keys = header.prompt + last;
  const hidden = header.hide_first && header.prompt + step > 1;
  store.headsTitle.textContent = `All ${header.heads} heads of layer ${store.layer}, from this token`;
  for (let h = 0; h < header.heads; h++) {
    const row = awRow(store, h, step);
    const y = Math.round((h * lane + 3) * ratio);
    const high = Math.round((lane - 6) * ratio);
    for (let k = 0; k < row.length; k++) {
      const x = Math.floor((k / keys) * canvas.width);
      const to = Math.floor(((k + 1) / keys) * canvas.width);
      pen.fillStyle = hidden && k === 0 ? theme.hairline : table[row[k]];
      pen.fillRect(x, y, Math.max(1, to - x - (to - x > 5 ? ratio : 0)), high);
    }
    pen.fillStyle = theme.ink;
    pen.fillRect(Math.floor((row.length / keys) * canvas.width), y, Math.max(1, ratio), high);
    const on = h === head;
    const key = awFact(store, "keys", h, step);
    const name = store.names[h];
    name.textContent = `head ${h}`;
    name.setAttribute("aria-pressed", on ? "true" : "false");
    name.setAttribute("aria-label", `Head ${h}: looks first at ${awShown(header.pieces[key])}, ${awFact(store, "most", h, step).toFixed(2)}`);
    store.firsts[h].textContent = awShown(header.pieces[key]);
    store.firsts[h].classList.toggle("on", on);
    if (on) {
      pen.strokeStyle = theme.accent;
      pen.lineWidth = 2 * ratio;
      pen.strokeRect(ratio, y - 2 * ratio + 0.5, Math.floor((row.length / keys) * canvas.width) - ratio, high + 3 * ratio);
    }
  }
}

// --------------------------------------------------------------------------------------------------------------- tips

function awChipTip(store, i, event) {
  const row = awRow(store, store.head, store.step);
  if (event.pointerType === "touch" || i > row.length) return;
  const p = store.arrays.probability[store.step];
  const told = i === row.length ? `written here, ${percent(p)} likely` : `gets ${((row[i] / 255) ** 2).toFixed(2)} from the token that asks`;
  store.tip.show(event.clientX, event.clientY, el("div", {}, el("span", { class: "mono", text: awShown(store.header.pieces[i]) }), ` ${told}`));
}

function awStripTip(store, event) {
  const { header } = store;
  const box = store.strips.getBoundingClientRect();
  const h = Math.floor(((event.clientY - box.top) / box.height) * header.heads);
  const k = Math.floor(((event.clientX - box.left) / box.width) * (header.prompt + store.last));
  const row = h >= 0 && h < header.heads ? awRow(store, h, store.step) : [];
  if (k < 0 || k >= row.length) return store.tip.hide();
  store.tip.show(event.clientX, event.clientY, el("div", {}, `head ${h}: `, el("span", { class: "mono", text: awShown(header.pieces[k]) }), " ", el("b", { text: ((row[k] / 255) ** 2).toFixed(2) })));
}
