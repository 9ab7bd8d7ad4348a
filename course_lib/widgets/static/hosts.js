// The hosts: a notebook (anywidget), and a page that stands alone, which may be in a slide.

import { equal, make } from "./basics.js";
import { enlarge } from "./screen.js";

/** What anywidget asks for: the traits that `data.chosen` names go both ways, `answer` and `frame` come from Python, `data` once. */
export function anywidgetHost(mount) {
  return {
    render({ model, el }) {
      const { chosen, asks } = model.get("data");
      const names = [...chosen, "frame", ...(asks ? ["answer"] : [])];
      const known = Object.fromEntries(names.map((name) => [name, model.get(name)]));
      const handle = mount(el, { data: model.get("data"), ...known }, (changes) => {
        Object.assign(known, changes);
        for (const [name, value] of Object.entries(changes)) model.set(name, value);
        model.save_changes();
      });
      // Only what is new: a slider under way must not jump back when something else arrives.
      const listen = () => {
        const news = names.filter((name) => model.get(name) !== known[name]).map((name) => [name, model.get(name)]);
        Object.assign(known, Object.fromEntries(news));
        if (news.length) handle.update(Object.fromEntries(news));
      };
      for (const name of names) model.on(`change:${name}`, listen);
      return () => {
        for (const name of names) model.off(`change:${name}`, listen);
        handle.destroy();
      };
    },
  };
}

/** JSON of the page with its bytes turned back. */
function revive(_, value) {
  if (value === null || typeof value !== "object" || !("$bytes" in value)) return value;
  return Uint8Array.from(atob(value.$bytes), (character) => character.charCodeAt(0));
}

/** Without Python, answers come from the states that were computed beforehand; of any other there is none. */
function answerFrom(answers, asks, state, changes) {
  Object.assign(state, changes);
  const wanted = asks.map((name) => state[name]);
  return answers.find((answer) => equal(answer.for, wanted)) ?? null;
}

/** In a self-contained page: the figure takes the twin's place. Elsewhere there is no state element, and nothing happens. */
export function mountInPage(mount) {
  const element = document.querySelector('script[data-figure="state"]');
  if (element === null) return;
  const { answers, ...state } = JSON.parse(element.textContent, revive);
  const place = make("div");
  document.querySelector('[data-figure="twin"]').replaceWith(place);
  const handle = mount(place, state, (changes) => {
    if (answers) handle.update({ answer: answerFrom(answers, state.data.asks, state, changes) });
  });
  if (state.layout === "slide" && window.parent !== window) speakWithDeck(handle);
}

/**
 * A deck holds the page in a frame of 1184 x 560. It gets {figure: "key", key: "PageUp" or "PageDown"}, pressed while
 * the focus is in the figure, and may send {figure: "scale", scale}, by how much it enlarges its slides.
 */
function speakWithDeck(handle) {
  window.addEventListener("keydown", (event) => {
    if (event.key !== "PageUp" && event.key !== "PageDown") return;
    event.preventDefault();
    event.stopPropagation();
    window.parent.postMessage({ figure: "key", key: event.key }, "*");
  }, true);
  window.addEventListener("message", ({ source, data }) => {
    const sound = source === window.parent && data?.figure === "scale" && data.scale > 0 && data.scale <= 8;
    if (!sound) return;
    enlarge(data.scale);
    handle.repaint();
  });
}
