// parts: sampling_label
// The panel "Compare settings": a column for each setting with its knobs, its text and what the text is like; and many
// draws of one or two settings as bars. The reader's edits are sent as lines, the server writes.

const CMP_LETTERS = "ABCDEFGH";

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ first: 0 }));
  const theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "cmp" });
    parentElement.append(store.root);
  }
  const { root } = store;
  paintRoot(root, theme);
  root.style.setProperty("--paper", theme.paper);
  Object.assign(store, { header, arrays, theme, tip: tip(parentElement), send: (lines) => setTriggerValue("lines", lines) });
  if (header.kind === "draws") cmpDraws(store);
  else {
    store.first = Math.min(store.first, header.settings.length - 1);
    cmpTexts(store);
  }
  return watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 620);
    root.classList.toggle("wide", width >= 820);
  });
}

const cmpColour = (store, place) => store.theme.categories[place % store.theme.categories.length];

// What has the focus keeps it when everything is built anew.
function cmpReplace(store, ...nodes) {
  const { root } = store;
  const held = root.getRootNode().activeElement;
  const key = held && root.contains(held) ? held.dataset.key : null;
  const scrolled = [...root.querySelectorAll(".text")].map((one) => one.scrollTop);
  root.replaceChildren(...nodes);
  if (key) root.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  root.querySelectorAll(".text").forEach((one, i) => (one.scrollTop = scrolled[i] || 0));
}

// -------------------------------------------------------------------------------------------------------------- texts

function cmpTexts(store) {
  const { header, root } = store;
  root.style.setProperty("--first", cmpColour(store, store.first));
  // Room for as many tokens as were asked for, so that nothing below moves while they come.
  root.style.setProperty("--room", `${Math.min(22, Math.max(4, Math.ceil(header.asked / 5.5) * 1.85))}rem`);
  let from = 0;
  store.columns = header.settings.map((setting, place) => {
    const column = { ...setting, place, from };
    from += setting.count;
    return column;
  });
  const written = store.columns.some((column) => column.count);
  const name = CMP_LETTERS[store.first];
  const legend = el("p", { class: "legend", hidden: !written },
    el("span", {}, "likely", el("i", { class: "scale", "aria-hidden": "true" }), "surprising to the model"),
    header.settings.length > 1 ? el("span", {}, el("i", { class: "line-key", "aria-hidden": "true" }), `still the same as ${name}`) : null,
    header.settings.length > 1 ? el("span", {}, el("b", { class: "parts", text: `not ${name}` }), `here it parts from ${name}`) : null);
  const most = cmpMost(store.columns);
  const cards = store.columns.map((column) => cmpCard(store, column, most));
  cmpReplace(store, legend, el("div", { class: "grid" }, cards), cmpAdd(store), cmpEach(store), cmpTable(store));
}

const CMP_FACTS = [
  ["distinct words", (m) => (m.words ? m.distinct_words / m.words : null), (m) => `${m.distinct_words} of ${m.words}`, "different words among all; upper and lower case count as one"],
  ["repeated threes", (m) => m.repeated_3, (m) => (m.repeated_3 === null ? "–" : percent(m.repeated_3)), "share of the runs of three tokens that stood in this text before"],
  ["repeated fours", (m) => m.repeated_4, (m) => (m.repeated_4 === null ? "–" : percent(m.repeated_4)), "share of the runs of four tokens that stood in this text before"],
  ["mean surprise", (m) => m.surprise, (m) => (m.surprise === null ? "–" : `${fmt(m.surprise)} nats`), "mean of -ln of the model's own probability, before any knob"],
  ["mean chance after the chain", (m) => m.probability, (m) => (m.probability === null ? "–" : percent(m.probability)), "mean probability of the written tokens once the knobs have acted"],
];
const CMP_ENDED = { end: "ended by itself", length: "as long as asked for", context: "context full", stopped: "stopped", writing: "writing" };

