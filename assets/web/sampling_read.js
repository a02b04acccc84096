// A given text as a model read it: every token coloured by surprise, probability or rank, numbers above, and beside it a
// card on the token under the pointer or the focus: what the model expected there, and how much of the text it saw.

const RT_BANDS = ["1 to 10", "11 to 100", "101 to 1,000", "beyond"];
const RT_BITS = Math.LN2;

const rtBand = (rank) => (rank <= 10 ? 0 : rank <= 100 ? 1 : rank <= 1000 ? 2 : 3);
const rtShown = ([text, kind]) => (kind === 2 ? `⟨${text}⟩` : visible(text));
const rtSpoken = ([text, kind]) => (kind === 2 ? `bytes ${text}` : text.trim() || `white space ${visible(text)}`);
const rtChance = (nats) => {
  const n = Math.exp(nats);
  return n < 20 ? percent(1 / n) : `1 in ${Number(n.toPrecision(3)).toLocaleString("en-US")}`;
};

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({}));
  const theme = themeOf(parentElement);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "rt" });
    parentElement.append(store.root);
  }
  const { root } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--surprise", theme.categories[3]);
  [2, 1, 5, 3].forEach((category, i) => root.style.setProperty(`--band${i}`, theme.categories[category]));
  root.classList.toggle("dark", theme.dark);
  const readings = header.readings.map((reading, at) => ({
    ...reading, at, ids: arrays[`ids${at}`], surprise: arrays[`surprise${at}`], rank: arrays[`rank${at}`],
    expected: arrays[`expected${at}`], chance: arrays[`chance${at}`], from: arrays[`from${at}`],
  }));
  Object.assign(store, { header, theme, readings });
  store.card = el("aside", { class: "card" });
  const flows = readings.filter((one) => header.mode !== "window" || one.at === 0).map((one) => rtFlow(store, one));
  root.replaceChildren(
    rtNumbers(store),
    el("div", { class: "two" },
      el("div", { class: "main" }, header.pieces ? rtDifference(store) : null, flows),
      store.card));
  readings.forEach((one) => {
    // Without a pointer: where the model had to let go of a part, the last token and what it saw; else the greatest surprise.
    const most = one.surprise.reduce((best, s, i) => (s > one.surprise[best] || Number.isNaN(one.surprise[best]) ? i : best), 0);
    one.rest = one.sliding ? one.last : most;
  });
  rtTell(store, readings[0], readings[0].rest, false);
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 820));
}

// ------------------------------------------------------------------------------------------------------------ numbers

