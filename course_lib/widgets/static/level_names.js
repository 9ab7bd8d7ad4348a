// Names of level lines, at the left of a plot: near their lines, but above all curves and clear of each other.

import { svg } from "./axes.js";

const NAME = { letter: 6.6, gap: 14, above: 4, indent: 8, moved: 8, share: 0.4 }; // pixels at a text of 12; the largest share of the width

/**
 * Where a curve is in the way, a name stands higher, and a thin line leads down to its level.
 * @param {{y: number, label: string, short: string}[]} levels `short` replaces labels that take too much of the width
 */
export function levelNames(levels, series, place) {
  const { left, right, top, unit } = place;
  const roomy = levels.every(({ label }) => NAME.letter * unit * label.length < NAME.share * (right - left));
  const names = levels.map(({ y, label, short }) => ({ text: roomy ? label : short, level: place.y(y) })).sort((a, b) => b.level - a.level); // the lowest first
  let limit = Infinity;
  for (const name of names) {
    const end = left + unit * (NAME.indent * names.length + NAME.letter * name.text.length);
    limit = Math.min(name.level - NAME.above * unit, highest(series, place, end) - NAME.above * unit, limit - NAME.gap * unit);
    name.base = limit;
  }
  const over = Math.max(0, top + NAME.gap * unit - limit); // names that would leave the plot at its top
  let x = left + (NAME.indent / 2) * unit;
  return names.reverse().flatMap(({ text, level, base }) => {
    const at = base + over;
    if (Math.abs(level - at) <= NAME.moved * unit) return [svg("text", { class: "clf-rule-name", x, y: at }, text)];
    const leader = svg("path", { class: "clf-leader", d: `M${x} ${at - NAME.above * unit}V${level}` });
    x += NAME.indent * unit; // the lines of names further up pass the left ends of those further down
    return [leader, svg("text", { class: "clf-rule-name", x: x - (NAME.indent / 2) * unit, y: at }, text)];
  });
}

/** The y of the highest curve from the left end to `end`, in pixels; Infinity without curves. */
function highest(series, place, end) {
  const heights = series.filter(({ dash }) => dash).flatMap(({ x, y }) => {
    const points = Array.from(x, (value, j) => [place.x(value), place.y(y[j])]);
    return points.flatMap(([px, py], j) => {
      if (px <= end) return [py];
      const [bx, by] = points[j - 1] ?? [end, py];
      return bx < end ? [by + ((py - by) * (end - bx)) / (px - bx)] : [];
    });
  });
  return Math.min(...heights);
}
