// An answer of another engine: its tokens, at each the list of the likeliest with everything unseen as one bar, the
// page's chain replayed on that list with bounds where it is not exact, and the page's own model beside.

const EN_KINDS = { FRAGMENT: 2, NONE: 3 };
const enShown = (token) => (token.k === EN_KINDS.FRAGMENT ? `⟨${token.t}⟩` : visible(token.t));
const enSpoken = (token) => (token.k === EN_KINDS.FRAGMENT ? `bytes ${token.t}` : token.t.trim() || `white space ${visible(token.t)}`);
const enNumber = (x) => String(Number(x.toPrecision(3)));
const enCount = (n) => n.toLocaleString("en-US");
const enTime = (s) => (s < 0.9995 ? `${Math.max(1, Math.round(1000 * s))} ms` : `${enNumber(s)} s`);
const enRange = (low, high) => {
  const one = percent(low);
  const other = percent(high);
  return one === other ? one : `${one.replace(" %", "")} to ${other}`;
};

function enLabel(token) {
  const text = enShown(token);
  const span = el("span", { class: `label k${token.k}` });
  if (token.k === 0 && token.t.length > 1 && token.t.startsWith(" ")) span.append(el("i", { text: "·" }), visible(token.t.slice(1)));
  else span.append(text);
  return span;
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const store = instance(parentElement, () => ({ at: null, stage: 0, key: null }));
  const theme = themeOf(parentElement);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "en" });
    parentElement.append(store.root);
  }
  const { root } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--now", theme.categories[1]);
  root.style.setProperty("--surprise", theme.categories[3]);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.classList.toggle("dark", theme.dark);
  root.classList.toggle("stale", Boolean(header.note));
  const key = JSON.stringify([header.text, header.address, header.seconds[0], header.running]);
  if (store.key !== key) {
    store.at = header.running ? header.steps.length - 1 : header.at ?? 0;
    store.stage = 0;
    tellNothing(store);
  }
  Object.assign(store, { key, header, arrays, at: Math.max(0, Math.min(header.steps.length - 1, header.running ? header.steps.length - 1 : store.at)) });
  store.tell = () => {
    if (!header.running) tellLater(store, setStateValue, "view", () => ({ step: store.at }), 250);
  };
  enBuild(store);
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 900));
}

function enBuild(store) {
  const { header, root } = store;
  store.parts = { bars: el("section", { class: "bars" }), chain: el("section", { class: "chain" }), one: el("p", { class: "one", role: "status" }) };
  store.chips = header.steps.map((step, i) => enChip(store, step, i));
  const pieces = el("span", { class: "pieces", role: "group", "aria-label": "The tokens it wrote; arrow keys move" }, store.chips);
  moveByArrows(pieces, ".chip", { onMove: (node) => enChoose(store, Number(node.dataset.at)) });
  const focused = root.contains(root.getRootNode().activeElement) ? root.getRootNode().activeElement : null;
  const held = focused?.dataset?.at ?? null;
  const sentOpen = root.querySelector("details")?.open;
  root.replaceChildren(
    header.note ? el("p", { class: "quiet stale-note", text: header.note }) : "",
    enHead(header),
    el("div", { class: "three" },
      el("section", { class: "wrote" },
        el("h4", { text: header.chat ? "What it answered" : "What it wrote" }),
        el("p", { class: "text mono" }, el("span", { class: "prompt", text: header.text }), header.chat ? el("br") : "", pieces, header.running ? el("span", { class: "caret" }) : ""),
        el("p", { class: "legend quiet" }, "likely ", el("i", { class: "ramp" }), " surprising", el("span", { class: "dashed-key", text: "no probability" })),
        store.parts.one,
        el("p", { class: "quiet", text: header.running ? "" : header.ended }),
        header.says.map((text) => el("p", { class: "note", text }))),
      store.parts.bars, store.parts.chain),
    enSent(header, sentOpen),
  );
  if (held !== null && store.chips[held]) store.chips[held].focus();
  enStep(store);
}

