// The main picture of Tokens: one to four columns of chips over the same UTF-8 bytes, one shared hover, one card.
// The payload is described in components/views/tokenizer/payload.py. Text is only ever set as textContent.

const KIND = { NORMAL: 0, SPECIAL: 1, FRAGMENT: 2, UNKNOWN: 3, ADDED: 4, BYTE: 5 };
const KIND_WORDS = ["ordinary", "special", "part of a character", "unknown", "space added", "bare byte"];
const KIND_CLASSES = ["", "special", "fragment", "unknown", "added", "byte"];
const SPEAKABLE_ROWS = 150;
const PICTOGRAPH = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
const MARK = /^\p{M}/u;
// By its first letter a line runs to the right or to the left.
const RIGHT_TO_LEFT = /^[^\p{L}]*[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const ANY_RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const LETTER = /\p{L}/u;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
const firstOf = (byte) => (byte & 0xc0) !== 0x80;
const plural = (count, word) => `${count.toLocaleString("en-US")} ${word}${count === 1 ? "" : "s"}`;

// The text with what can be asked of it: characters by byte, characters by place, graphemes that stay together.
function readText(bytes) {
  const starts = [];
  const charOf = new Int32Array(bytes.length + 1);
  for (let at = 0; at < bytes.length; at++) {
    if (firstOf(bytes[at])) starts.push(at);
    charOf[at] = starts.length - 1;
  }
  charOf[bytes.length] = starts.length;
  starts.push(bytes.length);
  const slice = (from, to) => decoder.decode(bytes.subarray(from, to));
  // Emoji built of several characters are one sign to a reader: byte -> where that sign begins and ends.
  const together = new Map();
  const text = slice(0, bytes.length);
  if (PICTOGRAPH.test(text) && typeof Intl.Segmenter === "function") {
    let at = 0;
    for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
      const size = segment.length === 1 && segment.charCodeAt(0) < 128 ? 1 : encoder.encode(segment).length;
      if (size > 4 && PICTOGRAPH.test(segment)) {
        for (let byte = at + 1; byte < at + size; byte++) together.set(byte, [at, at + size]);
      }
      at += size;
    }
  }
  // Byte -> place in the text as JavaScript counts it, where a character beyond U+FFFF has two places.
  let units = null;
  const unitOf = (byte) => {
    if (!units) {
      units = new Int32Array(starts.length);
      for (let char = 0; char + 1 < starts.length; char++) units[char + 1] = units[char] + (bytes[starts[char]] >= 0xf0 ? 2 : 1);
    }
    const char = charOf[byte];
    return byte > starts[char] ? units[char + 1] : units[char];
  };
  return { bytes, starts, charOf, slice, together, text, unitOf };
}

// Whether a cut before this byte separates what a reader sees as one sign; then its stretch, else null.
function inside(source, byte) {
  if (byte <= 0 || byte >= source.bytes.length) return null;
  const sign = source.together.get(byte);
  if (sign) return sign;
  if (firstOf(source.bytes[byte])) return null;
  const char = source.charOf[byte];
  return [source.starts[char], source.starts[char + 1]];
}

function readColumn(payload, index, source) {
  const column = { ...payload.header.columns[index], index };
  for (const name of ["ids", "start", "end", "kind"]) column[name] = payload.arrays[name + index];
  column.count = column.ids.length;
  // Runs of tokens that share a sign: [first, last, begin, end in bytes].
  column.groups = [];
  for (let i = 0; i < column.count; i++) {
    let last = i;
    let begin = column.start[i];
    let end = column.end[i];
    let grew = true;
    const widen = (place) => {
      const sign = inside(source, place);
      if (sign) {
        begin = Math.min(begin, sign[0]);
        end = Math.max(end, sign[1]);
      }
    };
    widen(column.start[i]);
    widen(column.end[i]);
    while (grew) {
      grew = false;
      while (last + 1 < column.count && column.start[last + 1] < end) {
        last++;
        widen(column.end[last]);
        end = Math.max(end, column.end[last]);
        grew = true;
      }
    }
    if (last > i || (column.kind[i] === KIND.FRAGMENT && end > column.end[i])) {
      // The label names the sign, not a space that the first token brings along.
      let from = begin;
      while (from < end && source.bytes[from] === 32) from++;
      column.groups.push([i, last, from, end]);
      i = last;
    }
  }
  return column;
}

