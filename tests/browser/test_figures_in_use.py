"""How every figure is operated: reset, the one thing to try, focus, touch, drags, and what a screen reader hears."""

import re

import pytest

pytestmark = pytest.mark.browser

# The first mark of a plot, in pixels of the window: a point of a line, or the middle of what is drawn.
MARK = """(plot) => {
  const mark = plot.querySelector(".clf-series :is(circle, path, rect)");
  if (mark) {
    const box = mark.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  }
  const line = plot.querySelector(".clf-series polyline");
  const point = line.points[0].matrixTransform(line.getScreenCTM());
  return [point.x, point.y];
}"""


def chosen(opened):
    """All that the first figure told its host, put together."""
    state = {}
    for change in opened.evaluate("() => window.changes[0]"):
        state |= change
    return state


def test_reset_leads_back_to_the_state_that_was_shown_and_says_so(cls, mount, tokens, walk):
    figure = cls.example(tokens)
    opened = mount(figure)
    reset, body = opened.get_by_role("button", name="Reset", exact=True), opened.locator(".clf-body")
    assert reset.get_attribute("aria-disabled") == "true"
    before = body.inner_text()
    walk(opened, cls)
    assert reset.get_attribute("aria-disabled") == "false"
    reset.press("Enter")
    assert reset.get_attribute("aria-disabled") == "true" and reset.evaluate("(e) => e === document.activeElement")
    assert opened.locator(".clf [aria-live=polite]").inner_text().startswith("Reset. ")
    start = figure.state()["frame"]["start"]
    changed = chosen(opened)
    assert changed == {name: start[name] for name in changed} and changed.keys() >= cls.walk.chosen.keys()
    assert body.inner_text() == before


def test_the_one_thing_to_try_stands_first_and_is_done_by_its_button(cls, mount, tokens):
    figure = cls.example(tokens)
    attempt = figure.first_try()
    opened = mount(figure)
    opened.keyboard.press("Tab")
    assert opened.evaluate("() => document.activeElement.textContent") == f"Try: {attempt.text}"
    opened.keyboard.press("Enter")
    start = figure.state()["frame"]["start"]  # what is chosen already is not told again
    assert chosen(opened) == {name: value for name, value in attempt.chosen.items() if value != start[name]}
    assert opened.locator(".clf-try").get_attribute("aria-disabled") == "true"


def test_focus_stays_in_the_figure_whatever_button_is_pressed(cls, mount, laid_out, tokens, walk):
    opened = mount(cls.example(tokens))
    walk(opened, cls)
    buttons = opened.locator(".clf button:visible, .clf summary:visible")
    for _ in range(2):  # what one button shows is pressed in the second round
        place = 0
        while place < buttons.count():
            name = buttons.nth(place).inner_text()
            buttons.nth(place).focus()
            opened.keyboard.press("Enter")
            laid_out(opened)
            assert opened.evaluate("() => document.querySelector('.clf').contains(document.activeElement)"), name
            place += 1


def test_a_tap_on_a_mark_reads_it_as_a_pointer_does(cls, mount, tokens):
    opened = mount(cls.example(tokens), has_touch=True)
    for plot in opened.locator(".clf-plot:visible").all():
        plot.scroll_into_view_if_needed()
        opened.touchscreen.tap(*plot.evaluate(MARK))
        tip = plot.locator(".clf-tip")
        tip.wait_for()  # the browser makes a click of a tap a moment later
        assert tip.inner_text() == plot.get_by_role("option").text_content()
    for grid in opened.get_by_role("grid").all():
        grid.scroll_into_view_if_needed()
        grid.tap(position={"x": 3, "y": 3})
        grid.locator("[aria-rowindex='1'] [aria-colindex='1']").wait_for(state="attached")


def test_a_drag_selects_no_text(cls, mount, tokens):
    opened = mount(cls.example(tokens))
    for mark in opened.locator(".clf-plot:visible, [role=grid]:visible").all():
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        opened.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
        opened.mouse.down()
        opened.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.95 * box["height"], steps=4)
        opened.mouse.up()
        assert opened.evaluate("() => getSelection().toString()") == ""


def test_a_screen_reader_hears_names_before_values(cls, mount, tokens, walk):
    """A number first, and then words, leaves open what the number is of; nor do two run together, as in "weight 01"."""
    opened = mount(cls.example(tokens))
    walk(opened, cls)
    value_first = re.compile(r"[−+-]?\d[\d.,]*( ×| %)?\s+[a-z]", re.IGNORECASE)
    for line in opened.locator(".clf").aria_snapshot().splitlines():
        named = re.match(r' *- (radio|option|button|checkbox|slider|gridcell|rowheader|img) "([^"]*)"', line)
        assert named is None or not value_first.match(named.group(2)), line
        assert not re.search(r"\b\d\.?\d* \d\.?\d*$|[a-z] 0\d\b", line), line
