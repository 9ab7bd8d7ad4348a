// Lines, points and bars with axes and a legend, in SVG. A plot is one tab stop: arrows walk its points.

import { plotPlace, ruleMarks, svg, withRoom, xAxis, yAxis } from "./axes.js";
import { make, uniqueName } from "./basics.js";
import { gridMove } from "./keys.js";
import { lineNames } from "./line_names.js";
import { textSize } from "./screen.js";

export const MARKERS = ["circle", "square", "diamond", "triangle", "cross"];
const DASHES = ["none", "7 4", "8 3 2 3", "2 3", "10 3 2 3 2 3"];
const METHODS = ["mha", "gqa", "mqa", "mla"]; // motifs whose lines and markers differ as well as their colours
const PLOT = { height: 260, marker: 4, near: 28 };

/**
 * @param {{label: string, x: object, y: object, height?: number, legend?: boolean,
 *   describe: (series: number, point: number) => string, onPick?: (series: number, point: number) => void}} options
 *   x and y are axes ({label, domain, log?, ticks?, text?}); `describe` says a point, for the tip and a screen reader;
 *   onPick is called on a click or Enter. `draw({series, rules, x, y})` takes
 *   series: [{name, x, y, kind: "line" (default) | "points" | "bars", colour, dash?, marker?, fill?, end?, chosen?}], numbers in
 *   x and y; fill: "hatched" (what is rotary) or "hollow" (what is missing), for bars;
 *   `end` is a name at the line's end: the x axis has `room` for it, in pixels, and the plot needs no legend;
 *   colour: 0 to 4, or a motif of course_lib.figures.motifs: "q", "k", "v", "l", "learnt", "mha", "gqa", "mqa", "mla";
 *   rules: [{x or y, label, start?}], reference lines; x and y replace the axes' properties that they name.
 */
export function plot(options) {
  const id = uniqueName();
  const drawing = svg("svg", { "aria-hidden": "true" });
  const hatch = svg("defs", {}, hatching(`${id}-hatch`));
  const option = make("div", { role: "option", id: `${id}-point`, class: "clf-unseen", "aria-selected": "true" });
  const tip = make("div", { class: "clf-tip", "aria-hidden": "true" });
  const stage = make("div", {
    role: "listbox", tabindex: "0", class: "clf-plot", "aria-label": options.label, "aria-activedescendant": option.id,
    "aria-description": "Left and right walk along a series, up and down change the series.",
  }, drawing, option, tip);
  const legend = make("div", { class: "clf-legend", "aria-hidden": "true" });
  const element = make("div", { class: "clf-figure", style: `--clf-hatch: url(#${id}-hatch)` }, stage, legend);
  const height = options.height ?? PLOT.height;
  let width = 480;
  let text = 12; // pixels of its letters
  let shown = { series: [], rules: [] };
  let place = null; // from values to pixels
  let current = { series: 0, point: 0 };

  function draw(content) {
    shown = { rules: [], ...content };
    const axes = { x: { ...options.x, ...content.x }, y: { ...options.y, ...content.y } };
    place = plotPlace(axes, width, height, text);
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) drawing.setAttribute(name, value);
    const rules = withRoom(shown.rules, place).map((rule) => ruleMarks(rule, place));
    drawing.replaceChildren(hatch,
      ...xAxis(axes.x, place), ...yAxis(axes.y, place), ...rules.map(([line]) => line),
      ...shown.series.map((each, i) => seriesMarks(each, i, place)), ...rules.map(([, name]) => name),
      ...lineNames(lineEnds(shown.series, place), place),
    );
    legend.replaceChildren(...shown.series.map((each, i) => legendEntry(each, i)));
    legend.hidden = shown.series.length < 2 || options.legend === false;
    point(current, false);
  }

  /** Make a point the current one; `loud` shows its tip. */
  function point({ series, point: i }, loud) {
    if (!shown.series.length) return;
    const at = Math.max(0, Math.min(shown.series.length - 1, series));
    const each = shown.series[at];
    current = { series: at, point: Math.max(0, Math.min(each.x.length - 1, i)) };
    option.textContent = options.describe(at, current.point);
    option.setAttribute("aria-posinset", current.point + 1);
    option.setAttribute("aria-setsize", each.x.length);
    if (!loud) return hideTip();
    const [left, top] = [place.x(each.x[current.point]), place.y(each.y[current.point])];
    tip.textContent = option.textContent;
    tip.hidden = false;
    drawing.querySelector(".clf-here")?.remove();
    drawing.append(svg("circle", { class: "clf-here", cx: left, cy: top, r: 8 }));
    const room = Math.max(0, width - tip.offsetWidth - 4);
    const above = top - tip.offsetHeight - 14;
    Object.assign(tip.style, { left: `${Math.min(room, Math.max(4, left - tip.offsetWidth / 2))}px`, top: `${above < 0 ? top + 14 : above}px` });
  }

  function hideTip() {
    tip.hidden = true;
    drawing.querySelector(".clf-here")?.remove();
  }

  function nearest(event) {
    const bounds = stage.getBoundingClientRect();
    let best = { distance: Infinity };
    shown.series.forEach((each, series) => Array.from(each.x).forEach((value, i) => {
      const [across, down] = [place.x(value) - event.clientX + bounds.left, place.y(each.y[i]) - event.clientY + bounds.top];
      const distance = Math.hypot(across, each.kind === "bars" ? Math.max(0, down) : down); // a bar is hit along its length
      if (distance < best.distance) best = { distance, series, point: i };
    }));
    return best.distance <= PLOT.near ? best : null;
  }

  stage.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    if (found) point(found, true);
    else hideTip();
  });
  stage.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && hideTip());
  stage.addEventListener("focus", () => stage.matches(":focus-visible") && point(current, true));
  stage.addEventListener("blur", hideTip);
  stage.addEventListener("click", (event) => {
    const found = nearest(event);
    if (!found) return hideTip();
    options.onPick?.(found.series, found.point);
    point(found, true); // a tap reads a point as a pointer does
  });
  stage.addEventListener("keydown", (event) => {
    const { series, point: i } = current;
    const size = { rows: shown.series.length, columns: shown.series[series]?.x.length ?? 0 };
    const to = gridMove(event, { row: series, column: i }, size);
    if (to) point({ series: to.row, point: to.column }, true);
    else if (event.key === "Enter" || event.key === " ") options.onPick?.(series, i);
    else if (event.key === "Escape") hideTip();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    element, draw,
    layout(room) {
      width = Math.max(240, Math.floor(room));
      text = textSize(stage);
      element.style.width = `${width}px`; // of the legend too
      if (shown.series.length) draw(shown);
    },
  };
}