// White space as marks, or as the white space it is.
const shown = (text, blanks) => (blanks ? visible(text) : visible(text.replace(/[ \n\t\r]/g, (sign) => (sign === " " ? "\ue000" : "\ue001")))
  .replace(/\ue000/g, " ").replace(/\ue001/g, ""));

// What a chip says: whole characters as they are, the bytes of a broken one in hexadecimal.
function chipText(column, i, source, blanks = true) {
  const begin = column.start[i];
  const end = column.end[i];
  const piece = column.pieces[i];
  if (column.kind[i] === KIND.FRAGMENT && !(piece !== undefined && begin === end)) {
    let text = "";
    let raw = [];
    for (let byte = begin; byte < end; byte++) {
      if (source.bytes[byte] > 32 && source.bytes[byte] < 127) {
        text += (raw.length ? raw.join(" ") : "") + String.fromCharCode(source.bytes[byte]);
        raw = [];
      } else if (source.bytes[byte] <= 32) {
        text += raw.join(" ") + shown(String.fromCharCode(source.bytes[byte]), blanks);
        raw = [];
      } else raw.push(hex(source.bytes[byte]));
    }
    return text + raw.join(" ");
  }
  if (column.kind[i] === KIND.UNKNOWN) return shown(source.slice(begin, end), blanks) || "?";
  const text = piece !== undefined ? piece : source.slice(begin, end);
  const seen = shown(text, blanks).replace(/\u00a0/g, "⍽").replace(/\u200d/g, "ZWJ").replace(/[\u200b\ufeff\u00ad\u2060]/g, "∅")
    .replace(/[\ufe0e\ufe0f]/g, "VS").replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "⇄");
  return MARK.test(seen) ? "◌" + seen : seen;
}

function chip(state, column, i) {
  const { source } = state;
  const begin = column.start[i];
  const end = column.end[i];
  const text = chipText(column, i, source, state.blanks);
  const classes = ["chip", `t${i % 6}`];
  const kind = KIND_CLASSES[column.kind[i]];
  if (kind) classes.push(kind);
  if (/^[· ]/.test(text) && column.kind[i] !== KIND.ADDED && text.length > 1) classes.push("space");
  if (column.pieces[i] !== undefined && column.kind[i] === KIND.NORMAL) classes.push("changed");
  const node = el("span", { class: classes.join(" "), role: "option", "aria-selected": "false", text, dir: "auto" });
  node.lgPlace = i;
  node.lgFrom = begin;
  node.lgTo = end;
  column.nodes[i] = node;
  column.breaks[i] = source.bytes.subarray(begin, end).includes(10);
  return node;
}

// A stretch of one line that the tokenizer left out, faint.
function gap(text, blanks) {
  const node = el("span", { class: "gap", "aria-hidden": "true" });
  const inner = text.replace(/\n$/, "");
  if (inner.trim()) node.append(shown(inner, blanks));
  else if (inner) node.append((blanks ? "·" : "\u00a0").repeat(Math.min(inner.length, 24)));
  if (inner !== text && blanks) node.append("↵");
  return node;
}

// An empty line of the picture for the text that begins at this byte, in the direction of its first letter.
function lineAt(source, byte) {
  let end = source.bytes.indexOf(10, byte);
  if (end < 0) end = source.bytes.length;
  return el("div", { class: "line", dir: RIGHT_TO_LEFT.test(source.slice(byte, end)) ? "rtl" : "ltr" });
}

