// The hosts of a figure: a notebook (anywidget), or a page that stands alone, also inside a slide.

import { equal, make } from "./basics.js";
import { enlarge } from "./screen.js";

/**
 * The object that anywidget needs. The traits that `data.chosen` names go both ways; `answer` and `frame` come from
 * Python; `data` comes once.
 */
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
      // Only new values: a moving slider must not jump back when another trait changes.
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

/** A reviver for JSON.parse that turns the page's tagged bytes back into bytes. */
function revive(_, value) {
  if (value === null || typeof value !== "object" || !("$bytes" in value)) return value;
  return Uint8Array.from(atob(value.$bytes), (character) => character.charCodeAt(0));
}

/** The answer to a choice in a page without Python: one that was computed beforehand, or null. */
function answerFrom(answers, asks, state, changes) {
  Object.assign(state, changes);
  const wanted = asks.map((name) => state[name]);
  return answers.find((answer) => equal(answer.for, wanted)) ?? null;
}

/** In a self-contained page, put the figure in the twin's place. Elsewhere there is no state element: do nothing. */
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
 * Exchange messages with the deck that holds the page in a frame of 1184 x 560. The page sends {figure: "key", key} for
 * PageUp and PageDown, pressed while the focus is in the figure. The deck sends {figure: "scale", scale}: the factor by
 * which it enlarges its slides.
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
