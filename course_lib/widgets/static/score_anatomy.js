// Figure 2: one score, from two rows of numbers to the output. Python makes all numbers.

import { asNumber, indices, largestAt, largestOf, make, sumOf, tokenAt, tokenText, unpack, unpackAll } from "./basics.js";
import { colourLegend, signedColours, weightColours } from "./colours.js";
import { numberTable, stepControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { heatMap } from "./heat_map.js";
import { matrixPicture } from "./matrix.js";

const TERMS_SHOWN = 8; // coordinates; of more, those with the largest terms
const KEYS_SHOWN = 6;
const BESIDE = 250; // pixels that the steps need beside the matrices
const SIDE = { page: 116, slide: 90, share: 1 / 7 }; // pixels of all coordinates of a row, at most that share of the width
const HEIGHT = { page: 188, slide: 250 }; // of the matrix in the middle, or more for many queries
const ROW = 9; // pixels of a query, at least
const ARRAYS = ["Q", "K", "V", "products", "logits", "largest", "powers", "weights", "outputs"];
const MATRICES = ["QKᵀ, scores", "logits: the scores, scaled", "logits, masked", "P, weights", "P, weights"];

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const arrays = unpackAll(data, ARRAYS);
    const mask = data.mask && unpack(data.mask);
    const stages = stageMatrices(data, arrays, mask);
    const steps = stepControl({
      label: "Steps shown", count: data.stages.length, text: (i) => data.stages[i], onChange: (stage) => choose({ stage }),
    });
    const around = factors(data, arrays);
    const map = heatMap({
      rows: data.queries, columns: data.keys, scale: stages[0].scale, label: "Query and key, rows are queries",
      height: slide ? HEIGHT.slide : Math.max(HEIGHT.page, ROW * data.queries.length),
      onMove: (cell) => choose({ query: cell.row, key: cell.column }),
      room: () => whole.clientWidth - around.width() - 40,
    });
    const name = make("p", { class: "clf-matrix" });
    const legend = make("div");
    const aligned = make("div", { class: "clf-aligned" }, around.K.element, around.V.element, around.Q.element, map.element, around.Y.element);
    const left = make("div", { class: "clf-scroll" }, name, aligned, legend);
    const panels = data.stages.map((stage, i) => {
      const content = make("div");
      return { content, element: make("li", { style: `counter-set: step ${i + 1}` }, make("strong", {}, stage), content) };
    });
    const list = make("ol", { class: "clf-anatomy-steps" }, ...panels.map((panel) => panel.element));
    const tables = make("div", { class: "clf-anatomy-tables" });
    const whole = make("div", { class: "clf-anatomy" }, left, slide ? null : list);

    function show(names) {
      const { scale, values, seen, title } = stages[state.stage];
      const cell = { row: state.query, column: state.key };
      if (names.includes("stage")) {
        steps.show(state.stage);
        name.textContent = title;
        legend.replaceChildren(colourLegend(scale, "", seen !== null, scale.low === 0 ? 0 : 1));
        map.draw({ ...cell, values, seen, scale });
        around.draw(map.cell(), state.stage);
      } else {
        map.place(cell);
      }
      around.light(state);
      const contents = anatomy(data, arrays, mask, state);
      panels.forEach((panel, i) => {
        panel.element.classList.toggle("clf-later", i > state.stage);
        panel.element.classList.toggle("clf-now", i === state.stage);
        panel.content.replaceChildren(...(i > state.stage ? [] : contents[i]()));
      });
      if (tables.parentElement.open) tables.replaceChildren(...numberTables(data, arrays, mask, state));
    }

    function sentence() {
      const { query, key, stage } = state;
      const seen = !mask || mask.at(query, key);
      const names = ["score", "logit", "logit", "weight", "weight"];
      const value = stages[stage].values[query * data.keys.length + key];
      const said = stage >= 2 && !seen ? "hidden by the mask" : `${names[stage]} ${asNumber(value, 4)}`;
      return ["query ", tokenText(data.queries[query]), ", key ", tokenText(data.keys[key]), `, ${said}`];
    }

    return {
      controls: slide ? [steps.element, list] : [steps.element],
      body: [whole],
      details: [tables],
      help: "Choose a query and a key in the matrix: click, or use the arrow keys. Back and Next walk through the steps.",
      show, sentence,
      layout(width) {
        around.fit(Math.min(slide ? SIDE.slide : SIDE.page, SIDE.share * width));
        map.layout();
        around.draw(map.cell(), state.stage);
        around.light(state);
        whole.classList.toggle("clf-beside", !slide && width >= aligned.offsetWidth + BESIDE);
      },
    };
  });
}

