// parts: sampling_shape_more
// "Force a shape": the output token by token, each with what the shape forbade there; a chosen step's chances before and
// after; below it what belongs to choices, to a call, or to answers that were scored.

export default function (component) {
  const { parentElement, data } = component;
  if (!data) return;
  const { header } = readPayload(data);
  const store = instance(parentElement, () => ({ at: null, text: null }));
  const theme = themeOf(parentElement);
  if (!store.root || !store.root.isConnected) {
    store.root = el("div", { class: "sh" });
    parentElement.append(store.root);
  }
  const { root } = store;
  const colours = { now: theme.categories[1], muted: theme.muted, hairline: theme.hairline, accent: theme.accent, panel: theme.panel, other: theme.categories[2], "on-accent": theme.onAccent };
  for (const [name, value] of Object.entries(colours)) root.style.setProperty(`--${name}`, value);
  // Another output starts at the step where most was forbidden and something was chosen; one that grows keeps its step.
  const began = header.steps ? header.steps.slice(0, 1).map((s) => s.i).join() + header.tail : "";
  if (store.began !== began) store.at = null;
  store.began = began;
  const draw = { shape: shShape, likely: shLikely, reviews: shReviews, waiting: shWaiting }[header.view];
  root.replaceChildren(...draw(header, store).filter(Boolean));
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 700));
}

function shWaiting() {
  return [el("p", { class: "quiet", role: "status", text: "Nothing is written yet." })];
}

// A token's text for reading: white space as signs, bytes in brackets.
function shToken(token) {
  const fragment = token.k === 2;
  const span = el("span", { class: `label k${token.k}` });
  const text = fragment ? `⟨${token.t}⟩` : token.t;
  if (!fragment && text.length > 1 && text.startsWith(" ")) span.append(el("i", { text: "·" }), visible(text.slice(1)));
  else span.append(visible(text));
  return span;
}
const shSpoken = (token) => (token.k === 2 ? `bytes ${token.t}` : token.t.trim() || `white space ${visible(token.t)}`);
const shIn = (log) => {
  const p = Math.exp(log);
  if (p > 0.01) return percent(p);
  const n = -log / Math.LN10;
  return n < 6 ? `1 in ${Number(Math.exp(-log).toPrecision(2)).toLocaleString("en-US")}` : `1 in 10${[...String(Math.round(n))].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")}`;
};

// ------------------------------------------------------------------------------------------------------------- output

function shShape(header, store) {
  const { steps } = header;
  if (!steps.length) {
    return [el("p", { class: "quiet", role: "status", text: header.says || "The model reads the text and the shape is made ready." })];
  }
  // A call is what its reader came for, so it stands before the steps that led to it.
  const [out, ends, ...strip] = shStrip(header, store);
  const parts = [out, ends, header.call ? shCall(header.call) : null, ...strip, header.odds ? shOdds(header.odds) : null, shTable(header)];
  return parts.filter(Boolean);
}

