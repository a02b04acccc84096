// A text on its way through a tokenizer, one row a step, and back. Pointing at a piece lights in every row what it came
// from and what became of it. components/views/tokenizer/pipeline_payload.py says what the header and the arrays hold.

const STAGE_NAMES = { text: "Text", added_tokens: "Added tokens", normalizer: "Normaliser", pre_tokenizer: "Pre-tokeniser",
  model: "Model", post_processor: "Post-processor", decoder: "Decoder" };
const CHANGED = 0;
const ADDED = 1;
const REMOVED = 2;
const SPECIAL_KIND = 1;
const FRAGMENT_KIND = 2;
const UNKNOWN_KIND = 3;
// So many characters of the original are drawn at once; a longer text has pages.
const WINDOW = 1200;
const SPOKEN = 150;
const HIDDEN_SIGNS = /[\u200b\ufeff\u00ad\u2060\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const counted = (count, word) => `${count.toLocaleString("en-US")} ${word}${count === 1 ? "" : "s"}`;
const readable = (text) => visible(text).replace(/\u00a0/g, "⍽").replace(/\u200d/g, "ZWJ").replace(/[\ufe0e\ufe0f]/g, "VS").replace(HIDDEN_SIGNS, "∅");
// A sign that is drawn together with the one before it: a text is not cut there, whatever the tokens do.
const clings = (text, before) => /^[\p{M}\u200d\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}]/u.test(text) || before === "\u200d";
const standing = (text) => (/^\p{M}/u.test(text) ? "◌" + text : text);

// The steps with their arrays; one that changed nothing has those of the step before it.
function readSteps(payload) {
  const { header, arrays } = payload;
  const steps = [];
  header.steps.forEach((one, k) => {
    const last = steps[k - 1];
    const step = { ...one, k, sources: arrays[`sources${k}`] };
    if (one.changed) {
      step.letters = Array.from(one.text);
      for (const name of ["cuts", "origin", "kinds", "marks", "places", "ids"]) step[name] = arrays[`${name}${k}`];
    } else {
      for (const name of ["letters", "cuts", "origin", "kinds", "places", "ids"]) step[name] = last[name];
      step.marks = [];
    }
    step.count = step.origin.length / 2;
    step.flows = ["text", "added_tokens", "normalizer"].includes(one.stage);
    step.back = one.stage === "decoder" && one.type !== "skip_special_tokens";
    // A token keeps its tint in every row below the model; what was put in later has none.
    if (one.stage === "model") step.tint = Int32Array.from({ length: step.count }, (_, i) => i % 6);
    else if (last && last.tint) {
      step.tint = Int32Array.from({ length: step.count }, (_, i) => (step.sources[2 * i] < step.sources[2 * i + 1] ? last.tint[step.sources[2 * i]] : -1));
    }
    steps.push(step);
  });
  return steps;
}

const slice = (step, from, to) => step.letters.slice(from, to).join("");
const pieceText = (step, i) => slice(step, step.cuts[i], step.cuts[i + 1]);

// What can be pointed at in one row: stretches of a flowing text, cut where a token begins or ends, or whole pieces.
function unitsOf(step, edges, from, to) {
  const units = [];
  if (!step.flows) {
    for (let i = 0; i < step.count; i++) {
      const begin = step.origin[2 * i];
      // What stands for nothing, such as a token at the very end, belongs to the page that ends there.
      if (begin < from || begin > to || (begin === to && (step.origin[2 * i + 1] > begin || !edges.has(-to)))) continue;
      const [at, last] = [step.cuts[i], units[units.length - 1]];
      if (step.back && last && at < step.cuts[i + 1] && clings(step.letters[at], step.letters[at - 1])) {
        last.pieces.push(i);
        last.to = step.cuts[i + 1];
        last.end = Math.max(last.end, step.origin[2 * i + 1]);
      } else {
        units.push({ k: step.k, piece: i, pieces: [i], from: at, to: step.cuts[i + 1], begin, end: step.origin[2 * i + 1], kind: step.kinds[i] });
      }
    }
    return units;
  }
  let piece = 0;
  let open = null;
  for (let at = 0; at < step.letters.length; at++) {
    const [begin, end] = [step.places[2 * at], step.places[2 * at + 1]];
    while (at >= step.cuts[piece + 1]) piece++;
    if (begin < from || begin >= to) {
      open = null;
      continue;
    }
    const control = step.kinds[piece] === SPECIAL_KIND;
    if (open && open.piece === piece && (control || begin === open.last || !edges.has(begin) || clings(step.letters[at], step.letters[at - 1]))) {
      open.to = at + 1;
      open.end = Math.max(open.end, end);
    } else {
      open = { k: step.k, piece, from: at, to: at + 1, begin, end, kind: step.kinds[piece] };
      units.push(open);
    }
    open.last = begin;
  }
  return units;
}

