// What stands below the output of "Force a shape": choices weighed in two ways, a call and what it gave; and the
// tables of answers that were scored.

const shQuote = (text) => `“${text.trim()}”`;

// ------------------------------------------------------------------------------------------------------------ choices

function shOdds(odds) {
  const order = odds.choices.map((_, i) => i).sort((a, b) => odds.whole[b] - odds.whole[a]);
  const gap = order.reduce((a, b) => (Math.abs(odds.masked[b] - odds.whole[b]) > Math.abs(odds.masked[a] - odds.whole[a]) ? b : a));
  const far = Math.abs(odds.masked[gap] - odds.whole[gap]);
  const pieces = order.filter((i) => odds.masked[i] > 0.03 && odds.own[i] < 0.9 * odds.masked[i]);
  const cell = (p, kind) => el("td", { class: kind }, el("span", { class: "track", "aria-hidden": "true" }, el("i", { style: { width: `${Math.max(0.5, 100 * p)}%` } })), el("span", { class: "n", text: percent(p) }));
  return el("section", { class: "more" },
    el("h3", { text: "Each choice, weighed in two ways" }),
    el("table", { class: "odds" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col", text: "choice" }), el("th", { scope: "col", text: "drawn step by step in the shape" }), el("th", { scope: "col", text: "the model's own, over whole texts" }))),
      el("tbody", {}, order.map((i) => el("tr", {}, el("th", { scope: "row", text: visible(odds.choices[i]) }), cell(odds.masked[i], "took"), cell(odds.whole[i], "whole"))))),
    el("p", {}, far > 0.02
      ? `${shQuote(odds.choices[gap])} comes in ${percent(odds.masked[gap])} of the draws, yet among these choices the model itself gives it ${percent(odds.whole[gap])}. `
      : "Here the two agree. ",
    "Drawing renormalises at each step without looking ahead: a beginning that seems likely is taken, and what has to follow is then forced, however unlikely."),
    pieces.length ? el("p", { class: "quiet", text: `Spelling counts too: ${pieces.slice(0, 2).map((i) => `${percent(1 - odds.own[i] / odds.masked[i])} of the draws of ${shQuote(odds.choices[i])}`).join(" and ")} spell it in other pieces than the tokenizer would, which the model has hardly ever seen.` }) : null,
    odds.begins ? el("p", { class: "quiet", text: `${shQuote(odds.begins[0])} begins ${shQuote(odds.begins[1])}, so it counts only where the model ends its text there.` }) : null,
    el("p", { class: "quiet", text: odds.unseen_masked > 5e-4 || odds.unseen_whole > 5e-4
      ? `All ways to spell the choices were followed but for ${percent(Math.max(odds.unseen_masked, odds.unseen_whole))}; no number is off by more.`
      : "Every way to spell the choices is counted; the numbers are exact to a twentieth of a percent." }));
}

// --------------------------------------------------------------------------------------------------------------- call

function shCall(call) {
  const expected = call.expected;
  const right = (one) => `${one.function}, “${one.argument}”, which gives ${one.says}`;
  const content = {
    right: ["good", `Right: ${expected ? right(expected) : ""}.`],
    function: ["bad", `Well-formed and wrong: another function was needed. Expected ${expected ? right(expected) : ""}.`],
    argument: ["bad", `Well-formed and wrong: the right function with the wrong argument. Expected ${expected ? right(expected) : ""}.`],
    none: ["bad", "Well-formed and wrong: neither function can answer this. In this shape there is no way to say no."],
  }[call.verdict] || ["open", "Is it right? The page cannot know. The shape made sure of the form alone."];
  const fact = (name, kind, text) => el("div", { class: `fact ${kind}` }, el("dt", { text: name }), el("dd", {}, el("span", { class: "mark", "aria-hidden": "true", text: { good: "✓", bad: "✗", open: "?" }[kind] }), text));
  return el("section", { class: "more" },
    el("h3", { text: "The call, and what came of it" }),
    el("dl", { class: "facts" },
      fact("form", call.well_formed ? "good" : "bad", call.well_formed ? `A call of ${call.function}, as the schema demands.` : call.says),
      call.well_formed ? fact("content", content[0], content[1]) : null,
      call.well_formed ? fact("run", call.ran ? "good" : "bad", call.ran ? `${call.function} says ${call.says}` : call.says) : null),
    el("details", {}, el("summary", { text: "What the model read" }), el("pre", { tabindex: 0, text: call.prompt })));
}

// -------------------------------------------------------------------------------------------------------- likelihoods

function shLikely(header) {
  const { rows } = header;
  const order = rows.map((_, i) => i).sort((a, b) => rows[b].c - rows[a].c);
  const weights = rows.map((row) => Math.exp(row.c - rows[order[0]].c));
  const whole = weights.reduce((a, b) => a + b);
  const bestMean = rows.reduce((a, row, i) => (row.mean > rows[a].mean ? i : a), 0);
  const sign = (x) => `${x > 0 ? "+" : x < 0 ? "−" : ""}${Math.abs(x).toFixed(2)}`;
  const right = header.expected;
  const said = (i) => (right ? (rows[i].text === right ? ", which is right" : `, which is wrong: it is ${shQuote(right)}`) : "");
  const fell = header.best !== header.plain;
  return [
    el("div", { class: "two" },
      el("section", {},
        el("h3", { text: "Asked by likelihood" }),
        el("p", { class: "big" }, el("b", { text: rows[header.best].text }), el("span", { class: "quiet", text: said(header.best) })),
        el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The answers and their scores" }, el("table", { class: "likely" },
          el("thead", {}, el("tr", {}, ["answer", "share among them", "the question adds", "ln P here", "ln P, empty", "per token"].map((text) => el("th", { scope: "col", text })))),
          el("tbody", {}, order.map((i) => {
            const row = rows[i];
            const share = weights[i] / whole;
            return el("tr", { class: i === header.best ? "best" : "" }, el("th", { scope: "row", text: row.text }),
              el("td", { class: "wide" }, el("span", { class: "track", "aria-hidden": "true" }, el("i", { style: { width: `${Math.max(0.6, 100 * share)}%` } })), el("span", { class: "n", text: percent(share) })),
              el("td", { class: "n", text: sign(row.c) }), el("td", { class: "n", text: sign(row.p) }), el("td", { class: "n", text: sign(row.empty) }), el("td", { class: "n", text: sign(row.mean) }));
          })))),
        el("p", { class: "quiet" }, "What the question adds is ln P(answer | question) − ln P(answer | empty question); the share is e to that, out of all answers. ",
          fell ? `Without taking the empty question off, ${shQuote(rows[header.plain].text)} would win: it is likely whatever is asked. ` : "Here the plain probability names the same answer. ",
          bestMean !== header.best ? `By ln P per token ${shQuote(rows[bestMean].text)} would win.` : "")),
      el("section", {},
        el("h3", { text: "Asked in words" }),
        el("p", { class: "said", text: header.said }),
        el("p", { class: "quiet", text: "What the model writes by itself, the likeliest token each time. It may answer another question, hedge, or contradict its own probabilities." }))),
    el("details", {}, el("summary", { text: "What the answers stand behind" }), el("pre", { tabindex: 0, text: header.prompt })),
  ];
}

