"""The attention-map explorer in Chromium: self-contained page, `mount` alone, keyboard, themes, accessibility."""

import numpy as np
import pytest

from course_lib.widgets import AttentionMap
from course_lib.widgets.base import unpacked

pytestmark = pytest.mark.browser

TOKENS = ["the", "cat", "sat", "on", "mat"]


def explorer(tokens=TOKENS, layers=2, heads=3, **options):
    n = len(tokens)
    mask = np.tri(n, dtype=bool)
    A = np.exp(np.random.default_rng(7).normal(size=(layers, heads, n, n))) * mask
    return AttentionMap(A / A.sum(-1, keepdims=True), tokens, mask=mask, **options)


def grid(opened):
    return opened.get_by_role("grid")


def said(opened):
    return opened.locator("[aria-live=polite]").inner_text()


def centre(opened, row, column, n):
    box = grid(opened).bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / n, box["y"] + (row + 0.5) * box["height"] / n


def test_canvas_shows_each_weight_in_its_colour(open_figure):
    figure = explorer(tokens=["a", "b", "c"])
    opened = open_figure(figure, device_scale_factor=2)
    palette = np.frombuffer(figure.data["palette"], np.uint8).reshape(256, 3)
    for row, column in [(0, 0), (1, 0), (2, 1), (2, 2)]:
        pixel = opened.evaluate(
            """([row, column]) => {
              const canvas = document.querySelector('.clf-plane canvas');
              const cell = canvas.width / 3;
              return [...canvas.getContext('2d').getImageData((column + 0.1) * cell, (row + 0.1) * cell, 1, 1).data];
            }""",
            [row, column],
        )
        expected = palette[round(255 * float(figure.weights[row, column]))]
        assert np.abs(np.array(pixel[:3]) - expected).max() <= 3, (row, column)  # one step of the table on rounding


def test_keyboard_only(mount):
    figure = explorer()
    opened = mount(figure)
    for _ in range(3):  # what to try, reset, layer
        opened.keyboard.press("Tab")
    opened.keyboard.press("Tab")  # heads
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Tab")  # grid: one tab stop
    assert grid(opened).evaluate("element => element === document.activeElement")
    opened.keyboard.press("Control+Home")
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowDown")
    assert said(opened) == f"query sat, key the, {figure_weight(figure, 0, 1, 2, 0)}, layer 0, head 1"
    opened.keyboard.press("End")
    assert said(opened) == "query sat, key mat, hidden by the mask, layer 0, head 1"
    opened.keyboard.press("Home")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Enter")
    assert said(opened) == f"query sat, key cat, {figure_weight(figure, 0, 1, 2, 1)}, layer 0, head 1, pinned"
    opened.keyboard.press("ArrowDown")
    assert "Pinned: sat" in opened.locator(".clf-panel").inner_text()
    opened.keyboard.press("Escape")
    assert said(opened).endswith("unpinned")
    changes = opened.evaluate("() => window.changes[0]")
    state = {}
    for change in changes:
        state |= change
    assert state == {"head": 1, "query": 3, "picked": 1, "pinned": None}
    assert {"pinned": 2} in changes


def figure_weight(figure, layer, head, query, key):
    return f"{unpacked(figure.data['weights'])[layer, head, query, key]:.2f}"


def test_grid_is_described_to_assistive_technology(open_figure):
    opened = open_figure(explorer())
    plane = grid(opened)
    plane.focus()
    opened.keyboard.press("Control+Home")
    opened.keyboard.press("ArrowDown")
    assert (plane.get_attribute("aria-rowcount"), plane.get_attribute("aria-colcount")) == ("5", "5")
    cell = opened.locator(f"#{plane.get_attribute('aria-activedescendant')}")
    assert cell.get_attribute("role") == "gridcell" and cell.get_attribute("aria-colindex") == "1"
    assert opened.locator(".clf [role=row]").get_attribute("aria-rowindex") == "2"


def test_handled_keys_stay_in_the_figure_and_others_pass(mount):
    opened = mount(explorer())
    opened.evaluate("() => { window.passed = []; document.addEventListener('keydown', (e) => passed.push(e.key)); }")
    grid(opened).focus()
    for key in ("ArrowDown", "ArrowUp", "Home", "End", "PageUp", "Enter", "Space", "Escape", "Control+End", "b"):
        opened.keyboard.press(key)
    opened.locator("input[type=radio]").first.focus()
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("() => passed") == ["Control", "b"]


def test_hover_reads_without_choosing_and_click_pins(mount):
    figure = explorer()
    opened = mount(figure)
    opened.mouse.move(*centre(opened, 3, 1, 5))
    assert opened.locator(".clf-value strong").inner_text() == f"{figure.weights[3, 1]:.4f}"
    assert opened.evaluate("() => window.changes[0]") == []
    opened.mouse.click(*centre(opened, 3, 1, 5))
    assert opened.evaluate("() => window.changes[0]") == [{"query": 3, "picked": 1, "pinned": 3}]
    opened.mouse.move(*centre(opened, 2, 2, 5))
    assert "Pinned: on" in opened.locator(".clf-panel").inner_text()
    opened.get_by_role("button", name="Unpin").click()
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"pinned": None}


