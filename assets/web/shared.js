// Put in front of every component's own file: reading a payload, the theme's colours, safe element building,
// hover cards, arrow keys. Text from a reader is only ever set as textContent.

const LG_DTYPES = {
  uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array,
  int32: Int32Array, float32: Float32Array, float64: Float64Array,
};

function halfToFloat(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half & 0x7c00) >> 10;
  const fraction = half & 0x03ff;
  if (exponent === 0) return sign * Math.pow(2, -14) * (fraction / 1024);
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * Math.pow(2, exponent - 15) * (1 + fraction / 1024);
}

// The counterpart of components/payload.py. Arrays come back typed (float16 as Float32Array), with `.shape`.
function readPayload(data) {
  let bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  if (bytes.byteOffset % 8) bytes = bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const start = 8 + length + ((8 - ((8 + length) % 8)) % 8);
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays || {})) {
    const count = entry.shape.reduce((a, b) => a * b, 1);
    const at = bytes.byteOffset + start + entry.offset;
    if (entry.dtype === "float16") {
      const raw = new Uint16Array(bytes.buffer, at, count);
      arrays[name] = Float32Array.from(raw, halfToFloat);
    } else {
      arrays[name] = new LG_DTYPES[entry.dtype](bytes.buffer, at, count);
    }
    arrays[name].shape = entry.shape;
  }
  return { header, arrays };
}

// One store for each mounted component; the renderer runs again on every change of data or theme.
const LG_INSTANCES = new WeakMap();
function instance(parentElement, create) {
  if (!LG_INSTANCES.has(parentElement)) LG_INSTANCES.set(parentElement, create ? create() : {});
  return LG_INSTANCES.get(parentElement);
}

function el(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

function svgEl(tag, options = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), options, children);
}

function fill(node, options, children) {
  for (const [name, value] of Object.entries(options || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "class") node.setAttribute("class", value);
    else if (name === "style" && typeof value === "object") {
      for (const [key, item] of Object.entries(value)) node.style.setProperty(key, item);
    } else if (name === "on") {
      for (const [event, handler] of Object.entries(value)) node["on" + event] = handler;
    } else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(typeof child === "string" || typeof child === "number" ? document.createTextNode(String(child)) : child);
  }
  return node;
}

function parseColour(value) {
  const text = (value || "").trim();
  if (text.startsWith("#")) {
    const hex = text.length === 4 ? [...text.slice(1)].map((c) => c + c).join("") : text.slice(1, 7);
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
  const numbers = text.match(/[\d.]+/g);
  return numbers ? numbers.slice(0, 3).map(Number) : [255, 255, 255];
}

const toRgb = (c) => `rgb(${c.map((x) => Math.round(x)).join(",")})`;
const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);

function ramp(stops) {
  const colours = stops.map(parseColour);
  return (t) => {
    const x = Math.min(1, Math.max(0, t)) * (colours.length - 1);
    const i = Math.min(colours.length - 2, Math.floor(x));
    return mix(colours[i], colours[i + 1], x - i);
  };
}

// Cividis (Nunez, Anderton, Renslow 2018), from yellow to blue, in ten steps.
const LG_CIVIDIS = ramp([
  "#FDE737", "#E3CB4F", "#C4B056", "#A89A66", "#8F8771", "#787776", "#61666F", "#48546D", "#2A416C", "#00224E",
]);

