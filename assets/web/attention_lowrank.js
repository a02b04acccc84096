// A weight matrix, its best approximation at the chosen rank, and what that keeps, costs and does to the model.

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const store = instance(parentElement, () => ({ at: null, timer: 0 }));
  if (store.raw !== data) {
    const rank = store.header && store.at !== null ? store.header.ranks[store.at] : null;
    store.raw = data;
    Object.assign(store, readPayload(data));
    const kept = store.header.ranks.indexOf(rank);
    store.at = kept >= 0 && store.moved ? kept : store.header.ranks.indexOf(store.header.start);
  }
  store.tell = () => tellLater(store, setStateValue, "view", () => ({ rank: store.header.ranks[store.at] }), 350);
  store.theme = themeOf(parentElement);
  if (!store.root) {
    store.root = el("div", { class: "lowrank" });
    parentElement.append(store.root);
  }
  return watchWidth(parentElement, (width) => lrDraw(store, width));
}

const lrCount = (x) => x.toLocaleString("en-US");
const lrShare = (x) => (x > 0.9995 && x < 1 ? "over 99.9 %" : percent(x));

function lrDraw(store, width) {
  const { theme } = store;
  const wide = width >= 860;
  store.root.className = `lowrank ${theme.dark ? "dark" : "light"}${wide ? " wide" : ""}`;
  const half = wide ? Math.floor((width - 48) / 2) : width;
  const focused = store.root.getRootNode().activeElement === store.range;
  store.root.replaceChildren(lrHead(store), lrPictures(store, width), lrSpectrum(store, half), lrLoss(store, half), lrLora(store), lrTable(store));
  lrShow(store);
  if (focused) store.range.focus({ preventScroll: true });
}

function lrHead(store) {
  const { header } = store;
  store.range = el("input", {
    type: "range", min: 0, max: header.ranks.length - 1, step: 1, "aria-label": "Rank",
    on: { input: () => lrGo(store, Number(store.range.value)) },
  });
  store.rankText = el("b", {});
  return el("div", { class: "full top" },
    el("h3", { text: header.title }),
    el("p", { class: "sub" }, `${lrCount(header.rows)} × ${lrCount(header.columns)}: ${lrCount(header.rows * header.columns)} numbers. `, header.notes.sum),
    el("div", { class: "rank" }, el("label", {}, "Keep rank ", store.rankText, ` of ${header.ranks[header.ranks.length - 1]}`), store.range));
}

function lrGo(store, at) {
  store.at = Math.max(0, Math.min(store.header.ranks.length - 1, at));
  store.moved = true;
  lrShow(store);
  store.tell();
}

// ----------------------------------------------------------------------------------------------------------- pictures

function lrPictures(store, width) {
  const { header } = store;
  const [rows, columns] = header.side;
  const gap = 28;
  const size = Math.min(330, Math.floor((width - 2 * gap) / 3));
  store.canvases = ["crop", "near", "left"].map((name) => el("canvas", { width: columns, height: rows, style: { width: `${size}px`, height: `${Math.round((size * rows) / columns)}px` }, role: "img", "aria-label": { crop: "The matrix", near: "Its approximation", left: "What is left out" }[name] }));
  store.nearText = el("span", { class: "sub" });
  store.leftText = el("span", { class: "sub" });
  const part = header.side[0] < header.rows || header.side[1] < header.columns ? `its first ${rows} rows and ${columns} columns` : "all of it";
  const captions = [
    [el("b", { text: "The matrix" }), el("span", { class: "sub", text: part })],
    [el("b", { text: "Its approximation" }), store.nearText],
    [el("b", { text: "What is left out" }), store.leftText],
  ];
  const [low, high] = [store.theme.diverging(-1), store.theme.diverging(1)];
  return el("section", { class: "full", "aria-label": "The matrix, its approximation and the difference" },
    el("div", { class: "pictures" }, store.canvases.map((canvas, i) => el("figure", {}, el("figcaption", {}, captions[i]), canvas))),
    el("p", { class: "sub scale" }, `−${fmt(header.most)} `, el("i", { class: "ramp", style: { background: `linear-gradient(90deg, ${low}, ${store.theme.paper}, ${high})` } }), ` +${fmt(header.most)}, one scale for all three`));
}

