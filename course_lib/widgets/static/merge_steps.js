// Figure 13: byte-pair encoding, merge by merge. Python makes ids, pairs and counts.

import { make, manyOf, tokenText } from "./basics.js";
import { figure } from "./figure.js";
import { playedSteps } from "./play.js";

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose }) => {
    const last = data.words.length - 1;
    const steps = playedSteps({
      label: "Merges", count: last + 1, where: (i) => `step ${i} of ${last}`, at: () => state.step, onChange: (step) => choose({ step }),
    });
    steps.element.classList.add("clf-merge-steps");
    const readout = make("p", { class: "clf-merge-readout" });
    const text = make("div", { class: "clf-merge-text", role: "group", "aria-label": "The text in tokens" });
    const made = make("p", { class: "clf-merge-made" });
    const counts = make("ol", { class: "clf-merge-counts" });
    const heading = make("p", { class: "clf-merge-heading" }, "Most frequent pairs of neighbours");
    const key = (kind, name) => make("span", { class: "clf-key" }, make("span", { class: `clf-merge-token ${kind}` }, "␣a"), name);
    const legend = make("div", { class: "clf-legend" }, key("clf-merge-made-now", "made by this step"), key("clf-merge-lit", "joined next"));
    const body = make("div", { class: "clf-merge" }, make("div", {}, readout, text, legend), make("div", {}, made, heading, counts));
    let before = state.step; // the step shown last: only a step forward is animated

    function paint(step) {
      text.replaceChildren(...tokenWords(data, step));
    }

    return {
      controls: [steps.element],
      body: [body],
      help: "Next joins the pair at the top of the list wherever it occurs. Of equal counts the smaller ids come first.",
      show() {
        steps.show(state.step);
        body.classList.toggle("clf-merge-joins", state.step === before + 1);
        before = state.step;
        readout.replaceChildren(...sizes(data, state.step));
        paint(state.step);
        made.replaceChildren(...madeBy(data, state.step));
        counts.replaceChildren(...pairLines(data, state.step));
      },
      /** Make the text as high as it is in bytes, which need most room, so that nothing jumps. */
      layout() {
        text.style.minHeight = "";
        paint(0);
        text.style.minHeight = `${text.offsetHeight}px`;
        paint(state.step);
      },
      reset: steps.pause,
      sentence: () => said(data, state.step),
    };
  });
}

/** A box for each token, word by word; the token that the step made and the pairs to join next are marked. */
function tokenWords(data, step) {
  return data.words[step].map((word) => {
    const starts = step + 1 < data.words.length ? joined(word, data.leading[step][0]) : [];
    const boxes = word.map((token, i) => tokenBox(data, token, {
      now: step > 0 && token === data.bytes + step - 1, lit: starts.includes(i) ? "left" : starts.includes(i - 1) ? "right" : "",
      pair: step > 0 ? data.leading[step - 1][0] : [],
    }));
    return make("span", { class: "clf-merge-word" }, ...boxes);
  });
}

/** The positions in a word at which the pair is joined, from the left. */
function joined(word, [left, right]) {
  const starts = [];
  for (let i = 0; i + 1 < word.length; i += 1) {
    if (word[i] !== left || word[i + 1] !== right) continue;
    starts.push(i);
    i += 1;
  }
  return starts;
}

function tokenBox(data, token, { now, lit, pair }) {
  const name = data.labels[token];
  const kinds = ["clf-merge-token", [...name].length > 1 ? "clf-merge-longer" : "", now ? "clf-merge-made-now" : "", lit ? `clf-data clf-merge-lit clf-merge-${lit}` : ""];
  const halves = now ? pair.slice(0, 2).map((part) => data.labels[part]) : [];
  const whole = halves.join("") !== name; // the two bytes of one character have no text of their own
  return make("bdi", { class: kinds.filter(Boolean).join(" ") }, ...(whole ? [name] : halves.map((half) => make("span", { class: "clf-merge-half" }, half))));
}

function tokenCount(data, step) {
  return data.words[step].reduce((sum, word) => sum + word.length, 0);
}

function sizes(data, step) {
  const part = (name, value) => make("span", {}, `${name} `, make("strong", {}, String(value)));
  return [part("Tokens of the text:", tokenCount(data, step)), part("Vocabulary:", `${data.bytes} + ${step} = ${data.bytes + step}`)];
}

/** A merge in words: "step 3: 'th' + 'e', 4 times". */
function mergeOf(data, step) {
  const [left, right, count] = data.leading[step - 1][0];
  return [`step ${step}: '`, tokenText(data.labels[left]), "' + '", tokenText(data.labels[right]), `', ${manyOf(count, "time")}`];
}

function madeBy(data, step) {
  return step === 0 ? ["step 0: the bytes of the text"] : mergeOf(data, step);
}

function said(data, step) {
  const ended = step === data.words.length - 1 ? "; the last step" : "";
  return [...madeBy(data, step), `; ${manyOf(tokenCount(data, step), "token")}, vocabulary ${data.bytes + step}${ended}`];
}

/** The leading pairs, each with a bar on the scale of the first step; pairs that occur once are pale. */
function pairLines(data, step) {
  const most = data.leading[0][0][2];
  return data.leading[step].map(([left, right, count], i) => {
    const next = i === 0 && step + 1 < data.words.length;
    const boxes = [[left, "left"], [right, "right"]].map(([token, side]) => tokenBox(data, token, { now: false, lit: next ? side : "", pair: [] }));
    const bar = make("span", { class: "clf-merge-bar", "aria-hidden": "true" }, make("span", { class: "clf-data clf-merge-fill", style: `width: ${(100 * count) / most}%` }));
    return make("li", { class: count < data.least ? "clf-merge-once" : "" }, make("span", { class: "clf-merge-word" }, ...boxes), bar, make("span", {}, manyOf(count, "time")));
  });
}