function shStrip(header, store) {
  const { steps } = header;
  const busiest = () => {
    const free = steps.map((s, i) => [s.one ? -1 : s.f, i]);
    return free.reduce((a, b) => (b[0] > a[0] ? b : a))[1];
  };
  const at = () => (store.at === null || store.at >= steps.length ? (header.ended ? busiest() : steps.length - 1) : store.at);
  const detail = el("div", { class: "detail" });
  const buttons = steps.map((step, i) => {
    const share = 1 - step.f;
    const button = el("button", {
      type: "button", class: `tok${step.one ? " forced" : ""}${step.end ? " end" : ""}`, tabindex: i === at() ? 0 : -1,
      "aria-label": `Token ${i + 1}, ${shSpoken(step)}: ${step.one ? "forced, the only one allowed" : `${step.n.toLocaleString("en-US")} allowed`}; ${percent(step.f)} of the model's probability was forbidden`,
    },
    el("span", { class: "chip" }, step.end ? el("span", { class: "stop", text: "end" }) : shToken(step)),
    el("span", { class: "tube", "aria-hidden": "true" },
      el("i", { class: "no", style: { height: `${100 * step.f}%` } }),
      el("i", { class: "yes", style: { height: `${100 * Math.max(0, share - step.p)}%` } }),
      el("i", { class: "took", style: { height: `${100 * step.p}%` } })),
    el("span", { class: "share", text: step.f < 0.0005 ? "0 %" : percent(Math.min(step.f, step.f > 0.9995 ? 1 : 0.999)) }),
    el("span", { class: "tag", text: step.one ? "forced" : `of ${step.n.toLocaleString("en-US")}` }));
    button.onclick = () => pick(i);
    return button;
  });
  const pick = (i) => {
    store.at = i;
    show();
  };
  const show = () => {
    const now = at();
    buttons.forEach((button, i) => {
      button.setAttribute("aria-pressed", i === now ? "true" : "false");
      button.tabIndex = i === now ? 0 : -1;
    });
    detail.replaceChildren(...shDetail(steps[now], now, header).filter(Boolean));
  };
  const strip = el("div", { class: "strip", role: "group", "aria-label": "The output, token by token; arrow keys move" }, buttons);
  moveByArrows(strip, ".tok", { onMove: (_, i) => pick(i) });
  show();
  const forced = steps.filter((s) => s.one).length;
  const done = header.ended;
  return [
    el("p", { class: "out" }, el("span", { class: "quiet", text: `${header.cut ? "… " : ""}${header.tail}` }), el("mark", { text: header.text })),
    el("p", { class: `ends${(done || header.resting) && !header.complete ? " cut" : ""}`, role: "status", text: done ? header.says : header.resting ? "Stopped before its end, so the shape may be cut off." : "Writing …" }),
    el("div", { class: "line" }, el("h3", { text: "What the shape forbade at each step" }),
      el("p", { class: "legend", "aria-hidden": "true" },
        el("span", {}, el("i", { class: "key no" }), "forbidden"), el("span", {}, el("i", { class: "key yes" }), "allowed"),
        el("span", {}, el("i", { class: "key took" }), "the token that came"))),
    strip,
    detail,
    el("div", { class: "sums" },
      el("p", {}, "That the model writes just this by itself: ", el("b", { text: shIn(header.log_p) }), el("span", { class: "quiet", text: ` (ln p ${header.log_p.toFixed(2)})` }),
        ". Where each step is drawn from what is allowed: ", el("b", { text: shIn(header.log_q) }), el("span", { class: "quiet", text: ` (ln q ${header.log_q.toFixed(2)})` }),
        `. ${forced ? `${forced} of ${steps.length} tokens ${forced === 1 ? "was" : "were"} forced.` : "No token was forced."}`),
      header.honest ? el("p", { class: "quiet", text: header.honest }) : null),
  ];
}

function shDetail(step, i, header) {
  const best = step.before[0];
  const share = 1 - step.f;
  const says = step.one
    ? `Only one token fits here, so nothing is chosen: it comes although the model gave it ${percent(step.p)}.`
    : best.ok
      ? `The model's first choice is allowed. ${step.n.toLocaleString("en-US")} of ${header.vocabulary.toLocaleString("en-US")} tokens are, with ${percent(share)} of its probability; they share the whole now.`
      : `The model wanted “${shSpoken(best)}” (${percent(best.p)}), which the shape forbids. The ${step.n.toLocaleString("en-US")} tokens that it allows had ${percent(share)} together, and share the whole now.`;
  const most = Math.max(...step.before.map((one) => one.p), 1e-9);
  const bar = (one, kind, p, top) => el("div", { class: `bar ${kind}` }, el("span", { class: "name" }, shToken(one)),
    el("span", { class: "track" }, el("i", { style: { width: `${Math.max(0.6, (100 * p) / top)}%` } })), el("span", { class: "n", text: percent(p) }));
  return [
    el("h4", {}, `Step ${i + 1}: `, step.end ? "the end of the text" : shToken(step)),
    el("p", { class: "says", text: says }),
    el("div", { class: "pair" },
      el("div", {}, el("h5", { text: "as the model gave it" }), step.before.map((one) => bar(one, one.ok ? (one.i === step.i ? "took" : "yes") : "no", one.p, most)),
        step.before.some((one) => one.i === step.i) || step.end ? null : bar(step, "took", step.p, most)),
      el("div", {}, el("h5", { text: "inside the shape" }), step.after.map((one) => bar(one, one.i === step.i ? "took" : "yes", one.p, 1)))),
  ];
}

function shTable(header) {
  const head = ["token", "tokens allowed", "forbidden", "the model gave it", "inside the shape"];
  // A table takes the width it needs, so the box around it is what hides it.
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: "The output, token by token" }),
    el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, header.steps.map((step) => el("tr", {}, el("th", { scope: "row", text: step.end ? "end of text" : shSpoken(step) }),
      el("td", { text: step.one ? "1, forced" : step.n }), el("td", { text: percent(step.f) }), el("td", { text: percent(step.p) }), el("td", { text: percent(step.q) }))))));
}
