// The panel Chat: a conversation as turns with a box under it, the whole text that the model reads as tokens, and cards
// with one answer each. It sends `act` for what only the server can do: send, again, edit, remove, clear.

const CT_WHO = { user: "you", assistant: "the model" };
const ctText = (token) => (token.k === 2 ? `⟨${token.t}⟩` : token.t);
const ctChance = (nats) => {
  const n = Math.exp(nats);
  return n < 20 ? percent(1 / n) : `1 in ${Number(n.toPrecision(3)).toLocaleString("en-US")}`;
};

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header } = readPayload(data);
  const store = instance(parentElement, () => ({ serial: 0, coloured: false, closed: new Set(), editing: null, draft: "" }));
  const theme = themeOf(parentElement);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "ct" });
    parentElement.append(store.root);
    store.parts = null;
  }
  const { root } = store;
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.style.setProperty("--surprise", theme.categories[3]);
  root.style.setProperty("--answer", theme.categories[1]);
  root.style.setProperty("--good", theme.categories[2]);
  root.style.setProperty("--bad", theme.categories[5]);
  store.header = header;
  store.tip = tip(parentElement);
  store.act = (what, extra = {}) => {
    if (header.busy) return;
    store.editing = null;
    setTriggerValue("act", { do: what, ...extra, serial: (store.serial += 1) });
  };
  if (header.kind === "talk") ctTalk(store);
  else root.replaceChildren(...ctCards(store));
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 760));
}

// ------------------------------------------------------------------------------------------------------------- tokens

// Tokens as the model reads them: marks of the format double-framed, somebody's words tinted, line breaks visible.
function ctTokens(tokens) {
  const nodes = [];
  for (const token of tokens) {
    const breaks = token.k !== 2 && token.t.includes("\n");
    nodes.push(el("span", { class: `piece k${token.k} ${token.w || ""}`, text: ctText(token).replace(/\n/g, "↵") || "∅" }));
    if (breaks) nodes.push(el("br"));
  }
  return el("div", { class: "template" }, nodes);
}

function ctFold(store, key, title, body) {
  const box = el("details", { class: "fold" }, el("summary", { text: title }), body);
  box.open = !store.closed.has(key);
  box.ontoggle = () => (box.open ? store.closed.delete(key) : store.closed.add(key));
  return box;
}

// An answer as text, or as tokens coloured by how much each surprised the model that wrote it.
function ctAnswer(store, text, tokens, coloured) {
  if (!coloured || !tokens || !tokens.length) return el("div", { class: "said", text: text || "(nothing)" });
  const box = el("div", { class: "said tokens", role: "group", "aria-label": "The answer token by token" });
  tokens.forEach((token, i) => {
    const words = () => `${visible(ctText(token))}: ${ctChance(token.s)}, rank ${token.r.toLocaleString("en-US")}, surprise ${fmt(token.s)} nats`;
    const show = (event) => {
      const at = event.target.getBoundingClientRect();
      store.tip.show(event.clientX ?? at.left, event.clientY ?? at.bottom, words());
    };
    box.append(el("span", { class: `token k${token.k}`, tabindex: i ? -1 : 0, role: "img", "aria-label": words(), style: { "--share": Math.min(1, token.s / 10).toFixed(3) },
      text: ctText(token).replace(/\n/g, "↵"), on: { mousemove: show, focus: show, mouseleave: () => store.tip.hide(), blur: () => store.tip.hide() } }));
    if (token.k !== 2 && token.t.includes("\n")) box.append(el("br"));
  });
  moveByArrows(box, ".token");
  return box;
}

// ------------------------------------------------------------------------------------------------------- conversation

function ctTalk(store) {
  const { header, root } = store;
  if (!store.parts) {
    const parts = (store.parts = {});
    parts.turns = el("div", { class: "turns" });
    parts.live = el("p", { class: "sr-only", role: "status", "aria-live": "polite" });
    parts.chips = el("div", { class: "chips", role: "group", "aria-label": "Messages to try" });
    parts.area = el("textarea", { rows: 2, "aria-label": "Your message", placeholder: "Type a message" });
    parts.send = el("button", { type: "button", class: "main", text: "Send" });
    parts.again = el("button", { type: "button", text: "Write the answer again" });
    parts.colour = el("button", { type: "button", text: "Show surprise", "aria-pressed": "false" });
    parts.clear = el("button", { type: "button", text: "Clear" });
    parts.read = el("section", { class: "read" });
    parts.area.oninput = () => (store.draft = parts.area.value);
    root.replaceChildren(el("div", { class: "two" },
      el("section", { class: "talk" }, parts.turns, parts.live, parts.chips,
        el("div", { class: "compose" }, parts.area, parts.send), el("div", { class: "buttons" }, parts.again, parts.colour, parts.clear)),
      parts.read));
  }
  const { turns, live, chips, area, send, again, colour, clear, read } = store.parts;
  const said = header.turns;
  const go = () => {
    if (header.busy || !area.value.trim()) return;
    const text = area.value;
    area.value = store.draft = "";
    store.act("send", { text });
  };
  if (area.value !== store.draft && document.activeElement !== area) area.value = store.draft;
  send.onclick = go;
  area.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      go();
    }
  };
  send.disabled = again.disabled = clear.disabled = header.busy;
  again.hidden = clear.hidden = colour.hidden = !said.length;
  again.onclick = () => store.act("again");
  clear.onclick = () => store.act("clear");
  again.textContent = said.length && said[said.length - 1].role === "user" ? "Write the answer" : "Write the answer again";
  colour.setAttribute("aria-pressed", store.coloured ? "true" : "false");
  colour.onclick = () => {
    store.coloured = !store.coloured;
    ctTalk(store);
  };
  chips.hidden = said.length > 0;
  chips.replaceChildren(...header.examples.map((one) => el("button", { type: "button", class: "chip", text: one.label, title: one.text, disabled: header.busy, on: { click: () => store.act("send", { text: one.text }) } })));
  turns.replaceChildren(...(said.length ? said.map((turn, place) => ctTurn(store, turn, place))
    : [el("p", { class: "quiet", text: `Nothing has been said yet. Type a message to ${header.model}, or press one of these.` })]));
  const last = said[said.length - 1];
  // Told once, when it is whole: a reader who listens is not interrupted at every token.
  const finished = last && last.role === "assistant" && !header.busy ? `${header.model} has answered: ${last.text || "nothing"}. ${last.says || ""}` : "";
  if (live.textContent !== finished) live.textContent = finished;
  if (header.busy) turns.scrollTop = turns.scrollHeight;
  ctRead(store, read);
}

