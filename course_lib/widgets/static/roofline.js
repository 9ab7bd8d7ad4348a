// Figure 9: steps on the roofline of a machine. Python counts FLOPs and numbers moved; times follow from the two rates.

import { svg } from "./axes.js";
import { asCount, equal, indices, make, manyOf, sumOf, unpack } from "./basics.js";
import { radioControl, selectControl, traitSlider, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";
import { textSize } from "./screen.js";
import { asThree, asTime, asUnits, stepTimes, workTable } from "./step_times.js";

const HEIGHT = { page: 380, slide: 320 };
const TWO_COLUMNS = 720; // the width of the body from which it has two columns, as in the style sheet
const GAP = 24; // pixels between the columns
const ROOF_DASHES = ["dashed", "dotted", "dashdot"]; // for the roofs that are not chosen

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const models = data.models.map((each) => ({ ...each, flops: unpack(each.flops), numbers: unpack(each.numbers) }));
    const device = () => data.devices[state.device];
    const works = (batch = state.batch) => models[state.model].steps.map((name, i) =>
      workOf(models[state.model], [i, state.context, batch], device(), name));
    const model = selectControl({ label: "Model", names: data.models.map(({ name }) => name), onChange: (value) => choose({ model: value }) });
    const machine = radioControl({ label: "Machine", names: data.devices.map(({ name }) => name), onChange: (value) => choose({ device: value }) });
    const slider = (label, name, values, unit) => {
      const control = traitSlider(name, { choose, preview }, { label, count: values.length, text: (i) => manyOf(values[i], unit) });
      control.element.classList.add("clf-roof-slider");
      return control;
    };
    model.element.classList.add("clf-roof-model");
    const batch = slider("Batch", "batch", data.batches, "text");
    const context = slider("Length of each text", "context", data.tokens, "token");
    const roof = roofPlot({ data, models, state, works, height: slide ? HEIGHT.slide : HEIGHT.page, onPick: (value) => choose({ batch: value }) });
    const phases = make("div", { class: "clf-phases" });
    const rates = make("p", {});
    const table = make("div", { class: "clf-work-table" });

    return {
      controls: [model.element, machine.element, batch.element, context.element],
      body: [make("div", { class: "clf-roofline" }, roof.element, phases)],
      details: [rates, wide("Numbers of each step", table)],
      help: "The thick bar decides. Grey: parameters; solid frame: cached; dashed frame: made now. Small marks: other batches.",
      show() {
        model.show(state.model);
        machine.show(state.device);
        batch.show(state.batch);
        context.show(state.context);
        roof.draw();
        const now = works();
        phases.replaceChildren(...stepTimes(now, data.parts));
        rates.textContent = ratesOf(device());
        table.replaceChildren(workTable(now, data.parts));
      },
      layout: (width) => roof.layout(!slide && width >= TWO_COLUMNS ? (width - GAP) / 2 : width),
      sentence() {
        const said = works().map((work) => `${work.name} waits for ${work.waits}, ${asTime(work.best)}, at ${asThree(work.intensity)} FLOPs per byte`);
        return [`Batch ${asCount(data.batches[state.batch])}, ${manyOf(data.tokens[state.context], "token")}: ${said.join("; ")}`];
      },
    };
  });
}

/** One step at one length and batch: its parts, and how long memory and arithmetic take on a device. */
function workOf(model, at, { bandwidth, flops: rate, itemsize }, name) {
  const [phase, form = model.method] = name.split(", ");
  const flops = model.flops.part(...at);
  const bytes = model.numbers.part(...at).map((count) => itemsize * count);
  const seconds = { memory: sumOf(bytes) / bandwidth, arithmetic: sumOf(flops) / rate };
  const best = Math.max(seconds.memory, seconds.arithmetic);
  return {
    name, phase, form, colour: model.method.toLowerCase(), shape: form === "expanded" ? "square" : "circle", flops, bytes, seconds, best, intensity: sumOf(flops) / sumOf(bytes), reached: sumOf(flops) / best,
    waits: seconds.memory > seconds.arithmetic ? "memory" : "arithmetic",
  };
}

