// Bytes and powers of ten as text.

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A whole number as an exponent: "⁻¹⁶". */
export function raised(power) {
  return Array.from(String(power), (character) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[character] ?? "⁻").join("");
}

/** A number as a power of ten: "3.2 × 10⁻⁶", or "0". */
export function asScientific(value) {
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(1).split("e").map(Number);
  return `${mantissa.toFixed(1)} × 10${raised(power)}`;
}

/** A size in bytes as text: "67.5 KiB". As in Python's in_binary_units, ties go to the even digit. */
export function asBytesText(size) {
  let power = 0;
  while (power + 1 < BINARY_UNITS.length && tenths(size / 1024 ** power) >= 10240) power += 1;
  const value = tenths(size / 1024 ** power);
  return `${Math.floor(value / 10).toLocaleString("en-US")}${value % 10 ? `.${value % 10}` : ""} ${BINARY_UNITS[power]}`;
}

function tenths(value) {
  const near = Math.round(10 * value);
  return (10 * value) % 1 === 0.5 && near % 2 ? near - 1 : near;
}
