// The chain: a row a stage, in order. Rows open in place; a row is moved by its handle, or by Alt and an arrow.

const valueOf = (stage) => (stage.value === null || stage.value === undefined ? "" : String(stage.value));

function chain(store, header, look, ask) {
  const order = header.order || { name: "transformers" };
  store.library.textContent = order.name === "transformers" ? header.library : order.name === "custom" ? "an order of your own" : `as in ${order.title}`;
  if (store.open === undefined) {
    const busiest = header.stages.reduce((best, s) => (s.on && s.removed > (best ? best.removed : 0) ? s : best), null);
    store.open = busiest ? busiest.name : "logits";
  }
  store.rows ??= new Map();
  const nodes = header.stages.map((stage, place) => {
    let row = store.rows.get(stage.name);
    if (!row) store.rows.set(stage.name, (row = newRow(stage, place)));
    const open = store.open === stage.name;
    row.node.classList.toggle("open", open);
    row.node.classList.toggle("off", !stage.on);
    row.button.setAttribute("aria-expanded", open ? "true" : "false");
    const [, what, left, removed, effective] = row.button.children;
    what.replaceChildren(el("span", { class: stage.name.length > 14 ? "mono long" : "mono" }, breakable(stage.name)), " ",
      stage.on ? el("span", { class: "mono value", text: valueOf(stage) }) : "",
      el("span", { class: "plain", text: stage.plain }));
    left.textContent = stage.on ? grouped(stage.left) : "";
    removed.textContent = stage.on ? (place ? percent(stage.removed) : "") : "off";
    effective.replaceChildren(...(stage.on ? [fmt(stage.effective), el("small", { text: `${fmt(stage.entropy)} nats` })] : []));
    row.button.title = stage.on ? `entropy H = ${fmt(stage.entropy)} nats; e to the power of H is ${fmt(stage.effective)} effective choices` : "";
    row.button.setAttribute("aria-label", stage.on
      ? `${stage.name} ${valueOf(stage)}: ${stage.left} tokens left, ${place ? `${percent(stage.removed)} removed, ` : ""}${fmt(stage.effective)} effective choices, entropy ${fmt(stage.entropy)} nats`
      : `${stage.name}: off`);
    row.button.onclick = () => {
      store.open = open ? "" : stage.name;
      chain(store, header, look, ask);
      store.redetail();
    };
    const see = () => look(stage.on && place < header.stages.length - 1 ? place : null);
    row.node.onmouseenter = see;
    row.button.onfocus = see;
    row.button.onblur = () => look(null);
    row.body.hidden = !open;
    followedAt(row.marks, store, header, place);
    if (place) movable(store, row, header, ask);
    return row.node;
  });
  store.table.onmouseleave = () => look(null);
  if (nodes.length !== store.table.children.length || nodes.some((node, i) => store.table.children[i] !== node)) {
    const within = store.table.getRootNode().activeElement;
    store.table.replaceChildren(...nodes);
    if (within && within.isConnected) within.focus();
  }
  for (const name of [...store.rows.keys()]) if (!header.stages.some((stage) => stage.name === name)) store.rows.delete(name);
  orderLine(store, order);
}

// A long name may break after its underscores.
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));

function newRow(stage, place) {
  const button = el("button", { type: "button", class: "stage" }, el("span", { class: "arrow", "aria-hidden": "true" }),
    el("span", { class: "what" }), el("span", { class: "n left" }), el("span", { class: "n removed" }), el("span", { class: "n effective" }));
  const handle = place ? el("button", { type: "button", class: "handle", tabindex: -1, "aria-label": `Move ${stage.name}: Alt and an arrow key, or drag`, title: "Drag, or press Alt and an arrow key, to change the order" },
    el("span", { "aria-hidden": "true", text: "⠿" })) : el("span", { class: "handle none" });
  const row = { button, handle, body: el("div", { class: "body" }), marks: el("div", { class: "marks" }) };
  row.node = el("div", { class: "stage-row" }, el("div", { class: "stage-line" }, handle, button), row.marks, row.body);
  row.node.dataset.name = stage.name;
  return row;
}

