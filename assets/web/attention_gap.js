// One word of the sentence is hidden. An encoder fills the gap from both sides, a decoder tells it from the left alone.
// Every word's guesses are here, so hiding another one needs no answer from the server.

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ text: null }));
  const { header, arrays } = readPayload(data);
  Object.assign(store, { header, arrays, theme: themeOf(parentElement) });
  const text = header.segments.join("");
  if (store.text !== text) {
    store.text = text;
    store.at = header.at;
  }
  store.tell = () => {
    clearTimeout(store.waiting);
    store.waiting = setTimeout(() => setStateValue("view", { word: store.at }), 500);
  };
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "ag" });
    parentElement.append(store.root);
    store.built = null;
  }
  const { root, theme } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  const paper = parseColour(theme.paper), key = parseColour(theme.categories[1]);
  root.style.setProperty("--key", theme.categories[1]);
  root.style.setProperty("--soft-key", toRgb(mix(paper, key, 0.16)));
  root.style.setProperty("--second", theme.warm);
  root.style.setProperty("--good", theme.categories[2]);
  root.style.setProperty("--hidden", toRgb(mix(paper, parseColour(theme.grey), 0.34)));
  const built = JSON.stringify([text, theme.dark]);
  // What the reader chose comes back with the same text: then the picture stands already.
  if (built !== store.built || !root.firstChild) agBuild(store);
  store.built = built;
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 860));
}

const agWord = (store, at) => store.header.segments[store.header.gap_of.indexOf(at)].trim();
const agShown = (piece) => visible(piece.replace(/^ (?=\S)/, "")) || "∅";

function agBuild(store) {
  const { header, arrays, root } = store;
  const mark = (m) => el("span", { class: `mark m${m}`, "aria-hidden": "true" });
  store.words = [];
  const sentence = el("div", { class: "sentence", role: "group", "aria-label": "The sentence; arrow keys move, Enter hides a word" }, header.segments.flatMap((segment, i) => {
    const at = header.gap_of[i];
    if (at < 0) return segment;
    const right = [0, 1].filter((m) => arrays[`right_${m}`][at]);
    const names = right.map((m) => header.titles[m]).join(" and ");
    const button = el("button", { type: "button", class: "word", "aria-label": `${segment.trim()}: guessed right by ${names || "neither"}`, on: { click: () => agTo(store, at) } },
      segment.trim(), el("span", { class: "marks" }, right.map(mark)));
    store.words.push(button);
    return [segment.slice(0, segment.length - segment.trimStart().length), button];
  }));
  moveByArrows(sentence, ".word");
  const count = header.tokens.length;
  const right = (m) => arrays[`right_${m}`].reduce((a, b) => a + b, 0);
  const score = el("div", { class: "score" }, el("span", { text: `Each of the ${count} words hidden once, guessed right:` }),
    [0, 1].map((m) => el("span", {}, mark(m), `${header.titles[m]} `, el("b", { text: `${right(m)} of ${count}` }))));
  store.sides = [0, 1].map((m) => {
    const sees = el("p", { class: "sees" }), bars = el("div", {}), truth = el("p", { class: "truth" });
    const node = el("section", {}, el("h4", { class: "title" }, mark(m), header.titles[m], m ? ", a decoder" : ", an encoder"),
      el("p", { class: "sub", text: m ? header.copy.left : header.copy.both }), sees, bars, truth);
    node.style.setProperty("--fill", m ? "var(--second)" : "var(--accent)");
    return { sees, bars, truth, node };
  });
  store.note = el("p", { class: "sub" });
  root.replaceChildren(el("p", { class: "ask", text: "Which word stood here? Click another word to hide it." }), sentence, score,
    el("div", { class: "two" }, store.sides.map((side) => side.node)), store.note, el("p", { class: "why", text: header.copy.why }));
  agShow(store);
}

function agTo(store, at) {
  store.at = at;
  agShow(store);
  store.tell();
}

function agShow(store) {
  const { header, at } = store;
  store.words.forEach((word, i) => {
    word.setAttribute("aria-pressed", i === at ? "true" : "false");
    word.tabIndex = i === at ? 0 : -1;
  });
  [0, 1].forEach((m) => agSide(store, m));
  const notes = [header.tokens[at] > 1 ? `This word has ${header.tokens[at]} tokens. ${header.copy.several}` : "", at === 0 && header.gap_of[0] === 0 ? header.copy.start : ""];
  store.note.textContent = notes.filter(Boolean).join(" ");
}

function agSide(store, m) {
  const { header, arrays, at } = store;
  const side = store.sides[m];
  const where = header.gap_of.indexOf(at);
  side.sees.replaceChildren(...header.segments.slice(0, where), el("span", { class: "gap", text: "?", "aria-label": "the gap" }),
    m === 0 ? header.segments.slice(where + 1).join("") : el("span", { class: "hidden", text: header.segments.slice(where + 1).join(""), "aria-hidden": "true" }));
  if (m === 1 && where < header.segments.length - 1) side.sees.append(el("span", { class: "sr-only", text: " and nothing after it" }));
  const top = header.tops[m][at];
  const share = (i) => arrays[`shares_${m}`][at * top.length + i];
  side.bars.replaceChildren(...top.map((piece, i) => el("div", { class: `bar${arrays[`first_${m}`][at * top.length + i] ? " true" : ""}` },
    el("span", { class: "name", text: agShown(piece) }), el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${share(i) * 100}%` } })), el("span", { class: "number", text: percent(share(i)) }))));
  const rank = arrays[`rank_${m}`][at];
  const several = header.tokens[at] > 1;
  side.truth.replaceChildren(...(several ? ["The first token of "] : []), el("span", { class: "token", text: agWord(store, at) }), rank === 1 ? " is its first choice, " : ` is its choice number ${rank.toLocaleString("en-US")}, `, percent(arrays[`chance_${m}`][at]), ".",
    ...(several ? [" It fills in ", el("span", { class: "token", text: agShown(header.fills[m][at]) }), arrays[`right_${m}`][at] ? ", all right." : "."] : []));
}
