// A heat map on a canvas. It is one tab stop and a WAI-ARIA grid, in which only the current cell exists as an element.

import { asNumber, asText, make, tokenText, uniqueName } from "./basics.js";
import { fitCanvas, paintCells } from "./colours.js";
import { gridMove } from "./keys.js";
import { textSize } from "./screen.js";

const MOVES = "Arrow keys move, Home and End go to the ends of the row, with Ctrl to the corners.";
// Pixels at a text size of 12. With many tokens, cells may be smaller than a finger or a pointer needs.
const CELL = { smallest: 12, many: 32, tiny: 4, largest: 44, printed: 34, label: 15, height: 620 };

/**
 * @param {{rows: string[], columns: string[], scale: object, label: string, help?: string, axes?: [string, string],
 *   onHover?: (cell: object|null) => void, onMove: (cell: object) => void, onPick?: (cell: object) => void,
 *   onRelease?: () => void, room: () => number, height?: number | ((labels: number) => number), least?: number}} options
 *   scale is a colourScale; room is the width that the map may take, labels included; height is the largest height of
 *   its plane, or a function of the height of the labels above it; least is the least size of a cell, in pixels.
 *   Arrow keys call onMove; a click, Enter or Space calls onPick, which is onMove unless given; Escape calls onRelease.
 */
