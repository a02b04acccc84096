// One attention weight, worked out from the model's own query and keys: products, scale, softmax over the row, times
// value. components/views/attention/cell.py says what the header holds. All keys of the row come at once, so choosing
// another one needs no answer from the server.

const AC_WIDE = 5; // bars with a number of their own
const acMinus = (text) => String(text).replace("-", "−");
const acFmt = (x) => acMinus(Math.abs(x) < 5e-4 ? (x === 0 ? "0" : Number(x).toExponential(1)) : fmt(x));
const acSigned = (x) => (x > 0 ? "+" : "") + acFmt(x);
const acBrief = (x) => (x > 0 ? "+" : "") + acMinus(Math.abs(x) < 1 ? x.toFixed(2) : fmt(x));
const acCount = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const acWeight = (w) => (w >= 1e-4 || w === 0 ? w.toFixed(6) : w.toExponential(4).replace("-", "−"));
const acShort = (w) => (w >= 0.0005 ? w.toFixed(3) : w === 0 ? "0" : "under 0.001");
const acWord = (piece) => visible(piece.trim() === "" ? piece : piece.replace(/^ +| +$/g, "")) || "·";

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ row: null, key: 0, wanted: null, still: false, timer: 0 }));
  if (store.raw !== data) {
    store.raw = data;
    Object.assign(store, readPayload(data));
    const { header } = store;
    // A reader may be ahead of the server: its answer to an earlier choice does not take the later one back.
    const ahead = store.row === header.row && store.wanted !== null && store.wanted !== header.key;
    if (!ahead) Object.assign(store, { key: header.key, wanted: null });
    store.row = header.row;
  }
  store.tell = (wait) => {
    clearTimeout(store.timer);
    store.wanted = store.key;
    store.timer = setTimeout(() => setStateValue("cell", { query: store.header.query, key: store.key }), wait);
  };
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "cellpanel" });
    parentElement.append(store.root);
  }
  const stop = watchWidth(parentElement, (width) => {
    store.width = width;
    acDraw(store);
  });
  return () => {
    stop();
    clearTimeout(store.timer);
  };
}

// ------------------------------------------------------------------------------------------------------------ numbers

const acVector = (array, dim, at) => array.subarray(at * dim, (at + 1) * dim);

// The products of query and one key, largest first: [dimension, q, k, product].
function acTerms(store, still) {
  const { header, arrays } = store;
  const q = still ? arrays.q_before : arrays.q;
  const k = acVector(still ? arrays.keys_before : arrays.keys, header.dim, store.key);
  const terms = Array.from(q, (x, i) => [i, x, k[i], x * k[i]]);
  return terms.sort((a, b) => Math.abs(b[3]) - Math.abs(a[3]) || a[0] - b[0]);
}

const acDot = (store, still) => acTerms(store, still).reduce((sum, term) => sum + term[3], 0);
const acName = (store, at) => acWord(store.header.pieces[at]);
const acSeen = (store) => Array.from(store.arrays.visible, (seen, at) => (seen ? at : -1)).filter((at) => at >= 0);

function acChoose(store, key, wait = 0) {
  if (key === store.key || !store.arrays.visible[key]) return;
  store.key = key;
  acDraw(store);
  store.tell(wait);
}

// ------------------------------------------------------------------------------------------------------------ drawing

function acDraw(store) {
  const { header, width } = store;
  const wide = width >= 980;
  const middle = !wide && width >= 620;
  store.root.className = `cellpanel${store.theme.dark ? " dark" : ""}${wide ? " wide" : middle ? " middle" : ""}`;
  const active = store.root.getRootNode().activeElement;
  const focused = active && active.dataset ? active.dataset.focus : null;
  const inner = wide ? width - 3 * 34 : middle ? width - 34 : width;
  const [a, b, c, d] = wide ? [0.42, 0.115, 0.27, 0.195].map((part) => Math.floor(part * inner))
    : middle ? [width, Math.floor(inner * 0.3), Math.floor(inner * 0.7), width] : [width, width, width, width];
  store.root.style.gridTemplateColumns = wide ? `${a}px ${b}px ${c}px ${d}px` : middle ? `${b}px ${c}px` : "100%";
  const step = (number, title, cls, ...children) =>
    el("section", { class: `step ${cls}` }, el("h4", {}, el("span", { class: "badge", text: number }), title), ...children);
  store.root.replaceChildren(
    acTitle(store),
    step(1, `Query times key: ${header.dim} products, largest first`, "products", acProducts(store, a)),
    step(2, "Scale", "scale", acScale(store)),
    step(3, "Softmax over the row", "softmax", acRow(store, c)),
    step(4, "Times value", "value", acValue(store)),
    acCheck(store),
    acRotary(store),
    acGrouped(store),
    acTable(store),
  );
  if (focused) store.root.querySelector(`[data-focus="${focused}"]`)?.focus({ preventScroll: true });
}

