"""Figure 7 in Chromium: rows, costs and logits are those of Python, at each step."""

from datetime import datetime

import numpy as np
import pytest

from course_lib.widgets.base import packed
from course_lib.widgets.decode_stepper import DecodeStepper

pytestmark = pytest.mark.browser

TOKENS = "the cat that we saw on the mat".split()


def numbers(rows):
    return [
        [cell.replace(",", "").replace("−", "-") for cell in row.locator("th, td").all_inner_texts()]
        for row in rows.all()
    ]


def ratio(one, other):
    """With three digits, as the figure words it."""
    return f"{one / other:#.3g} ×"


def test_costs_and_logits_are_pythons_at_each_step(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python)
    opened.locator("summary").click()
    opened.get_by_role("button", name="Start").click()
    for python.step in range(5):
        costs = numbers(opened.locator(".clf-table").nth(0).locator("tbody tr"))
        recomputed, cached = python.works
        assert costs[1][1:] == [str(recomputed.flops), str(cached.flops), ratio(recomputed.flops, cached.flops)]
        assert costs[3][1:3] == [str(recomputed.bytes), str(cached.bytes)]
        assert costs[5][2] == str(python.data["held"][python.step])
        logits = numbers(opened.locator(".clf-table").nth(1).locator("tbody tr"))
        best = np.argsort(-python.logits[1], kind="stable")[:5]
        np.testing.assert_allclose(
            [[float(x) for x in row[1:]] for row in logits], python.logits[:, best].T, atol=5.1e-5
        )
        if python.step < 4:
            opened.get_by_role("button", name="Next").click()
    assert opened.evaluate("() => window.changes[0]") == [{"step": step} for step in range(5)]


def test_bars_are_as_long_as_the_costs_on_one_scale_for_all_steps(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python, reduced_motion="reduce")
    most = {}
    for python.step in range(5):
        most = {of: max(most.get(of, 0), getattr(python.works[0], of)) for of in ("flops", "bytes")}
    for python.step in (0, 2, 4):
        opened.evaluate("(step) => window.handles[0].update({ step })", python.step)
        recomputed, cached = python.works
        for share, of in zip(opened.locator(".clf-decode-share").all(), ("flops", "bytes"), strict=True):
            track, whole, fill = (
                share.locator(f".clf-decode-{part}").bounding_box() for part in ("bar", "whole", "fill")
            )
            all_of, one_of = getattr(recomputed, of), getattr(cached, of)
            assert whole["width"] == pytest.approx(track["width"] * all_of / most[of], abs=0.1)
            inside = whole["width"] - 2 * (fill["x"] - whole["x"])  # without the frame
            assert fill["width"] == pytest.approx(inside * one_of / all_of, abs=0.1)
            said = share.inner_text()
            assert f"with a cache {one_of:,}" in said and f"recomputed {all_of:,}" in said
            assert ("the same either way" if python.step == 0 else f"recomputed: {ratio(all_of, one_of)}") in said


def test_how_far_both_ways_differ_is_said(mount):
    python = DecodeStepper.example(TOKENS)
    python.data["differences"] = packed([[2.5e-7] * 5, [3.1e-16] * 5], "<f8")
    said = mount(python).locator(".clf-decode-equal").inner_text()
    chosen = python.data["candidates"][python.step][0]
    assert said.startswith(f"Next token {chosen} either way: the logits differ by at most 2.5 × 10⁻⁷, the rows by 3.1")


