// parts: sampling_label
// The text so far, token by token, with the buttons that write on. While text is being written each drawing asks for
// the next token, so closing the tab ends the work.

const COLOURS = {
  surprise: { says: "surprise", ends: ["likely", "surprising"], share: (token) => Math.min(1, token.s / 10) },
  chance: { says: "probability", ends: ["100 %", "0 %"], share: (token) => 1 - Math.exp(-token.s) },
  rank: { says: "rank", ends: ["1st", "beyond 500th"], share: (token) => [1, 5, 50, 500].filter((edge) => token.r > edge).length / 4 },
};
const COLOUR_KEY = "looking-glass-sampling-colour";

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!data) return;
  const { header } = readPayload(data);
  const store = instance(parentElement, () => ({ colour: keptColour() }));
  if (!store.root) build(store, parentElement);
  const { root } = store;
  paintRoot(root, themeOf(parentElement));
  const sent = sender(store, root, header.written, setTriggerValue);
  const { send } = sent;
  const act = (what, more) => {
    // A request for the next token must not overtake what was pressed.
    clearTimeout(store.ticker);
    clearTimeout(store.again);
    sent.act(what, more);
  };
  // The ranks of the prompt cost another reading of it, so they come when they are asked for.
  const rank = () => {
    if (store.colour === "rank" && !header.so_far.ranked) send("ask", { do: "ranks" });
  };
  soFar(store, header, act);
  colours(store, header, act, rank);
  if (!store.ranksAsked) rank();
  store.ranksAsked = true;
  buttons(store, header, act);
  writeByKeys(root, act, header);

  clearTimeout(store.ticker);
  clearTimeout(store.again);
  if (header.running) {
    const tick = () => send("act", { do: "tick" });
    store.ticker = setTimeout(tick, 30);
    store.again = setTimeout(tick, 8000);
  }
  return () => {
    clearTimeout(store.ticker);
    clearTimeout(store.again);
    clearTimeout(store.busyTimer);
  };
}

function keptColour() {
  try {
    return sessionStorage.getItem(COLOUR_KEY) in COLOURS ? sessionStorage.getItem(COLOUR_KEY) : "surprise";
  } catch (problem) {
    return "surprise"; // storage may be switched off; the choice then lasts as long as the page
  }
}

function build(store, parentElement) {
  store.tokens = el("div", { class: "tokens", role: "group", "aria-label": "The text so far, token by token", "data-arrows": true });
  store.about = el("p", { class: "about", role: "status" });
  store.buttonRow = el("div", { class: "buttons" });
  store.note = el("p", { class: "note", role: "status" });
  store.scale = el("div", { class: "scale" });
  store.root = el("section", { class: "text-so-far", tabindex: 0, role: "group",
    "aria-label": "The text so far. Space writes the next token, the left arrow takes the last one back." },
  el("div", { class: "line" }, el("h2", { text: "The text so far" })), store.tokens, store.scale, store.about, store.buttonRow, store.note);
  parentElement.append(store.root);
}

// ------------------------------------------------------------------------------------------------------- the tokens

