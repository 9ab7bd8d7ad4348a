// Figure 15: errors of approximations of attention against their cost. Python makes all numbers.

import { indices, make, unpackAll } from "./basics.js";
import { numberOf, numberTable, rangeControl, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

const HEIGHT = { page: 230, slide: 330 }; // of the plot
const NARROW = 500; // pixels: below, ticks of costs have no room

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const read = numbersOf(data, state);
    const names = data.methods.map(({ name }) => name);
    const place = () => names.indexOf(state.method);
    const drawn = () => indices(names.length).filter((i) => i === place() || inSight(data, state.shown, data.methods[i]));
    const select = (label, trait, list, values = list) =>
      selectControl({ label, names: list, onChange: (i) => choose({ [trait]: values[i] }) });
    const layers = indices(data.errors.shape[0]);
    const controls = {
      layer: [select("Layer", "layer", layers.map(String), layers), layers],
      head: [select("Head", "head", data.heads), data.heads],
      cost: [select("Cost", "cost", data.costs), data.costs],
      shown: [select("Shown", "shown", data.groups), data.groups],
      method: [select("Method", "method", names), names],
    };
    const setting = rangeControl({
      label: "Setting m", count: data.errors.shape[3], text: (i) => String(data.settings[place()][i]),
      onInput: (value) => preview({ setting: value }), onChange: (value) => choose({ setting: value }),
    });
    setting.element.classList.add("clf-setting-m");
    const readout = make("p", { class: "clf-readout" });
    const known = make("p", { class: "clf-known" });
    const describe = (method, i) => {
      const [error, cost] = ["errors", state.cost.toLowerCase()].map((name) => short(read(name, method, i)));
      return `${names[method]}, m = ${data.settings[method][i]}: error ${error} at ${cost} times exact attention`;
    };
    const chart = plot({
      ...data.plot, height: slide ? HEIGHT.slide : HEIGHT.page,
      describe: (series, i) => (series < drawn().length ? describe(drawn()[series], i) : describe(place(), state.setting)),
      onPick: (series, i) => series < drawn().length && choose({ method: names[drawn()[series]], setting: i }),
    });
    chart.element.classList.add("clf-of-errors");
    const table = make("div", {});
    let narrow = false;

    function show() {
      for (const [trait, [control, values]] of Object.entries(controls)) control.show(values.indexOf(state[trait]));
      setting.show(state.setting);
      const at = (name) => read(name, place(), state.setting);
      readout.replaceChildren(
        numberOf(short(at("errors")), "relative error"),
        numberOf(short(at(state.cost.toLowerCase())), `times the ${state.cost} of exact attention`),
        numberOf(String(data.settings[place()][state.setting]), data.methods[place()].counts));
      known.textContent = knownOf(data, place(), at);
      draw();
      table.replaceChildren(allNumbers(data, state, read, place() * data.errors.shape[3] + state.setting));
    }

    function draw() {
      const clipped = (method, i) => Math.min(data.range[1], Math.max(data.range[0], read("errors", method, i)));
      const cost = (method, i) => read(state.cost.toLowerCase(), method, i);
      const steps = indices(data.errors.shape[3]);
      const series = drawn().map((method) => ({
        ...data.plot.series[method], x: steps.map((i) => cost(method, i)), y: steps.map((i) => clipped(method, i)), chosen: method === place(),
      }));
      const chosen = { ...data.plot.series.at(-1), x: [cost(place(), state.setting)], y: [clipped(place(), state.setting)], chosen: true };
      const axis = data.axes[state.cost];
      const x = narrow ? { ...axis, label: `${state.cost} / exact` } : axis;
      chart.draw({ series: [...series, chosen], rules: [{ x: 1, label: "exact" }], x });
    }

    return {
      controls: [...Object.values(controls).map(([control]) => control.element), setting.element],
      body: [readout, known, chart.element],
      details: [table],
      show,
      layout(width) {
        narrow = width < NARROW;
        chart.layout(width);
        draw();
      },
      sentence() {
        return [`Layer ${state.layer}, ${state.head}. ${describe(place(), state.setting)}. ${knownOf(data, place(), (name) => read(name, place(), state.setting))}`];
      },
    };
  });
}

/** Read a number of the chosen layer and head; of all heads it is the median. */
function numbersOf(data, state) {
  const tables = unpackAll(data, ["errors", "guarantees", "flops", "bytes"]);
  const heads = data.errors.shape[1];
  return (name, method, setting) => {
    const head = data.heads.indexOf(state.head) - 1;
    if (head >= 0) return tables[name].at(state.layer, head, method, setting);
    const sorted = indices(heads).map((i) => tables[name].at(state.layer, i, method, setting)).sort((a, b) => a - b);
    return (sorted[Math.floor((heads - 1) / 2)] + sorted[Math.ceil((heads - 1) / 2)]) / 2;
  };
}

/** Whether a method belongs to what is shown. */
function inSight({ groups }, shown, { forms }) {
  return shown === groups[0] || (shown === groups[1] && !forms);
}

/** What is known of the error at a point, in words. */
function knownOf({ known }, method, at) {
  return `Known: ${known[method]} ${short(at("guarantees"))}.`;
}

/** Two digits: "0.34", "51", "4.5e+10". */
function short(value) {
  if (value !== 0 && !(value >= 0.01 && value < 100)) return value.toExponential(1);
  return String(Number(value.toPrecision(2)));
}

/** A table of all points; the chosen one is marked. */
function allNumbers(data, state, read, current) {
  const caption = `Layer ${state.layer}, ${state.head}: all points`;
  const rows = data.methods.flatMap(({ name }, method) => data.settings[method].map((m, i) =>
    [`${name}, m = ${m}`, ...[state.cost.toLowerCase(), "errors", "guarantees"].map((each) => short(read(each, method, i)))]));
  return wide(caption, numberTable(caption, ["method", `${state.cost} / exact`, "error", "known"], rows, current));
}