function shReviews(header) {
  const { rows } = header;
  const hits = rows.filter((row) => row.calibrated === row.expected).length;
  const said = rows.filter((row) => row.named === row.expected).length;
  const none = rows.filter((row) => !row.named).length;
  const mark = (ok, text) => el("span", { class: `verdict ${ok === null ? "open" : ok ? "good" : "bad"}` }, el("span", { class: "mark", "aria-hidden": "true", text: ok === null ? "–" : ok ? "✓" : "✗" }), text, el("span", { class: "sr-only", text: ok === null ? ", no answer" : ok ? ", right" : ", wrong" }));
  return [
    el("h3", { text: `${rows.length} of ${header.of} ready reviews` }),
    el("p", { role: "status" }, "By likelihood ", el("b", { text: `${hits} right` }), ". In its own words ", el("b", { text: `${said} right` }), `, ${rows.length - said - none} wrong, ${none} without an answer.`),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The ready reviews" }, el("table", { class: "reviews" },
      el("thead", {}, el("tr", {}, ["review", "by likelihood", "margin", "in its own words"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row", text: row.text }),
        el("td", {}, mark(row.calibrated === row.expected, row.calibrated)), el("td", { class: "n", text: row.margin.toFixed(2) }),
        el("td", {}, mark(row.named ? row.named === row.expected : null, row.named || "no answer"), el("span", { class: "quiet full", text: row.said }))))))),
    el("p", { class: "quiet", text: "The same small model, the same twelve texts. It knows more than it says: the question in words asks it to write well, the scores ask only which of two words fits better." }),
  ];
}
