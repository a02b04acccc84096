// A whole vocabulary: a search, counts that answer to it, 200 rows at most, and one entry in every detail.
// Python searches and counts; what is chosen here goes to it as one trigger "ask". See vocabulary_payload.py.

const WAYS = {
  text: ["text", "such as rain", "Capital and small letters count as the same."],
  bytes: ["bytes", "such as F0 9F", "Pairs of hexadecimal digits, anywhere in the entry."],
  id: ["ids", "such as 100-200", "A number, a range, or several with commas."],
  pattern: ["regular expression", "such as ^\\p{Lu}{4}$", "^ and $ are the ends of an entry. It may take two seconds."],
};
const TRAIT = { SPECIAL: 1, UNKNOWN: 2, BYTE: 4, FRAGMENT: 8, SPACE: 16, INSIDE: 32 };
const STEPS = 200;
const WAIT = 220;
const SCRIPT_ROWS = 8;
const strictText = new TextDecoder("utf-8", { fatal: true });
const count = (n) => n.toLocaleString("en-US");
const hexOf = (bytes, most = 1e9) => [...bytes.subarray(0, most)].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(" ")
  + (bytes.length > most ? " …" : "");
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));

// What is invisible gets a sign or its number; the rest stands as it is.
function readable(bytes) {
  try {
    return visible(strictText.decode(bytes)).replace(/[\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cn}\p{Co}]/gu, (sign) => (sign === "\u200d" || sign === " " ? sign
      : `⟨${sign.codePointAt(0).toString(16).toUpperCase()}⟩`));
  } catch {
    return null;
  }
}

function wordOf(traits) {
  if (traits & TRAIT.UNKNOWN) return ["unknown", "unknown"];
  if (traits & TRAIT.SPECIAL) return ["control token", "special"];
  if (traits & TRAIT.FRAGMENT) return [traits & TRAIT.BYTE ? "single byte, part of a character" : "part of a character", "fragment"];
  if (traits & TRAIT.BYTE) return ["single byte", "byte"];
  if (traits & TRAIT.SPACE) return ["begins with a space", "space"];
  if (traits & TRAIT.INSIDE) return ["inside a word", "inside"];
  return ["ordinary", "plain"];
}

// One stop for Tab: what is pressed, else the first; arrows inside.
function rove(container, selector, options) {
  const items = [...container.querySelectorAll(selector)];
  const stop = items.find((item) => item.getAttribute("aria-pressed") === "true") || items[0];
  items.forEach((item) => (item.tabIndex = item === stop ? 0 : -1));
  moveByArrows(container, selector, options);
}