function lrPaint(store) {
  const { arrays, header, theme, at } = store;
  const size = header.side[0] * header.side[1];
  if (store.tableFor !== theme.dark) {
    store.tableFor = theme.dark;
    store.colours = Array.from({ length: 256 }, (_, value) => parseColour(theme.diverging(Math.sign(value - 128) * Math.min(1, Math.abs(value - 128) / 127) ** 0.8)));
  }
  const parts = [arrays.crop, arrays.near.subarray(at * size, (at + 1) * size), arrays.left.subarray(at * size, (at + 1) * size)];
  store.canvases.forEach((canvas, i) => {
    const context = canvas.getContext("2d");
    const image = context.createImageData(header.side[1], header.side[0]);
    for (let cell = 0; cell < size; cell++) {
      const colour = store.colours[parts[i][cell]];
      image.data[cell * 4] = colour[0];
      image.data[cell * 4 + 1] = colour[1];
      image.data[cell * 4 + 2] = colour[2];
      image.data[cell * 4 + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  });
}

// ------------------------------------------------------------------------------------------------------------- charts

function lrSpectrum(store, width) {
  const { arrays, theme } = store;
  const high = 230;
  const left = 46;
  const bottom = high - 28;
  const svg = svgEl("svg", { width, height: high, role: "img", "aria-label": "Singular values, largest first, beside those of a random matrix" });
  const count = arrays.values.length;
  const top = Math.max(arrays.values[0], arrays.random[0]);
  const x = (i) => left + ((width - left - 12) * (i + 0.5)) / count;
  const y = (value) => 12 + (bottom - 12) * (1 - value / top);
  store.specX = x;
  store.keptRect = svgEl("rect", { class: "kept", x: left, y: 12, height: bottom - 12 });
  svg.append(store.keptRect);
  for (const value of [0, top / 2, top]) svg.append(svgEl("line", { class: "gridline", x1: left, x2: width - 12, y1: y(value), y2: y(value) }), svgEl("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end", text: fmt(value) }));
  const path = (values) => Array.from(values, (value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  svg.append(svgEl("path", { class: "line", stroke: theme.grey, "stroke-dasharray": "6 4", d: path(arrays.random) }), svgEl("path", { class: "line", stroke: theme.accent, d: path(arrays.values) }));
  for (const rank of [1, Math.round(count / 2), count]) svg.append(svgEl("text", { class: "tick", x: x(rank - 1), y: bottom + 18, "text-anchor": rank === count ? "end" : "middle", text: rank }));
  store.keptText = el("p", { class: "told" });
  store.numbersText = el("p", { class: "told" });
  return el("section", { "aria-label": "Singular values" }, el("h4", { text: "Its singular values" }), lrKey([["this matrix", theme.accent, false], ["random numbers", theme.grey, true]]), svg, store.keptText, store.numbersText, el("p", { class: "sub", text: store.header.notes.spectrum }));
}

const lrKey = (lines) => el("p", { class: "keys" }, lines.map(([name, colour, dashed]) => el("span", {}, el("i", { class: dashed ? "stroke dashed" : "stroke", style: { "--c": colour } }), name)));

function lrLoss(store, width) {
  const { arrays, header, theme } = store;
  const high = 230;
  const left = 46;
  const bottom = high - 28;
  const loss = header.measure === "loss";
  const svg = svgEl("svg", { width, height: high, class: "losschart", role: "img", "aria-label": loss ? "Loss of the model at each rank" : "How far tokens' vectors move at each rank" });
  const count = header.ranks.length;
  const bands = Array.from(arrays.best, (value, i) => [value - 2 * arrays.error[i], value + 2 * arrays.error[i]]);
  const every = [header.whole, ...arrays.best, ...arrays.other];
  const spread = Math.max(...every) - Math.min(...every) || 1;
  const low = Math.max(0, Math.min(...every) - spread * 0.12);
  const top = Math.max(...every) + spread * 0.12;
  const x = (i) => left + 12 + ((width - left - 36) * i) / Math.max(1, count - 1);
  const y = (value) => 12 + (bottom - 12) * (1 - (Math.min(top, Math.max(low, value)) - low) / (top - low));
  for (const value of [low, (low + top) / 2, top]) svg.append(svgEl("line", { class: "gridline", x1: left, x2: width - 12, y1: y(value), y2: y(value) }), svgEl("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end", text: value.toFixed(spread < 0.5 ? 3 : 2) }));
  const line = (values) => values.map((value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const area = `${line(bands.map((band) => band[1]))}${bands.map((band, i) => [band, i]).reverse().map(([band, i]) => `L${x(i).toFixed(1)} ${y(band[0]).toFixed(1)}`).join("")}Z`;
  svg.append(
    svgEl("path", { class: "band", fill: theme.accent, d: area }),
    svgEl("line", { class: "unmodified", x1: left, x2: width - 12, y1: y(header.whole), y2: y(header.whole) }),
    svgEl("path", { class: "line", stroke: theme.grey, "stroke-dasharray": "6 4", d: line([...arrays.other]) }),
    svgEl("path", { class: "line", stroke: theme.accent, d: line([...arrays.best]) }));
  store.lossCursor = svgEl("line", { class: "cursor", y1: 8, y2: bottom });
  svg.append(store.lossCursor);
  store.lossX = x;
  header.ranks.forEach((rank, i) => {
    svg.append(svgEl("circle", { class: "dot", fill: theme.accent, cx: x(i), cy: y(arrays.best[i]), r: 4.5 }));
    if (width > 480 || i % 2 === 0) svg.append(svgEl("text", { class: "tick", x: x(i), y: bottom + 18, "text-anchor": "middle", text: rank }));
  });
  svg.onpointerdown = (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    let near = 0;
    for (let i = 1; i < count; i++) if (Math.abs(x(i) - at) < Math.abs(x(near) - at)) near = i;
    lrGo(store, near);
  };
  store.lossText = el("p", { class: "told" });
  const title = loss ? "The model's loss on your text" : "How far the tokens' vectors move";
  const unit = loss ? `nats a token, ${header.tokens} tokens predicted` : `1 − cosine, mean of ${header.tokens} tokens`;
  const what = header.replaced > 1 ? `replaced in all ${header.replaced} layers at once` : "this one matrix replaced";
  return el("section", { "aria-label": title }, el("h4", {}, title, " ", el("span", { class: "thin", text: `${unit}; ${what}` })),
    lrKey([["strongest directions", theme.accent, false], ["drawn by lot", theme.grey, true], ["unmodified", theme.ink, true]]), svg, store.lossText,
    el("p", { class: "sub", text: `${header.notes.loss} ${header.replaced > 1 ? "" : header.notes.one}` }));
}

// ----------------------------------------------------------------------------------------------------- LoRA, adapters

function lrLora(store) {
  const { header } = store;
  const row = (name, what) => {
    const fill = el("span", { class: "fill" });
    const number = el("span", { class: "number" });
    const node = el("li", {}, el("span", { class: "kind" }, el("b", { text: name }), el("span", { class: "sub", text: what })), el("span", { class: "track" }, fill), number);
    return { node, fill, number };
  };
  store.loraRow = row("LoRA", header.lora_matrices ? `${header.lora_kinds.join(", ")}: ${header.lora_matrices} matrices` : "no matrix chosen");
  store.adapterRow = row("Adapters", "two a layer, each as narrow as the rank");
  store.loraText = el("p", { class: "told" });
  return el("section", { class: "full", "aria-label": "What LoRA and adapters would train" }, el("h4", { text: "Teach it with few numbers" }),
    el("ul", { class: "bars" }, store.loraRow.node, store.adapterRow.node), store.loraText, el("p", { class: "sub", text: header.notes.lora }));
}

// --------------------------------------------------------------------------------------------------------------- state

function lrShow(store) {
  const { arrays, header, at } = store;
  const rank = header.ranks[at];
  const full = rank === header.ranks[header.ranks.length - 1];
  store.range.value = at;
  store.range.setAttribute("aria-valuetext", `rank ${rank}, keeps ${lrShare(header.kept[at])}`);
  store.rankText.textContent = rank;
  store.nearText.textContent = full ? "all directions: the same" : `the ${rank === 1 ? "strongest direction" : `${rank} strongest directions`}`;
  store.leftText.textContent = `${lrShare(1 - header.kept[at])} of the squared norm`;
  lrPaint(store);
  const right = store.specX(rank - 1);
  store.keptRect.setAttribute("width", Math.max(2, right - Number(store.keptRect.getAttribute("x"))));
  store.keptText.textContent = `Rank ${rank} keeps ${lrShare(header.kept[at])} of the squared norm; random numbers would keep ${lrShare(header.random_kept[at])}.`;
  const mn = header.rows * header.columns;
  store.numbersText.textContent = `It takes ${rank} × (${lrCount(header.rows)} + ${lrCount(header.columns)}) = ${lrCount(header.numbers[at])} numbers in place of ${lrCount(mn)}${header.numbers[at] >= mn ? ": no saving any more" : ` (${percent(header.numbers[at] / mn)})`}.`;
  const change = arrays.best[at] - header.whole;
  const sure = Math.abs(change) > 2 * arrays.error[at];
  const signed = `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(3)}`;
  store.lossText.textContent = header.measure === "loss"
    ? `At rank ${rank} the loss is ${arrays.best[at].toFixed(3)}, unmodified ${header.whole.toFixed(3)} (${signed}${full || sure ? "" : ", too small for this text to tell"}); by lot ${arrays.other[at].toFixed(3)}.`
    : `At rank ${rank} a token's vector turns by ${arrays.best[at].toFixed(3)}; by lot ${arrays.other[at].toFixed(3)}.`;
  const x = store.lossX(at);
  store.lossCursor.setAttribute("x1", x);
  store.lossCursor.setAttribute("x2", x);
  for (const [row, values] of [[store.loraRow, header.lora], [store.adapterRow, header.adapters]]) {
    const share = values[at] / header.parameters;
    row.fill.style.width = `${Math.min(100, share * 100)}%`;
    row.number.textContent = lrCount(values[at]);
  }
  // peft counts the added numbers among all.
  const told = (value) => percent(value / (header.parameters + value));
  store.loraText.textContent = `Rank ${rank}: LoRA trains ${told(header.lora[at])} and adapters ${told(header.adapters[at])} of all parameters, their own counted in. The model has ${lrCount(header.parameters)}.`;
}

function lrTable(store) {
  const { header, arrays } = store;
  const names = ["rank", "share kept", "numbers", header.measure, "drawn by lot", "LoRA", "adapters"];
  return el("div", { class: "sr-only" }, el("table", {}, el("caption", { text: `${header.title}, rank by rank; unmodified ${header.measure} ${fmt(header.whole)}` }),
    el("thead", {}, el("tr", {}, names.map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, header.ranks.map((rank, i) => el("tr", {}, el("th", { scope: "row", text: rank }), [lrShare(header.kept[i]), header.numbers[i], arrays.best[i].toFixed(4), arrays.other[i].toFixed(4), header.lora[i], header.adapters[i]].map((text) => el("td", { text })))))));
}
