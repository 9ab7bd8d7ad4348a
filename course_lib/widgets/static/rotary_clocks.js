// Figure 6: rotary positions. Hands are drawn from the rotated rows that Python computed; so are all scores.

import { asTick, svg } from "./axes.js";
import { asChange, asNumber, counted, indices, largestOf, make, unpackAll } from "./basics.js";
import { colourLegend, signedColours } from "./colours.js";
import { button, radioControl, rangeControl } from "./controls.js";
import { figure } from "./figure.js";
import { heatMap } from "./heat_map.js";
import { plot } from "./plot.js";

const CLOCK = { size: 88, radius: 38, wedge: 15, least: 86, most: 136, gap: 6, map: 388, beside: 700 }; // the last five in pixels of the page
const HANDS = [{ name: "q", colour: 2, dash: "none" }, { name: "k", colour: 3, dash: "5 3" }];

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose, preview }) => {
    const arrays = unpackAll(data, ["q", "k", "scores", "waves", "by_shift", "lengths"]);
    const N = arrays.scores.shape[0];
    const pairs = data.theta.length;
    const clocks = counted(pairs).map(() => clock(Math.max(...arrays.lengths.values) || 1));
    const colours = signedColours(data, largestOf(arrays.waves.values));
    const scale = signedColours(data, largestOf(arrays.scores.values));
    const position = (name, label) => rangeControl({
      label, count: N, text: (i) => String(i),
      onInput: (value) => preview({ [name]: value }), onChange: (value) => choose({ [name]: value }),
    });
    const sliders = { query: position("query", "Query at position m"), key: position("key", "Key at position n") };
    const both = bothControl(N, state, choose);
    const chosen = radioControl({
      label: "Pairs, and what each adds to the score; choose one",
      names: counted(pairs).map((i) => `pair ${i}`), faces: clocks.map((each) => each.element), onChange: (pair) => choose({ pair }),
    });
    const clockRow = make("div", { class: "clf-clocks" }, chosen.element);
    const map = scoreMap(N, scale, choose, () => Math.min(CLOCK.map, left.clientWidth) - 12);
    const left = make("div", { class: "clf-scroll" }, map.element, colourLegend(scale, "score", false, 1));
    const curve = shiftPlot(arrays, state, choose);
    const part = (name, element) => make("div", { class: "clf-part" }, make("p", {}, name), element);
    const sides = make("p", { class: "clf-sides" });
    const reading = make("p", { class: "clf-pair" });
    const lower = make("div", { class: "clf-rotary" }, part("Score at all positions; outlined: all of this shift", left), part("Score by shift", curve.element));
    const terms = () => indices(pairs).map((i) => term(arrays, state, i));

    function show(names) {
      if (!names.length) return; // a slider that is let go where it was shown
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
      help: "Move query or key, or both together. In the map, click or use the arrow keys; on the curve, Enter takes a shift.",
      show,
      layout(room) {
        const rows = Math.ceil(pairs / Math.max(1, Math.floor((room + CLOCK.gap) / (CLOCK.least + CLOCK.gap))));
        chosen.element.style.gridTemplateColumns = `repeat(${Math.ceil(pairs / rows)}, minmax(0, ${CLOCK.most}px))`;
        lower.classList.toggle("clf-beside", room >= CLOCK.beside);
        map.layout();
        curve.layout(room >= CLOCK.beside ? room - CLOCK.map - 28 : room);
      },
      sentence() {
        const where = `query at ${state.query}, key at ${state.key}, shift ${asNumber(state.query - state.key, 0)}`;
        const part = `pair ${state.pair} adds ${asNumber(term(arrays, state, state.pair), 3)}`;
        return [`${where}, score ${asNumber(arrays.scores.at(state.query, state.key), 4)}; ${part}`];
      },
    };
  });
}

