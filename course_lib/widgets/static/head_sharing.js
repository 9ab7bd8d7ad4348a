// Figure 10: query heads share key/value heads. Weights and errors of every number of KV heads are Python's.

import { svg } from "./axes.js";
import { asNumber, counted, equal, make, manyOf, unpackAll } from "./basics.js";
import { colourLegend, weightColours } from "./colours.js";
import { numberOf, radioControl, rangeControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const { counts, sizes, ways } = data;
    const numbers = unpackAll(data, ["maps", "weight_errors", "output_errors", "weight_error", "output_error", "losses"]);
    const [layers, heads] = numbers.maps.shape.slice(1, 3);
    const scale = weightColours(data);
    const pixels = coloursOf(scale);
    const at = () => [state.way, state.step];
    const step = rangeControl({
      label: "KV heads g", count: counts.length, text: (i) => `${counts[i]} of ${heads}${kindOf(counts[i], heads)}`,
      onInput: (value) => preview({ step: value }), onChange: (value) => choose({ step: value }),
    });
    const way = radioControl({ label: "A group becomes one head by its", names: ways, onChange: (value) => choose({ way: value }) });
    const layer = radioControl({ label: "Layer", names: counted(layers), onChange: (value) => choose({ layer: value }) });
    layer.element.hidden = layers === 1;
    const stage = sharingStage({ data, numbers, state, scale, pixels, heads, onHead: (value) => choose({ head: value }) });
    const readout = make("p", { class: "clf-readout" });
    const pair = headPair({ data, numbers, state, pixels });
    const curves = [["weight_error", "weight on other keys"], ["output_error", "|Y′ − Y| / |Y|"]].map(([name, label]) =>
      errorPlot({ data, errors: numbers[name], label, state, onPick: (changes) => choose(changes) }));

    return {
      controls: [step.element, way.element, layer.element],
      body: [readout, stage.element, make("div", { class: "clf-below" }, pair.element, make("div", { class: "clf-curves" }, ...curves.map(({ element }) => element)))],
      help: "Move the slider: KV heads of a group become one. Maps: rows are queries, columns are keys. Arrow keys walk along a curve, Enter or a click chooses a point.",
      show(changed) {
        pair.show();
        stage.choose();
        if (equal(changed, ["head"])) return;
        step.show(state.step);
        way.show(state.way);
        layer.show(state.layer);
        const before = state.step > 0 ? ` instead of ${asNumber(numbers.losses.at(state.way, 0), 2)}` : "";
        readout.replaceChildren(
          numberOf(sizes[state.step], `of cache per token${state.step > 0 ? ` instead of ${sizes[0]}` : ""}`),
          numberOf(asNumber(numbers.weight_error.at(...at()), 2), "of the weight on other keys"),
          numberOf(asNumber(numbers.output_error.at(...at()), 2), "relative error of the output"),
          numberOf(asNumber(numbers.losses.at(...at()), 2), `nats per token, the whole model${before}`));
        stage.show();
        curves.forEach((each) => each.show());
      },
      layout(width) {
        const columns = width >= 1000 ? 2 : 1;
        const room = columns === 2 ? width - 430 : width;
        const plots = room >= 560 ? 2 : 1;
        curves.forEach((each) => each.layout((room - 20 * (plots - 1)) / plots));
      },
      sentence() {
        const error = asNumber(numbers.weight_errors.at(...at(), state.layer, state.head), 2);
        return [`${manyOf(counts[state.step], "KV head")} by ${ways[state.way]}: ${sizes[state.step]} per token, ` +
          `${asNumber(numbers.weight_error.at(...at()), 2)} of the weight on other keys; layer ${state.layer}, head ${state.head}: ${error}`];
      },
    };
  });
}

function kindOf(g, heads) {
  return g === heads ? ", multi-head" : g === 1 ? ", multi-query" : "";
}

/** The weights of one head as they are sent: the lower triangle, row by row. */
function triangleOf({ maps }, { counts }, { way, step, layer, head }) {
  return maps.part(step === 0 ? 0 : 1 + way * (counts.length - 1) + step - 1, layer, head);
}

/** The 256 colours of a scale as pixels, four bytes each. */
function coloursOf({ table }) {
  return new Uint32Array(Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : table[3 * (i >> 2) + (i % 4)])).buffer);
}