const acChip = (store, at, cls) => el("span", { class: `chip ${cls}`, text: acName(store, at) });

function acTitle(store) {
  const { header, arrays, key } = store;
  const weight = arrays.model[key];
  const self = key === header.query;
  return el("div", { class: "top" },
    el("h3", {}, "Why does ", acChip(store, header.query, "query"), weight < 0.1 ? " give only " : " give ",
      `${percent(weight)} of its attention to `, self ? "itself" : acChip(store, key, "key"), "?"),
    el("p", { class: "sub", text: `layer ${header.layer}, head ${header.head}; token ${header.query} looks at token ${key}` }));
}

function acProducts(store, width) {
  const { header } = store;
  const terms = acTerms(store, store.still);
  const runs = [];
  terms.reduce((sum, term) => (runs.push(sum + term[3]), sum + term[3]), 0);
  const total = runs[runs.length - 1];
  const high = store.width >= 980 ? 250 : 204;
  const right = 62;
  const first = Math.min(AC_WIDE, terms.length);
  const big = Math.max(34, Math.min(46, (width - right) * 0.09));
  const rest = terms.length - first;
  const small = rest ? Math.min(14, (width - right - first * big - 6) / rest) : 0;
  const left = (i) => (i < first ? i * big : first * big + 6 + (i - first) * small);
  const low = Math.min(0, ...runs);
  const top = Math.max(0, ...runs);
  const y = (value) => 24 + (high - 48) * (1 - (value - low) / (top - low || 1));
  const svg = svgEl("svg", {
    width, height: high, tabindex: 0, role: "slider", "data-focus": "products", "aria-label": "Products of query and key, largest first",
    "aria-valuemin": 1, "aria-valuemax": terms.length, "aria-valuenow": 1,
  });
  svg.append(
    svgEl("line", { class: "zero", x1: 0, x2: width - right, y1: y(0), y2: y(0) }),
    svgEl("line", { class: "total", x1: 0, x2: width - right + 4, y1: y(total), y2: y(total) }),
    svgEl("text", { class: "strong", x: width, y: y(total) + 6, "text-anchor": "end", text: acFmt(total) }),
  );
  const bars = terms.map((term, i) => {
    const from = i ? runs[i - 1] : 0;
    const bar = svgEl("rect", {
      class: term[3] < 0 ? "less" : "more", x: left(i) + (i < first ? big * 0.19 : small > 5 ? 0.7 : 0.2),
      width: i < first ? big * 0.62 : Math.max(0.8, small - (small > 5 ? 1.4 : 0.4)),
      y: Math.min(y(from), y(runs[i])), height: Math.max(1, Math.abs(y(from) - y(runs[i]))),
    });
    if (i + 1 < first) svg.append(svgEl("line", { class: "joint", x1: left(i) + big * 0.81, x2: left(i + 1) + big * 0.19, y1: y(runs[i]), y2: y(runs[i]) }));
    svg.append(bar);
    if (i < first) {
      const under = term[3] < 0;
      svg.append(svgEl("text", {
        class: `value ${under ? "less" : "more"}`, x: left(i) + big / 2, "text-anchor": "middle", text: acBrief(term[3]),
        y: under ? Math.max(y(from), y(runs[i])) + 16 : Math.min(y(from), y(runs[i])) - 6,
      }));
    }
    return bar;
  });
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  let at = -1;
  const show = (i) => {
    bars[at]?.classList.remove("on");
    at = i;
    if (i < 0) {
      readout.replaceChildren(header.copy.products);
      return;
    }
    bars[i].classList.add("on");
    const [place, q, k, product] = terms[i];
    const says = `${acFmt(q)} × ${acFmt(k)} = ${acFmt(product)}`;
    readout.replaceChildren(`Dimension ${place}: `, el("b", { text: says }), `. The sum is now ${acFmt(runs[i])}.`);
    svg.setAttribute("aria-valuenow", i + 1);
    svg.setAttribute("aria-valuetext", `Dimension ${place}: ${says}, sum ${acFmt(runs[i])}`);
  };
  svg.onpointermove = svg.onpointerdown = (event) => {
    const x = event.clientX - svg.getBoundingClientRect().left;
    const i = x < first * big ? Math.floor(x / big) : first + Math.floor((x - first * big - 6) / (small || 1));
    show(i >= 0 && i < terms.length && x < width - right ? Math.max(0, i) : -1);
  };
  svg.onpointerleave = () => show(-1);
  svg.onblur = () => show(-1);
  svg.onkeydown = acArrows((by) => show(Math.max(0, Math.min(terms.length - 1, at + by))), (end) => show(end ? terms.length - 1 : 0));
  show(-1);
  return [svg, readout, header.rotary ? acSwitch(store) : null];
}

