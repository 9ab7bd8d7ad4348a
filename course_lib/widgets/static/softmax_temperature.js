// Figure 3: weights, entropy and gradient of a softmax over its temperature. Python makes all numbers.

import { asCount, asNumber, indices, make, unpackAll } from "./basics.js";
import { button, numberOf, radioControl, rangeControl, traitSlider } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";

const HEIGHT = { page: 270, slide: 226 }; // of each plot
const GAP = 20; // pixels between the plots, as in the style sheet

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const numbers = unpackAll(data, ["weights", "entropy", "looked_at", "gradient"]);
    const { widths, temperatures, keys } = data;
    const root = () => nearestStep(temperatures, Math.sqrt(widths[state.width]));
    const width = radioControl({ label: "Width d", names: widths.map(asCount), onChange: (value) => choose({ width: value }) });
    const step = traitSlider("step", { choose, preview }, {
      label: "Temperature T", count: temperatures.length, text: (i) => asTemperature(temperatures[i]),
    });
    const plain = button("T = 1, no scale", () => choose({ step: nearestStep(temperatures, 1) }));
    const scaled = button("T = √d", () => choose({ step: root() }));
    const more = widths.length > 1 ? button("Predict another width", () => {
      choose({ width: (state.width + 1) % widths.length, hidden: true, predicted: null });
      guess.focus();
    }) : null;
    const guess = predictionPanel(keys.length, (predicted) => {
      choose({ predicted, hidden: false });
      more?.focus(); // the panel that had the focus is hidden
    });
    // While a reader predicts, width and temperature stay as the question names them.
    const settings = [...width.element.querySelectorAll("input"), step.element.querySelector("input"), plain, scaled];
    const plots = temperaturePlots(data, numbers, state, root, slide ? HEIGHT.slide : HEIGHT.page);
    const readout = make("p", { class: "clf-readout" });
    const verdict = make("p", { class: "clf-verdict" });
    const shown = make("div", { class: "clf-temperature" }, ...plots.map((each) => each.element));

    function show(names) {
      const moved = names.includes("width") || names.includes("step");
      if (moved && state.predicted !== null && !names.includes("predicted")) return choose({ predicted: null }); // the prediction was for another place
      const { looked_at, entropy, gradient } = numbers;
      const at = [state.width, state.step];
      width.show(state.width);
      step.show(state.step);
      for (const setting of settings) setting.disabled = state.hidden;
      for (const element of [shown, readout]) element.hidden = state.hidden;
      guess.show(state.hidden, `Width ${asCount(widths[state.width])}, temperature ${asTemperature(temperatures[state.step])}`);
      verdict.hidden = state.hidden || state.predicted === null;
      verdict.textContent = `You predicted ${state.predicted}; it is ${asNumber(looked_at.at(...at), 1)}.`;
      readout.replaceChildren(
        numberOf(asNumber(looked_at.at(...at), 1), `of ${keys.length} keys looked at`),
        numberOf(asNumber(entropy.at(...at), 2), "nats of entropy"), numberOf(asNumber(gradient.at(...at), 3), "gradient norm |J|"));
      if (!state.hidden) plots.forEach((each) => each.show());
    }

    return {
      controls: [width.element, step.element, make("div", { class: "clf-steps" }, ...[plain, scaled, more].filter(Boolean))],
      body: [readout, verdict, guess.element, shown],
      help: "J is the derivative of the weights by the logits. Arrow keys walk along a curve, up and down change the curve.",
      show,
      locked: () => state.hidden,
      layout(room) {
        const columns = room < 600 ? 1 : slide ? 2 : 3;
        const width = (room - GAP * (columns - 1)) / columns;
        plots.forEach((each, i) => each.layout(slide && i === 0 ? room : width));
      },
      sentence() {
        const where = `width ${widths[state.width]}, temperature ${asTemperature(temperatures[state.step])}`;
        if (state.hidden) return [`${where}: how many keys are looked at?`];
        const found = `${asNumber(numbers.looked_at.at(state.width, state.step), 1)} keys looked at`;
        return [`${where}, ${found}, gradient norm ${asNumber(numbers.gradient.at(state.width, state.step), 3)}`];
      },
    };
  });
}

function asTemperature(value) {
  return Number(value.toPrecision(3)).toString();
}

function nearestStep(temperatures, value) {
  const distance = (T) => Math.abs(Math.log(T / value));
  return temperatures.reduce((best, T, i) => (distance(T) < distance(temperatures[best]) ? i : best), 0);
}

/** The question before the numbers: a slider for a guess, and the button Reveal. */
function predictionPanel(count, onReveal) {
  let value = Math.ceil(count / 2);
  const where = make("p", { class: "clf-question" });
  const take = (i) => (value = i + 1);
  const slider = rangeControl({ label: "Your prediction", count, text: (i) => `${i + 1} of ${count} keys`, onInput: take, onChange: take });
  const element = make("div", { class: "clf-guess" }, where, slider.element, button("Reveal", () => onReveal(value)));
  slider.show(value - 1);
  return {
    element,
    focus: () => element.querySelector("input").focus(),
    show(visible, place) {
      element.hidden = !visible;
      where.textContent = `${place}: how many keys will be looked at, e to the entropy?`;
    },
  };
}

/** Bars of the weights, and two curves over the temperature; `root()` is the step of T = √d. */
function temperaturePlots({ temperatures, keys, plots }, { weights, looked_at, gradient }, state, root, height) {
  const now = () => `T = ${asTemperature(temperatures[state.step])}`;
  const steps = () => [state.step, root()];
  const bars = plot({
    ...plots.weights, height,
    describe: (i, j) => `${keys[j]}: ${asNumber(weights.at(state.width, steps()[i], j), 3)} at ${i ? "T = √d" : now()}`,
  });
  const places = indices(keys.length);
  const showBars = () => {
    const [chosen, scaled] = steps().map((at) => ({ x: places, y: weights.part(state.width, at) }));
    bars.draw({ series: [{ ...chosen, name: now() }, scaled] });
  };
  const curve = (array, described) => {
    const each = plot({
      ...described, height,
      describe: (i, j) => {
        const at = [j, ...steps()][i];
        return `T = ${asTemperature(temperatures[at])}: ${described.label} ${asNumber(array.at(state.width, at), 2)}`;
      },
    });
    const point = (at) => ({ x: [temperatures[at]], y: [array.at(state.width, at)] });
    return { ...each, show: () => each.draw({ series: [{ x: temperatures, y: array.part(state.width) }, ...steps().map(point)] }) };
  };
  return [{ ...bars, show: showBars }, curve(looked_at, plots.looked_at), curve(gradient, plots.gradient)];
}
