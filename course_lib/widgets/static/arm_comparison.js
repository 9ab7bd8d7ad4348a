// Figure 13: two kinds of attention from the experiments. Python makes all intervals and sentences.

import { armPlane, documentPlot, meanPlot } from "./arm_plots.js";
import { asChange, asNumber, equal, indices, make, manyOf, sumOf, tokenText, unpack } from "./basics.js";
import { numberTable, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";

const HEIGHT = { page: { documents: 154, means: 132, plane: 350 }, slide: { documents: 188, means: 188, plane: 212 } }; // of plots
const SHARE = { page: 0.46, slide: 0.62 }; // of the width: the documents beside the plane, and on a slide beside the means
const GAP = 20; // between the columns, as in the style sheet
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
      help: `The ${asNumber(100 * data.level, 0)} % interval is for other seeds and documents. A click or Enter on an arm in the plane makes it A.`,
      show(changed) {
        first.show(place("first"));
        second.show(place("second"));
        cost.show(kinds.indexOf(state.cost));
        plane.show();
        paid.textContent = payment(data, state, place);
        if (equal(changed, ["cost"])) return;
        shown = found();
        readout.replaceChildren(...measured(pair()));
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
function measured({ mean, interval }) {
  const difference = make("span", {}, "A − B ", make("strong", {}, asChange(mean, 4)), " nats");
  return [difference, ...(interval ? [make("strong", {}, interval.map((end) => asChange(end, 4)).join(" to "))] : [])];
}

/** What both arms cost, and their losses, in a sentence. */
function payment({ costs, means }, state, place) {
  const { axis, values } = costs[state.cost];
  const of = (name) => values[place(name)]?.toLocaleString("en-US") ?? "not measured";
  const lost = (name) => asNumber(means[place(name)], 4);
  return `A ${of("first")}, B ${of("second")} ${axis.label}. Loss: A ${lost("first")}, B ${lost("second")}.`;
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
