// Figure 12: both readings of a latent cache, side by side. All numbers are Python's.

import { asCount, asNumber, counted, indices, largestAt, largestOf, make, tokenText, unpack, unpackAll } from "./basics.js";
import { colourLegend, pixelsOf, signedColours, weightColours } from "./colours.js";
import { numberTable, radioControl, rangeControl, stepControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { asBytesText, asScientific } from "./units.js";

const NAMES = ["expanded", "absorbed"];
const CELL_ROOM = 4; // pixels of a number, where there is room
const ONE_ROW = 10; // pixels: a single row is drawn taller, to be seen
const KEYS_LISTED = 4;
const PLACES = {
  cached: "in the cache, one row per token for all heads",
  made: "materialised for every token seen, written to memory and read back",
  chip: "of new tokens only, stays on the chip",
};

/**
 * What stands at each stage, once where both readings have the same, else for each reading. Tensors are
 * [name, formula, place, size]; size names the letters of its shape (N tokens seen, n new ones), and where there is no
 * formula, it depends on the sizes.
 */
const QUERY = [
  ["Q", "", "chip", "h n e"], ["Q_R", "Q^R_h, turned", "chip", "h n p"],
  ["L", "", "cached", "N r"], ["K_R", "K^R, turned", "cached", "N p"],
];
const FLOW = [
  { both: QUERY },
  { expanded: [["K", "K_h = L W^{LK}_h", "made", "h N e"]], absorbed: [["asking", "A_h = Q_h (W^{LK}_h)^⊤", "chip", "h n r"]] },
  { expanded: [["scores", "", "chip", "h n N"]], absorbed: [["scores", "", "chip", "h n N"]] },
  { expanded: [["weights", "P_h = softmax S_h", "chip", "h n N"]], absorbed: [["weights", "P_h = softmax S_h", "chip", "h n N"]] },
  { expanded: [["V", "V_h = L W^{LV}_h", "made", "h N v"]], absorbed: [["mixed", "M_h = P_h L", "chip", "h n r"]] },
  { expanded: [["heads", "Y_h = P_h V_h", "chip", "h n v"]], absorbed: [["heads", "Y_h = M_h W^{LV}_h", "chip", "h n v"]] },
  { expanded: [["output", "Y = concat(Y_1, …) W^O", "chip", "n d"]], absorbed: [["output", "Y = concat(Y_1, …) W^O", "chip", "n d"]] },
];
const COMPARED = ["scores", "weights", "heads", "output"];
const SHARED_BY_HEADS = ["L", "K_R"];

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const tensors = unpackAll(data.tensors);
    const differences = unpack(data.differences);
    const size = () => data.sizes[state.size];
    const cost = () => size().costs[state.step];
    const letters = () => ({ ...size().letters, n: data.new[state.step], N: size().cached + data.new[state.step] });
    const head = radioControl({ label: "Head in the pictures", names: counted(tensors.K.shape[0]), onChange: (value) => choose({ head: value }) });
    const step = rangeControl({
      label: "New tokens in this call", count: data.new.length, text: (i) => asCount(data.new[i]),
      onInput: (value) => preview({ step: value }), onChange: (value) => choose({ step: value }),
    });
    const sizes = radioControl({
      label: "Shapes and costs of", names: data.sizes.map((each) => `${each.name}, ${asCount(each.cached)} cached`),
      onChange: (value) => choose({ size: value }),
    });
    const stages = stepControl({
      label: "Steps shown", count: data.stages.length, text: (i) => data.stages[i], onChange: (stage) => choose({ stage }),
    });
    const readout = make("div", { class: "clf-absorption-totals" });
    const panels = FLOW.map((flow, i) => stagePanel(data, flow, data.stages[i]));
    const keys = make("div", { class: "clf-absorption-keys" });
    panels[3].element.append(keys);
    const list = make("ol", { class: "clf-absorption" }, ...panels.map((panel) => panel.element));
    const bytes = make("div", { class: "clf-absorption-bytes" });
    const places = placesLegend(data);
    let room = 0;
    const apart = (at) => {
      const value = differences.at(state.step, at);
      return `largest difference ${value === 0 ? "0, to the last bit" : asScientific(value)}`;
    };

    function show(names) {
      head.show(state.head);
      step.show(state.step);
      sizes.show(state.size);
      stages.show(state.stage);
      const changed = (...among) => among.some((name) => names.includes(name));
      if (changed("step", "size")) {
        readout.replaceChildren(...totals(cost(), letters(), size(), state.size === 0 ? null : data.sizes[0].name));
        bytes.replaceChildren(bytesTable(cost(), size()));
        places.count(cost().numbers);
      }
      panels.forEach((panel, i) => {
        panel.element.classList.toggle("clf-later", i > state.stage);
        panel.element.classList.toggle("clf-now", i === state.stage);
        panel.content.hidden = panel.apart.hidden = i > state.stage;
        if (changed("step", "size")) panel.count(cost().cells, letters(), size().formulas, i);
        const at = COMPARED.indexOf(FLOW[i].expanded?.[0][0]);
        panel.apart.textContent = at < 0 ? "" : apart(at);
        if (changed("head")) panel.paint(data, tensors, state.head, room);
      });
      keys.hidden = state.stage < 3;
      if (changed("head")) keys.replaceChildren(keyTable(data, tensors, state.head));
    }

    return {
      controls: [stages.element, step.element, sizes.element, head.element],
      body: [readout, places.element, list, bytes],
      help: "Back and Next walk through the steps. Each new token sees all cached ones, and the new ones up to itself.",
      show,
      layout(width) {
        room = width;
        panels.forEach((panel) => panel.paint(data, tensors, state.head, room));
      },
      sentence(names) {
        if (names.includes("stage")) {
          const at = COMPARED.indexOf(FLOW[state.stage].expanded?.[0][0]);
          return [data.stages[state.stage], at < 0 ? "" : `, ${apart(at)}`];
        }
        if (names.includes("head")) return [`head ${state.head}`];
        return [verdict(cost(), letters(), size())];
      },
    };
  });
}

