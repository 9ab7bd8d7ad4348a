// A matrix as a small picture beside a heat map: colours, numbers where they fit, and a frame around a row or column.

import { asNumber, make } from "./basics.js";
import { fitCanvas, paintCells } from "./colours.js";
import { textSize } from "./screen.js";

/**
 * @param {{name: string, thing: string, rows: number, columns: number}} options `thing` is a motif: "q", "k", "v" or "made"
 * @returns {{element: HTMLElement, draw: Function, light: Function}}
 *   `draw(values, scale, width, height)`: width and height in pixels; with values null the picture is empty.
 *   `light(row, column)`: put a frame around the row or the column that is not null.
 */
export function matrixPicture({ name, thing, rows, columns }) {
  const canvas = make("canvas");
  const lit = make("div", { class: "clf-lit clf-data" });
  const plane = make("div", { class: "clf-matrix-plane" }, canvas, lit);
  const head = make("p", { class: "clf-matrix-name" }, make("strong", {}, name), ` ${rows} × ${columns}`);
  const element = make("div", { class: `clf-matrix-picture clf-thing-${thing}`, "aria-hidden": "true" }, head, plane);
  let cell = [1, 1];
  return {
    element,
    draw(values, scale, width, height) {
      cell = [width / columns, height / rows];
      const context = fitCanvas(canvas, width, height);
      Object.assign(plane.style, { width: `${width}px`, height: `${height}px` });
      if (values === null) return;
      paintCells(context, { values, scale }, columns, width, height);
      const text = textSize(element);
      if (cell[0] >= 2.8 * text && cell[1] >= 1.3 * text) printCells(context, values, scale, columns, cell, `${text}px ${getComputedStyle(element).fontFamily}`);
    },
    light(row, column) {
      lit.hidden = row === null && column === null;
      const [left, width] = column === null ? [0, cell[0] * columns] : [cell[0] * column, cell[0]];
      const [top, height] = row === null ? [0, cell[1] * rows] : [cell[1] * row, cell[1]];
      Object.assign(lit.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    },
  };
}

function printCells(context, values, scale, columns, [width, height], font) {
  Object.assign(context, { font, textAlign: "center", textBaseline: "middle" });
  values.forEach((value, i) => {
    context.fillStyle = scale.ink(value);
    const digits = Number.isInteger(value) ? 0 : 2;
    context.fillText(asNumber(value, digits), ((i % columns) + 0.5) * width, (Math.floor(i / columns) + 0.5) * height);
  });
}
