"""Figure 10 in Chromium: errors, bytes and maps are Python's, and heads of a group meet in one place."""

import re

import numpy as np
import pytest

from course_lib.widgets.base import unpacked
from course_lib.widgets.head_sharing import HeadSharing

pytestmark = pytest.mark.browser
TOKENS = "the cat that we saw on the mat".split()
PLACES = "() => [...document.querySelectorAll('.clf-kv')].map((e) => e.getBoundingClientRect().x)"
PIXELS = """(i) => {
  const canvas = document.querySelectorAll(".clf-stage canvas")[i];
  return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def check(opened, python):
    errors = [float(text) for text in opened.locator(".clf-error").all_inner_texts()]
    np.testing.assert_allclose(errors, python.weight_errors[python.layer], rtol=0, atol=0.00501)
    first, *others = opened.locator(".clf-readout strong").all_inner_texts()
    assert first == python.data["sizes"][python.step]
    expected = [python.loss, python.weight_error, python.output_error]
    np.testing.assert_allclose([float(text) for text in others], expected, rtol=0, atol=0.00501)
    assert len({round(x) for x in opened.evaluate(PLACES)}) == python.n_kv_heads
    assert opened.locator(".clf-kv:not(.clf-under)").count() == python.n_kv_heads


def test_numbers_are_pythons_and_heads_merge(mount):
    python = HeadSharing.example(TOKENS)
    opened = mount(python, reduced_motion="reduce")
    check(opened, python)
    slider = opened.get_by_role("slider", name="KV heads")
    slider.focus()
    for key, g in (("Home", 12), ("ArrowRight", 6), ("End", 1), ("ArrowLeft", 3)):
        opened.keyboard.press(key)
        python.n_kv_heads = g
        check(opened, python)
        assert slider.get_attribute("aria-valuetext").startswith(f"{g} of 12")
    opened.get_by_role("radio", name="first").check()
    python.way = 1
    check(opened, python)


def test_heads_slide_unless_motion_is_reduced(mount):
    moving = "() => getComputedStyle(document.querySelector('.clf-kv')).transitionProperty"
    python = HeadSharing.example(TOKENS)
    assert mount(python, reduced_motion="no-preference").evaluate(moving) == "left"
    assert mount(python, reduced_motion="reduce").evaluate(moving) == "all"  # of no duration


def test_maps_are_coloured_by_their_weights_and_clear_above_the_diagonal(mount):
    python = HeadSharing.example(TOKENS)
    opened = mount(python)
    N, palette = len(TOKENS), np.frombuffer(python.data["palette"], np.uint8).reshape(256, 3)
    shown = np.array(opened.evaluate(PIXELS, 5)).reshape(N, N, 4)
    state = 1 + python.way * 3 + python.step - 1
    expected = palette[unpacked(python.data["maps"])[state, 0, 5]]
    np.testing.assert_array_equal(shown[np.tril_indices(N)][:, :3], expected)
    assert (shown[np.triu_indices(N, 1)] == 0).all() and (shown[np.tril_indices(N)][:, 3] == 255).all()


def test_the_chosen_head_is_seen_before_and_after_with_those_that_share(mount):
    python = HeadSharing.example(TOKENS)
    opened = mount(python)
    opened.locator(".clf-stage input").nth(7).check()
    opened.get_by_role("radio", name="first").check()
    python.way, python.head = 1, 7
    pair = opened.locator(".clf-two p").all_inner_texts()
    assert pair == ["Head 7 before:\nown KV head", "Head 7 after:\nshared by 4 to 7"] and python.n_kv_heads == 3
    assert opened.locator("p.clf-unseen").text_content() == "12 query heads read 3 KV heads, 4 each."
    N, palette = len(TOKENS), np.frombuffer(python.data["palette"], np.uint8).reshape(256, 3)
    pixels = "(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    for canvas, state in zip(opened.locator(".clf-two canvas").all(), (0, 1 + 3 + 1), strict=True):
        shown = np.array(canvas.evaluate(pixels)).reshape(N, N, 4)[np.tril_indices(N)]
        np.testing.assert_array_equal(shown[:, :3], palette[unpacked(python.data["maps"])[state, 0, 7]])
    opened.get_by_role("slider", name="KV heads").press("Home")
    assert opened.locator(".clf-two p").all_inner_texts() == [
        f"Head 7 {when}:\nown KV head" for when in ("before", "after")
    ]


def test_large_maps_are_said_with_each_querys_strongest_key(mount):
    """Held against the model's weights: what is sent is rounded to 1/255."""
    python = HeadSharing.example(TOKENS)
    opened = mount(python)
    opened.locator(".clf-stage input").nth(7).check()
    opened.locator("summary").click()
    rows = [row.locator("th, td").all_inner_texts() for row in opened.locator(".clf-table tbody tr").all()]
    N = len(TOKENS)
    for side, state in ((1, 0), (3, 1 + python.step - 1)):
        P = np.zeros((N, N))
        P[np.tril_indices(N)] = unpacked(python.data["maps"])[state, 0, 7] / 255
        best = P.argmax(axis=1)
        assert [row[side].split(" (")[0] for row in rows] == [TOKENS[j] for j in best]
        np.testing.assert_allclose([float(row[side + 1]) for row in rows], P.max(axis=1), rtol=0, atol=0.00501)
        image = opened.get_by_role("img").nth(side // 2)
        when = ("before, own KV head", "after, shared by 4 to 7")[side // 2]
        assert image.get_attribute("aria-label") == (
            f"Weights of head 7 {when}: query {TOKENS[-1]} weighs key {TOKENS[best[-1]]} most, {P.max(axis=1)[-1]:.2f}"
        )


def test_slider_and_curves_run_in_one_direction(mount):
    """One step to the right is one step to the right in both: fewer KV heads."""
    python = HeadSharing.example(TOKENS)
    opened = mount(python, reduced_motion="reduce")
    slider, places = opened.get_by_role("slider", name="KV heads"), []
    ring = "() => document.querySelector('.clf-error-plot .clf-chosen').getBoundingClientRect().x"
    slider.focus()
    opened.keyboard.press("Home")
    for _ in python.counts:
        places.append(opened.evaluate(ring))
        opened.keyboard.press("ArrowRight")
    assert places == sorted(places) and len(set(places)) == len(python.counts)
    texts = opened.locator(".clf-error-plot svg").first.locator("text").all_text_contents()
    names = [text for text in texts if text.isdigit()]
    assert names[: len(python.counts)] == [str(g) for g in python.counts]


def test_kv_heads_have_no_colour_of_a_method(mount):
    opened = mount(HeadSharing.example(TOKENS))
    look = """(all) => all.map((e) => {
      const { backgroundColor, borderTopStyle } = getComputedStyle(e);
      return [backgroundColor, borderTopStyle];
    })"""
    boxes = opened.locator(".clf-kv").evaluate_all(look)
    assert {style for _, style in boxes} == {"solid"} and len({colour for colour, _ in boxes}) == 1  # cached
    red, green, blue = map(int, re.findall(r"\d+", boxes[0][0])[:3])
    assert max(red, green, blue) - min(red, green, blue) < 12  # grey


def test_a_point_of_a_curve_is_said_and_chosen(mount):
    python = HeadSharing.example(TOKENS)
    opened = mount(python, reduced_motion="reduce")
    plot = opened.get_by_role("listbox", name="weight on other keys")
    plot.focus()
    for key in ("Home", "ArrowDown", "End"):
        opened.keyboard.press(key)
    python.way, python.step = 1, 3
    point = opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()
    assert point == f"first, 1 KV head, {python.data['sizes'][3]}: {python.weight_error:.3f}"
    opened.keyboard.press("Enter")
    assert opened.evaluate("() => window.changes[0]") == [{"way": 1, "step": 3}]
    check(opened, python)