function cmpMost(columns) {
  const all = columns.map((column) => column.measured).filter(Boolean);
  return CMP_FACTS.map(([name, value]) => (name === "mean surprise" ? Math.max(1e-9, ...all.map((m) => value(m) || 0)) : 1));
}

function cmpCard(store, column, most) {
  const colour = cmpColour(store, column.place);
  const facts = el("dl", { class: "facts", "aria-hidden": "true" });
  if (column.measured) {
    CMP_FACTS.forEach(([name, value, say, why], i) => {
      const x = value(column.measured);
      facts.append(el("dt", { text: name, title: why }), el("dd", { text: say(column.measured) }),
        el("div", { class: "bar" }, el("i", { style: { width: `${100 * Math.min(1, (x || 0) / most[i])}%` } })));
    });
    facts.append(el("dt", { text: CMP_ENDED[column.measured.ended] || column.measured.ended }), el("dd", { text: `${column.measured.tokens} token${column.measured.tokens === 1 ? "" : "s"}` }));
  }
  return el("section", { class: "card", style: { "--own": colour }, "aria-label": `Setting ${CMP_LETTERS[column.place]}: ${column.title}` },
    cmpHead(store, column), cmpText(store, column), cmpWhere(store, column), facts);
}

function cmpLines(store) {
  return store.columns.map((column) => column.line);
}

function cmpPairs(column) {
  return column.spelled ? column.spelled.split(",").map((part) => part.split("=").map((one) => one.trim())) : [];
}

const cmpJoin = (pairs) => pairs.map(([name, value]) => `${name}=${value}`).join(",");

