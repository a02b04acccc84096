// Prompt lookup: the text with its drafts, round by round. An arrow shows from where a draft was copied.

function ssBuildLookup(store) {
  store.words = el("div", { class: "written mono", role: "group", "aria-label": "The text, round by round. Arrow keys move between rounds." });
  store.arrow = svgEl("svg", { class: "arrow-layer", "aria-hidden": "true" });
  store.page = el("div", { class: "page" }, store.arrow, store.words);
  store.numbers = el("div", { class: "numbers" });
  store.about = el("p", { class: "about", role: "status" });
  store.rounds = el("div", { class: "rounds", role: "img" });
  store.sr = el("div", { class: "sr-only" });
  store.models = el("p", { class: "quiet" });
  return [store.numbers,
    el("p", { class: "legend", "aria-hidden": "true" },
      el("span", {}, el("i", { class: "sample accepted", text: "word" }), "copied and accepted"),
      el("span", {}, el("i", { class: "sample rejected", text: "word" }), "copied and rejected"),
      el("span", {}, el("i", { class: "sample own", text: "word" }), "written by the model itself")),
    ssTime(store), store.page, store.about, store.rounds, store.models, store.sr];
}

function ssToken(label, kind) {
  const text = label.k === 2 ? `⟨${label.t}⟩` : label.t.replace(/\n/g, "↵\n");
  return el("span", { class: `tok ${kind} k${label.k}${text.includes("\n") ? " wraps" : ""}`, text });
}

function ssLookup(store, header) {
  const { t } = store;
  const numbers = [[`${header.forwards}`, `runs of the model for ${header.tokens} tokens`], [`${header.saved}`, header.saved === 1 ? "run saved" : "runs saved"],
    [header.drafted ? percent(header.accepted / header.drafted) : "–", `of ${header.drafted} copied tokens accepted`]];
  store.numbers.replaceChildren(...numbers.map(([big, small]) => el("p", {}, el("b", { class: "n", text: big }), el("span", { text: small }))));
  store.models.textContent = header.draft_models;
  const label = (place) => header.labels[place];
  // Position in the text -> its element, for the arrow.
  const at = [];
  const parts = header.prompt.map((place) => {
    const node = ssToken(label(place), "given");
    at.push(node);
    return node;
  });
  header.rounds.slice(0, t + 1).forEach((round, number) => {
    const inside = [];
    round.draft.forEach((place, i) => {
      const kind = i < round.accepted ? "accepted" : "rejected";
      if (i > round.accepted && number < t) return; // of an earlier draft only the token that it failed at
      const node = ssToken(label(place), i > round.accepted ? "rejected unread" : kind);
      if (kind === "accepted") at.push(node);
      inside.push(node);
    });
    const own = ssToken(label(round.written), "own");
    at.push(own);
    const group = el("span", { class: `round${number === t ? " now" : ""}`, tabindex: number === t ? 0 : -1, role: "button", "aria-label": ssRoundSays(round, header, number), "aria-current": number === t ? "step" : null }, ...inside, own);
    group.number = number;
    parts.push(group);
  });
  store.words.replaceChildren(...parts);
  store.at = at;
  const round = header.rounds[t];
  if (round && round.copied >= 0) {
    for (let i = 0; i < round.ngram; i += 1) {
      at[round.copied - round.ngram + i]?.classList.add("found");
      at[round.start - round.ngram + i]?.classList.add("ending");
    }
    round.draft.forEach((_, i) => at[round.copied + i]?.classList.add("source"));
  }
  store.about.textContent = round ? ssRoundSays(round, header, t) : "";
  store.words.onclick = (event) => ssGoTo(store, event.target.closest(".round")?.number);
  store.words.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const to = step ? t + step : { Home: 0, End: header.rounds.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (ssGoTo(store, to)) store.words.querySelector(".round.now")?.focus();
  };
  ssBars(store, header);
  ssReadRounds(store, header);
  ssArrow(store, header);
}

