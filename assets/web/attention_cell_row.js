// Step 3: the row of scores as lollipops and the softmax weights under them, with what the mask hides.

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
