// Elements, bytes, numbers and colours, for all figures. Text from a corpus is only ever set as text, never as HTML.

/** An element with attributes and children; strings become text nodes, null children are left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A token set apart from the writing direction of what surrounds it. */
function tokenText(token) {
  return make("bdi", {}, token);
}

/** A token by its place; one that stands at several places is followed by it. */
function tokenAt(tokens, j) {
  const repeated = tokens.indexOf(tokens[j]) !== tokens.lastIndexOf(tokens[j]);
  return make("span", {}, tokenText(tokens[j]), repeated ? ` (${j})` : "");
}

/** @returns {string} for ids of one instance, so that two on one page do not meet */
function uniqueName() {
  return "clf" + Math.random().toString(36).slice(2, 10);
}

/** @param {DataView|Uint8Array|null} value bytes as anywidget or the page hands them over */
function asBytes(value) {
  return value === null ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * An array as Python's `packed` hands it over; `part` is what lies behind the first indices, without a copy.
 * @returns {{values: TypedArray, shape: number[], at: (...index) => number, part: (...index) => TypedArray}}
 */
function unpack({ dtype, shape, bytes }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = {
    "<f4": [Float32Array, 4, (i) => view.getFloat32(i, true)],
    "<f8": [Float64Array, 8, (i) => view.getFloat64(i, true)],
    "<i4": [Int32Array, 4, (i) => view.getInt32(i, true)],
    "|u1": [Uint8Array, 1, (i) => view.getUint8(i)],
  };
  const [type, size, read] = kind[dtype];
  const values = type.from({ length: view.byteLength / size }, (_, i) => read(size * i)); // bytes may start anywhere
  const offset = (index) => index.reduce((sum, i, axis) => sum * shape[axis] + i, 0);
  const part = (...index) => {
    const length = shape.slice(index.length).reduce((product, n) => product * n, 1);
    return values.subarray(offset(index) * length, (offset(index) + 1) * length);
  };
  return { values, shape, at: (...index) => values[offset(index)], part };
}

/** Several of them, by name. */
function unpackAll(arrays, names = Object.keys(arrays)) {
  return Object.fromEntries(names.map((name) => [name, unpack(arrays[name])]));
}

/** A weight as text: "0.62"; what is too small for that is said so, not shown as zero. */
function asText(weight, digits) {
  const smallest = 10 ** -digits;
  return weight > 0 && weight < smallest / 2 ? `below ${smallest.toFixed(digits)}` : weight.toFixed(digits);
}

/** 0, 1, ... as many as `count`. */
function indices(count) {
  return Array.from({ length: count }, (_, i) => i);
}

/** "0", "1", ... as many as `count`: layers and heads are numbered from 0. */
function counted(count) {
  return indices(count).map(String);
}

/** Of the indices `among`, those of the largest values in falling order; of equal ones the lower first. */
function largestAt(values, among, count) {
  return [...among].sort((a, b) => values[b] - values[a] || a - b).slice(0, count);
}

function sumOf(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** A number with a proper minus sign and so many decimals: "−1.24"; infinities are named by their sign. */
function asNumber(value, digits) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** With its sign, also of what rounds to zero from above: "+0.31". */
function asChange(value, digits) {
  const text = asNumber(value, digits);
  return text.startsWith("−") ? text : `+${text}`;
}

/** A whole number with its thousands apart: "1,315,968". */
function asCount(value) {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 token", "2,048 tokens" */
function manyOf(count, what) {
  return `${asCount(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** Whether black reads better than white on the colour at `index` of the table (relative luminance of WCAG). */
function isLight(palette, index) {
  const [red, green, blue] = [0, 1, 2].map((i) => {
    const c = palette[3 * index + i] / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

/** Colours for values from low to high. @param {Uint8Array} table 256 x 3 bytes */
function colourScale(table, low, high) {
  const index = (value) => Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
  return {
    table, low, high,
    rgb: (value) => table.subarray(3 * index(value), 3 * index(value) + 3),
    css: (value) => `rgb(${table.subarray(3 * index(value), 3 * index(value) + 3).join(" ")})`,
    ink: (value) => (isLight(table, index(value)) ? "#000" : "#fff"),
  };
}

/** The two scales of all figures: weights on [0, 1], and signed values, as far as `limit` on both sides of zero. */
function weightColours(data) {
  return colourScale(asBytes(data.palette), 0, 1);
}

function signedColours(data, limit) {
  return colourScale(asBytes(data.signed_palette), -(limit || 1), limit || 1);
}

/** The largest absolute value: the limit of signed colours. */
function largestOf(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** One pixel for each value, row by row; where `seen` is 0, and below the last value, pixels stay transparent. */
function pixelsOf({ values, seen = null, scale }, columns, rows = values.length / columns) {
  const image = new ImageData(columns, rows);
  values.forEach((value, i) => {
    if (seen && !seen[i]) return;
    image.data.set(scale.rgb(value), 4 * i);
    image.data[4 * i + 3] = 255;
  });
  return image;
}

/** Sharp drawing on dense screens. @returns {CanvasRenderingContext2D} in CSS pixels */
function fitCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  return context;
}

/** The legend of a colour scale, with the sign for masked cells when there are any. */
function colourLegend(scale, label, masked, digits = 0) {
  const bar = make("canvas", { width: 256, height: 1, class: "clf-scale", "aria-hidden": "true" });
  const context = bar.getContext("2d");
  const image = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...scale.table.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  context.putImageData(image, 0, 0);
  const hidden = masked ? make("span", { class: "clf-key" }, make("span", { class: "clf-hatched" }), "hidden by the mask") : null;
  const ends = [asNumber(scale.low, digits), asNumber(scale.high, digits)];
  return make("div", { class: "clf-legend" }, make("span", { class: "clf-key" }, `${label} ${ends[0]}`, bar, ends[1]), hidden);
}