function drawFlow(state, column, flow) {
  const { source, rings } = state;
  column.nodes = [];
  column.breaks = [];
  const ringOf = new Int32Array(column.count).fill(-1);
  let ring = 0;
  for (let i = 0; i < column.count; i++) {
    while (ring < rings.length && rings[ring][1] <= column.start[i]) ring++;
    const touched = ring < rings.length && column.end[i] > rings[ring][0] && column.start[i] < rings[ring][1];
    if (touched) ringOf[i] = ring;
  }
  const all = document.createDocumentFragment();
  let out = lineAt(source, 0);
  all.append(out);
  let open = null; // the ring span that chips go into now
  let openRing = -1;
  // A browser orders chips as it orders signs without a direction. A mark of no width on both sides gives a chip the
  // direction of its letters, so that a Hebrew word in an English line runs to the left, and the other way round.
  const turns = ANY_RIGHT_TO_LEFT.test(source.text);
  const markOf = (node) => {
    const letters = turns ? source.slice(node.lgFrom, node.lgTo) : "";
    if (!LETTER.test(letters)) return "";
    const back = RIGHT_TO_LEFT.test(letters);
    if (node.classList.contains("group")) node.firstChild.dir = back ? "rtl" : "ltr";
    return back ? "\u200f" : "\u200e";
  };
  let behind = null; // the mark behind the open ring; inside it, a line would break between mark and chip
  const place = (node, ringId, opensLeft, opensRight) => {
    const mark = markOf(node);
    if (ringId !== openRing || ringId < 0) {
      open = ringId < 0 ? null : el("span", { class: `ring${opensLeft ? " from" : ""}` });
      if (open) out.append(mark, open, behind = document.createTextNode(mark));
      openRing = ringId;
    } else if (mark) {
      if (behind.data && mark !== behind.data) open.append(mark);
      behind.data = mark;
    }
    if (open) open.append(node);
    else out.append(mark, node, mark);
    if (open && opensRight) open.classList.add("on");
  };
  const newLine = (byte, ringGoesOn) => {
    if (open && ringGoesOn) open.classList.add("on");
    open = null;
    openRing = -1;
    out = lineAt(source, byte);
    all.append(out);
  };
  const leftOut = (begin, end) => {
    openRing = -1;
    open = null;
    let from = begin;
    for (const part of source.slice(begin, end).split(/(?<=\n)/)) {
      out.append(gap(part, state.blanks));
      from += encoder.encode(part).length;
      if (part.endsWith("\n")) newLine(from, false);
    }
  };
  let group = 0;
  let reached = 0;
  for (let i = 0; i < column.count; i++) {
    if (column.start[i] > reached) leftOut(reached, column.start[i]);
    while (group < column.groups.length && column.groups[group][1] < i) group++;
    const shared = column.groups[group];
    let last = i;
    let node;
    if (shared && shared[0] === i) {
      last = shared[1];
      const row = el("span", { class: "row" });
      let inner = null;
      let innerRing = -1;
      const one = ringOf[i];
      let uniform = true;
      for (let j = i; j <= last; j++) uniform = uniform && ringOf[j] === one;
      for (let j = i; j <= last; j++) {
        const own = uniform ? -1 : ringOf[j];
        if (own !== innerRing || own < 0) {
          inner = own < 0 ? null
            : el("span", { class: `ring inner${j === i && i > 0 && ringOf[i - 1] === own ? " from" : ""}` });
          if (inner) row.append(inner);
          innerRing = own;
        }
        (inner || row).append(chip(state, column, j));
        if (inner && j === last && ringOf[last + 1] === own && last + 1 < column.count) inner.classList.add("on");
      }
      node = el("span", { class: "group" }, row,
        el("span", { class: "brace", "aria-hidden": "true" }),
        el("span", { class: "sign", "aria-hidden": "true", dir: "auto", text: source.slice(shared[2], shared[3]) }));
      node.lgFrom = shared[2];
      node.lgTo = shared[3];
      place(node, uniform ? one : -1, uniform && one >= 0 && i > 0 && ringOf[i - 1] === one && openRing !== one, false);
    } else {
      const own = ringOf[i];
      place(chip(state, column, i), own, own >= 0 && i > 0 && ringOf[i - 1] === own && openRing !== own, false);
    }
    reached = Math.max(reached, column.end[last]);
    if (column.breaks[last] && last + 1 < column.count) newLine(reached, ringOf[last] >= 0 && ringOf[last + 1] === ringOf[last]);
    i = last;
  }
  const drawnTo = source.bytes.length;
  if (reached < drawnTo) leftOut(reached, drawnTo);
  flow.replaceChildren(all);
}

// ------------------------------------------------------------------------------------------------- one token in words

