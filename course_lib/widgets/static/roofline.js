// Figure 9: works on the roof of a machine. FLOPs and numbers moved are Python's; times follow from a machine's two rates.

import { asTick, svg } from "./axes.js";
import { asCount, equal, indices, make, manyOf, sumOf, unpack } from "./basics.js";
import { radioControl, rangeControl, selectControl } from "./controls.js";
import { figure } from "./figure.js";
import { MARKERS, marker, plot } from "./plot.js";
import { raised } from "./units.js";

const SPREAD = { height: 400, dashes: ["none", "7 4", "2 3", "10 3 2 3"] };

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const models = data.models.map((each) => ({ ...each, flops: unpack(each.flops), numbers: unpack(each.numbers) }));
    const device = () => data.devices[state.device];
    const works = (batch = state.batch) => models[state.model].steps.map((name, i) =>
      workOf(models[state.model], [i, state.context, batch], device(), name));
    const model = selectControl({ label: "Model", names: data.models.map(({ name }) => name), onChange: (value) => choose({ model: value }) });
    const machine = radioControl({ label: "Machine", names: data.devices.map(({ name }) => name), onChange: (value) => choose({ device: value }) });
    const slider = (label, name, values, unit) => rangeControl({
      label, count: values.length, text: (i) => manyOf(values[i], unit),
      onInput: (value) => preview({ [name]: value }), onChange: (value) => choose({ [name]: value }),
    });
    const batch = slider("Batch", "batch", data.batches, "text");
    const context = slider("Length of each text", "context", data.tokens, "token");
    const rates = make("p", { class: "clf-rates" });
    const roof = roofPlot({ data, models, state, works, onPick: (value) => choose({ batch: value }) });
    const cards = make("div", { class: "clf-works" });

    return {
      controls: [model.element, machine.element, batch.element, context.element],
      body: [rates, roof.element, cards],
      help: "Left of the ridge a step waits for memory, right of it for arithmetic. Small marks are the other batches: " +
        "arrow keys walk along them, Enter or a click chooses one.",
      show() {
        model.show(state.model);
        machine.show(state.device);
        batch.show(state.batch);
        context.show(state.context);
        rates.textContent = ratesOf(device());
        roof.draw();
        cards.replaceChildren(...works().map((work, i) => workCard(work, i, data.parts)));
      },
      layout: roof.layout,
      sentence() {
        const said = works().map((work) => `${work.name} waits for ${work.waits}, ${asThree(work.intensity)} FLOPs per byte`);
        return [`Batch ${asCount(data.batches[state.batch])}, ${manyOf(data.tokens[state.context], "token")}: ${said.join("; ")}`];
      },
    };
  });
}

/** One step at one length and batch: its parts, and how long memory and arithmetic take on a device. */
function workOf(model, at, { bandwidth, flops: rate, itemsize }, name) {
  const flops = model.flops.part(...at);
  const bytes = model.numbers.part(...at).map((count) => itemsize * count);
  const seconds = { memory: sumOf(bytes) / bandwidth, arithmetic: sumOf(flops) / rate };
  const best = Math.max(seconds.memory, seconds.arithmetic);
  return {
    name, flops, bytes, seconds, best, intensity: sumOf(flops) / sumOf(bytes), reached: sumOf(flops) / best,
    waits: seconds.memory > seconds.arithmetic ? "memory" : "arithmetic",
  };
}

/** The roofs, the chosen one bold, and each step at all batches. */
function roofPlot({ data, models, state, works, onPick }) {
  const reach = reachOf(models, data.devices);
  const roofAt = ({ bandwidth, flops }, x) => Math.min(flops, bandwidth * x);
  const low = Math.min(...data.devices.map((each) => roofAt(each, reach[0])));
  const y = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(Math.max(...data.devices.map(({ flops }) => 1.5 * flops))))];
  let trails = [];
  let markers = []; // of each trail, by batch
  let drawn = null; // what the curves were drawn for
  const chart = plot({
    label: "Roofline", height: SPREAD.height,
    x: { label: "FLOPs per byte", domain: reach, log: 10, text: asPower },
    y: { label: "FLOPs per second", domain: y, log: 10, text: asPower },
    describe(i, j) {
      if (i >= trails.length) return ratesOf(data.devices[i - trails.length]);
      const work = trails[i][j];
      return `${work.name}, batch ${asCount(data.batches[j])}: ${asThree(work.intensity)} FLOPs per byte, at best ${asUnits(work.reached, "FLOP/s")}`;
    },
    onPick: (i, j) => i < trails.length && onPick(j),
  });
  const roofs = () => data.devices.map((each, i) => {
    const x = [reach[0], each.ridge, reach[1]];
    return { name: `roof of ${each.name}`, x, y: x.map((value) => roofAt(each, value)), colour: 4, dash: i === state.device ? "none" : SPREAD.dashes[1 + i % 3] };
  });

  /** Roofs that are not chosen are thin, trails lie over the roofs. */
  function arrange() {
    const series = [...chart.element.querySelectorAll(".clf-plot .clf-series")];
    series.slice(trails.length).forEach((roof, i) => roof.classList.toggle("clf-other", i !== state.device));
    series[0].parentNode.append(...series.slice(0, trails.length));
    markers = series.slice(0, trails.length).map((trail) => [...trail.children]);
    markChosen();
  }

  /** The chosen batch is large and on top, the others are faint. */
  function markChosen() {
    for (const trail of markers) {
      trail.forEach((each, batch) => each.classList.toggle("clf-chosen", batch === state.batch));
      trail[state.batch].parentNode.append(trail[state.batch]);
    }
  }

  function drawAll() {
    const batches = data.batches.map((_, i) => works(i));
    trails = batches[0].map((_, i) => batches.map((each) => each[i]));
    const points = trails.map((trail, i) => ({
      name: trail[0].name, kind: "points", colour: i, x: trail.map(({ intensity }) => intensity), y: trail.map(({ reached }) => reached),
    }));
    const { ridge } = data.devices[state.device];
    chart.draw({ series: [...points, ...roofs()], rules: [{ x: ridge, label: `ridge ${asThree(ridge)}` }] });
    arrange();
  }

  return {
    element: make("div", { class: "clf-roofs" }, chart.element),
    draw() {
      const news = [state.model, state.device, state.context];
      if (equal(news, drawn)) return markChosen();
      drawn = news;
      drawAll();
    },
    layout(width) {
      chart.layout(width);
      if (trails.length) arrange();
    },
  };
}