export function heatMap(options) {
  const { rows, columns, axes = ["queries", "keys"], height = CELL.height } = options;
  const { onHover = () => {}, onPick = options.onMove, onRelease = () => {} } = options;
  const id = uniqueName();
  const size = { rows: rows.length, columns: columns.length };
  const canvas = make("canvas", { "aria-hidden": "true" });
  const bands = ["row", "column", "pinned"].map((kind) => make("div", { class: `clf-band clf-${kind}`, "aria-hidden": "true" }));
  const cellElement = make("div", { role: "gridcell", id: `${id}-cell`, class: "clf-cell" });
  const rowHeader = make("span", { role: "rowheader", class: "clf-unseen" });
  const rowElement = make("div", { role: "row" }, rowHeader, cellElement);
  const plane = make(
    "div",
    {
      role: "grid", tabindex: "0", class: "clf-plane", "aria-label": options.label, "aria-description": options.help ?? MOVES,
      "aria-rowcount": size.rows, "aria-colcount": size.columns, "aria-activedescendant": `${id}-cell`,
    },
    canvas, ...bands, rowElement,
  );
  const top = labels(columns, "clf-columns");
  const left = labels(rows, "clf-rows");
  const things = options.axes ? "" : " clf-of-q-and-k"; // the colours of Q and K mark its rows and columns
  const element = make(
    "div", { class: `clf-map${things}` },
    make("div", { class: "clf-axis", "aria-hidden": "true" }, make("span", { class: "clf-axis-rows" }, `${axes[0]} ↓`),
      make("span", { class: "clf-axis-columns" }, `${axes[1]} →`)),
    top.element, left.element, plane,
  );
  const least = options.least ?? (size.columns > CELL.many ? CELL.tiny : CELL.smallest);
  let cell = least;
  let enlarged = 1; // size of the text relative to 12 pixels
  let ink = null; // colour and fonts for drawing on the canvas
  let shown = null; // the last state that draw() and place() got

  function layout() {
    measure();
    fit();
    redraw();
  }

  /** Choose the size of a cell. Measure all maps that stand side by side before fitting one, which changes the room. */
  function measure() {
    const style = getComputedStyle(element);
    ink = { hatches: style.getPropertyValue("--clf-muted"), fonts: style.fontFamily };
    enlarged = textSize(element) / 12;
    const room = options.room() - left.element.offsetWidth - parseFloat(style.columnGap);
    const most = typeof height === "function" ? height(top.element.offsetHeight) : height;
    const fitting = Math.floor(Math.min(room / size.columns, most / size.rows));
    cell = Math.max(least, Math.min(CELL.largest * enlarged, fitting));
  }

  function fit() {
    plane.style.width = `${cell * size.columns}px`;
    plane.style.height = `${cell * size.rows}px`;
    top.place(cell / enlarged, cell, "left");
    left.place(cell / enlarged, cell, "top");
  }

  /** @param {{values: Float32Array, seen: Uint8Array|null, row: number, column: number, pinned?: number, scale?: object}} state */
  function draw(state) {
    shown = { scale: options.scale, pinned: null, ...state };
    const [across, down] = [cell * size.columns, cell * size.rows];
    const context = fitCanvas(canvas, across, down);
    if (shown.seen) hatch(context, across, down, ink.hatches); // hidden cells stay clear
    paintCells(context, shown, size.columns, across, down);
    if (cell >= CELL.printed * enlarged) printNumbers(context, shown, size, cell, `${12 * enlarged}px ${ink.fonts}`);
    place({});
  }

  const redraw = () => shown && draw(shown);

  /** Move the crosshair, the pinned row and the current cell, without drawing the map again. */
  function place(state) {
    shown = { ...shown, ...state };
    const { row, column, pinned, values, seen } = shown;
    const box = (band, [x, y, width, height]) => {
      Object.assign(band.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    };
    const [across, down] = [cell * size.columns, cell * size.rows];
    box(bands[0], [0, row * cell, across, cell]);
    box(bands[1], [column * cell, 0, cell, down]);
    bands[2].hidden = pinned === null;
    box(bands[2], [0, (pinned ?? 0) * cell, across, cell]);
    box(cellElement, [column * cell, row * cell, cell, cell]);
    const at = row * size.columns + column;
    cellElement.textContent = seen && !seen[at] ? "hidden by the mask" : asText(values[at], 2);
    cellElement.setAttribute("aria-colindex", column + 1);
    cellElement.setAttribute("aria-selected", pinned === row);
    rowElement.setAttribute("aria-rowindex", row + 1);
    rowHeader.textContent = rows[row];
    top.mark(column, null);
    left.mark(row, pinned);
  }

  function cellAt(event) {
    const bounds = plane.getBoundingClientRect();
    const index = (offset, count) => Math.max(0, Math.min(count - 1, Math.floor(offset / cell)));
    return { row: index(event.clientY - bounds.top, size.rows), column: index(event.clientX - bounds.left, size.columns) };
  }

  plane.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") onHover(cellAt(event));
  });
  plane.addEventListener("pointerleave", () => onHover(null));
  plane.addEventListener("click", (event) => onPick(cellAt(event)));
  plane.addEventListener("keydown", (event) => {
    const to = gridMove(event, shown, size);
    if (to) options.onMove(to);
    else if (event.key === "Enter" || event.key === " ") onPick({ row: shown.row, column: shown.column });
    else if (event.key === "Escape") onRelease();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return { element, layout, measure, fit, draw, redraw, place, cell: () => cell };
}

/** The tokens along one side: all, or every k-th if they need more room; the current and the pinned one always. */
function labels(tokens, kind) {
  const items = tokens.map((token) => make("span", { class: "clf-label" }, tokenText(token)));
  const element = make("div", { class: kind, "aria-hidden": "true" }, make("div", { class: "clf-widest" }), ...items);
  // The strip is as wide as the longest token, up to the limit in the style sheet.
  element.firstChild.append(tokens.reduce((longest, token) => (token.length > longest.length ? token : longest), ""));
  let step = 1;
  return {
    element,
    place(relative, cell, side) {
      step = Math.ceil(CELL.label / relative);
      items.forEach((item, i) => (item.style[side] = `${(i + 0.5) * cell}px`));
    },
    mark(current, pinned) {
      const near = (i, marked) => marked !== null && Math.abs(i - marked) < step;
      items.forEach((item, i) => {
        const marked = i === current || i === pinned;
        item.classList.toggle("clf-current", i === current);
        item.classList.toggle("clf-held", i === pinned);
        // Every step-th label is shown, except those that a marked label would cover.
        item.classList.toggle("clf-spare", !marked && (i % step !== 0 || near(i, current) || near(i, pinned)));
      });
    },
  };
}

/** Diagonal lines over the whole plane, six pixels apart. */
function hatch(context, width, height, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = -height; x < width; x += 6) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
}

/** Print each visible value with as many decimals as fit into a cell. */
function printNumbers(context, { values, seen, scale }, { columns }, cell, font) {
  Object.assign(context, { font, textAlign: "center", textBaseline: "middle" });
  values.forEach((value, i) => {
    if (seen && !seen[i]) return;
    context.fillStyle = scale.ink(value);
    const text = value === 0 ? "0" : asNumber(value, Math.abs(value) < 9.95 ? 2 - (value < 0) : 0).replace(/^(−?)0\./, "$1.");
    context.fillText(text, ((i % columns) + 0.5) * cell, (Math.floor(i / columns) + 0.5) * cell);
  });
}
