"""Figure 3 in Chromium: numbers beside the slider, the plots' points, and a prediction."""

import numpy as np
import pytest

from course_lib.widgets import SoftmaxTemperature

pytestmark = pytest.mark.browser


def figure():
    rng = np.random.default_rng(9)
    return SoftmaxTemperature(rng.normal(size=64), rng.normal(size=(7, 64)), list("abcdefg"))


def readout(opened):
    return [float(text) for text in opened.locator(".clf-readout strong").all_inner_texts()]


def test_numbers_beside_the_slider_are_pythons(mount):
    python = figure()
    opened = mount(python)
    slider = opened.get_by_role("slider", name="Temperature")
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "End", "Home"):
        opened.keyboard.press(key)
        python.step = int(slider.input_value())
        expected = [python.keys_looked_at, np.log(python.keys_looked_at), python.gradient]
        np.testing.assert_allclose(readout(opened), expected, atol=0.0501)
        assert slider.get_attribute("aria-valuetext") == f"{python.temperature:.3g}"
    steps = [change["step"] for change in opened.evaluate("() => window.changes[0]")]
    assert steps == [9, 10, len(python.temperatures) - 1, 0]


def test_a_slider_under_way_tells_python_nothing(mount):
    opened = mount(figure())
    before = readout(opened)
    opened.get_by_role("slider").evaluate("(e) => { e.value = 20; e.dispatchEvent(new Event('input')); }")
    assert readout(opened) != before and opened.evaluate("() => window.changes[0]") == []
    opened.get_by_role("slider").evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert opened.evaluate("() => window.changes[0]") == [{"step": 20}]


def test_points_of_a_plot_are_walked_by_arrows_and_said(mount):
    python = figure()
    opened = mount(python)
    bars = opened.get_by_role("listbox", name="Weights")
    bars.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        opened.keyboard.press(key)
    point = opened.locator(f"#{bars.get_attribute('aria-activedescendant')}")
    assert point.text_content() == f"c: {python.weights[2]:.3f} at T = 1"
    assert (point.get_attribute("aria-posinset"), point.get_attribute("aria-setsize")) == ("3", "7")
    opened.keyboard.press("ArrowDown")
    python.temperature = 8 if python.width == 3 else 4
    assert point.text_content() == f"c: {python.weights[2]:.3f} at T = √d"
    assert opened.locator(".clf-tip:visible").inner_text() == point.text_content()
    opened.keyboard.press("Escape")
    assert opened.locator(".clf-tip:visible").count() == 0


def test_the_points_of_a_curve_are_now_and_the_root_of_the_width(mount):
    python = figure()
    python.step = 20
    opened = mount(python)
    curve = opened.get_by_role("listbox", name="keys looked at")
    curve.focus()
    point = opened.locator(f"#{curve.get_attribute('aria-activedescendant')}")
    for step in (20, python.scaled_step()):
        opened.keyboard.press("ArrowDown")
        python.step = step
        assert point.text_content() == f"T = {python.temperature:.3g}: keys looked at {python.keys_looked_at:.2f}"


def test_bars_are_as_high_as_their_weights(mount):
    python = figure()
    opened = mount(python)
    bars = opened.locator(".clf-plot").first.locator("g.clf-series rect")
    heights = [bars.nth(i).bounding_box()["height"] for i in range(7)]
    np.testing.assert_allclose(np.array(heights) / sum(heights), python.weights, atol=0.005)  # a pixel of 192


def test_predict_then_reveal(mount):
    python = figure()
    opened = mount(python)
    opened.get_by_role("button", name="Predict").click()
    assert opened.evaluate("() => window.changes[0]") == [{"width": 3, "hidden": True}]
    assert opened.locator(".clf-plot:visible, .clf-readout:visible").count() == 0
    assert opened.evaluate("() => document.activeElement.type") == "range"
    fixed = (("slider", "Temperature"), ("radio", "16"), ("button", "T = 1, no scale"), ("button", "T = √d"))
    for role, name in fixed:  # the question is about this width and temperature
        assert opened.get_by_role(role, name=name, exact=role == "button").first.is_disabled(), name
    opened.get_by_role("button", name="Try").dispatch_event("click")
    assert len(opened.evaluate("() => window.changes[0]")) == 1
    opened.get_by_label("Your prediction").focus()
    opened.keyboard.press("Home")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"predicted": 2, "hidden": False}
    python.width = 3
    verdict = opened.locator(".clf-verdict").inner_text()
    assert verdict == f"You predicted 2; it is {python.keys_looked_at:.1f}."
    assert opened.locator(".clf-plot:visible").count() == 3
    assert opened.locator(".clf :disabled").count() == 0
    assert "Predict another width" in opened.evaluate("() => document.activeElement.textContent")


def test_try_sets_the_temperature_to_the_root_of_the_width_that_is_then_chosen(mount):
    """At another width, √d is another temperature."""
    opened = mount(figure())
    opened.get_by_role("radio", name="4", exact=True).check()
    opened.get_by_role("button", name="Try").click()
    width = opened.get_by_role("group", name="Width d").locator("label:has(input:checked)")
    assert width.inner_text() == "16"
    assert opened.get_by_role("slider", name="Temperature").get_attribute("aria-valuetext") == "4"


@pytest.mark.parametrize(
    "leave",
    [
        lambda opened: opened.get_by_role("button", name="T = 1").click(),
        lambda opened: opened.get_by_role("button", name="Try").click(),
        lambda opened: opened.get_by_role("slider", name="Temperature").press("ArrowRight"),
        lambda opened: opened.get_by_role("radio", name="4", exact=True).check(),
    ],
    ids=["button", "try", "slider", "width"],
)
def test_a_prediction_is_dropped_where_its_temperature_or_width_is_left(mount, leave):
    python = figure()
    python.temperature, python.predicted = 2, 3
    opened = mount(python)
    verdict = opened.locator(".clf-verdict")
    assert verdict.inner_text() == f"You predicted 3; it is {python.keys_looked_at:.1f}."
    leave(opened)
    assert verdict.is_hidden()
    assert {"predicted": None} in opened.evaluate("() => window.changes[0]")
