"""The live figures of the decks, with the notebooks' numbers: every control in the slide layout, and both themes.

Each page is opened once, in a window of the size of its frame, as collected in build/live. The walk of a figure's class
is one through its example; here it is one through all controls that the page has.
"""

import pytest
import quotes
from axe_playwright_python.sync_playwright import Axe
from decks import DECKS, SLIDES

pytestmark = pytest.mark.browser

FRAME = {"width": 1184, "height": 560}
LEAST_TYPE = 20  # of 720 pixels
DECKS_TEXT = "".join(path.read_text(encoding="utf-8") for path in SLIDES.glob(DECKS))
TARGETS = sorted({target for kind, target, _ in quotes.QUOTE.findall(DECKS_TEXT) if kind == "live"})

# What is amiss now: letters that are small, cut or outside the frame, texts that meet, and scroll bars.
FAULTS = """({ width, height, least }) => {
  const faults = new Set(), texts = [], { documentElement: page } = document;
  if (page.scrollWidth > innerWidth || page.scrollHeight > innerHeight) faults.add("the page scrolls");
  for (const element of document.querySelectorAll(".clf *")) {
    const { overflowX, overflowY, fontSize } = getComputedStyle(element);
    const wide = overflowX === "auto" && element.scrollWidth > element.clientWidth;
    const high = overflowY === "auto" && element.scrollHeight > element.clientHeight;
    if ((wide || high) && element.checkVisibility()) faults.add(`scrolls: ${element.className}`);
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest(".clf-unseen, .clf-cell, .clf-widest, option")) continue;
    for (const node of element.childNodes) {
      if (node.nodeType !== 3 || !node.data.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = node.data.trim(), box = range.getBoundingClientRect();
      const out = ({ left, top, right, bottom }) =>
        Math.max(left - box.left, top - box.top, box.right - right, box.bottom - bottom);
      const gone = ({ left, top, right, bottom }) =>
        box.right <= left || box.left >= right || box.bottom <= top || box.top >= bottom;
      const clips = [];
      for (let holder = element; holder.matches(".clf *"); holder = holder.parentElement) {
        const clipped = getComputedStyle(holder).overflowX !== "visible" && holder.tagName !== "svg";
        if (clipped) clips.push(holder.getBoundingClientRect());
      }
      if (clips.some(gone)) continue;
      if (parseFloat(fontSize) < least) faults.add(`small: ${text}`);
      if (clips.some((clip) => out(clip) > 1)) faults.add(`cut: ${text}`);
      if (out({ left: 0, top: 0, right: width, bottom: height }) > 2) faults.add(`outside: ${text}`);
      if (element.closest(".clf-label, .clf-tip, .clf-notice")) continue; // they have a ground of their own
      texts.push({ text, lines: [...range.getClientRects()] });
    }
  }
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6; // more than the air around letters
  texts.forEach((a, i) => texts.slice(0, i).forEach((b) => {
    const apart = a.text === b.text || !a.lines.some((one) => b.lines.some((other) => meet(one, other)));
    if (!apart) faults.add(`${a.text} meets ${b.text}`);
  }));
  return [...faults];
}"""
# The kind of a control, its name, and how many choices it has.
CONTROL = """(e) => [e.getAttribute("role") ?? e.type,
  e.ariaLabel ?? (e.closest("fieldset, .clf-control, label") ?? e).innerText,
  e.options?.length ?? document.getElementsByName(e.name).length]"""
KEYS = {
    "range": ["Home", "End", "ArrowLeft"],
    "checkbox": ["Space", "Space"],
    "listbox": ["End", "ArrowLeft", "Enter"],
    "grid": ["Control+Home", "Control+End", "ArrowLeft", "Enter", "Escape"],
}
STEPS = 12  # of a button that goes on and on


class Walked:
    """A figure whose controls are pressed one after the other; it collects what is amiss on the way.

    `answered`: name of a control -> whether a press on it changed the figure's text; not each must, some lead nowhere.
    """

    def __init__(self, page):
        self.page, self.amiss, self.answered = page, {}, {}
        self.look("at first")

    def look(self, when: str) -> None:
        for fault in self.page.evaluate(FAULTS, FRAME | {"least": LEAST_TYPE}):
            self.amiss.setdefault(fault, when)

    def text(self) -> str:
        return self.page.locator(".clf").inner_text()

    def scan(self, theme: str) -> None:
        """Look for what is hard to read or to operate, in one of the themes."""
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        self.page.wait_for_selector(f".clf[data-theme={theme}]")
        for found in Axe().run(self.page).response["violations"]:
            if found["impact"] in ("serious", "critical"):
                self.amiss[f"{found['id']}: {found['nodes'][0]['html'][:160]}"] = theme

    def press(self, control, key: str) -> None:
        kind, name, _ = control.evaluate(CONTROL)
        name, before = f"{kind} {name.splitlines()[0]}", self.text()
        control.press(key)
        self.answered[name] = self.answered.get(name, False) or self.text() != before
        self.look(f"{key} on {name}")

    def operate(self, control) -> None:
        kind, name, count = control.evaluate(CONTROL)
        if kind in KEYS:
            for key in KEYS[kind]:
                self.press(control, key)
        elif kind == "radio":
            for _ in range(count):
                self.press(self.page.locator(":focus"), "ArrowRight")
        elif kind == "select-one":
            for key in ["Home", *["ArrowDown"] * (count - 1)]:
                self.press(control, key)
        elif name == "Play":
            for _ in range(2):
                self.press(control, "Enter")
        else:
            for _ in range(STEPS if name == "Next" else 1):
                if control.get_attribute("aria-disabled") != "true":
                    self.press(control, "Enter")

    def every_control(self, buttons: str, backwards: bool = False) -> None:
        """Operate all controls in sight, of radio buttons the chosen one; what one shows is operated, too."""
        others = "select, input:not([type=radio]:not(:checked)), [role=grid], [role=listbox]"
        controls, place = self.page.locator(f".clf :is({buttons}, {others}):visible"), 0
        while place < controls.count():
            control = controls.nth(controls.count() - 1 - place if backwards else place)
            control.focus()
            self.operate(control)
            place += 1


@pytest.mark.parametrize("target", TARGETS)
def test_every_control_of_a_live_slide_answers_and_nothing_is_cut(open_page, target):
    notebook, cell = quotes.Quotes().cell(target)
    path = quotes.LIVE / notebook.stem / f"{cell.id}.slide.html"
    assert path.exists(), f"{path} is missing: build it with `make slides`"
    page = open_page(path.as_uri(), viewport=FRAME, color_scheme="light", reduced_motion="reduce")
    page.wait_for_selector(".clf[data-layout=slide]")
    walked = Walked(page)
    walked.scan("light")
    walked.every_control("button:not(.clf-try, .clf-reset)")
    page.get_by_role("button", name="Reset", exact=True).press("Enter")
    walked.every_control("button:not(.clf-reset)", backwards=True)
    for theme in ("light", "dark"):
        walked.scan(theme)
    assert walked.amiss == {}
    assert len(walked.answered) > 2 and [name for name, answered in walked.answered.items() if not answered] == []
