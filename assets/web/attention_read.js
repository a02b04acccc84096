// What the payload says: scores of all heads, and one head (or average, or rollout) as a dense matrix to draw.

const ATT_SMALL = 0.0005;
const attPercent = (p) => percent(p).replace(" %", "\u00a0%");
const attShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";
const attCell = (causal, n, q, k) => (causal ? (q * (q + 1)) / 2 + k : q * n + k);
const attName = (store, layer, head) => `Layer ${layer}, head ${head}`;

// --------------------------------------------------------------------------------------------------------- all heads

const attColumn = (store, name) => store.columns.get(name);

function attReadScores(store) {
  const { header, arrays } = store;
  const every = header.layers * header.heads;
  store.columns = new Map(header.columns.map((column, i) => {
    const values = arrays.scores.subarray(i * every, (i + 1) * every);
    let top = -Infinity;
    for (const value of values) if (value > top) top = value;
    return [column.name, { ...column, values, top: Number.isFinite(top) ? top : NaN }];
  }));
}

function attScore(store, name, layer, head) {
  const column = attColumn(store, name);
  return column ? column.values[layer * store.header.heads + head] : NaN;
}

// A share is held against the threshold itself, any other number against that part of the highest head's.
function attBar(store, name) {
  const column = attColumn(store, name);
  return column.unit === "share" ? store.header.at_least : store.header.at_least * column.top;
}

function attScoreText(column, value) {
  if (Number.isNaN(value)) return "–";
  return column.unit === "share" ? value.toFixed(2) : `${fmt(value)} ${column.unit}`;
}

function attLit(store, layer, head) {
  const { header } = store;
  return store.columns.has(header.light) && attScore(store, header.light, layer, head) >= attBar(store, header.light);
}

function attMarks(store, layer, head) {
  const { header } = store;
  const usual = ["previous", "induction"].filter((name) => !attColumn(store, name).source);
  const marks = usual.filter((name) => attScore(store, name, layer, head) >= header.at_least);
  if (attLit(store, layer, head) && !marks.includes(header.light)) marks.push(header.light);
  return marks;
}

// Heads like the chosen one: nearest by the cosine of their thumbnails, from one half on.
function attLike(store) {
  const { header, arrays } = store;
  const found = new Map();
  if (!store.view.like || !arrays.near.shape[1]) return found;
  const count = arrays.near.shape[1];
  const at = (store.chosen[0] * header.heads + store.chosen[1]) * count;
  for (let i = 0; i < count; i++) {
    const cosine = arrays.near_cosine[at + i] / 255;
    if (cosine >= 0.5) found.set(arrays.near[at + i], cosine);
  }
  return found;
}

function attOrder(store) {
  const { header } = store;
  const column = attColumn(store, header.sort);
  if (!column || Number.isNaN(column.top)) return null;
  const all = [];
  for (let at = 0; at < header.layers * header.heads; at++) all.push(at);
  const value = (at) => (Number.isNaN(column.values[at]) ? -Infinity : column.values[at]);
  return all.sort((a, b) => value(b) - value(a) || a - b).map((at) => [Math.floor(at / header.heads), at % header.heads]);
}

// What a head does on this text, from its scores; the words claim no more than the number beside them.
function attSays(store) {
  const [layer, head] = store.chosen;
  const score = (name) => (attColumn(store, name)?.source ? NaN : attScore(store, name, layer, head));
  const rest = store.header.causal ? "the first token" : "the special tokens";
  if (score("induction") >= 0.5) return "finds the phrase again and looks at what came next";
  if (score("previous") >= 0.5) return "looks one token back";
  if (score("next") >= 0.5) return "looks one token ahead";
  if (score("duplicate") >= 0.5) return "finds the same token elsewhere in the text";
  if (score("first") >= 0.9) return `rests on ${rest}`;
  if (score("far") >= 0.1) return "looks far away, each token at its own place";
  if (score("first") >= 0.5) return `rests mostly on ${rest}`;
  if (score("entropy") >= 0.85) return "spreads over all that it sees";
  return "no single pattern on this text";
}

// Colours for round(255 sqrt(w)): nothing is the panel itself, and faint weights rise out of it.
function attTable(theme) {
  const panel = parseColour(theme.panel);
  return Array.from({ length: 256 }, (_, i) => {
    const t = Math.pow(i / 255, 1.35);
    return mix(panel, parseColour(theme.cividis(t)), Math.min(1, 0.1 + t / 0.38));
  });
}

// ----------------------------------------------------------------------------------------------------------- one head

