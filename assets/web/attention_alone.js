// The picture in a file of its own, with no server to ask: a head whose exact weights are not along is read from bytes,
// and what is a sum over heads is made here.

// One head's cells as a function of their place, or null where the file has no more of it than the thumbnail.
function attAloneAt(store, layer, head) {
  const { header, arrays } = store;
  const n = header.pieces.length;
  const size = header.causal ? (n * (n + 1)) / 2 : n * n;
  const every = layer * header.heads + head;
  const index = every - header.first;
  if (index >= 0 && index < header.count) return { exact: true, at: (i) => arrays.weights[index * size + i] };
  if (arrays.rest.shape[1]) return { exact: false, at: (i) => (arrays.rest[every * size + i] / 255) ** 2 };
  return null;
}

function attAloneHead(store, dense) {
  const [layer, head] = store.chosen;
  const found = attAloneAt(store, layer, head);
  if (!found) return null;
  const long = store.arrays.every_norms.shape[1];
  const every = layer * store.header.heads + head;
  const norms = long ? store.arrays.every_norms.subarray(every * long, (every + 1) * long) : null;
  return { exact: found.exact, near: true, norms, cells: dense(found.at) };
}

// A layer's average as a full matrix [query, key]; null where one of its heads is a thumbnail only.
function attAloneMean(store, layer) {
  const { header } = store;
  const n = header.pieces.length;
  const all = Array.from({ length: header.heads }, (_, head) => attAloneAt(store, layer, head));
  if (all.some((one) => !one)) return null;
  const cells = new Float64Array(n * n);
  for (const one of all) {
    for (let q = 0; q < n; q++) {
      for (let k = 0; k < (header.causal ? q + 1 : n); k++) cells[q * n + k] += one.at(attCell(header.causal, n, q, k)) / header.heads;
    }
  }
  return { exact: all.every((one) => one.exact), cells };
}

// One step of the rollout: half of each row the token itself, half the layer's average, times what came before.
function attAloneStep(cells, before, n) {
  const made = new Float64Array(n * n);
  for (let q = 0; q < n; q++) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += 0.5 * cells[q * n + k];
    for (let k = 0; k < n; k++) {
      const share = (0.5 * cells[q * n + k] + (k === q ? 0.5 : 0)) / (sum + 0.5);
      if (share) for (let i = 0; i < n; i++) made[q * n + i] += share * before[k * n + i];
    }
  }
  return made;
}

function attAloneRollout(store) {
  const { header, arrays } = store;
  const n = header.pieces.length;
  const start = new Float64Array(n * n);
  for (let i = 0; i < n; i++) start[i * n + i] = 1;
  let [rolled, even, exact] = [start, start, true];
  for (let layer = 0; layer <= store.chosen[0]; layer++) {
    const mean = attAloneMean(store, layer);
    if (!mean) return null;
    exact = exact && mean.exact;
    rolled = attAloneStep(mean.cells, rolled, n);
    const flat = new Float64Array(n * n);
    for (let q = 0; q < n; q++) {
      const seen = [];
      for (let k = 0; k < (header.causal ? q + 1 : n); k++) if (Math.abs(q - k) <= arrays.windows[layer]) seen.push(k);
      for (const k of seen) flat[q * n + k] = 1 / seen.length;
    }
    even = attAloneStep(flat, even, n);
  }
  return { exact, near: true, norms: null, cells: Float32Array.from(rolled), even: Float32Array.from(even) };
}

function attAloneSum(store) {
  const key = `${store.view.whose} ${store.chosen[0]}`;
  store.sums ||= new Map();
  if (!store.sums.has(key)) {
    const mean = store.view.whose === "average" && attAloneMean(store, store.chosen[0]);
    store.sums.set(key, store.view.whose === "rollout" ? attAloneRollout(store)
      : mean ? { exact: mean.exact, near: true, norms: null, even: null, cells: Float32Array.from(mean.cells) } : null);
  }
  return store.sums.get(key);
}

// Whether a choice of "whose" can be shown for the layer that is chosen.
function attOffers(store, whose) {
  const { header, arrays } = store;
  if (!header.alone || whose === "head") return true;
  const layer = store.chosen[0];
  if (header.whose === whose && header.layer === layer) return true;
  const every = header.layers * header.heads;
  if (arrays.rest.shape[1] || header.count === every) return true;
  return whose === "average" && header.first <= layer * header.heads && header.first + header.count >= (layer + 1) * header.heads;
}

// What stands in place of "on their way", where nothing is on its way.
function attAloneSays(store) {
  const { grid, header } = store;
  if (grid?.drawn) return "each weight within 0.004 of the model's own";
  return `from its thumbnail, the largest weight of each block; this file has the numbers of layer ${header.layer}`;
}
