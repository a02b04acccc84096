// A button that draws the chips of the main picture as they stand on the page, and saves them as tokens.png.
// The picture (tokenizer.js) answers the event `lg-picture` with its root; a canvas is painted from what the browser has
// laid out: boxes with their backgrounds and borders, then every line of text in its place.

const SCALE = 2;
const MOST_PIXELS = 48e6; // browsers refuse, or run out of memory, somewhere above
const MOST_SIDE = 16000;
const MARGIN = 24;

function askForPicture() {
  let found = null;
  window.dispatchEvent(new CustomEvent("lg-picture", { detail: { take: (root) => (found = root) } }));
  return found;
}

const clear = (colour) => colour === "transparent" || /rgba\(.*,\s*0\)$/.test(colour);

// A border's line, solid, dashed, dotted or double, along a path that is `inset` from the edge of its box.
function stroke(g, { width, style, colour }, path) {
  g.strokeStyle = colour;
  g.setLineDash(style === "dashed" ? [Math.max(3, width * 2), Math.max(2, width * 1.5)] : style === "dotted" ? [width, width] : []);
  for (const [inset, thick] of style === "double" ? [[width / 6, width / 3], [width * (5 / 6), width / 3]] : [[width / 2, width]]) {
    g.lineWidth = thick;
    path(inset);
    g.stroke();
  }
  g.setLineDash([]);
}

function box(g, rect, css, first, last) {
  const { left, top, width, height } = rect;
  const most = Math.min(width, height) / 2;
  // An inline box that is cut by the end of a line has no side, and no round corner, where it was cut.
  const open = { Left: !first, Right: !last };
  const radii = [["Top", "Left"], ["Top", "Right"], ["Bottom", "Right"], ["Bottom", "Left"]]
    .map(([over, beside]) => (open[beside] ? 0 : Math.min(parseFloat(css[`border${over}${beside}Radius`]) || 0, most)));
  const rounded = (inset) => {
    g.beginPath();
    g.roundRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset, radii.map((radius) => Math.max(0, radius - inset)));
  };
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    side, width: open[side] ? 0 : parseFloat(css[`border${side}Width`]) || 0, style: css[`border${side}Style`], colour: css[`border${side}Color`],
  }));
  if (!clear(css.backgroundColor)) {
    g.fillStyle = css.backgroundColor;
    rounded(0);
    g.fill();
  }
  if (css.backgroundImage.includes("repeating-linear-gradient")) {
    g.save();
    rounded(0);
    g.clip();
    g.strokeStyle = sides[2].colour;
    g.lineWidth = 1;
    g.globalAlpha = 0.3;
    g.beginPath();
    for (let x = left - height; x < left + width; x += 6) {
      g.moveTo(x, top + height);
      g.lineTo(x + height, top);
    }
    g.stroke();
    g.restore();
  }
  const drawn = sides.filter((one) => one.width && one.style !== "none" && !clear(one.colour));
  if (drawn.length === 4 && drawn.every((one) => one.width === drawn[0].width && one.style === drawn[0].style && one.colour === drawn[0].colour)) {
    stroke(g, drawn[0], rounded);
    return;
  }
  const [right, bottom] = [left + width, top + height];
  for (const one of drawn) {
    g.save();
    // Each side has the part of the outline that lies nearest to it.
    const corners = {
      Top: [[left, top], [left + most, top + most], [right - most, top + most], [right, top]],
      Bottom: [[left, bottom], [left + most, bottom - most], [right - most, bottom - most], [right, bottom]],
      Left: [[left, top], [left + most, top + most], [left + most, bottom - most], [left, bottom]],
      Right: [[right, top], [right - most, top + most], [right - most, bottom - most], [right, bottom]],
    }[one.side];
    g.beginPath();
    corners.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
    g.closePath();
    g.clip();
    stroke(g, one, rounded);
    g.restore();
  }
}

