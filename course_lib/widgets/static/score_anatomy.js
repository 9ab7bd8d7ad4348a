// Figure 2: one score from two rows of numbers to the output. All numbers are Python's.

import { asNumber, indices, largestAt, largestOf, make, sumOf, tokenAt, tokenText, unpack, unpackAll } from "./basics.js";
import { colourLegend, signedColours, weightColours } from "./colours.js";
import { numberTable, stepControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { heatMap } from "./heat_map.js";

const TERMS_SHOWN = 8; // coordinates, the largest terms first where there are more
const KEYS_SHOWN = 6;
const BESIDE = 960; // pixels from which matrix and steps stand side by side, as in the style sheet
const ARRAYS = ["Q", "K", "V", "products", "scores", "largest", "powers", "weights", "outputs"];
const MATRICES = ["QKᵀ, inner products", "S, scaled", "S, masked", "P, weights", "P, weights"];

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose }) => {
    const arrays = unpackAll(data, ARRAYS);
    const mask = data.mask && unpack(data.mask);
    const stages = stageMatrices(data, arrays, mask);
    const steps = stepControl({
      label: "Steps shown", count: data.stages.length, text: (i) => data.stages[i], onChange: (stage) => choose({ stage }),
    });
    const map = heatMap({
      rows: data.queries, columns: data.keys, scale: stages[0].scale, label: "Query and key, rows are queries", height: 380,
      onMove: (cell) => choose({ query: cell.row, key: cell.column }),
      room: () => (whole.clientWidth < BESIDE ? 1 : 0.46) * whole.clientWidth - 12,
    });
    const name = make("p", { class: "clf-matrix" });
    const legend = make("div");
    const left = make("div", { class: "clf-scroll" }, name, map.element, legend);
    const panels = data.stages.map((stage) => {
      const content = make("div");
      return { content, element: make("li", {}, make("strong", {}, stage), content) };
    });
    const list = make("ol", { class: "clf-anatomy-steps" }, ...panels.map((panel) => panel.element));

    const whole = make("div", { class: "clf-anatomy" }, left, list);

    function show(names) {
      const { scale, values, seen, title } = stages[state.stage];
      const cell = { row: state.query, column: state.key };
      if (names.includes("stage")) {
        steps.show(state.stage);
        name.textContent = title;
        legend.replaceChildren(colourLegend(scale, "", seen !== null, scale.low === 0 ? 0 : 1));
        map.draw({ ...cell, values, seen, scale });
      } else {
        map.place(cell);
      }
      const contents = anatomy(data, arrays, mask, state);
      panels.forEach((panel, i) => {
        panel.element.classList.toggle("clf-later", i > state.stage);
        panel.element.classList.toggle("clf-now", i === state.stage);
        panel.content.replaceChildren(...(i > state.stage ? [] : contents[i]()));
      });
    }

    function sentence() {
      const { query, key, stage } = state;
      const seen = !mask || mask.at(query, key);
      const names = ["inner product", "score", "score", "weight", "weight"];
      const value = stages[stage].values[query * data.keys.length + key];
      const said = stage >= 2 && !seen ? "hidden by the mask" : `${names[stage]} ${asNumber(value, 4)}`;
      return ["query ", tokenText(data.queries[query]), ", key ", tokenText(data.keys[key]), `, ${said}`];
    }

    return {
      controls: [steps.element],
      body: [whole],
      help: "Choose a query and a key in the matrix: click, or use the arrow keys. Back and Next walk through the steps.",
      show, sentence,
      layout: () => map.layout(),
    };
  });
}

/** The matrix that stands at each stage, with its colours. */
function stageMatrices(data, { products, scores, weights }, mask) {
  const signed = (values) => signedColours(data, largestOf(values));
  const of = ({ values }, scale, seen, i) => ({ values, scale, seen, title: MATRICES[i] });
  const seen = mask && mask.values;
  const sequential = weightColours(data);
  return [
    of(products, signed(products.values), null, 0), of(scores, signed(scores.values), null, 1),
    of(scores, signed(scores.values), seen, 2), of(weights, sequential, seen, 3), of(weights, sequential, seen, 4),
  ];
}

