// The learning curve of a tokenizer that was trained here, a sample cut by the size under the cursor, and what it learnt.
// All in the header: title, facts, note, how, sample, base, size, points (size, learnt, held, pieces), first, last, ends.

const WIDE = 680, HIGH = 330, LEFT = 34, RIGHT = 14, TOP = 26, FOOT = 42;

const whole = (n) => n.toLocaleString("en-US");

// A logarithmic line of sizes and a plain one of bytes a token.
function scales(points, width) {
  const [first, last] = [points[0].size, points[points.length - 1].size];
  const most = Math.max(1, ...points.map((p) => Math.max(p.learnt, p.held || 0)));
  const span = Math.log(last / first) || 1;
  return {
    x: (size) => (first === last ? (LEFT + width - RIGHT) / 2 : LEFT + (Math.log(size / first) / span) * (width - LEFT - RIGHT)),
    y: (value) => HIGH - FOOT - (value / (most * 1.06)) * (HIGH - FOOT - TOP),
    most,
  };
}

// Round sizes that do not stand on top of each other, the two ends always among them.
function ticks(points, x) {
  const [first, last] = [points[0].size, points[points.length - 1].size];
  const kept = first === last ? [first] : [first, last];
  for (let ten = 1; ten <= last; ten *= 10) {
    for (const size of [ten, 2 * ten, 5 * ten]) {
      if (size > first && size < last && kept.every((one) => Math.abs(x(one) - x(size)) > 62)) kept.push(size);
    }
  }
  return kept.sort((a, b) => a - b);
}

function levels(most) {
  const step = most <= 6 ? 1 : [2, 5, 10, 20, 50, 100, 200, 500, 1000].find((one) => most / one <= 6) || 2000;
  const found = [];
  for (let level = 0; level <= most; level += step) found.push(level);
  return found;
}