function cmpHead(store, column) {
  const { header } = store;
  const { place } = column;
  const letter = CMP_LETTERS[place];
  const put = (line) => store.send(cmpLines(store).map((one, i) => (i === place ? line : one)));
  const tool = (sign, label, go, off = false) => el("button", { type: "button", class: "tool", text: sign, "aria-label": label, title: label, disabled: off, "data-key": `${label} ${place}`, on: { click: go } });
  const full = header.settings.length >= CMP_LETTERS.length;
  const tools = el("span", { class: "tools" },
    tool("⧉", `Duplicate ${letter}`, () => store.send([...cmpLines(store).slice(0, place + 1), column.spelled, ...cmpLines(store).slice(place + 1)]), full),
    tool("×", `Remove ${letter}`, () => store.send(cmpLines(store).filter((_, i) => i !== place)), header.settings.length < 2));
  const pairs = cmpPairs(column);
  const chips = pairs.map(([name, value], i) => {
    const about = header.knobs.find((knob) => knob.name === name);
    const input = el("input", { value: value ?? "", class: /[a-z+/:]/i.test(value || "") && !/^-?[\d.]+(e-?\d+)?$/i.test(value) ? "wide" : null, "aria-label": `${name} of ${letter}`, "data-key": `${name} ${place}`, inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
    input.onchange = () => put(cmpJoin(pairs.map((pair, j) => (j === i ? [name, input.value.replace(/[,=|]/g, "").trim()] : pair))));
    input.onkeydown = (event) => cmpNudge(event, input, about);
    return el("span", { class: "knob", title: about ? about.plain : null }, el("span", { text: name }), input,
      el("button", { type: "button", text: "×", "aria-label": `Take ${name} off ${letter}`, "data-key": `off ${name} ${place}`, on: { click: () => put(cmpJoin(pairs.filter((_, j) => j !== i))) } }));
  });
  const more = el("select", { "aria-label": `Add a knob to ${letter}`, "data-key": `more ${place}` },
    el("option", { value: "", text: "+ knob" }),
    header.knobs.filter((knob) => !pairs.some(([name]) => name === knob.name)).map((knob) => el("option", { value: knob.name, text: knob.plain ? `${knob.name}: ${knob.plain}` : knob.name })));
  more.onchange = () => {
    const knob = header.knobs.find((one) => one.name === more.value);
    if (knob) put(cmpJoin([...pairs, [knob.name, cmpUsual(knob, header)]]));
  };
  return el("div", { class: "head" },
    el("div", { class: "name" }, el("span", { class: "letter", text: letter }), el("b", { text: column.title }), tools),
    el("div", { class: "knobs" }, chips, more),
    column.trouble ? el("p", { class: "trouble", role: "alert", text: column.trouble }) : null);
}

// Where a knob begins when it is added: where it is usual, or what its kind of value looks like.
function cmpUsual(knob, header) {
  const kinds = { do_sample: "no", remove_invalid_values: "yes", renormalize_logits: "yes", watermark: "greenlist", sequence_bias: "5:2", exponential_decay_length_penalty: "5+1.1", seed: String((header.seed ?? 1) + 1), mirostat: "2" };
  if (kinds[knob.name]) return kinds[knob.name];
  return knob.usual === null ? "5" : String(knob.usual);
}

// Up and down move a number by the knob's own step.
function cmpNudge(event, input, about) {
  const turn = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  const now = Number(input.value);
  if (!turn || !about || about.step == null || input.value.trim() === "" || Number.isNaN(now)) return;
  event.preventDefault();
  const to = Math.min(about.high ?? Infinity, Math.max(about.low ?? -Infinity, now + turn * about.step));
  input.value = String(Number(to.toFixed(6)));
  clearTimeout(input.waiting);
  input.waiting = setTimeout(() => input.isConnected && input.onchange(), 500);
}

function cmpText(store, column) {
  const { header, arrays } = store;
  if (!column.count) return el("p", { class: "text none", text: column.trouble || header.waiting || column.place ? "" : header.empty });
  const part = column.place === store.first ? null : header.partings[column.place][store.first];
  const compared = column.place !== store.first && header.settings[store.first].count > 0;
  const nodes = [];
  for (let i = 0; i < column.count; i++) {
    const at = column.from + i;
    const token = header.tokens[arrays.ids[at]];
    const surprise = arrays.surprises[at];
    if (compared && part === i) nodes.push(el("span", { class: "parts", text: `not ${CMP_LETTERS[store.first]}` }));
    const alike = compared && (part === null ? i < header.settings[store.first].count : i < part);
    const chip = el("span", { class: `token k${token.k}${alike ? " alike" : ""}`, style: { "--share": Math.min(1, surprise / 10).toFixed(3) },
      text: token.k === 2 ? `⟨${token.t}⟩` : token.k === 1 ? token.t : token.t.replace(/\n/g, "↵\n") });
    chip.dataset.step = i;
    chip.dataset.key = `token ${column.place} ${i}`;
    chip.setAttribute("role", "listitem");
    chip.setAttribute("aria-label", `${spoken(token)}, surprise ${fmt(surprise)} nats`);
    nodes.push(chip);
  }
  const text = el("p", { class: "text", role: "list", "aria-label": `Text of ${CMP_LETTERS[column.place]}, token by token; arrow keys move` }, nodes);
  const point = (chip) => {
    if (chip.dataset?.step === undefined) return;
    const box = chip.getBoundingClientRect();
    cmpPoint(store, column, Number(chip.dataset.step), box.left, box.bottom - 8);
  };
  text.onpointerover = (event) => point(event.target);
  text.onpointerleave = () => cmpPoint(store, null);
  text.addEventListener("focusin", (event) => point(event.target));
  text.addEventListener("focusout", () => cmpPoint(store, null));
  moveByArrows(text, ".token");
  return text;
}

// The same step in every column is outlined, so that one sees who wrote what there.
function cmpPoint(store, column, step, x, y) {
  store.root.querySelectorAll(".same-place").forEach((chip) => chip.classList.remove("same-place"));
  store.tip.hide();
  if (!column) return;
  const { header, arrays } = store;
  store.root.querySelectorAll(`.token[data-step="${step}"]`).forEach((chip) => chip.classList.add("same-place"));
  const at = column.from + step;
  const token = header.tokens[arrays.ids[at]];
  store.tip.show(x, y, el("div", {}, el("div", {}, el("b", {}, tokenLabel(token)), ` new token ${step + 1}`),
    el("div", { text: `the model gave it ${percent(arrays.chances[2 * at])}` }),
    el("div", { text: `after the chain ${percent(arrays.chances[2 * at + 1])}` }),
    el("div", { text: `surprise ${fmt(arrays.surprises[at])} nats` })));
}

function cmpWhere(store, column) {
  const { header, first } = store;
  const name = CMP_LETTERS[first];
  const line = el("p", { class: "where" });
  if (!column.count) return line;
  if (column.place === first) {
    if (header.settings.length > 1) line.append("the others are compared with this one");
    return line;
  }
  if (header.settings[first].count) {
    const part = header.partings[column.place][first];
    line.append(...(part === null ? [header.waiting ? `the same as ${name} so far` : `the same text as ${name}`]
      : part === 0 ? [`parts from ${name} at the `, el("b", { text: "first token" })] : [`${part} like ${name}, parts at token `, el("b", { text: String(part + 1) })]), " · ");
  }
  line.append(cmpLink(`compare with ${CMP_LETTERS[column.place]}`, `compare ${column.place}`, () => {
    store.first = column.place;
    cmpTexts(store);
  }));
  return line;
}

function cmpLink(text, key, go) {
  return el("button", { type: "button", class: "tool", text, "data-key": key, style: { "font-size": "0.85rem", padding: "0" }, on: { click: go } });
}

function cmpAdd(store) {
  const { header } = store;
  if (header.settings.length >= CMP_LETTERS.length) return el("p", { class: "add", text: "Eight settings are as many as fit." });
  const select = el("select", { "aria-label": "Add a setting", "data-key": "add" }, el("option", { value: "", text: "+ add a setting" }),
    header.presets.map((preset, i) => el("option", { value: String(i), text: `${preset.title}: ${preset.says}` })));
  select.onchange = () => {
    if (select.value !== "") store.send([...cmpLines(store), header.presets[Number(select.value)].line]);
  };
  return el("p", { class: "add" }, select, `${header.settings.length} of ${CMP_LETTERS.length}`);
}

function cmpEach(store) {
  const { header } = store;
  const shown = header.settings.map((setting, i) => i).filter((i) => header.settings[i].count);
  if (shown.length < 3) return el("span");
  const cell = (i, j) => {
    if (i === j) return "";
    const part = header.partings[i][j];
    return part === null ? "never" : String(part + 1);
  };
  const open = el("details", { open: store.open }, el("summary", { text: "Where each parts from each", "data-key": "each" }),
    el("div", { class: "scroll" }, el("table", { class: "each" }, el("caption", { class: "sr-only", text: "The first new token that differs, for each two settings" }),
      el("thead", {}, el("tr", {}, el("td"), shown.map((j) => el("th", { scope: "col", text: CMP_LETTERS[j] })))),
      el("tbody", {}, shown.map((i) => el("tr", {}, el("th", { scope: "row", text: CMP_LETTERS[i] }), shown.map((j) => el("td", { text: cell(i, j) }))))))),
    el("p", { class: "quiet", text: "The number of the first new token that differs." }));
  open.ontoggle = () => (store.open = open.open);
  return open;
}

// The same facts for a screen reader.
function cmpTable(store) {
  const { header } = store;
  const rows = store.columns.filter((column) => column.measured).map((column) => {
    const part = column.place === store.first ? null : header.partings[column.place][store.first];
    return el("tr", {}, el("th", { scope: "row", text: `${CMP_LETTERS[column.place]}: ${column.title}` }), CMP_FACTS.map(([, , say]) => el("td", { text: say(column.measured) })),
      el("td", { text: String(column.measured.tokens) }), el("td", { text: CMP_ENDED[column.measured.ended] }), el("td", { text: part === null ? "–" : String(part + 1) }));
  });
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: "What each text is like" }),
    el("thead", {}, el("tr", {}, ["setting", ...CMP_FACTS.map(([name]) => name), "tokens", "ended", `parts from ${CMP_LETTERS[store.first]} at token`].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, rows)));
}

