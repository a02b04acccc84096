// Home: one sentence through five stages. The text box above forks into two branches, word by word (tokens, attention,
// sampling) and as a whole (search, topics). Each stage is a small picture, a caption and a link to its page.
const HOME_STAGES = [
  ["tokenizer", "Tokens", "tokens"], ["attention", "Attention", "attention"], ["sampling", "Sampling", "sampling"],
  ["search", "Search", "search"], ["topics", "Topics", "topics"],
];
const HOME_HEIGHT = 372;

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ word: null, text: null }));
  if (store.text !== header.text) {
    store.text = header.text;
    store.word = null;
  }
  const theme = themeOf(parentElement);
  const say = { open: (page) => setTriggerValue("open", page), add: (text) => setTriggerValue("add", text),
    model: (name) => setTriggerValue("model", name) };
  return watchWidth(parentElement, (width) => homeDraw(parentElement, store, header, arrays, theme, width, say));
}

function homeDraw(parentElement, store, header, arrays, theme, width, say) {
  const shape = width >= 1000 ? "wide" : width >= 620 ? "middle" : "narrow";
  const rootNode = parentElement.getRootNode();
  const focused = rootNode.activeElement ? rootNode.activeElement.getAttribute("data-key") : null;
  const pictures = {};
  const stage = ([page, title, part]) => {
    pictures[part] = el("div", { class: "pic" });
    return el("section", { class: "stage", "aria-label": title },
      el("div", { class: "head" }, el("h2", { text: title }), homeOpen(header, page, title, say)),
      pictures[part],
      el("p", { class: "caption", text: header[part].caption }));
  };
  const branch = (stages, ...words) => {
    const columns = shape === "narrow" ? 1 : stages.length;
    return el("div", { class: "branch" },
      el("div", { class: "fork" }, el("span", { class: "tip" }), el("p", {}, ...words)),
      el("div", { class: "stages", style: { "grid-template-columns": `repeat(${columns}, minmax(0, 1fr))` } }, stages.map(stage)));
  };
  const root = el("div", { class: `walk ${shape}${header.old ? " waiting" : ""}${header.notes.length ? " noted" : ""}` },
    ...header.notes.map((note) => el("p", { class: "note", role: "status", text: note })),
    el("div", { class: "branches" },
      branch(HOME_STAGES.slice(0, 3), el("b", { text: "Word by word" }), ", inside ", homeModels(header, say), ": pieces, looks, next word"),
      branch(HOME_STAGES.slice(3), el("b", { text: "As a whole" }), ", by MiniLM: one point of 384 numbers")),
    homeHere(header));
  root.style.setProperty("--muted", theme.muted);
  root.style.setProperty("--soft", theme.accentSoft);
  if (store.root) store.root.replaceWith(root);
  else parentElement.append(root);
  store.root = root;

  // Measured twice and no more, everything at once: reading a size after each change would lay the page out each time.
  const height = shape === "narrow" ? 0 : HOME_HEIGHT;
  const widths = Object.fromEntries(Object.entries(pictures).map(([part, box]) => [part, box.clientWidth]));
  const chips = homeTokens(pictures.tokens, header.tokens, theme, height);
  const hits = homeSearch(pictures.search, header.search, height);
  homeAttention(pictures.attention, header.attention, arrays.weights, theme, height, widths.attention, store);
  homeSampling(pictures.sampling, header, theme, height, widths.sampling, say);
  homeTopics(pictures.topics, header.topics, arrays, theme, height || 380, widths.topics);
  const fits = homeFits(chips, height);
  const room = height ? height - hits.offsetHeight - 6 : 210;
  homeTrim(chips, fits, header.tokens.total);
  pictures.search.append(homeNearby(header.search, arrays.passages, theme, widths.search, Math.max(110, room)));
  root.setAttribute("data-picture", "complete");
  if (focused) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

// A real address, so that it opens in a new tab too; a plain click stays inside the app.
function homeOpen(header, page, title, say) {
  const link = el("a", { class: "open", href: header.links[page], "data-key": `open-${page}`, "aria-label": `Open ${title} with this sentence` },
    "Open", svgEl("svg", { viewBox: "0 0 8 12", "aria-hidden": "true" },
      svgEl("path", { d: "M1.5 1l5 5-5 5", fill: "none", stroke: "currentColor", "stroke-width": 2 })));
  link.onclick = (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    say.open(page);
  };
  return link;
}

function homeModels(header, say) {
  if (header.models.length < 2) return header.models.length ? header.models[0].name : header.model.name;
  const select = el("select", { "aria-label": "Model for the first three pictures", "data-key": "model" },
    header.models.map((item) => el("option", { value: item.id, text: item.name })));
  select.value = header.chosen;
  select.onchange = () => say.model(select.value);
  return select;
}

function homeHere(header) {
  const list = el("div", { class: "here" }, el("div", {}, el("b", { text: "Here now" })),
    header.here.map((item) => el("div", {}, el("b", { text: item.name }), el("span", { text: item.purpose }))));
  const foot = el("div", { class: "foot" }, el("span", { text: "What you type stays in this server's memory." }));
  if (header.fetchable) {
    foot.append(el("button", {
      type: "button", text: `${header.fetchable} more can be fetched`, "data-key": "fetch",
      // After this click is over: the list would take it for a click outside itself and close again.
      on: { click: () => setTimeout(() => document.querySelector(".st-key-lg_models button")?.click()) },
    }));
  }
  return el("div", {}, list, foot);
}

// ---------------------------------------------------------------------------------------------------------- Tokens

function homeTokens(box, part, theme, height) {
  const chips = el("ol", { class: "chips", "aria-label": "Tokens with their ids" });
  chips.style.listStyle = "none";
  chips.style.margin = chips.style.padding = "0";
  if (height) chips.style.height = `${height}px`;
  const most = height ? part.chips.length : Math.min(part.chips.length, 32);
  part.chips.slice(0, most).forEach((chip, i) => {
    const text = el("span", { class: `t ${chip.kind}` });
    const tint = theme.tints[i % theme.tints.length];
    text.style.background = tint;
    text.style.borderColor = toRgb(mix(parseColour(tint), parseColour(theme.ink), theme.dark ? 0.3 : 0.32));
    for (const run of visible(chip.text).split(/(·)/)) {
      if (run) text.append(run === "·" ? el("i", { text: "·" }) : run);
    }
    chips.append(el("li", { class: "chip" }, text, el("span", { class: "n", text: chip.id })));
  });
  box.append(chips);
  return chips;
}

// How many chips stand in full; the last two of a crowd make room for the count of the others.
function homeFits(chips, height) {
  const all = [...chips.children];
  if (!height) return all.length;
  const limit = chips.getBoundingClientRect().top + height + 1;
  const first = all.findIndex((chip) => chip.getBoundingClientRect().bottom > limit);
  return first < 0 ? all.length : Math.max(1, first - 2);
}

function homeTrim(chips, fits, total) {
  [...chips.children].slice(fits).forEach((chip) => chip.remove());
  if (total > fits) chips.append(el("li", { class: "more", text: `… ${(total - fits).toLocaleString("en-US")} more` }));
}

// ------------------------------------------------------------------------------------------------------- Attention

function homeAttention(box, part, weights, theme, height, width, store) {
  const n = part.words.length;
  const row = height ? Math.min(31, (height - 4) / Math.max(n, 1)) : 28;
  const tall = height || row * n + 4;
  const labels = part.words.map((word, i) => visible(word.trim() || word) || "·");
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `600 16px ${theme.sans}`;
  const left = Math.min(Math.max(...labels.map((text) => pen.measureText(text).width), 20) + 14, width * 0.44);
  const room = Math.max(40, width - left - 58);
  box.style.height = `${tall}px`;
  const at = (i) => row * (i + 0.5) + 2;
  const weight = (q, k) => weights[q * n + k];
  const reach = (distance) => Math.min(room, 8 + room * Math.pow(distance / Math.max(4, n - 1), 0.74));
  const path = (q, k) => {
    const d = reach(q - k) * 1.28;
    return `M ${left} ${at(q)} C ${left + d} ${at(q)}, ${left + d} ${at(k)}, ${left} ${at(k)}`;
  };
  const svg = svgEl("svg", { width, height: tall, "aria-hidden": "true" });
  const quiet = svgEl("g");
  const loud = svgEl("g");
  svg.append(quiet, loud);
  const values = el("div", { "aria-hidden": "true" });
  const list = el("div", { class: "words", role: "group", "aria-label": `Layer ${part.layer}, head ${part.head}: where each word looks` });
  const buttons = labels.map((text, q) => {
    const looks = [...Array(q + 1).keys()].map((k) => [weight(q, k), k]).sort((a, b) => b[0] - a[0]).slice(0, 3)
      .filter(([w]) => w >= 0.005).map(([w, k]) => `${labels[k]} ${w.toFixed(2)}`).join(", ");
    const button = el("button", { type: "button", text, title: text, "aria-label": `${text} looks at ${looks || "words further back"}`, "data-key": `word-${q}` });
    button.tabIndex = q ? -1 : 0;
    button.style.width = `${left}px`;
    button.style.top = `${at(q) - row / 2}px`;
    button.style.height = `${row}px`;
    button.onmouseenter = button.onfocus = () => show(q);
    button.onmouseleave = button.onblur = () => show(null);
    button.onclick = () => {
      store.word = store.word === q ? null : q;
      show(q);
    };
    return button;
  });
  list.append(...buttons);
  box.append(svg, list, values);
  moveByArrows(list, "button", {});
  const strokes = (q, k, group, colour) => {
    const w = weight(q, k);
    group.append(svgEl("path", {
      d: path(q, k), fill: "none", stroke: colour, "stroke-width": (0.7 + 3.4 * w).toFixed(2), "stroke-linecap": "round",
      opacity: group === quiet ? ((0.2 + 0.65 * w) * (k ? 1 : 0.6)).toFixed(2) : 1,
    }));
  };
  for (let q = 1; q < n; q++) for (let k = 0; k < q; k++) if (weight(q, k) >= 0.1) strokes(q, k, quiet, theme.grey);

  function show(word) {
    const one = word ?? store.word;
    loud.replaceChildren();
    values.replaceChildren();
    const lit = new Set();
    const value = (i, w) => {
      const text = el("span", { class: "value", text: w.toFixed(2) });
      text.style.top = `${at(i) - 7}px`;
      values.append(text);
    };
    let dot = null;
    if (one !== null && one !== undefined && one < n) {
      // Where this word looks.
      dot = one;
      lit.add(one);
      for (let k = 0; k <= one; k++) {
        const w = weight(one, k);
        if (w < 0.05) continue;
        if (k < one) strokes(one, k, loud, theme.accent);
        lit.add(k);
        value(k, w);
      }
    } else if (part.hub !== null) {
      // Who looks at the word that this head is shown for.
      dot = part.hub;
      lit.add(part.hub);
      for (const q of part.lookers) {
        strokes(q, part.hub, loud, theme.accent);
        lit.add(q);
        value(q, weight(q, part.hub));
      }
    }
    if (dot !== null) loud.append(svgEl("circle", { cx: left, cy: at(dot), r: 5, fill: theme.accent }));
    buttons.forEach((button, i) => {
      button.classList.toggle("lit", lit.has(i));
      button.setAttribute("aria-pressed", store.word === i ? "true" : "false");
    });
    quiet.setAttribute("opacity", dot === null ? 1 : 0.75);
  }
  show(null);
}

// -------------------------------------------------------------------------------------------------------- Sampling

function homeSampling(box, header, theme, height, width, say) {
  const part = header.sampling;
  const most = part.top[0].p;
  const rows = part.top.map((item, i) => {
    const shown = visible(item.text.replace(/^ (?=\S)/, ""));
    const share = (item.p * 100).toPrecision(item.p >= 0.1 ? 3 : item.p >= 0.001 ? 2 : 1);
    const button = el("button", {
      type: "button", "data-key": `next-${i}`, title: `Add “${item.text}” to the sentence`,
      "aria-label": `Add ${shown || "this token"} to the sentence, ${share} per cent`,
      tabindex: i ? -1 : 0, on: { click: () => say.add(item.text) },
    }, el("span", { class: "t", text: shown }), el("span", {}, el("span", { class: "b" })), el("span", { class: "p", text: share }));
    const bar = button.querySelector(".b");
    bar.style.display = "block";
    bar.style.width = `${Math.max(1, (item.p / most) * 100)}%`;
    return el("li", {}, button);
  });
  // The longest token sets the column, up to half of the picture.
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `16px ${theme.mono}`;
  const column = Math.min(Math.max(...rows.map((row) => pen.measureText(row.querySelector(".t").textContent).width)) + 2, width / 2);
  for (const row of rows) row.firstChild.style.gridTemplateColumns = `${Math.ceil(Math.max(column, 44))}px 1fr 2.7em`;
  const share = 1 - part.rest;
  const whole = el("div", { class: "whole", "aria-hidden": "true" }, el("i"), el("u"));
  whole.firstChild.style.width = `${share * 100}%`;
  box.append(
    el("p", { class: "so-far" }, el("span", { text: visible(part.tail).replace(/·/g, " ") }), el("b", { text: "?", "aria-label": "the next token" })),
    el("ol", { class: "bars", "aria-label": "Likeliest next tokens" }, rows),
    el("div", { class: "rest" }, el("span", { text: `the other ${part.others.toLocaleString("en-US")}` }), el("span", { text: percent(part.rest) })),
    whole);
  moveByArrows(box.querySelector(".bars"), "button", {});
  if (height) box.style.height = `${height}px`;
}

// ---------------------------------------------------------------------------------------------------------- Search

function homeSearch(box, part, height) {
  const best = part.hits[0].cosine;
  const list = el("ol", { class: "hits" }, part.hits.map((hit, i) => {
    const words = el("div", { class: "x" }, el("span", { class: "title", text: hit.title + ". " }), ...homeMarked(hit.text, hit.marks));
    const bar = el("span", { class: "bar" });
    bar.style.width = `${Math.max(2, (Math.max(0, hit.cosine) / Math.max(best, 0.01)) * 100)}%`;
    return el("li", {}, el("div", { class: "line" }, el("span", { class: "k", text: i + 1 }), el("span", {}, bar),
      el("span", { class: "c", text: hit.cosine.toFixed(3) })), words);
  }));
  box.append(list);
  for (const bar of list.querySelectorAll(".bar")) bar.style.display = "block";
  if (height) box.style.height = `${height}px`;
  return list;
}

// Many dots as one path: a line of no length with a round or a square end, or a filled triangle.
function homeDots(points, colour, size, opacity, shape) {
  if (shape === "triangle") {
    const [w, h] = [size / 2, size * 0.52];
    const d = points.map(([x, y]) => `M${x.toFixed(1)} ${(y - h).toFixed(1)}l${w} ${2 * h}h${-size}z`).join("");
    return svgEl("path", { d, fill: colour, opacity });
  }
  return svgEl("path", {
    d: points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join(""), fill: "none", stroke: colour,
    "stroke-width": size, "stroke-linecap": shape, opacity,
  });
}

function homeMarked(text, marks) {
  const out = [];
  let at = 0;
  for (const [start, end] of marks) {
    out.push(text.slice(at, start), el("mark", { text: text.slice(start, end) }));
    at = end;
  }
  out.push(text.slice(at));
  return out.filter((item) => item !== "");
}

// The sentence in the middle; each passage at a distance of 1 - cosine.
function homeNearby(part, places, theme, width, tall) {
  const n = places.length / 2;
  const svg = svgEl("svg", { width, height: tall, role: "img", "aria-label": `A map of ${n} passages around your sentence; the three nearest are numbered` });
  const far = [...Array(n).keys()].map((i) => Math.hypot(places[2 * i], places[2 * i + 1])).sort((a, b) => a - b);
  // Distances are stretched so that the nearest passage stands clear of the ring and the farthest at the edge.
  const [near, outer] = [far[0], far[n - 1]];
  const clear = 0.24;
  const scale = (d) => clear + (1 - clear) * Math.pow(Math.max(0, d - near) / (outer - near || 1), 1.15);
  const [cx, cy] = [width / 2, tall / 2];
  const [rx, ry] = [width / 2 - 8, tall / 2 - 5];
  const place = (i) => {
    const d = Math.hypot(places[2 * i], places[2 * i + 1]) || 1;
    return [cx + (places[2 * i] / d) * scale(d) * rx, cy - (places[2 * i + 1] / d) * scale(d) * ry];
  };
  const hits = part.hits.map((hit) => place(hit.passage));
  const nearest = new Set(part.hits.map((hit) => hit.passage));
  const others = [...Array(n).keys()].filter((i) => !nearest.has(i)).map(place);
  svg.append(homeDots(others, theme.grey, others.length > 300 ? 3.6 : 4.4, 0.65, "round"));
  // Rings of equal cosine, over the dots; their names stand above or below, or aslant, where the hits are far away.
  const around = (r, turn) => [cx + Math.cos(turn) * r * rx, cy + Math.sin(turn) * r * ry];
  const rings = [0.6, 0.4, 0.2].map((cosine) => [cosine, scale(1 - cosine)])
    .filter(([cosine, r]) => 1 - cosine >= near && r <= 0.95 && r >= 0.34);
  const away = (turn) => Math.min(...rings.flatMap(([, r]) => {
    const [x, y] = around(r, turn);
    return hits.map((hit) => Math.hypot(hit[0] - x, (hit[1] - y) * 1.4));
  }));
  const turns = [0.5, -0.5, 0.3, 0.7, -0.3, -0.7, 0.15, 0.85, -0.15, -0.85].map((part) => part * Math.PI);
  const side = rings.length ? turns.find((turn) => away(turn) > 42) ?? turns.sort((a, b) => away(b) - away(a))[0] : 0;
  for (const [cosine, r] of rings) {
    const [x, y] = around(r, side);
    svg.append(
      svgEl("ellipse", { cx, cy, rx: r * rx, ry: r * ry, fill: "none", stroke: theme.muted, "stroke-dasharray": "2 4", opacity: 0.6 }),
      svgEl("rect", { x: x - 12, y: y - 8, width: 24, height: 15, rx: 4, fill: theme.paper, "fill-opacity": 0.85 }),
      homeHalo(theme, { x, y: y + 4, "text-anchor": "middle", "font-size": 12.5, fill: theme.muted }, String(cosine)));
  }
  part.hits.forEach((hit, i) => {
    const [x, y] = hits[i];
    svg.append(
      svgEl("line", { x1: cx, y1: cy, x2: x, y2: y, stroke: theme.accent, "stroke-width": 1.5 }),
      svgEl("circle", { cx: x, cy: y, r: 4.5, fill: theme.accent }));
  });
  const taken = [[cx, cy], ...hits];
  hits.forEach(([x, y], i) => {
    // Away from the ring if there is room, else where it is freest.
    const outward = Math.atan2(y - cy, x - cx);
    const spots = [0, 0.9, -0.9, 1.8, -1.8, Math.PI].map((turn) => [x + Math.cos(outward + turn) * 13, y + Math.sin(outward + turn) * 13]);
    const clearance = (spot) => Math.min(...taken.filter((other) => other !== hits[i]).map((other) => Math.hypot(spot[0] - other[0], spot[1] - other[1])));
    const spot = spots.find((one) => clearance(one) > 13) || spots.sort((a, b) => clearance(b) - clearance(a))[0];
    taken.push(spot);
    svg.append(homeHalo(theme, { x: spot[0], y: spot[1] + 5, "text-anchor": "middle", "font-size": 15, "font-weight": 700, fill: theme.accent }, String(i + 1)));
  });
  svg.append(svgEl("circle", { cx, cy, r: 8, fill: theme.paper, stroke: theme.warm, "stroke-width": 3.5 }));
  return svg;
}

function homeHalo(theme, attributes, text) {
  const node = svgEl("text", { ...attributes, "paint-order": "stroke", stroke: theme.paper, "stroke-width": 4, "stroke-linejoin": "round" });
  node.textContent = text;
  return node;
}

// ---------------------------------------------------------------------------------------------------------- Topics

function homeTopics(box, part, arrays, theme, height, width) {
  const places = arrays.documents;
  const labels = arrays.document_topics;
  const n = labels.length;
  const svg = svgEl("svg", { width, height, role: "img", "aria-label": box.nextSibling?.textContent || "Map of the topics" });
  const xs = [...Array(n).keys()].map((i) => places[2 * i]).concat(part.place[0]);
  const ys = [...Array(n).keys()].map((i) => places[2 * i + 1]).concat(part.place[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const pad = 14;
  const point = (x, y) => [pad + ((x - x0) / (x1 - x0 || 1)) * (width - 2 * pad), pad + 6 + (1 - (y - y0) / (y1 - y0 || 1)) * (height - 2 * pad - 12)];
  const colour = (topic) => (topic < 0 ? theme.grey : theme.categories[topic % 7]);
  const sums = part.names.map(() => [0, 0, 0]);
  const clouds = new Map();
  for (let i = 0; i < n; i++) {
    const at = point(places[2 * i], places[2 * i + 1]);
    const topic = labels[i];
    if (!clouds.has(topic)) clouds.set(topic, []);
    clouds.get(topic).push(at);
    if (topic >= 0) {
      sums[topic][0] += at[0];
      sums[topic][1] += at[1];
      sums[topic][2] += 1;
    }
  }
  // More topics than colours: the second round of them is square, the third a triangle, as on the page of the topics.
  for (const [topic, points] of [...clouds].sort((a, b) => a[0] - b[0])) {
    const round = topic < 0 ? 0 : Math.floor(topic / 7) % 3;
    svg.append(homeDots(points, colour(topic), topic < 0 ? 3 : [4.6, 4, 5.4][round],
      topic < 0 ? 0.4 : topic === part.topic ? 1 : 0.75, ["round", "square", "triangle"][round]));
  }
  const taken = [];
  const free = (box) => taken.every((other) => box[0] > other[2] || box[2] < other[0] || box[1] > other[3] || box[3] < other[1]);
  const [px, py] = point(part.place[0], part.place[1]);
  taken.push([px - 13, py - 13, px + 13, py + 13]);
  const pen = document.createElement("canvas").getContext("2d");
  const size = 13.5;
  pen.font = `600 ${size}px ${theme.sans}`;
  const put = (text, x, y, attributes) => {
    const half = pen.measureText(text).width / 2 + 2;
    const cx = Math.min(Math.max(x, half), width - half);
    for (const shift of [0, -14, 14, -26, 26, -38, 38]) {
      const box = [cx - half, y + shift - 9, cx + half, y + shift + 7];
      if (box[1] < 0 || box[3] > height || !free(box)) continue;
      taken.push(box);
      return homeHalo(theme, { x: cx, y: y + shift + 4, "text-anchor": "middle", "font-size": size, "font-weight": 600, fill: theme.ink, ...attributes }, text);
    }
    return null;
  };
  const names = svgEl("g");
  const own = put("your sentence", px, py - 24, { fill: theme.warm, "font-weight": 700 });
  // A dot in the gap between the two words would read as a sign of its own.
  const [l, t, r, b] = taken[taken.length - 1];
  const clearing = own ? svgEl("rect", { x: l, y: t, width: r - l, height: b - t, rx: 4, fill: theme.paper, "fill-opacity": 0.8 }) : null;
  // The sentence's own topic first, then the largest; a name that finds no room is left out here and kept on the page.
  const order = part.names.map((_, i) => i).sort((a, b) => (b === part.topic) - (a === part.topic) || sums[b][2] - sums[a][2]);
  for (const topic of order) {
    const [x, y, count] = sums[topic];
    if (!count) continue;
    const node = put(part.short[topic], x / count, y / count, topic === part.topic ? { "font-weight": 800 } : {});
    if (node) names.append(node);
  }
  svg.append(names);
  if (own) svg.append(clearing, own);
  svg.append(
    svgEl("circle", { cx: px, cy: py, r: 8.5, fill: theme.paper, "fill-opacity": 0.7, stroke: theme.warm, "stroke-width": 3.5 }),
    svgEl("circle", { cx: px, cy: py, r: 2.6, fill: theme.warm }));
  box.append(svg);
  box.style.height = `${height}px`;
}