function sentence(state, column, i) {
  const { source } = state;
  const begin = column.start[i];
  const end = column.end[i];
  const text = source.slice(begin, end);
  const piece = column.pieces[i];
  const said = [];
  switch (column.kind[i]) {
    case KIND.SPECIAL:
      said.push("A control token: these characters are read as one sign, not as text.");
      break;
    case KIND.UNKNOWN:
      said.push(`The vocabulary has no entry for ${visible(text)}. The model sees only “${piece}”.`);
      break;
    case KIND.FRAGMENT:
      said.push(fragmentSentence(source, begin, end, piece));
      break;
    case KIND.ADDED:
      said.push(text ? "The tokenizer puts a space in front. The text has none there."
        : "A space that the tokenizer puts in. It owns no byte of the text.");
      break;
    case KIND.BYTE:
      said.push("No entry of its own: this character is written as its bare byte.");
      break;
    default:
      said.push(plainSentence(source, begin, end, text, piece));
  }
  for (const other of state.columns) {
    if (other === column || begin === end) continue;
    const across = overlapping(other, begin, end);
    const same = across.length === 1 && other.start[across[0]] === begin && other.end[across[0]] === end;
    if (across.length) {
      said.push(same ? `${other.title} cuts the same piece.`
        : across.length === 1 ? `In ${other.title} it lies inside one longer token.`
          : `In ${other.title} it takes ${across.length} tokens.`);
    } else if (end <= source.bytes.length) said.push(`${other.title} drops it.`);
  }
  return said.join(" ");
}

function fragmentSentence(source, begin, end, piece) {
  const parts = [];
  let char = source.charOf[begin];
  while (source.starts[char] < end) {
    const from = source.starts[char];
    const to = source.starts[char + 1];
    const sign = visible(source.slice(from, to));
    const inFrom = Math.max(from, begin) - from + 1;
    const inTo = Math.min(to, end) - from;
    if (inFrom === 1 && inTo === to - from) parts.push(sign === "·" ? "the space" : `all of ${MARK.test(sign) ? "◌" + sign : sign}`);
    else {
      parts.push(inFrom === inTo ? `byte ${inFrom} of the ${to - from} of ${sign}`
        : `bytes ${inFrom} to ${inTo} of the ${to - from} of ${sign}`);
    }
    char++;
  }
  if (piece !== undefined) return `Shares its character with its neighbours. The model reads “${visible(piece)}” here.`;
  const list = parts.length > 3 ? [...parts.slice(0, 2), `${parts.length - 2} more`] : parts;
  const joined = list.length > 1 ? `${list.slice(0, -1).join(", ")} and ${list[list.length - 1]}` : list[0];
  const rest = [inside(source, begin) && "before", inside(source, end) && "after"].filter(Boolean);
  const where = rest.length === 2 ? " The rest is in the tokens around it." : rest.length ? ` The rest is in the tokens ${rest[0]} it.` : "";
  return `${joined.charAt(0).toUpperCase()}${joined.slice(1)}.${where}`;
}

function plainSentence(source, begin, end, text, piece) {
  if (piece !== undefined) return `The model reads “${visible(piece)}” here: the text is changed before it is cut.`;
  if (!text.trim()) {
    const breaks = (text.match(/\n/g) || []).length;
    const rest = text.length - breaks;
    const words = [breaks && plural(breaks, "line break"), rest && plural(rest, text.includes("\t") ? "white-space sign" : "space")];
    return `${words.filter(Boolean).join(" and ")} as one token.`;
  }
  const before = begin > 0 ? source.slice(source.starts[source.charOf[begin] - 1], begin) : " ";
  const after = end < source.bytes.length ? source.slice(end, source.starts[source.charOf[end] + 1]) : " ";
  const core = text.trim();
  const letters = /^[\p{L}\p{M}'’]+$/u;
  if (letters.test(core)) {
    const joinsBack = !/^\s/.test(text) && /[\p{L}\p{M}]/u.test(before);
    const joinsOn = !/\s$/.test(text) && /[\p{L}\p{M}]/u.test(after);
    const word = joinsBack && joinsOn ? "The middle of a word." : joinsBack ? "The end of a word."
      : joinsOn ? "The beginning of a word." : [...core].length === 1 ? "One letter." : "A whole word.";
    const front = text.length - text.trimStart().length;
    return !front ? word : `${word} The ${text.startsWith(" ") && front === 1 ? "space" : "white space"} in front belongs to it.`;
  }
  if (/^\p{N}+$/u.test(core)) {
    return [...core].length > 1 ? `${[...core].length} digits as one piece.` : "One digit.";
  }
  if (/^\p{Extended_Pictographic}/u.test(core)) return "A whole emoji.";
  if (/^[\p{P}\p{S}]+$/u.test(core)) return text.startsWith(" ") ? "A sign, with the space in front." : [...core].length > 1 ? "Signs that often stand together." : "One sign.";
  return "Letters, digits or signs that often stand together.";
}

function overlapping(column, begin, end) {
  let low = 0;
  let high = column.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column.end[middle] <= begin) low = middle + 1;
    else high = middle;
  }
  const found = [];
  for (let i = low; i < column.count && column.start[i] < end; i++) if (column.end[i] > begin) found.push(i);
  return found;
}

