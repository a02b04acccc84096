// A tokenizer's own algorithm on one word, step by step, on a fixed grid of bytes or characters. BPE is a staircase of
// merges, WordPiece a list of tries, Unigram a lattice with its best ways. components/views/tokenizer/replay.py says
// what the header holds. All words come at once, so choosing and stepping need no answer from the server.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HIDDEN = /[\u200b\ufeff\u00ad\u2060\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const FLOW_WORDS = 600;
const SPOKEN_ROWS = 150;
const TRIES_DRAWN = 300;
const number = (x) => x.toLocaleString("en-US");
const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;
const score = (x) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(Math.abs(x) < 100 ? 2 : 1);
const times = (x) => (x >= 1e6 ? "over a million" : x >= 100 ? number(Math.round(x)) : x.toPrecision(2));

// Text for a cell: what cannot be seen gets a sign, a lone mark a circle to stand on.
function readable(text) {
  const seen = visible(text).replace(/\u00a0/g, "⍽").replace(/\u200d/g, "ZWJ").replace(/[\ufe0e\ufe0f]/g, "VS").replace(HIDDEN, "∅");
  return /^\p{M}/u.test(seen) ? "◌" + seen : seen;
}

const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
const bytesOf = (digits) => Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));

function spell(bytes, from, to) {
  try {
    return readable(strict.decode(bytes.subarray(from, to)));
  } catch {
    return [...bytes.subarray(from, to)].map((byte) => (byte < 128 ? visible(String.fromCharCode(byte)) : hex(byte))).join(" ");
  }
}

// Characters of a word of bytes that are more than one byte wide: [from, to, text].
function wide(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length;) {
    let to = at + 1;
    while (to < bytes.length && (bytes[to] & 0xc0) === 0x80) to++;
    found.push([at, to, spell(bytes, at, to)]);
    at = to;
  }
  return found.some(([from, to]) => to - from > 1) ? found : null;
}

const chip = (text, cls = "") => el("span", { class: `piece ${cls}`, text });

// ---------------------------------------------------------------------------------------------------- the three scenes
// A scene: `size` columns, `heads` over them or null, `rows` of cells, `say(step)` in words, `pieces` in the end.