/** The factors in line with the matrix's cells: Q at the left, Kᵀ above, Y = PV at the right, and V above Y. */
function factors(data, { Q, K, V, outputs }) {
  const [n, d] = Q.shape;
  const [N, v] = V.shape;
  const transposed = Float64Array.from({ length: d * N }, (_, i) => K.at(i % N, Math.floor(i / N)));
  const asked = signedColours(data, Math.max(largestOf(Q.values), largestOf(K.values)));
  const given = signedColours(data, largestOf(V.values));
  let side = 0;
  const coordinate = (count, cell) => Math.min(cell, side / count);
  const pictures = {
    Q: matrixPicture({ name: "Q", thing: "q", rows: n, columns: d }), K: matrixPicture({ name: "Kᵀ", thing: "k", rows: d, columns: N }),
    V: matrixPicture({ name: "V", thing: "v", rows: N, columns: v }), Y: matrixPicture({ name: "Y", thing: "made", rows: n, columns: v }),
  };
  return {
    ...pictures,
    fit: (pixels) => (side = pixels),
    width: () => 2 * side,
    draw(cell, stage) {
      const [ofKey, ofValue] = [coordinate(d, cell), coordinate(v, cell)];
      pictures.Q.draw(Q.values, asked, d * ofKey, n * cell);
      pictures.K.draw(transposed, asked, N * cell, d * ofKey);
      pictures.V.draw(V.values, given, v * ofValue, N * coordinate(N, cell));
      pictures.Y.draw(stage === 4 ? outputs.values : null, given, v * ofValue, n * cell);
    },
    light({ query, key, stage }) {
      pictures.Q.light(query, null);
      pictures.K.light(null, key);
      pictures.V.light(stage === 4 ? key : null, null);
      pictures.Y.light(stage === 4 ? query : null, null);
    },
  };
}

/** The matrix in the middle at each stage, with its colours. */
function stageMatrices(data, { products, logits, weights }, mask) {
  const signed = (values) => signedColours(data, largestOf(values));
  const of = ({ values }, scale, seen, i) => ({ values, scale, seen, title: MATRICES[i] });
  const seen = mask && mask.values;
  const sequential = weightColours(data);
  return [
    of(products, signed(products.values), null, 0), of(logits, signed(logits.values), null, 1),
    of(logits, signed(logits.values), seen, 2), of(weights, sequential, seen, 3), of(weights, sequential, seen, 4),
  ];
}

/** The text of each step for the chosen query and key, as functions, so that later steps are not built. */
function anatomy(data, arrays, mask, { query, key }) {
  const { products, logits, largest, powers, weights, outputs } = arrays;
  const [product, logit, weight] = [products, logits, weights].map((array) => array.at(query, key));
  const seen = !mask || mask.at(query, key) === 1;
  const Z = sumOf(powers.part(query));
  const vector = [...outputs.part(query)].slice(0, TERMS_SHOWN / 2).map((value) => asNumber(value, 2));
  return [
    () => [equation("q·k = ", asNumber(product, 4))],
    () => [equation(`s = ${asNumber(product, 4)} × ${asNumber(data.scale, 4)} = `, asNumber(logit, 4))],
    () => [make("p", {}, tokenText(data.queries[query]), seen ? " sees " : " does not see ", tokenText(data.keys[key]),
      seen ? `: the logit stays ${asNumber(logit, 4)}.` : ": the logit becomes −∞, and the weight 0.")],
    () => [
      make("p", {}, Z > 0 ? `exp(s − c) over its sum; c = ${asNumber(largest.at(query, 0), 4)} is the row's largest.` : "This query sees no key: all weights are 0."),
      equation(`weight = ${asNumber(powers.at(query, key), 4)} / ${asNumber(Z, 4)} = `, asNumber(weight, 4)),
    ],
    () => [equation("y = Σ weight × v = ", `(${vector.join(", ")}${outputs.shape[1] > vector.length ? ", …" : ""})`)],
  ];
}