// What the reader follows, as it stands after this stage.
function followedAt(box, store, header, place) {
  const stage = header.stages[place];
  const tokens = place && !stage.on ? [] : header.followed || [];
  box.hidden = !tokens.length;
  box.replaceChildren(...tokens.map((token, i) => {
    const p = token.p[place];
    const gone = p === 0;
    const words = gone ? (token.cut === place ? "goes here" : "gone") : `${percent(p)}, ${nth(token.rank[place])}`;
    return el("span", { class: `mark${gone ? " gone" : ""}`, style: { "--mark": store.marks[i % store.marks.length] } },
      el("b", { "aria-hidden": "true" }), tokenLabel(token), el("span", { class: "n", text: ` ${words}` }));
  }));
}

// --------------------------------------------------------------------------------------------------------- the order

const namesOf = (store) => [...store.table.children].slice(1).map((node) => node.dataset.name);

function tellOrder(store, ask, moved) {
  const names = namesOf(store);
  store.said.textContent = `${moved} is now stage ${names.indexOf(moved) + 1} of ${names.length}.`;
  ask({ do: "order", names });
}

function movable(store, row, header, ask) {
  const name = row.node.dataset.name;
  const byKey = (event) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    event.stopPropagation();
    const up = event.key === "ArrowUp";
    const other = up ? row.node.previousElementSibling : row.node.nextElementSibling;
    if (!other || other === store.table.firstElementChild) {
      store.said.textContent = up ? "It stands first already." : "It stands last already.";
      return;
    }
    // The neighbour moves, so that the focus stays where it is.
    if (up) row.node.after(other);
    else row.node.before(other);
    tellOrder(store, ask, name);
  };
  row.button.setAttribute("aria-keyshortcuts", "Alt+ArrowUp Alt+ArrowDown");
  row.button.onkeydown = byKey;
  row.handle.onkeydown = byKey;
  row.handle.onpointerdown = (down) => {
    if (down.button) return;
    down.preventDefault();
    row.button.focus();
    const others = [...store.table.children].slice(1);
    const view = row.handle.ownerDocument.defaultView;
    let target = null;
    row.node.classList.add("lifted");
    const clear = () => others.forEach((node) => node.classList.remove("drop-above", "drop-below"));
    const move = (event) => {
      clear();
      const at = others.findIndex((node) => {
        const box = node.getBoundingClientRect();
        return event.clientY < box.top + Math.min(box.height, 60) / 2;
      });
      target = at < 0 ? { node: others[others.length - 1], below: true } : { node: others[at], below: false };
      target.node.classList.add(target.below ? "drop-below" : "drop-above");
    };
    const end = (event) => {
      view.removeEventListener("pointermove", move);
      view.removeEventListener("pointerup", end);
      view.removeEventListener("pointercancel", end);
      clear();
      row.node.classList.remove("lifted");
      if (event.type === "pointercancel" || !target || target.node === row.node) return;
      const before = namesOf(store).join();
      if (target.below) target.node.after(row.node);
      else target.node.before(row.node);
      if (namesOf(store).join() !== before) tellOrder(store, ask, name);
    };
    view.addEventListener("pointermove", move);
    view.addEventListener("pointerup", end);
    view.addEventListener("pointercancel", end);
  };
}

// What the order changes, what the engine lacks, and how else it differs.
function orderLine(store, order) {
  const parts = [];
  if (order.says) parts.push(el("p", {}, el("b", { text: order.name === "custom" ? "Your order. " : `${order.title}. ` }), order.says));
  if (order.lacks) parts.push(el("p", { class: "sub", text: order.lacks }));
  if (order.notes) {
    const open = store.notes && store.notes.open;
    store.notes = el("details", { open }, el("summary", { text: order.name === "transformers" ? `What to know of ${order.title}` : `How else ${order.title} differs` }), el("p", { class: "sub", text: order.notes }));
    parts.push(store.notes);
  }
  store.order.replaceChildren(...parts);
}
