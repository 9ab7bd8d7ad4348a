// Figure 8: bytes of a cache against the length of the text, for five kinds of attention. All numbers are Python's.

import { asCount, indices, make, manyOf, unpackAll } from "./basics.js";
import { numberTable, radioControl, rangeControl, selectControl, stepControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";
import { asBytesText } from "./units.js";

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const arrays = unpackAll(data, ["bytes", "texts", "rows", "written"]);
    const dtypes = data.dtypes.map(([name]) => name);
    const now = () => moment(data, arrays, state, dtypes.indexOf(state.dtype));
    const slider = (label, name, values, what) => rangeControl({
      label, count: values.length, text: (i) => manyOf(values[i], what),
      onInput: (value) => preview({ [name]: value }), onChange: (value) => choose({ [name]: value }),
    });
    const model = selectControl({ label: "Model", names: data.models, onChange: (value) => choose({ model: value }) });
    const context = slider("Length of a text", "context", data.contexts, "token");
    const batch = slider("Texts at a time", "batch", data.batches, "text");
    const dtype = radioControl({
      label: "A number takes", names: data.dtypes.map(([name, size]) => `${name}, ${manyOf(size, "byte")}`),
      onChange: (value) => choose({ dtype: dtypes[value] }),
    });
    const variant = kindControl(data, (value) => choose({ variant: value }));
    const readout = make("p", { class: "clf-growth-total" });
    const formula = make("p", { class: "clf-equation clf-growth-formula" });
    const plotted = make("div", {}, make("p", { class: "clf-growth-name" }, "Cache of all texts together"));
    const growth = growthPlot(data, state, now, (value) => choose({ variant: value }));
    const step = stepControl({
      label: "Decode", count: arrays.bytes.shape[4], text: (i) => (i ? manyOf(i, "new token") : "the texts are read"),
      onChange: (value) => choose({ new: value }),
    });
    const steps = wide("The cache, token by token");
    const decode = make("div", { class: "clf-growth-decode" }, make("p", { class: "clf-growth-name" }, "Decode, step by step"), step.element, steps);
    const table = wide("The five kinds");
    plotted.append(growth.element);

    return {
      controls: [model.element, variant.element, context.element, batch.element, dtype.element],
      body: [readout, formula, make("div", { class: "clf-growth" }, plotted, make("div", { class: "clf-growth-side" }, table, decode))],
      help: "Choose a kind of attention in the list or by a click on its line. Both axes are logarithmic. Next decodes one more token in every text.",
      show() {
        const { size, kind } = now();
        model.show(state.model);
        variant.show(state);
        context.show(state.context);
        batch.show(state.batch);
        dtype.show(dtypes.indexOf(state.dtype));
        step.show(state.new);
        readout.replaceChildren(make("strong", {}, asBytesText(size(state.variant))),
          ` in the cache: ${data.models[state.model]} with ${kind(state.variant)}`);
        formula.replaceChildren(...substituted(data, state, now()));
        table.replaceChildren(kindTable(data, state, now()));
        steps.replaceChildren(stepTable(data, state, now(), arrays.bytes.shape[4]));
        growth.show();
      },
      layout: (width) => growth.layout(width),
      sentence() {
        const { size, kind, tokens } = now();
        return [data.models[state.model], `, ${kind(state.variant)}, ${asCount(tokens)} tokens, ${asCount(data.batches[state.batch])} at a time, `,
          `${state.dtype}: ${asBytesText(size(state.variant))}`];
      },
    };
  });
}

/** Everything that holds for the present choice; `size(kind, new?)` in bytes. */
function moment(data, { bytes, texts, rows, written }, state, dtype) {
  const unit = data.unit[state.batch][dtype];
  return {
    itemsize: data.dtypes[dtype][1],
    tokens: data.contexts[state.context] + state.new,
    kind: (v) => data.kinds[state.model][v],
    size: (v, fresh = state.new) => bytes.at(unit, state.model, v, state.context, fresh),
    curve: (v) => data.contexts.map((_, i) => bytes.at(unit, state.model, v, i, 0)),
    fits: (v) => data.devices.map((_, i) => texts.at(dtype, state.model, v, state.context, i)),
    written: (v) => written.at(unit, state.model, v),
    held: (v, group) => rows.at(state.model, v, group, state.context, state.new),
  };
}

