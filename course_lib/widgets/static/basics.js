// Elements, bytes and numbers, for all figures. Text from a corpus is only ever set as text, never as HTML.

/** An element with attributes and children; strings become text nodes, null children are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A token as an element that keeps its writing direction from the text around it. */
export function tokenText(token) {
  return make("bdi", {}, token);
}

/** The token at place j; if it occurs more than once, its place follows: "the (3)". */
export function tokenAt(tokens, j) {
  const repeated = tokens.indexOf(tokens[j]) !== tokens.lastIndexOf(tokens[j]);
  return make("span", {}, tokenText(tokens[j]), repeated ? ` (${j})` : "");
}

/** @returns {string} a prefix for the ids of one figure, since a page may hold several */
export function uniqueName() {
  return "clf" + Math.random().toString(36).slice(2, 10);
}

/** @param {DataView|Uint8Array|null} value bytes as anywidget or the page hands them over */
export function asBytes(value) {
  return value === null ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * The array that Python's `packed` packed; `part` is the subarray at the given first indices, without a copy.
 * @returns {{values: TypedArray, shape: number[], at: (...index) => number, part: (...index) => TypedArray}}
 */
export function unpack({ dtype, shape, bytes }) {
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

/** Several packed arrays: name -> unpacked array. */
export function unpackAll(arrays, names = Object.keys(arrays)) {
  return Object.fromEntries(names.map((name) => [name, unpack(arrays[name])]));
}

/** A weight as text: "0.62". A positive weight that would round to zero becomes "below 0.01". */
export function asText(weight, digits) {
  const smallest = 10 ** -digits;
  return weight > 0 && weight < smallest / 2 ? `below ${smallest.toFixed(digits)}` : weight.toFixed(digits);
}

/** The numbers 0 to count - 1. */
export function indices(count) {
  return Array.from({ length: count }, (_, i) => i);
}

/** The numbers 0 to count - 1 as text, as layers and heads are numbered. */
export function counted(count) {
  return indices(count).map(String);
}

/** The indices among `among` of the `count` largest values, largest first; of equal values the lower index first. */
export function largestAt(values, among, count) {
  return [...among].sort((a, b) => values[b] - values[a] || a - b).slice(0, count);
}

export function sumOf(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** A number with a minus sign and `digits` decimals: "−1.24"; infinities become "∞" and "−∞". */
export function asNumber(value, digits) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** A number with its sign: "+0.31". What rounds to zero gets a plus. */
export function asChange(value, digits) {
  const text = asNumber(value, digits);
  return text.startsWith("−") ? text : `+${text}`;
}

/** A whole number with commas between its thousands: "1,315,968". */
export function asCount(value) {
  return Math.round(value).toLocaleString("en-US");
}

/** A count with its noun: "1 token", "2,048 tokens". */
export function manyOf(count, what) {
  return `${asCount(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** The largest absolute value: the limit of signed colours. */
export function largestOf(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Whether two plain values, or lists of them, are equal. */
export function equal(one, other) {
  return one === other || (Array.isArray(one) && JSON.stringify(one) === JSON.stringify(other));
}