@pytest.mark.parametrize("step", [0, 3])
def test_what_is_made_now_and_what_is_kept(mount, step):
    python = DecodeStepper.example(TOKENS)
    python.step = step
    opened = mount(python)
    lines = opened.locator(".clf-decode-rows li:visible")
    made = 1 if step else python.length
    names = [*python.tokens[: python.length], python.data["candidates"][step][0]]
    assert lines.locator("bdi").all_inner_texts() == names
    said = [", from the cache"] * (python.length - made) + [", made now"] * made + ["the next token"]
    assert lines.locator("span").all_text_contents() == said
    frames = lines.locator("div").evaluate_all("(all) => all.map((e) => getComputedStyle(e).borderLeftStyle)")
    assert frames == ["solid"] * (python.length - made) + ["dashed"] * made + ["solid"]
    strengths = lines.locator("canvas").evaluate_all("(all) => all.map((e) => getComputedStyle(e).opacity)")
    assert strengths == ["0.45"] * (python.length - made) + ["1"] * (made + 1)
    title = opened.locator(".clf-decode-title").inner_text()
    assert title == f"K of {python.length} tokens: {made} made now, {python.length - made} from the cache"


def test_of_a_long_text_the_last_rows_are_shown(mount):
    python = DecodeStepper.example([f"w{i}" for i in range(30)])
    opened = mount(python)
    for step in (0, 4):
        opened.evaluate("(step) => window.handles[0].update({ step })", step)
        shown = opened.locator(".clf-decode-rows li:visible bdi").all_inner_texts()
        length = python.data["prompt"] + step
        assert shown == [*python.tokens[length - 19 : length], python.data["candidates"][step][0]]
        assert f"({length - 19} of them not shown)" in opened.locator(".clf-decode-title").inner_text()


def test_it_plays_only_when_asked_to_the_end_or_until_it_is_paused(mount):
    opened = mount(DecodeStepper.example(TOKENS), reduced_motion="reduce")
    opened.clock.install(time=datetime(2000, 1, 1))
    opened.clock.pause_at(datetime(2000, 1, 2))
    changes = "() => window.changes[0].map((change) => change.step)"
    play = opened.locator(".clf-play")
    opened.clock.run_for(5000)
    assert opened.evaluate(changes) == []
    play.press("Enter")
    assert (play.inner_text(), opened.evaluate(changes)) == ("Pause", [3])
    opened.clock.run_for(900)
    play.press("Enter")
    opened.clock.run_for(5000)
    assert (play.inner_text(), opened.evaluate(changes)) == ("Play", [3])
    play.press("Enter")
    assert (play.inner_text(), opened.evaluate(changes)) == ("Play", [3, 4])  # the last
    play.press("Enter")
    opened.clock.run_for(2100)
    assert opened.evaluate(changes) == [3, 4, 0, 1, 2]
    opened.get_by_role("button", name="Back").click()
    opened.clock.run_for(5000)
    assert (play.inner_text(), opened.evaluate(changes)) == ("Play", [3, 4, 0, 1, 2, 1])
    play.press("Enter")
    opened.clock.run_for(1100)
    opened.get_by_role("button", name="Reset").click()
    opened.clock.run_for(5000)
    assert (play.inner_text(), opened.evaluate(changes)[6:]) == ("Play", [2, 3, 2])


def test_pictures_are_the_rows_in_the_colours_of_their_scale(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python)
    opened.evaluate("() => window.handles[0].update({ step: 2, layer: 1, head: 5, tensor: 'V' })")
    python.step, python.layer, python.head, python.tensor = 4, 1, 5, "V"
    rows = python.rows
    lines = opened.locator(".clf-decode-rows canvas")
    read = "(e) => [...e.getContext('2d').getImageData(0, 0, e.width, e.height).data]"
    pixels = np.array([line.evaluate(read) for line in lines.all()]).reshape(len(rows) + 1, rows.shape[1], 4)
    assert (pixels[-1] == 0).all() and (pixels[:-1, :, 3] == 255).all()  # the token after the last step has no row
    table = np.frombuffer(python.data["signed_palette"], np.uint8).reshape(256, 3)
    limit = np.abs(rows).max()
    index = np.floor(255 * (rows.astype(float) + limit) / (2 * limit) + 0.5).astype(int)
    np.testing.assert_array_equal(pixels[:-1, :, :3], table[index])
