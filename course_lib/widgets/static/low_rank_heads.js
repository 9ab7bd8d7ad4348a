// Figure 14: a matrix of one head, an approximation of rank r, and its error beside what a theorem states.

import { asCount, asNumber, counted, indices, make, unpackAll } from "./basics.js";
import { colourLegend, fitCanvas, paintCells, signedColours } from "./colours.js";
import { numberOf, numberTable, rangeControl, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

const SIDE = { page: 215, slide: 205 }; // of a picture, at most
const HEIGHT = { page: 262, slide: 440 }; // of the plot
const WIDER = 60; // than a picture are the words around it, on a slide
const GAP = 20; // between pictures and plot, as in the style sheet
const FIRST = "SVD"; // the method whose errors are the least
const ZERO = 128; // the byte of the value 0; bytes go from 1 to 255

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const { methods } = data;
    const names = data.tables.map(({ name }) => name);
    const tables = data.tables.map(({ name, shape, ...arrays }) => ({ shape, ...unpackAll(arrays) }));
    const pick = (label, trait, values, shown = values) =>
      ({ values, trait, ...selectControl({ label, names: shown, onChange: (i) => choose({ [trait]: values[i] }) }) });
    const lists = [
      pick("Matrix", "matrix", names),
      pick("Layer", "layer", indices(data.layers), counted(data.layers)),
      pick("Head", "head", indices(data.heads), counted(data.heads)),
      pick("Method", "method", methods),
    ];
    const rank = rangeControl({
      label: "Rank r", count: data.most, text: (i) => String(i + 1),
      onInput: (i) => preview({ rank: i + 1 }), onChange: (i) => choose({ rank: i + 1 }),
    });
    rank.element.classList.add("clf-rank-slider");
    const readout = make("p", { class: "clf-readout clf-of-errors" });
    const pictures = twoPictures(data, slide);
    const table = () => tables[names.indexOf(state.matrix)];
    const curve = (kind, method = state.method) => table()[kind].part(state.layer, state.head, methods.indexOf(method));
    const chart = errorPlot(data, curve, state, slide ? HEIGHT.slide : HEIGHT.page, choose);
    const body = make("div", { class: "clf-low-rank" }, pictures.element, chart.element);
    const numbers = make("div");
    let room = SIDE.page;

    function show() {
      for (const { values, trait, show: set } of lists) set(values.indexOf(state[trait]));
      rank.show(state.rank - 1);
      readout.replaceChildren(...readings().map(([value, what]) => numberOf(value, what)));
      pictures.show(table(), state, methods.indexOf(state.method), room);
      chart.show();
      numbers.replaceChildren(errorTable(data, curve, state));
    }

    /** The numbers of what is chosen, and what each of them is. */
    function readings() {
      const at = (values) => asError(values[state.rank - 1]);
      if (state.method === FIRST) return [[at(curve("errors")), "relative error, the least of this rank"]];
      const found = [[at(curve("errors")), "relative error"], [at(curve("bounds", FIRST)), "least error"]];
      return Number.isFinite(curve("bounds")[state.rank - 1]) ? [...found, [at(curve("bounds")), "bound on the mean"]] : found;
    }

    return {
      controls: [...lists.map(({ element }) => element), rank.element],
      body: [readout, body],
      details: [wide("Errors and bounds", numbers)],
      help: "A click or Enter on a curve chooses its rank. Values beyond the ends of the colours have the end colours.",
      show,
      layout(width) {
        const beside = width >= 640;
        body.classList.toggle("clf-beside", beside);
        room = Math.floor(slide ? SIDE.slide : Math.min(SIDE.page, beside ? 0.27 * width : (width - GAP) / 2));
        const taken = slide ? room + WIDER : 2 * room + GAP;
        chart.layout(beside ? width - taken - GAP : width);
        if (state.matrix) pictures.show(table(), state, methods.indexOf(state.method), room);
      },
      sentence() {
        const of = `${state.matrix} of layer ${state.layer}, head ${state.head}, ${state.method}, rank ${state.rank}: `;
        return [of + readings().map(([value, what]) => `${what} ${value}`).join(", ")];
      },
    };
  });
}

/** An error as text: "0.021", "below 0.001". */
function asError(error) {
  return error < 0.0005 ? "below 0.001" : asNumber(error, 3);
}

