// Figure 6: rotary positions. Python computes the rotated rows, which are drawn as hands, and all scores.

import { asTick, svg } from "./axes.js";
import { asNumber, counted, indices, largestAt, largestOf, make, unpackAll } from "./basics.js";
import { angleBetween, clock, handsLegend, setIfMoved, turnByHand } from "./clock.js";
import { colourLegend, fittingColours, signedColours } from "./colours.js";
import { button, radioControl, traitSlider } from "./controls.js";
import { figure } from "./figure.js";
import { heatMap } from "./heat_map.js";
import { playButton } from "./play.js";
import { plot } from "./plot.js";

const FACE = { page: { least: 76, most: 84 }, slide: { least: 94, most: 112 }, gap: 6 }; // pixels
const LOWER = { page: 124, slide: 200, axis: 50, share: 0.4, gap: 28, beside: 600, cell: 4 }; // pixels of map and curve, and the map's share

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose, preview }) => {
    const arrays = unpackAll(data, ["q", "k", "scores", "waves", "by_shift", "lengths"]);
    const N = arrays.scores.shape[0];
    const pairs = data.theta.length;
    const clocks = counted(pairs).map(() => clock(Math.max(...arrays.lengths.values) || 1));
    const colours = signedColours(data, largestOf(arrays.waves.values));
    const scale = fittingColours(data, arrays.scores.values);
    const sizes = slide ? FACE.slide : FACE.page;
    const height = slide ? LOWER.slide : LOWER.page;
    const position = (name, label) => traitSlider(name, { choose, preview }, { label, count: N, text: (i) => String(i) });
    const sliders = { query: position("query", "Query at position m"), key: position("key", "Key at position n") };
    Object.values(sliders).forEach(({ element }) => element.classList.add("clf-narrow"));
    const both = bothControl(N, state, choose);
    const chosen = radioControl({
      label: "Pairs and their parts of the score",
      names: counted(pairs).map((i) => `pair ${i}`), faces: clocks.map((each) => each.element), onChange: (pair) => choose({ pair }),
    });
    const clockRow = make("div", { class: "clf-clocks clf-scroll" }, chosen.element);
    turnByHand(chosen.element, clocks, data.theta, N, { state, choose, preview });
    const map = scoreMap(N, scale, choose, height, () => left.clientWidth - 12);
    const left = make("div", { class: "clf-scroll" }, map.element, colourLegend(scale, "score", false, 1));
    const curve = shiftPlot(data.plot, arrays, state, choose, height + LOWER.axis, slide);
    const sides = make("p", { class: "clf-sides" });
    const reading = make("p", { class: "clf-pair" });
    const lower = make("div", { class: "clf-rotary" }, left, make("div", {}, curve.element));
    const terms = () => indices(pairs).map((i) => term(arrays, state, i));

    function show(names) {
      if (!names.length) return; // a slider released where its preview was shown
      const now = terms();
      for (const [name, slider] of Object.entries(sliders)) slider.show(state[name]);
      both.show();
      chosen.show(state.pair);
      clocks.forEach((each, i) => each.show(hands(arrays, state, i), now[i], colours));
      sides.replaceChildren(...twoSides(arrays, state, N));
      reading.textContent = readPair(data, arrays, state, now[state.pair]);
      if (names.includes("pair") && names.length > 1) map.draw(arrays.scores.values, state);
      else map.place(state);
      curve.show(names);
    }

    return {
      controls: [sliders.query.element, sliders.key.element, both.element],
      body: [sides, clockRow, handsLegend(), reading, lower],
      reset: both.pause,
      help: "Turn a hand by its end, or move the sliders; a click in the map or on the curve takes a place. Outlined: this shift.",
      show,
      layout(room) {
        const fit = Math.floor((room - 10 + FACE.gap) / (sizes.least + FACE.gap));
        const width = pairs > fit ? sizes.least : Math.min(sizes.most, (room - 10 + FACE.gap) / pairs - FACE.gap);
        chosen.element.style.gridTemplateColumns = `repeat(${slide ? Math.min(fit, pairs) : pairs}, ${width}px)`;
        if (slide) longestFirst(chosen.element, arrays.lengths, fit, state.pair);
        const beside = room >= LOWER.beside;
        lower.classList.toggle("clf-beside", beside);
        map.layout();
        curve.layout(beside ? (1 - LOWER.share) * (room - LOWER.gap) : room);
      },
      sentence() {
        const where = `query at ${state.query}, key at ${state.key}, shift ${asNumber(state.query - state.key, 0)}`;
        const part = `pair ${state.pair} adds ${asNumber(term(arrays, state, state.pair), 3)}`;
        return [`${where}, score ${asNumber(arrays.scores.at(state.query, state.key), 4)}; ${part}`];
      },
    };
  });
}

