// Shared by all interactive figures. Text from a corpus is only ever set as text, never as HTML.

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

/** @returns {string} for ids of one instance, so that two on one page do not meet */
function uniqueName() {
  return "clf" + Math.random().toString(36).slice(2, 10);
}

/** @param {DataView|Uint8Array|null} value bytes as anywidget or the page hands them over */
function asBytes(value) {
  return value === null ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Little-endian float32 from bytes at any offset. @returns {Float32Array} */
function asFloats(value) {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** A weight as text: "0.62"; what is too small for that is said so, not shown as zero. */
function asText(weight, digits) {
  const smallest = 10 ** -digits;
  return weight > 0 && weight < smallest / 2 ? `below ${smallest.toFixed(digits)}` : weight.toFixed(digits);
}

/** Index 0..255 into a colour table of a value on [0, 1]. */
function shade(value) {
  return Math.max(0, Math.min(255, Math.round(255 * value)));
}

/** Whether black reads better than white on the colour at `index` of the table (relative luminance of WCAG). */
function isLight(palette, index) {
  const [red, green, blue] = [0, 1, 2].map((i) => {
    const c = palette[3 * index + i] / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
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

/** The legend of a colour scale on [0, 1], with the sign for masked cells when there are any. */
function colourScale(palette, label, masked) {
  const bar = make("canvas", { width: 256, height: 1, class: "clf-scale", "aria-hidden": "true" });
  const context = bar.getContext("2d");
  const image = context.createImageData(256, 1);
  for (let i = 0; i < 256; i++) image.data.set([...palette.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  context.putImageData(image, 0, 0);
  const hidden = masked ? make("span", { class: "clf-key" }, make("span", { class: "clf-hatched" }), "hidden by the mask") : null;
  return make("div", { class: "clf-legend" }, make("span", { class: "clf-key" }, `${label} 0`, bar, "1"), hidden);
}

/** Which theme the host shows: JupyterLab and VS Code mark the body, elsewhere the system's setting counts. */
function hostTheme() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "false" ? "dark" : "light";
  if (vscodeThemeKind !== undefined) return /dark|high-contrast$/.test(vscodeThemeKind) ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keep root's data-theme as the host's, and call `onChange` when it changes. @returns {() => void} stops */
function followTheme(root, onChange) {
  const update = () => {
    if (root.dataset.theme === hostTheme()) return;
    root.dataset.theme = hostTheme();
    onChange();
  };
  const media = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(update);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  media.addEventListener("change", update);
  update();
  return () => {
    observer.disconnect();
    media.removeEventListener("change", update);
  };
}

/** Where a key leads in a grid (WAI-ARIA grid pattern), or null for a key that is none of the grid's. */
function gridMove(event, { row, column }, { rows, columns }) {
  if (event.altKey || event.metaKey || event.shiftKey) return null;
  const far = event.ctrlKey;
  const moves = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [far ? 0 : row, 0],
    End: [far ? rows - 1 : row, columns - 1],
    PageUp: [row - 10, column],
    PageDown: [row + 10, column],
  };
  if (!(event.key in moves) || (far && event.key !== "Home" && event.key !== "End")) return null;
  const inside = (value, size) => Math.max(0, Math.min(size - 1, value));
  const [toRow, toColumn] = moves[event.key];
  return { row: inside(toRow, rows), column: inside(toColumn, columns) };
}

/** Keys a native control uses itself stay with it, away from the notebook's shortcuts. */
function keepKeys(control) {
  const own = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown", " ", "Enter", "Escape"];
  control.addEventListener("keydown", (event) => {
    if (own.includes(event.key)) event.stopPropagation();
  });
}

/** A polite live region. `say` replaces what it holds by tokens and text. */
function liveRegion() {
  const element = make("div", { class: "clf-unseen", role: "status", "aria-live": "polite" });
  return { element, say: (...parts) => element.replaceChildren(...parts) };
}

/** What anywidget asks for: the traits that `data.chosen` names go both ways, `data` itself comes once. */
function anywidgetHost(mount) {
  return {
    render({ model, el }) {
      const { chosen } = model.get("data");
      const state = Object.fromEntries(["data", ...chosen].map((name) => [name, model.get(name)]));
      const figure = mount(el, state, (changes) => {
        for (const [name, value] of Object.entries(changes)) model.set(name, value);
        model.save_changes();
      });
      const listen = () => figure.update(Object.fromEntries(chosen.map((name) => [name, model.get(name)])));
      for (const name of chosen) model.on(`change:${name}`, listen);
      return () => {
        for (const name of chosen) model.off(`change:${name}`, listen);
        figure.destroy();
      };
    },
  };
}

/** JSON of the page with its bytes turned back. */
function revive(_, value) {
  if (value === null || typeof value !== "object" || !("$bytes" in value)) return value;
  return Uint8Array.from(atob(value.$bytes), (character) => character.charCodeAt(0));
}

/** In a self-contained page: the figure takes the twin's place. Elsewhere there is no state element, and nothing happens. */
function mountInPage(mount) {
  const state = document.querySelector('script[data-figure="state"]');
  if (state === null) return;
  const place = make("div");
  mount(place, JSON.parse(state.textContent, revive), () => {});
  document.querySelector('[data-figure="twin"]').replaceWith(place);
}
