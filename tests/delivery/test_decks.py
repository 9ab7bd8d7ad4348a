"""The decks as `make slides` builds them: every slide in the browser, offline; live figures, presenter, PDF.

Each deck is opened once, and all its slides are looked at in that one page. What is in the frames of live figures is
looked at by test_live_slides.py.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import deck_text
import decks
import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import ImageChops

from course_lib.bench.browser import new_page
from course_lib.figures import style

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(decks.SLIDES.glob(decks.DECKS))
LEAST_TYPE = 20  # of 720 pixels
LEAST_IN_STILLS = 18  # tick labels of a picture that spans the slide; 9 points are 12.5 pixels in a notebook
STILL_TYPE = 12.5
LEAST_INDEX = 16  # an index of an index, in a formula
LARGEST = 6_000_000  # bytes

pytestmark = pytest.mark.browser

# What is wrong with each slide: type, what lies outside, what scrolls, and formulas that are none.
FAULTS = """({ least, index }) => [...document.querySelectorAll("svg[data-marpit-svg]")].map((slide) => {
  const section = slide.querySelector("section"), faults = [], box = section.getBoundingClientRect();
  const scale = 1280 / box.width;
  const { scrollHeight, clientHeight, scrollWidth, clientWidth } = section;
  if (scrollHeight > clientHeight || scrollWidth > clientWidth) faults.push("overflows");
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  for (const element of section.querySelectorAll("*:not(.katex-mathml *, .katex svg *, .vlist-s)")) {
    const { width, right, bottom, left, top } = element.getBoundingClientRect();
    if (!width) continue;
    const text = element.textContent.trim().slice(0, 40);
    const sides = [left - box.left, box.right - right, top - box.top, box.bottom - bottom];
    const inside = Math.min(...sides) * scale >= 4 || element.matches(".katex *");
    if (!inside) faults.push(`outside: ${element.tagName} ${text}`);
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (own(element) && size < (element.closest(".katex") ? index : least)) faults.push(`type of ${size} px: ${text}`);
  }
  const words = (e) => [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent).join(" ");
  const outside = [...section.querySelectorAll("*:not(.katex *, pre *, code)")].filter(own).map(words);
  if (outside.some((text) => /\\$|\\\\frac|\\{\\{/.test(text))) faults.push("raw formula or quote");
  if (section.querySelector(".katex-error")) faults.push("a formula that KaTeX does not know");
  return faults;
})"""
# Of each still, or of the stills of live figures: width on the slide / width as drawn.
ENLARGED = """(kind) => [...document.querySelectorAll(`figure.${kind} img`)].map((image) => {
  const { width, height } = image.getBoundingClientRect(), slide = image.closest("section").getBoundingClientRect();
  const shown = Math.min(width, height * image.naturalWidth / image.naturalHeight) * 1280 / slide.width;
  return { alt: image.alt.slice(0, 40), enlarged: shown / image.dataset.width };
})"""


def built(source: Path, kind: str) -> Path:
    path = ROOT / "build" / "slides" / f"{source.stem}.{kind}"
    assert path.exists(), f"{path} is missing: build it with `make slides`"
    return path


@cache
def read(source: Path) -> deck_text.Deck:
    return deck_text.read(source)


class Opened:
    """A deck in the browser, with what it asked for and what it said."""

    def __init__(self, page, source: Path):
        self.page, self.deck, self.url = page, read(source), built(source, "html").as_uri()
        self.errors, self.requests = [], []
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda asked: self.requests.append(asked.url))
        page.goto(self.url)
        # In other letters a slide may overflow, and `document.fonts.ready` alone may come before the first one loads.
        page.evaluate("async () => { await Promise.all([...document.fonts].map((font) => font.load())); }")

    def show(self, number: int) -> None:
        """Show a slide, counted from 1."""
        self.page.evaluate("(number) => { location.hash = `#${number}`; }", number)
        self.page.locator(f"svg.bespoke-marp-active section[id='{number}']").wait_for()

    @property
    def number(self) -> int:
        return int(self.page.locator("svg.bespoke-marp-active section").get_attribute("id"))

    def live(self) -> list[int]:
        """The numbers of the slides with a live figure."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll("section:has(figure.live)")].map((e) => +e.id)"""
        )

    def frame(self):
        """The live figure on this slide, when it has drawn itself."""
        self.page.locator("svg.bespoke-marp-active iframe").wait_for()
        frame = self.page.locator("svg.bespoke-marp-active iframe").element_handle().content_frame()
        frame.wait_for_selector(".clf")
        return frame


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: source.stem)
def opened(request, browser):
    with new_page(browser, offline=True, viewport={"width": 1280, "height": 720}) as page:
        yield Opened(page, request.param)