function piece(bytes, traits) {
  const kind = traits === undefined ? null : wordOf(traits)[1];
  const text = kind === "fragment" ? null : readable(bytes);
  return el("span", { class: `piece ${text === null ? "fragment" : kind || ""}`, dir: "auto", text: text === null ? hexOf(bytes, 12) : text.length > 48 ? `${text.slice(0, 46)}…` : text });
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const store = instance(parentElement, () => ({ timer: 0, sent: {} }));
  const fresh = !(store.root && store.root.isConnected);
  if (fresh) {
    store.root = el("div", { class: "tv" });
    parentElement.append(store.root);
  }
  const root = store.root;
  const theme = themeOf(parentElement);
  for (const name of ["ink", "muted", "hairline", "accent", "panel", "paper", "warm", "grey"]) root.style.setProperty(`--${name}`, theme[name]);
  root.style.setProperty("--soft", theme.accentSoft);
  root.style.setProperty("--bar", theme.dark ? "#3E6E9C" : "#9DBEE3");
  store.setTrigger = setTriggerValue;
  const payload = readPayload(data);
  const { header, arrays } = payload;
  store.header = header;
  // What was pressed since the last question was sent is not undone by the answer to that question.
  store.waiting = store.waiting || {};
  const state = (store.state = { ...header.state, ...store.waiting });
  const hints = tip(parentElement);

  // Several quick changes become one question; a new search begins at its first row.
  function ask(changes, wait = 0) {
    if (!("from" in changes) && !("id" in changes)) changes.from = "0";
    Object.assign(store.waiting, changes);
    Object.assign(store.state, changes);
    root.classList.add("busy");
    clearTimeout(store.timer);
    store.timer = setTimeout(() => {
      const said = store.waiting;
      store.waiting = {};
      store.setTrigger("ask", said);
    }, wait);
  }

  function hint(node, words) {
    const show = (event) => {
      const box = node.getBoundingClientRect();
      hints.show(event.clientX || box.left, event.clientY || box.bottom - 10, words);
    };
    node.addEventListener("pointerenter", show);
    node.addEventListener("focus", show);
    node.addEventListener("pointerleave", hints.hide);
    node.addEventListener("blur", hints.hide);
    return node;
  }

  // -------------------------------------------------------------------------------------------------- what is searched

  function controls() {
    const parts = store.parts;
    parts.columns.replaceChildren(...(header.columns.length > 1 ? header.columns.map((one) => el("button", {
      type: "button", "aria-pressed": String(one.id === state.of), text: one.title, on: { click: () => ask({ of: one.id, id: "", script: "any", bytes: "", kind: "any" }) } }))
      : [el("b", { text: header.title })]));
    parts.about.textContent = header.about;
    parts.way.value = state.way;
    const [, example, says] = WAYS[state.way];
    parts.find.placeholder = example;
    parts.says.textContent = header.trouble || says;
    parts.says.classList.toggle("trouble", Boolean(header.trouble));
    // While somebody types, the box is theirs.
    if (root.getRootNode().activeElement !== parts.find || fresh) parts.find.value = state.find;
    parts.find.setAttribute("aria-invalid", header.trouble ? "true" : "false");
    parts.order.replaceChildren(...header.orders.map(([name, words]) => el("option", { value: name, text: words, selected: name === state.order })));
    parts.kinds.replaceChildren(...header.kinds.map(([name, words, meaning, many]) => hint(el("button", {
      type: "button", "aria-pressed": String(name === state.kind), disabled: many === 0 && name !== state.kind, "data-kind": name,
      on: { click: () => ask({ kind: name === state.kind ? "any" : name, ...(name === "candidate" && state.kind !== name ? { order: "near" } : state.order === "near" ? { order: "id" } : {}) }) } },
      words, el("span", { class: "many", text: many === undefined || many === null ? "find them" : count(many) })), meaning)));
    rove(parts.kinds, "button:not(:disabled)");
    const on = parts.kinds.querySelector("[aria-pressed=true]");
    if (on && root.classList.contains("narrow")) parts.kinds.scrollLeft = on.offsetLeft - parts.kinds.offsetLeft - 12;
    const chosen = header.kinds.find(([name]) => name === state.kind);
    parts.meaning.textContent = state.kind === "any" || !chosen ? "" : [chosen[2], state.kind === "candidate" ? header.truth : ""].filter(Boolean).join(" ");
    parts.meaning.hidden = !parts.meaning.textContent;
  }

  // ------------------------------------------------------------------------------------------------------ the pictures

  function lengthsPicture() {
    const now = arrays.lengths_now;
    const all = arrays.lengths_all;
    const most = Math.max(1, ...now);
    const whole = Math.max(1, ...all);
    const [first, last] = chosenLengths();
    const bars = el("div", { class: "columns", role: "group", "aria-label": "Length in bytes; press one to keep that length" });
    now.forEach((many, i) => {
      const bytes = i + 1;
      const open = i === now.length - 1;
      const name = `${bytes}${open ? " or more" : ""} byte${bytes > 1 ? "s" : ""}`;
      const on = first !== null && bytes >= first && (bytes <= last || open && last >= bytes);
      bars.append(hint(el("button", { type: "button", "aria-pressed": String(on), class: first !== null && !on ? "off" : "", "aria-label": `${name}: ${count(many)} entries`,
        on: { click: () => ask({ bytes: on && first === bytes ? "" : open ? `${bytes}-` : String(bytes) }) } },
        el("i", { class: "ghost", style: { height: `${(100 * all[i]) / whole}%` } }), el("i", { class: "bar", style: { height: `${(100 * many) / most}%` } }),
        el("span", { class: "tick", text: open ? "21+" : bytes === 1 || (bytes % 5 === 0 && bytes < 20) ? String(bytes) : "" })), `${name}: ${count(many)}; in the whole vocabulary ${count(all[i])}`));
    });
    rove(bars, "button");
    return el("section", {}, el("h3", { text: "Length in bytes" }), bars);
  }

  function chosenLengths() {
    const match = /^(\d+)(-)?(\d*)$/.exec(state.bytes);
    if (!match) return [null, null];
    return [Number(match[1]), match[3] ? Number(match[3]) : match[2] ? 1e9 : Number(match[1])];
  }

  function scriptsPicture() {
    const now = arrays.scripts_now;
    const order = header.scripts.map((_, i) => i).filter((i) => now[i] > 0 || header.scripts[i] === state.script).sort((a, b) => now[b] - now[a]);
    const at = header.scripts.indexOf(state.script);
    const shown = order.slice(0, SCRIPT_ROWS);
    if (at >= 0 && !shown.includes(at)) shown[shown.length - 1] = at;
    const rest = order.filter((i) => !shown.includes(i));
    const most = Math.max(1, ...now);
    const rows = el("div", { class: "rows", role: "group", "aria-label": "Script; press one to keep it" }, ...shown.map((i) => el("button", {
      type: "button", "aria-pressed": String(i === at), class: at >= 0 && i !== at ? "off" : "", on: { click: () => ask({ script: i === at ? "any" : header.scripts[i] }) } },
      el("span", { class: "name", text: header.scripts[i] }), el("span", { class: "track" }, el("i", { class: "bar", style: { width: `${(100 * now[i]) / most}%` } })),
      el("span", { class: "many", text: count(now[i]) }))));
    rove(rows, "button");
    const more = rest.length ? el("select", { "aria-label": "More scripts", on: { change: (event) => ask({ script: event.target.value }) } },
      el("option", { value: "any", text: `${rest.length} more`, selected: true }), ...rest.map((i) => el("option", { value: header.scripts[i], text: `${header.scripts[i]}, ${count(now[i])}` }))) : null;
    return el("section", {}, el("h3", {}, "Script ", more), rows);
  }

  function planePicture() {
    const plane = arrays.plane;
    const [steps, lengths] = plane.shape;
    const most = Math.max(1, ...plane);
    const ratio = window.devicePixelRatio || 1;
    const canvas = el("canvas", { role: "img", "aria-label": `Ids from left to right, length from 1 byte at the bottom to 21 and more; darker where more entries lie. ${averages()}` });
    const paint = () => {
      const width = canvas.clientWidth || 300;
      const height = canvas.clientHeight || 130;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      for (let s = 0; s < steps; s++) {
        for (let l = 0; l < lengths; l++) {
          const many = plane[s * lengths + l];
          if (!many) continue;
          pen.fillStyle = theme.cividis(0.1 + 0.9 * Math.sqrt(many / most));
          pen.fillRect((s * width) / steps, height - ((l + 1) * height) / lengths, width / steps - 0.6, height / lengths - 0.6);
        }
      }
      // The middle one of each step's entries, as a line.
      if (header.matches < 300) return;
      pen.strokeStyle = theme.warm;
      pen.lineWidth = 2.5;
      pen.lineJoin = "round";
      pen.beginPath();
      let drawn = false;
      for (let s = 0; s < steps; s++) {
        const column = plane.subarray(s * lengths, (s + 1) * lengths);
        const half = column.reduce((a, b) => a + b, 0) / 2;
        if (!half) continue;
        let below = 0;
        let l = 0;
        while (below + column[l] < half) below += column[l++];
        const x = ((s + 0.5) * width) / steps;
        const y = height - ((l + 0.5) * height) / lengths;
        if (drawn) pen.lineTo(x, y);
        else pen.moveTo(x, y);
        drawn = true;
      }
      pen.stroke();
    };
    store.paint = paint;
    const say = (event) => {
      const box = canvas.getBoundingClientRect();
      const s = Math.min(steps - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * steps)));
      const l = Math.min(lengths - 1, Math.max(0, Math.floor(((box.bottom - event.clientY) / box.height) * lengths)));
      const edge = (n) => Math.ceil((n * (header.top_id + 1)) / steps);
      hints.show(event.clientX, event.clientY, `ids ${count(edge(s))} to ${count(edge(s + 1) - 1)}, ${l + 1}${l === lengths - 1 ? " or more" : ""} byte${l ? "s" : ""}: ${count(plane[s * lengths + l])}`);
    };
    canvas.addEventListener("pointermove", say);
    canvas.addEventListener("pointerleave", hints.hide);
    return el("section", {}, el("h3", {}, "Id against length", header.matches < 300 ? null : el("span", { class: "key" }, el("i", {}), "half are shorter")), el("div", { class: "plane" }, el("span", { class: "up", text: "21+" }), el("span", { class: "down", text: "1" }), canvas,
      el("div", { class: "axis" }, el("span", { text: "id 0" }), el("span", { text: count(header.top_id) }))), el("p", { class: "note", text: averages() }));
  }

  function averages() {
    const [first, last] = header.averages;
    return `Bytes on average: ${fmt(first)} in the first tenth of the ids, ${fmt(last)} in the last.`;
  }

  // ----------------------------------------------------------------------------------------------------- rows and one entry

  function bytesOf(i) {
    return arrays.pieces.subarray(arrays.starts[i], arrays.starts[i + 1]);
  }

  function table() {
    const parts = store.parts;
    const { ids, traits, scripts, distance, norm } = arrays;
    const from = Number(header.state.from);
    const filtered = ["find", "bytes"].some((field) => state[field]) || state.kind !== "any" || state.script !== "any";
    const share = header.total ? percent(header.matches / header.total) : "";
    parts.found.replaceChildren(...(header.trouble ? [el("span", { text: "Nothing was searched." })]
      : [el("b", { text: count(header.matches) }), filtered ? ` of ${count(header.total)} entries, ${share}` : " entries",
        header.matches > STEPS ? el("span", { class: "muted", text: ` · rows ${count(from + 1)} to ${count(from + ids.length)}` }) : null].filter(Boolean)));
    parts.back.hidden = parts.next.hidden = header.matches <= STEPS;
    parts.back.disabled = from === 0;
    parts.next.disabled = from + STEPS >= header.matches;
    parts.clear.hidden = !filtered;
    if (!ids.length) {
      parts.box.replaceChildren(el("p", { class: "none", text: header.trouble ? "" : "No entry is like this. Take a part of the search away." }));
      return;
    }
    const extra = distance ? ["distance", distance] : norm ? ["vector", norm] : null;
    const body = el("tbody");
    ids.forEach((id, i) => {
      const bytes = bytesOf(i);
      const row = el("tr", { "data-id": String(id) },
        el("td", { class: "n" }, el("button", { type: "button", class: "id", "aria-pressed": "false", text: String(id) })),
        el("td", {}, piece(bytes, traits[i])), extra ? el("td", { class: "n", text: extra[1][i].toFixed(2) }) : null,
        el("td", { class: "n size", text: String(bytes.length) }), el("td", { class: "mono hex", text: hexOf(bytes, 5) }),
        el("td", { class: "script", text: header.scripts[scripts[i]] }), el("td", { class: "kind", text: wordOf(traits[i])[0] }));
      row.addEventListener("click", () => pick(id));
      body.append(row);
    });
    const titles = { distance: `Cosine distance, in ${header.embedding}, from entries that cannot have been trained`, vector: `Length of the entry's vector in ${header.embedding}` };
    parts.box.replaceChildren(el("table", {}, el("caption", { class: "sr-only", text: `Entries of ${header.title}; press an id to see everything about it` }),
      el("thead", {}, el("tr", {}, ...[["id", "n"], ["entry", ""], extra ? [extra[0] === "distance" ? "from unused" : "vector", "n", titles[extra[0]]] : null, ["length", "n size"], ["bytes", "hex"],
        ["script", "script"], ["kind", "kind"]].filter(Boolean).map(([name, cls, title]) => el("th", { scope: "col", class: cls, title, text: name })))), body));
    parts.box.scrollTop = 0;
    rove(body, "button.id", { onMove: (node) => pick(Number(node.textContent), 180) });
  }

  function mark() {
    for (const row of store.parts.box.querySelectorAll("tr[data-id]")) {
      const on = row.dataset.id === store.picked;
      row.classList.toggle("on", on);
      row.querySelector("button.id").setAttribute("aria-pressed", String(on));
    }
  }

  function pick(id, wait = 0) {
    store.picked = String(id);
    mark();
    card();
    ask({ id: String(id) }, wait);
  }

  function fact(name, value) {
    return value ? el("div", {}, el("dt", { text: name }), el("dd", {}, value)) : null;
  }

  function near(title, list, note) {
    return el("div", { class: "near" }, el("h4", { text: title }), list.length ? el("ol", {}, ...list.map((one) => el("li", {}, el("button", { type: "button", title: `id ${one.id}`, on: { click: () => pick(one.id) } },
      piece(fromHex(one.hex))), el("span", { class: "track", "aria-hidden": "true" }, el("i", { class: "bar", style: { width: `${Math.max(0, 100 * one.cosine)}%` } })), el("span", { class: "n", text: one.cosine.toFixed(2) })))) : el("p", { class: "note", text: note }));
  }

  function card() {
    const node = store.parts.card;
    const said = header.picked && String(header.picked.id) === store.picked ? header.picked : null;
    const at = [...arrays.ids].findIndex((id) => String(id) === store.picked);
    if (!store.picked || (!said && at < 0)) {
      node.replaceChildren(el("p", { class: "note", text: header.embedding ? `Press a row, or walk with the arrow keys: its bytes, its characters, and its nearest neighbours in ${header.embedding}.`
        : "Press a row, or walk with the arrow keys: its bytes, its characters, and how the library writes it." }));
      return;
    }
    const bytes = said ? fromHex(said.hex) : bytesOf(at);
    const traits = said ? said.traits : arrays.traits[at];
    const parts = [el("div", { class: "head" }, piece(bytes, traits), el("span", { class: "muted", text: `id ${store.picked}` })),
      el("dl", {}, fact("bytes", el("span", { class: "mono", text: hexOf(bytes, 24) })), fact("kind", wordOf(traits)[0]),
        said && said.spelling ? fact("in the library's file", el("span", { class: "mono", dir: "auto", text: said.spelling })) : null,
        said && said.characters.length ? fact("characters", el("ul", {}, ...said.characters.map(([code, name]) => el("li", {}, el("span", { class: "mono", text: code }), ` ${name.toLowerCase()}`)),
          said.more ? el("li", { class: "muted", text: `and ${said.more} more` }) : null)) : null)];
    if (!said) parts.push(el("p", { class: "note", text: "Looking …" }));
    if (said) parts.push(...told(said));
    node.replaceChildren(...parts);
  }

  function told(said) {
    const parts = [];
    if (said.own_text === "never") parts.push(el("p", { class: "warn" }, "Its own text comes back as ", ...said.instead.map((hex) => piece(fromHex(hex))), " instead: it is cut before this entry could be made."));
    if (said.own_text === "back") parts.push(el("p", { class: "note", text: "Its own text gives it back." }));
    if (said.distance !== undefined) {
      parts.push(said.unused ? el("p", { class: "note", text: `One of the ${said.reference}: what the others are measured by.` })
        : el("p", { class: said.candidate ? "warn" : "note", text: `${said.candidate ? "A candidate for an under-trained token: " : ""}${said.distance.toFixed(2)} from the ${said.reference}, nearer than ${percent(Math.min(said.nearer_than, 0.999)).replace(" ", "\u00a0")} of the vocabulary.${said.candidate ? " Not tested here." : ""}` }));
    }
    if (header.embedding) {
      parts.push(el("div", { class: "nears" }, near(said.has_before ? "Nearest after training" : `Nearest in ${header.embedding}`, said.after, "None."),
        said.has_before ? near("Before: random numbers", said.before, "None.") : null),
        said.has_before ? null : el("p", { class: "note after", text: "Its numbers from before training were not published." }));
    }
    return parts.filter(Boolean);
  }

  // -------------------------------------------------------------------------------------------------------------- drawing

  if (fresh) {
    const parts = (store.parts = {});
    parts.columns = el("div", { class: "seg", role: "group", "aria-label": "Tokenizer" });
    parts.about = el("span", { class: "muted" });
    parts.way = el("select", { "aria-label": "Search by" }, ...Object.entries(WAYS).map(([name, [words]]) => el("option", { value: name, text: words })));
    parts.find = el("input", { type: "search", "aria-label": "Search", spellcheck: "false", autocomplete: "off", autocapitalize: "off", maxlength: "200", "aria-describedby": "tv-says" });
    parts.says = el("span", { class: "says", role: "status", id: "tv-says" });
    parts.kinds = el("div", { class: "kinds", role: "group", "aria-label": "Kind of entry" });
    parts.meaning = el("p", { class: "note meaning" });
    parts.pictures = el("div", { class: "pictures" });
    parts.found = el("span", { class: "found", role: "status" });
    parts.order = el("select", {});
    parts.back = el("button", { type: "button", class: "plain", text: "Back" });
    parts.next = el("button", { type: "button", class: "plain", text: "Next 200" });
    parts.clear = el("button", { type: "button", class: "plain", text: "Show all" });
    parts.box = el("div", { class: "box" });
    parts.card = el("aside", { class: "card", "aria-label": "The chosen entry" });
    root.append(el("div", { class: "top" }, parts.columns, parts.about), el("div", { class: "search" }, parts.way, parts.find, parts.says), parts.kinds, parts.meaning, parts.pictures,
      el("div", { class: "line" }, parts.found, parts.clear, el("span", { class: "push" }), el("label", {}, "order ", parts.order), parts.back, parts.next),
      el("div", { class: "split" }, parts.box, parts.card), el("p", { class: "note source" }));
    store.act = {};
    parts.way.addEventListener("change", () => store.act.ask({ way: parts.way.value, find: parts.find.value }));
    parts.find.addEventListener("input", () => store.act.ask({ find: parts.find.value }, store.state.way === "pattern" ? 500 : WAIT));
    parts.order.addEventListener("change", () => store.act.ask({ order: parts.order.value }));
    parts.back.addEventListener("click", () => store.act.ask({ from: String(Math.max(0, Number(store.header.state.from) - STEPS)) }));
    parts.next.addEventListener("click", () => store.act.ask({ from: String(Number(store.header.state.from) + STEPS) }));
    parts.clear.addEventListener("click", () => {
      parts.find.value = "";
      store.act.ask({ find: "", kind: "any", script: "any", bytes: "", order: store.state.order === "near" ? "id" : store.state.order });
    });
  }
  store.act.ask = ask;
  const typing = root.getRootNode().activeElement;
  const focused = typing && typing.matches && typing.matches("button.id") ? typing.textContent : null;
  const group = typing && !focused ? [".kinds", ".columns", ".rows", ".seg"].find((name) => typing.closest && typing.closest(name)) : null;
  const place = group ? [...root.querySelectorAll(`${group} button`)].indexOf(typing) : -1;
  store.picked = state.id;
  root.classList.remove("busy");
  controls();
  store.parts.pictures.replaceChildren(lengthsPicture(), scriptsPicture(), planePicture());
  store.paint();
  // The rows stay where they are when only the chosen entry is new.
  const same = JSON.stringify([header.state.of, header.total, header.matches, header.trouble, [...arrays.ids], Boolean(arrays.distance)]);
  if (same !== store.drawn) {
    table();
    if (focused) {
      const again = [...root.querySelectorAll("button.id")].find((node) => node.textContent === focused);
      if (again) again.focus();
    }
  }
  mark();
  if (same !== store.drawn) {
    const row = root.querySelector("tr.on");
    if (row && row.offsetTop > store.parts.box.clientHeight - 60) store.parts.box.scrollTop = row.offsetTop - 120;
  }
  store.drawn = same;
  card();
  if (group && place >= 0) {
    const again = root.querySelectorAll(`${group} button`)[place];
    if (again) again.focus();
  }
  root.querySelector(".source").textContent = header.embedding && arrays.distance
    ? "Under-trained?: the measure of Land and Bartolo, “Fishing for Magikarp” (EMNLP 2024), without their last step, which asks the model." : "";
  return watchWidth(parentElement, (width) => {
    root.classList.toggle("narrow", width < 760);
    store.paint();
  });
}
