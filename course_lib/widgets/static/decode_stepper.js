// Figure 7: what a step of a generation computes, recomputed and with a cache. All numbers are Python's.

import { asCount, asNumber, counted, indices, largestOf, make, manyOf, tokenText, unpackAll } from "./basics.js";
import { colourLegend, pixelsOf, signedColours } from "./colours.js";
import { numberTable, radioControl, stepControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";
import { asScientific } from "./units.js";

const ROW = 20; // pixels of a token's row, as in the style sheet
const COMPUTED = "computed";
const KEPT = "from the cache";

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose }) => {
    const rows = unpackAll(data.rows);
    const numbers = unpackAll(data, ["logits", "differences", "flops", "bytes"]);
    const names = Object.keys(rows);
    const count = data.held.length;
    const heads = Math.max(...names.map((name) => rows[name].shape[1]));
    const steps = stepControl({
      label: "Steps", count, text: (i) => (i ? "one more token" : "the prompt"), onChange: (step) => choose({ step }),
    });
    const reads = make("p", { class: "clf-decode-reads" });
    const tensor = radioControl({ label: "Tensor", names, onChange: (value) => choose({ tensor: names[value] }) });
    const layer = radioControl({ label: "Layer", names: counted(rows[names[0]].shape[0]), onChange: (value) => choose({ layer: value }) });
    const head = radioControl({ label: "Head", names: counted(heads), onChange: (value) => choose({ head: value }) });
    const panels = data.ways.map((way) => rowsPanel(data, way));
    const legend = make("div");
    const equal = make("p", { class: "clf-decode-equal" });
    const costs = wide("What the step costs");
    const logits = wide("Logits of the next token");
    const flops = costPlot(data, numbers.flops);
    const length = () => data.prompt + state.step;
    const firstNew = () => (state.step ? length() - 1 : 0);

    return {
      controls: [steps.element, tensor.element, layer.element, head.element],
      body: [reads, make("div", { class: "clf-decode-panels" }, ...panels.map((panel) => panel.element)), legend, equal,
        make("div", { class: "clf-decode-numbers" }, make("div", {}, costs, logits), flops.element)],
      help: "Back and Next walk through the steps. The pictures show one head of one layer; costs are those of the whole model.",
      show(changed) {
        steps.show(state.step);
        tensor.show(names.indexOf(state.tensor));
        layer.show(state.layer);
        head.show(state.head);
        const array = rows[state.tensor];
        const values = array.part(state.layer, Math.min(state.head, array.shape[1] - 1));
        const scale = signedColours(data, largestOf(values));
        if (changed.some((name) => name !== "step")) legend.replaceChildren(colourLegend(scale, state.tensor, false, 1));
        panels[0].show(values, scale, length(), 0);
        panels[1].show(values, scale, length(), firstNew());
        if (!changed.includes("step")) return;
        reads.replaceChildren(...reading(data, state));
        equal.textContent = `The kept rows and the recomputed ones differ by at most ${asScientific(numbers.differences.at(1, state.step))} in all heads `
          + `and layers, the logits of all tokens by at most ${asScientific(numbers.differences.at(0, state.step))}: rounding.`;
        costs.replaceChildren(costTable(data, numbers, state.step, length(), firstNew()));
        logits.replaceChildren(logitTable(data, numbers.logits, state.step));
        flops.show(state.step);
      },
      layout: (width) => flops.layout(width >= 900 ? 0.44 * width : width),
      sentence(changed) {
        if (!changed.includes("step")) return [`${state.tensor}, layer ${state.layer}, head ${state.head}`];
        return [`${length()} tokens: ${length()} rows recomputed, or ${length() - firstNew()} with a cache. Next token `,
          tokenText(data.candidates[state.step][0]), " either way."];
      },
    };
  });
}

