// Figure 10: query heads share KV heads. Python makes the weights and errors for every number of KV heads.

import { svg } from "./axes.js";
import { asNumber, counted, equal, make, manyOf, tokenAt, unpackAll } from "./basics.js";
import { colourLegend, weightColours } from "./colours.js";
import { numberOf, numberTable, radioControl, traitSlider, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot, seriesSample } from "./plot.js";
import { coloursOf, mapCanvas, paintTriangle, strongest, triangleOf } from "./triangles.js";

const GAP = 20; // between the columns below the heads
const SIDE = { narrow: 125, wide: 160, slide: 190 }; // of a large map
const HEIGHT = { page: 152, slide: 230 }; // of a plot

const MEANING = "Weight on other keys: half the sum over keys of |P′ − P|, mean over queries, heads and layers. " +
  "Error of the output: |Y′ − Y| / |Y| of an attention layer, mean over layers. " +
  "Loss: mean −log p of the tokens of this text after its first, of the model with all its layers converted.";

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const { counts, sizes, ways } = data;
    const numbers = unpackAll(data, ["maps", "weight_errors", "output_errors", "weight_error", "output_error", "losses"]);
    const [layers, heads] = numbers.maps.shape.slice(1, 3);
    const scale = weightColours(data);
    const pixels = coloursOf(scale);
    const at = () => [state.way, state.step];
    const step = traitSlider("step", { choose, preview }, {
      label: "KV heads g", count: counts.length, text: (i) => `${counts[i]} of ${heads}${kindOf(counts[i], heads)}`,
    });
    step.element.classList.add("clf-sharing-slider");
    const way = radioControl({ label: "A group becomes one head by its", names: ways, faces: data.plots.output_error.series.map(seriesSample), onChange: (value) => choose({ way: value }) });
    way.element.classList.add("clf-ways");
    const layer = radioControl({ label: "Layer", names: counted(layers), onChange: (value) => choose({ layer: value }) });
    layer.element.hidden = layers === 1;
    const stage = sharingStage({ data, numbers, state, pixels, heads, onHead: (value) => choose({ head: value }) });
    const readout = make("p", { class: "clf-readout clf-sharing-readout" });
    const pair = headPair({ data, numbers, state, pixels });
    const curves = (slide ? ["output_error"] : ["weight_error", "output_error"]).map((name) =>
      errorPlot({ data, described: data.plots[name], errors: numbers[name], state, height: slide ? HEIGHT.slide : HEIGHT.page, onPick: (changes) => choose(changes) }));
    const below = make("div", { class: "clf-below" }, make("div", {}, pair.element, colourLegend(scale, "weight", false)), ...curves.map(({ element }) => element));
    const table = make("div");

    return {
      controls: [step.element, way.element, layer.element],
      body: [readout, stage.element, below],
      details: [make("p", {}, MEANING), wide("Strongest keys of the chosen head", table)],
      help: "Maps: rows are queries, columns keys, hatched what the mask hides. Enter or a click on a curve chooses a point.",
      show(changed) {
        pair.show();
        stage.choose();
        table.replaceChildren(strongestKeys({ data, numbers, state }));
        if (equal(changed, ["head"])) return;
        step.show(state.step);
        way.show(state.way);
        layer.show(state.layer);
        const before = state.step > 0 ? ` (before: ${asNumber(numbers.losses.at(state.way, 0), 2)})` : "";
        readout.replaceChildren(
          numberOf(sizes[state.step], `of cache per token${state.step > 0 ? ` instead of ${sizes[0]}` : ""}`),
          numberOf(asNumber(numbers.losses.at(...at()), 2), `nats: the model's loss on this text${before}`));
        stage.show();
        curves.forEach((each) => each.show());
      },
      layout(width) {
        const beside = width >= 720;
        const side = slide ? SIDE.slide : beside && width < 1000 ? SIDE.narrow : SIDE.wide;
        below.style.setProperty("--side", `${side}px`);
        below.style.gridTemplateColumns = beside ? `${2 * side + 12}px repeat(${curves.length}, minmax(0, 1fr))` : "minmax(0, 1fr)";
        const left = 2 * side + 12 + GAP;
        curves.forEach((each) => each.layout(beside ? (width - left - GAP * (curves.length - 1)) / curves.length : width));
      },
      sentence() {
        const error = asNumber(numbers.weight_errors.at(...at(), state.layer, state.head), 2);
        return [`${manyOf(counts[state.step], "KV head")} by ${ways[state.way]}: cache per token ${sizes[state.step]}, ` +
          `weight on other keys ${asNumber(numbers.weight_error.at(...at()), 2)}; layer ${state.layer}, head ${state.head}: ${error}`];
      },
    };
  });
}

function kindOf(g, heads) {
  return g === heads ? ", multi-head" : g === 1 ? ", multi-query" : "";
}