/** The matrix and its approximation, in the same colours. */
function twoPictures(data, slide) {
  const sides = indices(2).map(() => ({ text: make("p"), canvas: make("canvas", { class: "clf-data", role: "img" }) }));
  const legend = make("div");
  const pair = make("div", { class: "clf-two-matrices" }, ...sides.map(({ text, canvas }) => make("div", {}, text, canvas)));

  function show(table, state, method, side) {
    const { layer, head, rank } = state;
    const limit = table.limits.at(layer, head);
    const [rows, columns] = table.maps.shape.slice(-2);
    const matrix = Float32Array.from(table.maps.part(layer, head), (byte) => (limit * (byte - ZERO)) / (ZERO - 1));
    const drawn = [matrix, approximationOf(table, [layer, head, method], rank, rows, columns)];
    const scale = signedColours(data, limit);
    const [n, m] = table.shape;
    const said = [`${state.matrix}, ${n} × ${m}`, `${state.method}, rank ${rank}`];
    sides.forEach(({ text, canvas }, i) => {
      text.textContent = said[i];
      canvas.setAttribute("aria-label", i === 0 ? `The matrix ${said[0]}` : `Its approximation: ${said[1]}`);
      const width = Math.min(side, (side * m) / n);
      paintCells(fitCanvas(canvas, width, (width * n) / m), { values: drawn[i], scale }, columns, width, (width * n) / m);
    });
    const pooled = `${Math.ceil(n / rows)} × ${Math.ceil(m / columns)}`;
    const label = pooled === "1 × 1" ? "entry" : `mean of ${pooled} entries`;
    legend.replaceChildren(colourLegend(scale, slide ? "" : label, false, digitsOf(limit)));
  }
  return { element: make("div", { class: "clf-pictures" }, pair, legend), show };
}

/** The digits after the point that show two or three leading ones. */
function digitsOf(value) {
  return Math.max(0, 1 - Math.floor(Math.log10(value)));
}

/** The sum of the first r products of a column and a row, row by row. */
function approximationOf({ left, right, sizes }, at, rank, rows, columns) {
  const [lefts, rights, weights] = [left, right, sizes].map((each) => each.part(...at));
  const most = weights.length;
  const found = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rank; j++) {
      const factor = (weights[j] * (lefts[i * most + j] - ZERO)) / (ZERO - 1) ** 2;
      for (let k = 0; k < columns; k++) found[i * columns + k] += factor * (rights[j * columns + k] - ZERO);
    }
  }
  return found;
}

/** The error, the least error and the bound over the rank. */
function errorPlot(data, curve, state, height, choose) {
  const [least, top] = data.plot.y.domain;
  let curves = [];
  const chart = plot({
    ...data.plot, height,
    describe: (series, i) => `${data.plot.series[series].name} at rank ${curves[series].x[i]}: ${asError(curves[series].values[i])}`,
    onPick: (series, i) => choose({ rank: curves[series].x[i] }),
  });
  // The lower end of the axis: the power of 10 below all errors of this matrix, and at least that of the description.
  const lowest = () => Math.max(least, 10 ** Math.floor(Math.log10(Math.max(least, Math.min(...curve("bounds", FIRST))))));
  const known = (values, low) => {
    const places = indices(values.length).filter((i) => Number.isFinite(values[i]));
    const seen = places.map((i) => values[i]);
    return { x: places.map((i) => i + 1), y: seen.map((value) => Math.max(low, value)), values: seen };
  };
  return {
    element: chart.element,
    layout: (width) => chart.layout(width),
    show() {
      const low = lowest();
      const bound = known(curve("bounds"), low);
      curves = [known(curve("errors"), low), known(curve("bounds", FIRST), low), ...(state.method !== FIRST && bound.x.length ? [bound] : [])];
      chart.draw({ y: { domain: [low, top] }, series: curves.map(({ x, y }) => ({ x, y })), rules: [{ x: state.rank, label: `r = ${state.rank}` }] });
    },
  };
}

/** A table of the errors of all methods, and of the bounds of those that have one. */
function errorTable({ methods, most, tables }, curve, { matrix, layer, head, rank }) {
  const { shape: [n, m] } = tables.find(({ name }) => name === matrix);
  const columns = methods.flatMap((method) => (method === FIRST ? [["errors", method]] : [["errors", method], ["bounds", method]]));
  const ranks = [...new Set([1, 2, 4, 8, 16, 32, 64, rank, most])].filter((r) => r <= most).sort((a, b) => a - b);
  const cell = (value) => (Number.isFinite(value) ? asError(value) : "–");
  const rows = ranks.map((r) => [String(r), asCount(r * (n + m)), ...columns.map(([kind, method]) => cell(curve(kind, method)[r - 1]))]);
  const heads = ["rank", "numbers stored", ...columns.map(([kind, method]) => (kind === "errors" ? method : "bound"))];
  const caption = `${matrix} of layer ${layer}, head ${head}: relative errors, and bounds on their means`;
  return numberTable(caption, heads, rows, ranks.indexOf(rank));
}
