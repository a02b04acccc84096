// A part of the components that save a picture: what the browser has laid out is painted on a canvas again, boxes with
// their backgrounds, borders and frames, canvases, the SVG that this project draws, and every line of text in its place.

const PAINT_SCALE = 2;
const PAINT_MOST_PIXELS = 48e6; // browsers refuse, or run out of memory, somewhere above
const PAINT_MOST_SIDE = 16000;

const paintClear = (colour) => colour === "transparent" || /rgba\(.*,\s*0\)$|\/\s*0\)$/.test(colour);

// A border's line, solid, dashed, dotted or double, along a path that is `inset` from the edge of its box.
function paintStroke(g, { width, style, colour }, path) {
  g.strokeStyle = colour;
  g.setLineDash(style === "dashed" ? [Math.max(3, width * 2), Math.max(2, width * 1.5)] : style === "dotted" ? [width, width] : []);
  for (const [inset, thick] of style === "double" ? [[width / 6, width / 3], [width * (5 / 6), width / 3]] : [[width / 2, width]]) {
    g.lineWidth = thick;
    path(inset);
    g.stroke();
  }
  g.setLineDash([]);
}

function paintBox(g, rect, css, first, last) {
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
  if (!paintClear(css.backgroundColor)) {
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
  const drawn = sides.filter((one) => one.width && one.style !== "none" && !paintClear(one.colour));
  if (drawn.length === 4 && drawn.every((one) => one.width === drawn[0].width && one.style === drawn[0].style && one.colour === drawn[0].colour)) {
    paintStroke(g, drawn[0], rounded);
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
    paintStroke(g, one, rounded);
    g.restore();
  }
}

// The lines that a text node was broken into, each with its place.
function paintLines(node) {
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

function paintText(g, node, css) {
  g.font = `${css.fontStyle} ${css.fontWeight} ${css.fontSize} ${css.fontFamily}`;
  g.fillStyle = css.color;
  g.direction = css.direction;
  g.textAlign = "left";
  for (const [text, rect] of paintLines(node)) {
    if (css.writingMode.startsWith("vertical")) {
      g.save();
      g.translate(rect.left + rect.width / 2, rect.top);
      g.rotate(Math.PI / 2);
      g.textBaseline = "middle";
      g.fillText(text, 0, 0);
      g.restore();
      continue;
    }
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

// What a style sheet draws beside background and border: frames inside and outside, a scale of colours.
function paintExtras(g, { left, top, width, height }, css) {
  const stops = [...css.backgroundImage.matchAll(/(rgba?\([^)]*\)|color\([^)]*\))\s+([\d.]+)%/g)];
  if (css.backgroundImage.startsWith("linear-gradient(90deg") && stops.length) {
    const fill = g.createLinearGradient(left, 0, left + width, 0);
    for (const [, colour, at] of stops) fill.addColorStop(Math.min(1, at / 100), colour);
    g.fillStyle = fill;
    g.fillRect(left, top, width, height);
  }
  const shadow = css.boxShadow.match(/^(\w+\([^)]*\)|\w+) 0px 0px 0px ([\d.]+)px inset$/);
  if (shadow) paintFrame(g, left, top, width, height, parseFloat(shadow[2]), shadow[1], parseFloat(css.borderTopLeftRadius) || 0, true);
  if (css.outlineStyle === "dashed") {
    const wide = parseFloat(css.outlineWidth);
    const out = parseFloat(css.outlineOffset) + wide;
    g.setLineDash([wide * 2, wide * 1.5]);
    paintFrame(g, left - out, top - out, width + 2 * out, height + 2 * out, wide, css.outlineColor, 0, true);
    g.setLineDash([]);
  }
}

function paintFrame(g, left, top, width, height, wide, colour, radius) {
  g.strokeStyle = colour;
  g.lineWidth = wide;
  g.beginPath();
  g.roundRect(left + wide / 2, top + wide / 2, width - wide, height - wide, Math.max(0, radius - wide / 2));
  g.stroke();
}

// A corner made of two borders round nothing.
function paintCorner(g, { left, top }, css) {
  const [across, down] = [parseFloat(css.borderLeftWidth), parseFloat(css.borderTopWidth)];
  g.fillStyle = css.borderTopColor;
  g.beginPath();
  g.moveTo(left, top);
  g.lineTo(left + across, top);
  g.lineTo(left + across, top + down);
  g.fill();
}

// Paths, circles, rectangles and lines of text, in the place where the drawing lies.
function paintSvg(g, svg) {
  const { left, top } = svg.getBoundingClientRect();
  g.save();
  g.translate(left, top);
  const walk = (node) => {
    const css = getComputedStyle(node);
    if (css.display === "none" || css.visibility === "hidden") return;
    g.save();
    g.globalAlpha *= parseFloat(css.opacity);
    const number = (name) => parseFloat(node.getAttribute(name)) || 0;
    const shape = {
      path: () => new Path2D(node.getAttribute("d")),
      circle: () => {
        const made = new Path2D();
        made.arc(number("cx"), number("cy"), number("r"), 0, 7);
        return made;
      },
      rect: () => {
        const made = new Path2D();
        made.roundRect(number("x"), number("y"), number("width"), number("height"), number("rx"));
        return made;
      },
    }[node.localName]?.();
    const alpha = g.globalAlpha;
    const pen = (name, draw) => {
      if (css[name] === "none" || paintClear(css[name])) return;
      g[`${name}Style`] = css[name];
      g.globalAlpha = alpha * (parseFloat(css[`${name}Opacity`]) || 0);
      draw();
    };
    g.lineWidth = parseFloat(css.strokeWidth) || 1;
    g.lineCap = css.strokeLinecap;
    if (shape) {
      pen("fill", () => g.fill(shape));
      pen("stroke", () => g.stroke(shape));
    } else if (node.localName === "text") {
      g.font = `${css.fontStyle} ${css.fontWeight} ${css.fontSize} ${css.fontFamily}`;
      g.textAlign = { middle: "center", end: "right" }[css.textAnchor] || "left";
      g.lineJoin = "round";
      pen("stroke", () => g.strokeText(node.textContent, number("x"), number("y")));
      pen("fill", () => g.fillText(node.textContent, number("x"), number("y")));
    } else for (const child of node.children) walk(child);
    g.restore();
  };
  for (const child of svg.children) walk(child);
  g.restore();
}

function paint(g, element) {
  const css = getComputedStyle(element);
  if (css.display === "none" || css.visibility === "hidden" || element.classList.contains("sr-only")) return;
  const rects = [...element.getClientRects()].filter((rect) => rect.width && rect.height);
  g.save();
  g.globalAlpha *= parseFloat(css.opacity);
  if (element.localName === "canvas") {
    const [at] = rects;
    g.imageSmoothingEnabled = false;
    if (at && element.width) g.drawImage(element, at.left, at.top, at.width, at.height);
  } else if (element.localName === "svg") paintSvg(g, element);
  else {
    const turned = css.transform.match(/^matrix\(([^,]+), ([^,]+),/);
    let [whole] = rects;
    if (turned && whole) {
      // Its box is the one round the turned one; a square about the same middle is what was turned.
      const side = element.offsetWidth;
      g.translate(whole.left + whole.width / 2, whole.top + whole.height / 2);
      g.rotate(Math.atan2(parseFloat(turned[2]), parseFloat(turned[1])));
      rects[0] = whole = new DOMRect(-side / 2, -side / 2, side, side);
    }
    const corner = css.width === "0px" && css.height === "0px" && whole;
    if (corner) paintCorner(g, whole, css);
    else {
      rects.forEach((rect, i) => paintBox(g, rect, css, i === 0, i === rects.length - 1));
      if (whole) paintExtras(g, whole, css);
    }
    if (whole && css.overflowX !== "visible") {
      g.beginPath();
      g.rect(whole.left, whole.top, whole.width, whole.height);
      g.clip();
    }
    for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) paintText(g, child, css);
      else if (child.nodeType === Node.ELEMENT_NODE) paint(g, child);
    }
    const after = getComputedStyle(element, "::after");
    if (after.content === '""' && after.position === "absolute" && whole) {
      g.fillStyle = after.backgroundColor;
      g.beginPath();
      g.roundRect(whole.left + parseFloat(after.left), whole.top + parseFloat(after.top), parseFloat(after.width), parseFloat(after.height), 999);
      g.fill();
    }
  }
  g.restore();
}

