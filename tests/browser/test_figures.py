"""What every figure keeps in Chromium; a figure gets all of it by its name in course_lib.widgets.FIGURES."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

SMALL_TEXT = """() => [...document.querySelectorAll('.clf *')]
  .filter((e) => e.checkVisibility() && [...e.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 12).map((e) => e.outerHTML.slice(0, 200))"""
MOVING = """() => [...document.querySelectorAll('.clf, .clf *')].filter((e) => {
  const style = getComputedStyle(e);
  const still = (list) => list.split(", ").every((time) => parseFloat(time) === 0);
  return !still(style.transitionDuration) || style.animationName !== "none" || document.getAnimations().length;
}).map((e) => e.outerHTML.slice(0, 200))"""
IN_PLACE_OF_TEXT = ".clf script, .clf img, .clf iframe, .clf object, .clf a"


def findings(opened):
    """All that axe finds serious or critical; what is minor is left to the eye."""
    found = Axe().run(opened).response["violations"]
    return [
        (entry["id"], entry["nodes"][0]["html"][:300]) for entry in found if entry["impact"] in ("serious", "critical")
    ]


def test_page_opens_from_a_file_alone_and_fits_every_width(cls, open_page, resize, tmp_path, tokens):
    requests = []
    opened = open_page()
    opened.on("request", lambda request: requests.append(request.url))
    url = cls.example(tokens).save(tmp_path / "figure.html").as_uri()
    opened.goto(url)
    opened.wait_for_selector(".clf")
    assert [request for request in requests if not request.startswith(("data:", "blob:"))] == [url]
    assert opened.locator("[data-figure=twin]").count() == 0  # the figure took its place
    for width in (360, 800, 1280):
        resize(opened, width)
        assert opened.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0, width


def test_keyboard_alone_leads_through_it_and_its_keys_stay_in_it(cls, mount, tokens, walk):
    opened = mount(cls.example(tokens))
    opened.evaluate("() => { window.passed = []; document.addEventListener('keydown', (e) => passed.push(e.key)); }")
    walk(opened, cls)
    changes = {}
    for change in opened.evaluate("() => window.changes[0]"):
        changes |= change
    assert changes == cls.walk.chosen
    assert cls.walk.said in opened.locator(".clf [aria-live=polite]").inner_text()
    assert set(opened.evaluate("() => passed")) <= {"Tab", "Shift", "Control"}


def test_hostile_text_is_text_and_axe_finds_nothing_serious_in_either_theme(cls, mount, hostile, walk):
    opened = mount(cls.example(hostile), reduced_motion="reduce", color_scheme="light")
    opened.evaluate("() => { document.documentElement.lang = 'en'; document.title = 'Figure'; }")
    assert opened.locator(".clf-title").text_content() == " ".join(hostile)
    assert "<script>alert(1)</script>" in opened.locator(".clf-caption").inner_text()
    for theme in ("light", "dark"):
        opened.emulate_media(color_scheme=theme, reduced_motion="reduce")
        opened.wait_for_selector(f".clf[data-theme={theme}]")
        assert findings(opened) == [], theme
        if theme == "light":
            walk(opened, cls)
    assert opened.locator(IN_PLACE_OF_TEXT).count() == 0
    assert opened.evaluate(SMALL_TEXT) == []
    assert opened.evaluate(MOVING) == []


def test_python_moves_it_without_an_echo_and_two_on_one_page_do_not_meet(cls, mount, tokens, walk):
    opened = mount(cls.example(tokens), cls.example(tokens))
    ids = opened.evaluate("() => [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    before = opened.locator(".clf").nth(1).inner_text()
    walk(opened, cls)
    assert opened.evaluate("() => window.changes[0].length") > 0
    assert opened.evaluate("() => window.changes[1]") == []
    assert opened.locator(".clf").nth(1).inner_text() == before
    opened.evaluate("(chosen) => window.handles[1].update(chosen)", cls.walk.chosen)
    assert opened.evaluate("() => window.changes[1]") == []  # what Python said is not sent back
    assert opened.locator(".clf").nth(1).inner_text() != before
    opened.evaluate("() => window.handles[0].destroy()")
    assert opened.locator(".clf").count() == 1


def test_without_javascript_the_twin_is_there(cls, open_page, tmp_path, tokens):
    figure = cls.example(tokens)
    opened = open_page(figure.save(tmp_path / "figure.html").as_uri(), java_script_enabled=False)
    image = opened.locator("figure img")
    assert image.is_visible() and image.get_attribute("alt") == figure.alt()
    assert opened.locator("figcaption").inner_text().strip()
    opened.locator("summary").click()
    assert opened.locator("table tbody tr").count() > 1