// How many tokens each run gave: accepted ones on top of the model's own.
function ssBars(store, header) {
  const most = Math.max(...header.rounds.map((round) => round.draft.length), 1) + 1;
  store.rounds.setAttribute("aria-label", `Tokens of each run: ${header.rounds.map((round) => round.accepted + 1).join(", ")}`);
  store.rounds.replaceChildren(el("span", { class: "sub", text: "tokens of each run" }), ...header.rounds.map((round, number) => {
    const cell = (kind, count) => Array.from({ length: count }, () => el("i", { class: kind }));
    const bar = el("button", { class: `bar${number === store.t ? " now" : ""}${number > store.t ? " later" : ""}`, tabindex: -1, "aria-hidden": "true", style: { "--most": most } },
      ...cell("rejected", round.draft.length - round.accepted), ...cell("accepted", round.accepted), el("i", { class: "own" }));
    bar.onclick = () => ssGoTo(store, number);
    return bar;
  }));
}

function ssRoundSays(round, header, number) {
  const say = (place) => `“${visible(header.labels[place].t)}”`;
  const ran = `Run ${number + 1}: `;
  if (round.copied < 0) return `${ran}the last token stands nowhere further up, so there is no draft. The model wrote ${say(round.written)}.`;
  const found = `the last ${round.ngram === 1 ? "token stands" : `${round.ngram} tokens stand`} further up; ${round.draft.length === 1 ? "the one that follows there is" : `the ${round.draft.length} that follow there are`} the draft. `;
  const last = round.judged[round.judged.length - 1];
  if (round.accepted === round.draft.length) return `${ran}${found}${round.accepted === 1 ? "It was accepted" : `All ${round.accepted} were accepted`}, and the model wrote one more: ${say(round.written)}.`;
  const place = round.draft[round.accepted];
  const why = header.drawn
    ? `${say(place)} had a chance of ${percent(last[0])} and the random number was ${last[1].toFixed(3)}, so it was rejected`
    : `the model would not have written ${say(place)}`;
  return `${ran}${found}${round.accepted ? `${round.accepted} ${round.accepted === 1 ? "was" : "were"} accepted; then ` : ""}${why}, and ${say(round.written)} stands there instead.`;
}

// From the place that was copied to the draft.
function ssArrow(store, header) {
  const round = header.rounds[store.t];
  store.arrow.replaceChildren();
  const draft = store.words.querySelector(".round.now .tok");
  const source = round && round.copied >= 0 ? store.at[round.copied] : null;
  if (!source || !draft) return;
  const page = store.page.getBoundingClientRect();
  const a = source.getClientRects()[0], b = draft.getClientRects()[0];
  if (!a || !b) return;
  const x1 = a.left - page.left + Math.min(a.width / 2, 20), x2 = b.left - page.left + Math.min(b.width / 2, 14);
  const high = a.top - page.top, low = a.bottom - page.top, y2 = b.top - page.top - 2;
  const line = parseFloat(getComputedStyle(store.words).lineHeight);
  const gap = Math.min(10, (line - b.height) / 2);
  let path;
  if (Math.abs(a.top - b.top) < 6) {
    const lift = Math.min(26, 12 + Math.abs(x2 - x1) / 14);
    path = `M${x1} ${high - 2}C${x1} ${high - lift} ${x2} ${y2 - lift} ${x2} ${y2 - 2}`;
  } else if (b.top - a.top < line * 1.5) {
    path = `M${x1} ${low}V${y2 - gap}H${x2}V${y2 - 2}`; // between two lines
  } else {
    path = `M${x1} ${low}V${low + gap - 2}H4V${y2 - gap}H${x2}V${y2 - 2}`; // along the margin, across no word
  }
  store.arrow.setAttribute("width", page.width);
  store.arrow.setAttribute("height", page.height);
  store.arrow.append(svgEl("path", { class: "arrow", d: path }), svgEl("path", { class: "head", d: `M${x2 - 5} ${y2 - 6}L${x2} ${y2 + 2}L${x2 + 5} ${y2 - 6}Z` }));
}

function ssReadRounds(store, header) {
  const text = (places) => places.map((place) => header.labels[place].t).join("");
  store.sr.replaceChildren(el("table", {}, el("caption", { text: "Prompt lookup, run by run" }),
    el("thead", {}, el("tr", {}, ["run", "draft", "accepted", "written by the model", "in words"].map((one) => el("th", { scope: "col", text: one })))),
    el("tbody", {}, header.rounds.map((round, number) => el("tr", {}, el("th", { scope: "row", text: number + 1 }), el("td", { text: text(round.draft) }),
      el("td", { text: text(round.draft.slice(0, round.accepted)) }), el("td", { text: header.labels[round.written].t }), el("td", { text: ssRoundSays(round, header, number) }))))));
}
