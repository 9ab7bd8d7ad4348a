// Names at the ends of lines, in place of a legend.

import { svg } from "./axes.js";
import { indices } from "./basics.js";

/**
 * @param {{name: string, look: string, x?: number, y: number}[]} ends `look` are the classes of a name, y the end of its
 *   line; x is the place of a point that has no line: then a thin one leads to the name
 */
export function lineNames(ends, { right, top, base, unit }) {
  const places = inside(apart(ends.map(({ y }) => y), 14 * unit), 14 * unit, top, base);
  return ends.flatMap(({ name, look, x, y }, i) => {
    const end = right + (x === undefined ? 9 : 28) * unit;
    const rule = x === undefined
      ? svg("path", { class: `clf-series clf-end-rule ${look}`, d: `M${right + 2 * unit} ${y}L${end} ${places[i]}` })
      : svg("path", { class: `clf-series clf-end-lead ${look}`, d: `M${x} ${y}H${right + 2 * unit}L${end} ${places[i]}` });
    return [rule, svg("text", { class: `clf-series clf-end ${look}`, x: end + 3 * unit, y: places[i] + 4 * unit }, name)];
  });
}

/** Move places as little as possible so that neighbours are at least `gap` apart, as figures/line_names.py does. */
function apart(wanted, gap) {
  const groups = []; // groups of names that touch: {members, middle}
  for (const i of indices(wanted.length).sort((a, b) => wanted[a] - wanted[b])) {
    let group = { members: [i], middle: wanted[i] };
    while (groups.length && group.middle - groups.at(-1).middle < (gap * (group.members.length + groups.at(-1).members.length)) / 2) {
      const members = [...groups.pop().members, ...group.members];
      group = { members, middle: members.reduce((sum, j) => sum + wanted[j], 0) / members.length };
    }
    groups.push(group);
  }
  const places = [];
  for (const { members, middle } of groups) {
    members.forEach((i, k) => (places[i] = middle + gap * (k - (members.length - 1) / 2)));
  }
  return places;
}

/** Move places that are `gap` apart to between `top` and `base`, as little as possible; what has no room goes below. */
function inside(places, gap, top, base) {
  const order = indices(places.length).sort((a, b) => places[a] - places[b]);
  order.forEach((i, rank) => {
    const highest = Math.min(places[i], base - gap * (places.length - 1 - rank));
    places[i] = Math.max(highest, top + gap * rank);
  });
  return places;
}
