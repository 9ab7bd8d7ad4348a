"""Figure 6 in Chromium: hands, terms and both sides of the identity are Python's."""

import re
from datetime import datetime

import numpy as np
import pytest

from course_lib.config import Rope
from course_lib.widgets.rotary_clocks import RotaryClocks

pytestmark = pytest.mark.browser

HANDS = """() => [...document.querySelectorAll('.clf-clock svg')].map((svg) =>
  [...svg.querySelectorAll('.clf-hand')].map((line) => [-line.getAttribute('y2'), +line.getAttribute('x2')]))"""


def figure():
    return RotaryClocks(*np.random.default_rng(3).normal(size=(2, 10)), positions=11)


def typeset(value, digits):
    return f"{value:.{digits}f}".replace("-", "−")


def numbers(opened, selector):
    return [float(text.replace("−", "-")) for text in opened.locator(selector).all_inner_texts()]


def assert_shown(opened, python):
    np.testing.assert_allclose(numbers(opened, ".clf-term"), python.terms, rtol=0, atol=0.005001)
    by_shift = python.by_shift[python.shifts == python.shift][0]
    assert opened.locator(".clf-sides strong").all_inner_texts() == [typeset(python.score, 6), typeset(by_shift, 6)]
    drawn = np.array(opened.evaluate(HANDS))
    q, k = (x.reshape(-1, 2) for x in python._turned())
    longest = max(np.linalg.norm(q, axis=1).max(), np.linalg.norm(k, axis=1).max())
    np.testing.assert_allclose(drawn, np.stack([q, k], axis=1) * 38 / longest, rtol=0, atol=0.0501)  # tenths


def test_sliders_turn_the_hands_and_the_terms_are_pythons(mount):
    python = figure()
    opened = mount(python)
    assert_shown(opened, python)
    for name, keys in (("Query", ("End", "ArrowLeft")), ("Key", ("Home", "ArrowRight", "ArrowRight"))):
        slider = opened.get_by_role("slider", name=name)
        slider.focus()
        for key in keys:
            opened.keyboard.press(key)
            setattr(python, name.lower(), int(slider.input_value()))
            assert_shown(opened, python)
    assert (python.query, python.key) == (9, 2)


def test_the_angle_between_the_hands_is_drawn_the_shorter_way_round(mount):
    python = figure()
    opened = mount(python)
    wedges = opened.locator(".clf-clock .clf-wedge").evaluate_all("(all) => all.map((e) => e.getAttribute('d'))")
    assert len({angle > 0 for angle in python.angles}) == 2  # of either way there are some
    # M0 0 L x y A r r 0 long clockwise x y Z: from the query's hand to the key's.
    for wedge, angle in zip(wedges, python.angles, strict=True):
        assert re.search(r"A\S+ \S+ 0 (\d) (\d) ", wedge).groups() == ("0", "1" if angle > 0 else "0")


def test_moving_both_turns_all_hands_and_keeps_the_score(mount):
    python = figure()
    opened = mount(python)
    before, hands = opened.locator(".clf-sides strong").all_inner_texts(), opened.evaluate(HANDS)
    terms = numbers(opened, ".clf-term")
    on = opened.get_by_role("button", name="Move both on")
    on.focus()
    for _ in range(3):
        opened.keyboard.press("Enter")  # from 8 and 5 to the end, 10 and 7; the third leads nowhere
    assert opened.evaluate("() => window.changes[0]") == [{"query": 9, "key": 6}, {"query": 10, "key": 7}]
    assert on.get_attribute("aria-disabled") == "true"
    assert opened.evaluate("() => document.activeElement.textContent") == "Move both on"
    assert opened.locator(".clf-sides strong").all_inner_texts() == before
    assert numbers(opened, ".clf-term") == terms
    assert np.abs(np.array(opened.evaluate(HANDS)) - hands)[0].max() > 1
    python.query, python.key = 10, 7
    assert_shown(opened, python)