/** "W^{LK}_h" as elements: what follows ^ stands high, what follows _ low. */
function formula(text) {
  return text.split(/([\^_](?:\{[^}]*\}|.)|\{\})/).filter((part) => part && part !== "{}").map((part) => {
    const inside = part.slice(1).replace(/[{}]/g, "");
    return part[0] === "^" ? make("sup", {}, inside) : part[0] === "_" ? make("sub", {}, inside) : part;
  });
}

/** "1.6 million" */
function asLarge(value) {
  const [unit, name] = [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"]].find(([least]) => value >= least) ?? [1, ""];
  return unit === 1 ? asCount(value) : `${(value / unit).toFixed(value / unit < 10 ? 2 : 1)}${name}`;
}

function verdict({ totals: { expanded, absorbed } }, { n }, { cached }) {
  const ratio = (of) => absorbed[of] / expanded[of];
  const number = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const times = (value) => (value < 0.995 ? `${number(1 / value)} times fewer` : value > 1.005 ? `${number(value)} times as many` : "as many");
  return `${asCount(n)} new after ${asCount(cached)} cached: absorbed needs ${times(ratio("flops"))} FLOPs and moves ${times(ratio("bytes"))} bytes.`;
}

/** The two sums, and the verdict. */
function totals(cost, letters, size, pictures) {
  const sum = (name, i) => make("p", { class: `clf-colour-${i}` }, make("strong", {}, name), " ",
    make("span", {}, make("b", {}, asLarge(cost.totals[name].flops)), " FLOPs"), " ",
    make("span", {}, make("b", {}, asBytesText(cost.totals[name].bytes)), " moved"));
  return [...NAMES.map(sum), make("p", { class: "clf-absorption-verdict" }, verdict(cost, letters, size),
    pictures === null ? "" : ` The pictures and differences stay those of ${pictures}.`)];
}

function bytesTable({ bytes, totals: sums }, { name }) {
  const parts = Object.keys(bytes.expanded);
  const says = { weights: "weights, read once", activations: "X and Y", cache: "cache, written and read", expanded: "keys and values, written and read" };
  const rows = parts.map((part) => [says[part] ?? part, ...NAMES.map((reading) => asCount(bytes[reading][part]))]);
  const caption = `Bytes moved through memory, ${name}`;
  return wide(caption,
    numberTable(caption, ["part", ...NAMES], [...rows, ["together", ...NAMES.map((reading) => make("b", {}, asCount(sums[reading].bytes)))]]));
}

/** What the frames mean, with the numbers that each place holds, and the colours. */
function placesLegend(data) {
  const counts = { cached: make("b"), made: make("b") };
  const entry = ([place, text]) => make("span", { class: "clf-key" }, make("span", { class: `clf-place clf-${place}` }), counts[place] ?? null, text);
  const colours = colourLegend(signedColours(data, 1), "", false).querySelector(".clf-key");
  colours.firstChild.textContent = "most negative";
  colours.lastChild.textContent = "most positive of its picture";
  return {
    element: make("div", { class: "clf-legend clf-places" }, ...Object.entries(PLACES).map(entry), colours,
      make("span", {}, "weights from 0, dark, to the largest")),
    count({ cached, made }) {
      counts.cached.textContent = `${asCount(cached)} numbers`;
      counts.made.textContent = `${asCount(made)} numbers`;
    },
  };
}

/** One stage: a column for each reading, or one for both. */
function stagePanel(data, flow, name) {
  const columns = (flow.both ? ["both"] : NAMES).map((reading) => readingColumn(reading, flow[reading]));
  const apart = make("span", { class: "clf-apart" });
  const content = make("div", { class: flow.both ? "" : "clf-absorption-pair" }, ...columns.map((column) => column.element));
  return {
    content, apart,
    element: make("li", {}, make("p", { class: "clf-absorption-name" }, make("strong", {}, name), apart), content),
    count: (...counts) => columns.forEach((column) => column.count(...counts)),
    paint(data, tensors, head, room) {
      const width = flow.both || room < 700 ? room - 24 : (room - 24) / 2 - 24;
      columns.forEach((column) => column.paint(data, tensors, head, width));
    },
  };
}

function readingColumn(reading, entries) {
  const pictures = entries.map(([name, text, place, shape]) => tensorPicture(reading, name, text, place, shape));
  const costs = make("p", { class: "clf-cost" });
  const title = reading === "both" ? null : make("span", { class: "clf-reading" }, reading);
  return {
    element: make("div", { class: "clf-absorption-column" }, title, make("div", { class: "clf-tensors" }, ...pictures.map((picture) => picture.element)), costs),
    count(cells, letters, formulas, i) {
      pictures.forEach((picture) => picture.count(letters, formulas));
      const { factors, flops, made } = cells[reading === "both" ? "expanded" : reading][i];
      const parts = factors.length ? [`${factors.map(asCount).join(" × ")} = `, make("b", {}, asCount(flops)), " FLOPs"] : ["no products"];
      costs.replaceChildren(...parts, made ? `; ${asBytesText(made)} ${i === 1 && letters.p ? "with Kᴿ in each head, " : ""}written and read` : "");
    },
    paint(data, tensors, head, width) {
      pictures.forEach((picture) => picture.paint(data, tensors, head, width));
    },
  };
}

/** A matrix, a cell for each number, with its formula and its shape. */
function tensorPicture(reading, name, text, place, shape) {
  const canvas = make("canvas", { class: `clf-tensor clf-place clf-${place}`, role: "img" });
  const sized = make("span", { class: "clf-shape" });
  const said = make("span", {});
  const element = make("figure", { class: "clf-tensor-figure" }, make("figcaption", {}, said, " ", sized), canvas);
  return {
    element,
    count(letters, formulas) {
      said.replaceChildren(...formula(text || formulas[reading][name]));
      sized.textContent = shape.split(" ").map((letter) => asCount(letters[letter])).join(" × ");
      element.hidden = shape.includes("p") && letters.p === 0;
    },
    paint(data, tensors, head, width) {
      const array = tensors[name];
      const compared = COMPARED.indexOf(name) >= 0;
      const index = [...(compared ? [NAMES.indexOf(reading)] : []), ...(name === "output" || SHARED_BY_HEADS.includes(name) ? [] : [head])];
      const values = array.part(...index);
      const columns = array.shape.at(-1);
      const rows = values.length / columns;
      const widest = tensors.L.shape[1] + tensors.K_R.shape[1] + tensors.Q.shape[1];
      const cell = Math.max(1, Math.min(CELL_ROOM, Math.floor(width / (reading === "both" ? widest : Math.max(columns, tensors.L.shape[1])))));
      const largest = largestOf(values);
      const scale = name === "weights" ? weightColours(data, largest) : signedColours(data, largest);
      paintCells(canvas, scale, values, rows, columns);
      Object.assign(canvas.style, { width: `${cell * columns}px`, height: `${rows === 1 ? ONE_ROW : cell * rows}px` });
      canvas.setAttribute("aria-label", `${name.replace("_", " ")}, ${reading}, ${rows} by ${columns}, ${PLACES[place]}`);
    },
  };
}

/** One pixel for each number; the style makes it as large as there is room. */
function paintCells(canvas, scale, values, rows, columns) {
  if (!values.length) return;
  Object.assign(canvas, { width: columns, height: rows });
  canvas.getContext("2d").putImageData(pixelsOf({ values, scale }, columns), 0, 0);
}

/** Scores by both readings, for the keys with the largest weights. */
function keyTable({ keys }, { scores, weights }, head) {
  const [expanded, absorbed] = [0, 1].map((i) => scores.part(i, head));
  const weight = weights.part(0, head);
  const shown = largestAt(weight, indices(keys.length), KEYS_LISTED);
  const caption = `Head ${head}, the ${shown.length} keys of largest weight, of ${keys.length}`;
  const rows = shown.map((j) => [make("span", {}, tokenText(keys[j]), ` (${j})`), asNumber(expanded[j], 5), asNumber(absorbed[j], 5), asNumber(weight[j], 4)]);
  return wide(caption,
    numberTable(caption, ["key", "score, expanded", "score, absorbed", "weight"], rows));
}
