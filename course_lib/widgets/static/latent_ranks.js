// Figure 11: keys and values of a trained model from a latent of rank r. Python makes all numbers.

import { asChange, asCount, asNumber, counted, indices, make, sumOf, unpackAll } from "./basics.js";
import { numberOf, numberTable, rangeControl, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

const HEIGHT = { page: 195, slide: 285 }; // of each plot
const GAP = 20; // between them, as in the style sheet
const CURVES = ["keys", "values", "both", "by_weights"]; // of the errors, as they are described

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const tables = unpackAll(data, ["singular", "keys", "values", "both", "by_weights", "energy"]);
    const [layers, slots, ranks] = tables.singular.shape;
    const slot = () => (state.positions === data.positions[1] ? state.pairs : 0);
    const layer = selectControl({ label: "Layer", names: counted(layers), onChange: (value) => choose({ layer: value }) });
    const positions = selectControl({
      label: "Rotary positions", names: data.positions, onChange: (value) => choose({ positions: data.positions[value] }),
    });
    const pairs = rangeControl({
      label: "Pairs that turn", count: slots - 1, text: (i) => String(i + 1),
      onInput: (value) => preview({ pairs: value + 1 }), onChange: (value) => choose({ pairs: value + 1 }),
    });
    const rank = rangeControl({
      label: "Rank r", count: ranks, text: (i) => String(i + 1),
      onInput: (value) => preview({ rank: value + 1 }), onChange: (value) => choose({ rank: value + 1 }),
    });
    pairs.element.classList.add("clf-few-pairs");
    const readout = make("p", { class: "clf-readout clf-of-ranks" });
    const verdict = make("p", { class: "clf-absorbable clf-page-only" });
    const factors = factorPicture(data, ranks, slots - 1);
    const plots = rankPlots(data, tables, state, slot, slide ? HEIGHT.slide : HEIGHT.page);
    const shown = slide ? plots.slice(1) : plots;
    const rises = make("div", { class: "clf-rises" });

    function show() {
      layer.show(state.layer);
      positions.show(data.positions.indexOf(state.positions));
      pairs.show(state.pairs - 1);
      rank.show(state.rank - 1);
      pairs.element.hidden = slot() === 0;
      const measured = data.rises.find((one) => one.rank === state.rank && one.pairs === slot());
      readout.replaceChildren(
        numberOf(asCount((state.rank + 2 * slot()) * data.itemsize), `of ${asCount(data.sizes.full * data.itemsize)} bytes`),
        numberOf(missed(tables.keys), "of keys missed"), numberOf(missed(tables.values), "of values missed"),
        measured ? numberOf(asChange(measured.rise, 2), "nats, measured") : "");
      verdict.replaceChildren(...(slot() === 0
        ? [make("strong", {}, "Not absorbable. "), "The rotation stands between query and latent: each step forms all keys and turns them."]
        : [make("strong", {}, "Absorbable. "), "K", make("sub", {}, "R"), ` holds ${2 * slot()} coordinates that turn, for all heads. In the other coordinates the mean replaces the rotation.`]));
      factors.show(state.rank, slot());
      shown.forEach((each) => each.show());
      if (data.rises.length) rises.replaceChildren(riseTable(data, state.rank, slot()));
    }

    function missed(table) {
      return asPercent(table.at(state.layer, slot(), state.rank - 1));
    }

    return {
      controls: [layer.element, positions.element, rank.element, pairs.element],
      body: [readout, make("div", { class: "clf-from-latent" }, factors.element, verdict), make("div", { class: "clf-ranks" }, ...shown.map((each) => each.element))],
      details: data.rises.length ? [rises] : null,
      show,
      layout(width) {
        factors.layout(width);
        factors.show(state.rank, slot());
        const columns = Math.min(shown.length, width >= 740 ? 3 : width >= 500 ? 2 : 1);
        shown.forEach((each) => each.layout((width - GAP * (columns - 1)) / columns));
      },
      sentence() {
        const apart = slot() === 0 ? data.positions[0] : `slice of ${2 * slot()}`;
        return [`layer ${state.layer}, rank ${state.rank}, ${apart}: keys miss ${missed(tables.keys)}, values ${missed(tables.values)}`];
      },
    };
  });
}

/** A share in percent, with a space that does not break: "45.2 %". */
function asPercent(share) {
  return `${asNumber(100 * share, 1)}\u00a0%`;
}

