// What may come next: the twenty at the top, the tokens that the reader follows, and all others in one bar. Each bar is
// a button that goes on from its token. Below them any token of the vocabulary can be looked for.

function bars(store, header, arrays, at, act) {
  const S = header.stages.length;
  const shares = arrays.shares;
  const last = at === S - 1;
  const most = Math.max(...header.rows.map((_, row) => Math.max(shares[row * S], shares[row * S + S - 1]))) || 1;
  // The rest may be longer than any single token: its bar is then cut short, and says so by a torn end.
  const scale = (p) => `${Math.min(100, (100 * p) / most)}%`;
  // What was cut is said behind its bar, and upon it only where there is no room left: 0.8rem type, half as wide as high.
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const wide = store.bars_.clientWidth - 11.9 * rem;
  const inside = (gone, gave, words) => gone && Math.min(1, gave / most) * wide + (0.5 + 0.4 * words.length) * rem > wide + 4.7 * rem;
  const followed = new Set((header.followed || []).map((token) => token.i));
  const still = !header.running;
  const kept = new Set();
  const nodes = header.rows.map((token, row) => {
    const gave = shares[row * S];
    const now = shares[row * S + at];
    let node = store.bars.get(token.i);
    if (!node) {
      node = el("div", { class: "bar", role: "button", tabindex: -1 }, el("span", { class: "name" }), track(), el("span", { class: "value" }));
      node.firstChild.append(tokenLabel(token));
      store.bars.set(token.i, node);
    }
    kept.add(token.i);
    const gone = now === 0 && gave > 0;
    const cut = gone ? `was ${percent(gave)}, cut by ${header.stages[token.cut ?? at].name}` : "";
    node.className = `bar${gone ? " gone" : ""}${last && token.i === header.draw.i ? " picked" : ""}${followed.has(token.i) ? " followed" : ""}`;
    setTrack(node.children[1], scale, gone, gave, now, cut, inside(gone, gave, cut));
    node.lastChild.textContent = gone ? "" : short(now);
    node.setAttribute("aria-label", `${spoken(token)}, ${gone ? cut : percent(now)}. Go on from it`);
    node.setAttribute("aria-disabled", still ? "false" : "true");
    const go = () => still && act("take", { token: token.i });
    node.onclick = go;
    node.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      go();
    };
    node.onmousemove = (event) => tip(store.root.parentNode).show(event.clientX, event.clientY, through(header, arrays, row, still));
    node.onmouseleave = () => tip(store.root.parentNode).hide();
    return node;
  });
  for (const id of [...store.bars.keys()]) if (!kept.has(id)) store.bars.delete(id);
  const gave = arrays.others[0];
  const now = arrays.others[at];
  const gone = now === 0;
  store.rest ??= el("div", { class: "bar rest" }, el("span", { class: "name" }), track(), el("span", { class: "value" }));
  store.rest.className = `bar rest${gone ? " gone" : ""}`;
  store.rest.firstChild.textContent = `the other ${grouped(header.others)}`;
  const was = gone ? `was ${percent(gave)}, now 0` : "";
  setTrack(store.rest.children[1], scale, gone, gave, now, was, inside(gone, gave, was));
  const [solid, outline] = store.rest.children[1].children;
  solid.classList.toggle("torn", (gone ? gave : now) > most);
  outline.classList.toggle("torn", gave > most);
  store.rest.lastChild.textContent = gone ? "" : short(now);
  const wanted = [...nodes, store.rest];
  // Only what changed its place is moved, so that widths can glide.
  wanted.forEach((node, i) => {
    if (store.bars_.children[i] !== node) store.bars_.insertBefore(node, store.bars_.children[i] || null);
  });
  while (store.bars_.children.length > wanted.length) store.bars_.lastChild.remove();
  moveByArrows(store.bars_, ".bar[role=button]");
  store.as.textContent = last
    ? `All ${grouped(header.vocabulary)} tokens are counted: the bars and the rest add up to 100 %. Press a bar to go on from it.`
    : `Shown as it stands after ${header.stages[at].name}.`;
}

const track = () => el("span", { class: "track" }, el("span", { class: "solid" }), el("span", { class: "gave" }), el("span", { class: "was" }));

