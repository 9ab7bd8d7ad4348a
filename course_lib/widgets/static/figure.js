// The frame of every figure: title, controls, body, help, caption, live region, theme, and who is told of a choice.

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

/** A polite live region. `say` replaces what it holds by tokens and text. */
function liveRegion() {
  const element = make("div", { class: "clf-unseen", role: "status", "aria-live": "polite" });
  return { element, say: (...parts) => element.replaceChildren(...parts) };
}

/**
 * @param {(tools: {data: object, state: object, choose: (changes: object) => void, preview: (changes: object) => void})
 *   => {controls?: Node[], body: Node[], help?: string, show: (names: string[]) => void,
 *   layout?: (width: number) => void, sentence: (names: string[]) => (string|Node)[]}} build
 *   `state` is what is chosen now, plus `answer` where Python computes one; only the frame writes it.
 *   What shows Python's answer is of the class clf-answered: it loses its colours while Python computes.
 *   `choose` is a committed choice: shown, said, and told to the host. `preview` (a slider under way) is shown only.
 *   `show(names)` brings the figure up to date; `names` are the traits that changed, all of them at first; `layout` gets the width of the body.
 * @returns {{update: (changes: object) => void, destroy: () => void}} the hosts' handle
 */
function figure(el, initial, onChange, build) {
  const { data, ...state } = initial;
  const told = { ...state };
  const differing = (from, changes) => Object.keys(changes).filter((name) => from[name] !== changes[name]);
  const tools = { data, state, choose, preview: (changes) => show(changes) };
  const parts = build(tools);
  const live = liveRegion();
  const notice = data.asks ? make("p", { class: "clf-notice", role: "status" }) : null;
  const body = make("div", { class: "clf-body" }, ...parts.body);
  const root = make("section", { class: "clf", dir: "ltr", "aria-label": data.title },
    make("p", { class: "clf-title", dir: "auto" }, data.title),
    parts.controls ? make("div", { class: "clf-controls" }, ...parts.controls) : null,
    notice, body,
    parts.help ? make("p", { class: "clf-help" }, parts.help) : null,
    make("p", { class: "clf-caption", dir: "auto" }, data.caption), live.element);

  function choose(changes) {
    const news = Object.fromEntries(differing(told, changes).map((name) => [name, changes[name]]));
    Object.assign(told, news);
    show(changes);
    live.say(...parts.sentence(Object.keys(news)));
    if (Object.keys(news).length) onChange(news);
  }

  function show(changes) {
    const names = differing(state, changes);
    Object.assign(state, changes);
    if (data.asks) {
      notice.textContent = unanswered();
      body.classList.toggle("clf-pending", notice.textContent !== "");
    }
    if (state.answer !== null) parts.show(names);
  }

  /** Why the numbers are not those of the choice, or "". */
  function unanswered() {
    if (state.answer === null) return "This page holds no numbers for this choice: Python computes them, in the notebook.";
    if (same(state.answer.for, data.asks.map((name) => state[name]))) return "";
    return "Python is computing …";
  }

  el.append(root);
  let width = 0;
  const resized = new ResizeObserver(() => {
    if (body.clientWidth === width) return; // the height changes with what is shown, and lays nothing out anew
    width = body.clientWidth;
    parts.layout?.(width);
  });
  resized.observe(body);
  const stopTheme = followTheme(root, () => parts.show(Object.keys(state)));
  return {
    update(changes) {
      Object.assign(told, changes);
      show(changes);
    },
    destroy() {
      stopTheme();
      resized.disconnect();
      root.remove();
    },
  };
}

/** Whether two lists of plain values are equal. */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