/** The kinds at the sizes of the chosen model, as radio buttons whose names change with it. */
function kindControl(data, onChange) {
  const control = radioControl({ label: "Kind of attention", names: data.kinds[0], onChange });
  const names = [...control.element.querySelectorAll(".clf-choice-name")];
  return {
    element: control.element,
    show(state) {
      names.forEach((name, v) => (name.textContent = data.kinds[state.model][v] + (data.own[state.model] === v ? " (as it is)" : "")));
      control.show(state.variant);
    },
  };
}

/** The formula with its numbers: one product for each group of layers, times texts, times bytes of a number. */
function substituted(data, state, { itemsize, held, size }) {
  const groups = data.layers[state.model][state.variant].map(({ count, row, window }, g) => {
    const full = window === null || held(state.variant, g) < window;
    return `${manyOf(count, "layer")} × ${row} × ${manyOf(held(state.variant, g), "token")}${full ? "" : " (the window)"}`;
  });
  const sum = groups.length > 1 ? `(${groups.join(" + ")})` : groups[0];
  return [`${sum} × ${manyOf(data.batches[state.batch], "text")} × ${manyOf(itemsize, "byte")} = `,
    make("b", {}, `${asCount(size(state.variant))} bytes`)];
}

/** All kinds at the chosen length: the cache, and how many texts fit. */
function kindTable(data, state, { kind, size, fits, tokens }) {
  const devices = data.devices.map(({ name, memory }) => make("span", {}, name, make("br"), `${memory / 1e9} GB`));
  const rows = data.kinds[state.model].map((_, v) => [kind(v), asBytesText(size(v)), ...fits(v).map(asCount)]);
  const caption = `Cache, and how many texts of ${asCount(tokens - state.new)} tokens fit in empty memory`;
  return numberTable(caption, ["kind", "cache", ...devices], rows, state.variant);
}

/** The first tokens after the text, for the chosen kind: what each step writes, and what windows drop. */
function stepTable(data, state, { size, written }, steps) {
  const added = written(state.variant);
  const rows = indices(steps).map((fresh) => {
    const [before, after] = [size(state.variant, Math.max(0, fresh - 1)), size(state.variant, fresh)];
    const change = fresh ? [`+ ${asCount(added)}`, before + added > after ? `− ${asCount(before + added - after)}` : "0"] : ["", ""];
    return [asCount(data.contexts[state.context] + fresh), ...change, asCount(after)];
  });
  return numberTable("Each step reads the whole cache once", ["tokens", "bytes written", "dropped", "in the cache"], rows, state.new);
}

/** A line for each kind, the chosen text, and the accelerators whose memory is in sight. */
function growthPlot(data, state, now, onKind) {
  const lines = plot({
    label: "Cache against the length of a text", height: 470,
    x: { label: "tokens in each text", domain: [data.contexts[0], 7 * data.contexts.at(-1)], log: 2, text: asCount }, // names of lines end at the right
    y: { label: "", domain: [1, 2], log: 2, text: asBytesText },
    describe: (i, j) => (i < data.kinds[0].length
      ? `${now().kind(i)}: ${asBytesText(now().curve(i)[j])} at ${asCount(data.contexts[j])} tokens`
      : `${now().kind(state.variant)}: ${asBytesText(now().size(state.variant))} at ${asCount(now().tokens)} tokens`),
    onPick: (i) => i < data.kinds[0].length && onKind(i),
  });

  const marks = data.contexts.filter((_, i) => i % 3 === 0);

  function show() {
    const { kind, curve, size, tokens } = now();
    const domain = data.domains[state.model];
    const first = Math.ceil(Math.log2(domain[0]) / 5) * 5;
    const ticks = indices(12).map((i) => 2 ** (first + 5 * i)).filter((tick) => tick <= domain[1]);
    const series = data.kinds[state.model].map((_, v) => ({ name: kind(v), x: data.contexts, y: curve(v), colour: v }));
    const chosen = { name: "chosen", x: [tokens], y: [size(state.variant)], kind: "points", colour: state.variant };
    const inside = data.devices.filter(({ memory }) => memory > domain[0] && memory < domain[1]);
    const rules = inside.map(({ name, memory }) => ({ y: memory, label: `${name}, ${memory / 1e9} GB` }));
    lines.draw({ series: [...series, chosen], rules: [...rules, { x: tokens, label: "" }], x: { ticks: marks }, y: { domain, ticks } });
  }

  return {
    element: lines.element, show,
    layout: (width) => lines.layout(width >= 1000 ? 0.52 * width : width),
  };
}
