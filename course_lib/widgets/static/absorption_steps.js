// Figure 12: the same product in both forms of a latent cache, with a bracket in two places. Python makes all numbers.

import { asCount, asNumber, counted, indices, largestAt, make, sumOf, tokenText, unpack, unpackAll } from "./basics.js";
import { numberTable, selectControl, stepControl, traitSlider, wide } from "./controls.js";
import { figure } from "./figure.js";
import { asBytesText, asScientific } from "./units.js";

const FORMS = ["expanded", "absorbed"];
const KEYS_LISTED = 4;
const COMPARED = [["scores", 2], ["weights", 3], ["heads", 5], ["output", 6]]; // and the step from which they are compared
const SIDES = { e: 24, v: 24, r: 38, N: 56, p: 13 }; // pixels of a block's side; that of n grows with its value
const MEETS = { // the three factors, and what each form multiplies first: [from, to], name, thing, sizes
  scores: {
    blocks: [["Q_h", "q", "made", "n e"], ["W^{LK}_h{}^⊤", "learnt", "", "e r"], ["L^⊤", "l", "cached", "r N"]],
    expanded: [[2, 3], "K_h", "k", "h N e"], absorbed: [[1, 2], "Q_h W^{LK}_h{}^⊤", "q", "h n r"], stage: 1,
  },
  values: {
    blocks: [["P_h", "", "made", "n N"], ["L", "l", "cached", "N r"], ["W^{LV}_h", "learnt", "", "r v"]],
    expanded: [[2, 3], "V_h", "v", "h N v"], absorbed: [[1, 2], "P_h L", "l", "h n r"], stage: 4,
  },
};

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const tensors = unpackAll(data, ["scores", "weights"]);
    const differences = unpack(data.differences);
    const size = () => data.sizes[state.size];
    const cost = () => size().costs[state.step];
    const letters = () => ({ ...size().letters, n: data.new[state.step], N: size().cached + data.new[state.step] });
    const stages = stepControl({
      label: "Steps shown", count: data.stages.length, text: (i) => data.stages[i], onChange: (stage) => choose({ stage }),
    });
    const step = traitSlider("step", { choose, preview }, { label: "New tokens", count: data.new.length, text: (i) => asCount(data.new[i]) });
    const sizes = selectControl({
      label: "Shapes and costs of", names: data.sizes.map(({ name }) => name), onChange: (value) => choose({ size: value }),
    });
    sizes.element.hidden = data.sizes.length === 1;
    step.element.classList.add("clf-short-range");
    const head = selectControl({ label: "Head", names: counted(tensors.scores.shape[1]), onChange: (value) => choose({ head: value }) });
    const said = make("p", { class: "clf-absorption-verdict" });
    const apart = make("p", { class: "clf-apart clf-page-only" });
    const tracks = FORMS.map((form) => formTrack(form, data.made[form], slide ? 0.04 : 0.025));
    const [keys, steps, bytes] = indices(3).map(() => make("div"));

    function show() {
      stages.show(state.stage);
      step.show(state.step);
      sizes.show(state.size);
      head.show(state.head);
      const most = Math.max(...FORMS.map((form) => cost().totals[form].flops));
      tracks.forEach((track) => track.show(cost(), letters(), state.stage, most));
      said.textContent = verdict(cost(), letters(), size());
      apart.replaceChildren(...differencesUpTo(state.stage));
      keys.replaceChildren(keyTable(data, tensors, state.head));
      steps.replaceChildren(stepTable(data, cost(), size()));
      bytes.replaceChildren(bytesTable(cost(), size()));
    }

    /** The largest differences between the forms in what is shown so far, as text. */
    function differencesUpTo(stage) {
      const shown = COMPARED.filter(([, from]) => from <= stage).map(([name]) => `${name} ${apartText(name)}`.replaceAll(" ", "\u00a0"));
      return shown.length ? [`Largest difference, ${data.sizes[0].name}: ${shown.join(", ")}`] : [];
    }

    function apartText(name) {
      const value = differences.at(state.step, COMPARED.findIndex(([other]) => other === name));
      return value === 0 ? "0, to the last bit" : asScientific(value);
    }

    return {
      controls: [stages.element, step.element, sizes.element],
      body: [make("div", { class: "clf-tracks" }, ...tracks.map((track) => track.element)), said, apart],
      details: [head.element, keys, steps, bytes],
      show,
      sentence(names) {
        if (names.includes("head")) return [`head ${state.head}`];
        if (!names.includes("stage")) return [verdict(cost(), letters(), size())];
        const compared = COMPARED.find(([, from]) => from === state.stage);
        return [data.stages[state.stage], compared ? `, largest difference ${apartText(compared[0])}` : ""];
      },
    };
  });
}

