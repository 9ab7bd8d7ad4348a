"""The figure of errors against costs in Chromium: numbers, points and sentences are Python's."""

import pytest

from course_lib.widgets.error_against_cost import ErrorAgainstCost, short

pytestmark = pytest.mark.browser


@pytest.fixture
def python(tokens):
    return ErrorAgainstCost.example(tokens)


def readout(opened):
    return opened.locator(".clf-readout strong").all_inner_texts()


def point(opened, keys):
    plot = opened.get_by_role("listbox", name="Error against cost")
    plot.focus()
    for key in keys:
        opened.keyboard.press(key)
    return opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()


@pytest.mark.parametrize(
    "chosen",
    [dict(layer=1, head="head 2", cost="bytes"), dict(method="random features", setting=5), dict(shown="one method")],
)
def test_readout_and_what_is_known_are_pythons(mount, python, chosen):
    for name, value in chosen.items():
        setattr(python, name, value)
    opened = mount(python)
    best, (words, number) = python.point, python.guarantee
    assert readout(opened) == [short(best.error), short(best.cost), str(best.m)]
    assert opened.locator(".clf-known").inner_text() == f"Known: {words} {short(number)}."


def test_points_of_the_plot_are_pythons(mount, python):
    opened = mount(python)
    python.method, python.setting = "range finder", 1
    best = python.point
    said = f"range finder, m = {best.m}: error {short(best.error)} at {short(best.cost)} times exact attention"
    assert point(opened, ["ArrowDown", "Home", "ArrowRight"]) == said


def test_a_point_is_chosen_by_enter_and_by_a_click(mount, python):
    opened = mount(python)
    point(opened, ["ArrowDown", "Home", "ArrowRight", "Enter"])
    assert opened.evaluate("() => window.changes[0]") == [{"method": "range finder", "setting": 1}]
    place = opened.locator("g.clf-series").nth(9).locator("circle").first
    place.click(force=True)
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"method": "hashing", "setting": 0}


def test_only_what_is_shown_is_drawn(mount, python):
    python.shown, python.method = "no scores formed", "best rank"
    opened = mount(python)
    drawn = python.drawing().axes[0]
    assert opened.locator(".clf-key").all_inner_texts() == drawn.get_legend_handles_labels()[1]
    assert opened.locator(".clf-name").all_text_contents() == [drawn.get_xlabel(), drawn.get_ylabel()]