function byteCells(state, column, i) {
  const { source } = state;
  const begin = column.start[i];
  const end = column.end[i];
  if (begin === end) return el("div", { class: "cells" }, el("span", { class: "none", text: "no byte of the text" }));
  const from = source.starts[source.charOf[begin]];
  const to = source.starts[source.charOf[end - 1] + 1];
  const most = state.narrow ? 8 : 12;
  const node = el("div", { class: "cells" });
  let shown = 0;
  for (let at = from; at < to && shown < most;) {
    const next = source.starts[source.charOf[at] + 1];
    const row = el("span", { class: "bytes" });
    for (let byte = at; byte < next && shown < most; byte++, shown++) {
      row.append(el("span", { class: byte >= begin && byte < end ? "own" : "", text: hex(source.bytes[byte]) }));
    }
    const sign = source.slice(at, next);
    const code = sign.codePointAt(0);
    node.append(el("span", { class: "of" }, row,
      el("span", { class: "brace" }),
      el("span", { class: "sign", text: (MARK.test(sign) ? "◌" : "") + visible(sign) }),
      next - at > 1 ? el("span", { class: "code", text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}` }) : null));
    at = next;
  }
  if (to - from > shown) node.append(el("span", { class: "rest", text: `and ${to - from - shown} more` }));
  return node;
}

const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);

function drawCard(state) {
  const { card, active } = state;
  if (!active) return;
  const column = state.columns[active[0]];
  const i = active[1];
  const { source } = state;
  const begin = column.start[i];
  const end = column.end[i];
  const charFrom = begin < end ? source.charOf[begin] : source.charOf[begin];
  const charTo = begin < end ? source.charOf[end - 1] + 1 : charFrom;
  const fact = (name, value, rest) => el("div", { class: "fact" }, el("dt", { text: name }),
    el("dd", {}, el("b", { text: value }), rest ? el("span", { text: rest }) : null));
  card.replaceChildren(
    byteCells(state, column, i),
    el("div", { class: "say" },
      el("dl", {},
        fact(column.title, `${(i + 1).toLocaleString("en-US")}`, ` of ${column.tokens.toLocaleString("en-US")}`),
        fact("id", String(column.ids[i])),
        fact("string", cut(chipText(column, i, source), state.narrow ? 14 : 28)),
        fact("bytes", `${begin}:${end}`, ` of ${state.totalBytes.toLocaleString("en-US")}`),
        fact("characters", `${charFrom}:${charTo}`, ` of ${state.characters.toLocaleString("en-US")}`),
        fact("kind", KIND_WORDS[column.kind[i]])),
      el("p", { text: sentence(state, column, i), dir: "auto" })));
}

// -------------------------------------------------------------------------------------------------------- the pointer

function clearMarks(state) {
  for (const node of state.marked) node.classList.remove("here", "same");
  state.marked = [];
}

// The text box marks the characters of the token under the pointer; see textbox.js.
function tellBox(state, column, i) {
  const { source } = state;
  const from = source.unitOf(column.start[i]);
  window.dispatchEvent(new CustomEvent("lg-token", { detail: { text: source.text, from, to: source.unitOf(column.end[i]) } }));
}

function show(state, columnIndex, i) {
  clearMarks(state);
  state.active = [columnIndex, i];
  const column = state.columns[columnIndex];
  const mark = (node, name) => {
    node.classList.add(name);
    state.marked.push(node);
  };
  mark(column.nodes[i], "here");
  for (const other of state.columns) {
    if (other === column) continue;
    for (const j of overlapping(other, column.start[i], column.end[i])) mark(other.nodes[j], "same");
  }
  drawCard(state);
}

function rest(state) {
  const [column, i] = state.pinned || state.first;
  show(state, column, i);
}

function take(state, columnIndex, i, focus) {
  const column = state.columns[columnIndex];
  const before = column.nodes[column.stop];
  if (before) {
    before.removeAttribute("tabindex");
    before.setAttribute("aria-selected", "false");
  }
  column.stop = i;
  column.nodes[i].tabIndex = 0;
  if (focus) column.nodes[i].focus();
}

function pin(state, columnIndex, i) {
  const old = state.pinned && state.columns[state.pinned[0]].nodes[state.pinned[1]];
  if (old) old.setAttribute("aria-selected", "false");
  state.pinned = [columnIndex, i];
  state.columns[columnIndex].nodes[i].setAttribute("aria-selected", "true");
  show(state, columnIndex, i);
}

// What is selected in the text box is lit in every column.
function lightSelection(state, { text, from, to }) {
  if (text.slice(0, state.source.text.length) !== state.source.text) return;
  clearMarks(state);
  for (const column of state.columns) {
    for (let i = 0; i < column.count; i++) {
      const begin = state.source.unitOf(column.start[i]);
      const end = state.source.unitOf(column.end[i]);
      if (begin < Math.max(to, from + 1) && end > from) {
        column.nodes[i].classList.add("same");
        state.marked.push(column.nodes[i]);
      }
    }
  }
}

// The chip in the line above or below that lies nearest.
function vertical(column, i, direction) {
  const here = column.nodes[i].getBoundingClientRect();
  const middle = (here.left + here.right) / 2;
  let best = -1;
  let line = null;
  let distance = Infinity;
  for (let j = i + direction; j >= 0 && j < column.count; j += direction) {
    const box = column.nodes[j].getBoundingClientRect();
    const apart = direction > 0 ? box.top - here.bottom : here.top - box.bottom;
    if (apart < -2) continue;
    if (line === null) line = box.top;
    if (Math.abs(box.top - line) > 6) break;
    const off = Math.abs((box.left + box.right) / 2 - middle);
    if (off < distance) {
      distance = off;
      best = j;
    }
  }
  return best;
}

function listen(state, column, flow) {
  const placeOf = (event) => {
    const node = event.target.closest && event.target.closest(".chip");
    return node && node.lgPlace !== undefined ? node.lgPlace : -1;
  };
  flow.onmouseover = (event) => {
    const i = placeOf(event);
    if (i < 0) return;
    show(state, column.index, i);
    tellBox(state, column, i);
  };
  flow.onmouseleave = () => {
    rest(state);
    window.dispatchEvent(new CustomEvent("lg-token", { detail: null }));
  };
  flow.onclick = (event) => {
    const i = placeOf(event);
    if (i < 0) return;
    take(state, column.index, i, true);
    pin(state, column.index, i);
  };
  // No element has a property for this event; the flow is new at each drawing, so listeners never pile up.
  flow.addEventListener("focusin", (event) => {
    const i = placeOf(event);
    if (i < 0) return;
    pin(state, column.index, i);
    tellBox(state, column, i);
  });
  flow.onkeydown = (event) => {
    const i = placeOf(event);
    if (i < 0) return;
    const back = event.target.closest(".line").dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    const on = back === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    let to = { [on]: i + 1, [back]: i - 1, Home: 0, End: column.count - 1 }[event.key];
    if (event.key === "ArrowDown") to = vertical(column, i, 1);
    if (event.key === "ArrowUp") to = vertical(column, i, -1);
    if (to === undefined) return;
    event.preventDefault();
    if (to >= 0 && to < column.count) take(state, column.index, to, true);
  };
}

// ----------------------------------------------------------------------------------------------------------- the frame

function changesLine(changes, most) {
  const node = el("span", { class: "changes" });
  changes.slice(0, most).forEach((change, index) => {
    if (index) node.append("; ");
    node.append(el("span", { class: `change ${change.kind}`, text: change.text, dir: "auto" }));
  });
  return node;
}

function columnFacts(column, window) {
  const exact = column.exact
    ? el("span", { class: "exact" }, el("b", { "aria-hidden": "true", text: "✓" }), " exact, byte for byte")
    : el("span", { class: "lossy" }, el("b", { "aria-hidden": "true", text: "≠" }), " not exact: ", changesLine(column.changes, 7));
  return el("p", { class: "facts" },
    el("span", {}, el("strong", { text: column.tokens.toLocaleString("en-US") }), ` token${column.tokens === 1 ? "" : "s"}`),
    el("span", {}, el("strong", { text: fmt(column.per_token) }), " bytes a token"),
    window ? el("span", { title: `${window.tokens.toLocaleString("en-US")} tokens` },
      el("strong", { text: percent(column.tokens / window.tokens) }), ` of ${window.title}'s window`) : null, exact);
}

// Kinds that are rare are explained where they occur.
function legend(columns) {
  const two = columns.length > 1;
  const has = (test) => columns.some((column) => column.nodes.some(test));
  const item = (classes, words, sample = "\u2002") =>
    el("li", {}, el("span", { class: `sample ${classes}`, "aria-hidden": "true", text: sample }), words);
  return el("ul", { class: "legend", "aria-label": "Legend" },
    item("", "ordinary"), item("space", "begins with a space"), item("added", "a space was put in"),
    item("fragment", "part of a character"), item("special", "special"), item("unknown", "unknown"),
    has((node) => node.classList.contains("byte")) ? item("byte", "bare byte") : null,
    has((node) => node.classList.contains("changed")) ? item("changed", "changed before it is cut", "a") : null,
    two ? item("ringed", "cut differently") : null, item("same", "the same bytes"),
    el("li", {}, el("span", { class: "sign", text: "·" }), "space"),
    el("li", {}, el("span", { class: "sign", text: "↵" }), "line break"));
}

function strip(rows) {
  if (!rows.length) return null;
  const node = el("p", { class: "strip" }, el("b", { text: "The same text in" }));
  for (const row of rows) {
    node.append(el("span", { class: "one" }, el("b", { text: row.title }), ` ${plural(row.tokens, "token")}, `,
      row.exact ? "exact" : "not exact: ", row.exact ? null : changesLine(row.changes, 3)));
  }
  return node;
}

// For screen readers: the same facts, row by row.
function speakable(state, column) {
  const most = Math.min(column.count, SPEAKABLE_ROWS);
  const body = el("tbody");
  for (let i = 0; i < most; i++) {
    const begin = column.start[i];
    const end = column.end[i];
    const raw = [...state.source.bytes.subarray(begin, Math.min(end, begin + 16))].map(hex).join(" ");
    body.append(el("tr", {}, el("td", { text: String(i + 1) }), el("td", { text: chipText(column, i, state.source) }),
      el("td", { text: String(column.ids[i]) }), el("td", { text: raw }), el("td", { text: `${begin} to ${end}` }),
      el("td", { text: KIND_WORDS[column.kind[i]] })));
  }
  const note = most < column.tokens ? `, the first ${most} of ${column.tokens}` : "";
  // A table takes the width of its cells whatever its style says, so a box around it is what is hidden.
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `Tokens of ${column.title}${note}` }),
    el("thead", {}, el("tr", {}, ...["place", "token", "id", "bytes", "byte range", "kind"].map((name) => el("th", { scope: "col", text: name })))),
    body));
}