// The lines that a text node was broken into, each with its place.
function lines(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const whole = [...range.getClientRects()].filter((rect) => rect.width);
  if (whole.length < 2) return whole.map((rect) => [node.data, rect]);
  const found = [];
  let at = 0;
  for (const sign of node.data) {
    range.setStart(node, at);
    range.setEnd(node, (at += sign.length));
    const rect = range.getBoundingClientRect();
    const before = found[found.length - 1];
    if (before && Math.abs(before[1].top - rect.top) < 3) before[0] += sign;
    else if (rect.width) found.push([sign, rect]);
  }
  return found;
}

function write(g, node, css) {
  g.font = `${css.fontStyle} ${css.fontWeight} ${css.fontSize} ${css.fontFamily}`;
  g.fillStyle = css.color;
  g.direction = css.direction;
  g.textAlign = "left";
  for (const [text, rect] of lines(node)) {
    const flat = css.whiteSpace.startsWith("pre") ? text : text.replace(/\s+/g, " ");
    // A space that fell away at the beginning of a line is in the text and not in its place.
    const said = g.measureText(flat).width > rect.width + 2 ? flat.trim() : flat;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = g.measureText(said);
    const base = rect.top + (rect.height - up - down) / 2 + up;
    g.fillText(said, rect.left, base);
    if (css.textDecorationLine.includes("underline")) {
      g.fillRect(rect.left, base + 3, rect.width, 1);
    }
  }
}

function paint(g, element) {
  const css = getComputedStyle(element);
  if (css.display === "none" || css.visibility === "hidden" || element.classList.contains("sr-only")) return;
  const rects = [...element.getClientRects()].filter((rect) => rect.width && rect.height);
  rects.forEach((rect, i) => box(g, rect, css, i === 0, i === rects.length - 1));
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) write(g, child, css);
    else if (child.nodeType === Node.ELEMENT_NODE) paint(g, child);
  }
}

function draw(root, theme) {
  const parts = [...root.querySelectorAll(":scope > .columns, :scope > .partly, :scope > .legend")];
  if (!parts.length) return null;
  // The token under the pointer is no part of the picture.
  const marked = [...root.querySelectorAll(".chip.here, .chip.same")].map((node) => [node, node.className]);
  for (const [node] of marked) node.classList.remove("here", "same");
  try {
    const places = parts.map((part) => part.getBoundingClientRect());
    const width = Math.max(...places.map((rect) => rect.width)) + 2 * MARGIN;
    const height = places.reduce((sum, rect) => sum + rect.height + 16, 2 * MARGIN - 16);
    const scale = Math.min(SCALE, MOST_SIDE / Math.max(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
    const canvas = el("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d");
    g.scale(scale, scale);
    g.fillStyle = theme.paper;
    g.fillRect(0, 0, width, height);
    let top = MARGIN;
    parts.forEach((part, i) => {
      g.save();
      g.translate(MARGIN - places[i].left, top - places[i].top);
      paint(g, part);
      for (const column of part.querySelectorAll(":scope > .column + .column")) {
        const rect = column.getBoundingClientRect();
        g.fillStyle = theme.hairline;
        if (rect.left - places[i].left > 8) g.fillRect(rect.left - 10, rect.top, 1, rect.height);
      }
      g.restore();
      top += places[i].height + 16;
    });
    return canvas;
  } finally {
    for (const [node, name] of marked) node.className = name;
  }
}

export default function (component) {
  const { parentElement } = component;
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tp" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["paper", "hairline", "accent", "muted", "ink"]) root.style.setProperty(`--${name}`, theme[name]);
  const says = el("span", { class: "says", role: "status" });
  const save = () => {
    const picture = askForPicture();
    const canvas = picture && draw(picture, themeOf(parentElement));
    if (!canvas) {
      says.textContent = "There are no chips to draw yet.";
      return;
    }
    canvas.toBlob((blob) => {
      if (!blob) {
        says.textContent = "This browser could not make so large a picture; shorten the text.";
        return;
      }
      const link = el("a", { href: URL.createObjectURL(blob), download: "tokens.png" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 30_000);
      says.textContent = `Saved, ${canvas.width.toLocaleString("en-US")} by ${canvas.height.toLocaleString("en-US")} pixels.`;
    }, "image/png");
  };
  root.replaceChildren(el("button", { type: "button", text: "PNG, the chips", on: { click: save } }), says);
}