// With positions or without them: a pair of buttons that says what both sums are.
function acSwitch(store) {
  const button = (still, words) => el("button", {
    type: "button", class: "choice", "aria-pressed": String(store.still === still), "data-focus": `still-${still}`,
    on: { click: () => { store.still = still; acDraw(store); } },
  }, words, " ", el("b", { text: acFmt(acDot(store, still)) }));
  return el("div", { class: "switch", role: "group", "aria-label": "Rotary positions" }, button(false, "with rotary positions"), button(true, "without"));
}

function acArrows(move, jump) {
  return (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by === undefined && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (by !== undefined) move(by);
    else jump(event.key === "End");
  };
}

function acScale(store) {
  const { header, arrays, key } = store;
  const dot = acDot(store, false);
  let score = dot * header.scale;
  const lines = [["", acFmt(dot)], ["×", header.root ? `1/√${header.dim}` : acFmt(header.scale)]];
  let why = header.root ? header.copy.scale : header.copy.factor;
  if (header.softcap) {
    const capped = header.softcap * Math.tanh(score / header.softcap);
    lines.push(["=", acFmt(score)], ["cap", `${acFmt(header.softcap)} · tanh(${acFmt(score)} / ${acFmt(header.softcap)})`]);
    score = capped;
    why += ` ${header.copy.softcap}`;
  }
  if (arrays.bias) {
    lines.push(["=", acFmt(score)], [arrays.bias[key] < 0 ? "−" : "+", `${acFmt(Math.abs(arrays.bias[key]))} for the distance`]);
    why += ` ${header.copy.bias}`;
  }
  return [
    el("div", { class: "sums" }, lines.map(([sign, text]) => el("p", {}, el("span", { class: "sign", text: sign }), text))),
    el("p", { class: "result", text: acFmt(arrays.scores[key]) }),
    el("p", { class: "why", text: why }),
  ];
}

// -------------------------------------------------------------------------------------------------------- the row

