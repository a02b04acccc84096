// What the same sentences cost in every language. One tokenizer in front as bars, the others as rings on the same line.
// Header: languages, sentences, tokenizers. Arrays: tokens and lost [tokenizer, language, sentence], bytes [language, sentence].

const SORTS = { cost: "cost, dearest first", language: "language, A to Z", script: "script", bytes: "bytes, most first" };

// Sums over the sentences that are looked at (all of them, or one).
function sums(payload, sentence) {
  const { header, arrays } = payload;
  const languages = header.languages.length;
  const each = header.sentences.length;
  const add = (array, row) => {
    if (sentence >= 0) return array[row * each + sentence];
    let total = 0;
    for (let i = 0; i < each; i++) total += array[row * each + i];
    return total;
  };
  const english = header.languages.findIndex((language) => language.tag === "en");
  return {
    english,
    bytes: header.languages.map((_, l) => add(arrays.bytes, l)),
    tokens: header.tokenizers.map((_, t) => header.languages.map((__, l) => add(arrays.tokens, t * languages + l))),
    lost: header.tokenizers.map((_, t) => header.languages.map((__, l) => add(arrays.lost, t * languages + l))),
  };
}

function sorted(header, found, front, by, down) {
  const order = header.languages.map((_, l) => l);
  const name = (l) => header.languages[l].name;
  const compare = {
    cost: (a, b) => found.tokens[front][b] - found.tokens[front][a],
    language: (a, b) => name(a).localeCompare(name(b), "en"),
    script: (a, b) => header.languages[a].script.localeCompare(header.languages[b].script, "en"),
    bytes: (a, b) => found.bytes[b] - found.bytes[a],
  }[by];
  order.sort((a, b) => (down ? 1 : -1) * compare(a, b) || name(a).localeCompare(name(b), "en"));
  return order;
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ front: null, sentence: -1, by: "cost", down: true, price: "", window: "" }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tl" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "warm"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--bar", theme.dark ? "#3E6E9C" : "#9DBEE3");
  const payload = readPayload(data);
  const { header } = payload;

  function field(label, input) {
    return el("label", {}, label, input);
  }

  function typed(name, label, hint) {
    return field(label, el("input", { type: "number", min: "0", step: "any", value: store[name], placeholder: hint, "data-field": name,
      on: { input: (event) => {
        store[name] = event.target.value;
        rows();
      } } }));
  }

  function chosen(name, label, options, pick, extra = {}) {
    const box = el("select", { "data-field": name, on: { change: (event) => pick(event.target.value) } },
      ...options.map(([value, text]) => el("option", { value: String(value), text, selected: String(value) === String(store[name]) })));
    const whole = field(label, box);
    for (const [key, value] of Object.entries(extra)) whole.setAttribute(key, value);
    return whole;
  }

  function draw() {
    store.at = Math.max(0, header.tokenizers.findIndex((one) => one.id === store.front));
    const names = el("div", { class: "names", role: "group", "aria-label": "Tokenizer in front" }, ...header.tokenizers.map((one, at) =>
      el("button", { type: "button", "aria-pressed": String(at === store.at), text: one.title, on: { click: () => {
        store.front = one.id;
        draw();
        root.querySelectorAll(".names button")[at].focus();
      } } })));
    const controls = el("div", { class: "controls" },
      chosen("sentence", "Sentence", [[-1, `all ${header.sentences.length} together`], ...header.sentences.map((one, i) => [i, one.kind])],
        (value) => {
          store.sentence = Number(value);
          rows();
        }),
      chosen("by", "Order", Object.entries(SORTS), (value) => {
        store.by = value;
        store.down = true;
        rows();
      }, { class: "sorter" }),
      typed("price", "Price of a million tokens", "your number"),
      typed("window", "Context window, tokens", "such as 8192"));
    store.quote = el("p", { class: "quote" });
    store.table = el("table", {});
    root.replaceChildren(names, controls, store.quote, store.table);
    rows();
  }

  function head(by, text, cls = "") {
    const now = store.by === by;
    return el("th", { scope: "col", class: cls, "aria-sort": now ? (store.down === (by === "cost" || by === "bytes") ? "descending" : "ascending") : "none" },
      el("button", { type: "button", text: `${text}${now ? (store.down === (by === "cost" || by === "bytes") ? " ↓" : " ↑") : ""}`, on: { click: () => {
        store.down = now ? !store.down : true;
        store.by = by;
        rows();
        root.querySelector(`thead th[aria-sort="descending"] button, thead th[aria-sort="ascending"] button`).focus();
      } } }));
  }

  function rows() {
    const found = sums(payload, store.sentence);
    const front = store.at;
    const base = found.tokens.map((one) => one[found.english]);
    const ratio = (t, l) => found.tokens[t][l] / base[t];
    const most = Math.max(...found.tokens.flatMap((_, t) => header.languages.map((__, l) => ratio(t, l))));
    const price = Number(store.price) > 0 ? Number(store.price) : 0;
    const room = Number(store.window) > 0 ? Number(store.window) : 0;
    const english = store.sentence < 0 ? "" : header.sentences[store.sentence].text;
    store.quote.textContent = english ? `In English: ${english}` : "";
    store.quote.hidden = !english;
    const body = el("tbody");
    for (const l of sorted(header, found, front, store.by, store.down)) {
      const language = header.languages[l];
      const at = (value) => `${(100 * value) / most}%`;
      const line = el("div", { class: "line", "aria-hidden": "true" },
        el("i", { class: "bar", style: { width: at(ratio(front, l)) } }), el("i", { class: "one", style: { left: at(1) } }),
        // A count that comes with lost characters says little, so it is not set beside the others.
        ...header.tokenizers.map((one, t) => (t === front || found.lost[t][l] ? null
          : el("i", { class: "ring", title: `${one.title}: ${fmt(ratio(t, l))} times English`, style: { left: at(ratio(t, l)) } }))));
      const lost = found.lost[front][l];
      body.append(el("tr", { class: language.tag === "en" ? "english" : "" },
        el("th", { scope: "row" }, language.name, language.tag === "en" ? null : el("span", { class: "own", lang: language.tag, dir: "auto", text: language.own }),
          lost ? el("div", { class: "lost", text: `${lost.toLocaleString("en-US")} characters unknown` }) : null),
        el("td", { class: "wide", text: language.script }),
        el("td", { class: "n", "data-says": " tokens", text: found.tokens[front][l].toLocaleString("en-US") }),
        el("td", { class: "n", text: `× ${fmt(ratio(front, l))}` }),
        el("td", { class: "chart" }, line),
        el("td", { class: "n wide", text: found.bytes[l].toLocaleString("en-US") }),
        price ? el("td", { class: "n", "data-says": " price", text: fmt(price * ratio(front, l)) }) : null,
        room ? el("td", { class: "n", "data-says": " as English", text: fmt(room / ratio(front, l)) }) : null));
    }
    store.table.replaceChildren(
      el("caption", { class: "sr-only", text: `Tokens of ${header.tokenizers[front].title} for the same sentences, by language` }),
      el("colgroup", {}, el("col", { class: "language" }), el("col", { class: "small wide" }), el("col", { class: "small" }), el("col", { class: "small" }),
        el("col", {}), el("col", { class: "small wide" }), price ? el("col", { class: "number" }) : null, room ? el("col", { class: "number" }) : null),
      el("thead", {}, el("tr", {}, head("language", "language"), head("script", "script", "wide"), head("cost", "tokens", "n"),
        el("th", { scope: "col", class: "n", text: "over English" }), el("th", { scope: "col", class: "chart", text: "bar: in front; rings: the others; line: English" }),
        head("bytes", "bytes", "n wide"),
        price ? el("th", { scope: "col", class: "n", text: "what English has for that price" }) : null,
        room ? el("th", { scope: "col", class: "n", text: "window, in English tokens" }) : null)),
      body);
  }

  draw();
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 700));
}
