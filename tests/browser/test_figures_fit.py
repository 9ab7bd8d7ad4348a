"""That every figure fits: a screen's height, a telephone, forced colours, a slide."""

import pytest
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.widgets import FIGURES, AttentionMap, modules

pytestmark = pytest.mark.browser

MARGIN = 8  # of the bare page, at each side
SLIDE = {"width": 1184, "height": 560}

# Texts at their places: [text, left, top, right, bottom, the number of its drawing or -1], those in sight.
TEXTS = """() => {
  const drawings = [...document.querySelectorAll(".clf svg")];
  const walker = document.createTreeWalker(document.querySelector(".clf"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (parent.closest(".clf-unseen, .clf-tip, .clf-cell, option")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const { left, top, right, bottom } = range.getBoundingClientRect();
    const drawing = drawings.indexOf(parent.closest("svg"));
    const scrolls = parent.closest(".clf-wide, .clf-scroll") !== null;
    found.push({ text: node.data, left, top, right, bottom, drawing, scrolls });
  }
  return found;
}"""
# What says something by its colour: elements with a ground of their own or a pattern, and lines of a frame.
COLOURED = """() => {
  const neutral = ["--clf-ground", "--clf-raised", "--clf-faint", "--clf-text"];
  const root = document.querySelector(".clf");
  const probe = root.appendChild(document.createElement("i"));
  const known = neutral.map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  const all = [...root.querySelectorAll(".clf-body *")];
  const shown = all.filter((e) => e.checkVisibility() && !e.closest("svg, option, select, button, input"));
  window.marks ??= shown.filter((e) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(e);
    const drawn = backgroundColor !== "rgba(0, 0, 0, 0)" && !known.includes(backgroundColor);
    return drawn || backgroundImage !== "none" || e.matches(".clf-band, .clf-cell");
  });
  return window.marks.map((e) => {
    const { backgroundColor, backgroundImage, boxShadow } = getComputedStyle(e);
    return [e.className, backgroundColor, backgroundImage, boxShadow === "none"];
  });
}"""
CHOSEN = """() => [...document.querySelectorAll(".clf-choice")].filter((e) => e.checkVisibility()).map((e) => {
  const { outlineStyle, outlineWidth } = getComputedStyle(e);
  return [e.querySelector("input").checked, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2];
})"""
SMALL = """(least) => [...document.querySelectorAll('.clf *')]
  .filter((e) => e.checkVisibility() && !e.closest(".clf-unseen") && !e.classList.contains("clf-cell"))
  .filter((e) => [...e.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < least).map((e) => e.outerHTML.slice(0, 120))"""
# Elements that stand out of the slide, and those that would scroll.
OUTSIDE = """({ width, height }) => [...document.querySelectorAll(".clf, .clf *")].filter((e) => {
  if (!e.checkVisibility() || e.closest(".clf-unseen, .clf-tip, .clf-cell, .clf-widest")) return false;
  const { left, top, right, bottom } = e.getBoundingClientRect();
  const { overflowX, overflowY } = getComputedStyle(e);
  const wide = overflowX === "auto" && e.scrollWidth > e.clientWidth;
  const high = overflowY === "auto" && e.scrollHeight > e.clientHeight;
  return wide || high || left < -1 || top < -1 || right > width + 1 || bottom > height + 1;
}).map((e) => e.outerHTML.slice(0, 120))"""


# What is too narrow: boxes of tables that scroll, and lists in which a choice, the frame and the arrow do not fit.
# In each list the last entry is chosen; there the examples have their largest sizes.
NARROW = """() => {
  document.querySelectorAll("details").forEach((e) => (e.open = true));
  document.querySelectorAll(".clf select").forEach((e) => {
    e.selectedIndex = e.options.length - 1;
    e.dispatchEvent(new Event("change"));
  });
  const boxes = [...document.querySelectorAll(".clf-details .clf-wide")].filter((e) => e.scrollWidth > e.clientWidth);
  const pen = document.createElement("canvas").getContext("2d");
  const lists = [...document.querySelectorAll(".clf select")].filter((e) => {
    pen.font = getComputedStyle(e).font;
    const needed = Math.max(...[...e.options].map((option) => pen.measureText(option.text).width));
    return e.checkVisibility() && e.clientWidth < needed + 40;
  });
  return [...boxes, ...lists].map((e) => e.innerText.slice(0, 120));
}"""
LOOKS = """() => [...document.querySelectorAll(".clf, .clf *")].filter((e) => e.checkVisibility()).map((e) => {
  const { left, top, width, height } = e.getBoundingClientRect();
  const style = getComputedStyle(e);
  const names = ["color", "backgroundColor", "backgroundImage", "borderColor", "borderStyle", "fontWeight", "stroke"];
  const pattern = style.fill.replace(/#clf\\w+-/, "#");
  return [e.tagName, ...[left, top, width, height].map(Math.round), ...names.map((name) => style[name]), pattern];
})"""
ADD_STYLE = "(text) => document.head.append(Object.assign(document.createElement('style'), { textContent: text }))"


def test_tables_and_lists_have_the_room_that_they_need(cls, mount, tokens, room):
    opened = mount(cls.example(tokens), viewport={"width": room["width"] + 2 * MARGIN, "height": 900})
    assert opened.evaluate(NARROW) == []


def test_other_figures_of_the_page_do_not_change_its_look(cls, mount, tokens, laid_out):
    """JupyterLab holds all open notebooks in one page, and each figure brings its style sheet."""
    opened = mount(cls.example(tokens), reduced_motion="reduce")
    before = opened.evaluate(LOOKS)
    for other in FIGURES:
        if other is not cls:
            opened.evaluate(ADD_STYLE, modules.style_sheet(other.entry))
    laid_out(opened)
    assert differing(before, opened.evaluate(LOOKS)) == []