function enHead(header) {
  const [first, whole] = header.seconds;
  const rest = whole - first;
  const speed = header.steps.length > 1 && rest > 0 ? `, then ${enNumber((header.steps.length - 1) / rest)} tokens a second` : "";
  const facts = [first ? `first token after ${enTime(first)}${speed}` : "", header.prompt_tokens ? `${header.prompt_tokens} tokens read` : "",
    header.vocabulary ? `${header.vocabulary.toLocaleString("en-US")} tokens in its vocabulary` : "size of its vocabulary not told"];
  return el("p", { class: "facts quiet" }, el("b", { class: "mono", text: header.model }), ` at ${header.address}: `, facts.filter(Boolean).join("; "), ".");
}

function enChip(store, step, i) {
  const chip = el("button", { type: "button", class: `chip k${step.k}${step.p === null ? " unknown" : ""}`, "data-at": i, tabindex: i === store.at ? 0 : -1,
    "aria-label": `Token ${i + 1}: ${enSpoken(step)}, ${step.p === null ? "no probability" : percent(step.p)}`, on: { click: () => enChoose(store, i) } });
  chip.append(step.k === EN_KINDS.FRAGMENT ? enShown(step) : step.t.replace(/\n/g, "↵\n"));
  if (step.p !== null) chip.style.setProperty("--strength", `${Math.round(Math.min(1, -Math.log(Math.max(step.p, 1e-9)) / 7) * 62)}%`);
  return chip;
}

function enChoose(store, at) {
  store.at = at;
  store.tell();
  enStep(store);
}

function enStep(store) {
  const { header, at, parts } = store;
  const step = header.steps[at];
  store.chips.forEach((chip, i) => {
    chip.setAttribute("aria-pressed", i === at ? "true" : "false");
    chip.tabIndex = i === at ? 0 : -1;
  });
  if (!step) {
    parts.one.textContent = header.running ? "" : "No token came.";
    parts.bars.replaceChildren();
    parts.chain.replaceChildren();
    return;
  }
  store.stage = Math.min(store.stage, Math.max(0, step.stages.length - 1));
  parts.one.replaceChildren(...enOne(step, at, header));
  enBars(store, step);
  enChain(store, step);
}

function enOne(step, at, header) {
  const name = enLabel(step);
  if (step.p === null) return ["Token ", String(at + 1), ", ", name, ": the engine gave no probability for it."];
  const place = step.chosen === null ? (step.top.length ? `. It is not on the list of ${step.top.length}: it came out of the unseen` : "") : `, number ${step.chosen + 1} on the list`;
  return ["Token ", String(at + 1), " of ", String(header.steps.length), ", ", name, `, had ${percent(step.p)}${place}.`];
}

// ------------------------------------------------------------------------------------------------------------- bars

function enValues(store, step) {
  const { arrays, at, stage } = store;
  const [, depth, width] = arrays.low.shape;
  const n = step.top.length;
  const raw = arrays.raw.subarray(at * width, at * width + n);
  if (!step.stages.length) return { raw, low: raw, high: raw, unseen: [step.unseen, step.unseen], exact: true };
  const from = (at * depth + stage) * width;
  return { raw, low: arrays.low.subarray(from, from + n), high: arrays.high.subarray(from, from + n), unseen: step.stages[stage].unseen, exact: step.stages[stage].exact };
}