def test_all_slides_are_there_in_english_and_in_one_small_file(opened):
    page = opened.page
    assert page.locator("section").count() == len(opened.deck.slides)
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() == opened.deck.front["title"]
    assert page.locator("iframe").count() == 0  # mounted when their slide is shown
    size = built(ROOT / "slides" / f"{opened.deck.name}.md", "html").stat().st_size
    assert size < LARGEST


def test_nothing_overflows_and_all_type_is_large(opened):
    found = opened.page.evaluate(FAULTS, {"least": LEAST_TYPE, "index": LEAST_INDEX})
    assert {number: faults for number, faults in enumerate(found, start=1) if faults} == {}


PLANTED = {
    "type of 15 px: small": "<p style='font-size: 15px'>small</p>",
    "overflows": "<p style='height: 900px'>tall</p>",
    "outside: P wide": "<p style='margin-left: 900px; width: 400px'>wide</p>",
    "raw formula or quote": "<p>a $x$ that was not set</p>",
    "a formula that KaTeX does not know": "<p class='katex-error'>no formula</p>",
}


def test_the_scan_sees_planted_faults(opened):
    plant = "(html) => document.querySelector('section').insertAdjacentHTML('beforeend', html)"
    opened.page.evaluate(plant, f"<div id='planted'>{''.join(PLANTED.values())}</div>")
    found, *_ = opened.page.evaluate(FAULTS, {"least": LEAST_TYPE, "index": LEAST_INDEX})
    opened.page.evaluate("() => document.getElementById('planted').remove()")
    assert PLANTED.keys() <= set(found)


def test_stills_are_enlarged(opened):
    stills = opened.page.evaluate(ENLARGED, "still")
    assert [still for still in stills if STILL_TYPE * still["enlarged"] < LEAST_IN_STILLS] == []
    of_live = opened.page.evaluate(ENLARGED, "live")  # on paper; tests/widgets holds them to SLIDE_TYPE
    drawn = style.SLIDE_TYPE[0] / 72 * style.CSS_PIXELS
    assert [still for still in of_live if drawn * still["enlarged"] < LEAST_TYPE] == []


@pytest.mark.parametrize("size", [(1280, 720), (1024, 768)], ids=["16:9", "4:3"])
def test_a_slide_lies_whole_in_the_window(opened, size):
    width, height = size
    opened.page.set_viewport_size({"width": width, "height": height})
    box = opened.page.locator("svg.bespoke-marp-active section").bounding_box()
    opened.page.set_viewport_size({"width": 1280, "height": 720})
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert box["y"] >= 0 and box["y"] + box["height"] <= height
    assert max(box["width"] / width, box["height"] / height) > 0.99


def test_pictures_have_words_formulas_have_mathml_and_nothing_is_an_emoji(opened):
    page = opened.page
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator(".katex").count() == page.locator(".katex math").count()
    assert re.findall("[\U0001f300-\U0001faff]", page.locator("body").inner_text()) == []


def test_every_slide_passes_the_accessibility_scan(opened):
    """On paper all slides stand below each other, so that one scan sees them all."""
    opened.page.emulate_media(media="print")
    found = Axe().run(opened.page).response["violations"]
    opened.page.emulate_media(media="screen")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")] == []


