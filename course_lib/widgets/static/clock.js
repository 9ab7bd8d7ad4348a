// A pair of columns as a clock with two hands, which can be taken by their ends and turned.

import { svg } from "./axes.js";
import { asChange, make } from "./basics.js";

const CLOCK = { size: 88, radius: 38, wedge: 15 }; // in units of the drawing
const HANDS = [{ name: "query", colour: "q", dash: "none" }, { name: "key", colour: "k", dash: "5 3" }];
const NEAR = 13; // pixels from the end of a hand at which it can be taken

/** From the query's hand clockwise to the key's, in radians from -pi to pi. */
export function angleBetween([a, b]) {
  return Math.atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
}

/** Set attributes, numbers rounded to a tenth of a pixel; attributes that do not change are left alone. */
export function setIfMoved(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = typeof value === "number" ? value.toFixed(1) : value;
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** A clock for one pair: the first column upwards, the second to the right, so that hands turn clockwise. */
export function clock(longest) {
  const at = ([up, right]) => [(CLOCK.radius * right) / longest, (-CLOCK.radius * up) / longest];
  const wedge = svg("path", { class: "clf-wedge" });
  const lines = HANDS.map(({ colour, dash }) => svg("line", { class: `clf-hand clf-colour-${colour}`, x1: 0, y1: 0, "stroke-dasharray": dash }));
  const ends = [svg("circle", { class: "clf-end clf-colour-q", r: 4 }), svg("rect", { class: "clf-end clf-colour-k", width: 8, height: 8 })];
  const half = CLOCK.size / 2;
  const face = svg("svg", { viewBox: `${-half} ${-half} ${CLOCK.size} ${CLOCK.size}`, "aria-hidden": "true" },
    svg("circle", { class: "clf-dial", r: CLOCK.radius }), wedge, ...lines, ...ends);
  const adds = make("span", { class: "clf-term clf-data" });

  function show(pair, value, colours) {
    const [query, key] = pair.map(at);
    [query, key].forEach(([x, y], i) => setIfMoved(lines[i], { x2: x, y2: y }));
    setIfMoved(ends[0], { cx: query[0], cy: query[1] });
    setIfMoved(ends[1], { x: key[0] - 4, y: key[1] - 4 });
    const longer = Math.max(Math.hypot(...query), Math.hypot(...key));
    setIfMoved(wedge, { d: sector(pair, Math.max(4, Math.min(CLOCK.wedge, 0.6 * longer))) });
    const text = asChange(value, 2);
    if (adds.textContent !== text) adds.textContent = text;
    Object.assign(adds.style, { background: colours.css(value), color: colours.ink(value) });
  }

  /** The pointer's place relative to the middle of the clock, in pixels. */
  const from = (event) => {
    const { left, top, width, height } = face.getBoundingClientRect();
    return [event.clientX - left - width / 2, event.clientY - top - height / 2];
  };
  return {
    element: make("span", { class: "clf-clock" }, face, adds), show,
    /** The hand whose end is near the pointer, or undefined. */
    taken(event) {
      const unit = face.getBoundingClientRect().width / CLOCK.size;
      const [x, y] = from(event);
      const distance = (line) => Math.hypot(x - unit * line.getAttribute("x2"), y - unit * line.getAttribute("y2"));
      const nearest = distance(lines[0]) <= distance(lines[1]) ? 0 : 1;
      return distance(lines[nearest]) <= NEAR ? HANDS[nearest].name : undefined;
    },
    /** The pointer's angle, in radians clockwise from the top. */
    angle(event) {
      const [x, y] = from(event);
      return Math.atan2(x, -y);
    },
  };
}

/** The sector between two hands, the shorter way round. */
function sector(pair, radius) {
  const point = ([up, right]) => {
    const length = Math.hypot(up, right) || 1;
    return `${((radius * right) / length).toFixed(1)} ${((-radius * up) / length).toFixed(1)}`;
  };
  return `M0 0L${point(pair[0])}A${radius} ${radius} 0 0 ${angleBetween(pair) > 0 ? 1 : 0} ${point(pair[1])}Z`;
}

/** Let a pointer turn a hand by its end: its vector moves by one position for each θ of that pair. */
export function turnByHand(element, clocks, theta, N, { state, choose, preview }) {
  const labels = [...element.querySelectorAll(".clf-choice")];
  const clockAt = (event) => labels.indexOf(event.target.closest(".clf-choice"));
  let held = null;

  element.addEventListener("pointerdown", (event) => {
    const pair = clockAt(event);
    const name = clocks[pair]?.taken(event);
    if (!name) return;
    held = { pair, name, from: state[name], angle: clocks[pair].angle(event), turned: 0 };
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!held) return void (element.style.cursor = clocks[clockAt(event)]?.taken(event) ? "grab" : "");
    const angle = clocks[held.pair].angle(event);
    held.turned += Math.atan2(Math.sin(angle - held.angle), Math.cos(angle - held.angle)); // the shorter way
    held.angle = angle;
    const at = Math.round(held.from + held.turned / theta[held.pair]);
    preview({ [held.name]: Math.max(0, Math.min(N - 1, at)) });
  });
  const release = () => {
    if (held) choose({ pair: held.pair, [held.name]: state[held.name] });
    held = null;
  };
  for (const kind of ["pointerup", "pointercancel"]) element.addEventListener(kind, release);
}

export function handsLegend() {
  const sample = (...marks) => svg("svg", { width: 34, height: 14, viewBox: "0 -7 34 14", "aria-hidden": "true" }, ...marks);
  const line = ({ colour, dash }) => svg("line", { class: `clf-hand clf-colour-${colour}`, x1: 2, x2: 27, y1: 0, y2: 0, "stroke-dasharray": dash });
  const entry = (mark, text) => make("span", { class: "clf-key" }, mark, text);
  return make("div", { class: "clf-legend clf-page-only" },
    entry(sample(line(HANDS[0]), svg("circle", { class: "clf-end clf-colour-q", cx: 28, r: 4 })), "query, turned by m θ"),
    entry(sample(line(HANDS[1]), svg("rect", { class: "clf-end clf-colour-k", x: 24, y: -4, width: 8, height: 8 })), "key, turned by n θ"),
    entry(sample(svg("path", { class: "clf-wedge", d: "M4 6L24 6A20 20 0 0 0 18 -7Z" })), "the angle between them: moving both keeps it"));
}
