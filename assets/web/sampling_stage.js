// An opened stage: its small chart, its sentence.

function details(store, header, arrays, theme) {
  store.redetail = () => details(store, header, arrays, theme);
  header.stages.forEach((stage, place) => {
    const row = store.rows.get(stage.name);
    if (store.open !== stage.name) return row.body.replaceChildren();
    const width = Math.max(220, row.node.clientWidth - 28);
    const parts = [];
    if (stage.touched && stage.touched.length) parts.push(touchedList(stage.touched));
    if (stage.branches) parts.push(branches(stage.branches));
    if (stage.path) parts.push(pathChart(stage.path, width, theme));
    if (arrays[`stage${place}_rank`]) parts.push(smallChart(stage, chartArrays(arrays, place), width, theme));
    row.body.replaceChildren(...parts, el("p", { class: "says", text: stage.says }));
  });
}

const chartArrays = (arrays, place) => ({
  rank: arrays[`stage${place}_rank`], before: arrays[`stage${place}_before`],
  after: arrays[`stage${place}_after`], sum: arrays[`stage${place}_sum`],
});

function touchedList(touched) {
  const most = Math.max(...touched.map((t) => Math.max(t.before, t.after))) || 1;
  return el("div", { class: "touched" }, touched.map((t) => el("div", {}, tokenLabel(t),
    el("span", { class: "mini" }, el("i", { class: t.after ? "after" : "gone", style: { width: `${(100 * (t.after || t.before)) / most}%` } }),
      t.after ? el("i", { class: "before", style: { width: `${(100 * t.before) / most}%` } }) : ""),
    el("span", { class: "n", text: `${short(t.before)} → ${short(t.after)}` }))));
}

// XTC: the number that decides, and both ways side by side; the one that is not taken is quiet.
function branches(b) {
  const most = Math.max(...b.tokens.map((t) => Math.max(t.spared, t.struck))) || 1;
  const column = (title, key, taken) => el("div", { class: `branch${taken ? " taken" : ""}` },
    el("p", {}, el("b", { text: title }), taken ? " ← this step" : ""),
    b.tokens.map((t) => el("div", {}, tokenLabel(t),
      el("span", { class: "mini" }, el("i", { class: t[key] ? "after" : "gone", style: { width: `${(100 * (t[key] || t.spared)) / most}%` } })),
      el("span", { class: "n", text: t[key] ? short(t[key]) : "gone" }))));
  const line = el("div", { class: "decides", role: "img", "aria-label": `Random number ${b.random.toFixed(3)}; it strikes below ${b.probability}.` },
    el("i", { style: { width: `${100 * b.probability}%` } }),
    el("b", { style: { left: `${100 * b.random}%` } }));
  return el("div", {}, line, el("p", { class: "sub decide-ends" }, el("span", { text: `0, strikes below ${b.probability}` }),
    el("span", { class: "n", text: `this step's own number: ${b.random.toFixed(3)}` }), el("span", { text: "1" })),
  el("div", { class: "branches" }, column("If it strikes", "struck", b.strikes), column("If it does not", "spared", !b.strikes)));
}

