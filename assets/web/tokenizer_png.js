// parts: paint
// A button that draws the chips of the main picture as they stand on the page, and saves them as tokens.png.
// The picture (tokenizer.js) answers the event `lg-picture` with its root; paint.js does the rest.

const MARGIN = 24;

function askForPicture() {
  let found = null;
  window.dispatchEvent(new CustomEvent("lg-picture", { detail: { take: (root) => (found = root) } }));
  return found;
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
    const [canvas, g] = paintCanvas(width, height, theme.paper);
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
  paintButton(component.parentElement, "PNG, the chips", "There are no chips to draw yet.", "tokens.png", (theme) => {
    const picture = askForPicture();
    return picture && draw(picture, theme);
  });
}