def differing(before, after):
    return [(was, now) for was, now in zip(before, after, strict=True) if was != now]


PIXELS = """() => [...document.querySelectorAll(".clf canvas")].filter((e) => e.checkVisibility())
  .map((e) => e.toDataURL())"""


def test_a_change_of_theme_leaves_no_colour_of_the_old_one(cls, mount, tokens):
    options = {"reduced_motion": "reduce"}
    opened = mount(cls.example(tokens), color_scheme="dark", **options)
    looks, pixels = opened.evaluate(LOOKS), opened.evaluate(PIXELS)
    opened = mount(cls.example(tokens), color_scheme="light", **options)
    opened.emulate_media(color_scheme="dark", **options)
    opened.wait_for_selector(".clf[data-theme=dark]")
    assert differing(looks, opened.evaluate(LOOKS)) == [] and opened.evaluate(PIXELS) == pixels


def test_it_fits_a_screen(cls, mount, tokens, room):
    opened = mount(cls.example(tokens), viewport={"width": room["width"] + 2 * MARGIN, "height": 900})
    box = opened.locator(".clf").bounding_box()
    assert box["width"] == room["width"] and box["height"] <= room["height"], f"{box['height']:.0f} pixels high"


def test_on_a_telephone_no_text_is_cut_off_or_collides(cls, mount, tokens):
    opened = mount(cls.example(tokens), viewport={"width": 390, "height": 844})
    assert opened.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    texts = opened.evaluate(TEXTS)
    outside = [t["text"] for t in texts if not t["scrolls"] and (t["left"] < 0 or t["right"] > 390)]
    assert outside == []
    in_drawings = [t for t in texts if t["drawing"] >= 0]
    assert [
        f"{a['text']} / {b['text']}" for i, a in enumerate(in_drawings) for b in in_drawings[:i] if meet(a, b)
    ] == []


def meet(a, b):
    """Whether two texts of one drawing overlap, by more than the air around their letters."""
    if a["drawing"] != b["drawing"]:
        return False
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return across > 1 and down > 4


def test_on_a_telephone_cells_can_be_hit(cls, mount, tokens):
    opened = mount(cls.example(tokens), viewport={"width": 390, "height": 844})
    for grid in opened.get_by_role("grid").all():
        cell = grid.get_by_role("gridcell").first.bounding_box()
        assert min(cell["width"], cell["height"]) >= 12


def test_forced_colours_leave_what_is_said_by_colour(cls, mount, tokens):
    opened = mount(cls.example(tokens), color_scheme="light")
    usual = opened.evaluate(COLOURED)
    opened.emulate_media(forced_colors="active", color_scheme="light")
    opened.wait_for_function("() => matchMedia('(forced-colors: active)').matches")
    assert opened.evaluate(COLOURED) == usual
    for checked, framed in opened.evaluate(CHOSEN):
        assert checked == framed  # not by the weight of its letters alone


def test_it_fits_a_slide_with_large_text(cls, open_page, tokens, tmp_path):
    url = cls.example(tokens).save(tmp_path / "slide.html", layout="slide").as_uri()
    opened = open_page(url, viewport=SLIDE)
    opened.wait_for_selector(".clf[data-layout=slide]")
    assert opened.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        SLIDE["width"],
        SLIDE["height"],
    ]
    assert opened.evaluate(SMALL, 20) == []
    assert opened.evaluate(OUTSIDE, SLIDE) == []


@pytest.mark.parametrize("width", [500, 820, 900])
def test_a_still_picture_is_as_wide_as_it_was_drawn_or_as_its_output(open_page, width):
    fig = Figure(figsize=(style.MAX_WIDTH / style.CSS_PIXELS, 2))
    box = f'<div style="overflow:auto;width:{width}px">{style.image(fig, "empty")}</div>'
    opened = open_page()
    opened.set_content(box)
    assert opened.locator("div").evaluate("(e) => e.scrollWidth - e.clientWidth") == 0
    assert opened.locator("img").bounding_box()["width"] == min(width, style.MAX_WIDTH + 2 * style.RIM)


DECK = """<!doctype html><title>Deck</title>
<iframe sandbox="allow-scripts" width="1184" height="560" src="slide.html"></iframe>
<script>window.heard = []; addEventListener("message", ({ data }) => heard.push(data));</script>"""


def test_a_deck_hears_page_keys_and_says_by_how_much_it_enlarges(open_page, tokens, tmp_path):
    AttentionMap.example(tokens).save(tmp_path / "slide.html", layout="slide")
    (tmp_path / "deck.html").write_text(DECK)
    opened = open_page((tmp_path / "deck.html").as_uri())
    frame = opened.frame_locator("iframe")
    frame.get_by_role("grid").focus()
    for key in ("PageDown", "ArrowUp", "PageUp"):
        opened.keyboard.press(key)
    opened.wait_for_function("() => heard.length === 2")
    assert opened.evaluate("() => heard") == [{"figure": "key", "key": "PageDown"}, {"figure": "key", "key": "PageUp"}]
    canvas = frame.locator(".clf-plane canvas")
    before = canvas.evaluate("(e) => e.width")
    opened.evaluate("() => frames[0].postMessage({ figure: 'scale', scale: 3 }, '*')")
    frame.locator(f".clf-plane canvas[width='{3 * before}']").wait_for()
