// Figure 11: keys and values of a trained model from a latent of rank r. All numbers are Python's.

import { roundTicks } from "./axes.js";
import { asChange, asCount, asNumber, counted, indices, make, sumOf, unpackAll } from "./basics.js";
import { numberOf, numberTable, radioControl, rangeControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

const SLICE_NAMES = ["keeps its rotation", "content, no longer turns", "lost with the rotation"];
const SMALLEST_SHOWN = 0.1; // % of the largest singular value

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const tables = unpackAll(data, ["singular", "keys", "values", "both", "by_weights", "energy"]);
    const [layers, slots, ranks] = tables.singular.shape;
    const slot = () => (state.positions === data.positions[1] ? state.pairs : 0);
    const layer = radioControl({ label: "Layer", names: counted(layers), onChange: (value) => choose({ layer: value }) });
    const positions = radioControl({
      label: "Rotary positions", names: data.positions, onChange: (value) => choose({ positions: data.positions[value] }),
    });
    const pairs = rangeControl({
      label: "Pairs in the slice", count: slots - 1, text: (i) => `${i + 1}, d_R = ${2 * (i + 1)}`,
      onInput: (value) => preview({ pairs: value + 1 }), onChange: (value) => choose({ pairs: value + 1 }),
    });
    const rank = rangeControl({
      label: "Rank r", count: ranks, text: (i) => String(i + 1),
      onInput: (value) => preview({ rank: value + 1 }), onChange: (value) => choose({ rank: value + 1 }),
    });
    const readout = make("p", { class: "clf-readout" });
    const verdict = make("p", { class: "clf-absorbable" });
    const matrices = factorPicture(data);
    const store = storeBar(data);
    const plots = rankPlots(data, tables, state, slot);
    const rises = make("div", { class: "clf-rises" });
    const shown = make("div", { class: "clf-ranks" }, ...plots.map((each) => make("div", {}, make("p", { class: "clf-plot-name" }, each.title), each.element)), rises);
    let room = 600;

    function show() {
      layer.show(state.layer);
      positions.show(data.positions.indexOf(state.positions));
      pairs.show(state.pairs - 1);
      rank.show(state.rank - 1);
      pairs.element.hidden = slot() === 0;
      const numbers = state.rank + 2 * slot();
      readout.replaceChildren(
        numberOf(asCount(numbers * data.itemsize), `of ${asCount(data.sizes.full * data.itemsize)} bytes per token and layer`),
        numberOf(missed(tables.keys), "of the keys missed"), numberOf(missed(tables.values), "of the values missed"));
      verdict.replaceChildren(...(slot() === 0
        ? [make("strong", {}, "Not absorbable: "), "the rotation stands between query and latent, so each step forms all keys and turns them."]
        : [make("strong", {}, "Absorbable: "), `${2 * slot()} coordinates turn, in one key for all heads; the rest of the keys no longer turns, and the mean stands in place of its rotation.`]));
      matrices.show(state.rank, slot(), room);
      store.show(state.rank, slot());
      plots.forEach((each) => each.show());
      rises.replaceChildren(...(data.rises.length ? [riseTable(data, state.rank, slot())] : []));
    }

    function missed(table) {
      return asPercent(table.at(state.layer, slot(), state.rank - 1));
    }

    return {
      controls: [layer.element, positions.element, pairs.element, rank.element],
      body: [readout, verdict, store.element, matrices.element, shown],
      help: "Drag the rank and watch what it stores and what it misses. Arrow keys walk along a curve, up and down change the curve.",
      show,
      layout(width) {
        room = width;
        matrices.show(state.rank, slot(), room);
        const columns = width >= 1000 ? 3 : width >= 640 ? 2 : 1;
        plots.forEach((each) => each.layout((width - 24 * (columns - 1)) / columns));
      },
      sentence() {
        const apart = slot() === 0 ? data.positions[0] : `slice of ${2 * slot()}`;
        return [`layer ${state.layer}, rank ${state.rank}, ${apart}: keys miss ${missed(tables.keys)}, values ${missed(tables.values)}`];
      },
    };
  });
}

function asPercent(share) {
  return `${asNumber(100 * share, 1)}%`;
}

/** The row that a token leaves, as long as its numbers, in the frame of what it left before. */
function storeBar({ sizes }) {
  const parts = ["latent", "slice"].map((kind) => make("span", { class: `clf-part clf-${kind}` }));
  const label = make("p", {});
  const bar = make("div", { class: "clf-store", "aria-hidden": "true" }, ...parts);
  return {
    element: make("div", { class: "clf-store-row" }, label, bar),
    show(rank, slot) {
      [rank, 2 * slot].forEach((numbers, i) => (parts[i].style.width = `${(100 * numbers) / sizes.full}%`));
      const apart = slot ? ` + ${2 * slot} in the rotary slice` : "";
      label.textContent = `In the cache: ${rank} in the latent${apart} = ${rank + 2 * slot} of ${asCount(sizes.full)} numbers`;
    },
  };
}