/** Decades around the intensities of all models in all types of number, and around the ridges. */
function reachOf(models, devices) {
  const sums = ({ values, shape }) => indices(values.length / shape[3]).map((i) =>
    sumOf(values.subarray(shape[3] * i, shape[3] * (i + 1))));
  const perNumber = models.flatMap(({ flops, numbers }) => {
    const moved = sums(numbers);
    return sums(flops).map((value, i) => value / moved[i]);
  });
  const [least, most] = perNumber.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, 0]);
  const low = Math.min(...devices.flatMap(({ itemsize, ridge }) => [least / itemsize, ridge]));
  const high = Math.max(...devices.flatMap(({ itemsize, ridge }) => [most / itemsize, ridge]));
  return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))];
}

/** The two times of a work as bars, cut into what they are spent on: the longer one decides. */
function workCard({ name, flops, bytes, seconds, best, intensity, waits }, i, parts) {
  const mark = svg("svg", { width: 16, height: 14, "aria-hidden": "true", class: `clf-series clf-colour-${i}` }, marker(MARKERS[i], 8, 7));
  const bar = (kind, values, names, what) => {
    const total = sumOf(values);
    const shares = Array.from(values, (value, j) => ({ name: names[j], share: value / total }))
      .filter(({ share }) => share >= 0.005).sort((a, b) => b.share - a.share);
    const line = make("div", { class: "clf-time", "aria-hidden": "true" }, ...shares.map(({ share }) => {
      const cut = make("span");
      cut.style.width = `${(100 * share * seconds[kind]) / best}%`;
      return cut;
    }));
    const text = shares.map((each) => `${each.name} ${Math.round(100 * each.share)}\u00a0%`).join(", ");
    return make("div", kind === waits ? { class: "clf-decides" } : {},
      make("p", {}, make("strong", {}, `${kind} ${asTime(seconds[kind])}`), ` for ${what(total)}`), line, make("p", { class: "clf-shares" }, text));
  };
  return make("div", { class: `clf-work clf-colour-${i}` },
    make("p", { class: "clf-work-name" }, mark, `${name}: ${asThree(intensity)} FLOPs per byte, waits for ${waits}`),
    bar("memory", bytes, parts.numbers, (total) => asUnits(total, "B")),
    bar("arithmetic", flops, parts.flops, (total) => asUnits(total, "FLOP")));
}

function ratesOf({ name, bandwidth, flops, ridge, dtype, source }) {
  const where = source || "measured here";
  return `${name}: ${asUnits(bandwidth, "B/s")} and ${asUnits(flops, "FLOP/s")} in ${dtype} (${where}), ridge at ${asThree(ridge)} FLOPs per byte`;
}

/** Three digits: "0.996", "16.1", "295", "3,350". */
function asThree(value) {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 1000 ? asCount(rounded) : String(rounded);
}

function asUnits(value, unit) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E", "Z"];
  const power = Math.max(0, Math.min(prefixes.length - 1, Math.floor(Math.log10(Number(value.toPrecision(3))) / 3)));
  return `${asThree(value / 1000 ** power)} ${prefixes[power]}${unit}`;
}

function asTime(seconds) {
  const [unit, size] = [["h", 3600], ["min", 60], ["s", 1], ["ms", 1e-3], ["µs", 1e-6]].find(([, least]) => Number(seconds.toPrecision(3)) >= least) ?? ["ns", 1e-9];
  return `${asThree(seconds / size)} ${unit}`;
}

/** "0.1", "100", "10⁶". */
function asPower(value) {
  const power = Math.round(Math.log10(value));
  return power >= -3 && power < 4 ? asTick(value) : `10${raised(power)}`;
}
