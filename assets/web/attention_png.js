// parts: paint
// A button that saves the main picture as it stands on the page, all heads and the one that is large, as a PNG.
// The picture (attention.js) answers the event `lg-attention` with its root and what it shows.

function attPicture(theme) {
  let found = null;
  window.dispatchEvent(new CustomEvent("lg-attention", { detail: { take: (root, says) => (found = { root, says }) } }));
  if (!found) return null;
  const margin = 24;
  const place = found.root.getBoundingClientRect();
  const [width, height] = [place.width + 2 * margin, place.height + 2 * margin + 34];
  const [canvas, g] = paintCanvas(width, height, theme.paper);
  g.save();
  g.translate(margin - place.left, margin - place.top);
  paint(g, found.root);
  g.restore();
  g.fillStyle = theme.muted;
  g.font = `14px ${theme.sans}`;
  let says = found.says;
  while (g.measureText(says).width > place.width && says.length > 8) says = `${says.slice(0, -6)}…`;
  g.fillText(says, margin, height - margin + 4);
  return canvas;
}

export default function (component) {
  paintButton(component.parentElement, "The picture as it stands (PNG)", "There is no picture to draw yet.", "attention.png", attPicture);
}