/** Where lines with a name of their own end. */
function lineEnds(series, place) {
  return series.flatMap(({ end, chosen, y, ...look }, i) => {
    const classes = `clf-colour-${lookOf(look, i).colour}${chosen ? " clf-chosen" : ""}`;
    return end ? [{ name: end, look: classes, y: place.y(y.at(-1)) }] : [];
  });
}

function seriesMarks({ x, y, kind = "line", chosen, ...look }, i, place) {
  const { classes, dash, shape } = lookOf(look, i);
  const group = svg("g", { class: `${classes}${chosen ? " clf-chosen" : ""}` });
  const points = Array.from(x, (value, j) => [place.x(value), place.y(y[j])]);
  if (kind === "bars") {
    const wide = Math.max(2, (0.7 * (place.right - place.left)) / Math.max(1, points.length));
    group.append(...points.map(([px, py]) => svg("rect", { x: px - wide / 2, y: py, width: wide, height: Math.max(0, place.base - py) })));
  } else if (kind === "points") {
    group.append(...points.map(([px, py]) => marker(shape, px, py, place.unit)));
  } else {
    group.append(svg("polyline", { points: points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" "), "stroke-dasharray": dash }));
  }
  return group;
}

/** Stripes on the ground, in the colour of the text: what they fill has its own frame. */
function hatching(id) {
  return svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 6, height: 6, class: "clf-hatch-ground" }), svg("rect", { width: 3, height: 6, class: "clf-hatch-line" }));
}

/** Each series has its own dash and marker beside its own colour: no reading depends on colour alone. */
function lookOf({ colour, dash, marker, fill }, i) {
  const named = typeof colour === "string";
  const number = named ? Math.max(0, METHODS.indexOf(colour)) : (colour ?? i) % 5;
  const seen = named ? colour : number;
  const classes = `clf-series clf-colour-${seen}${fill ? ` clf-bar-${fill}` : ""}`;
  return { colour: seen, classes, dash: dash ?? DASHES[number], shape: marker ?? MARKERS[number] };
}

export function marker(shape, x, y, unit = 1) {
  const r = PLOT.marker * unit;
  const path = {
    square: `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    diamond: `M${x} ${y - r - 1}l${r + 1} ${r + 1}l${-r - 1} ${r + 1}l${-r - 1} ${-r - 1}z`,
    triangle: `M${x} ${y - r - 1}l${r + 1} ${2 * r}h${-2 * r - 2}z`,
    cross: `M${x - r} ${y - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`,
  };
  return shape === "circle" ? svg("circle", { cx: x, cy: y, r }) : svg("path", { d: path[shape], class: `clf-${shape}` });
}

function legendEntry({ name, kind = "line", ...look }, i) {
  const { classes, dash, shape } = lookOf(look, i);
  const sample = svg("svg", { width: 28, height: 14, "aria-hidden": "true", class: classes });
  if (kind === "bars") sample.append(svg("rect", { x: 8, y: 1, width: 12, height: 12 }));
  else if (kind === "points") sample.append(marker(shape, 14, 7));
  else sample.append(svg("polyline", { points: "0,7 28,7", "stroke-dasharray": dash }));
  return make("span", { class: "clf-key" }, sample, name);
}
