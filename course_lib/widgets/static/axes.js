// The axes of a plot, in SVG: ticks, grid lines, names, reference lines.

import { asCount, indices } from "./basics.js";
import { raised } from "./units.js";

const MARGINS = { left: 58, right: 16, top: 14, bottom: 44, line: 17 }; // pixels at a text of 12
const LETTER = 7.2; // an average letter of an axis' name, generously

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * An axis as course_lib.figures.plots describes it. It gets its own `ticks`, or about `most` of them.
 * @returns {{ticks: number[], at: (value: number) => number}} `at` is the place on [0, 1], beyond it outside
 */
function plotAxis({ domain: [low, high], log, ticks, whole }, most) {
  const line = log ? Math.log : (value) => value;
  const at = (value) => (line(value) - line(low)) / (line(high) - line(low));
  const round = () => roundTicks(low, high, most).filter((tick) => !whole || Number.isInteger(tick));
  return { at, ticks: ticks ?? (log ? logTicks(low, high, log, most) : round()) };
}

/** "0.6", "−2", "1,024": without the noise of binary fractions. */
export function asTick(value) {
  const text = Math.abs(value) < 1e4 ? String(Number(Math.abs(value).toPrecision(6))) : asCount(Math.abs(value));
  return value < 0 ? `−${text}` : text;
}

/** "0.1", "100", "10⁶". */
function asPower(value) {
  const power = Math.round(Math.log10(value));
  return power >= -3 && power < 4 ? asTick(value) : `10${raised(power)}`;
}

/** A tick's own text, or its number. */
function tickText({ texts, log }, value, i) {
  return texts?.[i] ?? (log === 10 ? asPower(value) : asTick(value));
}

/** Round numbers between low and high, at equal steps: at most `most` steps fit. */
function roundTicks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  return indices(Math.floor(high / step + 1e-9) - first + 1).map((i) => (first + i) * step);
}

/** Powers of the base, every k-th where there are more than `most`. */
function logTicks(low, high, base, most) {
  const power = (value) => Math.log(value) / Math.log(base);
  const [first, last] = [Math.ceil(power(low) - 1e-9), Math.floor(power(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, most)));
  return indices(Math.floor((last - first) / step) + 1).map((i) => base ** (first + i * step));
}

/**
 * Where a plot's values lie, in pixels. `text` is the size of its text: room is left for what stands outside.
 * @returns {{x: Function, y: Function, left: number, right: number, top: number, base: number, unit: number, ...}}
 */
export function plotPlace(axes, width, height, text) {
  const unit = text / 12;
  const [left, right, top] = [MARGINS.left * unit, width - (axes.x.room ?? MARGINS.right) * unit, MARGINS.top * unit];
  const name = linesOf(axes.x.label, right - left, LETTER * unit);
  const base = height - (MARGINS.bottom + MARGINS.line * (name.length - 1)) * unit;
  const x = plotAxis(axes.x, Math.floor((right - left) / ((axes.x.whole ? 26 : 52) * unit)));
  const y = plotAxis(axes.y, Math.floor((base - top) / (28 * unit)));
  return {
    x: (value) => left + (right - left) * x.at(value), y: (value) => base - (base - top) * y.at(value),
    left, right, top, base, unit, name, height, xTicks: x.ticks, yTicks: y.ticks,
  };
}

/** Words in as few lines as they need, none wider than the room if a word allows. */
function linesOf(text, room, letter) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length * letter <= room || lines.at(-1) === "") lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

export function xAxis(axis, place) {
  const { left, right, top, base, unit, name, height } = place;
  const marks = place.xTicks.flatMap((value, i) => [
    svg("line", { class: "clf-grid", x1: place.x(value), x2: place.x(value), y1: top, y2: base }),
    svg("text", { x: place.x(value), y: base + 17 * unit, "text-anchor": "middle" }, tickText(axis, value, i)),
  ]);
  const names = name.map((line, i) => {
    const y = height - (6 + MARGINS.line * (name.length - 1 - i)) * unit;
    return svg("text", { class: "clf-name", x: (left + right) / 2, y, "text-anchor": "middle" }, line);
  });
  return [...marks, svg("line", { class: "clf-line", x1: left, x2: right, y1: base, y2: base }), ...names];
}

export function yAxis(axis, place) {
  const { left, right, top, base, unit } = place;
  const marks = place.yTicks.flatMap((value, i) => [
    svg("line", { class: "clf-grid", x1: left, x2: right, y1: place.y(value), y2: place.y(value) }),
    svg("text", { x: left - 7 * unit, y: place.y(value) + 4 * unit, "text-anchor": "end" }, tickText(axis, value, i)),
  ]);
  const turned = `translate(${14 * unit} ${(top + base) / 2}) rotate(-90)`;
  return [...marks, svg("text", { class: "clf-name", transform: turned, "text-anchor": "middle" }, axis.label)];
}

/** Of level rules, in order, the names that touch no name before them: the others stand without. */
export function withRoom(rules, place) {
  const named = [];
  return rules.map((rule) => {
    if (rule.y === undefined) return rule;
    const at = place.y(rule.y);
    if (named.some((other) => Math.abs(other - at) < 14 * place.unit)) return { ...rule, label: "" };
    named.push(at);
    return rule;
  });
}

/** A dashed reference line across the plot: a level one has its name at the left, an upright one at the top. */
export function ruleMarks({ x, y, label = "" }, place) {
  const { left, right, top, base, unit } = place;
  if (y !== undefined) {
    const at = place.y(y);
    return [svg("line", { class: "clf-rule", x1: left, x2: right, y1: at, y2: at }),
      svg("text", { class: "clf-rule-name", x: left + 4 * unit, y: at - 4 * unit }, label)];
  }
  const at = place.x(x);
  const before = at > right - 74 * unit;
  return [svg("line", { class: "clf-rule", x1: at, x2: at, y1: top, y2: base }),
    svg("text", { class: "clf-rule-name", x: at + (before ? -5 : 5) * unit, y: top + 11 * unit, "text-anchor": before ? "end" : "start" }, label)];
}
