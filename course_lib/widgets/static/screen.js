// The screen that a figure stands on: its theme, and how many pixels a drawing needs there.

let theme = null; // of the whole page: its figures share it
let enlarged = 1; // by a slide deck

/** Which theme the host shows: JupyterLab and VS Code mark the body, elsewhere, or with forced colours, the system's counts. */
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

/** Keep root's data-theme as the host's, and call `onChange` when it changes later. @returns {() => void} stops */
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

/** Pixels of the screen for one of CSS. */
export function density() {
  return enlarged * (window.devicePixelRatio || 1);
}

/** Say by how much a deck enlarges its slides: the browser does not tell what is inside. */
export function enlarge(scale) {
  enlarged = scale;
}

/** Pixels of the least text of a figure: 12, or more in a slide. */
export function textSize(element) {
  return parseFloat(getComputedStyle(element).getPropertyValue("--clf-least")) || 12;
}