function acRow(store, width) {
  const { header, arrays } = store;
  const seen = acSeen(store);
  const count = arrays.visible.length;
  const before = seen[0];
  const after = count - 1 - seen[seen.length - 1];
  const strip = 18;
  const tail = header.sink === null ? 0 : 46;
  const left = before ? strip + 6 : 2;
  const right = (after ? strip + 6 : 2) + tail;
  const each = Math.min(44, (width - left - right) / seen.length);
  const x = (i) => left + (i + 0.5) * each;
  const words = each >= 15;
  const longest = words ? Math.min(9, Math.max(...seen.map((at) => [...acName(store, at)].length))) : 0;
  const [up, down, base] = [26, 116, 216];
  const high = base + (words ? 14 + longest * 8.6 : 24);
  const scores = seen.map((at) => arrays.scores[at]).concat(header.sink === null ? [] : [header.sink]);
  const [lowest, highest] = [Math.min(...scores), Math.max(...scores)];
  const y = (score) => (highest > lowest ? down - 10 - (down - 10 - up) * ((score - lowest) / (highest - lowest)) : up);
  const most = Math.max(...seen.map((at) => arrays.weights[at]), header.to_sink);
  const tall = (weight) => (weight / most) * 66;
  const svg = svgEl("svg", { width, height: high, tabindex: 0, role: "slider", "data-focus": "row", "aria-label": "Keys of the row", "aria-valuemin": seen[0], "aria-valuemax": seen[seen.length - 1] });
  for (const [hidden, from, says] of [[before, 0, header.window ? "outside the window" : "hidden"], [after, left + each * seen.length + tail + 6, header.causal ? "later" : "outside the window"]]) {
    if (!hidden) continue;
    svg.append(svgEl("rect", { class: "hidden", x: from, y: up - 8, width: strip, height: base - up + 8, rx: 3 }),
      svgEl("text", { class: "tick", transform: `translate(${from + strip / 2 + 4.5} ${base - 8}) rotate(-90)`, text: `${hidden} ${says}` }));
  }
  let stems = "";
  let dots = "";
  let bars = "";
  const thick = Math.max(1, Math.min(14, each * 0.62));
  seen.forEach((at, i) => {
    if (at === store.key) return;
    const top = y(arrays.scores[at]);
    stems += `M${x(i).toFixed(1)} ${down}V${top.toFixed(1)}`;
    dots += `M${x(i).toFixed(1)} ${top.toFixed(1)}h0`;
    const tallness = Math.max(1.5, tall(arrays.weights[at]));
    bars += `M${(x(i) - thick / 2).toFixed(1)} ${base}v${(-tallness).toFixed(1)}h${thick.toFixed(1)}v${tallness.toFixed(1)}z`;
  });
  const over = svgEl("rect", { class: "over", x: 0, y: 0, width: Math.max(3, each), height: high, visibility: "hidden" });
  svg.append(over,
    svgEl("path", { class: "stems", d: stems, "stroke-width": each < 4 ? 0.8 : 1.6 }),
    svgEl("path", { class: "dots", d: dots, "stroke-width": each < 5 ? 2.4 : each < 10 ? 4.5 : 7 }),
    svgEl("path", { class: "bars", d: bars }),
    svgEl("line", { class: "zero", x1: left, x2: left + each * seen.length + tail, y1: base, y2: base }));
  const chosen = seen.indexOf(store.key);
  const label = (cls, at, words, top) => {
    const middle = Math.max(words.length * 4 + 2, Math.min(width - words.length * 4 - 2, at));
    svg.append(svgEl("text", { class: cls, x: middle, y: top, "text-anchor": "middle", text: words }));
  };
  const lit = (at, cls, score, weight) => {
    svg.append(svgEl("line", { class: `${cls} stem`, x1: at, x2: at, y1: down, y2: y(score) }),
      svgEl("circle", { class: cls, cx: at, cy: y(score), r: each < 6 ? 4 : 5.5 }),
      svgEl("rect", { class: cls, x: at - Math.max(3, thick) / 2, y: base - Math.max(1.5, tall(weight)), width: Math.max(3, thick), height: Math.max(1.5, tall(weight)) }));
  };
  lit(x(chosen), "lit", arrays.scores[store.key], arrays.weights[store.key]);
  label("note", x(chosen), `score ${acFmt(arrays.scores[store.key])}`, y(arrays.scores[store.key]) - 10);
  label("note", x(chosen), `weight ${acShort(arrays.weights[store.key])}`, base - Math.max(1.5, tall(arrays.weights[store.key])) - 6);
  if (header.sink !== null) {
    const at = left + each * seen.length + tail / 2;
    lit(at, "sink", header.sink, header.to_sink);
    label("note sink", at, "sink", base + 18);
  }
  acWords(store, svg, { seen, x, words, base, width });
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  const show = (i) => {
    over.setAttribute("visibility", i < 0 ? "hidden" : "visible");
    if (i >= 0) over.setAttribute("x", x(i) - Math.max(3, each) / 2);
    const at = i < 0 ? null : seen[i];
    if (at === null) readout.replaceChildren(acMask(header, before, after), header.copy.softmax);
    else readout.replaceChildren(el("b", { text: acName(store, at) }), `, token ${at}: score ${acFmt(arrays.scores[at])}, weight ${acShort(arrays.weights[at])}. A click asks about this one.`);
  };
  const find = (event) => {
    const i = Math.floor((event.clientX - svg.getBoundingClientRect().left - left) / each);
    return i >= 0 && i < seen.length ? i : -1;
  };
  svg.onpointermove = (event) => show(find(event));
  svg.onpointerleave = () => show(-1);
  svg.onclick = (event) => find(event) >= 0 && acChoose(store, seen[find(event)]);
  const go = (i) => acChoose(store, seen[Math.max(0, Math.min(seen.length - 1, i))], 350);
  svg.onkeydown = acArrows((by) => go(chosen + by), (end) => go(end ? seen.length - 1 : 0));
  svg.setAttribute("aria-valuenow", store.key);
  svg.setAttribute("aria-valuetext", `${acName(store, store.key)}, token ${store.key}: score ${acFmt(arrays.scores[store.key])}, weight ${acShort(arrays.weights[store.key])}`);
  show(-1);
  return [svg, readout];
}