function pagesOf(steps, characters) {
  const model = steps.find((step) => step.stage === "model");
  const clean = new Set();
  let reached = 0;
  for (let i = 0; i < model.count; i++) {
    if (model.origin[2 * i] >= reached) clean.add(model.origin[2 * i]);
    reached = Math.max(reached, model.origin[2 * i + 1]);
  }
  const pages = [];
  for (let from = 0; from < characters;) {
    let to = Math.min(characters, from + WINDOW);
    while (to < characters && to > from + WINDOW / 2 && !clean.has(to)) to--;
    pages.push([from, to]);
    from = to;
  }
  return pages.length ? pages : [[0, 0]];
}

const gone = (text) => el("del", { class: "gone", text: readable(text) });

// The characters of a unit, with what the step changed in them; `lead` stands before it.
function letters(step, unit) {
  const parts = [];
  const lead = [];
  let at = unit.from;
  const running = step.flows || step.back;
  // A line break in a running text is one in the picture too.
  const lines = (from, to) => (running ? slice(step, from, to).split(/(?<=\n)/u) : [slice(step, from, to)])
    .flatMap((line) => (running && line.endsWith("\n") ? [readable(line), el("br")] : [readable(line)]));
  const upTo = (place) => {
    if (place > at) parts.push(...lines(at, place));
    at = Math.max(at, place);
  };
  for (let m = firstMark(step, unit.from); m < step.marks.length / 3 && step.marks[3 * m] <= unit.to; m++) {
    const [from, to, kind] = step.marks.subarray(3 * m, 3 * m + 3);
    if (kind === REMOVED) {
      if (from === unit.from) lead.push(gone(step.before[m]));
      else if (from < unit.to) {
        upTo(from);
        parts.push(gone(step.before[m]));
      }
    } else if (to > unit.from && from < unit.to) {
      upTo(Math.max(unit.from, from));
      const end = Math.min(unit.to, to);
      parts.push(el("mark", { class: kind === ADDED ? "added" : "changed" }, ...lines(at, end)));
      at = end;
    }
  }
  upTo(unit.to);
  if (!running && typeof parts[0] === "string") parts[0] = standing(parts[0]);
  return [lead, parts];
}