function setTrack(node, scale, gone, gave, now, words, inside) {
  const [solid, outline, was] = node.children;
  solid.style.width = scale(gone ? gave : now);
  outline.style.width = scale(gave);
  outline.hidden = gone;
  was.textContent = words;
  was.style.left = scale(gave);
  was.classList.toggle("inside", inside);
}

// One token's way through the stages, for the card under the pointer.
function through(header, arrays, row, still) {
  const S = header.stages.length;
  const box = el("div", { class: "through" }, el("b", {}, tokenLabel(header.rows[row]), ` token ${grouped(header.rows[row].i)}`));
  header.stages.forEach((stage, i) => {
    if (i && !stage.on) return;
    const p = arrays.shares[row * S + i];
    box.append(el("div", {}, el("span", { text: i ? stage.name : "the model" }), el("span", { text: p ? percent(p) : "removed" })));
  });
  if (still) box.append(el("div", { class: "quiet", text: "Press it to go on from here." }));
  return box;
}

// ------------------------------------------------------------------------------------------------------- any token

function searching(store, header, ask) {
  if (!store.searchBox) {
    store.searchInput = el("input", { type: "search", class: "find", placeholder: "Follow any token: text or id", maxlength: 60, autocomplete: "off", spellcheck: "false",
      "aria-label": "Look for any token of the vocabulary, by text or id" });
    store.matches = el("ul", { class: "matches", role: "listbox", "aria-label": "Tokens found", "data-arrows": true });
    store.chips = el("p", { class: "following" });
    store.searchSays = el("p", { class: "sr-only", role: "status" });
    store.searchBox = el("div", { class: "search" }, store.searchInput, store.matches, store.chips, store.searchSays);
    store.mayCome.append(store.searchBox);
  }
  const { searchInput: input, matches } = store;
  const look = () => {
    const text = input.value;
    if (text.trim() === (store.looked || "")) return;
    store.looked = text.trim();
    if (store.looked) ask({ do: "find", text });
    else matches.replaceChildren();
  };
  input.oninput = () => {
    clearTimeout(store.lookTimer);
    store.lookTimer = setTimeout(look, 300);
  };
  const pick = (token) => {
    input.value = "";
    store.looked = "";
    matches.replaceChildren();
    ask({ do: "follow", token: token.i });
  };
  input.onkeydown = (event) => {
    const first = matches.querySelector("[role=option]");
    if (event.key === "Enter") {
      if (first && store.found && store.found.asked.trim() === input.value.trim()) pick(store.found.tokens[0]);
      else look();
    } else if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    } else if (event.key === "Escape") {
      input.value = "";
      store.looked = "";
      matches.replaceChildren();
    }
  };
  const found = header.found && input.value.trim() === header.found.asked.trim() ? header.found : null;
  store.found = found;
  if (found && found.tokens.length) {
    matches.replaceChildren(...found.tokens.map((token, i) => el("li", {
      role: "option", tabindex: i ? -1 : 0, "aria-selected": "false",
      on: {
        click: () => pick(token),
        keydown: (event) => {
          if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            pick(token);
          } else if (event.key === "ArrowUp" && i === 0) {
            event.preventDefault();
            event.stopPropagation();
            input.focus();
          }
        },
      },
    }, tokenLabel(token), el("span", { class: "sub n", text: `token ${grouped(token.i)} · ${percent(token.p)}, ${nth(token.rank)}` }))),
    ...(found.of > found.tokens.length ? [el("li", { class: "sub", role: "presentation", text: `and ${grouped(found.of - found.tokens.length)} more; type on to narrow them down` })] : []));
    moveByArrows(matches, "[role=option]");
    store.searchSays.textContent = `${found.of} tokens found.`;
  } else if (found) {
    matches.replaceChildren(el("li", { class: "sub", role: "presentation", text: "No token of this vocabulary holds that text; try a part of it." }));
    store.searchSays.textContent = "No token found.";
  } else if (!input.value) matches.replaceChildren();
  store.chips.replaceChildren(...(header.followed || []).map((token, i) => el("span", { class: "chip", style: { "--mark": store.marks[i % store.marks.length] } },
    el("b", { "aria-hidden": "true" }), tokenLabel(token),
    el("button", { type: "button", "aria-label": `Stop following ${spoken(token)}`, text: "×", on: { click: () => ask({ do: "unfollow", token: token.i }) } }))));
}