// What the mask hides of this row, and what a sink takes of it.
function acMask(header, before, after) {
  const said = [];
  if (before) said.push(`${acCount(before, "earlier token")} outside the window`);
  if (after) said.push(`${acCount(after, "later token")}${header.causal ? "" : " outside the window"}`);
  const mask = said.length ? `Hidden by the mask, score −∞ and weight 0: ${said.join(" and ")}. `
    : header.causal ? "" : "No mask: an encoder looks both ways. ";
  return mask + (header.sink === null ? "" : `A learned score, the sink, takes ${percent(header.to_sink)} of the row and adds nothing. `);
}

// Names under the row: all of them upright where they fit, else the chosen one and the strongest that do not collide.
function acWords(store, svg, { seen, x, words, base, width }) {
  const { weights } = store.arrays;
  const cut = (at) => { const signs = [...acName(store, at)]; return signs.length > 9 ? `${signs.slice(0, 8).join("")}…` : signs.join(""); };
  if (words) {
    seen.forEach((at, i) => svg.append(svgEl("text", {
      class: `word${at === store.key ? " key" : ""}`, transform: `translate(${x(i) + 4.5} ${base + 8}) rotate(90)`, y: 9, text: cut(at),
    })));
    return;
  }
  const taken = [];
  for (const at of [store.key, ...[...seen].sort((a, b) => weights[b] - weights[a]).slice(0, 6)]) {
    const half = [...cut(at)].length * 4.4 + 5;
    const middle = Math.max(half, Math.min(width - half, x(seen.indexOf(at))));
    if (taken.some(([from, to]) => middle - half < to && middle + half > from)) continue;
    taken.push([middle - half, middle + half]);
    svg.append(svgEl("text", { class: `word${at === store.key ? " key" : ""}`, x: middle, y: base + 18, "text-anchor": "middle", text: cut(at) }));
  }
}