// The cells [query, key] of what is chosen, and whether they are exact. Null where nothing of it is here yet.
function attCells(store) {
  const { header, arrays, view } = store;
  const [layer, head] = store.chosen;
  const n = header.pieces.length;
  const size = header.causal ? (n * (n + 1)) / 2 : n * n;
  const dense = (value) => {
    const cells = new Float32Array(n * n);
    for (let q = 0; q < n; q++) {
      for (let k = 0; k < (header.causal ? q + 1 : n); k++) cells[q * n + k] = value(attCell(header.causal, n, q, k), q, k);
    }
    return cells;
  };
  if (view.whose !== "head") {
    if (header.whose !== view.whose || header.layer !== layer) return header.alone ? attAloneSum(store) : null;
    const rolled = view.whose === "rollout";
    return { exact: true, cells: dense((at) => arrays.main[at]), even: rolled ? dense((at) => arrays.null[at]) : null, norms: null };
  }
  const index = layer * header.heads + head - header.first;
  if (index >= 0 && index < header.count) {
    const long = arrays.norms.shape[1];
    const norms = long ? arrays.norms.subarray(index * long, (index + 1) * long) : null;
    return { exact: true, cells: dense((at) => arrays.weights[index * size + at]), norms };
  }
  const alone = header.alone && attAloneHead(store, dense);
  if (alone) return alone;
  if (header.rough === layer) return { exact: false, cells: dense((at) => (arrays.rough[head * size + at] / 255) ** 2), norms: null };
  const edges = arrays.edges;
  const side = edges.length - 1;
  const block = new Int32Array(n);
  for (let b = 0; b < side; b++) block.fill(b, edges[b], edges[b + 1]);
  const from = (layer * header.heads + head) * arrays.thumbs.shape[2];
  return {
    exact: false, norms: null,
    cells: dense((_, q, k) => (arrays.thumbs[from + attCell(header.causal, side, block[q], block[k])] / 255) ** 2),
  };
}

// Words out of tokens: shares are summed over a word's tokens as keys and averaged over them as queries.
function attWhole(cells, n, words) {
  const starts = [];
  for (let i = 0; i < n; i++) if (!i || words[i] !== words[i - 1]) starts.push(i);
  const m = starts.length;
  const word = new Int32Array(n);
  starts.forEach((start, w) => word.fill(w, start, starts[w + 1] ?? n));
  const made = new Float32Array(m * m);
  for (let q = 0; q < n; q++) {
    const share = 1 / ((starts[word[q] + 1] ?? n) - starts[word[q]]);
    for (let k = 0; k < n; k++) made[word[q] * m + word[k]] += cells[q * n + k] * share;
  }
  return { cells: made, starts, count: m };
}

// All that drawing needs: n labels, cells, how strong a cell looks (0 to 1) and how its number reads.
function attGrid(store) {
  const { header, arrays, view } = store;
  const found = attCells(store);
  if (!found) return store.grid ? { ...store.grid, exact: false, drawn: false } : null;
  let n = header.pieces.length;
  let { cells } = found;
  let even = found.even;
  const weighed = view.value && found.norms && view.whose === "head";
  if (weighed) cells = cells.map((weight, at) => weight * found.norms[at % n]);
  let labels = header.pieces.map(attShown);
  let starts = labels.map((_, i) => i);
  let sinks = header.sinks;
  if (view.words) {
    const whole = attWhole(cells, n, arrays.words);
    if (even) even = attWhole(even, n, arrays.words).cells;
    const old = n;
    ({ cells, starts, count: n } = whole);
    labels = starts.map((start, i) => attShown(header.pieces.slice(start, starts[i + 1] ?? old).join("")));
    sinks = starts.flatMap((start, i) => (header.sinks.some((sink) => sink >= start && sink < (starts[i + 1] ?? old)) ? [i] : []));
  }
  const rolled = cells;
  const show = found.even ? view.show : "rollout";
  if (show === "even") cells = even;
  if (show === "ratio") cells = rolled.map((value, at) => (even[at] > 1e-9 ? value / even[at] : NaN));
  const hidden = new Set(header.hide_first && n > sinks.length ? sinks : []);
  // Lengths have no natural end, and a rollout's shares are faint beside the resting place: both are drawn against the
  // largest that is shown.
  const unit = show === "ratio" ? "ratio" : weighed ? "length" : "weight";
  let top = unit === "weight" && !found.even ? 1 : 0;
  if (!top) {
    for (let at = 0; at < cells.length; at++) {
      const key = at % n;
      if (!hidden.has(key) && (weighed || key !== Math.floor(at / n)) && cells[at] > top) top = cells[at];
    }
  }
  const relative = (w) => (top ? Math.min(1, w / top) : 0);
  const strength = {
    weight: top === 1 ? (w) => w : relative, length: relative, ratio: (w) => (w > 0 ? Math.max(-1, Math.min(1, Math.log2(w) / 3)) : -1),
  }[unit];
  const say = {
    weight: (w) => (found.exact ? w.toFixed(3) : `≈ ${w.toFixed(2)}`), length: fmt, ratio: (w) => (Number.isNaN(w) ? "–" : `× ${fmt(w)}`),
  }[unit];
  return {
    n, labels, starts, hidden, sinks, exact: found.exact, drawn: found.exact || Boolean(found.near), unit, strength, say, rolled, even, top,
    at: (q, k) => cells[q * n + k], sees: (q, k) => !header.causal || k <= q,
  };
}

// Keys of one row, strongest first, as [key, value].
function attRow(store, query) {
  const { grid } = store;
  const row = [];
  for (let k = 0; k < grid.n; k++) {
    const value = grid.at(query, k);
    if (grid.sees(query, k) && value > 0) row.push([k, value]);
  }
  return row.sort((a, b) => b[1] - a[1]);
}

// The strongest look three or more away, else the last token.
function attOpening(store) {
  const { grid } = store;
  let best = { query: grid.n - 1, key: null };
  let most = 0.15;
  for (let q = 0; q < grid.n; q++) {
    for (let k = 0; k < grid.n; k++) {
      if (Math.abs(q - k) < 3 || !grid.sees(q, k) || grid.sinks.includes(k) || grid.sinks.includes(q)) continue;
      const strong = grid.strength(grid.at(q, k));
      if (strong > most) [most, best] = [strong, { query: q, key: k }];
    }
  }
  return best;
}
