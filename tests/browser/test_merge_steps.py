"""Figure 13 in Chromium: boxes, marks and counts are Python's at each step, and it plays only when asked."""

from datetime import datetime
from itertools import pairwise

import pytest

from course_lib.widgets.merge_steps import MergeSteps

pytestmark = pytest.mark.browser

TEXT = "The first constant is applied to the first integration, the second to the second."
WORDS = """() => [...document.querySelectorAll(".clf-merge-text .clf-merge-word")].map((word) =>
  [...word.children].map((token) => [token.textContent, token.className]))"""
CHANGES = "() => window.changes[0].map((change) => change.step)"


def test_text_marks_and_counts_at_each_step_are_pythons(mount):
    python = MergeSteps(TEXT)
    opened = mount(python, reduced_motion="reduce")
    last = python.allowed()["step"][-1]
    for python.step in range(last + 1):
        opened.evaluate("(step) => window.handles[0].update({ step })", python.step)
        words = opened.evaluate(WORDS)
        assert [[token for token, _ in word] for word in words] == python.tokens
        lines = opened.locator(".clf-merge-counts li").all()
        shown = [(*line.locator("bdi").all_inner_texts(), line.inner_text().split("\n")[-1]) for line in lines]
        expected = [(left, right, f"{n} time{'s' * (n > 1)}") for left, right, n in python.leading]
        assert shown == expected
        lit = ["".join(token for token, kinds in word if "clf-merge-lit" in kinds) for word in words]
        left, right, count = python.leading[0]
        assert sum(each.count(left + right) for each in lit) == (count if python.step < last else 0)
        made = [token for word in words for token, kinds in word if "made-now" in kinds]
        assert set(made) == ({python._added(python.step)} if python.step else set())
        readout = opened.locator(".clf-merge-readout strong").all_inner_texts()
        assert readout == [str(sum(map(len, python.tokens))), f"256 + {python.step} = {python.vocab_size}"]


def test_of_a_run_only_pairs_that_are_joined_are_lit(mount):
    python = MergeSteps("aaaaa bbb")
    words = mount(python).evaluate(WORDS)
    assert python.leading[0] == ("a", "a", 4)
    assert ["lit" in kinds for _, kinds in words[0]] == [True] * 4 + [False]


def test_a_step_is_said(mount):
    opened = mount(MergeSteps(TEXT))
    for _ in range(3):
        opened.get_by_role("button", name="Next").click()
    live = opened.locator("[aria-live=polite]")
    assert live.inner_text() == "step 3: 'o' + 'n', 4 times; 68 tokens, vocabulary 259"
    assert opened.locator(".clf-where").inner_text() == f"step 3 of {MergeSteps(TEXT).allowed()['step'][-1]}"


def test_nothing_jumps_while_the_text_grows_shorter(mount):
    python = MergeSteps(TEXT)
    opened = mount(python, reduced_motion="reduce", viewport={"width": 390, "height": 844})
    places = set()
    for step in python.allowed()["step"]:
        opened.evaluate("(step) => window.handles[0].update({ step })", step)
        places.add(opened.locator(".clf-merge-counts").bounding_box()["y"])
    assert len(places) == 1


def test_it_plays_to_the_end_when_asked_and_pauses(mount):
    opened = mount(MergeSteps(TEXT, most=4), reduced_motion="reduce")
    opened.clock.install(time=datetime(2000, 1, 1))
    opened.clock.pause_at(datetime(2000, 1, 2))
    play = opened.locator(".clf-play")
    opened.clock.run_for(5000)
    assert opened.evaluate(CHANGES) == []
    play.press("Enter")
    opened.clock.run_for(1100)
    play.press("Enter")
    opened.clock.run_for(5000)
    assert (play.inner_text(), opened.evaluate(CHANGES)) == ("Play", [1, 2])
    play.press("Enter")
    opened.clock.run_for(5000)
    assert (play.inner_text(), opened.evaluate(CHANGES)) == ("Play", [1, 2, 3, 4])


@pytest.mark.parametrize(("motion", "moving"), [("no-preference", True), ("reduce", False)])
def test_halves_slide_together_one_step_on_unless_motion_is_reduced(mount, motion, moving):
    opened = mount(MergeSteps(TEXT), reduced_motion=motion)
    assert opened.evaluate("() => document.getAnimations().length") == 0
    # Asked for in the same task: an animation is over soon.
    running = "(step) => { window.handles[0].update({ step }); return document.getAnimations().length > 0; }"
    for step, moves in ((1, moving), (2, moving), (1, False), (4, False)):
        assert opened.evaluate(running, step) == moves


def test_lit_boxes_stand_next_to_each_other(mount):
    python = MergeSteps(TEXT)
    opened = mount(python)
    boxes = [box.bounding_box() for box in opened.locator(".clf-merge-text .clf-merge-lit").all()]
    assert len(boxes) == 2 * python.leading[0][2]
    for left, right in list(pairwise(boxes))[::2]:
        assert right["x"] - left["x"] - left["width"] == pytest.approx(1, abs=0.6)