def test_play_moves_both_on_to_the_end_and_the_score_stays(mount):
    opened = mount(figure(), reduced_motion="reduce")
    opened.clock.install(time=datetime(2000, 1, 1))
    opened.clock.pause_at(datetime(2000, 1, 2))
    play = opened.locator(".clf-play")
    opened.clock.run_for(5000)
    assert opened.evaluate("() => window.changes[0]") == []
    shown = opened.locator(".clf-sides strong").all_inner_texts(), numbers(opened, ".clf-term"), wedge_angles(opened)
    hands = opened.evaluate(HANDS)
    play.press("Enter")
    for query in (9, 10):  # from 8 and 5; the last position is 10
        assert opened.evaluate("() => window.changes[0].at(-1)") == {"query": query, "key": query - 3}
        now = opened.locator(".clf-sides strong").all_inner_texts(), numbers(opened, ".clf-term")
        assert now == shown[:2]
        np.testing.assert_allclose(wedge_angles(opened), shown[2], rtol=0, atol=0.02)  # hands are drawn to tenths
        assert np.abs(np.array(opened.evaluate(HANDS)) - hands)[0].max() > 1
        opened.clock.run_for(1000)
    opened.clock.run_for(5000)
    assert (play.inner_text(), len(opened.evaluate("() => window.changes[0]"))) == ("Play", 2)
    play.press("Enter")
    opened.clock.run_for(1100)
    assert opened.evaluate("() => window.changes[0].slice(2)") == [{"query": 3, "key": 0}, {"query": 4, "key": 1}]


def wedge_angles(opened):
    """The angle between the two hands of each clock, as they are drawn, in radians."""
    q, k = (np.array(opened.evaluate(HANDS))[:, side] for side in (0, 1))
    z, w = q[:, 0] + 1j * q[:, 1], k[:, 0] + 1j * k[:, 1]
    return np.angle(z.conj() * w)


@pytest.mark.parametrize("act", ["slider", "button", "reset"])
def test_play_pauses_when_one_is_moved_alone_or_both_by_hand(mount, act):
    python = figure()
    python.query, python.key = 4, 1
    opened = mount(python)
    opened.clock.install(time=datetime(2000, 1, 1))
    opened.clock.pause_at(datetime(2000, 1, 2))
    opened.locator(".clf-play").press("Enter")
    act_on = {
        "slider": opened.get_by_role("slider", name="Key"),
        "button": opened.get_by_role("button", name="Move both back"),
        "reset": opened.get_by_role("button", name="Reset"),
    }[act]
    act_on.press("ArrowLeft" if act == "slider" else "Enter")
    opened.clock.run_for(5000)
    expected = {"slider": {"key": 1}, "button": {"query": 4, "key": 1}, "reset": {"query": 4, "key": 1}}[act]
    assert opened.evaluate("() => window.changes[0].slice(1)") == [expected]


def test_the_chosen_pair_is_read_out_and_its_wave_drawn(mount):
    python = figure()
    opened = mount(python)
    opened.evaluate("() => window.handles[0].update({ pair: 2, query: 7, key: 1 })")
    python.query, python.key = 7, 1
    reading = opened.locator(".clf-pair").inner_text()
    theta = 10_000 ** (-4 / 10)
    assert reading.startswith(f"Pair 2: θ = {theta:.3g} radians per position, a whole turn in {2 * np.pi / theta:.3g} ")
    assert reading.endswith(f"cos {abs(python.angles[2]):.3f} = {typeset(python.terms[2], 3)}.")
    curve = opened.get_by_role("listbox", name="Score by shift")
    curve.focus()
    opened.keyboard.press("Home")
    point = opened.locator(f"#{curve.get_attribute('aria-activedescendant')}")
    assert point.text_content() == f"shift −10: {typeset(python.by_shift[0], 3)}"
    opened.keyboard.press("ArrowDown")
    assert point.text_content() == f"shift −10: {typeset(python.waves[0, 2], 3)}, pair 2"