def test_live_figures_answer_and_page_down_goes_on_after_a_click(opened):
    for number in opened.live():
        opened.show(number)
        frame = opened.frame()
        holder = opened.page.locator("svg.bespoke-marp-active iframe")
        assert holder.get_attribute("title") and holder.get_attribute("sandbox") == "allow-scripts"
        before = frame.locator(".clf").inner_text()
        frame.locator(".clf button:not([aria-disabled=true]):visible").first.click()
        frame.wait_for_function("(before) => document.querySelector('.clf').innerText !== before", arg=before)
        last = min(number + 2, len(opened.deck.counted))  # after the summary Page Down goes no further
        steps = opened.page.locator(f"section[id='{number + 1}'] [data-marpit-fragment]").count()
        for _ in range(last - number + steps):
            opened.page.keyboard.press("PageDown")
            opened.page.wait_for_function("() => document.activeElement === document.body")
        opened.page.locator(f"svg.bespoke-marp-active section[id='{last}']").wait_for()


def test_nothing_was_asked_for_and_nothing_was_amiss(opened):
    for number in range(1, len(opened.deck.slides) + 1):
        opened.show(number)
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith((opened.url, "data:", "about:"))] == []


def test_the_talk_ends_before_the_backup_slides_and_u_goes_there_and_back(opened):
    last = len(opened.deck.counted)
    if last == len(opened.deck.slides):
        pytest.skip("no back-up slides")
    opened.show(1)
    opened.page.keyboard.press("End")
    for _ in range(5):
        opened.page.keyboard.press("PageDown")
    assert opened.number == last
    opened.page.keyboard.press("u")
    opened.page.locator(f"svg.bespoke-marp-active section[id='{last + 1}']").wait_for()
    opened.page.keyboard.press("u")
    opened.page.locator(f"svg.bespoke-marp-active section[id='{last}']").wait_for()


def test_b_makes_the_screen_black_and_the_next_key_light(opened):
    black = opened.page.locator("body.course-black")
    opened.show(1)
    for key, expected in (("b", 1), ("b", 0), (".", 1), ("PageDown", 0)):
        opened.page.keyboard.press(key)
        assert black.count() == expected
    assert opened.number == 2


def test_the_presenters_window_has_notes_and_pace_and_moves_the_audiences(opened):
    page, notes = opened.page, opened.deck.slides[1].notes
    opened.show(2)
    with page.expect_popup() as popup:
        page.keyboard.press("p")
    presenter = popup.value
    presenter.locator("#course-pace", has_text="You are on time.").wait_for()
    said = presenter.locator(".bespoke-marp-note.active").inner_text()
    assert said.startswith(f"{notes['minutes']} min.") and notes.get("ask", "") in said
    assert presenter.locator("iframe[sandbox]").count() == 0  # pictures stand for live figures
    presenter.keyboard.press("Shift+PageDown")  # to the next slide, whatever steps this one has
    page.locator("svg.bespoke-marp-active section[id='3']").wait_for()
    presenter.close()