function themeOf(parentElement) {
  const host = parentElement.host || parentElement;
  const css = getComputedStyle(host);
  const read = (name) => css.getPropertyValue(name).trim();
  const paperColour = parseColour(read("--st-background-color"));
  const panelColour = parseColour(read("--st-secondary-background-color"));
  const inkColour = parseColour(read("--st-text-color"));
  const accentColour = parseColour(read("--st-primary-color"));
  const dark = (paperColour[0] * 299 + paperColour[1] * 587 + paperColour[2] * 114) / 1000 < 128;
  return {
    dark,
    paper: toRgb(paperColour),
    panel: toRgb(panelColour),
    ink: toRgb(inkColour),
    muted: toRgb(mix(inkColour, paperColour, dark ? 0.34 : 0.36)),
    hairline: read("--st-border-color") || toRgb(mix(inkColour, paperColour, 0.8)),
    accent: toRgb(accentColour),
    accentSoft: toRgb(mix(accentColour, paperColour, dark ? 0.78 : 0.87)),
    onAccent: dark ? "#14161B" : "#FFFFFF",
    warm: dark ? "#F08A3C" : "#B5480A",
    categories: dark
      ? ["#3D9BD9", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#9A9CA3"]
      : ["#0072B2", "#C08400", "#009E73", "#B8578F", "#2A86C4", "#D55E00", "#7B7300", "#7A776E"],
    grey: dark ? "#9A9CA3" : "#6F6C64",
    // Strong is always far from the background; nothing at all is the panel itself.
    cividis: (t) => {
      const colour = LG_CIVIDIS(dark ? 1 - t : t);
      return toRgb(t < 0.15 ? mix(panelColour, colour, 0.35 + (t / 0.15) * 0.65) : colour);
    },
    diverging: (t) => {
      const end = t < 0 ? (dark ? [86, 160, 228] : [31, 95, 168]) : dark ? [240, 150, 70] : [181, 88, 10];
      return toRgb(mix(paperColour, end, Math.min(1, Math.abs(t))));
    },
    tints: dark
      ? ["#24405E", "#4D3F1C", "#1D4638", "#4A2C44", "#3B3560", "#553122"]
      : ["#DCE8F7", "#FBE8C2", "#D3EEDF", "#F6DFEA", "#E4E0F5", "#FBDFD0"],
    mono: read("--st-code-font") || "monospace",
    sans: read("--st-font") || "sans-serif",
  };
}

function watchWidth(parentElement, onWidth) {
  const store = instance(parentElement);
  if (store.lgObserver) store.lgObserver.disconnect();
  const target = parentElement.host || parentElement;
  let last = -1;
  const report = () => {
    const width = Math.floor(target.getBoundingClientRect().width);
    if (width > 0 && width !== last) {
      last = width;
      onWidth(width);
    }
  };
  store.lgObserver = new ResizeObserver(report);
  store.lgObserver.observe(target);
  report();
  return () => store.lgObserver.disconnect();
}

// Tell the server a value once the reader pauses; `value` is asked for then. What waits outlives a drawing anew: the
// answer to an earlier value runs the component and its cleanup again while a newer one still waits to be told.
function tellLater(store, tell, name, value, wait) {
  const waiting = (store.lgWaiting ||= {});
  clearTimeout(waiting[name]);
  waiting[name] = setTimeout(() => tell(name, value()), wait);
}

// The server has chosen otherwise: what the reader was about to say no longer holds.
function tellNothing(store) {
  Object.values(store.lgWaiting || {}).forEach(clearTimeout);
}

// A card that follows the pointer or a focused mark and never leaves the component.
function tip(parentElement) {
  const store = instance(parentElement);
  if (!store.lgTip || !store.lgTip.isConnected) {
    store.lgTip = el("div", { class: "lg-tip", role: "status", hidden: true });
    parentElement.append(store.lgTip);
  }
  const node = store.lgTip;
  return {
    show(x, y, content) {
      node.replaceChildren(typeof content === "string" ? document.createTextNode(content) : content);
      node.hidden = false;
      const host = (parentElement.host || parentElement).getBoundingClientRect();
      const box = node.getBoundingClientRect();
      const left = Math.max(4, Math.min(x - host.left + 12, host.width - box.width - 4));
      const top = y - host.top + 16 + box.height > host.height ? y - host.top - box.height - 10 : y - host.top + 16;
      node.style.left = `${left}px`;
      node.style.top = `${Math.max(0, top)}px`;
    },
    hide() {
      node.hidden = true;
    },
  };
}

// One stop for Tab, arrows inside. `columns` is the width of a grid, or 0 for a line that wraps as it likes.
function moveByArrows(container, selector, { columns = 0, onMove } = {}) {
  const items = () => [...container.querySelectorAll(selector)];
  const all = items();
  if (all.length && !all.some((item) => item.tabIndex === 0)) {
    all.forEach((item, i) => (item.tabIndex = i ? -1 : 0));
  }
  container.onkeydown = (event) => {
    const list = items();
    const at = list.indexOf(event.target.closest(selector));
    if (at < 0) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns || 1, ArrowUp: -(columns || 1) }[event.key];
    let to = step === undefined ? { Home: 0, End: list.length - 1 }[event.key] : at + step;
    if (to === undefined || to < 0 || to >= list.length) return;
    event.preventDefault();
    list[at].tabIndex = -1;
    list[to].tabIndex = 0;
    list[to].focus();
    if (onMove) onMove(list[to], to);
  };
}

// Three significant digits, no false precision.
function fmt(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (x === 0) return "0";
  if (Math.abs(x) >= 1000) return Math.round(x).toLocaleString("en-US");
  const text = Number(x).toPrecision(3);
  return text.includes("e") ? Number(x).toExponential(1) : text;
}

function percent(p) {
  if (p === 0) return "0 %";
  const x = p * 100;
  if (x < 0.001) return "under 0.001 %";
  return `${x >= 99.95 ? "100" : Number(x.toPrecision(x >= 10 ? 3 : 2))} %`;
}

// White space made visible, for token text.
function visible(text) {
  return text.replace(/ /g, "·").replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/\r/g, "␍")
    .replace(/[\u0000-\u001f\u007f]/g, (c) => String.fromCharCode(0x2400 + (c.charCodeAt(0) === 127 ? 33 : c.charCodeAt(0))));
}
