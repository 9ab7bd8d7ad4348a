"""The benchmark of the interactive figures in Chromium: times to open, to paint, and to get an answer from Python.

Painting is measured within one frame: from the beginning of an interaction's handler, at the start of the frame, to the
first task after the frame was painted. The wait for the display to begin a frame is left out, since it is the same for
every figure. Times are of the browser's main thread, where all the figures' code runs.
"""

import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from course_lib import limits
from course_lib.bench.browser import new_page
from course_lib.bench.lab import run_all, running_lab
from course_lib.config import require
from course_lib.widgets.base import AskingFigure, InteractiveFigure

TOKENS = [f"token{i}" for i in range(64)]
OPENINGS = 5  # of each page
INTERACTIONS = 40  # with each control
ANSWERS = 40  # timed for each control that asks Python, after its first answer
VIEWPORT = {"width": 1280, "height": 900}
COLUMNS = {
    "figure": "{name}",
    "page, kB": "{kilobytes:.0f}",
    "opening, ms": "{opening_ms:.0f}",
    "painting, ms": "{paint_p95_ms:.1f}",
    "slowest control": "{slowest_control:.24}",
    "Python, ms": "{answer}",
}

# One interaction with an element. Events made by a script do not change native controls, so this code changes them.
ACT = """(element, forth) => {
  const tell = (...kinds) => kinds.forEach((kind) => element.dispatchEvent(new Event(kind, { bubbles: true })));
  if (element.type === "range") {
    const end = forth ? element.max : element.min;
    if (forth === (element.value !== end)) element.stepUp();
    else element.stepDown();
    tell("input", "change");
  } else if (element.tagName === "SELECT") {
    element.selectedIndex = (element.selectedIndex + 1) % element.length;
    tell("change");
  } else if (element.type === "radio") {
    const group = [...element.closest("fieldset").querySelectorAll("input")];
    group[(group.findIndex((input) => input.checked) + 1) % group.length].click();
  } else if (element.matches("button, input")) element.click();
  else element.dispatchEvent(new KeyboardEvent("keydown", { key: forth ? "ArrowRight" : "ArrowLeft", bubbles: true }));
}"""
# Milliseconds of each of `count` interactions with the element that has the focus.
PAINT = f"""async (count) => {{
  const element = document.activeElement;
  const once = (forth) => new Promise((done) => requestAnimationFrame(() => {{
    const start = performance.now();
    ({ACT})(element, forth);
    const {{ port1, port2 }} = new MessageChannel();
    port1.onmessage = () => done(performance.now() - start);
    port2.postMessage(null);
  }}));
  const times = [];
  for (let i = 0; i < count; i++) times.push(await once(i % 2 === 0));
  return times;
}}"""
# The elements that the Tab key reaches, in their order.
STOPS = """(place) => {
  const figure = document.querySelectorAll(".clf")[place];
  const stops = [...figure.querySelectorAll('input, select, button, [tabindex="0"]')];
  return stops.filter((e) => e.checkVisibility() && (e.type !== "radio" || e.checked));
}"""
FOCUS = f"""([place, i]) => {{
  const stop = ({STOPS})(place)[i];
  stop?.focus();
  return stop ? stop.getAttribute("aria-label") ?? stop.labels?.[0]?.textContent ?? stop.textContent : null;
}}"""
# The page itself records the time of the first painted frame with the figure in it.
OPENED = """new MutationObserver((_, observer) => {
  if (!document.querySelector(".clf")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.opened = performance.now()), 0));
}).observe(document, { childList: true, subtree: true });"""
# Milliseconds from a choice, by the focused element, to the frame with Python's answer; null if Python is not asked.
# The pause before is one that a reader makes, too: JupyterLab delays a choice until Python is idle again.
ASK = """async (act) => {
  await new Promise((done) => setTimeout(done, 400));
  const body = document.activeElement.closest(".clf").querySelector(".clf-body");
  const start = performance.now();
  const stop = document.activeElement;
  (0, eval)(act)(stop, true);
  const asks = () => body.classList.contains("clf-pending");
  // In the figures' own lists the arrow only moves, and Enter picks.
  if (!asks()) stop.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  if (!asks()) return null;
  await new Promise((done) => new MutationObserver((_, observer) => {
    if (body.classList.contains("clf-pending")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(done, 0));
  }).observe(body, { attributes: true }));
  return performance.now() - start;
}"""