function mergeScene(way) {
  const bytes = bytesOf(way.b);
  const units = way.u || Array.from(bytes, (_, i) => [i, i + 1, 1]);
  const bare = (from, to) => [...bytes.subarray(from, to)].map(hex).join(" ");
  const text = (from, to) => spell(bytes, from, to);
  const rows = [{ label: way.u ? "chars" : "bytes", cells: units.map(([from, to, count]) => ({ from, to, text: text(from, to), cls: "unit", count })) }];
  // Bytes that the vocabulary has no entry for and no way to spell: the library drops them.
  const dropped = [];
  let reached = 0;
  for (const [from, to] of [...units, [bytes.length, bytes.length]]) {
    if (from > reached) dropped.push({ from: reached, to: from, text: bare(reached, from), cls: "lost", count: 0 });
    reached = to;
  }
  rows[0].cells.push(...dropped);
  let standing = rows[0].cells;
  let most = 0;
  for (const [rank, from, middle, to, id] of way.m) {
    most = Math.max(most, rank + 1);
    standing = standing.filter((cell) => cell.to <= from || cell.from >= to).map((cell) => (cell.cls === "new" ? { ...cell, cls: "joined" } : cell));
    standing.push({ from, to, text: text(from, to), cls: "new", count: 1 });
    standing.sort((a, b) => a.from - b.from);
    rows.push({ label: number(rank), cells: standing, needs: most, merge: [rank, from, middle, to, id] });
  }
  if (way.w !== null && standing.length > 1) {
    rows.push({ label: "whole", needs: way.w + 1, cells: [{ from: 0, to: bytes.length, text: text(0, bytes.length), cls: "new", count: 1 }] });
  }
  // Signs without an entry of their own become their bytes in the end, however many merges there are.
  const bared = (cells) => cells.flatMap((cell) => (cell.count < 2 ? [cell.cls === "new" ? { ...cell, cls: "joined" } : cell]
    : Array.from({ length: cell.to - cell.from }, (_, i) => ({ from: cell.from + i, to: cell.from + i + 1, text: bare(cell.from + i, cell.from + i + 1), cls: "new", count: 1 }))));
  const falls = standing.filter((cell) => cell.count > 1);
  if (falls.length) rows.push({ label: "bytes", cells: bared(standing), falls });
  const kept = (cells) => cells.filter((cell) => cell.count);
  for (const row of rows) row.right = String(kept(row.cells).length);
  const lowest = (step) => rows[step + 1] && rows[step + 1].merge;
  return {
    kind: "merges", size: bytes.length, least: rows[0].cells.some((cell) => cell.text.length > 1 && cell.to - cell.from < 2) ? 22 : 12, most: 62, heads: wide(bytes), rows, left: "rank", middle: "the pieces after that merge", right: "pieces",
    pieces: way.p.map(([from, to, ids]) => ({ text: ids.length > 1 ? bare(from, to) : text(from, to), ids })),
    // How many rows a tokenizer that stopped after so many merges reaches.
    reach(stop) {
      if (way.w !== null && stop > way.w) return rows.length - 1;
      let reached = 0;
      while (reached + 1 < rows.length && rows[reached + 1].needs <= stop) reached++;
      return rows[reached + 1] && rows[reached + 1].falls ? reached + 1 : reached;
    },
    cut: (row) => kept(bared(rows[row].cells)),
    say(step) {
      const row = rows[step];
      const next = lowest(step);
      if (!step) {
        return [...dropped.slice(0, 3).flatMap((one) => ["The vocabulary has no entry for ", chip(one.text, "lost"), ", so the library drops it. "]),
          `${way.u ? "Each character" : "Each byte"} stands alone: ${plural(units.length, "piece")}. `,
          next ? ["Of all neighbours, the pair with the lowest rank goes first: ", chip(text(next[1], next[2])), " + ", chip(text(next[2], next[3])), `, rank ${number(next[0])}.`]
            : "No two neighbours are in the list of merges."].flat();
      }
      if (row.falls) {
        return ["The vocabulary has no entry for ", ...row.falls.slice(0, 6).flatMap((one, i) => [i ? " " : "", chip(one.text)]),
          `. ${row.falls.length > 1 ? "Each becomes its bytes" : "It becomes its bytes"}, one token a byte, so that nothing is lost.`];
      }
      if (!row.merge) return ["The whole word is an entry of the vocabulary, so the library takes it as it stands, without these merges."];
      const [rank, from, middle, to, id] = row.merge;
      return [chip(text(from, middle)), " + ", chip(text(middle, to)), " become ", chip(text(from, to), "made"),
        `, token ${number(id)}: rank ${number(rank)} is the lowest of all pairs left. `,
        next ? `Next is rank ${number(next[0])}.` : rows[step + 1] && !rows[step + 1].falls ? "" : "No pair that is left is in the list: done."];
    },
  };
}