/** The two rotated hands of a pair, [column 2 i, column 2 i + 1] each. */
function hands({ q, k }, { query, key }, i) {
  return [[q.at(query, 2 * i), q.at(query, 2 * i + 1)], [k.at(key, 2 * i), k.at(key, 2 * i + 1)]];
}

function term(arrays, state, i) {
  const [a, b] = hands(arrays, state, i);
  return a[0] * b[0] + a[1] * b[1];
}

/** From the query's hand clockwise to the key's, in radians from -pi to pi. */
function angleBetween([a, b]) {
  return Math.atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
}

/** Both sides of the identity, each from its own numbers. */
function twoSides({ scores, by_shift }, { query, key }, N) {
  const shift = asNumber(query - key, 0);
  const side = (formula, value, note) => make("span", {}, make("span", { class: "clf-formula" }, formula), make("strong", {}, asNumber(value, 6)), make("span", {}, note));
  return [
    side(`⟨R${subscript(query)} q, R${subscript(key)} k⟩`, scores.at(query, key), "from the rotated hands"),
    side(`⟨q, R${subscript(key - query)} k⟩`, by_shift.values[query - key + N - 1], `from the shift m − n = ${shift} alone`),
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

/** Two buttons that move query and key together; at an end they keep the focus and say so by aria-disabled. */
function bothControl(N, state, choose) {
  const free = (by) => [state.query + by, state.key + by].every((at) => at >= 0 && at < N);
  const move = (by) => () => free(by) && choose({ query: state.query + by, key: state.key + by });
  const buttons = [[-1, button("Move both back", move(-1))], [1, button("Move both on", move(1))]];
  const element = make("div", { role: "group", "aria-label": "Move query and key together", class: "clf-steps" }, ...buttons.map(([, each]) => each));
  return { element, show: () => buttons.forEach(([by, each]) => each.setAttribute("aria-disabled", !free(by))) };
}

/** Set attributes, numbers to a tenth of a pixel; what would not be seen to move is left alone. */
function place(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? value.toFixed(1) : value;
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** A clock for one pair: the first column upwards, the second to the right, so that hands turn clockwise. */
function clock(longest) {
  const at = ([up, right]) => [(CLOCK.radius * right) / longest, (-CLOCK.radius * up) / longest];
  const wedge = svg("path", { class: "clf-wedge" });
  const lines = HANDS.map(({ colour, dash }) => svg("line", { class: `clf-hand clf-colour-${colour}`, x1: 0, y1: 0, "stroke-dasharray": dash }));
  const ends = [svg("circle", { class: "clf-end clf-colour-2", r: 4 }), svg("rect", { class: "clf-end clf-colour-3", width: 8, height: 8 })];
  const half = CLOCK.size / 2;
  const face = svg("svg", { viewBox: `${-half} ${-half} ${CLOCK.size} ${CLOCK.size}`, "aria-hidden": "true" },
    svg("circle", { class: "clf-dial", r: CLOCK.radius }), wedge, ...lines, ...ends);
  const adds = make("span", { class: "clf-term" });

  function show(pair, value, colours) {
    const [query, key] = pair.map(at);
    [query, key].forEach(([x, y], i) => place(lines[i], { x2: x, y2: y }));
    place(ends[0], { cx: query[0], cy: query[1] });
    place(ends[1], { x: key[0] - 4, y: key[1] - 4 });
    const longer = Math.max(Math.hypot(...query), Math.hypot(...key));
    place(wedge, { d: sector(pair, Math.max(4, Math.min(CLOCK.wedge, 0.6 * longer))) });
    const text = asChange(value, 2);
    if (adds.textContent !== text) adds.textContent = text;
    Object.assign(adds.style, { background: colours.css(value), color: colours.ink(value) });
  }
  return { element: make("span", { class: "clf-clock" }, face, adds), show };
}

/** The sector between two hands, the shorter way round. */
function sector(pair, radius) {
  const point = ([up, right]) => {
    const length = Math.hypot(up, right) || 1;
    return `${((radius * right) / length).toFixed(1)} ${((-radius * up) / length).toFixed(1)}`;
  };
  return `M0 0L${point(pair[0])}A${radius} ${radius} 0 0 ${angleBetween(pair) > 0 ? 1 : 0} ${point(pair[1])}Z`;
}

function handsLegend() {
  const sample = (...marks) => svg("svg", { width: 34, height: 14, viewBox: "0 -7 34 14", "aria-hidden": "true" }, ...marks);
  const line = ({ colour, dash }) => svg("line", { class: `clf-hand clf-colour-${colour}`, x1: 2, x2: 27, y1: 0, y2: 0, "stroke-dasharray": dash });
  const entry = (mark, text) => make("span", { class: "clf-key" }, mark, text);
  return make("div", { class: "clf-legend" },
    entry(sample(line(HANDS[0]), svg("circle", { class: "clf-end clf-colour-2", cx: 28, r: 4 })), "query, turned by m θ"),
    entry(sample(line(HANDS[1]), svg("rect", { class: "clf-end clf-colour-3", x: 24, y: -4, width: 8, height: 8 })), "key, turned by n θ"),
    entry(sample(svg("path", { class: "clf-wedge", d: "M4 6L24 6A20 20 0 0 0 18 -7Z" })), "the angle between them: moving both keeps it"));
}

/** The scores of all positions, and outlined the diagonal of the chosen shift. */
function scoreMap(N, scale, choose, room) {
  const map = heatMap({
    rows: counted(N), columns: counted(N), scale, label: "Scores, rows are positions of the query", axes: ["m", "n"], height: 340,
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

/** The score and one pair's part of it against the shift. */
function shiftPlot({ waves, by_shift }, state, choose) {
  const N = (by_shift.shape[0] + 1) / 2;
  const shifts = indices(2 * N - 1).map((i) => i - N + 1);
  const all = [0, ...by_shift.values, ...waves.values];
  const domain = [Math.min(...all), Math.max(...all)].map((end) => 1.05 * end);
  if (domain[0] === domain[1]) domain[1] = 1;
  const part = (i) => Float64Array.from(shifts, (_, j) => waves.at(j, i));
  const parts = indices(waves.shape[1]).map(part);
  const values = () => [by_shift.values, parts[state.pair], [by_shift.values[state.query - state.key + N - 1]]];
  const shiftOf = (series, j) => (series === 2 ? state.query - state.key : shifts[j]);
  const curve = plot({
    label: "Score by shift", height: 330, x: { label: "shift m − n; below 0 the key comes after the query", domain: [1 - N, N - 1] }, y: { label: "score", domain },
    describe: (series, j) => `shift ${asNumber(shiftOf(series, j), 0)}: ${asNumber(values()[series][j], 3)}${series === 1 ? `, pair ${state.pair}` : ""}`,
    onPick(series, j) {
      const shift = shiftOf(series, j);
      const query = Math.max(0, shift, Math.min(N - 1, N - 1 + shift, state.query));
      choose({ query, key: query - shift });
    },
  });
  const now = { name: "now", x: [0], y: [0], kind: "points", colour: 0 };

  /** Another shift moves the point along the line that stands; another pair draws anew. */
  function show(names) {
    const shift = state.query - state.key;
    now.x[0] = shift;
    now.y[0] = by_shift.values[shift + N - 1];
    if (!names.includes("pair")) {
      const at = curve.element.querySelector("polyline").points[shift + N - 1];
      place(curve.element.querySelector(".clf-plot circle"), { cx: at.x, cy: at.y });
      return;
    }
    curve.draw({
      series: [
        { name: "all pairs", x: shifts, y: by_shift.values, colour: 0 },
        { name: `pair ${state.pair} alone`, x: shifts, y: parts[state.pair], colour: 1 },
        now,
      ],
      rules: [{ y: 0, label: "" }],
    });
  }
  return { element: curve.element, layout: curve.layout, show };
}