def test_the_point_of_now_lies_on_the_curve(mount):
    """It is moved along the line that was drawn, and read out from there."""
    python = figure()
    opened = mount(python)
    curve = opened.get_by_role("listbox", name="Score by shift")
    curve.focus()
    for key in ("ArrowDown", "ArrowDown"):
        opened.keyboard.press(key)
    for query, key in ((9, 0), (0, 10)):
        opened.evaluate("(chosen) => window.handles[0].update(chosen)", {"query": query, "key": key})
        python.query, python.key = query, key
        opened.keyboard.press("Home")
        point = opened.locator(f"#{curve.get_attribute('aria-activedescendant')}")
        assert point.text_content() == f"shift {query - key}: {python.score:.3f}".replace("-", "−")
        at = "({ cx, cy }) => [cx.baseVal.value, cy.baseVal.value]"
        now = opened.locator(".clf-plot .clf-series circle").evaluate(at)
        np.testing.assert_allclose(now, opened.locator(".clf-here").evaluate(at), atol=0.0501)


def test_a_shift_taken_from_the_curve_lies_in_the_map(mount):
    opened = mount(figure())
    curve = opened.get_by_role("listbox", name="Score by shift")
    for key, expected in (("Home", (0, 10)), ("End", (10, 0))):
        curve.focus()
        opened.keyboard.press(key)
        opened.keyboard.press("Enter")
        query, key_ = expected
        shown = [int(text) for text in opened.locator(".clf-range output").all_inner_texts()]
        assert shown == [query, key_]


def turned_by(opened, pair, name, radians):
    """Take the end of a hand in a clock, and turn it clockwise in small steps."""
    mark = {"query": "circle.clf-end", "key": "rect.clf-end"}[name]
    face = opened.locator(".clf-clock svg").nth(pair)
    dial, end = (face.locator(each).bounding_box() for each in (".clf-dial", mark))
    (x, y), (u, v) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in (dial, end))
    opened.mouse.move(u, v)
    opened.mouse.down()
    for angle in np.linspace(0, radians, 9):
        turn = (u - x + 1j * (v - y)) * np.exp(1j * angle)  # y points down, so that this is clockwise
        opened.mouse.move(x + turn.real, y + turn.imag)
    opened.mouse.up()


def test_a_hand_is_turned_by_its_end_and_its_vector_moves_with_it(mount):
    python = RotaryClocks(np.ones(10), np.tile([1.0, -1.0], 5), positions=11)  # hands as long as each other
    opened = mount(python, reduced_motion="reduce")
    pair, theta = 1, python.data["theta"][1]
    turned_by(opened, pair, "query", -3 * theta)
    assert opened.evaluate("() => window.changes[0]") == [{"pair": pair, "query": python.query - 3}]
    python.query -= 3
    assert_shown(opened, python)
    turned_by(opened, pair, "key", 4 * theta)
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"key": python.key + 4}
    turned_by(opened, pair, "key", 40 * theta)
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"key": 10}  # no farther than positions go


def test_scores_of_one_sign_have_the_colours_of_weights(mount):
    pixel = """() => [...document.querySelector(".clf-plane canvas").getContext("2d").getImageData(3, 3, 1, 1).data]"""
    for k in (np.array([1.0, 0.0]), np.array([-1.0, 0.0])):
        python = RotaryClocks(np.array([1.0, 0.0]), k, rope=Rope(base=1e9), positions=2)
        assert (np.sign(python.scores) == k[0]).all()
        table = np.frombuffer(python.data["palette"], np.uint8).reshape(256, 3)
        lowest = min(0, -np.abs(python.scores).max() * (k[0] < 0))
        at = round(255 * (python.scores[0, 0] - lowest) / np.abs(python.scores).max())
        assert mount(python).evaluate(pixel)[:3] == table[at].tolist()


def test_the_map_says_the_score_and_marks_its_diagonal(mount):
    python = figure()
    opened = mount(python)
    opened.get_by_role("grid").focus()
    opened.keyboard.press("ArrowDown")
    python.query += 1
    assert f"shift 4, score {typeset(python.score, 4)};" in opened.locator("[aria-live=polite]").inner_text()
    outlined = opened.locator(".clf-over").get_attribute("d")
    assert outlined == "".join(f"M{n} {n + 4}h1v1h-1z" for n in range(7))