// The first mark that ends at or behind a place; marks stand in order.
function firstMark(step, place) {
  let low = 0;
  let high = step.marks.length / 3;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (step.marks[3 * middle + 1] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Which pieces of each step belong to a unit: its ancestors and what became of it.
function relatives(steps, unit) {
  const sets = steps.map(() => null);
  const down = (k) => {
    for (; k + 1 < steps.length; k++) {
      const { sources, count } = steps[k + 1];
      sets[k + 1] = new Set();
      for (let i = 0; i < count; i++) {
        for (let j = sources[2 * i]; j < sources[2 * i + 1]; j++) {
          if (sets[k].has(j)) {
            sets[k + 1].add(i);
            break;
          }
        }
      }
    }
  };
  const first = steps.findIndex((step) => !step.flows);
  if (!steps[unit.k].flows) {
    sets[unit.k] = new Set(unit.pieces);
    for (let k = unit.k; k > first; k--) {
      sets[k - 1] = new Set();
      for (const i of sets[k]) for (let j = steps[k].sources[2 * i]; j < steps[k].sources[2 * i + 1]; j++) sets[k - 1].add(j);
    }
    down(unit.k);
  } else {
    const model = steps.findIndex((step) => step.stage === "model");
    for (let k = first; k <= model; k++) {
      sets[k] = new Set();
      const { origin, count } = steps[k];
      for (let i = 0; i < count; i++) if (origin[2 * i] < unit.end && origin[2 * i + 1] > unit.begin) sets[k].add(i);
    }
    down(model);
  }
  return sets;
}

export default function (component) {
  const { parentElement, data } = component;
  const store = instance(parentElement, () => ({ page: 0, shown: "" }));
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tp" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm", "onAccent"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--good", theme.dark ? "#3CB98F" : "#00724F");
  theme.tints.forEach((tint, i) => root.style.setProperty(`--t${i}`, tint));
  const payload = readPayload(data);
  const { header } = payload;
  const steps = readSteps(payload);
  const pages = pagesOf(steps, header.characters);
  const shown = `${header.name} ${header.steps[0].text}`;
  if (store.shown !== shown) store.page = 0;
  store.shown = shown;
  let rows = [];
  let units = [];
  let held = null;

  function chip(step, unit) {
    const [lead, parts] = letters(step, unit);
    const token = step.ids && !step.flows && !step.back;
    const classes = ["unit", step.flows || step.back ? "run" : "chip"];
    if (!step.flows && !step.back) classes.push(step.stage === "pre_tokenizer" ? "word" : `t${step.tint[unit.piece]}`);
    if (unit.kind === SPECIAL_KIND && !step.back) classes.push("special");
    if (unit.kind === FRAGMENT_KIND && token) classes.push("fragment");
    if (unit.kind === UNKNOWN_KIND && !step.back) classes.push("unknown");
    const node = el("span", { class: classes.join(" "), role: "option", "aria-selected": "false", dir: "auto", tabindex: -1 }, ...parts, token ? el("small", { text: String(step.ids[unit.piece]) }) : null);
    node.lgUnit = unit;
    unit.node = node;
    return [...lead, node];
  }

  function flow(step, edges, from, to) {
    const row = { step, units: unitsOf(step, edges, from, to) };
    row.node = el("div", { class: `flow ${step.flows || step.back ? "runs" : "chips"}`, role: "listbox", "aria-orientation": "horizontal", "aria-label": `${step.name}: pieces` });
    for (const unit of row.units) {
      // A running text breaks before its spaces, not inside a word.
      if ((step.flows || step.back) && /\s|▁/u.test(step.letters[unit.from] || "")) row.node.append(el("wbr"));
      row.node.append(...chip(step, unit));
    }
    for (let m = firstMark(step, step.letters.length); m < step.marks.length / 3 && to === header.characters; m++) {
      if (step.marks[3 * m] === step.letters.length && step.marks[3 * m + 2] === REMOVED) row.node.append(gone(step.before[m]));
    }
    rows.push(row);
    units.push(...row.units);
    return row.node;
  }

  function about(step) {
    const facts = step.marks.length ? tally(step) : "";
    const size = step.flows && step.count === 1 ? counted(step.letters.length, "character")
      : step.ids && !step.back ? counted(step.count, "token") : step.back ? counted(step.letters.length, "character") : counted(step.count, "piece");
    return [
      el("div", { class: "head" }, el("h4", {}, el("b", { text: step.name }), step.does ? el("span", { text: step.does }) : null),
        el("span", { class: "size", text: facts ? `${size} · ${facts}` : size })),
      step.says ? el("p", { class: "says", text: step.says }) : null,
      step.pattern || step.settings.length ? el("p", { class: "settings" }, step.pattern ? el("code", { class: "pattern", text: step.pattern }) : null,
        ...step.settings.map((text) => el("code", { text }))) : null,
    ];
  }

  function tally(step) {
    const sums = [0, 0, 0];
    const whole = step.ids || step.stage === "decoder" && !step.back; // tokens are counted, not their letters
    for (let m = 0; m < step.marks.length / 3; m++) {
      const [from, to, kind] = step.marks.subarray(3 * m, 3 * m + 3);
      sums[kind] += whole ? 1 : kind === REMOVED ? Array.from(step.before[m]).length : to - from;
    }
    if (step.stage === "model") {
      let bytes = 0;
      for (let m = 0; m < step.marks.length / 3; m++) bytes += step.marks[3 * m + 2] === CHANGED && /^<0x..>$/u.test(slice(step, step.marks[3 * m], step.marks[3 * m + 1]));
      return [[bytes, "bare bytes"], [sums[CHANGED] - bytes, "unknown"], [sums[ADDED], "inside a word"]].filter(([count]) => count)
        .map(([count, word]) => `${count.toLocaleString("en-US")} ${word}`).join(", ");
    }
    const said = [[CHANGED, "changed"], [ADDED, "added"], [REMOVED, "removed"]].filter(([kind]) => sums[kind])
      .map(([kind, word]) => `${sums[kind].toLocaleString("en-US")} ${word}`);
    return said.join(", ");
  }

  // Steps that leave everything as it is share one quiet line.
  function quiet(group) {
    const names = group.map((step) => step.name);
    const only = group.length === 1 ? group[0] : null;
    if (only && only.type === "none") return el("p", { class: "quiet" }, el("b", { text: only.name }), `: ${only.does}.`);
    for (let i = 1; i < names.length; i++) {
      const front = /^.*: /.exec(names[i]);
      if (front && names[0].startsWith(front[0])) names[i] = names[i].slice(front[0].length);
    }
    const text = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}` : names[0];
    if (only && only.type === "Fuse") return el("p", { class: "quiet" }, el("b", { text }), `: ${only.does}.`);
    return el("p", { class: "quiet" }, el("b", { text }), names.length > 1 ? ": they change nothing in this text." : ": it changes nothing in this text.");
  }

  function draw() {
    const [from, to] = pages[Math.min(store.page, pages.length - 1)];
    const model = steps.find((step) => step.stage === "model");
    const edges = new Set(model.origin);
    if (to === header.characters) edges.add(-to);
    rows = [];
    units = [];
    held = null;
    const stairs = el("div", { class: "stairs" });
    let depth = -1;
    for (let k = 0; k < steps.length;) {
      const { stage } = steps[k];
      const body = el("div", { class: "body" });
      depth++;
      for (; k < steps.length && steps[k].stage === stage;) {
        const still = [];
        while (k < steps.length && steps[k].stage === stage && !steps[k].changed) still.push(steps[k++]);
        if (still.length) body.append(quiet(still));
        if (k >= steps.length || steps[k].stage !== stage) break;
        body.append(el("div", { class: "step" }, ...about(steps[k]), flow(steps[k], edges, from, to)));
        k++;
      }
      stairs.append(el("section", { class: `stage ${stage}`, style: { "--depth": String(depth) } }, el("h3", { text: STAGE_NAMES[stage] }), body));
    }
    const verdict = header.exact ? el("p", { class: "verdict" }, el("b", { class: "good", text: "✓ your text again, character by character" }))
      : el("p", { class: "verdict" }, el("b", { class: "bad", text: "not your text again" }), header.summary.length ? `: ${header.summary.join("; ")}` : "");
    stairs.lastElementChild.append(verdict);
    store.card = el("div", { class: "card", "aria-live": "polite" });
    const turn = (step) => () => {
      store.page += step;
      draw();
    };
    const pager = pages.length > 1 ? el("div", { class: "pager" },
      el("button", { type: "button", text: "Earlier", disabled: store.page === 0, on: { click: turn(-1) } }),
      el("span", { text: `characters ${(from + 1).toLocaleString("en-US")} to ${to.toLocaleString("en-US")} of ${header.characters.toLocaleString("en-US")}` }),
      el("button", { type: "button", text: "Later", disabled: store.page === pages.length - 1, on: { click: turn(1) } })) : null;
    const legend = el("p", { class: "legend", "aria-hidden": "true" }, el("span", {}, el("mark", { class: "changed", text: "changed" })),
      el("span", {}, el("mark", { class: "added", text: "added" })), el("span", {}, el("del", { class: "gone", text: "removed" })),
      el("span", { text: "· space" }), el("span", { text: "↵ line break" }));
    root.replaceChildren(...[legend, pager, stairs, store.card, spoken()].filter(Boolean));
    say(null);
    if (units.length) units[0].node.tabIndex = 0;
  }

  // The same facts as a table, for a screen reader.
  function spoken() {
    const list = (step) => {
      const found = [];
      for (let i = 0; i < Math.min(step.count, SPOKEN); i++) found.push(pieceText(step, i) + (step.ids && !step.back ? ` (${step.ids[i]})` : ""));
      return `${found.join(" | ")}${step.count > SPOKEN ? ` and ${step.count - SPOKEN} more` : ""}`;
    };
    return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `${header.title}: the text after each step` }),
      el("thead", {}, el("tr", {}, ...["part", "step", "what it does", "pieces"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, ...steps.map((step) => el("tr", {}, el("td", { text: STAGE_NAMES[step.stage] }), el("td", { text: step.name }),
        el("td", { text: step.changed ? `${step.does}. ${tally(step)}` : "changes nothing here" }), el("td", { text: step.changed ? list(step) : "" }))))));
  }

  function say(unit) {
    if (!unit) {
      store.card.replaceChildren(el("p", { class: "hint", text: "Point at a piece: above lights what it came from, below what became of it." }));
      return;
    }
    const path = [];
    for (const row of rows) {
      const lit = row.units.filter((one) => one.node.classList.contains("lit") || one === unit);
      if (row.step.changed) path.push({ row, lit });
    }
    const form = ({ row, lit }) => {
      const some = lit.slice(0, 8).map((one) => readable(slice(row.step, one.from, one.to)));
      return lit.length ? some.join(row.step.flows || row.step.back ? "" : " + ") + (lit.length > 8 ? " …" : "") : "–";
    };
    let said = null;
    const part = (one) => {
      const own = one.row.step === steps[unit.k];
      const text = form(one);
      // A step that left this stretch as it was says nothing new.
      if (text === said && !own) return null;
      said = text;
      return el("span", { class: `link${own ? " own" : ""}` },
        el("i", { text: one.row.step.stage === "text" ? "text" : one.row.step.name.replace(/^.*: /, "") + (one.row.step.back ? ", back" : "") }), el("b", { text }));
    };
    const step = steps[unit.k];
    const where = unit.end > unit.begin
      ? `${unit.end - unit.begin === 1 ? "character" : "characters"} ${unit.begin + 1}${unit.end - unit.begin > 1 ? ` to ${unit.end}` : ""} of your text`
      : "stands for nothing in your text: a step put it in";
    const id = step.ids && !step.flows && !step.back ? `id ${step.ids[unit.piece]}, ` : "";
    store.card.replaceChildren(el("p", { class: "path" }, ...path.map(part)), el("p", { class: "where", text: `${id}${where}` }));
  }

  function light(unit) {
    if (held === unit) return;
    held = unit;
    for (const one of units) {
      if (one.node.classList.contains("here")) one.node.setAttribute("aria-selected", "false");
      one.node.classList.remove("lit", "here");
    }
    if (!unit) {
      say(null);
      return;
    }
    const sets = relatives(steps, unit);
    const own = steps[unit.k];
    for (const row of rows) {
      for (const one of row.units) {
        const same = row.step.flows ? unit.end > unit.begin && one.begin < unit.end && one.end > unit.begin
          : sets[row.step.k] && one.pieces.some((piece) => sets[row.step.k].has(piece));
        if (same && row.step !== own) one.node.classList.add("lit");
      }
    }
    unit.node.classList.add("here");
    unit.node.setAttribute("aria-selected", "true");
    say(unit);
  }

  const unitAt = (event) => {
    const node = event.target.closest ? event.target.closest(".unit") : null;
    return node ? node.lgUnit : null;
  };
  root.onpointerover = (event) => {
    const unit = unitAt(event);
    if (unit) light(unit);
  };
  root.onpointerleave = () => {
    const active = root.getRootNode().activeElement;
    light(active && active.lgUnit ? active.lgUnit : null);
  };
  root.onclick = (event) => {
    const unit = unitAt(event);
    if (unit) focus(unit);
  };
  // There is no `onfocusin` to set, so one listener asks for whatever was drawn last.
  if (!store.focused) root.addEventListener("focusin", (event) => store.focused(event));
  store.focused = (event) => {
    const unit = unitAt(event);
    if (unit) light(unit);
  };

  function focus(unit) {
    for (const one of units) one.node.tabIndex = -1;
    unit.node.tabIndex = 0;
    unit.node.focus({ preventScroll: false });
    light(unit);
  }

  root.onkeydown = (event) => {
    const unit = unitAt(event);
    if (!unit) return;
    const at = rows.findIndex((row) => row.step.k === unit.k);
    const place = rows[at].units.indexOf(unit);
    let next = null;
    if (event.key === "ArrowRight") next = rows[at].units[place + 1];
    else if (event.key === "ArrowLeft") next = rows[at].units[place - 1];
    else if (event.key === "Home") next = rows[at].units[0];
    else if (event.key === "End") next = rows[at].units[rows[at].units.length - 1];
    else if (event.key === "Escape") {
      light(null);
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const way = event.key === "ArrowDown" ? 1 : -1;
      for (let row = at + way; row >= 0 && row < rows.length && !next; row += way) next = rows[row].units.find((one) => one.node.classList.contains("lit"));
      const beside = rows[at + way];
      if (!next && beside) next = beside.units[Math.min(place, beside.units.length - 1)];
    } else return;
    event.preventDefault();
    if (next) focus(next);
  };

  draw();
  return watchWidth(parentElement, (width) => root.classList.toggle("narrow", width < 700));
}