// Mirostat: mu as a line over the written tokens, each token's surprise as a dot, the aim dashed.
function pathChart(path, width, theme) {
  const height = 132;
  const foot = height - 20;
  const count = Math.max(8, path.mu.length);
  const most = Math.max(...path.mu, ...path.surprise, path.tau, 1) * 1.08;
  const x = (i) => 26 + (i / (count - 1)) * (width - 32);
  const y = (bits) => foot - (Math.max(0, bits) / most) * (foot - 8);
  const last = path.mu.length - 1;
  const svg = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `mu over ${path.mu.length - 1} written tokens, now ${fmt(path.mu[last])} bits; it aims at ${path.tau} bits.` });
  svg.append(svgEl("line", { x1: 26, x2: width, y1: foot, y2: foot, stroke: theme.muted }));
  svg.append(svgEl("line", { x1: 26, x2: width, y1: y(path.tau), y2: y(path.tau), stroke: theme.muted, "stroke-dasharray": "4 3" }));
  svg.append(svgEl("text", { x: width - 2, y: y(path.tau) - 4, "text-anchor": "end", class: "t" }, `aim ${path.tau}`));
  path.surprise.forEach((bits, i) => svg.append(svgEl("circle", { cx: x(i), cy: y(bits), r: 3, fill: theme.categories[ORANGE] })));
  svg.append(svgEl("path", { d: path.mu.map((mu, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(mu).toFixed(1)}`).join(""), fill: "none", stroke: theme.accent, "stroke-width": 2.2 }));
  svg.append(svgEl("circle", { cx: x(last), cy: y(path.mu[last]), r: 4.5, fill: theme.accent }));
  svg.append(svgEl("text", { x: Math.min(x(last) + 8, width - 60), y: Math.max(12, y(path.mu[last]) - 6), class: "t strong" }, `mu ${fmt(path.mu[last])}`));
  svg.append(svgEl("text", { x: 0, y: 14, class: "t" }, "bits"), svgEl("text", { x: 26, y: height - 4, class: "t" }, path.from ? `token ${grouped(path.from + 1)}` : "first token"),
    svgEl("text", { x: width, y: height - 4, "text-anchor": "end", class: "t" }, "now"));
  return el("figure", {}, svg, el("figcaption", { text: "line: mu, the most that a token may surprise; dots: how much each written token did, after the chain" }));
}

// Places of `places` in runs of neighbours, so that an area never covers what lies between.
function runs(places) {
  const found = [];
  for (const place of places) {
    const run = found[found.length - 1];
    if (run && run[run.length - 1] === place - 1) run.push(place);
    else found.push([place]);
  }
  return found;
}

// Chances by rank, heights as square roots; what stays in orange, what goes hatched; for top_p their sum above.
function smallChart(stage, { rank, before, after, sum }, width, theme) {
  const count = rank[rank.length - 1];
  const linear = count <= 80;
  const cuts = !stage.bends;
  const summing = Boolean(sum);
  const height = summing ? 168 : 132;
  const foot = height - 18;
  const top = summing ? 74 : 12;
  const x = (r) => (linear ? ((r - 0.5) / count) * width : (Math.log(r) / Math.log(count)) * (width - 8) + 4);
  const most = Math.sqrt(Math.max(before[0], ...after)) || 1;
  const y = (p) => foot - (Math.sqrt(p) / most) * (foot - top);
  const places = [...rank.keys()];
  const svg = svgEl("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": stage.says });
  const hatch = `hatch-${stage.name}`;
  svg.append(svgEl("defs", {}, svgEl("pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svgEl("line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: theme.muted, "stroke-width": 2.4 }))));
  const keptPlaces = places.filter((i) => after[i] > 0);
  const edge = keptPlaces.length ? rank[keptPlaces[keptPlaces.length - 1]] : 0;
  const headless = cuts && keptPlaces.length && keptPlaces[0] > 0;
  const line = (values, style) => svgEl("path", { d: values.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join(""), fill: "none", ...style });
  if (linear && cuts) {
    const step = width / count;
    rank.forEach((r, i) => svg.append(svgEl("rect", {
      x: (r - 1) * step + step * 0.08, width: Math.max(1, step * 0.84), y: y(before[i]), height: Math.max(0.5, foot - y(before[i])),
      fill: after[i] > 0 ? theme.categories[ORANGE] : `url(#${hatch})`,
    })));
  } else {
    const area = (run, values) => `M${x(rank[run[0]])} ${foot}` + run.map((i) => `L${x(rank[i]).toFixed(1)} ${y(values[i]).toFixed(1)}`).join("") + `L${Math.max(x(rank[run[0]]) + 1.5, x(rank[run[run.length - 1]])).toFixed(1)} ${foot}Z`;
    if (!cuts) svg.append(svgEl("path", { d: area(keptPlaces, after), fill: theme.categories[ORANGE], opacity: 0.85 }));
    else {
      for (const run of runs(keptPlaces)) svg.append(svgEl("path", { d: area(run, before), fill: theme.categories[ORANGE] }));
      for (const run of runs(places.filter((i) => after[i] === 0))) svg.append(svgEl("path", { d: area(run, before), fill: `url(#${hatch})` }));
    }
  }
  if (!cuts) {
    svg.append(line(places.map((i) => [x(rank[i]), y(before[i])]), { stroke: theme.ink, "stroke-width": 1.6, "stroke-dasharray": "4 3" }));
    svg.append(svgEl("text", { x: width - 2, y: 14, "text-anchor": "end", class: "t" }, "dashed: before, filled: after"));
  }
  if (summing) {
    const level = 8 + (1 - stage.value) * 54;
    svg.append(svgEl("line", { x1: 0, x2: width, y1: level, y2: level, stroke: theme.muted, "stroke-dasharray": "3 3" }));
    svg.append(line(places.map((i) => [x(rank[i]), 8 + (1 - sum[i]) * 54]), { stroke: theme.accent, "stroke-width": 2.2 }));
  }
  if (stage.bar !== undefined && stage.bar <= Math.max(before[0], ...after)) {
    const bar = y(stage.bar);
    svg.append(svgEl("line", { x1: 0, x2: width, y1: bar, y2: bar, stroke: theme.accent, "stroke-width": 1.8, "stroke-dasharray": "5 3" }));
    svg.append(svgEl("text", { x: width - 2, y: Math.max(12, bar - 5), "text-anchor": "end", class: "t" }, `the bar: ${percent(stage.bar)}`));
  }
  if (cuts && edge && edge < count) {
    const at = linear ? (edge / count) * width : x(edge + 0.5);
    svg.append(svgEl("line", { x1: at, x2: at, y1: summing ? 4 : 10, y2: foot + 3, stroke: theme.ink, "stroke-width": 1.6 }));
    const right = at < width * 0.55;
    if (stage.bar === undefined) {
      const words = summing ? `${percent(stage.value)} reached` : `${grouped(stage.left)} stay`;
      svg.append(svgEl("text", { x: right ? at + 7 : at - 7, y: summing ? 40 : 24, "text-anchor": right ? "start" : "end", class: "t strong" }, words));
    }
    if (at > 24 && at < width - 34) svg.append(svgEl("text", { x: at, y: height - 3, "text-anchor": "middle", class: "t strong" }, grouped(edge)));
  }
  svg.append(svgEl("line", { x1: 0, x2: width, y1: foot, y2: foot, stroke: theme.muted, "stroke-width": 1 }));
  svg.append(svgEl("text", { x: 0, y: height - 3, class: "t" }, "1"));
  svg.append(svgEl("text", { x: width, y: height - 3, "text-anchor": "end", class: "t" }, grouped(count)));
  return el("figure", {}, svg, el("figcaption", {
    text: `by rank${linear ? "" : ", each step wider than the last"}; heights as square roots${summing ? "; blue: the sum so far" : ""}${headless ? "; the likeliest go as well" : ""}`,
  }));
}
