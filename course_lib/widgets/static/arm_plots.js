// The plots of two arms of an experiment, and of the costs and losses of all arms.

import { asChange, asNumber, indices, sumOf } from "./basics.js";
import { plot } from "./plot.js";
import { textSize } from "./screen.js";

const NAMES = { line: 14, around: 76 }; // pixels at a text of 12: a name in the plane, and what is no room for names
const NARROW = 400; // pixels: below, the plane has fewer ticks and a short name of its axis of costs

/** The differences of all documents, by rising mean: a dot for each seed, and a line for the mean. */
export function documentPlot({ plots, looks, documents }, shown, height) {
  const chart = plot({
    ...plots.documents, series: [], height,
    describe(series, i) {
      const { seeds, rows, mean, order } = shown();
      const [who, values] = series < rows.length ? [`seed ${seeds[series]}`, rows[series]] : ["mean over seeds", mean];
      return `${documents[order[i]]}, ${who}: ${asChange(values[order[i]], 4)}`;
    },
  });
  chart.element.classList.add("clf-of-documents");
  return {
    ...chart,
    show({ axis }) {
      const { rows, mean, order } = shown();
      const x = order.map((_, i) => i + 1);
      const series = [...rows.map((row) => [looks.seed, row]), [looks.mean, mean]].map(([look, values]) => ({ ...look, x, y: order.map((i) => values[i]) }));
      chart.draw({ series, rules: [{ y: 0 }], y: axis });
    },
  };
}

/** The mean of each seed, and the mean of all with its interval. */
export function meanPlot({ plots, looks }, shown, pair, height) {
  const means = () => shown().rows.map((row) => sumOf(row) / row.length);
  const chart = plot({
    ...plots.means, series: [], height,
    describe(series, i) {
      if (series === 0) return `seed ${shown().seeds[i]}: ${asChange(means()[i], 4)}`;
      return series === 1 ? `mean of all: ${asChange(pair().mean, 4)}` : `interval, ${i ? "upper" : "lower"} end: ${asChange(pair().interval[i], 4)}`;
    },
  });
  return {
    ...chart,
    show() {
      const S = shown().seeds.length;
      const { mean, interval } = pair();
      const series = [
        { ...looks.seed, x: indices(S), y: means() }, { ...looks["mean of all"], x: [S], y: [mean] },
        ...(interval ? [{ ...looks.interval, x: [S, S], y: interval }] : []),
      ];
      const x = { domain: [-0.6, S + 0.6], ticks: indices(S + 1), texts: [...shown().seeds.map(String), "all"] };
      chart.draw({ series, rules: [{ y: 0 }], x, y: pair()["axis of means"] });
    },
  };
}

/** All arms by cost and loss. Names stand at the right; where not all have room, A, B and the best arms have one. */
export function armPlane({ arms, costs, means, plots }, state, height, onPick) {
  const byLoss = indices(arms.length).sort((a, b) => means[b] - means[a] || a - b);
  const drawn = () => byLoss.filter((arm) => costs[state.cost].values[arm] !== null);
  const chart = plot({
    ...plots.plane, series: [], height,
    describe: (series) => {
      const arm = drawn()[series];
      return `${arms[arm]}: loss ${asNumber(means[arm], 4)}, ${state.cost} ${costs[state.cost].values[arm].toLocaleString("en-US")}`;
    },
    onPick: (series) => onPick(drawn()[series]),
  });
  chart.element.classList.add("clf-plane-of-arms");
  let narrow = false;
  const letter = (arm) => (arms[arm] === state.first ? "A: " : arms[arm] === state.second ? "B: " : "");
  return {
    ...chart,
    show() {
      const { axis, values } = costs[state.cost];
      const room = Math.floor((height / (textSize(chart.element) / 12) - NAMES.around) / NAMES.line) + 1;
      const inOrder = [...drawn().filter(letter), ...drawn().filter((arm) => !letter(arm)).reverse()];
      const named = new Set(inOrder.slice(0, room));
      const series = drawn().map((arm) => ({
        ...plots.plane.series[arm], x: [values[arm]], y: [means[arm]], chosen: letter(arm) !== "", end: named.has(arm) ? letter(arm) + arms[arm] : undefined,
      }));
      const rules = drawn().filter(letter).map((arm) => ({ y: means[arm] }));
      const { ticks, texts, ...fewer } = axis;
      chart.draw({ series, rules, x: narrow ? { ...fewer, label: state.cost } : axis });
      for (const group of chart.element.querySelectorAll("g.clf-chosen")) group.parentNode.append(group); // above the others
    },
    layout(width) {
      narrow = width < NARROW;
      chart.layout(width);
    },
  };
}
