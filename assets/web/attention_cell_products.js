// Steps 1 and 2: the products of query and key as a waterfall, and what makes a score of their sum.

const AC_WIDE = 5; // bars with a number of their own

function acProducts(store, width) {
  const { header } = store;
  const terms = acTerms(store, store.still);
  const runs = [];
  terms.reduce((sum, term) => (runs.push(sum + term[3]), sum + term[3]), 0);
  const total = runs[runs.length - 1];
  const high = store.width >= 980 ? 250 : 204;
  const right = 62;
  const first = Math.min(AC_WIDE, terms.length);
  const big = Math.max(34, Math.min(46, (width - right) * 0.09));
  const rest = terms.length - first;
  const small = rest ? Math.min(14, (width - right - first * big - 6) / rest) : 0;
  const left = (i) => (i < first ? i * big : first * big + 6 + (i - first) * small);
  const low = Math.min(0, ...runs);
  const top = Math.max(0, ...runs);
  const y = (value) => 24 + (high - 48) * (1 - (value - low) / (top - low || 1));
  const svg = svgEl("svg", {
    width, height: high, tabindex: 0, role: "slider", "data-focus": "products", "aria-label": "Products of query and key, largest first",
    "aria-valuemin": 1, "aria-valuemax": terms.length, "aria-valuenow": 1,
  });
  svg.append(
    svgEl("line", { class: "zero", x1: 0, x2: width - right, y1: y(0), y2: y(0) }),
    svgEl("line", { class: "total", x1: 0, x2: width - right + 4, y1: y(total), y2: y(total) }),
    svgEl("text", { class: "strong", x: width, y: y(total) + 6, "text-anchor": "end", text: acFmt(total) }),
  );
  const bars = terms.map((term, i) => {
    const from = i ? runs[i - 1] : 0;
    const bar = svgEl("rect", {
      class: term[3] < 0 ? "less" : "more", x: left(i) + (i < first ? big * 0.19 : small > 5 ? 0.7 : 0.2),
      width: i < first ? big * 0.62 : Math.max(0.8, small - (small > 5 ? 1.4 : 0.4)),
      y: Math.min(y(from), y(runs[i])), height: Math.max(1, Math.abs(y(from) - y(runs[i]))),
    });
    if (i + 1 < first) svg.append(svgEl("line", { class: "joint", x1: left(i) + big * 0.81, x2: left(i + 1) + big * 0.19, y1: y(runs[i]), y2: y(runs[i]) }));
    svg.append(bar);
    if (i < first) {
      const under = term[3] < 0;
      svg.append(svgEl("text", {
        class: `value ${under ? "less" : "more"}`, x: left(i) + big / 2, "text-anchor": "middle", text: acBrief(term[3]),
        y: under ? Math.max(y(from), y(runs[i])) + 16 : Math.min(y(from), y(runs[i])) - 6,
      }));
    }
    return bar;
  });
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  let at = -1;
  const show = (i) => {
    bars[at]?.classList.remove("on");
    at = i;
    if (i < 0) {
      readout.replaceChildren(header.copy.products);
      return;
    }
    bars[i].classList.add("on");
    const [place, q, k, product] = terms[i];
    const says = `${acFmt(q)} × ${acFmt(k)} = ${acFmt(product)}`;
    readout.replaceChildren(`Dimension ${place}: `, el("b", { text: says }), `. The sum is now ${acFmt(runs[i])}.`);
    svg.setAttribute("aria-valuenow", i + 1);
    svg.setAttribute("aria-valuetext", `Dimension ${place}: ${says}, sum ${acFmt(runs[i])}`);
  };
  svg.onpointermove = svg.onpointerdown = (event) => {
    const x = event.clientX - svg.getBoundingClientRect().left;
    const i = x < first * big ? Math.floor(x / big) : first + Math.floor((x - first * big - 6) / (small || 1));
    show(i >= 0 && i < terms.length && x < width - right ? Math.max(0, i) : -1);
  };
  svg.onpointerleave = () => show(-1);
  svg.onblur = () => show(-1);
  svg.onkeydown = acArrows((by) => show(Math.max(0, Math.min(terms.length - 1, at + by))), (end) => show(end ? terms.length - 1 : 0));
  show(-1);
  return [svg, readout, header.rotary ? acSwitch(store) : null];
}

// With positions or without them: a pair of buttons that says what both sums are.
function acSwitch(store) {
  const button = (still, words) => el("button", {
    type: "button", class: "choice", "aria-pressed": String(store.still === still), "data-focus": `still-${still}`,
    on: { click: () => { store.still = still; acDraw(store); } },
  }, words, " ", el("b", { text: acFmt(acDot(store, still)) }));
  return el("div", { class: "switch", role: "group", "aria-label": "Rotary positions" }, button(false, "with rotary positions"), button(true, "without"));
}

function acArrows(move, jump) {
  return (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by === undefined && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (by !== undefined) move(by);
    else jump(event.key === "End");
  };
}

function acScale(store) {
  const { header, arrays, key } = store;
  const dot = acDot(store, false);
  let score = dot * header.scale;
  const lines = [["", acFmt(dot)], ["×", header.root ? `1/√${header.dim}` : acFmt(header.scale)]];
  let why = header.root ? header.copy.scale : header.copy.factor;
  if (header.softcap) {
    const capped = header.softcap * Math.tanh(score / header.softcap);
    lines.push(["=", acFmt(score)], ["cap", `${acFmt(header.softcap)} · tanh(${acFmt(score)} / ${acFmt(header.softcap)})`]);
    score = capped;
    why += ` ${header.copy.softcap}`;
  }
  if (arrays.bias) {
    lines.push(["=", acFmt(score)], [arrays.bias[key] < 0 ? "−" : "+", `${acFmt(Math.abs(arrays.bias[key]))} for the distance`]);
    why += ` ${header.copy.bias}`;
  }
  return [
    el("div", { class: "sums" }, lines.map(([sign, text]) => el("p", {}, el("span", { class: "sign", text: sign }), text))),
    el("p", { class: "result", text: acFmt(arrays.scores[key]) }),
    el("p", { class: "why", text: why }),
  ];
}