function rtNumbers(store) {
  const { header, readings } = store;
  const several = readings.length > 1;
  const cell = (value, unit, cls = "") => el("td", { class: cls }, el("b", { text: value }), unit ? el("span", { class: "unit", text: ` ${unit}` }) : null);
  const rows = readings.map((one) => el("tr", {},
    el("th", { scope: "row", text: several ? one.title : one.model }),
    cell(fmt(one.perplexity), "", "big"),
    cell(fmt(one.bits_per_byte), "", "big"),
    cell(fmt(one.nats / one.count), `nats, ${fmt(one.nats / one.count / RT_BITS)} bits`),
    cell(one.count.toLocaleString("en-US"), ""),
    el("td", { class: "bands" }, rtBands(one))));
  const table = el("table", { class: "numbers" },
    el("caption", { class: "sr-only", text: "What each reading comes to" }),
    el("thead", {}, el("tr", {}, ["read by", "perplexity", "bits per byte", "mean surprise", "tokens scored", "rank of the token that came"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, rows));
  const one = readings[0];
  const mean = one.nats / one.count;
  const notes = [el("p", { class: "formula" }, "perplexity = ", el("i", { text: "e" }), el("sup", { text: "surprise / tokens" }), " = ",
    el("i", { text: "e" }), el("sup", { text: `${fmt(one.nats)} / ${one.count}` }), " = ", el("i", { text: "e" }), el("sup", { text: fmt(mean) }), " = ", el("b", { text: fmt(one.perplexity) }),
    ": on average as lost as among so many equally likely tokens. Bits per byte divide by the text's length and not by the number of tokens, so models with other tokenizers can be compared.")];
  const told = [one.begins === null ? "The first token is left out: nothing stands before it." : `The first token is scored behind ${one.begins}.`];
  if (one.sliding) told.push(`The text is longer than the window of ${one.window.toLocaleString("en-US")} tokens. It was read in windows that move on by half their length, so each token has at least ${Math.ceil(one.window / 2).toLocaleString("en-US")} tokens before it, but for the beginning.`);
  else told.push(`It fits into the ${one.context.toLocaleString("en-US")} tokens that ${one.model} reads at once, so each token was read with all that stands before it.`);
  if (header.same_bytes) {
    const { bytes, bits } = header.same_bytes;
    told.push(`Over the ${bytes.toLocaleString("en-US")} bytes that both have scored: ${readings[0].title} ${fmt(bits[0])}, ${readings[1].title} ${fmt(bits[1])} bits per byte.`);
  }
  notes.push(el("p", { class: "quiet", text: told.join(" ") }));
  return el("section", { class: "sums" }, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Numbers of the reading" }, table), notes);
}

function rtBands(one) {
  const all = one.bands.reduce((a, b) => a + b, 0) || 1;
  return el("span", { class: "bandbar", role: "img", "aria-label": one.bands.map((n, i) => `rank ${RT_BANDS[i]}: ${n}`).join(", ") },
    one.bands.map((n, i) => (n ? el("i", { class: `band${i}`, style: { flex: `${n / all} 1 0` }, text: n / all > 0.07 ? n : "" }) : null)));
}

// --------------------------------------------------------------------------------------------------------------- text

function rtFlow(store, one) {
  const { header } = store;
  const by = header.colour;
  const chips = [];
  const flow = el("div", { class: "flow", role: "group", "aria-label": `The text as ${one.model} read it, token by token` });
  [...one.ids].forEach((id, i) => {
    const label = one.labels[id];
    const s = one.surprise[i];
    const known = !Number.isNaN(s);
    const [text, kind] = label;
    const breaks = kind !== 2 && text.includes("\n");
    const share = !known ? 0 : by === "surprise" ? Math.min(1, s / 10) : Math.exp(-s);
    const chip = el("span", {
      class: `token k${kind}${known ? "" : " unscored"}${by === "rank" && known ? ` ranked band${rtBand(one.rank[i])}` : ` ${by}`}`,
      tabindex: i === one.last ? 0 : -1, role: "img",
      "aria-label": known ? `${rtSpoken(label)}: surprise ${fmt(s)} nats, rank ${one.rank[i]}` : `${rtSpoken(label)}: not scored`,
      style: { "--share": share.toFixed(3) },
      text: breaks ? text.replace(/ /g, "\u00a0").replace(/\n/g, "↵") : kind === 2 ? `⟨${text}⟩` : text.trim() ? text : visible(text),
    });
    chip.dataset.at = i;
    chips.push(chip);
    flow.append(chip);
    if (breaks) flow.append(el("br"));
  });
  one.chips = chips;
  const over = (event) => {
    const chip = event.target.closest(".token");
    if (chip) rtTell(store, one, Number(chip.dataset.at), true);
  };
  flow.onmouseover = over;
  flow.addEventListener("focusin", over);
  flow.onmouseleave = () => rtTell(store, one, one.rest, false);
  moveByArrows(flow, ".token");
  const title = header.mode === "texts" || header.mode === "models" ? el("h4", { text: header.mode === "texts" ? one.title[0].toUpperCase() + one.title.slice(1) : `As ${one.model} read it` })
    : header.mode === "window" ? el("h4", { text: `Read ${one.window} tokens at a time` }) : null;
  const hidden = one.sliding ? one.from[one.last] : 0;
  const gone = hidden ? el("p", { class: "quiet gone" }, el("span", { class: "dotted", text: "Dotted" }), `: the first ${hidden.toLocaleString("en-US")} tokens, which the model no longer saw when it read the last one. Point at a token to see how far back its own view went.`) : null;
  one.flow = flow;
  return el("section", { class: "reading" }, title, one.at === 0 ? rtLegend(by) : null, gone, flow, header.state ? el("p", { class: "quiet", text: header.state === "growing" ? "The rest is being read." : "The rest was not read." }) : null);
}

function rtLegend(by) {
  if (by === "rank") return el("p", { class: "legend" }, "rank ", RT_BANDS.map((text, i) => el("span", {}, el("i", { class: `ranked band${i}`, text: "a" }), text)));
  const ends = by === "surprise" ? ["expected", "surprising"] : ["unlikely", "likely"];
  return el("p", { class: "legend" }, el("span", {}, ends[0], el("i", { class: `ramp ${by}` }), ends[1]));
}

// What the model could not see when it read token i turns grey, with a line where its view begins.
function rtUnseen(one, i) {
  if (!one.chips) return;
  const from = one.from[i];
  one.chips.forEach((chip, at) => {
    chip.classList.toggle("unseen", at < from);
    chip.classList.toggle("edge", from > 0 && at === from);
  });
}

function rtTell(store, one, i, pointed) {
  if (one.marked !== one.from[i] || pointed !== one.pointed) {
    rtUnseen(one, i);
    Object.assign(one, { marked: one.from[i], pointed });
  }
  one.flow.classList.toggle("resting", !pointed);
  one.chips.forEach((chip) => chip.classList.remove("at"));
  one.chips[i].classList.add("at");
  const label = one.labels[one.ids[i]];
  const s = one.surprise[i];
  const name = el("span", { class: `name k${label[1]}`, text: rtShown(label) });
  if (Number.isNaN(s)) {
    store.card.replaceChildren(el("h4", {}, name), el("p", { text: store.header.state && i ? "Not read yet." : "The first token. Nothing stands before it, so nothing could announce it." }));
    return;
  }
  const k = one.expected.shape[1];
  const p = Math.exp(-s);
  const rows = [];
  for (let j = 0; j < k; j += 1) {
    const id = one.expected[i * k + j];
    if (id >= 0) rows.push({ id, p: one.chance[i * k + j], rank: j + 1 });
  }
  if (!rows.some((row) => row.id === one.ids[i])) rows.push({ id: one.ids[i], p, rank: one.rank[i], apart: true });
  const most = Math.max(...rows.map((row) => row.p)) || 1;
  const seen = i - one.from[i];
  const behind = one.begins !== null && one.from[i] === 0 ? `${one.begins} and ` : "";
  store.card.replaceChildren(
    el("h4", {}, name, el("span", { class: "quiet", text: ` token ${i + 1}` })),
    el("p", { class: "facts" }, el("b", { text: fmt(s) }), ` nats of surprise (${fmt(s / RT_BITS)} bits), a chance of `, el("b", { text: rtChance(s) }), ", rank ", el("b", { text: one.rank[i].toLocaleString("en-US") }), "."),
    el("p", { class: "quiet", text: one.rank[i] === 1 ? "Just what the model expected:" : "What the model expected instead:" }),
    el("div", { class: "expected" }, rows.map((row) => el("div", { class: `row${row.id === one.ids[i] ? " own" : ""}${row.apart ? " apart" : ""}` },
      el("span", { class: "rank", text: `${row.rank.toLocaleString("en-US")}.` }),
      el("span", { class: `word k${one.labels[row.id][1]}`, text: rtShown(one.labels[row.id]) }),
      el("span", { class: "track" }, el("i", { style: { width: `${Math.max(0.5, (100 * row.p) / most)}%` } })),
      el("span", { class: "p", text: percent(row.p).replace("under ", "< ") })))),
    el("p", { class: "quiet", text: one.from[i] > 0
      ? `It saw ${seen} tokens before this one. The ${one.from[i].toLocaleString("en-US")} in front of them it no longer saw.`
      : `It saw ${behind}all ${seen} token${seen === 1 ? "" : "s"} before this one.` }));
}

// --------------------------------------------------------------------------------------------------------- difference

function rtDifference(store) {
  const { header, theme, readings } = store;
  const [a, b] = header.mode === "window" ? [`${readings[0].window} tokens`, "all of it"] : readings.map((one) => one.title);
  const flow = el("div", { class: "flow", role: "group", "aria-label": "Where the two readings differ" });
  header.pieces.forEach(([text, bits, other], i) => {
    const d = bits - other;
    const shown = text.trim() ? text.replace(/\n/g, "↵") : visible(text);
    const piece = el("span", { class: "token piece", tabindex: i ? -1 : 0, role: "img", text: shown,
      "aria-label": `${text.trim() || "white space"}: ${fmt(bits)} bits against ${fmt(other)}`,
      style: { background: Math.abs(d) < 0.3 ? "transparent" : toRgb(mix(parseColour(theme.paper), parseColour(theme.diverging(Math.sign(d))), Math.min(0.62, Math.abs(d) / 12))) } });
    const say = (event) => {
      const box = piece.getBoundingClientRect();
      tip(store.root.parentNode).show(event.clientX ?? box.left, event.clientY ?? box.bottom, `${visible(text)}: ${fmt(bits)} bits with ${a}, ${fmt(other)} with ${b}`);
    };
    piece.onmousemove = say;
    piece.onfocus = say;
    piece.onmouseleave = piece.onblur = () => tip(store.root.parentNode).hide();
    flow.append(piece);
    if (text.includes("\n")) flow.append(el("br"));
  });
  moveByArrows(flow, ".piece");
  const list = (title, words, sign) => el("div", { class: "words" }, el("h5", { text: title }),
    words.length ? words.map(([text, bits, other]) => el("div", { class: "word-row" }, el("span", { class: "word", text: visible(text) }),
      el("span", { class: sign > 0 ? "more" : "less", text: `${fmt(bits)} against ${fmt(other)} bits` }))) : el("p", { class: "quiet", text: "No piece by a bit or more." }));
  const heads = header.mode === "window" ? ["Cutting the context costs most here", "Here it even helps"] : [`Surprise ${a}, not ${b}`, `Surprise ${b}, not ${a}`];
  return el("section", { class: "difference" },
    el("h4", { text: header.mode === "window" ? "What the cut context costs" : "Where they differ" }),
    el("p", { class: "legend" }, el("span", {}, `more surprise with ${b}`, el("i", { class: "ramp both", style: { "--less": theme.diverging(-0.62), "--more": theme.diverging(0.62) } }), `more with ${a}`)),
    flow,
    el("div", { class: "lists" }, list(heads[0], header.more, 1), list(heads[1], header.less, -1)));
}