def test_the_countdown_starts_with_its_step(opened):
    exercises = [number for number, each in enumerate(opened.deck.slides, start=1) if each.exercise]
    if not exercises:
        pytest.skip("no exercise")
    opened.show(exercises[0])
    clock = opened.page.locator("svg.bespoke-marp-active .countdown")
    whole = f"{opened.deck.slides[exercises[0] - 1].minutes:g}:00"
    at_rest = opened.page.locator(":not(.runs, .over)")  # an earlier test may have run it, even to its end
    clock.and_(at_rest).wait_for()
    assert clock.inner_text() == whole
    opened.page.keyboard.press("PageDown")
    clock.and_(opened.page.locator(".runs")).wait_for()
    opened.page.wait_for_function(
        "([clock, whole]) => clock.textContent !== whole", arg=[clock.element_handle(), whole]
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_pdf_has_every_slide_with_text_notes_and_pictures(source):
    deck, document = read(source), pypdfium2.PdfDocument(built(source, "pdf"))
    assert len(document) == len(deck.slides)
    assert document.is_tagged()
    for slide, page in zip(deck.slides, document, strict=True):
        width, height = page.get_size()
        assert width * 9 == height * 16
        text = page.get_textpage()
        assert text.get_text_range().strip()
        text.close()
        assert pypdfium2.raw.FPDFPage_GetAnnotCount(page.raw) > 0  # the notes
        if "{{live" in slide.text:
            below = page.render(scale=1).to_pil().crop((0, int(height / 6), int(width), int(height * 0.95)))
            _, top, _, bottom = ImageChops.invert(below.convert("RGB")).getbbox()
            assert bottom - top > height / 3


def pages(path: Path) -> list[tuple[str, bytes]]:
    """Text and picture of each page of a PDF."""
    found = []
    for page in pypdfium2.PdfDocument(path):
        text = page.get_textpage()
        found.append((text.get_text_range(), page.render(scale=0.5).to_pil().tobytes()))
        text.close()
    return found


def test_another_build_is_identical(tmp_path):
    """HTML to the byte; PDFs hold the date, so their text and their pictures are compared."""
    decks.build(SOURCES[:1], tmp_path)
    html, pdf = (tmp_path / f"{SOURCES[0].stem}.{kind}" for kind in ("html", "pdf"))
    assert html.read_bytes() == built(SOURCES[0], "html").read_bytes()
    assert pages(pdf) == pages(built(SOURCES[0], "pdf"))


def test_the_overview_takes_at_most_an_hour():
    assert sum(each.minutes for each in read(decks.SLIDES / "00_overview.md").counted) <= 60


@pytest.fixture
def elsewhere(tmp_path):
    """What a build needs, in a folder whose name holds a space and an umlaut, without the packages of Node."""
    folder = tmp_path / "a cöurse"
    for name in ("tools", "slides"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("notebooks", "course_lib"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build" / "live").symlink_to(ROOT / "build" / "live")
    return folder


def build_in(folder: Path, name: str, **variables) -> subprocess.CompletedProcess:
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder)} | variables
    command = [sys.executable, folder / "tools" / "decks.py", name]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True)


def test_a_folder_with_space_and_umlaut_gives_the_same_deck(elsewhere):
    (elsewhere / "slides" / "node_modules").symlink_to(ROOT / "slides" / "node_modules")
    shown = build_in(elsewhere, SOURCES[0].stem)
    assert shown.returncode == 0, shown.stderr
    made = (elsewhere / "build" / "slides" / f"{SOURCES[0].stem}.html").read_bytes()
    assert made == built(SOURCES[0], "html").read_bytes()


@pytest.mark.parametrize(
    "variables, sentence",
    [
        ({"PATH": "/nowhere", "CHROMIUM": sys.executable}, "Node and npm are needed"),
        ({"CHROMIUM": "/nowhere/chromium"}, "The PDFs need Chromium: no Chromium found"),
        ({"npm_config_offline": "true"}, "npm could not fetch the packages"),
    ],
    ids=["node", "chromium", "packages"],
)
def test_what_is_missing_is_one_sentence(elsewhere, variables, sentence):
    shown = build_in(elsewhere, SOURCES[0].stem, **variables)
    assert shown.returncode == 1
    assert shown.stderr.startswith(sentence) and "Traceback" not in shown.stderr


def test_a_missing_font_is_said(elsewhere):
    shutil.copytree(ROOT / "slides" / "node_modules", elsewhere / "slides" / "node_modules", symlinks=True)
    shutil.rmtree(elsewhere / "slides" / "node_modules" / "@fontsource")
    shown = build_in(elsewhere, SOURCES[0].stem)
    assert shown.returncode == 1 and "source-sans-3-latin-400-normal.woff2 is missing" in shown.stderr


def test_an_unknown_deck_is_said(elsewhere):
    shown = build_in(elsewhere, "99")
    assert shown.returncode == 1 and shown.stderr.startswith("No deck of ") and "99" in shown.stderr