function enBars(store, step) {
  const { header, parts, stage, at } = store;
  const title = el("h4", { text: `What could stand at place ${at + 1}` });
  if (!step.top.length) {
    parts.bars.replaceChildren(title, el("p", { class: "quiet", text: "The engine gave no list here, so there are no bars: everything is unseen." }),
      enBar("unseen", [el("span", { text: "all tokens" })], { low: 1, high: 1, raw: 1, top: 1, text: "100 %", hatched: true }));
    return;
  }
  const { raw, low, high, unseen } = enValues(store, step);
  const beside = header.beside && header.beside.at === at && header.beside.shares.length ? header.beside : null;
  const ownRest = beside ? Math.max(0, 1 - beside.shares.reduce((sum, one) => sum + (one || 0), 0)) : null;
  // The listed tokens share one scale. The unseen together are often far more: their bar runs from 0 to 100 %.
  const top = Math.max(...raw, ...high, ...(beside ? beside.shares.map((one) => one || 0) : []), 1e-9);
  const what = step.stages.length ? step.stages[stage] : null;
  const rows = step.top.map((token, i) => enBar(i === step.chosen ? "chosen" : "", [enLabel(token)], {
    low: low[i], high: high[i], raw: raw[i], top, text: high[i] > 0 ? enRange(low[i], high[i]) : `was ${percent(raw[i])}`, own: beside ? beside.shares[i] : undefined }));
  rows.push(enBar("unseen", [el("span", { text: "all unseen together" }), el("small", { text: "bar: 0 to 100 %" })], { low: unseen[0], high: unseen[1], raw: step.unseen, top: 1,
    text: unseen[1] > 0 ? enRange(...unseen) : "gone", own: beside ? ownRest : undefined, hatched: true }));
  parts.bars.replaceChildren(
    title,
    el("p", { class: "legend quiet" },
      el("span", {}, el("i", { class: "key now" }), what && stage ? `after ${what.name}` : "that engine"),
      stage ? el("span", {}, el("i", { class: "key given" }), "as it gave it") : "",
      what && !what.exact ? el("span", {}, el("i", { class: "key maybe" }), "may be as much") : "",
      el("span", {}, el("i", { class: "key hatch" }), "unseen"),
      beside ? el("span", {}, el("i", { class: "key own" }), `${header.local}, here, before its knobs`) : ""),
    el("div", { class: "rows", "aria-hidden": "true" }, rows),
    ...enOwn(header, at),
    enTable(step, { low, high, unseen, raw }, beside, ownRest, what));
}

function enBar(kind, label, { low, high, raw, top, text, own, hatched }) {
  const width = (share) => `${Math.max(0, 100 * Math.min(1, share / top)).toFixed(2)}%`;
  return el("div", { class: `row ${kind}` },
    el("span", { class: "name" }, label),
    el("span", { class: "track" },
      low > 0 ? el("i", { class: hatched ? "fill hatch" : "fill", style: { width: width(low) } }) : "",
      high - low > 1e-9 ? el("i", { class: "maybe", style: { left: width(low), width: width(high - low) } }) : "",
      Math.abs(raw - low) > 1e-6 || Math.abs(raw - high) > 1e-6 ? el("i", { class: "given", style: { width: width(raw) } }) : "",
      own === undefined ? "" : el("i", { class: `own${own === null ? " none" : ""}`, style: { width: width(own || 0) } })),
    el("span", { class: "n" }, text, own === undefined ? "" : el("small", { text: own === null ? "no such token" : percent(own) })));
}

function enOwn(header, at) {
  const found = header.beside;
  if (header.running) return [];
  if (!found || found.at !== at) return [el("p", { class: "quiet own-line", text: `${header.local} reads the same text …` })];
  const parts = [];
  if (found.says) parts.push(el("p", { class: "quiet own-line", text: found.says }));
  if (found.likeliest.length) {
    parts.push(el("p", { class: "quiet own-line" }, `The likeliest of ${header.local}, here: `,
      found.likeliest.flatMap(([token, share, listed], i) => [i ? ", " : "", el("span", { class: listed ? "" : "off" }, enLabel(token), ` ${percent(share)}`)]),
      found.likeliest.some(([, , listed]) => !listed) ? ". Underlined: not on that engine's list." : "."));
  }
  return parts;
}

function enTable(step, { low, high, unseen, raw }, beside, ownRest, what) {
  const head = ["token", "as that engine gave it", ...(what ? [`after ${what.name}`] : []), ...(beside ? ["this page's model"] : [])];
  const row = (name, given, a, b, own) => el("tr", {}, el("th", { scope: "row", text: name }), el("td", { text: percent(given) }),
    what ? el("td", { text: enRange(a, b) }) : "", beside ? el("td", { text: own === null ? "no such token" : percent(own) }) : "");
  // Around the table, since a table keeps the width of its words whatever its class says.
  return el("div", { class: "sr-only" }, el("table", {},
    el("caption", { text: `The likeliest tokens and all unseen ones${what ? `, after ${what.name}, ${what.exact ? "exact" : "a bound"}` : ""}` }),
    el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, step.top.map((token, i) => row(enSpoken(token), raw[i], low[i], high[i], beside ? beside.shares[i] : null)),
      row("all unseen together", step.unseen, unseen[0], unseen[1], ownRest))));
}