// -------------------------------------------------------------------------------------------------------------- draws

function cmpDraws(store) {
  const { header } = store;
  const any = header.sides.some((side) => side.draws);
  if (!any) return cmpReplace(store, el("p", { class: "quiet", text: header.empty }));
  const most = Math.max(...header.sides.flatMap((side) => side.outcomes.flatMap((one) => [one.count / side.draws, one.p || 0])));
  const legend = el("p", { class: "legend", "aria-hidden": "true" }, el("span", {}, el("i", { class: "key now" }), "share of the draws"), el("span", {}, el("i", { class: "key gave" }), "its exact chance"));
  cmpReplace(store, legend, el("div", { class: `sides${header.sides.length > 1 ? " two" : ""}` }, header.sides.map((side) => cmpSide(store, side, most))));
}

function cmpSide(store, side, most) {
  const { header } = store;
  if (!side.draws) return el("section", { class: "side" }, el("h4", { text: side.title }), el("p", { class: "quiet", text: "drawing …" }));
  const open = Math.exp(side.entropy);
  const says = el("p", { class: "says" },
    `${side.different} different text${side.different === 1 ? "" : "s"} in ${side.draws} draws. Entropy ${fmt(side.entropy)} nats of at most ${fmt(Math.log(side.draws))}: as open as ${fmt(open)} equally likely texts. `,
    side.covered === null ? "XTC throws a coin of its own, so exact chances are not shown." : `All texts seen hold ${percent(side.covered)} of the probability.`);
  const rows = side.outcomes.map((one) => {
    const share = one.count / side.draws;
    const row = el("div", { class: "outcome" },
      el("span", { class: "said" }, one.text.map((token) => tokenLabel(token))),
      el("span", { class: "track" }, el("i", { class: "solid", style: { width: `${(100 * share) / most}%` } }),
        one.p === null ? null : el("i", { class: "exact", style: { width: `${(100 * one.p) / most}%` } })),
      el("span", { class: "count" }, el("b", { text: `${one.count} of ${side.draws}` }), one.p === null ? null : el("span", { class: "quiet more", text: ` ${short(one.p)} exact` })));
    row.dataset.text = one.key;
    row.title = one.text.map((token) => token.t).join("");
    row.onpointerenter = () => store.root.querySelectorAll(".outcome").forEach((other) => other.classList.toggle("lit", other.dataset.text === one.key));
    row.onpointerleave = () => store.root.querySelectorAll(".lit").forEach((other) => other.classList.remove("lit"));
    return row;
  });
  if (side.rest.different) {
    rows.push(el("div", { class: "outcome rest" }, el("span", { class: "said", text: `${side.rest.different} more texts` }),
      el("span", { class: `track${side.rest.count / side.draws > most ? " torn" : ""}` }, el("i", { class: "solid", style: { width: `${Math.min(100, (100 * side.rest.count) / side.draws / most)}%` } })),
      el("span", { class: "count" }, el("b", { text: `${side.rest.count} of ${side.draws}` }))));
  }
  const table = el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `Outcomes of ${side.draws} draws, ${side.title}` }),
    el("thead", {}, el("tr", {}, ["text", "draws", "exact chance"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, side.outcomes.map((one) => el("tr", {}, el("th", { scope: "row", text: one.text.map((token) => token.t).join("") }), el("td", { text: String(one.count) }), el("td", { text: one.p === null ? "not known" : percent(one.p) }))))));
  return el("section", { class: "side" }, el("h4", { text: side.title }), says, el("div", { "aria-hidden": "true" }, rows), table);
}
