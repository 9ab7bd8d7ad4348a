// The axes of a plot, in SVG: ticks, grid lines, names, reference lines.

import { asCount, indices } from "./basics.js";
import { raised } from "./units.js";

const MARGINS = { left: 58, right: 16, top: 14, bottom: 44, line: 17 }; // pixels at a text of 12
const LETTER = 7.2; // pixels of an average letter of an axis' name, rounded up

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * An axis as course_lib.figures.plots describes it, with its own `ticks`, or else about `most` of them.
 * @returns {{ticks: number[], at: (value: number) => number}} `at` gives the place, on [0, 1] for values in the domain
 */
function plotAxis({ domain: [low, high], log, ticks, whole }, most) {
  const line = log ? Math.log : (value) => value;
  const at = (value) => (line(value) - line(low)) / (line(high) - line(low));
  const round = () => roundTicks(low, high, most).filter((tick) => !whole || Number.isInteger(tick));
  return { at, ticks: ticks ?? (log ? logTicks(low, high, log, most) : round()) };
}

/** The ticks of an axis with room for `lines` lines of text, or every k-th of them, so that none meet; 0 stays. */
function thinned({ ticks, at }, lines) {
  const apart = ticks.length > 1 ? Math.abs(at(ticks[1]) - at(ticks[0])) * lines : 1;
  const every = Math.max(1, Math.ceil(1 / apart - 1e-9));
  const first = Math.max(0, ticks.indexOf(0));
  return ticks.filter((_, i) => (i - first) % every === 0);
}

/** A number as text, without the rounding errors of binary fractions: "0.6", "−2", "1,024". */
export function asTick(value) {
  const text = Math.abs(value) < 1e4 ? String(Number(Math.abs(value).toPrecision(6))) : asCount(Math.abs(value));
  return value < 0 ? `−${text}` : text;
}

/** A power of ten as text: "0.1", "100", "10⁶". */
function asPower(value) {
  const power = Math.round(Math.log10(value));
  return power >= -3 && power < 4 ? asTick(value) : `10${raised(power)}`;
}

/** A tick's own text, or its number. */
function tickText({ texts, log }, value, i) {
  return texts?.[i] ?? (log === 10 ? asPower(value) : asTick(value));
}

/** Round numbers between low and high, at equal steps, of which at most `most` fit. */
function roundTicks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  return indices(Math.floor(high / step + 1e-9) - first + 1).map((i) => (first + i) * step);
}

/** Powers of the base between low and high; only every k-th where there are more than `most`. */
function logTicks(low, high, base, most) {
  const power = (value) => Math.log(value) / Math.log(base);
  const [first, last] = [Math.ceil(power(low) - 1e-9), Math.floor(power(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, most)));
  return indices(Math.floor((last - first) / step) + 1).map((i) => base ** (first + i * step));
}

/**
 * The map from a plot's values to pixels. `text` is the size of its text, for which room is left around the axes.
 * @returns {{x: Function, y: Function, left: number, right: number, top: number, base: number, unit: number, ...}}
 */
export function plotPlace(axes, width, height, text) {
  const unit = text / 12;
  const [left, right, top] = [MARGINS.left * unit, width - (axes.x.room ?? MARGINS.right) * unit, MARGINS.top * unit];
  const name = linesOf(axes.x.label, right - left, LETTER * unit);
  const base = height - (MARGINS.bottom + MARGINS.line * (name.length - 1)) * unit;
  const x = plotAxis(axes.x, Math.floor((right - left) / ((axes.x.whole ? 26 : 52) * unit)));
  const y = plotAxis(axes.y, Math.floor((base - top) / (28 * unit)));
  const yTicks = axes.y.texts ? y.ticks : thinned(y, (base - top) / (14 * unit));
  return {
    x: (value) => left + (right - left) * x.at(value), y: (value) => base - (base - top) * y.at(value),
    left, right, top, base, unit, name, height, xTicks: x.ticks, yTicks,
  };
}

/** Break words into as few lines as they need; only a single word may be wider than the room. */
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

/** A dashed reference line. A vertical one has its name at the top; `levelNames` writes those of horizontal ones. */
export function ruleMarks({ x, y, label = "" }, place) {
  const { left, right, top, base, unit } = place;
  if (y !== undefined) return [svg("line", { class: "clf-rule", x1: left, x2: right, y1: place.y(y), y2: place.y(y) })];
  const at = place.x(x);
  const before = at > right - 74 * unit;
  return [svg("line", { class: "clf-rule", x1: at, x2: at, y1: top, y2: base }),
    svg("text", { class: "clf-rule-name", x: at + (before ? -5 : 5) * unit, y: top + 11 * unit, "text-anchor": before ? "end" : "start" }, label)];
}