function matchScene(way) {
  const signs = [...way.t];
  const text = (from, to) => (from ? way.x : "") + readable(signs.slice(from, to).join(""));
  const rows = [{ label: "word", right: "", cells: signs.map((sign, i) => ({ from: i, to: i + 1, text: readable(sign), cls: "unit" })) }];
  const starts = [...way.f, ...(way.s === null ? [] : [[way.s, way.s, null]])];
  // A long word that falls to pieces takes thousands of tries: then tries without success are drawn as one row.
  const dense = starts.reduce((sum, [, to]) => sum + signs.length - to + 1, 0) <= TRIES_DRAWN;
  let kept = [];
  let tries = 0;
  const look = (from, to, id, count = 1) => {
    tries += count;
    rows.push({ label: number(tries), right: id === null ? "no" : "yes", hit: id !== null, from, to, id, count,
      cells: [...kept, { from, to, text: text(from, to), cls: id === null ? "miss" : "new" }] });
  };
  for (const [from, to, id] of starts) {
    if (dense) for (let end = signs.length; end > to; end--) look(from, end, null);
    else if (signs.length > to) look(from, signs.length, null, signs.length - to);
    if (id === null) break;
    look(from, to, id);
    if (dense) kept.push({ from, to, text: text(from, to), cls: "joined" });
    else kept = [{ from: 0, to, text: "", cls: "joined" }];
  }
  const unknown = way.s !== null || way.l;
  if (unknown) rows.push({ label: "end", right: "", lost: true, cells: [{ from: 0, to: signs.length, text: "unknown, the whole word", cls: "lost" }] });
  return {
    kind: "match", size: signs.length, least: 30, most: 62, heads: null, rows, left: "try", middle: "is this an entry of the vocabulary?", right: "",
    pieces: unknown ? [{ text: "unknown", ids: way.p[0][2], cls: "lost" }] : way.p.map(([from, to, ids]) => ({ text: text(from, to), ids })),
    say(step) {
      const row = rows[step];
      if (!step) return way.l ? ["This word is longer than the tokenizer looks at, so it is unknown at once."] : ["First the whole word is looked up. While there is no such entry, its last letter goes."];
      if (row.lost) {
        return [way.l ? "Nothing was tried. " : `Nothing fits at “${readable(signs[way.s])}”. `,
          "What does not come out even is unknown as a whole", way.f.length ? ", even the part that did fit." : "."];
      }
      if (row.count > 1) return [`${number(row.count)} tries, each one letter shorter, from `, chip(text(row.from, row.to)), ": none is an entry."];
      if (!row.hit) return [chip(text(row.from, row.to)), " is no entry. ", row.to - row.from > 1 ? "Without its last letter?" : "It cannot get shorter."];
      const rest = signs.slice(row.to).join("");
      return [chip(text(row.from, row.to), "made"), ` is token ${number(row.id)}, the longest that fits here. `,
        rest ? ["The rest, ", chip(way.x + readable(rest)), way.x ? `, is looked up the same way; ${way.x} says that it goes on a word.` : "."] : "The word is used up: done."].flat();
    },
  };
}

function latticeScene(way) {
  const signs = [...way.t];
  const text = (from, to) => readable(signs.slice(from, to).join(""));
  const edges = way.e.map(([from, to, id, points, unknown], place) => ({ from, to, id, points, unknown, place, text: text(from, to) }));
  // Lanes: short pieces on top, each as high as there is room.
  const lanes = [];
  for (const edge of [...edges].sort((a, b) => (a.to - a.from) - (b.to - b.from) || a.from - b.from)) {
    const width = edge.to - edge.from;
    let lane = lanes.findIndex((one) => (one.width === width || (width > 3 && one.width > 3)) && one.every((other) => other.to <= edge.from || other.from >= edge.to));
    if (lane < 0) {
      lane = lanes.push(Object.assign([], { width })) - 1;
    }
    lanes[lane].push(edge);
  }
  const bestTo = (step) => {
    const found = [];
    for (let at = step; at > 0; at = edges[way.a[at]].from) found.unshift(edges[way.a[at]]);
    return found;
  };
  const hexadecimal = (from, to) => [...new TextEncoder().encode(signs.slice(from, to).join(""))].map(hex).join(" ");
  return {
    kind: "lattice", size: signs.length, least: 47, most: 62, heads: null, edges, lanes, best: way.d, arrive: way.a, bestTo,
    rows: Array.from({ length: signs.length + 1 }), left: "", middle: "every entry that fits, with its score", right: "",
    ways: way.k.map(([points, places]) => ({ points, edges: places.map((place) => edges[place]) })),
    pieces: way.p.map(([from, to, ids]) => ({ text: ids.length > 1 ? hexadecimal(from, to) : text(from, to), ids, cls: edges.some((e) => e.unknown && e.from === from) && ids.length === 1 ? "lost" : "" })),
    say(step) {
      if (!step) return ["Every entry that fits anywhere is a bar. A score is the logarithm of how likely the entry is, so along a way scores add up. The way with the highest sum wins."];
      const ends = edges.filter((edge) => edge.to === step);
      const won = edges[way.a[step]];
      const before = won.from ? [" after ", chip(text(0, won.from)), ` (${score(way.d[won.from])})`] : [];
      const here = step < signs.length
        ? ["Up to ", chip(text(0, step)), ` the best comes with `, chip(won.text, "made"), ` (${score(won.points)})`, ...before, `: ${score(way.d[step])}. ${ends.length > 1 ? `${ends.length} entries end here.` : "One entry ends here."}`]
        : ["The best way ends with ", chip(won.text, "made"), ` and has ${score(way.d[step])}. `,
          way.k.length > 1 ? `The next best has ${score(way.k[1][0])}: ${times(Math.exp(way.k[0][0] - way.k[1][0]))} times less likely.` : "There is no other way."];
      if (won.unknown) here.push(" No entry fits this character, which costs ten more than the rarest entry.");
      return here;
    },
  };
}

