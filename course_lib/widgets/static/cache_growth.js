// Figure 8: bytes of a cache over the length of the text, for five kinds of attention. Python makes all numbers.

import { asCount, indices, make, manyOf, unpackAll } from "./basics.js";
import { numberTable, selectControl, stepControl, traitSlider, wide } from "./controls.js";
import { figure } from "./figure.js";
import { plot } from "./plot.js";
import { asBytesText } from "./units.js";

const SETTINGS = 262; // pixels beside the plot, gap included

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const arrays = unpackAll(data, ["bytes", "texts", "rows", "written"]);
    const dtypes = data.dtypes.map(([name]) => name);
    const now = () => moment(data, arrays, state, dtypes.indexOf(state.dtype));
    const slider = (label, name, values, what) =>
      traitSlider(name, { choose, preview }, { label, count: values.length, text: (i) => manyOf(values[i], what) });
    const model = selectControl({ label: "Model", names: data.models, onChange: (value) => choose({ model: value, variant: data.own[value] }) });
    const variant = kindControl(data, (value) => choose({ variant: value }));
    const context = slider("Length of a text", "context", data.contexts, "token");
    const batch = slider("Texts at a time", "batch", data.batches, "text");
    const dtype = selectControl({
      label: "A number takes", names: data.dtypes.map(([name, size]) => `${name}, ${manyOf(size, "byte")}`),
      onChange: (value) => choose({ dtype: dtypes[value] }),
    });
    const step = stepControl({
      label: "Decode", count: arrays.bytes.shape[4], text: (i) => (i ? manyOf(i, "new token") : "the texts are read"),
      onChange: (value) => choose({ new: value }),
    });
    dtype.element.classList.add("clf-page-only");
    const settings = [context, batch, dtype, step].map((control) => control.element);
    const side = make("div", { class: "clf-growth-side" }, ...(slide ? [] : settings));
    const readout = make("p", { class: "clf-growth-total" });
    const formula = make("p", { class: "clf-growth-formula" });
    const change = make("p", { class: "clf-growth-change" });
    const growth = growthPlot(data, state, now, slide ? 400 : 310, (value) => choose({ variant: value }));
    const body = make("div", { class: "clf-growth" }, side, growth.element);
    const tables = [wide("The five kinds"), wide("The cache, token by token")];

    return {
      controls: [model.element, variant.element, ...(slide ? settings : [])],
      body: [readout, formula, change, body],
      details: tables,
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
        change.textContent = changed(state, now());
        tables[0].replaceChildren(kindTable(data, state, now()));
        tables[1].replaceChildren(stepTable(data, state, now(), arrays.bytes.shape[4]));
        growth.show();
      },
      layout(width) {
        const beside = !slide && width >= 640;
        body.style.gridTemplateColumns = beside ? `${SETTINGS - 24}px minmax(0, 1fr)` : "minmax(0, 1fr)";
        growth.layout(beside ? width - SETTINGS : width);
      },
      sentence() {
        const { size, kind, tokens } = now();
        return [data.models[state.model], `, ${kind(state.variant)}, ${asCount(tokens)} tokens, ${asCount(data.batches[state.batch])} at a time, `,
          `${state.dtype}: ${asBytesText(size(state.variant))}`];
      },
    };
  });
}

/** The numbers for the present choice; `size(kind, new?)` is in bytes. */
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

/** The list of kinds, whose lines hold the sizes of the chosen model. */
function kindControl(data, onChange) {
  const control = selectControl({ label: "Kind of attention", names: data.kinds[0], onChange });
  const lines = [...control.element.querySelectorAll("option")];
  return {
    element: control.element,
    show(state) {
      lines.forEach((line, v) => (line.textContent = data.kinds[state.model][v] + (data.own[state.model] === v ? " (as it is)" : "")));
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

/** Bytes that the token at `fresh` adds for a kind, and those that windows drop for it. */
function lastToken(variant, fresh, { size, written }) {
  const added = written(variant);
  return { added, dropped: size(variant, fresh - 1) + added - size(variant, fresh) };
}

function changed(state, at) {
  const { added, dropped } = lastToken(state.variant, state.new || 1, at);
  const when = state.new ? "The last token of all texts" : "The next token of all texts";
  return `${when}: ${asCount(added)} bytes written, ${asCount(dropped)} dropped.`;
}

/** All kinds at the chosen length: the cache, and how many texts fit. */
function kindTable(data, state, { kind, size, fits, tokens }) {
  const devices = data.devices.map(({ name, memory }) => make("span", {}, name, make("br"), `${memory / 1e9} GB`));
  const rows = data.kinds[state.model].map((_, v) => [kind(v), asBytesText(size(v)), ...fits(v).map(asCount)]);
  const caption = `Cache, and how many texts of ${asCount(tokens - state.new)} tokens fit in empty memory`;
  return numberTable(caption, ["kind", "cache", ...devices], rows, state.variant);
}

/** The first tokens after the text, for the chosen kind: what each step writes to the cache, and what windows drop. */
function stepTable(data, state, at, steps) {
  const rows = indices(steps).map((fresh) => {
    const { added, dropped } = fresh ? lastToken(state.variant, fresh, at) : {};
    const change = fresh ? [`+ ${asCount(added)}`, dropped ? `− ${asCount(dropped)}` : "0"] : ["", ""];
    return [asCount(data.contexts[state.context] + fresh), ...change, asCount(at.size(state.variant, fresh))];
  });
  return numberTable("Each step reads the whole cache once", ["tokens", "bytes written", "dropped", "in the cache"], rows, state.new);
}

/** A named line for each kind, a point for the chosen text, and a line for each memory within the plot's limits. */
function growthPlot(data, state, now, height, onKind) {
  const lines = plot({
    ...data.plot, height,
    describe: (i, j) => (i < data.kinds[0].length
      ? `${now().kind(i)}: ${asBytesText(now().curve(i)[j])} at ${asCount(data.contexts[j])} tokens`
      : `${now().kind(state.variant)}: ${asBytesText(now().size(state.variant))} at ${asCount(now().tokens)} tokens`),
    onPick: (i) => i < data.kinds[0].length && onKind(i),
  });

  function show() {
    const { kind, curve, size, tokens, fits } = now();
    const [low, high] = data.sizes[state.model].domain;
    const series = data.kinds[0].map((_, v) => ({ name: kind(v), x: data.contexts, y: curve(v), chosen: v === state.variant }));
    const chosen = { x: [tokens], y: [size(state.variant)] };
    const held = fits(state.variant);
    const memories = data.devices.map(({ name, memory }, i) => {
      const fit = manyOf(held[i], "text");
      return { y: memory, label: `${name}, ${memory / 1e9} GB: ${fit}`, short: `${name}: ${fit}` };
    });
    const inside = memories.filter(({ y }) => y > low && y < high);
    lines.draw({ series: [...series, chosen], rules: [...inside, { x: tokens }], y: data.sizes[state.model] });
  }

  return { element: lines.element, show, layout: (width) => lines.layout(width) };
}