function colours(root, theme) {
  const ink = parseColour(theme.ink);
  theme.tints.forEach((tint, i) => {
    root.style.setProperty(`--t${i}`, tint);
    root.style.setProperty(`--b${i}`, toRgb(mix(parseColour(tint), ink, theme.dark ? 0.24 : 0.2)));
  });
  for (const name of ["paper", "panel", "ink", "muted", "hairline", "accent", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.style.setProperty("--good", theme.dark ? "#3CC79A" : "#00704F");
  root.style.setProperty("--edge", toRgb(mix(ink, parseColour(theme.paper), theme.dark ? 0.35 : 0.4)));
}

// The token that teaches most: a broken character, else one that is cut differently, else the first.
function interesting(state) {
  const column = state.columns[0];
  for (let i = 0; i < column.count; i++) if (column.kind[i] === KIND.FRAGMENT) return [0, i];
  const other = state.columns[1];
  if (other && state.rings.length) {
    const i = overlapping(column, state.rings[0][0], state.rings[0][1])[0];
    if (i !== undefined) return [0, i];
  }
  return [0, 0];
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tk" }));
  if (!root.isConnected) parentElement.append(root);
  colours(root, themeOf(parentElement));
  const payload = readPayload(data);
  if (!payload.header.columns.length) {
    root.replaceChildren(el("p", { class: "empty", text: "Type a sentence, or press an example." }));
    store.text = null;
    return watchWidth(parentElement, () => {});
  }
  const source = readText(payload.arrays.text);
  const view = payload.header.view || {};
  root.classList.toggle("rows", view.layout === "rows");
  const flat = payload.arrays.rings;
  const rings = [];
  for (let i = 0; i < flat.length; i += 2) rings.push([flat[i], flat[i + 1]]);
  const state = {
    source, rings, marked: [], active: null, pinned: null, narrow: false,
    characters: payload.header.characters, totalBytes: payload.header.total_bytes,
    blanks: view.blanks !== false, window: view.window || null,
  };
  state.columns = payload.header.columns.map((_, index) => readColumn(payload, index, source));
  state.card = el("section", { class: "card", "aria-label": "The token under the pointer", "aria-live": "polite" });
  const drawn = payload.header.drawn_characters;
  const partly = drawn < payload.header.characters
    ? el("p", { class: "partly", text: `Drawn to character ${drawn.toLocaleString("en-US")} of ${payload.header.characters.toLocaleString("en-US")}. Counted whole.` })
    : null;
  const sections = state.columns.map((column) => {
    const flow = el("div", { class: "flow", role: "listbox", "aria-label": `Tokens of ${column.title}`, "aria-orientation": "horizontal" });
    drawFlow(state, column, flow);
    column.stop = -1;
    if (column.count) {
      take(state, column.index, 0, false);
      listen(state, column, flow);
    }
    return el("section", { class: "column" },
      el("h2", {}, column.title, el("span", { class: "about", text: column.about })), flow, columnFacts(column, state.window));
  });
  root.replaceChildren(el("div", { class: `columns n${sections.length}` }, ...sections), ...[partly, state.card,
    legend(state.columns), strip(payload.header.strip)].filter(Boolean),
    ...state.columns.map((column) => speakable(state, column)));
  if (state.columns[0].count) {
    state.first = interesting(state);
    // The same text again (a changed theme, another tokenizer): the chosen token stays chosen where it still exists.
    if (store.text === source.text && store.state && store.state.pinned) {
      const [column, i] = store.state.pinned;
      if (state.columns[column] && i < state.columns[column].count) {
        take(state, column, i, false);
        pin(state, column, i);
      }
    }
    if (!state.pinned) rest(state);
  }
  store.text = source.text;
  store.state = state;
  if (!store.listening) {
    store.listening = (event) => event.detail && store.state && root.isConnected && lightSelection(store.state, event.detail);
    window.addEventListener("lg-selection", store.listening);
    // Whoever wants the picture itself (tokenizer_png.js) is given its root.
    store.giving = (event) => store.state && root.isConnected && event.detail.take(root);
    window.addEventListener("lg-picture", store.giving);
  }
  const stopWatching = watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 720);
    root.classList.toggle("middling", width < 1100);
    if (state.narrow !== width < 720) {
      state.narrow = width < 720;
      drawCard(state);
    }
  });
  return () => {
    stopWatching();
    window.removeEventListener("lg-selection", store.listening);
    window.removeEventListener("lg-picture", store.giving);
    store.listening = null;
  };
}
