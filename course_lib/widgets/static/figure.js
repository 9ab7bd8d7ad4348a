// The frame of every figure: title, Try and Reset, controls, body, details, help and caption. It passes choices on.

import { equal, make } from "./basics.js";
import { button, folded } from "./controls.js";
import { followTheme } from "./screen.js";

/** A polite live region for screen readers. `say` replaces its content by tokens and text. */
function liveRegion() {
  const element = make("div", { class: "clf-unseen", role: "status", "aria-live": "polite" });
  return { element, say: (...parts) => element.replaceChildren(...parts) };
}

/**
 * @param {(tools: {data: object, state: object, slide: boolean, choose: (changes: object) => void,
 *   preview: (changes: object) => void}) => {controls?: Node[], body: Node[], details?: Node[], help?: string,
 *   layout?: (width: number) => void, show: (names: string[]) => void, sentence: (names: string[]) => (string|Node)[],
 *   reset?: () => void, locked?: () => boolean}} build
 *   `state` is what is chosen now, plus `answer` where Python computes one; only the frame writes it.
 *   `slide` is true in a page made for a slide: fewer things, and larger.
 *   Elements that show Python's answer have the class clf-answered: they lose their colours while Python computes.
 *   `choose` commits a choice: it is shown, said, and sent to the host. `preview` (a moving slider) is only shown.
 *   `layout` gets the width of the body, before the first `show` and whenever it changes. `show(names)` brings the
 *   figure up to date; `names` are the traits that changed: all of them at the first painting and at a new theme.
 *   `details` are folded below the body; `show([])` is called when they are unfolded. `sentence(names)` is what a
 *   screen reader says of a choice. `reset` undoes what is stored in no trait. While `locked()`, Try does nothing.
 * @returns {{update: (changes: object) => void, repaint: () => void, destroy: () => void}} the hosts' handle
 */
export function figure(el, initial, onChange, build) {
  const { data, layout = "page", frame = {}, ...state } = initial;
  const told = { ...state };
  const differing = (from, changes) => Object.keys(changes).filter((name) => !equal(from[name], changes[name]));
  const parts = build({ data, state, slide: layout === "slide", choose, preview: (changes) => show(changes) });
  const live = liveRegion();
  const start = Object.fromEntries(data.chosen.map((name) => [name, state[name]]));
  const actions = actionButtons(start, () => parts.locked?.() ?? false, (changes, note) => {
    if (note) parts.reset?.();
    choose(changes, note);
  });
  actions.take(frame);
  const notice = data.asks ? make("p", { class: "clf-notice", role: "status" }) : null;
  const body = make("div", { class: "clf-body" }, ...parts.body, ...(notice ? [notice] : []));
  const details = parts.details ? folded("Numbers", ...parts.details) : null;
  details?.addEventListener("toggle", () => details.open && refresh([])); // folded details need not be up to date
  const top = make("div", { class: "clf-top" },
    make("div", { class: "clf-head" }, make("p", { class: "clf-title", dir: "auto" }, data.title), actions.element),
    parts.controls ? make("div", { class: "clf-controls" }, ...parts.controls) : null);
  const root = make("section", { class: "clf", dir: "ltr", tabindex: "-1", "aria-label": data.title, "data-layout": layout },
    top, body, details,
    parts.help ? make("p", { class: "clf-help" }, parts.help) : null,
    make("p", { class: "clf-caption", dir: "auto" }, data.caption), live.element);
  let missing = false; // whether the host has no answer to the present choice
  let width = 0; // of the body when it was laid out; 0 until it has a place on the page

  function choose(changes, note = "") {
    const news = Object.fromEntries(differing(told, changes).map((name) => [name, changes[name]]));
    Object.assign(told, news);
    show(changes);
    live.say(note, ...parts.sentence(Object.keys(news)));
    if (Object.keys(news).length) onChange(news);
  }

  function show(changes) {
    const names = differing(state, changes);
    Object.assign(state, changes);
    refresh(names);
  }

  function refresh(names) {
    actions.show(state);
    if (data.asks) {
      notice.textContent = unanswered();
      body.classList.toggle("clf-pending", notice.textContent !== "");
      body.classList.toggle("clf-unanswered", missing && notice.textContent !== "");
    }
    if (!width) return;
    const held = root.contains(document.activeElement) ? document.activeElement : null;
    parts.show(names);
    if (held && !held.checkVisibility()) root.focus(); // else the focus would go to the beginning of the page
  }

  /** The reason why the numbers shown do not belong to the present choice, or "" if they do. */
  function unanswered() {
    if (equal(state.answer.for, data.asks.map((name) => state[name]))) return "";
    if (missing) return "This page holds no numbers for this choice: Python computes them, in the notebook.";
    return "Python is computing … If this stays, the kernel has ended: run the cell again."; // a dead kernel gives no sign
  }

  /** Lay out for the present width; paint when the figure first has a width. */
  function place() {
    if (body.clientWidth === width) return; // changes of the height alone need no new layout
    const first = width === 0;
    width = body.clientWidth;
    if (width) parts.layout?.(width);
    if (width && first) paint();
  }

  const paint = () => refresh(Object.keys(state));

  function repaint() {
    if (width) parts.layout?.(width);
    paint();
  }

  el.append(root);
  const stopTheme = followTheme(root, repaint);
  place();
  const resized = new ResizeObserver(place);
  resized.observe(body);
  return {
    update({ frame: framed, ...changes }) {
      if (framed) actions.take(framed);
      missing = changes.answer === null;
      if (missing) delete changes.answer; // the figure keeps showing the last answer
      Object.assign(told, changes);
      show(changes);
    },
    repaint,
    destroy() {
      stopTheme();
      resized.disconnect();
      root.remove();
    },
  };
}

/**
 * The buttons Try and Reset: one thing to try, and the way back to the state that the caption describes. Python sends
 * both when it shows the figure; until then Reset leads to the first state. A button that would change nothing is
 * aria-disabled instead of disabled, so that it keeps the focus. So is Try while `locked()`.
 */
function actionButtons(start, locked, onAct) {
  let attempt = null;
  let state = start;
  const holds = (wanted) => Object.keys(wanted).every((name) => equal(state[name], wanted[name]));
  const act = (wanted, note) => !holds(wanted) && onAct(wanted, note);
  const tried = button("", () => !locked() && act(attempt.chosen, ""));
  const reset = button("Reset", () => act(start, "Reset. "));
  tried.classList.add("clf-try");
  reset.classList.add("clf-reset");

  function show(news) {
    state = news;
    tried.setAttribute("aria-disabled", locked() || (attempt !== null && holds(attempt.chosen)));
    reset.setAttribute("aria-disabled", holds(start));
  }
  return {
    element: make("div", { class: "clf-actions" }, tried, reset), show,
    take(frame) {
      start = frame.start ?? start;
      attempt = frame.try ?? null;
      tried.hidden = attempt === null;
      tried.replaceChildren(`Try: ${attempt?.text ?? ""}`);
      show(state);
    },
  };
}