// ------------------------------------------------------------------------------------------------------------ chain

function enChain(store, step) {
  const { header, parts } = store;
  const nodes = [el("h4", { text: "This page's chain on that list" })];
  if (step.lost) nodes.push(el("p", { class: "note", text: step.lost }));
  if (!step.stages.length && !step.lost) {
    nodes.push(el("p", { class: "quiet", text: "Without probabilities there is nothing to replay. What the engine's own samplers did, only the engine knows." }));
  }
  if (step.stages.length) nodes.push(el("p", { class: "quiet", text: "What your knobs would do to it. Exact: certain from the list alone. Bound: it lies in between." }));
  const list = el("div", { class: "stages", role: "radiogroup", "aria-label": "After which stage the bars are drawn" },
    step.stages.map((stage, i) => enStageRow(store, step, stage, i)));
  moveByArrows(list, ".stage", { onMove: (node) => enLook(store, Number(node.dataset.stage)) });
  nodes.push(list);
  if (step.stages.length) nodes.push(el("p", { class: "say", role: "status" }, el("b", { text: step.stages[store.stage].exact ? "Exact. " : "Bound. " }), step.stages[store.stage].says));
  if (step.stages.length && header.not_replayed.length) {
    nodes.push(el("p", { class: "quiet", text: "Switched on here and not replayed:" }),
      el("ul", { class: "quiet" }, header.not_replayed.map(([name, why]) => el("li", {}, el("span", { class: "mono", text: name }), `: ${why}.`))));
  }
  const held = parts.chain.contains(parts.chain.getRootNode().activeElement);
  parts.chain.replaceChildren(...nodes);
  if (held) parts.chain.querySelector("[aria-checked=true]")?.focus();
}

function enStageRow(store, step, stage, i) {
  const [least, most] = stage.left;
  const left = i === 0 ? `${step.top.length} listed` : most === null ? `${enCount(least)} or more left` : least === most ? `${enCount(least)} left` : `${enCount(least)} to ${enCount(most)} left`;
  return el("button", { type: "button", class: "stage", role: "radio", "data-stage": i, tabindex: i === store.stage ? 0 : -1,
    "aria-checked": i === store.stage ? "true" : "false", on: { click: () => enLook(store, i) } },
    el("span", { class: "mono", text: i === 0 ? "as it gave it" : stage.name }), el("span", { class: "value mono", text: stage.value === null ? "" : enNumber(stage.value) }),
    el("span", { class: "left", text: left }), el("span", { class: `verdict ${stage.exact ? "exact" : "bound"}`, text: stage.exact ? "exact" : "bound" }));
}

function enLook(store, stage) {
  store.stage = stage;
  const step = store.header.steps[store.at];
  enBars(store, step);
  enChain(store, step);
}

// ------------------------------------------------------------------------------------------------------------- sent

function enSent(header, open) {
  const rows = header.knobs.map((knob) => el("tr", { class: knob.sent ? "" : "off" },
    el("th", { scope: "row", class: "mono", text: knob.name }), el("td", { class: "mono", text: String(knob.value) }),
    el("td", {}, knob.sent ? ["sent as ", el("span", { class: "mono", text: header.wraps && knob.sent !== "seed" ? `${header.wraps}: ${knob.sent}` : knob.sent })] : `not sent: ${knob.why}`)));
  const left = header.knobs.filter((knob) => !knob.sent).length;
  return el("details", { class: "sent", open: open ? true : null },
    el("summary", { text: `Knobs sent to ${header.engine}: ${header.knobs.length - left}${left ? `, not sent: ${left}` : ""}` }),
    el("p", { class: "quiet", text: `${header.engine_notes} A knob that is not sent keeps that server's own default.` }),
    el("div", { class: "scroll" }, el("table", {}, el("caption", { class: "sr-only", text: "Each knob of this page and what became of it" }),
      el("thead", { class: "sr-only" }, el("tr", {}, ["knob", "value", "what became of it"].map((text) => el("th", { scope: "col", text })))), el("tbody", {}, rows))));
}
