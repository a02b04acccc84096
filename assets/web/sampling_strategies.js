// parts: sampling_label sampling_strategies_tree sampling_strategies_ranks sampling_strategies_lookup
// Search strategies: a beam search as a tree, or prompt lookup as a text with its drafts. All steps are here, so that
// stepping through them needs no answer from the server.

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return;
  const { header, arrays } = readPayload(data);
  const theme = themeOf(parentElement);
  const store = instance(parentElement, () => ({}));
  if (store.kind !== header.kind) ssBuild(store, parentElement, header);
  paintRoot(store.root, theme);
  store.root.style.setProperty("--good", theme.categories[2]);
  store.root.style.setProperty("--draw", theme.categories[0]);
  const bytes = data.byteLength ?? data.length;
  const key = `${bytes}:${JSON.stringify(header.insight)}:${header.steps}:${header.ended}`;
  if (store.shown !== key) {
    // Another search starts at its end, with everything drawn.
    Object.assign(store, { shown: key, t: Infinity, look: null, penalty: null });
  }
  store.last = (header.kind === "beams" ? header.steps : header.rounds.length) - 1;
  store.t = Math.max(0, Math.min(store.last, store.t));
  store.say.replaceChildren(...header.insight.map((text, place) => el(place ? "span" : "strong", { text: `${text} ` })));
  store.ended.textContent = header.ended;
  store.note.textContent = header.note || "";
  store.root.classList.toggle("stale", Boolean(header.note));
  if (header.kind === "beams") {
    store.nodes = ssNodes(header, arrays);
    const best = header.hypotheses.find((one) => one.place === 0);
    store.bestNode = best ? ssFollow(store.nodes, best.ids) : null;
    store.greedyNode = header.greedy ? ssFollow(store.nodes, header.greedy.ids) : null;
    store.penaltySlider.value = store.penalty ?? header.length_penalty;
    store.ranking.hidden = header.way === "greedy" || !header.hypotheses.length;
    store.greedyKey.hidden = header.way === "greedy" || !header.greedy;
    store.sr.replaceChildren(ssReadable(header, store.nodes));
  }
  store.draw = (width) => {
    store.slider.max = store.last;
    store.slider.value = store.t;
    store.count.replaceChildren(header.kind === "beams" ? "step " : "run ", el("b", { text: `${store.t + 1} of ${store.last + 1}` }));
    store.slider.setAttribute("aria-valuetext", `${store.t + 1} of ${store.last + 1}`);
    if (header.kind === "lookup") return store.last >= 0 && ssLookup(store, header);
    ssDrawBeams(store, header, theme, width);
  };
  const stop = watchWidth(parentElement, (width) => {
    store.width = width;
    store.root.classList.toggle("narrow", width < 620);
    store.draw(width);
    if (header.kind === "lookup") document.fonts?.ready.then(() => ssArrow(store, header));
  });
  if (header.kind === "beams") {
    store.penaltySlider.oninput = () => {
      store.penalty = Number(store.penaltySlider.value);
      ssRanks(store, header, store.width);
    };
  }
  return stop;
}

function ssBuild(store, parentElement, header) {
  store.root?.remove();
  store.kind = header.kind;
  store.shown = null;
  store.say = el("p", { class: "insight", role: "status" });
  store.ended = el("p", { class: "quiet" });
  store.note = el("p", { class: "note", role: "status" });
  store.root = el("div", { class: `ss ${header.kind}` }, store.note, store.say);
  if (header.kind === "lookup") {
    store.root.append(...ssBuildLookup(store), store.ended);
  } else {
    store.scroll = el("div", { class: "tree" });
    store.about = el("p", { class: "about", role: "status" });
    store.step = el("p", { class: "quiet step" });
    store.sr = el("div", { class: "sr-only" });
    store.greedyKey = el("span", {}, el("i", { class: "key greedy" }), "greedy's path");
    store.ranking = ssBuildRanks(store);
    store.root.append(ssTime(store),
      el("p", { class: "legend", "aria-hidden": "true" }, el("span", {}, el("i", { class: "key alive" }), "goes on"), el("span", {}, el("i", { class: "key died" }), "went on, then died out"),
        el("span", {}, el("i", { class: "key ghost" }), "dropped at once"), el("span", {}, el("i", { class: "key done" }), "finished, with its score"), store.greedyKey, el("span", { text: "width: the token's chance" })),
      store.scroll, store.about, store.step, store.ended, store.ranking, store.sr);
  }
  parentElement.append(store.root);
}

// The slider through time, with a button at each end.
function ssTime(store) {
  store.count = el("span", { class: "count n" });
  store.slider = el("input", { type: "range", min: 0, step: 1, "aria-label": "Step of the search" });
  store.slider.oninput = () => ssGoTo(store, Number(store.slider.value));
  const button = (text, name, by) => el("button", { class: "act", type: "button", text, "aria-label": name, on: { click: () => ssGoTo(store, store.t + by) } });
  return el("div", { class: "time" }, button("‹", "One step back", -1), store.slider, button("›", "One step on", 1), store.count);
}

function ssGoTo(store, to) {
  if (to === undefined || to < 0 || to > store.last || to === store.t) return false;
  store.t = to;
  store.look = null;
  store.draw(store.width);
  return true;
}

function ssDrawBeams(store, header, theme, width) {
  if (store.last < 0) return;
  const before = store.scroll.scrollLeft;
  const kept = store.drawnKey === store.shown;
  store.drawnKey = store.shown;
  const svg = ssTree(store, header, theme, width);
  store.scroll.replaceChildren(svg);
  store.scroll.tabIndex = svg.width.baseVal.value > width ? 0 : -1;
  // The step that is looked at stays in sight.
  const column = svg.width.baseVal.value * ((store.t + 1.4) / (store.last + 1.4)) - width;
  store.scroll.scrollLeft = kept ? (column > before || column + width - 240 < before ? Math.max(0, column) : before) : 0;
  ssAbout(store, header, store.look || ssBestAt(store, header));
  store.step.textContent = ssStepSays(store, header);
  if (header.hypotheses.length) ssRanks(store, header, width);
}

function ssStepSays(store, header) {
  const column = store.nodes[store.t];
  const count = (...fates) => column.filter((node) => fates.includes(node.fate)).length;
  if (header.way === "greedy") return `Step ${store.t + 1}: the likeliest token is taken; the next best is shown as a ghost.`;
  const parts = [`Step ${store.t + 1}: ${column.length} candidates${header.drawn ? " drawn" : ""}`, `${count(SS_KEPT)} go on`, `${count(SS_FINISHED)} finished`, `${count(SS_DROPPED, SS_LATE)} dropped`];
  const reach = header.reachable[store.t], worst = header.worst[store.t];
  if (worst === null || reach === null || store.t === store.last) return `${parts.join(", ")}.`;
  return `${parts.join(", ")}. The best running text can still reach ${ssMinus(reach)}; the worst of the finished has ${ssMinus(worst)}.`;
}
