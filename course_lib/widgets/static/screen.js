// The screen that a figure stands on: its theme, and how many pixels a drawing needs there.

let theme = null; // the page's theme, which all its figures share
let enlarged = 1; // the factor by which a slide deck enlarges its slides

/** The host's theme. JupyterLab and VS Code mark the body; elsewhere, and with forced colours, the system decides. */
function hostTheme() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  const forced = matchMedia("(forced-colors: active)").matches;
  if (jpThemeLight !== undefined && !forced) return jpThemeLight === "false" ? "dark" : "light";
  if (vscodeThemeKind !== undefined && !forced) return /dark|high-contrast$/.test(vscodeThemeKind) ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function isDark() {
  return (theme ??= hostTheme()) === "dark";
}

/** Set root's data-theme to the host's theme, and call `onChange` when that changes. @returns {() => void} to stop */
export function followTheme(root, onChange) {
  const take = () => (root.dataset.theme = theme = hostTheme());
  const update = () => {
    if (root.dataset.theme === hostTheme()) return;
    take();
    onChange();
  };
  const media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => matchMedia(query));
  const observer = new MutationObserver(update);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  media.forEach((each) => each.addEventListener("change", update));
  take();
  return () => {
    observer.disconnect();
    media.forEach((each) => each.removeEventListener("change", update));
  };
}

/** How many pixels of the screen one CSS pixel has. */
export function density() {
  return enlarged * (window.devicePixelRatio || 1);
}

/** Take the factor by which a deck enlarges its slides: a page in a frame cannot ask the browser for it. */
export function enlarge(scale) {
  enlarged = scale;
}

/** The size of a figure's smallest text in pixels: 12, or more in a slide. */
export function textSize(element) {
  return parseFloat(getComputedStyle(element).getPropertyValue("--clf-least")) || 12;
}
