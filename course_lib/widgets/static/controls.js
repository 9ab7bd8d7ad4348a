// Labelled native controls. Each has `element` and `show(value)`, which sets the control without calling `onChange`.

import { make, uniqueName } from "./basics.js";
import { keepKeys } from "./keys.js";

/** A label and its control, one above the other. */
function labelled(label, id, ...controls) {
  return make("div", { class: "clf-control" }, make("label", { for: id }, label), ...controls);
}

/**
 * A slider over positions 0..count-1; `text(i)` stands beside it, and a screen reader says it.
 * `onInput` is called while it moves (and stays in the browser), `onChange` when it is released (and may ask Python).
 */
export function rangeControl({ label, count, text, onInput, onChange }) {
  const id = uniqueName();
  const input = make("input", { type: "range", id, min: 0, max: count - 1, step: 1 });
  const output = make("output", { for: id });
  const read = (value) => {
    output.textContent = text(value);
    input.setAttribute("aria-valuetext", text(value));
  };
  input.addEventListener("input", () => {
    read(Number(input.value));
    onInput(Number(input.value));
  });
  input.addEventListener("change", () => onChange(Number(input.value)));
  keepKeys(input);
  const element = labelled(label, id, make("div", { class: "clf-range" }, input, output));
  return {
    element,
    show(value) {
      input.value = String(value);
      read(value);
    },
  };
}

/** A slider for the trait `name`, whose values are its positions: previewed while it moves, chosen when released. */
export function traitSlider(name, { choose, preview }, options) {
  return rangeControl({ ...options, onInput: (value) => preview({ [name]: value }), onChange: (value) => choose({ [name]: value }) });
}

/** A native drop-down list; `names` are its lines, `onChange` gets the position. */
export function selectControl({ label, names, onChange }) {
  const id = uniqueName();
  const select = make("select", { id }, ...names.map((name, i) => make("option", { value: i }, name)));
  select.addEventListener("change", () => onChange(Number(select.value)));
  keepKeys(select);
  return { element: labelled(label, id, select), show: (value) => (select.value = String(value)) };
}

/** Native radio buttons in a row, for a few short names. `faces` may hold an element for each, shown after its name. */
export function radioControl({ label, names, faces = [], onChange }) {
  const id = uniqueName();
  const inputs = names.map((_, i) => {
    const input = make("input", { type: "radio", name: id, value: i });
    input.addEventListener("change", () => onChange(i));
    return input;
  });
  const choices = inputs.map((input, i) =>
    make("label", { class: "clf-choice" }, input, make("span", { class: "clf-choice-name" }, names[i]),
      ...(faces[i] ? [make("span", { class: "clf-unseen" }, ": "), faces[i]] : [])));
  const element = make("fieldset", { class: "clf-choices" }, make("legend", {}, label), ...choices);
  keepKeys(element);
  return { element, show: (value) => inputs.forEach((input, i) => (input.checked = i === value)) };
}

/** A native check box. */
export function checkControl({ label, onChange }) {
  const input = make("input", { type: "checkbox" });
  input.addEventListener("change", () => onChange(input.checked));
  keepKeys(input);
  return { element: make("label", { class: "clf-check" }, input, label), show: (value) => (input.checked = value) };
}

/** A button. The caller sets `hidden` and `aria-disabled`. */
export function button(label, onClick) {
  const element = make("button", { type: "button" }, label);
  element.addEventListener("click", onClick);
  keepKeys(element);
  return element;
}

/**
 * The buttons Start, Back and Next through positions 0..count-1, and a line with the present one, written by `where`.
 * A button that leads nowhere is aria-disabled instead of disabled, so that it keeps the focus.
 */
export function stepControl({ label, count, text, where: place = (i) => `${i + 1} of ${count}: ${text(i)}`, onChange }) {
  let at = 0;
  const to = (value) => value !== at && value >= 0 && value < count && onChange(value);
  const buttons = [button("Start", () => to(0)), button("Back", () => to(at - 1)), button("Next", () => to(at + 1))];
  const where = make("span", { class: "clf-where" });
  const element = make("div", { role: "group", "aria-label": label, class: "clf-steps" }, ...buttons, where);
  return {
    element,
    show(value) {
      at = value;
      where.textContent = place(value);
      buttons.forEach((each, i) => each.setAttribute("aria-disabled", i < 2 ? at === 0 : at === count - 1));
    },
  };
}

/** A box that scrolls, also by keyboard, when its content is wider than it. */
export function wide(label, ...content) {
  return make("div", { class: "clf-wide", tabindex: "0", role: "group", "aria-label": label }, ...content);
}

/** A number that stands out, and what it counts. */
export function numberOf(number, what) {
  return make("span", {}, make("strong", {}, number), ` ${what}`);
}

/** A native table. `head` are its column heads; `rows` are [head, ...cells]; cells are text or elements. */
export function numberTable(caption, head, rows, current = -1) {
  const line = ([first, ...cells], i) =>
    make("tr", i === current ? { class: "clf-current" } : {}, make("th", { scope: "row" }, first), ...cells.map((cell) => make("td", {}, cell)));
  return make("table", { class: "clf-table" }, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map(line)));
}

/** Content that a line with a name folds and unfolds; folded at first. */
export function folded(name, ...content) {
  const element = make("details", { class: "clf-details" }, make("summary", {}, name), ...content);
  keepKeys(element);
  return element;
}