/** [W_K | W_V] beside its two factors and the slice, to scale. */
function factorPicture({ sizes: { d, keys, full } }) {
  const box = (name, kinds) => {
    const said = make("span", {});
    const blocks = kinds.map((kind) => make("div", { class: `clf-block clf-${kind}` }));
    const element = make("figure", { class: "clf-factor" }, make("figcaption", {}, ...name, " ", said), make("div", { class: "clf-blocks" }, ...blocks));
    const size = (rows, widths, scale) => {
      said.textContent = `${rows} × ${sumOf(widths)}`;
      blocks.forEach((block, i) => Object.assign(block.style, { height: `${Math.max(2, scale * rows)}px`, width: `${Math.max(2, scale * widths[i])}px` }));
    };
    return { element, size };
  };
  const high = (base, top) => [base, make("sup", {}, top)];
  const whole = box(["keys | values"], ["key", "value"]);
  const down = box(high("W", "L"), ["latent"]);
  const up = box([...high("W", "LK"), " | ", ...high("W", "LV")], ["key", "value"]);
  const slice = box(high("W", "KR"), ["slice"]);
  const sign = (text) => make("span", { class: "clf-sign", "aria-hidden": "true" }, text);
  const plus = sign("and apart");
  return {
    element: make("div", { class: "clf-factors" }, whole.element, sign("≈"), down.element, sign("·"), up.element, plus, slice.element),
    show(rank, slot, room) {
      const values = full - keys;
      const scale = Math.min(1, (room - 190) / (2 * full + 1.5 * d));
      const fit = room < 560 ? Math.min(0.6, (room - 20) / full) : scale;
      whole.size(d, [keys, values], fit);
      down.size(d, [rank], fit);
      up.size(rank, [keys, values], fit);
      slice.size(d, [2 * slot], fit);
      plus.hidden = slice.element.hidden = slot === 0;
    },
  };
}

/** Singular values, errors against bytes, and the energy of each pair. */
function rankPlots({ itemsize, sizes }, tables, state, slot) {
  const [, slots, ranks] = tables.singular.shape;
  const places = indices(ranks).map((i) => i + 1);
  const part = (name) => tables[name].part(state.layer, slot());
  const relative = () => Array.from(part("singular"), (value) => Math.max(SMALLEST_SHOWN, (100 * value) / part("singular")[0]));
  const values = plot({
    label: "Singular values", height: 260,
    x: { label: "number of the direction", domain: [1, ranks] }, y: { label: "% of the largest", domain: [SMALLEST_SHOWN, 100], log: 10 },
    describe: (series, i) => {
      const at = series === 0 ? i : state.rank - 1 + i;
      return `direction ${at + 1}: ${asPercent(part("singular")[at] / part("singular")[0])} of the largest`;
    },
  });
  const showValues = () => {
    const all = relative();
    const kept = { name: "kept", x: places.slice(0, state.rank), y: all.slice(0, state.rank), colour: 0 };
    const dropped = { name: "dropped", x: places.slice(state.rank - 1), y: all.slice(state.rank - 1), colour: 1 };
    values.draw({ series: state.rank < ranks ? [kept, dropped] : [kept], rules: [{ x: state.rank, label: `r = ${state.rank}` }] });
  };
  const curves = [["both", "both"], ["by_weights", "both, by the weights alone"], ["keys", "keys"], ["values", "values"]];
  const bytes = () => places.map((rank) => itemsize * (rank + 2 * slot()));
  const errors = plot({
    label: "Error against bytes", height: 260,
    x: { label: "bytes per token and layer", domain: [0, itemsize * (ranks + 2 * (slots - 1))] }, y: { label: "% of the norm missed", domain: [0, 100] },
    describe: (series, i) => `${curves[series][1]}: ${asPercent(part(curves[series][0])[i])} missed at ${asCount(bytes()[i])} bytes, rank ${i + 1}`,
  });
  const showErrors = () => errors.draw({
    series: curves.map(([name, label], i) => ({ name: label, x: bytes(), y: Array.from(part(name), (share) => 100 * share), colour: [0, 4, 2, 3][i] })),
    rules: [{ x: itemsize * (state.rank + 2 * slot()), label: `${asCount(itemsize * (state.rank + 2 * slot()))} bytes` }],
  });
  const count = tables.energy.shape[3];
  const numbers = indices(count);
  const energy = (kind) => tables.energy.part(state.layer, slot(), kind);
  const most = Math.max(...numbers.flatMap((i) => indices(tables.energy.shape[0]).map((l) => sumOf(indices(3).map((kind) => tables.energy.at(l, 0, kind, i))))));
  const kinds = () => (slot() ? [2, 1, 0] : [0]); // drawn in this order: each covers the lower part of the one before
  const bars = plot({
    label: "Energy of the keys by rotary pair", height: 260,
    x: { label: "rotary pair, fast to slow", domain: [-0.6, count - 0.4], ticks: roundTicks(0, count - 1, 8).filter(Number.isInteger) },
    y: { label: "% of the keys' energy", domain: [0, 105 * most] },
    describe: (series, i) => `pair ${i}, ${SLICE_NAMES[kinds()[series]]}: ${asPercent(energy(kinds()[series])[i])} of the energy`,
  });
  const showBars = () => bars.draw({
    series: kinds().map((kind) => ({
      name: SLICE_NAMES[kind], x: numbers, kind: "bars", colour: [0, 3, 1][kind],
      y: numbers.map((i) => 100 * sumOf(indices(kind + 1).map((each) => energy(each)[i]))),
    })),
  });
  return [
    { ...values, show: showValues, title: "Inside the matrix: singular values" },
    { ...errors, show: showErrors, title: "Error against bytes" },
    { ...bars, show: showBars, title: "Where the keys' energy goes" },
  ].map((each) => ({ ...each, element: make("div", { class: each.element === bars.element ? "clf-pairs" : "" }, each.element) }));
}

/** The measured losses, by what they store; the chosen one is marked. */
function riseTable({ rises, positions, itemsize }, rank, slot) {
  const caption = "Measured: loss of the whole model, all layers alike";
  const rows = rises.map((one) => [
    one.pairs ? `slice of ${2 * one.pairs}` : positions[0], String(one.rank), asCount(itemsize * (one.rank + 2 * one.pairs)), asChange(one.rise, 2),
  ]);
  const current = rises.findIndex((one) => one.rank === rank && one.pairs === slot);
  return wide(caption, numberTable(caption, ["positions", "rank", "bytes", "nats per token"], rows, current));
}