const sceneOf = (way) => (way.b !== undefined ? mergeScene(way) : way.e ? latticeScene(way) : matchScene(way));

// ----------------------------------------------------------------------------------------------------------- component

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ at: null, stop: null, step: null, pin: 0 }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tr" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--on-accent", theme.onAccent);
  const width = () => watchWidth(parentElement, (now) => root.classList.toggle("narrow", now < 760));
  const { header, arrays } = readPayload(data);
  const key = JSON.stringify([header.title, header.algorithm, header.text, header.ways.length]);
  if (store.key === key && root.firstChild) return width();

  const signs = [...header.text];
  const words = [];
  for (let i = 0; i < arrays.words.length; i += 3) words.push({ way: arrays.words[i], from: arrays.words[i + 1], to: arrays.words[i + 2], place: i / 3, control: header.control[i / 3] });
  const wordText = (word) => {
    const way = header.ways[word.way];
    return way && way.b !== undefined ? spell(bytesOf(way.b), 0, way.b.length / 2) : way && way.t !== undefined ? readable(way.t) : readable(signs.slice(word.from, word.to).join(""));
  };
  // Another text: the chosen place means something only where all before it is as it was.
  if (store.key === undefined) {
    store.at = header.view.at;
    store.stop = header.view.stop;
  } else if (store.at !== null && store.text !== undefined && !header.text.startsWith([...store.text].slice(0, store.until).join(""))) {
    store.at = null;
    tell();
  }
  if (store.stop === null) store.stop = header.stop;
  store.stop = Math.min(store.stop, Math.max(header.merges, 0) || store.stop);
  Object.assign(store, { key, text: header.text, step: null, pin: 0 });
  clearInterval(store.timer);
  const chosen = () => words.find((word) => store.at !== null && word.from <= store.at && store.at < word.to) || words[header.first];
  let word = chosen();
  let scene = null;
  let last = 0;
  let ui = {};

  function tell() {
    clearTimeout(store.telling);
    store.telling = setTimeout(() => setStateValue("view", { at: store.at, stop: store.stop }), 500);
  }

  function choose(next) {
    if (!next) return;
    word = next;
    store.at = next.from;
    store.until = next.to;
    store.step = null;
    store.pin = 0;
    pause();
    tell();
    drawWord();
  }

  function pause() {
    clearInterval(store.timer);
    store.timer = 0;
    if (ui.play) ui.play.textContent = "Play";
  }

  function play() {
    if (store.timer) return pause();
    if (store.step >= last) go(0);
    ui.play.textContent = "Pause";
    store.timer = setInterval(() => {
      if (!root.isConnected || store.step >= last) return pause();
      go(store.step + 1, true);
    }, last > 40 ? 250 : 800);
  }

  function go(step, playing = false) {
    if (!playing) pause();
    store.step = Math.max(0, Math.min(last, step));
    drawStep();
    if (scene.kind === "lattice") follow(ui.sums[Math.max(0, store.step - 1)]);
  }

  const onKeys = (event) => {
    const to = { ArrowRight: store.step + 1, ArrowDown: store.step + 1, ArrowLeft: store.step - 1, ArrowUp: store.step - 1, Home: 0, End: last }[event.key];
    if (event.key === " ") play();
    else if (to === undefined) return;
    else go(to);
    event.preventDefault();
  };

  // ------------------------------------------------------------------------------------------------------------ frame

  function draw() {
    if (!words.length) {
      root.replaceChildren(el("p", { class: "about", text: "Nothing of this text is left for the algorithm to cut." }));
      return;
    }
    const flow = el("div", { class: "flow", role: "listbox", "aria-label": "Words of the text; choose one", dir: "auto" });
    let reached = 0;
    ui = { words: new Map() };
    for (const one of words.slice(0, FLOW_WORDS)) {
      if (one.from > reached) flow.append(" ");
      const node = el("span", { class: `word${one.control !== undefined ? " control" : ""}`, role: "option", dir: "auto", text: one.to > one.from ? visible(signs.slice(one.from, one.to).join("")) : wordText(one), on: { click: () => choose(one) } });
      if (one.control !== undefined) node.title = `a control token, id ${one.control}: no algorithm sees it`;
      flow.append(node);
      if (signs.slice(one.from, one.to).includes("\n")) flow.append(el("br"));
      ui.words.set(one.place, node);
      node.lgWord = one;
      reached = Math.max(reached, one.to);
    }
    const picked = ui.words.get(word.place);
    if (picked) picked.tabIndex = 0;
    moveByArrows(flow, ".word", { onMove: (node) => choose(node.lgWord) });
    const seen = new Set();
    const different = words.filter((one) => (one.control !== undefined || seen.has(one.way) ? false : seen.add(one.way)) && header.ways[one.way]);
    ui.pick = el("select", { on: { change: () => choose(different[ui.pick.selectedIndex]) } }, ...different.map((one) => el("option", { text: wordText(one).slice(0, 60) })));
    ui.different = different;
    ui.range = el("input", { type: "range", min: 0, step: 1, "aria-label": "Step", on: { input: () => go(Number(ui.range.value)) } });
    ui.count = el("b", {});
    ui.stepName = el("span", {});
    ui.back = el("button", { type: "button", text: "Back", on: { click: () => go(store.step - 1) } });
    ui.next = el("button", { type: "button", class: "main", on: { click: () => go(store.step + 1) } });
    ui.play = el("button", { type: "button", text: "Play", on: { click: play } });
    ui.say = el("p", { class: "say", "aria-live": "polite" });
    ui.steps = el("div", { class: "steps" }, el("div", { class: "line" }, ui.stepName, ui.count), ui.range, el("div", { class: "buttons" }, ui.back, ui.next, ui.play));
    ui.stops = header.algorithm === "BPE" && header.merges ? stops() : null;
    ui.picture = el("div", { class: "picture", tabindex: 0, role: "group", "aria-label": "Steps of the algorithm; the arrow keys go through them", on: { keydown: onKeys } });
    ui.end = el("div", { class: "end" });
    ui.spoken = el("div", { class: "sr-only" });
    const more = [];
    if (words.length > FLOW_WORDS) more.push(`The first ${FLOW_WORDS} words of ${number(words.length)}; the list has more of them.`);
    if (header.whole > signs.length) more.push(`The first ${number(signs.length)} characters of ${number(header.whole)} are replayed.`);
    root.replaceChildren(flow, ...more.map((text) => el("p", { class: "about", text })),
      el("div", { class: "two" }, el("div", { class: "main" }, ui.picture, ui.end, ui.spoken),
        el("div", { class: "aside" }, el("label", {}, el("span", { text: "Word" }), ui.pick), ui.steps, ui.say, ui.stops && ui.stops.node)));
    drawWord();
  }

  function drawWord() {
    for (const [place, node] of ui.words) {
      const same = place === word.place;
      node.setAttribute("aria-selected", same ? "true" : "false");
      node.classList.toggle("same", !same && words[place].way === word.way && word.way >= 0);
      node.tabIndex = same ? 0 : -1;
    }
    ui.pick.selectedIndex = ui.different.findIndex((one) => one.way === word.way);
    const way = header.ways[word.way];
    scene = way && way.n === undefined ? sceneOf(way) : null;
    ui.steps.hidden = !scene;
    ui.end.replaceChildren();
    ui.spoken.replaceChildren();
    if (!scene) {
      const why = word.control !== undefined ? `A control token: it is taken out of the text as id ${number(word.control)} before the algorithm begins, so there are no steps.`
        : !way ? "So many words come before this one that its steps were not sent; it is counted."
          : `This piece is ${number(way.n)} ${header.algorithm === "BPE" ? "bytes" : "characters"} long, too long to draw. It ends in ${plural(way.c, "token")}.`;
      ui.picture.replaceChildren(el("p", { class: "about", text: why }));
      ui.say.textContent = "";
      if (ui.stops) ui.stops.draw();
      return;
    }
    last = scene.rows.length - 1;
    if (store.step === null) store.step = scene.kind === "merges" ? Math.max(Math.min(1, last), scene.reach(store.stop)) : last;
    store.step = Math.min(store.step, last);
    ui.range.max = last;
    ui.stepName.textContent = { merges: "Merge", match: "Try", lattice: "Up to character" }[scene.kind];
    ui.next.textContent = { merges: "Next merge", match: "Next try", lattice: "Next one" }[scene.kind];
    root.style.setProperty("--grid", `var(--left) repeat(${scene.size}, minmax(${scene.least}px, 1fr)) var(--right)`);
    root.style.setProperty("--widest", `${scene.size * scene.most + 130}px`);
    root.style.setProperty("--narrowest", `calc(var(--left) + var(--right) + ${scene.size * scene.least + 4}px)`);
    const rows = scene.kind === "lattice" ? lattice() : staircase();
    ui.picture.replaceChildren(el("div", { class: `grid ${scene.kind}`, "aria-hidden": scene.kind === "lattice" ? null : "true" }, ...rows));
    ui.end.replaceChildren(el("span", { class: "name", text: "In the end" }), ...scene.pieces.map((piece) => el("span", { class: "token" }, chip(piece.text, piece.cls || ""),
      el("span", { class: "id", text: piece.ids.map(number).join(" ") }))));
    speak();
    if (ui.stops) ui.stops.draw();
    drawStep();
  }

  const cell = (one) => el("div", { class: `cell ${one.cls || ""}`, style: { "grid-column": `${one.from + 2} / ${one.to + 2}` }, dir: "auto" }, el("span", { text: one.text }));
  const headLine = () => el("div", { class: "row head" }, el("span", { class: "left", text: scene.left }),
    el("span", { class: "middle", text: scene.middle, style: { "grid-column": `2 / ${scene.size + 2}` } }), el("span", { class: "right", text: scene.right, style: { "grid-column": String(scene.size + 2) } }));

  function staircase() {
    ui.rows = scene.rows.map((row, i) => el("div", { class: "row", on: { click: () => go(i) } }, el("span", { class: "left", text: row.label }), ...row.cells.map(cell),
      el("span", { class: `right ${row.hit ? "yes" : ""}`, text: row.right, style: { "grid-column": String(scene.size + 2) } })));
    ui.line = el("div", { class: "stop" }, el("span", {}));
    const heads = scene.heads && el("div", { class: "row heads" }, ...scene.heads.map(([from, to, text]) =>
      el("span", { class: to - from > 1 ? "wide" : "", text, style: { "grid-column": `${from + 2} / ${to + 2}` } })));
    return [headLine(), heads, ...ui.rows].filter(Boolean);
  }

  function lattice() {
    const span = (edge) => ({ "grid-column": `${edge.from + 2} / ${edge.to + 2}` });
    ui.edges = [];
    const heads = el("div", { class: "row signs" }, ...[...Array(scene.size).keys()].map((i) => el("span", { class: "sign", text: scene.edges.find((e) => e.from === i && e.to === i + 1)?.text || readable(signs[word.from + i] || ""), style: { "grid-column": String(i + 2) } })));
    const lanes = scene.lanes.map((lane) => el("div", { class: "row lane" }, ...lane.map((edge) => {
      const node = el("div", { class: `cell edge${edge.unknown ? " lost" : ""}`, style: span(edge), title: edge.unknown ? "no entry fits" : `token ${edge.id}, score ${score(edge.points)}` },
        el("span", { text: edge.text }), el("small", { text: score(edge.points) }));
      ui.edges[edge.place] = node;
      return node;
    })));
    ui.sums = [...Array(scene.size).keys()].map((i) => el("span", { class: "sum", text: score(scene.best[i + 1]), style: { "grid-column": String(i + 2) } }));
    ui.ways = scene.ways.map((way, i) => el("button", { type: "button", class: "row way", "aria-pressed": "false",
      "aria-label": `${i ? `Way ${i + 1}` : "Best way"}: ${way.edges.map((e) => e.text).join(", ")}, ${score(way.points)}`,
      on: { click: () => { store.pin = i; go(last); } } }, el("span", { class: "left", text: score(way.points) }),
      ...way.edges.map((edge) => el("div", { class: `cell${edge.unknown ? " lost" : ""}`, style: span(edge) }, el("span", { text: edge.text }))),
      el("span", { class: "right", text: String(way.edges.length), style: { "grid-column": String(scene.size + 2) } })));
    return [headLine(), heads, ...lanes, el("div", { class: "row sums" }, el("span", { class: "left", text: "best sum" }), ...ui.sums),
      el("div", { class: "row head under" }, el("span", { class: "left", text: "sum" }), el("span", { class: "middle", text: scene.ways.length > 1 ? "the best way and the next best" : "the only way", style: { "grid-column": `2 / ${scene.size + 2}` } }), el("span", { class: "right", text: "pieces", style: { "grid-column": String(scene.size + 2) } })),
      ...ui.ways];
  }

  // ------------------------------------------------------------------------------------------------------------- step

  function drawStep() {
    const { step } = store;
    ui.range.value = step;
    ui.range.setAttribute("aria-valuetext", `${step} of ${last}`);
    ui.count.textContent = `${number(step)} of ${number(last)}`;
    ui.back.disabled = step === 0;
    ui.next.disabled = step === last;
    ui.say.replaceChildren(...scene.say(step));
    if (scene.kind === "lattice") {
      const way = step === last ? scene.ways[store.pin].edges : scene.bestTo(step);
      scene.edges.forEach((edge, i) => {
        const node = ui.edges[i];
        node.classList.toggle("ghost", edge.to > step);
        node.classList.toggle("candidate", edge.to === step && step < last);
        node.classList.toggle("on", way.includes(edge));
        node.classList.toggle("new", step < last && scene.arrive[step] === i);
      });
      ui.sums.forEach((node, i) => node.classList.toggle("ghost", i >= step));
      ui.ways.forEach((node, i) => {
        node.setAttribute("aria-pressed", step === last && store.pin === i ? "true" : "false");
        node.classList.toggle("ghost", step < last);
      });
      if (step === last && store.pin > 0) {
        ui.say.replaceChildren(`This way has ${score(scene.ways[store.pin].points)}: ${times(Math.exp(scene.ways[0].points - scene.ways[store.pin].points))} times less likely than the best.`);
      }
      return;
    }
    ui.rows.forEach((row, i) => {
      row.classList.toggle("ghost", i > step);
      row.classList.toggle("now", i === step);
    });
    const box = ui.picture;
    const row = ui.rows[step];
    if (row.offsetTop < box.scrollTop + 30) box.scrollTop = row.offsetTop - 60;
    else if (row.offsetTop + 40 > box.scrollTop + box.clientHeight) box.scrollTop = row.offsetTop + 60 - box.clientHeight;
    follow(row.querySelector(".new, .miss"), row.firstChild.offsetWidth);
  }

  // A wide picture scrolls in itself so that what has changed is seen, beside the ranks that stay in place.
  function follow(node, rank = 0) {
    const box = ui.picture;
    if (!node || box.scrollWidth <= box.clientWidth) return;
    const from = node.offsetLeft - rank - 8;
    const to = node.offsetLeft + node.offsetWidth + 8;
    if (from < box.scrollLeft) box.scrollLeft = from;
    else if (to > box.scrollLeft + box.clientWidth) box.scrollLeft = Math.min(from, to - box.clientWidth);
  }

  function speak() {
    const rows = scene.kind === "lattice" ? scene.ways.map((way) => [score(way.points), way.edges.map((e) => e.text).join(" | ")])
      : scene.rows.slice(0, SPOKEN_ROWS).map((row) => [row.label, row.cells.map((one) => one.text).join(" | ") + (row.right === "no" || row.right === "yes" ? `, ${row.right}` : "")]);
    ui.spoken.replaceChildren(el("table", {}, el("caption", { text: `${header.title}, ${header.algorithm}: ${scene.left || "sum"} and pieces, step by step` }),
      el("tbody", {}, ...rows.map(([a, b]) => el("tr", {}, el("th", { scope: "row", text: a }), el("td", { text: b }))))));
  }

  // --------------------------------------------------------------------------------------- what a smaller one would do

  function piecesAfter(stop) {
    let low = 0;
    let high = arrays.needed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (arrays.needed[middle] <= stop) low = middle + 1;
      else high = middle;
    }
    return header.tokens + arrays.needed.length - low;
  }

  function stops() {
    const STEPS = 1000;
    const scale = Math.log(header.merges + 1);
    const toSlider = (n) => Math.round((STEPS * Math.log(n + 1)) / scale);
    const fromSlider = (x) => {
      if (x >= STEPS) return header.merges;
      const raw = Math.exp((scale * x) / STEPS) - 1;
      const grain = raw < 100 ? 1 : 10 ** (Math.floor(Math.log10(raw)) - 1);
      return Math.min(header.merges, Math.round(raw / grain) * grain);
    };
    const range = el("input", { type: "range", min: 0, max: STEPS, "aria-label": "Stop after N merges", on: { input: () => set(fromSlider(Number(range.value)), range) } });
    const typed = el("input", { type: "number", min: 0, max: header.merges, "aria-label": "N, the number of merges", on: { change: () => set(Math.max(0, Math.min(header.merges, Math.round(Number(typed.value) || 0))), typed) } });
    const says = el("p", { class: "say small" });
    const W = 300;
    const H = 54;
    const most = piecesAfter(0);
    const points = [...Array(61).keys()].map((i) => [(W * i) / 60, H - ((H - 2) * piecesAfter(Math.exp((scale * i) / 60) - 1)) / most]);
    const size = el("p", { class: "about" });
    const mark = svgEl("line", { y1: 0, y2: H, class: "mark" });
    const curve = svgEl("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", class: "curve", "aria-hidden": "true" },
      svgEl("polygon", { points: `0,${H} ${points.map((p) => p.join(",")).join(" ")} ${W},${H}`, class: "area" }), mark);
    const set = (n) => {
      store.stop = n;
      tell();
      show();
    };
    function show() {
      const n = store.stop;
      range.value = toSlider(n);
      range.setAttribute("aria-valuetext", `${n} merges`);
      typed.value = n;
      size.textContent = `A vocabulary of ${number(header.base + n)} entries: ${number(header.base)} to begin with, and one for each merge, in the order in which they were learnt.`;
      mark.setAttribute("x1", (W * toSlider(n)) / STEPS);
      mark.setAttribute("x2", (W * toSlider(n)) / STEPS);
      says.replaceChildren();
      if (scene) {
        const reached = scene.reach(n);
        const cells = scene.cut(reached);
        const now = scene.cut(last).length;
        says.append("This word: ", ...cells.slice(0, 16).flatMap((one) => [chip(one.text), " "]), cells.length > 16 ? "… " : "",
          el("b", { text: plural(cells.length, "token") }), cells.length === now ? ", as now. " : `, not ${now}. `);
        ui.line.querySelector("span").textContent = `A tokenizer of ${plural(n, "merge")} stops here`;
        ui.line.remove();
        if (scene.rows.some((row, i) => i > reached && row.needs)) ui.rows[reached].after(ui.line);
      }
      const now = piecesAfter(n);
      says.append("The whole text: ", el("b", { text: plural(now, "token") }), now === header.tokens ? ", as now." : `, not ${number(header.tokens)}.`);
    }
    const node = el("div", { class: "stops" }, el("div", { class: "line" }, el("span", {}, "Stop after ", el("i", { text: "N" }), " merges"), el("span", { class: "of" }, typed, ` of ${number(header.merges)}`)),
      range, curve, el("div", { class: "ends" }, el("span", { text: `no merges: ${plural(most, "token")}` }), el("span", { text: `all: ${plural(header.tokens, "token")}` })), says,
      size);
    return { node, draw: show };
  }

  draw();
  return width();
}