/** The rotated hands of query and key in pair i, each [column 2 i, column 2 i + 1]. */
function hands({ q, k }, { query, key }, i) {
  return [[q.at(query, 2 * i), q.at(query, 2 * i + 1)], [k.at(key, 2 * i), k.at(key, 2 * i + 1)]];
}

function term(arrays, state, i) {
  const [a, b] = hands(arrays, state, i);
  return a[0] * b[0] + a[1] * b[1];
}

/** Both sides of the identity: one from the rotated rows, one from the shift alone. */
function twoSides({ scores, by_shift }, { query, key }, N) {
  const shift = asNumber(query - key, 0);
  const side = (formula, value, note) => make("span", {}, make("span", { class: "clf-formula" }, formula), make("strong", {}, asNumber(value, 6)), make("span", {}, note));
  return [
    side(`⟨R${subscript(query)} q, R${subscript(key)} k⟩`, scores.at(query, key), "from the hands"),
    side(`⟨q, R${subscript(key - query)} k⟩`, by_shift.values[query - key + N - 1], `from m − n = ${shift} alone`),
  ];
}

function subscript(value) {
  return [...String(value)].map((character) => (character === "-" ? "₋" : "₀₁₂₃₄₅₆₇₈₉"[character])).join("");
}

function readPair({ theta }, arrays, state, adds) {
  const i = state.pair;
  const [a, b] = [0, 1].map((side) => asNumber(arrays.lengths.at(side, i), 3));
  const angle = asNumber(Math.abs(angleBetween(hands(arrays, state, i))), 3);
  const turn = asTick(Number(((2 * Math.PI) / theta[i]).toPrecision(3)));
  return `Pair ${i}: θ = ${asTick(Number(theta[i].toPrecision(3)))} radians per position, a whole turn in ${turn} positions. Term: ${a} × ${b} × cos ${angle} = ${asNumber(adds, 3)}.`;
}

/**
 * Two buttons that move query and key together, and one that plays the move until one of them is at the last position.
 * There Play begins anew from the first positions. A button that leads nowhere is aria-disabled, so it keeps the focus.
 */
function bothControl(N, state, choose) {
  const free = (by) => [state.query + by, state.key + by].every((at) => at >= 0 && at < N);
  const to = (step) => {
    const by = step - Math.min(state.query, state.key);
    choose({ query: state.query + by, key: state.key + by });
  };
  const play = playButton({ last: () => N - 1 - Math.abs(state.query - state.key), at: () => Math.min(state.query, state.key), onStep: to });
  const move = (by) => () => {
    play.pause();
    if (free(by)) to(Math.min(state.query, state.key) + by);
  };
  const buttons = [[-1, button("Move both back", move(-1))], [1, button("Move both on", move(1))]];
  const element = make("div", { role: "group", "aria-label": "Move query and key together", class: "clf-steps" }, play.element, ...buttons.map(([, each]) => each));
  let shift = state.query - state.key;
  return {
    element, pause: play.pause,
    show() {
      if (shift !== state.query - state.key) play.pause(); // query or key was moved alone
      shift = state.query - state.key;
      buttons.forEach(([by, each]) => each.setAttribute("aria-disabled", !free(by)));
    },
  };
}