function chart(header, width) {
  const { points } = header;
  const { x, y, most } = scales(points, width);
  const path = (which) => points.map((p, i) => `${i ? "L" : "M"}${x(p.size).toFixed(1)} ${y(p[which]).toFixed(1)}`).join(" ");
  const held = points.every((p) => p.held !== null);
  const nodes = levels(most).flatMap((level) => [
    svgEl("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(level), y2: y(level) }),
    svgEl("text", { x: LEFT - 8, y: y(level) + 5, "text-anchor": "end", text: whole(level) })]);
  const shown = ticks(points, x);
  for (const size of shown) {
    const anchor = points.length > 1 && size === points[0].size ? "start" : points.length > 1 && size === header.points[points.length - 1].size ? "end" : "middle";
    nodes.push(svgEl("text", { x: x(size), y: HIGH - FOOT + 20, "text-anchor": anchor, text: whole(size) }));
  }
  nodes.push(svgEl("text", { x: (LEFT + width - RIGHT) / 2, y: HIGH - 4, "text-anchor": "middle", text: "entries in the vocabulary" }));
  nodes.push(svgEl("text", { x: 0, y: 12, text: "bytes a token" }));
  const cursor = svgEl("line", { class: "cursor", y1: TOP - 6, y2: HIGH - FOOT });
  nodes.push(cursor);
  if (held) nodes.push(svgEl("path", { class: "held", d: path("held") }));
  nodes.push(svgEl("path", { class: "learnt", d: path("learnt") }));
  for (const p of points) {
    if (held) nodes.push(svgEl("rect", { class: "box", x: x(p.size) - 3.5, y: y(p.held) - 3.5, width: 7, height: 7 }));
    nodes.push(svgEl("circle", { class: "dot", cx: x(p.size), cy: y(p.learnt), r: 4 }));
  }
  // The key stands where the curve is not: it rises from the lower left to the upper right.
  const key = (which, at, text) => nodes.push(svgEl("path", { class: which, d: `M${width - 218} ${at - 5}h34` }),
    svgEl("text", { class: "label", x: width - 174, y: at, text }));
  key("learnt", HIGH - FOOT - 36, "the text it learnt from");
  if (held) key("held", HIGH - FOOT - 14, "text it has not seen");
  const svg = svgEl("svg", { viewBox: `0 0 ${width} ${HIGH}`, "aria-hidden": "true" }, nodes);
  return { svg, move: (i) => {
    cursor.setAttribute("x1", x(points[i].size));
    cursor.setAttribute("x2", x(points[i].size));
  }, nearest: (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    let best = 0;
    points.forEach((p, i) => {
      if (Math.abs(x(p.size) - at) < Math.abs(x(points[best].size) - at)) best = i;
    });
    return best;
  } };
}

function entries(title, names) {
  if (!names.length) return null;
  return el("section", {}, el("h4", { text: title }), el("ol", {}, ...names.map(([text, kind]) => el("li", { class: kind, text, dir: "auto" }))));
}

// The same facts as a table, for a screen reader.
function table(header) {
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `Bytes a token by size of the vocabulary: ${header.title}` }),
    el("thead", {}, el("tr", {}, ...["entries", "on the text it learnt from", "on text it has not seen"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, ...header.points.map((p) => el("tr", {}, el("th", { scope: "row", text: whole(p.size) }),
      el("td", { text: fmt(p.learnt) }), el("td", { text: p.held === null ? "not measured" : fmt(p.held) }))))));
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ at: null, of: null, wide: true }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tr" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "warm", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  theme.tints.forEach((tint, i) => root.style.setProperty(`--t${i}`, tint));
  const { header } = readPayload(data);
  const { points } = header;
  const mark = header.title + header.sample;
  if (store.of !== mark) {
    store.of = mark;
    store.at = points.length - 1;
  }

  function draw() {
    const drawn = chart(header, store.wide ? WIDE : 380);
    const says = el("p", { class: "says" });
    const flow = el("div", { class: "flow", dir: "auto" });
    const slider = el("input", { type: "range", min: 0, max: points.length - 1, step: 1, id: "tr-size", "aria-label": "Entries in the vocabulary" });
    slider.oninput = () => move(Number(slider.value));
    drawn.svg.onpointermove = (event) => move(drawn.nearest(event));
    drawn.svg.onclick = (event) => move(drawn.nearest(event));

    function move(i) {
      store.at = i;
      const p = points[i];
      drawn.move(i);
      slider.value = String(i);
      const best = p.held === null ? p.learnt : p.held;
      slider.setAttribute("aria-valuetext", `${whole(p.size)} entries: ${fmt(best)} bytes a token, the sample in ${p.pieces.length} tokens`);
      const fact = (value, words) => el("span", {}, el("strong", { text: value }), ` ${words}`);
      says.replaceChildren(fact(whole(p.size), "entries"), fact(fmt(p.learnt), "bytes a token where it learnt"),
        p.held === null ? "" : fact(fmt(p.held), "on text it has not seen"), p.unknown ? fact(percent(p.unknown), "of its tokens unknown") : "",
        fact(whole(p.pieces.length), `token${p.pieces.length === 1 ? "" : "s"} for these words:`));
      flow.replaceChildren(...p.pieces.flatMap(([text, kind], at) => [el("span", { class: `chip t${at % 6} ${kind}`, text }), document.createElement("wbr")]));
    }

    root.replaceChildren(...[
      el("h3", { text: header.title }),
      el("p", { class: "facts", text: header.facts.join(" · ") }),
      header.note ? el("p", { class: "note", text: header.note }) : null,
      el("div", { class: "main" },
        el("div", {}, el("figure", {}, el("figcaption", { text: "What each entry more is worth. Move along the curve: the words below are cut anew." }), drawn.svg, table(header)),
          points.length > 1 ? el("div", { class: "at" }, el("label", { for: "tr-size", text: "Stop at" }), slider) : null,
          says, flow, el("p", { class: "how", text: header.how })),
        el("div", { class: "entries" }, entries(header.ends[0], header.first), entries(header.ends[1], header.last),
          header.first.length ? null : el("p", { class: "facts", text: "Nothing was learnt: every entry was there from the beginning." }))),
    ].filter(Boolean));
    move(Math.min(store.at, points.length - 1));
  }

  draw();
  return watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 760);
    const wide = width >= 560;
    if (wide !== store.wide) {
      store.wide = wide;
      draw();
    }
  });
}
