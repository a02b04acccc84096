// What the parts of the Sampling page share: how a token reads, and the keys that write on.

const ORANGE = 1;
const PINK = 3;

// A token's text for reading: white space as signs, the space in front as a quiet dot of its own.
function tokenLabel(token) {
  const fragment = token.k === 2;
  const text = fragment ? `⟨${token.t}⟩` : token.t;
  const span = el("span", { class: `label k${token.k}` });
  if (!fragment && text.length > 1 && text.startsWith(" ")) span.append(el("i", { text: "·" }), visible(text.slice(1)));
  else span.append(visible(text));
  return span;
}

const short = (p) => percent(p).replace("under ", "< ");
const grouped = (n) => n.toLocaleString("en-US");
const spoken = (token) => (token.k === 2 ? `bytes ${token.t}` : token.t.trim() ? token.t.trim() : `white space ${visible(token.t)}`);
const oneIn = (surprise) => {
  const n = Math.exp(surprise);
  if (n < 1.05) return "a chance of almost 1";
  return n < 10 ? `a chance of ${percent(1 / n)}` : `a chance of 1 in ${grouped(Number(n.toPrecision(3)))}`;
};
const nth = (n) => {
  const ending = n % 100 >= 10 && n % 100 <= 20 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
  return `${grouped(n)}${ending}`;
};

function paintRoot(root, theme) {
  root.style.setProperty("--now", theme.categories[ORANGE]);
  root.style.setProperty("--surprise", theme.categories[PINK]);
  root.style.setProperty("--muted", theme.muted);
  root.style.setProperty("--hairline", theme.hairline);
  root.style.setProperty("--on-accent", theme.onAccent);
  root.classList.toggle("dark", theme.dark);
}

// One press at a time: what was pressed is sent, and the part waits for its answer.
function sender(store, root, written, setTriggerValue) {
  const busy = (on) => {
    store.busy = on;
    root.setAttribute("aria-busy", on ? "true" : "false");
    clearTimeout(store.busyTimer);
    // If an answer never comes (a lost connection), the buttons must not stay dead.
    if (on) store.busyTimer = setTimeout(() => busy(false), 20000);
  };
  busy(false);
  const send = (name, value) => setTriggerValue(name, { at: written, serial: (store.serial = (store.serial || 0) + 1), ...value });
  return {
    send,
    act: (what, more) => {
      if (store.busy && what !== "stop") return;
      busy(true);
      send("act", { do: what, ...more });
    },
  };
}

// Space writes the next token, the left arrow takes the last one back, wherever neither key means something else.
function writeByKeys(root, act, { ended, written, running }) {
  root.onkeydown = (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = event.composedPath()[0];
    if (target.closest("input, textarea, select")) return;
    if (event.key === " " && !target.closest("button, summary, a, [role=button]")) {
      event.preventDefault();
      if (!ended && !running) act("next");
    } else if (event.key === "ArrowLeft" && !target.closest("[data-arrows]")) {
      event.preventDefault();
      if (written && !running) act("back");
    }
  };
}
