// Figure 7: what a step of a generation makes, and what it reads from the cache. Python makes all numbers.

import { asCount, asNumber, counted, indices, largestOf, make, manyOf, tokenText, unpackAll } from "./basics.js";
import { colourLegend, pixelsOf, signedColours } from "./colours.js";
import { numberTable, radioControl, selectControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { playedSteps } from "./play.js";
import { plot } from "./plot.js";
import { asScientific } from "./units.js";

const ROWS = { page: { most: 20, room: 320, least: 16, high: 22 }, slide: { most: 15, room: 390, least: 26, high: 34 } };
const SIDE = { page: 330, slide: 450 }; // pixels of the costs beside the rows, gap included

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const rows = unpackAll(data.rows);
    const numbers = unpackAll(data, ["logits", "differences", "flops", "bytes"]);
    const names = Object.keys(rows);
    const count = data.held.length;
    const heads = Math.max(...names.map((name) => rows[name].shape[1]));
    const steps = playedSteps({
      label: "Steps", count, text: (i) => (i ? "one more token" : "the prompt"), at: () => state.step, onChange: (step) => choose({ step }),
    });
    const tensor = radioControl({ label: "Tensor", names, onChange: (value) => choose({ tensor: names[value] }) });
    const layer = selectControl({ label: "Layer", names: counted(rows[names[0]].shape[0]), onChange: (value) => choose({ layer: value }) });
    const head = selectControl({ label: "Head", names: counted(heads), onChange: (value) => choose({ head: value }) });
    const picture = rowsPicture(data, slide ? ROWS.slide : ROWS.page);
    const bars = [shareBar("FLOPs of the step", numbers.flops), shareBar("Bytes moved", numbers.bytes)];
    const equal = make("p", { class: "clf-decode-equal clf-page-only" });
    const tables = [wide("What the step costs"), wide("Logits of the next token")];
    const flops = costPlot(data, numbers.flops, slide ? 280 : 170);
    const side = make("div", { class: "clf-decode-side" }, ...bars.map((bar) => bar.element), equal, flops.element);
    const body = make("div", { class: "clf-decode" }, picture.element, side);
    const length = () => data.prompt + state.step;
    let painted = false;
    const firstNew = () => (state.step ? length() - 1 : 0);

    return {
      controls: [steps.element, tensor.element, layer.element, head.element],
      body: [body],
      details: tables,
      show(changed) {
        steps.show(state.step);
        tensor.show(names.indexOf(state.tensor));
        layer.show(state.layer);
        head.show(state.head);
        if (changed.some((name) => name !== "step")) picture.paint(rows[state.tensor], state);
        if (!changed.includes("step")) return;
        body.classList.toggle("clf-decode-moves", painted); // no animation when it is first painted
        painted = true;
        picture.show(length(), firstNew());
        bars.forEach((bar) => bar.show(state.step));
        equal.replaceChildren("Next token ", make("b", {}, tokenText(data.candidates[state.step][0])), " either way: the logits differ by at most "
          + `${asScientific(numbers.differences.at(0, state.step))}, the rows by ${asScientific(numbers.differences.at(1, state.step))}.`);
        tables[0].replaceChildren(costTable(data, numbers, state.step, length(), firstNew()));
        tables[1].replaceChildren(logitTable(data, numbers.logits, state.step));
        flops.show(length());
      },
      layout(width) {
        const beside = width >= 640;
        const room = slide ? SIDE.slide : SIDE.page;
        body.style.gridTemplateColumns = beside ? `minmax(0, 1fr) ${room}px` : "minmax(0, 1fr)";
        flops.layout(beside ? room : width);
      },
      reset: steps.pause,
      sentence(changed) {
        if (!changed.includes("step")) return [`${state.tensor}, layer ${state.layer}, head ${state.head}`];
        return [`${length()} tokens: ${length()} rows recomputed, or ${length() - firstNew()} with a cache. Next token `,
          tokenText(data.candidates[state.step][0]), " either way."];
      },
    };
  });
}

/**
 * The rows of one tensor, one for each token: kept rows in a solid frame, rows made now in a dashed one; then the next
 * token. Of a long text only the last rows are shown.
 */