function soFar(store, header, act) {
  const { tokens, about } = store;
  const shown = header.so_far.tokens;
  const still = !header.running;
  const say = (token) => {
    const words = el("span", {}, el("span", { class: "mono", text: visible(token.k === 2 ? `⟨${token.t}⟩` : token.t) }));
    if (token.s === null) words.append(" stands first, so nothing could announce it.");
    else words.append(` had ${oneIn(token.s)} here: ${fmt(token.s)} nats${token.r ? `, ${token.r === 1 ? "the likeliest" : `the ${nth(token.r)} likeliest`}` : ""}.`);
    if (token.p !== undefined) words.append(` After the chain: ${percent(token.p)}.`);
    about.replaceChildren(words);
  };
  const chips = shown.map((token, place) => {
    const fragment = token.k === 2;
    const text = fragment ? `⟨${token.t}⟩` : token.t;
    const inner = text.trim() ? text.trim() : text;
    const back = still && header.written && token.new !== header.written;
    const go = () => back && act("goto", { at: token.new || 0 });
    const chip = el("span", {
      class: `token k${token.k}${token.new ? " new" : ""}${/^\s/.test(text) && place ? " apart" : ""}${back ? " press" : ""}`,
      tabindex: place === shown.length - 1 ? 0 : -1,
      role: back ? "button" : "img",
      "aria-label": `${spoken(token)}, ${token.s === null ? "first token" : oneIn(token.s)}${back ? (token.new ? ". Go back to here" : ". Go back to your own text") : ""}`,
      title: back ? (token.new ? "Go back to here" : "Go back to your own text") : null,
      style: { "--share": (token.s === null ? 0 : COLOURS[store.colour].share(token)).toFixed(3) },
      on: {
        mouseenter: () => say(token), focus: () => say(token), click: go,
        keydown: (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          if (!back) return;
          event.preventDefault();
          go();
        },
      },
    }, /[\n]/.test(text) && !text.trim() ? visible(text) : text.trim() ? visible(inner).replace(/·/g, " ") : visible(inner));
    return /\n/.test(text) && !fragment ? [chip, el("br")] : [chip];
  });
  const { pending } = header;
  const next = !header.ended && still;
  tokens.replaceChildren(
    ...(header.so_far.hidden ? [el("span", { class: "hidden", text: `${grouped(header.so_far.hidden)} tokens before, …` })] : []),
    ...chips.flat(),
    el("span", { class: "caret", "aria-hidden": "true" }),
    el("span", { class: `token pending k${pending.k}${next ? " press" : ""}`, role: "img", "aria-label": `next by the draw: ${spoken(pending)}`,
      title: next ? "What the draw gives next; press it to write it" : null, on: { click: () => next && act("next") } },
    visible(pending.k === 2 ? `⟨${pending.t}⟩` : pending.t.trim() || pending.t)));
  moveByArrows(tokens, ".token:not(.pending)");
  const last = () => shown.length && say(shown[shown.length - 1]);
  last();
  tokens.onmouseleave = last;
  if (header.written) tokens.scrollTop = tokens.scrollHeight;
}

function colours(store, header, act, rank) {
  const { ends } = COLOURS[store.colour];
  const choose = (name) => {
    store.colour = name;
    try {
      sessionStorage.setItem(COLOUR_KEY, name);
    } catch (problem) {
      store.unkept = true; // lasts as long as the page
    }
    soFar(store, header, act);
    colours(store, header, act, rank);
    rank();
    store.scale.querySelector("[aria-pressed=true]").focus();
  };
  store.scale.replaceChildren(
    el("span", { class: "ends", "aria-hidden": "true" }, ends[0], el("i"), ends[1]),
    el("span", { class: "switch", role: "group", "aria-label": "Colour the tokens by" }, Object.entries(COLOURS).map(([name, colour]) =>
      el("button", { type: "button", text: colour.says, "aria-pressed": store.colour === name ? "true" : "false", on: { click: () => choose(name) } }))));
}

// ------------------------------------------------------------------------------------------------------ the buttons

function buttons(store, header, act) {
  if (!store.buttons) {
    store.buttons = {};
    for (const [what, label] of [["next", "Next token"], ["ten", "10 more"], ["back", "Back"], ["redraw", "Draw again"],
      ["generate", "Generate"], ["stop", "Stop"]]) {
      store.buttons[what] = el("button", { type: "button", class: `act ${what}`, text: label, "aria-label": what === "back" ? "Back one token" : null });
      store.buttonRow.append(store.buttons[what]);
    }
  }
  const running = Boolean(header.running);
  const full = Boolean(header.ended);
  for (const [what, button] of Object.entries(store.buttons)) {
    button.onclick = () => act(what);
    button.hidden = what === "stop" ? !running : running && what === "generate";
    button.disabled = what !== "stop" && (running
      || (what === "back" && !header.written)
      || (what === "redraw" && (header.pending.greedy || full))
      || (["next", "ten", "generate"].includes(what) && full));
  }
  if (running && store.root.contains(store.root.getRootNode().activeElement)) store.buttons.stop.focus();
  store.note.textContent = header.note || (running ? `Writing: ${header.written} tokens so far.` : "");
}