/** The tables of the steps shown: terms of the inner product, the row of weights, each key's part of the output. */
function numberTables(data, arrays, mask, { query, key, stage }) {
  const { Q, K, logits, powers, weights } = arrays;
  const seen = (j) => !mask || mask.at(query, j) === 1;
  const shown = largestAt(weights.part(query), indices(data.keys.length).filter(seen), KEYS_SHOWN);
  if (!shown.includes(key)) shown.push(key);
  const rest = data.keys.length - shown.length;
  const note = rest ? `, and ${rest} more in the sum` : "";
  const name = (j) => tokenAt(data.keys, j);
  const line = (j) => [name(j), seen(j) ? asNumber(logits.at(query, j), 4) : "−∞", asNumber(powers.at(query, j), 4), asNumber(weights.at(query, j), 4)];
  return [
    () => termTable(data, Q.part(query), K.part(key)),
    () => numberTable(`${shown.length} keys${note}`, ["key", "s", "exp(s − c)", "weight"], shown.map(line), shown.indexOf(key)),
    () => valueTable(arrays, query, shown, shown.indexOf(key), name, note),
  ].filter((_, i) => [0, 3, 4][i] <= stage).map((table) => table());
}

function equation(left, right) {
  return make("p", { class: "clf-equation" }, left, make("b", {}, right));
}

/** A table of the terms q_a k_a, whose sum is the inner product, coloured by sign and size. */
function termTable(data, q, k) {
  const order = indices(q.length);
  const sizes = order.map((a) => Math.abs(q[a] * k[a]));
  const shown = q.length <= TERMS_SHOWN ? order : largestAt(sizes, order, TERMS_SHOWN);
  const all = [...q, ...k, ...q.map((value, a) => value * k[a])];
  const scale = signedColours(data, largestOf(all));
  const cell = (value) => {
    const element = make("span", { class: "clf-coloured clf-data" }, asNumber(value, 2));
    Object.assign(element.style, { background: scale.css(value), color: scale.ink(value) });
    return element;
  };
  const caption = shown.length === q.length ? `All ${q.length} coordinates` : `The ${TERMS_SHOWN} largest of ${q.length} terms`;
  const table = numberTable(caption, ["coordinate", ...shown.map(String)], [
    ["q", ...shown.map((a) => cell(q[a]))], ["k", ...shown.map((a) => cell(k[a]))], ["q × k", ...shown.map((a) => cell(q[a] * k[a]))],
  ]);
  return wide(caption, table);
}

/** A table of weight times value for the keys shown, and of the sum over all keys. */
function valueTable({ V, weights, outputs }, query, shown, current, name, note) {
  const width = Math.min(V.shape[1], 8);
  const columns = indices(width);
  const rows = shown.map((j) => [name(j), ...columns.map((b) => asNumber(weights.at(query, j) * V.at(j, b), 2))]);
  const sum = ["y, the sum", ...columns.map((b) => make("b", {}, asNumber(outputs.at(query, b), 2)))];
  const caption = `Weight × value${note}${width < V.shape[1] ? `, first ${width} of ${V.shape[1]} coordinates` : ""}`;
  return wide(caption, numberTable(caption, ["key", ...columns.map(String)], [...rows, sum], current));
}