/** "W^{LK}_h" as elements: what follows ^ becomes a superscript, what follows _ a subscript. */
function formula(text) {
  return text.split(/([\^_](?:\{[^}]*\}|.)|\{\})/).filter((part) => part && part !== "{}").map((part) => {
    const inside = part.slice(1).replace(/[{}]/g, "");
    return part[0] === "^" ? make("sup", {}, inside) : part[0] === "_" ? make("sub", {}, inside) : part;
  });
}

/** A large number in words: "1.6 million". */
function asLarge(value) {
  const [unit, name] = [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"]].find(([least]) => value >= least) ?? [1, ""];
  return unit === 1 ? asCount(value) : `${(value / unit).toFixed(value / unit < 10 ? 2 : 1)}${name}`;
}

/** Which form takes how many times the FLOPs, and the bytes, of the other. */
function verdict({ totals }, { n }, { cached }) {
  const number = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const compare = (of) => {
    const [less, more] = [...FORMS].sort((one, other) => totals[one][of] - totals[other][of]);
    const times = totals[more][of] / totals[less][of];
    return times < 1.005 ? ["both", "as many"] : [more, `${number(times)} times the`];
  };
  const [[form, flops], [other, bytes]] = [compare("flops"), compare("bytes")];
  const verb = (who, one, two) => (who === "both" ? two : one);
  const moves = `${verb(other, "moves", "move")} ${bytes} bytes`;
  return `${asCount(n)} new after ${asCount(cached)} cached: ${form} ${verb(form, "takes", "take")} ${flops} FLOPs${form === other ? " and" : `, ${other}`} ${moves}.`;
}

const flopsOf = (factors) => (factors.length ? factors.reduce((product, factor) => product * factor, 1) : 0);

/** One form: a bar of its FLOPs so far, and its products with brackets. letter: a letter's share of a bar. */
function formTrack(form, made, letter) {
  const parts = made.map(([name, thing]) => make("span", { class: `clf-data clf-segment clf-of-${thing.toLowerCase() || "none"}` }, make("span", {}, name)));
  const total = make("span", { class: "clf-total" });
  const bar = make("div", { class: "clf-running", "aria-hidden": "true" }, ...parts);
  const scores = product(form, MEETS.scores);
  const values = product(form, MEETS.values);
  const rotary = make("div", { class: "clf-meets clf-page-only" },
    make("span", { class: "clf-sign" }, "+"), block(["Q_{R,h}", "q", "made clf-striped", "n p"]), block(["K_R{}^⊤", "k", "cached clf-striped", "p N"]));
  const heads = make("div", { class: "clf-meets" }, make("span", { class: "clf-sign" }, "="), block(["Y_h", "", "made", "n v"]));
  const output = make("div", { class: "clf-meets clf-page-only" }, make("span", { class: "clf-sign" }, "·"), block(["W^O_h", "learnt", "", "v r"]));
  const softmax = make("span", { class: "clf-sign" }, "softmax →");
  const flow = make("div", { class: "clf-flow", role: "img" }, make("div", { class: "clf-side" }, scores.element, rotary),
    make("div", { class: "clf-side" }, softmax, values.element, heads, output));
  return {
    element: make("div", { class: "clf-track-of" }, make("div", { class: "clf-track-head" }, make("strong", {}, `${form} form`), bar, total), flow),
    show({ factors, totals }, letters, stage, most) {
      const flops = factors[form].map(flopsOf);
      const sum = sumOf(flops.slice(0, stage + 1));
      flow.style.setProperty("--clf-new", `${6 + 2 * Math.log2(letters.n)}px`);
      parts.forEach((part, i) => {
        const share = i > stage ? 0 : flops[i] / most;
        part.style.width = `${100 * share}%`;
        part.hidden = share === 0;
        part.classList.toggle("clf-now", i === stage);
        part.firstChild.hidden = share < letter * made[i][0].length;
      });
      total.textContent = `${asLarge(sum)} FLOPs`;
      scores.show(letters, stage);
      values.show(letters, stage);
      rotary.hidden = letters.p === 0;
      for (const [element, from] of [[softmax, 3], [values.element, 3], [heads, 5], [output, 6]]) element.classList.toggle("clf-later", stage < from);
      const first = [MEETS.scores, MEETS.values].filter((each) => each.stage <= stage).map((each) => plain(each[form][1]));
      flow.setAttribute("aria-label", `${form} form: ${first.length ? `multiplied first: ${first.join(" and ")}` : "nothing multiplied yet"}; FLOPs so far: ${asLarge(sum)} of ${asLarge(totals[form].flops)}`);
    },
  };
}

const plain = (name) => name.replace(/[\^_{}]/g, " ").trim();

/** Three blocks and the bracket around two of them, with what it makes below. */
function product(form, { blocks, [form]: [[from, to], name, thing, sizes], stage }) {
  const size = make("span", { class: "clf-shape" });
  const made = make("span", { class: `clf-data clf-made clf-chip-made clf-of-${thing}` }, ...formula(name), " ", size);
  const bracket = make("div", { class: "clf-bracket", style: `grid-column: ${from} / ${to + 1}` });
  const below = make("div", { class: "clf-bracket-makes", style: `grid-column: ${from} / ${to + 1}` }, made);
  const element = make("div", { class: "clf-product" }, ...blocks.map((each, i) => block(each, i)), bracket, below);
  return {
    element,
    show(letters, shown) {
      size.textContent = sizes.split(" ").map((letter) => asCount(letters[letter])).join(" × ");
      made.classList.toggle("clf-later", shown < stage);
      made.classList.toggle("clf-now", shown === stage);
    },
  };
}

/** A block for a matrix, with its name: its thing gives the colour, its place (cached, made or learnt) the frame. */
function block([name, thing, place, sizes], column = 0) {
  const [height, width] = sizes.split(" ").map((letter) => (letter === "n" ? "var(--clf-new)" : `${SIDES[letter]}px`));
  const box = make("span", { class: `clf-data clf-block clf-of-${thing || "none"} clf-${place || "learnt"}`, style: `height: calc(${height} * var(--clf-unit)); width: calc(${width} * var(--clf-unit))` });
  return make("div", { class: "clf-named", style: `grid-column: ${column + 1}` }, make("span", { class: "clf-stand" }, box), make("span", {}, ...formula(name)));
}

/** A table of the logits in both forms, for the keys with the largest weights. */
function keyTable({ keys }, { scores, weights }, head) {
  const [expanded, absorbed] = [0, 1].map((i) => scores.part(i, head));
  const weight = weights.part(0, head);
  const shown = largestAt(weight, indices(keys.length), KEYS_LISTED);
  const caption = `Head ${head}, first new token: the ${shown.length} keys of largest weight, of ${keys.length}`;
  const rows = shown.map((j) => [make("span", {}, tokenText(keys[j]), ` (${j})`), asNumber(expanded[j], 5), asNumber(absorbed[j], 5), asNumber(weight[j], 4)]);
  return wide(caption, numberTable(caption, ["key", "logit, expanded", "logit, absorbed", "weight"], rows));
}

function stepTable({ stages }, { factors, totals, numbers }, { name }) {
  const product = (each) => (each.length ? make("span", {}, asCount(flopsOf(each)), make("span", { class: "clf-factors-of" }, `= ${each.map(asCount).join(" × ")}`)) : "none");
  const rows = stages.map((stage, i) => [stage, ...FORMS.map((form) => product(factors[form][i]))]);
  const caption = `FLOPs, ${name}`;
  return wide(caption, numberTable(caption, ["step", ...FORMS], [...rows, ["together", ...FORMS.map((form) => make("b", {}, asCount(totals[form].flops)))],
    ["numbers in the cache", asCount(numbers.cached), asCount(numbers.cached)], ["numbers of keys and values made", asCount(numbers.made), "0"]]));
}

function bytesTable({ bytes, totals }, { name }) {
  const says = { weights: "parameters, read once", activations: "X and Y", cache: "cache, written and read", expanded: "keys and values, written and read" };
  const rows = Object.keys(bytes.expanded).map((part) => [says[part] ?? part, ...FORMS.map((form) => asCount(bytes[form][part]))]);
  const caption = `Bytes moved through memory, ${name}`;
  const sums = FORMS.map((form) => make("b", {}, `${asCount(totals[form].bytes)} (${asBytesText(totals[form].bytes)})`));
  return wide(caption, numberTable(caption, ["part", ...FORMS], [...rows, ["together", ...sums]]));
}
