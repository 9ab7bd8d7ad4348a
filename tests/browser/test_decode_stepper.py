"""Figure 7 in Chromium: rows, costs and logits are those of Python, at each step."""

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


def test_costs_and_logits_are_pythons_at_each_step(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python)
    opened.get_by_role("button", name="Start").click()
    for python.step in range(5):
        costs = numbers(opened.locator(".clf-decode-numbers .clf-table").nth(0).locator("tbody tr"))
        recomputed, cached = python.works
        assert costs[1][1:] == [str(recomputed.flops), str(cached.flops), f"{recomputed.flops / cached.flops:.1f} ×"]
        assert costs[3][1:3] == [str(recomputed.bytes), str(cached.bytes)]
        assert costs[5][2] == str(python.data["held"][python.step])
        logits = numbers(opened.locator(".clf-decode-numbers .clf-table").nth(1).locator("tbody tr"))
        best = np.argsort(-python.logits[1], kind="stable")[:5]
        np.testing.assert_allclose(
            [[float(x) for x in row[1:]] for row in logits], python.logits[:, best].T, atol=5.1e-5
        )
        if python.step < 4:
            opened.get_by_role("button", name="Next").click()
    assert opened.evaluate("() => window.changes[0]") == [{"step": step} for step in range(5)]


def test_how_far_both_ways_differ_is_said(mount):
    python = DecodeStepper.example(TOKENS)
    python.data["differences"] = packed([[2.5e-7] * 5, [3.1e-16] * 5], "<f8")
    said = mount(python).locator(".clf-decode-equal").inner_text()
    assert "rows and the recomputed ones differ by at most 3.1 × 10⁻¹⁶ in all heads and layers" in said
    assert "logits of all tokens by at most 2.5 × 10⁻⁷:" in said


def test_what_is_computed_and_what_is_kept(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python)
    for step in (0, 3):
        opened.evaluate("(step) => window.handles[0].update({ step })", step)
        length = python.data["prompt"] + step
        read = opened.locator(".clf-decode-reads .clf-decode-token").all_inner_texts()
        assert read == [*python.tokens[:length], python.data["candidates"][step][0]]
        new = opened.locator(".clf-decode-reads .clf-decode-new").all_inner_texts()
        assert new == python.tokens[length - 1 if step else 0 : length]
        for panel, computed in zip(
            opened.locator(".clf-decode-panel").all(), (length, 1 if step else length), strict=True
        ):
            states = panel.locator("li:visible .clf-decode-state").all_inner_texts()
            assert states == ["from the cache"] * (length - computed) + ["computed"] * computed


def test_pictures_are_the_rows_in_the_colours_of_their_scale(mount):
    python = DecodeStepper.example(TOKENS)
    opened = mount(python)
    opened.evaluate("() => window.handles[0].update({ step: 2, layer: 1, head: 5, tensor: 'V' })")
    python.step, python.layer, python.head, python.tensor = 2, 1, 5, "V"
    for i in range(2):
        canvas = opened.locator(".clf-decode-panel canvas").nth(i)
        size = canvas.evaluate("(e) => [e.height, e.width]")
        assert size == [len(python.tokens), python.rows.shape[1]]
        pixels = canvas.evaluate("(e) => [...e.getContext('2d').getImageData(0, 0, e.width, e.height).data]")
        pixels = np.array(pixels).reshape(*size, 4)
        assert (pixels[python.length :] == 0).all() and (pixels[: python.length, :, 3] == 255).all()
        table = np.frombuffer(python.data["signed_palette"], np.uint8).reshape(256, 3)
        python.step = 4
        limit = np.abs(python.rows).max()
        python.step = 2
        index = np.floor(255 * (python.rows.astype(float) + limit) / (2 * limit) + 0.5).astype(int)
        np.testing.assert_array_equal(pixels[: python.length, :, :3], table[index])