/** The approximation of [K | V] by L [W_LK | W_LV] and K_R, to scale: solid frames are cached, dashed ones made. */
function factorPicture({ sizes: { keys, full } }, ranks, pairs) {
  const box = (name, rows, parts) => {
    const said = make("span", { class: "clf-factor-size" });
    const blocks = parts.map((kind) => make("span", { class: `clf-data clf-factor-block clf-${kind}` }));
    const element = make("div", { class: "clf-factor" }, make("span", {}, ...name), said, make("span", { class: "clf-blocks" }, ...blocks));
    const size = (widths, high, scale) => {
      said.textContent = `${rows ?? high} × ${sumOf(widths)}`;
      blocks.forEach((block, i) => Object.assign(block.style, {
        height: rows ? "" : `${Math.max(6, scale * high)}px`, width: `${Math.max(6, scale * widths[i])}px`,
      }));
    };
    return { element, size };
  };
  const high = (base, top) => [base, make("sup", {}, top)];
  const whole = box(["K | V"], "N", ["of-keys", "of-values"]);
  const latent = box(["L"], "N", ["of-latent"]);
  const up = box([...high("W", "LK"), " | ", ...high("W", "LV")], null, ["of-learnt", "of-learnt"]);
  const slice = box(["K", make("sub", {}, "R")], "N", ["striped"]);
  const sign = (text) => make("span", { class: "clf-factor-sign" }, text);
  const and = sign("and");
  const element = make("div", { class: "clf-factors", role: "img" }, whole.element, sign("≈"), latent.element, sign("·"), up.element, and, slice.element);
  let scale = 1;
  return {
    element,
    layout(width) {
      const room = width >= 640 ? 0.6 * width : width;
      scale = Math.min((room - (width >= 640 ? 130 : 150)) / (2 * full + ranks + 2 * pairs), 66 / ranks);
    },
    show(rank, slot) {
      whole.size([keys, full - keys], null, scale);
      latent.size([rank], null, scale);
      up.size([keys, full - keys], rank, scale);
      slice.size([2 * slot], null, scale);
      and.hidden = slice.element.hidden = slot === 0;
      const apart = slot ? `, and ${2 * slot} in the rotary key` : "";
      element.setAttribute("aria-label", `In the cache of a token: ${rank} numbers in the latent${apart}, in place of ${full} in keys and values`);
    },
  };
}

/** The plots of singular values, of errors over bytes, and of the energy of each pair. */
function rankPlots({ itemsize, plots }, tables, state, slot, height) {
  const ranks = tables.singular.shape[2];
  const places = indices(ranks).map((i) => i + 1);
  const part = (name) => tables[name].part(state.layer, slot());
  const relative = () => Array.from(part("singular"), (value) => Math.max(plots.values.y.domain[0], (100 * value) / part("singular")[0]));
  const values = plot({
    ...plots.values, height,
    describe: (series, i) => {
      const at = series === 0 ? i : state.rank - 1 + i;
      return `direction ${at + 1}: ${asPercent(part("singular")[at] / part("singular")[0])} of the largest`;
    },
  });
  const showValues = () => {
    const all = relative();
    const kept = { x: places.slice(0, state.rank), y: all.slice(0, state.rank) };
    const dropped = { x: places.slice(state.rank - 1), y: all.slice(state.rank - 1) };
    values.draw({ series: state.rank < ranks ? [kept, dropped] : [kept], rules: [{ x: state.rank, label: `r = ${state.rank}` }] });
  };
  const bytes = () => places.map((rank) => itemsize * (rank + 2 * slot()));
  const errors = plot({
    ...plots.errors, height,
    describe: (series, i) => `${plots.errors.series[series].name}: ${asPercent(part(CURVES[series])[i])} missed at ${asCount(bytes()[i])} bytes, rank ${i + 1}`,
  });
  const showErrors = () => errors.draw({
    series: CURVES.map((name) => ({ x: bytes(), y: Array.from(part(name), (share) => 100 * share) })),
    rules: [{ x: itemsize * (state.rank + 2 * slot()), label: `${asCount(itemsize * (state.rank + 2 * slot()))} bytes` }],
  });
  const numbers = indices(tables.energy.shape[3]);
  const energy = (kind) => tables.energy.part(state.layer, slot(), kind);
  const kinds = () => (slot() ? [0, 1, 2] : [2]); // each bar covers the lower part of the one before; without a slice all energy turns
  const bars = plot({
    ...plots.energy, height,
    describe: (series, i) => `pair ${i}, ${plots.energy.series[kinds()[series]].name}: ${asPercent(energy(2 - kinds()[series])[i])} of the energy`,
  });
  bars.element.classList.add("clf-pairs");
  const showBars = () => bars.draw({
    series: kinds().map((kind) => ({
      ...plots.energy.series[kind], x: numbers, y: numbers.map((i) => 100 * sumOf(indices(3 - kind).map((each) => energy(each)[i]))),
    })),
  });
  return [{ ...values, show: showValues }, { ...errors, show: showErrors }, { ...bars, show: showBars }];
}

/** A table of the measured rises of the loss, sorted by the numbers stored; the chosen one is marked. */
function riseTable({ rises, positions, itemsize }, rank, slot) {
  const caption = "Measured: loss of the whole model, all layers alike";
  const rows = rises.map((one) => [
    one.pairs ? `slice of ${2 * one.pairs}` : positions[0], String(one.rank), asCount(itemsize * (one.rank + 2 * one.pairs)), asChange(one.rise, 2),
  ]);
  const current = rises.findIndex((one) => one.rank === rank && one.pairs === slot);
  return wide(caption, numberTable(caption, ["positions", "rank", "bytes", "nats per token"], rows, current));
}