/** One pixel per cell; what the mask hides stays clear, and shows the hatched ground. */
function paintTriangle(canvas, values, N, pixels) {
  const image = new ImageData(N, N);
  const cells = new Uint32Array(image.data.buffer);
  for (let row = 0, i = 0; row < N; row++) for (let column = 0; column <= row; column++) cells[row * N + column] = pixels[values[i++]];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Query heads with their maps, and below them the KV heads that they read, which slide together. */
function sharingStage({ data, numbers, state, scale, pixels, heads, onHead }) {
  const N = data.tokens.length;
  const pictures = counted(heads).map(() => make("canvas", { width: N, height: N, class: "clf-map", "aria-hidden": "true" }));
  const errors = counted(heads).map(() => make("span", { class: "clf-error" }));
  const faces = pictures.map((picture, i) => make("span", { class: "clf-face" }, picture, errors[i]));
  const queries = radioControl({ label: "Query head, its weights, and the share of them on other keys", names: counted(heads), faces, onChange: onHead });
  const lines = counted(heads).map(() => svg("line", { y1: 0, y2: 1 }));
  const links = svg("svg", { class: "clf-links", viewBox: `0 0 ${heads} 1`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...lines);
  const shared = counted(heads).map(() => make("span", { class: "clf-kv" }));
  const row = make("div", { class: "clf-kvs", "aria-hidden": "true" }, ...shared);
  const inside = make("div", { class: "clf-stage" }, queries.element, links, row);
  inside.style.setProperty("--heads", heads);
  const unseen = make("p", { class: "clf-unseen" });
  return {
    element: make("div", {}, wide("Heads and what they read", inside), unseen,
      colourLegend(scale, "weight", true)),
    choose: () => queries.show(state.head),
    show() {
      const size = heads / data.counts[state.step];
      for (let i = 0; i < heads; i++) {
        const group = Math.floor(i / size);
        const centre = (group + 0.5) * size;
        paintTriangle(pictures[i], triangleOf(numbers, data, { ...state, head: i }), N, pixels);
        errors[i].textContent = asNumber(numbers.weight_errors.at(state.way, state.step, state.layer, i), 2);
        lines[i].setAttribute("x1", i + 0.5);
        lines[i].setAttribute("x2", centre);
        lines[i].setAttribute("class", `clf-colour-${group % 5}`);
        shared[i].className = `clf-kv clf-colour-${group % 5}`;
        shared[i].textContent = `KV ${group}`;
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
  const sides = ["before", "after"].map(() => ({ canvas: make("canvas", { width: N, height: N, class: "clf-map", "aria-hidden": "true" }), text: make("p") }));
  return {
    element: make("div", { class: "clf-two" }, ...sides.map(({ canvas, text }) => make("div", {}, text, canvas))),
    show() {
      const { step, head } = state;
      const size = data.counts[0] / data.counts[step];
      const first = size * Math.floor(head / size);
      sides[0].text.textContent = `Head ${head} with its own KV head`;
      sides[1].text.textContent = step === 0 ? "and shared with nobody" : `shared by heads ${first} to ${first + size - 1}`;
      [0, step].forEach((at, i) => paintTriangle(sides[i].canvas, triangleOf(numbers, data, { ...state, step: at }), N, pixels));
    },
  };
}

/** An error against the bytes, a curve for each way; the chosen point is ringed. */
function errorPlot({ data, errors, label, state, onPick }) {
  const { bytes, sizes, ways, counts } = data;
  const most = Math.max(0.1, ...errors.values);
  const chart = plot({
    label: `${label} by cache per token`, height: 250,
    x: { label: "cache per token", domain: [Math.min(...bytes) / 1.3, 1.3 * Math.max(...bytes)], log: 2, ticks: bytes, text: (value) => sizes[bytes.indexOf(value)] },
    y: { label, domain: [0, 1.08 * most] },
    describe: (i, j) => `${ways[i % ways.length]}, ${manyOf(counts[j], "KV head")}, ${sizes[j]}: ${asNumber(errors.at(i % ways.length, j), 3)}`,
    onPick: (i, j) => onPick({ way: i % ways.length, step: j }),
  });
  /** Ring the chosen point; the curves stay as they are. */
  const ring = () => {
    chart.element.querySelector(".clf-chosen")?.classList.remove("clf-chosen");
    const points = chart.element.querySelectorAll(".clf-plot .clf-series")[ways.length + state.way];
    points.children[state.step].classList.add("clf-chosen");
  };
  /** Curves and points are two series of one name, which the legend shows once. */
  const finish = () => {
    [...chart.element.querySelector(".clf-legend").children].slice(ways.length).forEach((entry) => entry.remove());
    ring();
  };
  const curve = (way, kind, name) => ({ name, kind, x: bytes, y: errors.part(way), colour: way });
  chart.draw({ series: [...ways.map((name, i) => curve(i, "line", name)), ...ways.map((name, i) => curve(i, "points", name))] });
  finish();
  return {
    element: chart.element,
    show: ring,
    layout(width) {
      chart.element.style.width = `${Math.floor(width)}px`;
      chart.layout(width);
      finish();
    },
  };
}