/** Query heads with their maps, and below them the KV heads that they read, which slide together. */
function sharingStage({ data, numbers, state, pixels, heads, onHead }) {
  const pictures = counted(heads).map(() => mapCanvas(data.tokens.length, false));
  const errors = counted(heads).map(() => make("span", { class: "clf-error" }));
  const faces = pictures.map((picture, i) => make("span", { class: "clf-face" }, picture, make("span", { class: "clf-unseen" }, "on other keys "), errors[i]));
  const queries = radioControl({ label: "Query head, its weights, and the share of them on other keys", names: counted(heads), faces, onChange: onHead });
  const lines = counted(heads).map((_, i) => svg("line", { x1: i + 0.5, y1: 0, y2: 1 }));
  const links = svg("svg", { class: "clf-links", viewBox: `0 0 ${heads} 1`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...lines);
  const names = counted(heads).map(() => make("span"));
  const shared = names.map((name) => make("span", { class: "clf-kv" }, make("span", { class: "clf-k" }, "K"), make("span", { class: "clf-v" }, "V"), name));
  const row = make("div", { class: "clf-kvs", "aria-hidden": "true" }, ...shared);
  const inside = make("div", { class: "clf-stage" }, queries.element, links, row);
  inside.style.setProperty("--heads", heads);
  const unseen = make("p", { class: "clf-unseen" });
  return {
    element: make("div", {}, wide("Heads and what they read", inside), unseen),
    choose: () => queries.show(state.head),
    show() {
      const size = heads / data.counts[state.step];
      for (let i = 0; i < heads; i++) {
        const group = Math.floor(i / size);
        const centre = (group + 0.5) * size;
        paintTriangle(pictures[i], triangleOf(numbers, data, { ...state, head: i }), data.tokens.length, pixels);
        errors[i].textContent = asNumber(numbers.weight_errors.at(state.way, state.step, state.layer, i), 2);
        lines[i].setAttribute("x2", centre);
        names[i].textContent = ` ${group}`;
        shared[i].style.left = `${(100 * centre) / heads}%`;
        shared[i].classList.toggle("clf-under", i % size !== 0);
      }
      unseen.textContent = `${heads} query heads read ${manyOf(data.counts[state.step], "KV head")}, ${size} each.`;
    },
  };
}

/** The chosen head before and after, large. */
function headPair({ data, numbers, state, pixels }) {
  const N = data.tokens.length;
  const sides = ["before", "after"].map((when) => ({ when, canvas: mapCanvas(N, true), text: make("p") }));
  return {
    element: make("div", { class: "clf-two" }, ...sides.map(({ canvas, text }) => make("div", {}, text, canvas))),
    show() {
      const { step, head } = state;
      [0, step].forEach((at, i) => {
        const which = readBy(head, data.counts[0] / data.counts[at]);
        const { when, canvas, text } = sides[i];
        const weights = triangleOf(numbers, data, { ...state, step: at });
        paintTriangle(canvas, weights, N, pixels);
        text.replaceChildren(`Head ${head} ${when}`, make("span", { class: "clf-page-only" }, ": ", make("br"), which));
        const { key, weight } = strongest(weights, N - 1);
        canvas.setAttribute("aria-label", `Weights of head ${head} ${when}, ${which}: query ${data.tokens[N - 1]} weighs key ${data.tokens[key]} most, ${asNumber(weight, 2)}`);
      });
    },
  };
}

/** The query heads that read the KV head of this head, `size` of them, in words: "shared by 4 to 7". */
function readBy(head, size) {
  if (size === 1) return "own KV head";
  const first = size * Math.floor(head / size);
  const last = first + size - 1;
  return size === 2 ? `shared by ${first} and ${last}` : `shared by ${first} to ${last}`;
}

/** A table of each query's strongest key before and after: the two large maps in numbers. */
function strongestKeys({ data, numbers, state }) {
  const [before, after] = [0, state.step].map((step) => triangleOf(numbers, data, { ...state, step }));
  const rows = data.tokens.map((_, query) => [
    tokenAt(data.tokens, query),
    ...[before, after].flatMap((triangle) => {
      const { key, weight } = strongest(triangle, query);
      return [tokenAt(data.tokens, key), asNumber(weight, 2)];
    }),
  ]);
  return numberTable(`Head ${state.head}: the strongest key of each query, weights to within 0.01`,
    ["query", "key before", "weight", "key after", "weight"], rows);
}

/** An error over the KV heads, in the slider's direction; a curve for each way, the chosen one in full colour. */
function errorPlot({ data, described, errors, state, height, onPick }) {
  const { sizes, ways, counts } = data;
  const heading = make("p", { class: "clf-readout" });
  const chart = plot({
    ...described, height,
    describe: (way, j) => `${ways[way]}, ${manyOf(counts[j], "KV head")}, ${sizes[j]}: ${asNumber(errors.at(way, j), 3)}`,
    onPick: (way, step) => onPick({ way, step }),
  });
  let series = []; // one drawn group for each way: its line, then its points
  const take = () => (series = [...chart.element.querySelectorAll(".clf-plot .clf-series")]);
  /** Ring the chosen point, and bring the curve of the chosen way to the top; nothing is drawn anew. */
  function ring() {
    series.forEach((each, way) => each.classList.toggle("clf-other", way !== state.way));
    chart.element.querySelector(".clf-chosen")?.classList.remove("clf-chosen");
    const curve = series[state.way];
    curve.children[1 + state.step].classList.add("clf-chosen");
    curve.parentNode.append(curve);
  }
  chart.draw({});
  take();
  return {
    element: make("div", { class: "clf-error-plot" }, heading, chart.element),
    show() {
      heading.replaceChildren(numberOf(asNumber(errors.at(state.way, state.step), 2), described.label));
      ring();
    },
    layout(width) {
      chart.layout(width);
      take();
      ring();
    },
  };
}