function acValue(store) {
  const { header, arrays, key } = store;
  const seen = acSeen(store);
  const order = [...seen].sort((a, b) => arrays.lengths[b] - arrays.lengths[a]);
  let shown = order.slice(0, 5);
  if (!shown.includes(key)) shown = [...order.slice(0, 4), key];
  const most = arrays.lengths[order[0]] || 1;
  const rest = order.filter((at) => !shown.includes(at));
  return [
    el("p", { class: "sub", text: "length of what each word adds" }),
    el("div", { class: "lengths" }, shown.map((at) => el("button", {
      type: "button", class: `length${at === key ? " key" : ""}`, "data-focus": `length-${at}`, "aria-pressed": String(at === key),
      "aria-label": `${acName(store, at)}, token ${at}, adds a vector of length ${acFmt(arrays.lengths[at])}`, on: { click: () => acChoose(store, at) },
    }, el("span", { class: "name" }, acName(store, at), el("span", { class: "place", text: at })),
    el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${(100 * arrays.lengths[at]) / most}%` } })),
    el("span", { class: "number", text: acFmt(arrays.lengths[at]) })))),
    rest.length ? el("p", { class: "rest", text: `${rest.length} more, at most ${acFmt(arrays.lengths[rest[0]])} each` }) : null,
    el("p", { class: "sum" }, "together ", el("b", { text: acFmt(header.output_length) })),
    el("p", { class: "why", text: `${header.copy.value} ${header.copy.together}` }),
  ];
}

function acCheck(store) {
  const { header, arrays, key } = store;
  const good = header.difference <= 1e-5;
  const [digits, power] = header.difference.toExponential(0).split("e-");
  const mark = svgEl("svg", { class: "mark", width: 24, height: 24, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svgEl("circle", { cx: 12, cy: 12, r: 10 }), svgEl("path", { d: good ? "M7.5 12.5l3 3 6-7" : "M12 7v6M12 16.4v.6" }));
  const exact = header.difference === 0 ? "to the last digit" : ["to ", digits, "·10", el("sup", { text: `−${power}` })];
  return el("div", { class: `check${good ? "" : " off"}` }, mark, el("p", {},
    "Worked out here ", el("b", { class: "mono", text: acWeight(arrays.weights[key]) }), ", by the model ", el("b", { class: "mono", text: acWeight(arrays.model[key]) }), ". ",
    good ? "The whole row agrees " : "The row differs, more than rounding would; it agrees ", exact, ". ",
    el("span", { class: "try", text: header.copy.try })));
}

// ------------------------------------------------------------------------------------------- positions and sharing

function acRotary(store) {
  const { header, arrays } = store;
  const box = (...children) => el("section", { class: "rotary" }, el("h4", { text: "What positions did" }), ...children);
  if (!header.rotary) return box(el("p", { class: "why", text: arrays.bias ? header.copy.rotary_bias : header.copy.rotary_none }));
  if (!arrays.pairs) return box(el("p", { class: "why", text: header.copy.rotary_still }));
  const vectors = [arrays.q_before, acVector(arrays.keys_before, header.dim, store.key), arrays.q, acVector(arrays.keys, header.dim, store.key)];
  const pairs = Array.from({ length: arrays.pairs.length / 2 }, (_, i) => {
    const [a, b] = [arrays.pairs[2 * i], arrays.pairs[2 * i + 1]];
    const hands = vectors.map((one) => [Math.atan2(one[b], one[a]), Math.hypot(one[a], one[b])]);
    const product = (q, k) => vectors[q][a] * vectors[k][a] + vectors[q][b] * vectors[k][b];
    return { a, b, hands, before: product(0, 1), after: product(2, 3) };
  }).sort((one, two) => Math.abs(two.after - two.before) - Math.abs(one.after - one.before));
  const away = header.query - store.key;
  const [without, dot] = [acDot(store, true), acDot(store, false)];
  const matter = Math.abs(dot - without) < 0.15 * Math.max(Math.abs(dot), Math.abs(without)) ? "Positions hardly matter here: it is what the words are that counts." : "Where the words stand counts here.";
  const far = away === 0 ? "The token looks at itself, so both hands turned by the same angle and nothing changed between them."
    : `Key and query are ${acCount(Math.abs(away), "token")} apart. All ${pairs.length} pairs together: ${acFmt(without)} without positions, ${acFmt(dot)} with them. ${matter}`;
  return box(
    el("p", { class: "why", text: header.copy.rotary }),
    el("div", { class: "clocks" }, pairs.slice(0, 4).map((pair) => acPair(pair))),
    el("p", { class: "legend" }, el("span", { class: "hand query", text: "query" }), el("span", { class: "hand key", text: "key" }), "left before, right after turning; below, what the pair adds. The pairs that changed most come first."),
    el("p", { class: "why", text: far }),
  );
}

function acPair({ a, b, hands, before, after }) {
  const r = 30;
  // Directions alone: the lengths of query and key differ a lot, and the numbers below tell what they come to.
  const clock = (at, q, k) => {
    const hand = ([angle], cls, long) => svgEl("line", { class: `hand ${cls}`, x1: at, y1: r + 3, x2: at + Math.cos(angle) * long, y2: r + 3 - Math.sin(angle) * long });
    return [svgEl("circle", { class: "face", cx: at, cy: r + 3, r }), hand(q, "query", r - 4), hand(k, "key", r - 8)];
  };
  return el("figure", {},
    svgEl("svg", { width: 4 * r + 26, height: 2 * r + 6, role: "img", "aria-label": `Dimensions ${a} and ${b}: ${acFmt(before)} without positions, ${acFmt(after)} with them` },
      clock(r + 3, hands[0], hands[1]), svgEl("path", { class: "arrow", d: `M${2 * r + 8} ${r + 3}h8m-4 -4l4 4l-4 4` }), clock(3 * r + 21, hands[2], hands[3])),
    el("figcaption", {}, el("span", { class: "dims", text: `dimensions ${a}, ${b}` }), el("span", { class: "became" }, `${acSigned(before)} → `, el("b", { text: acSigned(after) }))));
}

function acGrouped(store) {
  const { header } = store;
  const group = header.heads / header.kv_heads;
  const others = header.sharing.filter((head) => head !== header.head);
  const size = Math.max(9, Math.min(24, 460 / (header.heads + header.kv_heads)));
  const gap = size * 0.5;
  const svg = svgEl("svg", { class: "sharing", width: header.heads * size + (header.kv_heads - 1) * gap + 4, height: size * 2 + 34, role: "img",
    "aria-label": `${header.heads} query heads over ${header.kv_heads} heads of keys and values` });
  for (let kv = 0; kv < header.kv_heads; kv++) {
    const from = 2 + kv * (group * size + gap);
    const middle = from + (group * size) / 2;
    const on = kv === header.kv_head ? " on" : "";
    for (let i = 0; i < group; i++) {
      const at = from + (i + 0.5) * size;
      svg.append(svgEl("line", { class: `tie${on}`, x1: at, y1: size, x2: middle, y2: size + 30 }),
        svgEl("circle", { class: `head${on}${kv * group + i === header.head ? " own" : ""}`, cx: at, cy: size / 2 + 2, r: size * 0.36 }));
    }
    svg.append(svgEl("rect", { class: `kv${on}`, x: middle - size * 0.4, y: size + 28, width: size * 0.8, height: size * 0.8, rx: 3 }));
  }
  const most = Math.max(...header.kept.map((way) => way[2]));
  const bytes = (n) => (n >= 1e6 ? `${fmt(n / 1e6)} MB` : `${fmt(n / 1e3)} kB`);
  return el("section", { class: "grouped" }, el("h4", { text: group > 1 ? "Who shares these keys" : "Keys of its own" }),
    el("p", { class: "why" }, group > 1 ? `Head ${header.head} reads keys and values of group ${header.kv_head}, as ${others.length > 1 ? "do heads" : "does head"} ${others.join(", ").replace(/, (?=[^,]*$)/, " and ")}. Their queries differ, their keys do not. ` : `${header.copy.alone} `,
      header.causal ? header.copy.grouped : header.copy.encoder),
    svg,
    header.causal ? el("div", { class: "kept" }, header.kept.map(([name, heads, numbers, size2, own]) => el("div", { class: `way${own ? " own" : ""}` },
      el("span", { class: "name", text: `${name}, ${heads}` }),
      el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${(100 * numbers) / most}%` } })),
      el("span", { class: "number", text: bytes(size2) }),
      el("span", { class: "rest", text: `${numbers.toLocaleString("en-US")} numbers a token in ${header.layers} layers${own ? ", this model" : ""}` })))) : null,
    header.causal ? el("p", { class: "legend", text: "kilobytes in float16, two bytes a number" }) : null);
}

// ------------------------------------------------------------------------------------------------------------- table

function acTable(store) {
  const { header, arrays } = store;
  const row = (cells, tag = "td") => el("tr", {}, cells.map((cell) => el(tag, { text: String(cell) })));
  const seen = acSeen(store).sort((a, b) => arrays.weights[b] - arrays.weights[a]).slice(0, 30);
  return el("div", { class: "sr-only" },
    el("table", {}, el("caption", { text: `Largest products of query token ${header.query} and key token ${store.key}` }),
      el("thead", {}, row(["dimension", "query", "key", "product"], "th")),
      el("tbody", {}, acTerms(store, false).slice(0, 10).map((term) => row([term[0], ...term.slice(1).map(acFmt)])))),
    el("table", {}, el("caption", { text: "The row, strongest first" }),
      el("thead", {}, row(["place", "token", "score", "weight", "length of what it adds"], "th")),
      el("tbody", {}, seen.map((at) => row([at, acName(store, at), acFmt(arrays.scores[at]), acWeight(arrays.weights[at]), acFmt(arrays.lengths[at])])))));
}