function rowsPicture(data, { most, room, least, high }) {
  const texts = [...data.tokens, data.candidates.at(-1)[0]];
  const lines = texts.map((token) => {
    const canvas = make("canvas", { height: 1, "aria-hidden": "true" });
    const said = make("span");
    return { canvas, said, element: make("li", {}, tokenText(token), make("div", {}, canvas), said) };
  });
  const title = make("p", { class: "clf-decode-title" });
  const list = make("ol", { class: "clf-decode-rows" }, ...lines.map((line) => line.element));
  const legend = make("div", { class: "clf-decode-legend" });
  const element = make("div", { class: "clf-decode-picture" }, title, list, legend);
  const shown = Math.min(most, lines.length);
  element.style.setProperty("--clf-row", `${Math.max(least, Math.min(high, Math.floor(room / shown)))}px`);
  let name = "";

  function show(length, first) {
    const from = Math.max(0, length + 1 - shown);
    const made = length - first;
    title.replaceChildren(make("b", {}, name), ` of ${manyOf(length, "token")}: ${made} made now, ${first} from the cache`,
      from ? ` (${from} of them not shown)` : "");
    lines.forEach(({ element: line, said }, i) => {
      const kind = i < first ? "kept" : i < length ? "new" : i === length ? "next" : "later";
      line.className = `clf-decode-${kind}`;
      line.hidden = i < from || i >= from + shown;
      said.className = kind === "next" ? "" : "clf-unseen";
      said.textContent = { kept: ", from the cache", new: ", made now", next: "the next token", later: "" }[kind];
    });
  }

  return {
    element, show,
    paint(array, { tensor, layer, head }) {
      name = tensor;
      const values = array.part(layer, Math.min(head, array.shape[1] - 1));
      const width = array.shape.at(-1);
      const scale = signedColours(data, largestOf(values));
      element.style.setProperty("--clf-frame", `var(--clf-${tensor.toLowerCase()})`);
      title.firstChild?.replaceChildren(tensor);
      lines.forEach(({ canvas }, i) => {
        canvas.width = width;
        if (i < data.tokens.length) canvas.getContext("2d").putImageData(pixelsOf({ values: values.subarray(i * width, (i + 1) * width), scale }, width), 0, 0);
      });
      const key = (kind, text) => make("span", { class: "clf-key" }, make("span", { class: `clf-decode-key-${kind}` }), text);
      legend.replaceChildren(colourLegend(scale, tensor, false, 1), key("kept", "in the cache"), key("new", "made now"));
    },
  };
}

/** A bar as long as the cost of recomputing, on one scale for all steps; the filled part is the cost with a cache. */
function shareBar(name, amounts) {
  const [, , count] = amounts.shape;
  const most = Math.max(...indices(count).map((step) => amounts.at(0, 0, step)));
  const head = make("p");
  const fill = make("span", { class: "clf-data clf-decode-fill" });
  const whole = make("span", { class: "clf-decode-whole" }, fill);
  const legend = make("p", { class: "clf-decode-share-text" });
  const bar = make("div", { class: "clf-decode-bar", "aria-hidden": "true" }, whole);
  return {
    element: make("div", { class: "clf-decode-share" }, head, bar, legend),
    show(step) {
      const [all, one] = [0, 1].map((way) => amounts.at(0, way, step));
      head.replaceChildren(make("b", {}, name), make("span", {}, all === one ? "the same either way" : `recomputed: ${asRatio(all / one)}`));
      whole.style.width = `${(100 * all) / most}%`;
      fill.style.width = `${(100 * one) / all}%`;
      legend.replaceChildren(make("span", {}, `with a cache ${asCount(one)}`), make("span", {}, `recomputed ${asCount(all)}`));
    },
  };
}

/** A ratio to three digits: "12.3 ×", "1.04 ×". */
function asRatio(value) {
  return `${value.toPrecision(3)} ×`;
}

function costTable(data, { flops, bytes }, step, length, first) {
  const line = (name, array, when) => {
    const [all, one] = [0, 1].map((way) => array.at(when, way, step));
    return [name, asCount(all), asCount(one), asRatio(all / one)];
  };
  return numberTable(`Whole model, numbers in ${data.dtype}`, ["", ...data.ways, "ratio"], [
    ["rows computed", String(length), String(length - first), asRatio(length / (length - first))],
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

function costPlot(data, flops, height) {
  const lines = plot({
    ...data.plot, height,
    describe: (i, j) => `${data.ways[i]}, ${manyOf(data.prompt + j, "token")}: ${asCount(flops.at(0, i, j))} FLOPs`,
  });
  return { ...lines, show: (length) => lines.draw({ rules: [{ x: length }] }) };
}
