// The axes of a plot, in SVG: ticks, grid lines, names, reference lines.

const PLOT = { left: 58, right: 16, top: 14, bottom: 44, height: 260, marker: 4, near: 28 };

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * An axis: `domain` [low, high], `log` 2 or 10 for a logarithmic one, `text(value)` for its ticks.
 * @returns {{ticks: number[], at: (value: number) => number}} `at` is the place on [0, 1], beyond it outside
 */
function plotAxis({ domain: [low, high], log, ticks }, room) {
  const line = log ? Math.log : (value) => value;
  const at = (value) => (line(value) - line(low)) / (line(high) - line(low));
  return { at, ticks: ticks ?? (log ? logTicks(low, high, log, room) : roundTicks(low, high, room)) };
}

/** "0.6", "−2", "1,024": without the noise of binary fractions. */
function asTick(value) {
  const text = Math.abs(value) < 1e4 ? String(Number(Math.abs(value).toPrecision(6))) : asCount(Math.abs(value));
  return value < 0 ? `−${text}` : text;
}

/** Round numbers, at most `room` of them. */
function roundTicks(low, high, room) {
  const rough = (high - low) / Math.max(1, room);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  return indices(Math.floor(high / step + 1e-9) - first + 1).map((i) => (first + i) * step);
}

/** Powers of the base, every k-th where there are many. */
function logTicks(low, high, base, room) {
  const power = (value) => Math.log(value) / Math.log(base);
  const [first, last] = [Math.ceil(power(low) - 1e-9), Math.floor(power(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, room)));
  return indices(Math.floor((last - first) / step) + 1).map((i) => base ** (first + i * step));
}

function xAxis({ label, text = asTick }, ticks, place, width, height) {
  const { base, inside } = place;
  const marks = ticks.flatMap((value) => [
    svg("line", { class: "clf-grid", x1: place.x(value), x2: place.x(value), y1: PLOT.top, y2: base }),
    svg("text", { x: place.x(value), y: base + 17, "text-anchor": "middle" }, text(value)),
  ]);
  const name = svg("text", { class: "clf-name", x: PLOT.left + inside.width / 2, y: height - 6, "text-anchor": "middle" }, label);
  return [...marks, svg("line", { class: "clf-line", x1: PLOT.left, x2: width - PLOT.right, y1: base, y2: base }), name];
}

function yAxis({ label, text = asTick }, ticks, place, width) {
  const marks = ticks.flatMap((value) => [
    svg("line", { class: "clf-grid", x1: PLOT.left, x2: width - PLOT.right, y1: place.y(value), y2: place.y(value) }),
    svg("text", { x: PLOT.left - 7, y: place.y(value) + 4, "text-anchor": "end" }, text(value)),
  ]);
  const middle = PLOT.top + place.inside.height / 2;
  return [...marks, svg("text", { class: "clf-name", transform: `translate(14 ${middle}) rotate(-90)`, "text-anchor": "middle" }, label)];
}

/** A dashed reference line across the plot, with its name at the end. */
function ruleMarks({ x, y, label }, place, width) {
  if (y !== undefined) {
    const at = place.y(y);
    return [svg("line", { class: "clf-rule", x1: PLOT.left, x2: width - PLOT.right, y1: at, y2: at }),
      svg("text", { class: "clf-rule-name", x: width - PLOT.right, y: at - 5, "text-anchor": "end" }, label)];
  }
  const at = place.x(x);
  const left = at > width - 90;
  return [svg("line", { class: "clf-rule", x1: at, x2: at, y1: PLOT.top, y2: place.base }),
    svg("text", { class: "clf-rule-name", x: at + (left ? -5 : 5), y: PLOT.top + 11, "text-anchor": left ? "end" : "start" }, label)];
}
