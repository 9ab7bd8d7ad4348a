// Play and pause: one step after another, until the last. Nothing plays by itself.

import { button, stepControl } from "./controls.js";

const PACE = 1000; // milliseconds for a step

/** A button that plays steps up to `last()`: `onStep` gets the step after `at()`. From the last step it begins at 0. */
export function playButton({ last, at, onStep }) {
  let timer = null;
  const element = button("Play", () => (timer === null ? play() : pause()));
  element.classList.add("clf-play");

  function play() {
    element.textContent = "Pause";
    timer = setInterval(() => element.isConnected ? move(at() + 1) : pause(), PACE);
    move(at() === last() ? 0 : at() + 1);
  }

  function move(step) {
    if (step <= last()) onStep(step);
    if (step >= last()) pause();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    element.textContent = "Play";
  }
  return { element, pause };
}

/** A stepControl with a Play button before its own; a step taken by hand pauses the play, and so does `pause`. */
export function playedSteps({ count, at, onChange, ...options }) {
  const play = playButton({ last: () => count - 1, at, onStep: onChange });
  const steps = stepControl({
    ...options, count,
    onChange(step) {
      play.pause();
      onChange(step);
    },
  });
  steps.element.prepend(play.element);
  return { ...steps, pause: play.pause };
}