/** What each step shows for the chosen query and key, as functions: later steps are not built. */
function anatomy(data, arrays, mask, { query, key }) {
  const { Q, K, products, scores, largest, powers, weights } = arrays;
  const [product, score, weight] = [products, scores, weights].map((array) => array.at(query, key));
  const seen = (j) => !mask || mask.at(query, j) === 1;
  const row = { query: tokenText(data.queries[query]), key: tokenText(data.keys[key]) };
  const visible = indices(data.keys.length).filter(seen);
  const power = (j) => powers.at(query, j);
  const Z = sumOf(powers.part(query));
  const shown = largestAt(weights.part(query), visible, KEYS_SHOWN);
  if (!shown.includes(key)) shown.push(key);
  const rest = data.keys.length - shown.length;
  const note = rest ? `, and ${rest} more in the sum` : "";
  const name = (j) => tokenAt(data.keys, j);
  return [
    () => [termTable(data, Q.part(query), K.part(key)), equation("q·k = ", asNumber(product, 4))],
    () => [equation(`s = ${asNumber(product, 4)} × ${asNumber(data.scale, 4)} = `, asNumber(score, 4))],
    () => [make("p", {}, row.query, seen(key) ? " sees " : " does not see ", row.key,
      seen(key) ? `: the score stays ${asNumber(score, 4)}.` : ": the score becomes −∞, and the weight 0.")],
    () => [
      make("p", {}, visible.length ? `c = ${asNumber(largest.at(query, 0), 4)} is the largest visible score of the row.` : "This query sees no key: all weights are 0."),
      numberTable(`${shown.length} keys${note}`, ["key", "s", "exp(s − c)", "weight"],
        shown.map((j) => [name(j), seen(j) ? asNumber(scores.at(query, j), 4) : "−∞", asNumber(power(j), 4), asNumber(weights.at(query, j), 4)]), shown.indexOf(key)),
      equation(`weight = ${asNumber(power(key), 4)} / ${asNumber(Z, 4)} = `, asNumber(weight, 4)),
    ],
    () => [valueTable(arrays, query, shown, shown.indexOf(key), name, note)],
  ];
}

function equation(left, right) {
  return make("p", { class: "clf-equation" }, left, make("b", {}, right));
}

/** The terms q_a k_a whose sum is the inner product; coloured by sign and size. */
function termTable(data, q, k) {
  const order = indices(q.length);
  const sizes = order.map((a) => Math.abs(q[a] * k[a]));
  const shown = q.length <= TERMS_SHOWN ? order : largestAt(sizes, order, TERMS_SHOWN);
  const all = [...q, ...k, ...q.map((value, a) => value * k[a])];
  const scale = signedColours(data, largestOf(all));
  const cell = (value) => {
    const element = make("span", { class: "clf-coloured" }, asNumber(value, 2));
    Object.assign(element.style, { background: scale.css(value), color: scale.ink(value) });
    return element;
  };
  const caption = shown.length === q.length ? `All ${q.length} coordinates` : `The ${TERMS_SHOWN} largest of ${q.length} terms`;
  const table = numberTable(caption, ["coordinate", ...shown.map(String)], [
    ["q", ...shown.map((a) => cell(q[a]))], ["k", ...shown.map((a) => cell(k[a]))], ["q × k", ...shown.map((a) => cell(q[a] * k[a]))],
  ]);
  return wide(caption, table);
}

/** Weight times value, for the keys shown, and the whole sum. */
function valueTable({ V, weights, outputs }, query, shown, current, name, note) {
  const width = Math.min(V.shape[1], 8);
  const columns = indices(width);
  const rows = shown.map((j) => [name(j), ...columns.map((b) => asNumber(weights.at(query, j) * V.at(j, b), 2))]);
  const sum = ["y, the sum", ...columns.map((b) => make("b", {}, asNumber(outputs.at(query, b), 2)))];
  const caption = `Weight × value${note}${width < V.shape[1] ? `, first ${width} of ${V.shape[1]} coordinates` : ""}`;
  return wide(caption, numberTable(caption, ["key", ...columns.map(String)], [...rows, sum], current));
}
