// The finished texts of a beam search in order, and at once in the order that another length_penalty would give them.

const SS_MOST = 12;
const ssRead = (text) => text.replace(/\n/g, "↵").trim();

function ssRanks(store, header, width) {
  const narrow = width < 620;
  const asked = header.length_penalty, wanted = store.penalty ?? asked;
  const score = (one, power) => one.total / one.ids.length ** power;
  const by = (power) => [...header.hypotheses].sort((a, b) => score(b, power) - score(a, power));
  const was = by(asked), now = by(wanted);
  const moved = now.some((one, place) => one !== was[place]);
  const rows = now.slice(0, SS_MOST).map((one, place) => {
    const before = was.indexOf(one);
    const arrow = before === place ? "" : before > place ? ` ▲${before - place}` : ` ▼${place - before}`;
    return el("tr", { class: place === 0 ? "best" : "" },
      el("td", { class: "n place", text: place + 1 }, el("span", { class: "moved", text: arrow, "aria-label": arrow ? `was ${before + 1}` : null })),
      el("th", { scope: "row", class: "mono text" }, ssRead(one.text), one.ended === "end" ? el("span", { class: "endmark", text: "■", title: "ended by itself" }) : null,
        one.place === null ? el("span", { class: "lost", text: "lost its place" }) : null,
        narrow ? el("span", { class: "small n", text: `${header.changed ? "after the chain " : ""}log p ${ssMinus(one.total)}` }) : null),
      el("td", { class: "n", text: one.ids.length }),
      header.changed && !narrow ? el("td", { class: "n", text: ssMinus(one.raw) }) : null,
      narrow ? null : el("td", { class: "n", text: ssMinus(one.total) }),
      narrow ? null : el("td", { class: "n", text: `${one.ids.length}^${ssPower(wanted)} = ${fmt(one.ids.length ** wanted)}` }),
      el("td", { class: "n strong", text: ssMinus(score(one, wanted)) }));
  });
  if (header.greedy) {
    const one = header.greedy;
    rows.push(el("tr", { class: "greedy-row" },
      el("td", {}), el("th", { scope: "row", class: "mono text" }, el("span", { class: "tag", text: "greedy" }), ssRead(one.text), one.ended === "end" ? el("span", { class: "endmark", text: "■" }) : null,
        narrow ? el("span", { class: "small n", text: `log p ${ssMinus(one.raw)}` }) : null),
      el("td", { class: "n", text: one.ids.length }), narrow ? null : el("td", { class: "n", text: ssMinus(one.raw) }),
      // After a chain that changes probabilities greedy's sum is of another kind, so it has no score among these.
      header.changed && !narrow ? el("td", { class: "n", text: "–" }) : null,
      narrow ? null : el("td", { class: "n", text: header.changed ? "" : `${one.ids.length}^${ssPower(wanted)} = ${fmt(one.ids.length ** wanted)}` }),
      el("td", { class: "n", text: header.changed ? "–" : ssMinus(score(one, wanted)) })));
  }
  const more = now.length > SS_MOST ? ` ${now.length - SS_MOST} more ended behind these.` : "";
  const lengths = new Set(header.hypotheses.map((one) => one.ids.length)).size;
  let says = wanted === asked
    ? `Score = log p${header.changed ? " after the chain" : ""} divided by tokens^${ssPower(asked)}.${more} Move the slider to see another length_penalty.`
    : moved ? `At ${ssPower(wanted)} the order changes.${more} The search itself might have gone another way: it drops and stops by these scores. Set the knob above to see.`
      : `At ${ssPower(wanted)} the order of these stays.${more} The search itself might have gone another way. Set the knob above to see.`;
  if (lengths === 1) says = `All of these have ${header.hypotheses[0].ids.length} tokens, so no length_penalty changes their order.${more}`;
  store.rankBody.replaceChildren(el("table", {},
    el("caption", { class: "sr-only", text: "The finished texts by score" }),
    el("thead", {}, el("tr", {}, el("td", {}), el("th", { scope: "col", class: "text", text: "text" }), el("th", { scope: "col", text: "tokens" }),
      narrow ? null : el("th", { scope: "col", text: "log p" }), header.changed && !narrow ? el("th", { scope: "col", text: "after the chain" }) : null, narrow ? null : el("th", { scope: "col", text: "divided by" }), el("th", { scope: "col", text: "score" }))),
    el("tbody", {}, rows)));
  store.rankSays.textContent = says;
  store.penaltyValue.textContent = ssPower(wanted);
}

function ssBuildRanks(store) {
  store.rankBody = el("div", { class: "ranks" });
  store.rankSays = el("p", { class: "quiet", role: "status" });
  store.penaltyValue = el("b", { class: "n" });
  store.penaltySlider = el("input", { type: "range", min: -3, max: 3, step: 0.1, "aria-label": "length_penalty to try on the finished texts" });
  store.what = el("label", { class: "what" }, el("span", {}, "what if ", el("span", { class: "mono", text: "length_penalty" }), " were ", store.penaltyValue), store.penaltySlider);
  return el("section", { class: "ranking" },
    el("div", { class: "line" }, el("h2", { text: "The finished texts" }), store.what), store.rankBody, store.rankSays);
}

// Every candidate that stayed or ended, for a screen reader.
function ssReadable(header, nodes) {
  const rows = nodes.flatMap((column) => {
    const out = column.filter((node) => node.fate === SS_DROPPED || node.fate === SS_LATE).length;
    return column.filter((node) => node.fate === SS_KEPT || node.fate === SS_FINISHED).map((node) => el("tr", {},
      el("td", { text: node.step + 1 }), el("th", { scope: "row", text: ssText(node) }), el("td", { text: percent(Math.exp(node.logP)) }),
      el("td", { text: ssMinus(node.total) }), el("td", { text: ssFate(node, header) }),
      el("td", { text: node.fate === SS_FINISHED ? ssMinus(node.score) : "" }), el("td", { text: out })));
  });
  return el("table", {}, el("caption", { text: "The search step by step: the texts that stayed or ended" }),
    el("thead", {}, el("tr", {}, ["step", "text", "chance of its last token", "log p of the text", "what became of it", "score", "dropped in this step"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, rows));
}
