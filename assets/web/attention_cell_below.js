// Under the steps: what rotary positions did, and which heads share these keys at what cost.

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