/** The roofs, the chosen one bold, and each step at all batches. */
function roofPlot({ data, models, state, works, height, onPick }) {
  const reach = reachOf(models, data.devices);
  const roofAt = ({ bandwidth, flops }, x) => Math.min(flops, bandwidth * x);
  const low = Math.min(...data.devices.map((each) => roofAt(each, reach[0])));
  const y = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(Math.max(...data.devices.map(({ flops }) => 1.5 * flops))))];
  let trails = [];
  let markers = []; // of each trail (a step at all batches), by batch
  let drawn = null; // the choice that the curves show
  const chart = plot({
    label: "Roofline", height, legend: false,
    x: { label: "FLOPs per byte", domain: reach, log: 10 },
    y: { label: "FLOPs per second", domain: y, log: 10 },
    describe(i, j) {
      if (i >= trails.length) return ratesOf(data.devices[i - trails.length]);
      const work = trails[i][j];
      return `${work.name}, batch ${asCount(data.batches[j])}: ${asThree(work.intensity)} FLOPs per byte, at best ${asUnits(work.reached, "FLOP/s")}`;
    },
    onPick: (i, j) => i < trails.length && onPick(j),
  });
  const roofs = () => data.devices.map((each, i) => {
    const x = [reach[0], each.ridge, reach[1]];
    return { name: each.name, x, y: x.map((value) => roofAt(each, value)), colour: "ink", dash: i === state.device ? "solid" : ROOF_DASHES[i % 3] };
  });

  /** Put trails over the roofs, hollow for a prefill; name several roofs, and draw those thin that are not chosen. */
  function arrange() {
    const series = [...chart.element.querySelectorAll(".clf-plot .clf-series")];
    const [marks, lines] = [series.slice(0, trails.length), series.slice(trails.length)];
    lines.forEach((roof, i) => roof.classList.toggle("clf-other", i !== state.device));
    marks.forEach((trail, i) => trail.classList.toggle("clf-prefill", trails[i][0].phase === "prefill"));
    series[0].parentNode.append(...(lines.length > 1 ? roofNames(lines, data.devices, textSize(chart.element) / 12) : []), ...marks);
    markers = marks.map((trail) => [...trail.children]);
    markChosen();
  }

  /** Show the chosen batch large and on top, and the others faint. */
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
      name: trail[0].name, colour: trail[0].colour, marker: trail[0].shape, x: trail.map(({ intensity }) => intensity), y: trail.map(({ reached }) => reached),
    }));
    const { ridge } = data.devices[state.device];
    chart.draw({ series: [...points, ...roofs()], rules: [{ x: ridge, label: `ridge ${asThree(ridge)}` }] });
    arrange();
  }

  return {
    element: chart.element,
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

/** The limits of the intensity axis: powers of ten around all models on all devices, and around all ridges. */
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

/** The names of the roofs at their right ends: above the highest one, below the others, apart from each other. */
function roofNames(lines, devices, unit) {
  const ends = lines.map((line, i) => ({ name: devices[i].name, end: [...line.querySelector("polyline").points].at(-1) }));
  ends.sort((a, b) => a.end.y - b.end.y);
  let last = -Infinity;
  return ends.map(({ end: { x, y }, name }, i) => {
    last = Math.max(last + 14 * unit, i ? y + 13 * unit : y - 5 * unit);
    return svg("text", { class: "clf-rule-name", x, y: last, "text-anchor": "end" }, name);
  });
}

function ratesOf({ name, bandwidth, flops, ridge, dtype, source }) {
  const where = source || "measured here";
  return `${name}: ${asUnits(bandwidth, "B/s")} and ${asUnits(flops, "FLOP/s")} in ${dtype} (${where}), ridge at ${asThree(ridge)} FLOPs per byte`;
}