// A canvas for a picture of this size, in the theme's paper, as fine as browsers can hold.
function paintCanvas(width, height, paper) {
  const scale = Math.min(PAINT_SCALE, PAINT_MOST_SIDE / Math.max(width, height), Math.sqrt(PAINT_MOST_PIXELS / (width * height)));
  const canvas = el("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const g = canvas.getContext("2d");
  g.scale(scale, scale);
  g.fillStyle = paper;
  g.fillRect(0, 0, width, height);
  return [canvas, g];
}

// A button and what it says: `make` gives the canvas, or null where there is nothing to draw.
function paintButton(parentElement, words, nothing, filename, make) {
  const store = instance(parentElement);
  const root = store.root && store.root.isConnected ? store.root : (store.root = el("div", { class: "tp" }));
  if (!root.isConnected) parentElement.append(root);
  const theme = themeOf(parentElement);
  for (const name of ["paper", "hairline", "accent", "muted", "ink"]) root.style.setProperty(`--${name}`, theme[name]);
  const says = el("span", { class: "says", role: "status" });
  const save = () => {
    const canvas = make(themeOf(parentElement));
    if (!canvas) {
      says.textContent = nothing;
      return;
    }
    canvas.toBlob((blob) => {
      if (!blob) {
        says.textContent = "This browser could not make so large a picture; shorten the text.";
        return;
      }
      const link = el("a", { href: URL.createObjectURL(blob), download: filename });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 30_000);
      says.textContent = `Saved, ${canvas.width.toLocaleString("en-US")} by ${canvas.height.toLocaleString("en-US")} pixels.`;
    }, "image/png");
  };
  root.replaceChildren(el("button", { type: "button", text: words, on: { click: save } }), says);
}