/** The text so far, its newest token apart, and what comes next. */
function reading(data, { step }) {
  const [start, end] = [step ? data.prompt + step - 1 : 0, data.prompt + step];
  const token = (text, kind) => make("span", { class: `clf-decode-token ${kind}` }, tokenText(text));
  return [
    make("span", {}, "read "), ...data.tokens.slice(0, start).map((text) => token(text, "")),
    ...data.tokens.slice(start, end).map((text) => token(text, "clf-decode-new")),
    make("span", {}, " next "), token(data.candidates[step][0], "clf-decode-next"),
  ];
}

/** Token by token: its row of numbers, and whether the step computes it. */
function rowsPanel(data, way) {
  const title = make("p", { class: "clf-decode-title" });
  const list = make("ol", { class: "clf-decode-tokens" });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const lines = data.tokens.map((token) => {
    const state = make("span", { class: "clf-decode-state" });
    const line = make("li", {}, tokenText(token), state);
    list.append(line);
    return { line, state };
  });
  const element = make("div", { class: "clf-decode-panel" }, title, make("div", { class: "clf-decode-rows" }, list, canvas));
  return {
    element,
    show(values, scale, length, first) {
      const computed = length - first;
      title.textContent = `${way}: ${manyOf(computed, "row")} computed${first ? `, ${first} read` : ""}`;
      lines.forEach(({ line, state }, i) => {
        line.className = i >= length ? "clf-decode-later" : i >= first ? "clf-decode-computed" : "clf-decode-kept";
        state.textContent = i >= length ? "" : i >= first ? COMPUTED : KEPT;
      });
      paintRows(canvas, values, scale, length, data.tokens.length);
    },
  };
}

/** One pixel for each number, enlarged by the style sheet; rows to come stay empty. */
function paintRows(canvas, values, scale, length, tokens) {
  const width = values.length / tokens;
  if (canvas.width !== width || canvas.height !== tokens) Object.assign(canvas, { width, height: tokens });
  canvas.style.height = `${ROW * tokens}px`;
  const pixels = pixelsOf({ values: values.subarray(0, length * width), scale }, width, tokens);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

function costTable(data, { flops, bytes }, step, length, first) {
  const line = (name, array, when) => {
    const [all, one] = [0, 1].map((way) => array.at(when, way, step));
    return [name, asCount(all), asCount(one), `${(all / one).toFixed(1)} ×`];
  };
  return numberTable(`Whole model, numbers in ${data.dtype}`, ["", ...data.ways, "ratio"], [
    ["rows computed", String(length), String(length - first), `${(length / (length - first)).toFixed(1)} ×`],
    line("FLOPs, this step", flops, 0), line("FLOPs so far", flops, 1),
    line("bytes moved, this step", bytes, 0), line("bytes moved so far", bytes, 1),
    ["bytes kept", "0", asCount(data.held[step]), ""],
  ]);
}

function logitTable(data, logits, step) {
  const rows = data.candidates[step].map((token, i) => [
    make("span", {}, tokenText(token), i ? "" : " (chosen)"), ...[0, 1].map((way) => asNumber(logits.at(way, step, i), 4)),
  ]);
  return numberTable(`Largest logits of the next token`, ["token", ...data.ways], rows, 0);
}

function costPlot(data, flops) {
  const steps = indices(data.held.length);
  const values = data.ways.map((_, way) => steps.map((step) => flops.at(0, way, step) / 1e6));
  const most = Math.max(...values.flat());
  const lines = plot({
    label: "MFLOPs of each step", height: 330,
    x: { label: "step", domain: [1, Math.max(2, steps.length)], ticks: steps.map((step) => step + 1) },
    y: { label: "MFLOPs of a step", domain: [0, 1.08 * most] },
    describe: (i, j) => `step ${j + 1}, ${data.ways[i]}: ${asCount(flops.at(0, i, j))} FLOPs`,
  });
  return {
    element: lines.element,
    show: (step) => lines.draw({
      series: values.map((y, i) => ({ name: data.ways[i], x: steps.map((at) => at + 1), y, colour: i })), rules: [{ x: step + 1, label: `step ${step + 1}` }],
    }),
    layout: (width) => lines.layout(width),
  };
}
