// The times of steps as bars, on one scale for each phase, cut into what the time is spent on.

import { svg } from "./axes.js";
import { asCount, make, sumOf } from "./basics.js";
import { numberTable } from "./controls.js";
import { marker } from "./plot.js";

const PHASES = { decode: "Decode: one token of each text", prefill: "Prefill: all tokens of each text" };

/** The times of all steps, phase by phase. `works` as in figure 9; `parts` names what their time is spent on. */
export function stepTimes(works, parts) {
  return Object.keys(PHASES).map((phase) => phaseTimes(phase, works.filter((work) => work.phase === phase), parts));
}

/** The times of a phase's steps, on one scale. */
function phaseTimes(phase, works, parts) {
  const bests = works.map(({ best }) => best);
  const [quickest, longest] = [Math.min(...bests), Math.max(...bests)];
  return make("section", { class: "clf-phase" }, make("p", { class: "clf-phase-name" }, PHASES[phase]),
    ...works.map((work) => timesOf(work, longest, work.best / quickest, parts)));
}

/** The two times of a step as bars, cut into what they are spent on; the longer bar, which decides, is thick. */
function timesOf(work, longest, times, parts) {
  const mark = svg("svg", { width: 14, height: 14, "aria-hidden": "true" },
    svg("g", { class: `clf-series clf-colour-${work.colour} clf-${work.phase}` }, marker(work.shape, 7, 7)));
  const bar = (kind) => {
    const decides = kind === work.waits;
    const cuts = sharesOf(work, kind, parts, 0.005).map(({ key, share }) => {
      const cut = make("span", { class: `clf-data clf-spent-${key}` });
      cut.style.width = `${(100 * share * work.seconds[kind]) / longest}%`;
      return cut;
    });
    const slower = decides && times >= 1.05 ? make("strong", { class: "clf-slower" }, `${asTimes(times)} times`, make("span", { class: "clf-page-only" }, " as long")) : null;
    return make("div", { class: `clf-time clf-colour-${work.colour}${decides ? " clf-decides" : ""}` },
      make("span", {}, kind), make("span", { class: "clf-time-track" }, ...cuts, slower), make("span", {}, asTime(work.seconds[kind])));
  };
  return make("div", { class: "clf-step" },
    make("p", { class: "clf-step-name" }, mark, make("span", {}, make("strong", {}, work.form), `: ${asThree(work.intensity)} FLOPs per byte`)),
    bar("memory"), bar("arithmetic"),
    make("p", { class: "clf-shares clf-page-only" }, `waits for ${work.waits}: ${sharesText(work, work.waits, parts, 0.05)}`));
}

/** The parts of what a step moves (memory) or computes (arithmetic) with their shares, falling, down to `least`. */
function sharesOf({ bytes, flops }, kind, parts, least) {
  const values = kind === "memory" ? bytes : flops;
  const total = sumOf(values);
  return Object.entries(parts[kind]).map(([key, name], i) => ({ key, name, share: values[i] / total }))
    .filter(({ share }) => share >= least).sort((a, b) => b.share - a.share);
}

function sharesText(work, kind, parts, least = 0.005) {
  return sharesOf(work, kind, parts, least).map(({ name, share }) => `${name} ${Math.round(100 * share)}\u00a0%`).join(", ");
}

export function workTable(works, parts) {
  const lines = works.flatMap((work) => [
    [work.name, "memory", asUnits(sumOf(work.bytes), "B"), asTime(work.seconds.memory), sharesText(work, "memory", parts)],
    [work.name, "arithmetic", asUnits(sumOf(work.flops), "FLOP"), asTime(work.seconds.arithmetic), sharesText(work, "arithmetic", parts)],
  ]);
  return numberTable("Bytes and FLOPs of each step, and the times that they would take alone", ["step", "part", "amount", "time", "spent on"], lines);
}

/** A ratio as text: "1.4", "72", "107". */
function asTimes(ratio) {
  return ratio < 9.95 ? ratio.toFixed(1) : asCount(ratio);
}

/** A number to three digits: "0.996", "16.1", "295", "3,350". */
export function asThree(value) {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 1000 ? asCount(rounded) : String(rounded);
}

export function asUnits(value, unit) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E", "Z"];
  const power = Math.max(0, Math.min(prefixes.length - 1, Math.floor(Math.log10(Number(value.toPrecision(3))) / 3)));
  return `${asThree(value / 1000 ** power)} ${prefixes[power]}${unit}`;
}

export function asTime(seconds) {
  const [unit, size] = [["h", 3600], ["min", 60], ["s", 1], ["ms", 1e-3], ["µs", 1e-6]].find(([, least]) => Number(seconds.toPrecision(3)) >= least) ?? ["ns", 1e-9];
  return `${asThree(seconds / size)} ${unit}`;
}