/** Show only `count` clocks, for a slide: that of the chosen pair and those with the longest hands. */
function longestFirst(element, lengths, count, pair) {
  const pairs = indices(lengths.shape[1]);
  const reach = (i) => (i === pair ? Infinity : lengths.at(0, i) * lengths.at(1, i));
  const shown = largestAt(pairs.map(reach), pairs, count);
  element.querySelectorAll(".clf-choice").forEach((label, i) => (label.hidden = !shown.includes(i)));
}

/** The map of scores at all positions, with an outline around the diagonal of the chosen shift. */
function scoreMap(N, scale, choose, height, room) {
  const map = heatMap({
    rows: counted(N), columns: counted(N), scale, label: "Scores, rows are positions of the query", axes: ["m", "n"], height, least: LOWER.cell,
    onMove: (cell) => choose({ query: cell.row, key: cell.column }), room,
  });
  const outlines = ["clf-under", "clf-over"].map((kind) => svg("path", { class: kind }));
  const sketch = svg("svg", { class: "clf-diagonal", viewBox: `0 0 ${N} ${N}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...outlines);
  map.element.querySelector(".clf-plane").append(sketch);
  const diagonal = (shift) => {
    const columns = indices(N).filter((n) => n + shift >= 0 && n + shift < N);
    const cells = columns.map((n) => `M${n} ${n + shift}h1v1h-1z`).join("");
    outlines.forEach((outline) => outline.setAttribute("d", cells));
  };
  const cell = ({ query, key }) => ({ row: query, column: key });
  return {
    element: map.element, layout: map.layout,
    draw(values, state) {
      map.draw({ ...cell(state), values, seen: null });
      diagonal(state.query - state.key);
    },
    place(state) {
      map.place(cell(state));
      diagonal(state.query - state.key);
    },
  };
}

/** The plot of the score, and of one pair's part of it, over the shift. */
function shiftPlot(described, { waves, by_shift }, state, choose, height, slide) {
  const N = (by_shift.shape[0] + 1) / 2;
  const shifts = indices(2 * N - 1).map((i) => i - N + 1);
  const part = (i) => Float64Array.from(shifts, (_, j) => waves.at(j, i));
  const parts = indices(waves.shape[1]).map(part);
  const values = () => [by_shift.values, parts[state.pair], [by_shift.values[state.query - state.key + N - 1]]];
  const shiftOf = (series, j) => (series === 2 ? state.query - state.key : shifts[j]);
  const curve = plot({
    ...described, height,
    describe: (series, j) => `shift ${asNumber(shiftOf(series, j), 0)}: ${asNumber(values()[series][j], 3)}${series === 1 ? `, pair ${state.pair}` : ""}`,
    onPick(series, j) {
      const shift = shiftOf(series, j);
      const query = Math.max(0, shift, Math.min(N - 1, N - 1 + shift, state.query));
      choose({ query, key: query - shift });
    },
  });
  const now = { x: [0], y: [0] };

  /** Move the point along the drawn line to the present shift; draw anew only for another pair. */
  function show(names) {
    const shift = state.query - state.key;
    now.x[0] = shift;
    now.y[0] = by_shift.values[shift + N - 1];
    if (!names.includes("pair")) {
      const at = curve.element.querySelector("polyline").points[shift + N - 1];
      setIfMoved(curve.element.querySelector(".clf-plot circle"), { cx: at.x, cy: at.y });
      return;
    }
    curve.draw({
      series: [{ x: shifts, y: by_shift.values }, { x: shifts, y: parts[state.pair], name: `pair ${state.pair} alone` }, now],
      rules: [{ y: 0 }], x: slide ? { label: "shift m − n" } : {},
    });
  }
  return { element: curve.element, layout: curve.layout, show };
}