def measure(browser, classes: Sequence[type[InteractiveFigure]], tokens: Sequence[str] = TOKENS) -> list[dict]:
    """Measure the example of each figure class with these tokens in `browser`, Playwright's Chromium: a row for each.

    The round trip to Python is measured in JupyterLab; it is None for figures that do not ask Python.
    """
    rows = [measure_page(browser, cls, tokens) for cls in classes]
    asking = [cls for cls in classes if issubclass(cls, AskingFigure)]
    trips = round_trips(browser, asking, tokens) if asking else {}
    return [row | {"round_trip_p95_ms": trips.get(row["name"])} for row in rows]


def as_line(row: dict) -> dict:
    """The row with the additional entries that COLUMNS shows."""
    trip = row["round_trip_p95_ms"]
    return row | {"kilobytes": row["page_bytes"] / 1000, "answer": "not asked" if trip is None else f"{trip:.0f}"}


def measure_page(browser, cls: type[InteractiveFigure], tokens: Sequence[str]) -> dict:
    """Size of a figure's page in bytes, and times of opening and painting it in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = cls.example(tokens).save(Path(folder) / "figure.html")
        opening = [opening_time(browser, path.as_uri()) for _ in range(OPENINGS)]
        paint, control = slowest_paint(browser, path.as_uri())
        size = path.stat().st_size
    times = {"opening_ms": float(np.median(opening)), "paint_p95_ms": paint}
    return {"name": cls.__name__, "page_bytes": size, **times, "slowest_control": control}


@contextmanager
def offline_page(browser, url: str):
    """Open a page without network for the `with` block; `window.opened` is the time when it showed its figure."""
    with new_page(browser, offline=True, viewport=VIEWPORT) as opened:
        opened.add_init_script(OPENED)
        opened.goto(url)
        opened.wait_for_function("() => window.opened")
        yield opened


def opening_time(browser, url: str) -> float:
    """Milliseconds from the beginning of navigation to the first frame painted with the figure in it."""
    with offline_page(browser, url) as opened:
        return opened.evaluate("() => window.opened")


def slowest_paint(browser, url: str) -> tuple[float, str]:
    """(milliseconds, label) of the slowest control: the largest 95th percentile of the times of an interaction."""
    found = []
    with offline_page(browser, url) as opened:
        # Interactions add and remove controls, so each is looked for only when it is its turn.
        while (label := opened.evaluate(FOCUS, [0, len(found)])) is not None:
            found.append((float(np.percentile(opened.evaluate(PAINT, INTERACTIONS), 95)), label.strip()))
    return max(found)


def round_trips(browser, classes: Sequence[type[AskingFigure]], tokens: Sequence[str]) -> dict[str, float]:
    """For each figure, by name: the 95th percentile of milliseconds from a choice to the frame with Python's answer."""
    cells = [f"from {c.__module__} import {c.__name__}\n{c.__name__}.example({list(tokens)!r})" for c in classes]
    all_shown = "(n) => document.querySelectorAll('.clf').length === n"
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder), cells) as address:
        with new_page(browser, viewport=VIEWPORT) as opened:
            run_all(opened, address)
            opened.wait_for_function(all_shown, arg=len(classes), timeout=1000 * limits.NOTEBOOK)
            return {cls.__name__: slow_answer(opened, place) for place, cls in enumerate(classes)}


def slow_answer(opened, place: int) -> float:
    """The 95th percentile of milliseconds until Python answers, over all controls of the figure number `place`.

    The controls are taken together: all ask for the same computation, and some buttons ask only once.
    Raises ValueError when no control asks Python.
    """
    found, stop = [], 0
    while opened.evaluate(FOCUS, [place, stop]) is not None:
        first = opened.evaluate(ASK, ACT)
        if first is not None:
            found += [first, *(opened.evaluate(ASK, ACT) for _ in range(ANSWERS))]
        stop += 1
    times = [time for time in found if time is not None]
    require(bool(times), f"figure {place} must have a control that asks Python, but has none")
    return float(np.percentile(times, 95))
