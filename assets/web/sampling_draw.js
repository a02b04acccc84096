// The draw: the tokens side by side from 0 to 1, each as wide as its chance, and where the random number lands.

function drawn(store, header, arrays, act) {
  const { draw } = header;
  store.drawTitle.textContent = draw.greedy
    ? "greedy: the likeliest token is taken, no number is drawn"
    : "one random number between 0 and 1 picks the token";
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const total = arrays.parts.reduce((a, b) => a + b, 0);
  let at = 0;
  draw.parts.forEach((token, i) => {
    const p = arrays.parts[i];
    const picked = token.i === draw.i;
    const from = at;
    strip.append(el("span", {
      class: `part${picked ? " picked" : ""}`,
      style: { left: `${100 * at}%`, width: `${100 * p}%`, "--weight": `${Math.round(100 - Math.min(i, 8) * 7)}%` },
      on: {
        click: () => header.running || act("take", { token: token.i }),
        mousemove: (event) => tip(store.root.parentNode).show(event.clientX, event.clientY,
          el("span", {}, tokenLabel(token), ` ${percent(p)}, from ${fmt(from)} to ${fmt(from + p)}`)),
        mouseleave: () => tip(store.root.parentNode).hide(),
      },
    }, el("span", { class: "text", text: visible(token.k === 2 ? `⟨${token.t}⟩` : token.t.trim() || token.t) })));
    at += p;
  });
  if (draw.alive > draw.parts.length && total < 1) {
    strip.append(el("span", { class: "part others", style: { left: `${100 * at}%`, width: `${100 * (1 - at)}%` } },
      el("span", { class: "text", text: `${grouped(draw.alive - draw.parts.length)} more` })));
  }
  const pieces = [];
  if (!draw.greedy) {
    const side = draw.random > 0.6 ? "right" : "left";
    pieces.push(el("div", { class: `hit ${side}`, style: { "--at": `${100 * draw.random}%` } },
      el("b", { class: "n", text: draw.random.toFixed(3) }), " lands in ", tokenLabel(draw)));
  }
  pieces.push(strip, el("div", { class: "ends n" }, el("span", { text: "0" }), el("span", { class: "how", text: draw.greedy ? ""
    : `seed ${draw.seed}, token ${header.written + 1}${draw.redraw ? `, drawn again ${draw.redraw} time${draw.redraw > 1 ? "s" : ""}` : ""}` }),
  el("span", { text: "1" })));
  store.drawBox.replaceChildren(...pieces);
  fitDraw(store);
}

// A name that does not fit into its part is left out; the card under the pointer still gives it.
function fitDraw(store) {
  for (const part of store.drawBox.querySelectorAll(".part")) {
    const text = part.firstChild;
    text.hidden = false;
    text.hidden = text.scrollWidth + 6 > part.clientWidth;
  }
}
