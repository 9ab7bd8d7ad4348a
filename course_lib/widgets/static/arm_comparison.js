// Figure 13: two kinds of attention from the experiments. Python makes all intervals and sentences.

import { asChange, asNumber, equal, indices, make, manyOf, sumOf, tokenText, unpack } from "./basics.js";
import { numberOf, numberTable, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";
import { textSize } from "./screen.js";

const HEIGHT = { page: { documents: 154, means: 132, plane: 350 }, slide: { documents: 188, means: 188, plane: 212 } }; // of plots
const SHARE = { page: 0.46, slide: 0.62 }; // of the width: the documents beside the plane, and on a slide beside the means
const GAP = 20; // between the columns, as in the style sheet
const NAMES = { line: 14, around: 76 }; // pixels at a text of 12: a name in the plane, and what is no room for names
const NARROW = 400; // pixels: below, the plane has fewer ticks and a short name of its axis of costs
const EXTREMES = 5; // documents at either end that the table lists

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const { arms, costs } = data;
    const losses = data.losses.map(unpack);
    const kinds = Object.keys(costs);
    const place = (name) => arms.indexOf(state[name]);
    const pair = () => data.pairs[place("first")][place("second")];
    const said = () => data.sentences[pair().words].replace(/\{([AB])\}/g, (_, letter) => (letter === "A" ? state.first : state.second));
    const taken = (name, other) => (value) => choose(chosenArm(state, name, other, arms[value])); // an arm of one list leaves the other one
    const first = selectControl({ label: "Arm A", names: arms, onChange: taken("first", "second") });
    const second = selectControl({ label: "Arm B", names: arms, onChange: taken("second", "first") });
    const cost = selectControl({ label: "Cost", names: kinds, onChange: (value) => choose({ cost: kinds[value] }) });
    const height = HEIGHT[slide ? "slide" : "page"];
    const readout = make("p", { class: "clf-readout clf-of-arms" });
    const words = make("p", { class: "clf-arm-words" });
    const paid = make("p");
    const found = () => differences(data, losses, place("first"), place("second"));
    let shown = found();
    const documents = documentPlot(data, () => shown, height.documents);
    const means = meanPlot(data, () => shown, pair, height.means);
    const plane = armPlane(data, state, height.plane, taken("first", "second"));
    const tables = make("div", { class: "clf-arm-tables" });
    const counts = make("p");
    const left = make("div", { class: "clf-two-arms" }, readout, words, titled(data.plots.documents, documents), titled(data.plots.means, means));
    const right = make("div", {}, titled(data.plots.plane, plane), paid);
    paid.classList.add("clf-page-only");

    return {
      controls: [first.element, second.element, cost.element],
      body: [make("div", { class: "clf-arms" }, left, right)],
      details: [counts, tables],
      help: "The interval is for other seeds and documents. A click or Enter on an arm in the plane makes it A.",
      show(changed) {
        first.show(place("first"));
        second.show(place("second"));
        cost.show(kinds.indexOf(state.cost));
        plane.show();
        paid.textContent = payment(data, state, place);
        if (equal(changed, ["cost"])) return;
        shown = found();
        readout.replaceChildren(...measured(data, pair()));
        words.textContent = said();
        counts.textContent = smallerCounts(state, shown);
        documents.show(pair());
        means.show();
        tables.replaceChildren(extremeTable(data, shown), armTable(data, place("first")));
      },
      layout(width) {
        const beside = !slide && width >= 640;
        left.parentNode.classList.toggle("clf-beside", beside);
        const part = SHARE[slide ? "slide" : "page"] * (width - GAP);
        documents.layout(beside || slide ? part : width);
        means.layout(slide ? width - GAP - part : beside ? part : width);
        plane.layout(beside ? width - GAP - part : width);
        plane.show();
      },
      sentence(names) {
        if (equal(names, ["cost"])) return [payment(data, state, place)];
        return [`A ${state.first}, B ${state.second}: A minus B ${asChange(pair().mean, 4)} nats. ${said()}`];
      },
    };
  });
}

/** What an arm chosen in one list changes: where the other list has it, the two exchange their arms. */
function chosenArm(state, name, other, arm) {
  return arm === state[other] ? { [name]: arm, [other]: state[name] } : { [name]: arm };
}

/** Losses of one arm minus those of another: a row for each shared seed, their mean, and the documents in order. */
function differences({ seeds }, losses, one, other) {
  const shared = seeds[one].filter((seed) => seeds[other].includes(seed));
  const rows = shared.map((seed) => {
    const [mine, its] = [one, other].map((arm) => losses[arm].part(seeds[arm].indexOf(seed)));
    return mine.map((loss, i) => loss - its[i]);
  });
  const mean = Array.from(rows[0], (_, i) => sumOf(rows.map((row) => row[i])) / rows.length);
  const order = indices(mean.length).sort((a, b) => mean[a] - mean[b] || a - b);
  return { seeds: shared, rows, mean, order };
}

/** For how many seeds and on how many documents A has the smaller loss. */
function smallerCounts({ first }, { rows, mean }) {
  const below = (values) => values.filter((value) => value < 0).length;
  return `${first} has the smaller loss for ${below(rows.map(sumOf))} of ${manyOf(rows.length, "seed")}, and in the mean over seeds on ${below(mean)} of ${mean.length} documents.`;
}

/** A plot with its title above it. */
function titled({ label }, { element }) {
  return make("div", { class: "clf-titled" }, make("p", {}, label), element);
}

/** The mean and its interval as numbers that stand out. */
function measured({ level }, { mean, interval }) {
  return [numberOf(asChange(mean, 4), "nats"), ...(interval ? [numberOf(interval.map((end) => asChange(end, 4)).join(" to "), `(${asNumber(100 * level, 0)}\u00a0%)`)] : [])];
}

/** What both arms cost, and their losses, in a sentence. */
function payment({ costs, means }, state, place) {
  const { axis, values } = costs[state.cost];
  const of = (name) => values[place(name)]?.toLocaleString("en-US") ?? "not measured";
  const lost = (name) => asNumber(means[place(name)], 4);
  return `A ${of("first")}, B ${of("second")} ${axis.label}. Loss: A ${lost("first")}, B ${lost("second")}.`;
}

/** The differences of all documents, by rising mean: a dot for each seed, and a line for the mean. */
function documentPlot({ plots, looks, documents }, shown, height) {
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
function meanPlot({ plots, looks }, shown, pair, height) {
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
function armPlane({ arms, costs, means, plots }, state, height, onPick) {
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
    },
    layout(width) {
      narrow = width < NARROW;
      chart.layout(width);
    },
  };
}

/** A table of the documents at both ends of the order. */
function extremeTable({ documents }, { rows, mean, order }) {
  const caption = "Documents on which A is best and worst, compared with B, in nats";
  const ends = order.length > 2 * EXTREMES ? [...order.slice(0, EXTREMES), ...order.slice(-EXTREMES)] : order;
  const lines = ends.map((i) => {
    const values = rows.map((row) => row[i]);
    return [tokenText(documents[i]), ...[mean[i], Math.min(...values), Math.max(...values)].map((value) => asChange(value, 4))];
  });
  return wide(caption, numberTable(caption, ["document", "mean", "lowest seed", "highest seed"], lines));
}

/** A table of all arms; A is marked. */
function armTable({ table: [head, rows] }, current) {
  const caption = "All arms: loss, cost per token and layer, sizes";
  return wide(caption, numberTable(caption, head, rows, current));
}
