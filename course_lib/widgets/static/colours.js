// Colour scales, pixels and legends.

import { asBytes, asNumber, largestOf, make } from "./basics.js";
import { density, isDark } from "./screen.js";

/** Whether black is more legible than white on the colour at `index` of the table (relative luminance of WCAG). */
function isLight(palette, index) {
  const [red, green, blue] = [0, 1, 2].map((i) => {
    const c = palette[3 * index + i] / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

/**
 * Colours for values from low to high, in the theme that the page has when they are asked for.
 * @param {{light: Uint8Array, dark: Uint8Array}} tables 256 x 3 bytes each
 */
function colourScale(tables, low, high) {
  const table = () => (isDark() ? tables.dark : tables.light);
  const index = (value) => Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
  const rgb = (value) => table().subarray(3 * index(value), 3 * index(value) + 3);
  return {
    tables, low, high, index,
    get table() {
      return table();
    },
    css: (value) => `rgb(${rgb(value).join(" ")})`,
    ink: (value) => (isLight(table(), index(value)) ? "#000" : "#fff"),
  };
}

/** The colours of weights, from 0 to 1 unless told otherwise. */
export function weightColours(data, high = 1, low = 0) {
  const table = asBytes(data.palette);
  return colourScale({ light: table, dark: table }, low, high);
}

/** Colours for any values: those of weights if all have one sign, else signed colours; both up to the largest value. */
export function fittingColours(data, values) {
  const limit = largestOf(values) || 1;
  if (values.every((value) => value >= 0)) return weightColours(data, limit);
  if (values.every((value) => value <= 0)) return weightColours(data, 0, -limit);
  return signedColours(data, limit);
}

/** The colours of signed values from -limit to limit; zero has the page's colour. */
export function signedColours(data, limit) {
  const tables = { light: asBytes(data.signed_palette), dark: asBytes(data.signed_palette_dark) };
  return colourScale(tables, -(limit || 1), limit || 1);
}

/** One pixel for each value, row by row; where `seen` is 0, pixels stay transparent. */
export function pixelsOf({ values, seen = null, scale }, columns) {
  const image = new ImageData(columns, values.length / columns);
  const [pixels, { table, index }] = [image.data, scale];
  // A loop without arrays of its own: large maps have thousands of cells.
  for (let i = 0; i < values.length; i++) {
    if (seen && !seen[i]) continue;
    const at = 3 * index(values[i]);
    pixels[4 * i] = table[at];
    pixels[4 * i + 1] = table[at + 1];
    pixels[4 * i + 2] = table[at + 2];
    pixels[4 * i + 3] = 255;
  }
  return image;
}

/** Paint values as the cells of a larger plane. */
export function paintCells(context, shown, columns, width, height) {
  const pixels = pixelsOf(shown, columns);
  const small = new OffscreenCanvas(columns, pixels.height);
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
}

/** Size a canvas so that drawing is sharp on dense screens. @returns {CanvasRenderingContext2D} in CSS pixels */
export function fitCanvas(canvas, width, height) {
  const scale = density();
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

/** The legend of a colour scale, with a sample of a masked cell if there are any. `label` may be "". */
export function colourLegend(scale, label, masked, digits = 0) {
  const bars = Object.entries(scale.tables).map(([theme, table]) => colourBar(table, theme));
  const hidden = masked ? make("span", { class: "clf-key" }, make("span", { class: "clf-hatched" }), "hidden by the mask") : null;
  const ends = [asNumber(scale.low, digits), asNumber(scale.high, digits)];
  const key = make("span", { class: "clf-key", "aria-hidden": "true" }, `${label && `${label}: `}${ends[0]}`, ...bars, ends[1]);
  const said = make("span", { class: "clf-unseen" }, `${label || "values"}: colours from ${ends.join(" to ")}`);
  return make("div", { class: "clf-legend" }, key, said, hidden);
}

/** All colours of a table, side by side; the style sheet shows the bar of the theme at hand. */
function colourBar(table, theme) {
  const bar = make("canvas", { width: 256, height: 1, class: `clf-scale clf-in-${theme}`, "aria-hidden": "true" });
  const context = bar.getContext("2d");
  const image = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  context.putImageData(image, 0, 0);
  return bar;
}