def test_hidden_keys_are_not_among_the_largest(mount):
    opened = mount(explorer())
    for query in range(5):
        opened.evaluate("(query) => window.handles[0].update({ query })", query)
        assert opened.locator(".clf-bars li").count() == query + 1


def test_the_sentence_has_the_colours_of_the_weights_of_the_query_that_is_read(mount):
    figure = explorer()
    opened = mount(figure)
    palette = np.frombuffer(figure.data["palette"], np.uint8).reshape(256, 3)
    opened.get_by_role("radio", name="2").check()
    figure.head = 2
    for query in (4, 2):
        opened.evaluate("(query) => window.handles[0].update({ query })", query)
        figure.query = query
        grounds = opened.locator(".clf-word").evaluate_all("(all) => all.map((e) => e.style.backgroundColor)")
        indices = np.rint(255 * figure.weights[query, : query + 1]).astype(int)
        colours = [f"rgb({', '.join(map(str, colour))})" for colour in palette[indices].tolist()]
        assert grounds == colours + [""] * (4 - query)  # what is hidden has none
        assert opened.locator(".clf-word.clf-current").inner_text() == TOKENS[figure.weights[query].argmax()]


def test_another_head_shows_its_own_strongest_key(mount):
    figure = explorer()
    opened = mount(figure)
    grid(opened).focus()
    opened.keyboard.press("Home")
    for head in ("1", "2"):
        opened.get_by_role("radio", name=head).check()
        figure.head = int(head)
        assert opened.locator(".clf-value strong").inner_text() == f"{figure.weights[4].max():.4f}"


def test_touch_picks_a_cell(open_figure):
    opened = open_figure(explorer(), has_touch=True)
    opened.touchscreen.tap(*centre(opened, 4, 2, 5))
    # The browser makes a click of a tap a moment later.
    opened.locator("[aria-live=polite]", has_text="query mat, key sat").wait_for(state="attached")
    assert said(opened).startswith("query mat, key sat") and said(opened).endswith("pinned")


def test_python_moves_the_figure(mount):
    opened = mount(explorer())
    opened.evaluate("() => window.handles[0].update({ layer: 1, head: 2, query: 1, picked: 0, pinned: 1 })")
    assert opened.locator("input[type=radio]").nth(2).is_checked()
    assert opened.get_by_label("Layer").input_value() == "1"
    assert opened.evaluate("() => window.changes[0]") == []  # what Python said is not sent back


def test_theme_follows_jupyterlab_over_the_system(mount):
    opened = mount(explorer(), color_scheme="dark")
    for light, theme in (("true", "light"), ("false", "dark")):
        opened.evaluate("(light) => { document.body.dataset.jpThemeLight = light; }", light)
        opened.wait_for_selector(f".clf[data-theme={theme}]")


@pytest.mark.parametrize(("motion", "durations"), [("reduce", {"0s"}), ("no-preference", {"0.06s"})])
def test_reduced_motion_has_no_transitions(open_figure, motion, durations):
    opened = open_figure(explorer(), reduced_motion=motion)
    found = opened.locator(".clf-cell").evaluate("e => getComputedStyle(e).transitionDuration")
    assert set(found.split(", ")) == durations


def test_hostile_text_is_shown_as_typed(open_figure, hostile):
    opened = open_figure(explorer(hostile, title="<b>T</b>", caption="<i>c</i>"))
    rows = opened.locator(".clf-rows .clf-label").all_inner_texts()
    assert rows[:2] == hostile[:2] and rows[4] == "(empty)" and rows[5] == "<img␣src=x␣onerror=alert(1)>"
    assert opened.locator(".clf script, .clf img, .clf b, .clf i").count() == 0
    assert opened.locator(".clf-title").inner_text() == "<b>T</b>"


def test_right_to_left_text_and_page_leave_the_grid_as_it_is(open_figure):
    opened = open_figure(explorer(["שלום", "עולם", "مرحبا"]), reduced_motion="reduce")
    opened.evaluate("() => { document.documentElement.dir = 'rtl'; }")
    grid(opened).focus()
    opened.keyboard.press("Control+Home")
    assert said(opened).startswith("query שלום, key שלום, 1.00")
    opened.keyboard.press("ArrowRight")
    assert said(opened).startswith("query שלום, key עולם")
    cell, plane = opened.locator(".clf-cell").bounding_box(), grid(opened).bounding_box()
    assert abs(cell["x"] - plane["x"] - plane["width"] / 3) < 1


@pytest.mark.parametrize("width", [360, 800, 1280])
@pytest.mark.parametrize("n", [3, 60, 256])
def test_fits_its_place_at_every_size(open_figure, width, n):
    opened = open_figure(
        explorer([f"t{i}" for i in range(n)], layers=1, heads=2), viewport={"width": width, "height": 800}
    )
    assert opened.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    assert grid(opened).bounding_box()["width"] >= min(4 * n, 44 * n)