function ctTurn(store, turn, place) {
  const { header } = store;
  const writing = header.busy && place === header.turns.length - 1;
  const tools = el("span", { class: "tools" });
  const node = el("article", { class: `turn ${turn.role}` }, el("header", {}, el("b", { text: CT_WHO[turn.role] }), turn.edited ? el("span", { class: "quiet", text: "written by you" }) : turn.seed ? el("span", { class: "quiet", text: turn.seed }) : null, tools));
  if (store.editing === place) {
    const box = el("textarea", { rows: Math.min(8, 2 + turn.text.length / 60), "aria-label": `Edit turn ${place + 1}` });
    box.value = turn.text;
    node.append(box, el("div", { class: "buttons" },
      el("button", { type: "button", class: "main", text: turn.role === "user" ? "Send anew" : "Keep", on: { click: () => store.act("edit", { at: place, text: box.value }) } }),
      el("button", { type: "button", text: "Leave it", on: { click: () => { store.editing = null; ctTalk(store); } } })));
    requestAnimationFrame(() => box.isConnected && !node.contains(node.getRootNode().activeElement) && box.focus());
    return node;
  }
  if (!header.busy) {
    tools.append(
      el("button", { type: "button", text: "edit", "aria-label": `Edit turn ${place + 1}`, on: { click: () => { store.editing = place; ctTalk(store); } } }),
      el("button", { type: "button", text: "remove", "aria-label": turn.role === "user" ? `Remove turn ${place + 1} and its answer` : `Remove turn ${place + 1} and its message`, on: { click: () => store.act("remove", { at: place }) } }));
  }
  if (writing && !turn.text && !turn.tokens.length) node.append(el("div", { class: "said quiet", text: "…" }));
  else node.append(turn.role === "assistant" ? ctAnswer(store, turn.text, turn.tokens, store.coloured) : el("div", { class: "said", text: turn.text }));
  if (turn.says) node.append(el("p", { class: `end ${turn.ended}`, text: turn.says }));
  return node;
}

function ctRead(store, box) {
  const { header } = store;
  const marks = header.read.filter((token) => token.k === 1).length;
  box.replaceChildren(
    el("h4", { text: "What the model reads" }),
    ...(header.read.length ? [
      ctLegend(),
      ctTokens(header.read),
      header.marks ? el("p", { class: "end context", text: `${header.marks} mark${header.marks === 1 ? " was" : "s were"} typed in a message and became real: the model cannot tell them from those of the format.` }) : null,
      el("p", { class: "quiet", text: header.chats
        ? `${header.read.length} tokens, ${marks} of them marks. To the model a chat is one text that goes on; the marks are tokens like any others.`
        : `${header.read.length} tokens. No marks and no roles: your words are the beginning of a text.` }),
    ].filter(Boolean) : [el("p", { class: "quiet", text: "The whole text stands here as soon as there is a message: your words, and what the format puts around them." })]));
}

function ctLegend() {
  const key = (cls, text, words) => el("span", {}, el("span", { class: `piece ${cls}`, text }), words);
  return el("p", { class: "legend" }, key("k1", "mark", "one token of the format"), key("k0 user", "your words", ""), key("k0 system", "system prompt", ""), key("k0 assistant", "earlier answer", ""), key("k0 answer", "newest answer", ""));
}

// -------------------------------------------------------------------------------------------------------------- cards

function ctCards(store) {
  const { header } = store;
  const states = { recorded: "recorded", fresh: "written now", waiting: "waits its turn", empty: "not written yet" };
  return [el("div", { class: `cards${header.cards.length === 1 ? " single" : ""}` }, header.cards.map((card) => {
    const shown = card.state === "fresh" || card.state === "recorded";
    const single = header.cards.length === 1;
    const fold = card.prompt.length ? ctFold(store, card.title, `The whole prompt, ${card.prompt.length} tokens`, ctTokens(card.prompt)) : null;
    return el("article", { class: "card" },
      el("header", {}, el("b", { text: card.title }), card.verdict ? el("span", { class: `verdict ${card.verdict[0]}`, text: card.verdict[1] }) : null, el("span", { class: "quiet state", text: states[card.state] })),
      // A single prompt is a message and its format; of several the whole text is what sets them apart.
      single ? el("div", { class: "asked", text: card.message }) : fold,
      shown ? ctAnswer(store, card.answer.replace(/\n/g, "↵\n"), card.tokens, true) : el("div", { class: "said quiet", text: card.state === "waiting" ? "…" : "Press the button above." }),
      card.end ? el("p", { class: "end", text: card.end + (card.same === true ? " The same as recorded." : card.same === false ? " Not the same as recorded: another model file or library." : "") }) : null,
      el("p", { class: "says", text: card.says }), single ? fold : null);
  }))];
}
