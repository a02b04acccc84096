// Numbers of one cell as they are worked out and written.

const acMinus = (text) => String(text).replace("-", "−");
const acFmt = (x) => acMinus(Math.abs(x) < 5e-4 ? (x === 0 ? "0" : Number(x).toExponential(1)) : fmt(x));
const acSigned = (x) => (x > 0 ? "+" : "") + acFmt(x);
const acBrief = (x) => (x > 0 ? "+" : "") + acMinus(Math.abs(x) < 1 ? x.toFixed(2) : fmt(x));
const acCount = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const acLength = (x) => (x < 0.001 ? (x === 0 ? "0" : "< 0.001") : fmt(x));
const acWeight = (w) => (w >= 1e-4 || w === 0 ? w.toFixed(6) : w.toExponential(4).replace("-", "−"));
const acShort = (w) => (w >= 0.0005 ? w.toFixed(3) : w === 0 ? "0" : "under 0.001");
const acWord = (piece) => visible(piece.trim() === "" ? piece : piece.replace(/^ +| +$/g, "")) || "·";

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
