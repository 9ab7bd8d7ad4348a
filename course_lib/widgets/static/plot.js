// Lines, points and bars with axes and a legend, in SVG. A plot is one tab stop: arrows walk its points.

import { plotPlace, ruleMarks, svg, xAxis, yAxis } from "./axes.js";
import { make, uniqueName } from "./basics.js";
import { gridMove } from "./keys.js";
import { levelNames } from "./level_names.js";
import { lineNames } from "./line_names.js";
import { textSize } from "./screen.js";

const DASHES = { solid: "none", dashed: "7 4", dotted: "2 3", dashdot: "10 3 2 3" };
const PLOT = { height: 260, marker: 4, near: 28 };

/**
 * @param {{height?: number, describe: (series: number, point: number) => string, onPick?: (series: number, point: number) => void}} options
 *   together with a description from course_lib.figures.plots, where the arguments of `draw` are documented. `describe`
 *   gives a point's text for the tip and for a screen reader; onPick is called on a click, Enter or Space.
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
  let text = 12; // size of the text, in pixels
  let shown = { series: [], rules: [] };
  let place = null; // the map from values to pixels
  let current = { series: 0, point: 0 };

  function draw(content) {
    shown = { rules: [], ...content, series: (content.series ?? options.series).map((each, i) => ({ ...options.series?.[i], ...each })) };
    const axes = { x: { ...options.x, ...content.x }, y: { ...options.y, ...content.y } };
    place = plotPlace(axes, width, height, text);
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) drawing.setAttribute(name, value);
    const rules = shown.rules.map((rule) => ruleMarks(rule, place));
    const levels = shown.rules.filter(({ y, label }) => y !== undefined && label);
    drawing.replaceChildren(hatch,
      ...bandMarks(options.band, place), ...xAxis(axes.x, place), ...yAxis(axes.y, place), ...rules.map(([line]) => line),
      ...shown.series.map((each) => seriesMarks(each, place)), ...rules.flatMap(([, ...names]) => names),
      ...levelNames(levels, shown.series, place), ...lineNames(lineEnds(shown.series, place), place),
    );
    legend.replaceChildren(...shown.series.map(legendEntry));
    legend.hidden = shown.series.length < 2 || options.legend === false || shown.series.some(({ end }) => end);
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
      const distance = Math.hypot(across, each.fill ? Math.max(0, down) : down); // a bar is near along its whole length
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
    point(found, true); // a tap shows the tip, as hovering does
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
      element.style.width = `${width}px`; // the legend gets the same width
      if (shown.series.length) draw(shown);
    },
  };
}

/** The band of a plot, if it has one: a range of y that is shaded. */
function bandMarks(band, { left, right, y }) {
  if (!band) return [];
  return [svg("rect", { class: "clf-shaded", x: left, width: right - left, y: y(band[1]), height: y(band[0]) - y(band[1]) })];
}

/** The ends of the lines that have a name there, and the points that have one. */
function lineEnds(series, place) {
  return series.filter(({ end }) => end).map((each) => ({
    name: each.end, look: classesOf(each), y: place.y(each.y.at(-1)), ...(each.dash ? {} : { x: place.x(each.x.at(-1)) }),
  }));
}

function seriesMarks({ x, y, ...look }, place) {
  const group = svg("g", { class: classesOf(look) });
  const points = Array.from(x, (value, j) => [place.x(value), place.y(y[j])]);
  if (look.fill) {
    const wide = Math.max(2, (0.7 * (place.right - place.left)) / Math.max(1, points.length));
    group.append(...points.map(([px, py]) => svg("rect", { x: px - wide / 2, y: py, width: wide, height: Math.max(0, place.base - py) })));
  } else {
    if (look.dash) group.append(lineMark(look, points));
    if (look.marker) group.append(...points.map(([px, py]) => marker(look.marker, px, py, place.unit)));
  }
  return group;
}

/** The pattern for hatched bars: stripes on the page's colour. The bars have frames of their own. */
function hatching(id) {
  return svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 6, height: 6, class: "clf-hatch-ground" }), svg("rect", { width: 3, height: 6, class: "clf-hatch-line" }));
}

function classesOf({ colour, fill, chosen }) {
  return `clf-series clf-colour-${colour}${fill ? ` clf-bar-${fill}` : ""}${chosen ? " clf-chosen" : ""}`;
}

function lineMark({ dash }, points) {
  return svg("polyline", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "), "stroke-dasharray": DASHES[dash] });
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

/** A small sample of a series for a legend. */
export function seriesSample(look) {
  const element = svg("svg", { width: 28, height: 14, "aria-hidden": "true", class: classesOf({ ...look, chosen: false }) });
  if (look.fill) element.append(svg("rect", { x: 8, y: 1, width: 12, height: 12 }));
  else {
    if (look.dash) element.append(lineMark(look, [[0, 7], [28, 7]]));
    if (look.marker) element.append(marker(look.marker, 14, 7));
  }
  return element;
}

function legendEntry(look) {
  return make("span", { class: "clf-key" }, seriesSample(look), look.name);
}
