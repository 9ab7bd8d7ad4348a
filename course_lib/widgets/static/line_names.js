// Names at the ends of lines, in place of a legend.

import { svg } from "./axes.js";
import { indices } from "./basics.js";

/** @param {{name: string, look: string, y: number}[]} ends `look` are the classes of a name, y the end of its line */
export function lineNames(ends, { right, unit }) {
  const places = apart(ends.map(({ y }) => y), 14 * unit);
  return ends.flatMap(({ name, look, y }, i) => [
    svg("path", { class: `clf-series clf-end-rule ${look}`, d: `M${right + 2 * unit} ${y}L${right + 9 * unit} ${places[i]}` }),
    svg("text", { class: `clf-series clf-end ${look}`, x: right + 12 * unit, y: places[i] + 4 * unit }, name),
  ]);
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
