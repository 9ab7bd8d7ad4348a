"""Figure 4 in Chromium: the order of the tiles, the scores beside them, the two heads compared."""

import numpy as np
import pytest

from course_lib.widgets.head_gallery import ENTROPY, INDUCTION, PLACE, HeadGallery

pytestmark = pytest.mark.browser

PIXEL = """([i, x, y]) => {
  const canvas = document.querySelectorAll(".clf-tile canvas")[i];
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
}"""
PERIOD = 5
N = 2 * PERIOD


def figure(layers=None):
    A = np.exp(2 * np.random.default_rng(3).normal(size=(3, 4, N, N))) * np.tri(N)
    P, mask = A / A.sum(-1, keepdims=True), np.tri(N, dtype=bool)
    return HeadGallery(P, list("abcde") * 2, period=PERIOD, mask=mask, layers=layers, caption="Heads.")


def name(head):
    return f"L{head[0]} H{head[1]}"


def numbers_of_the_table(opened):
    return [[float(cell) for cell in row.locator("td").all_inner_texts()] for row in opened.locator("tbody tr").all()]


@pytest.mark.parametrize("layers", [None, (0, 2)], ids=str)
def test_tiles_stand_in_pythons_order_with_pythons_scores(mount, layers):
    python = figure(layers)
    opened = mount(python)
    for order in (INDUCTION, ENTROPY, PLACE):
        python.order = order
        opened.get_by_role("radio", name=order).click()
        texts = opened.get_by_role("option").all_inner_texts()
        assert [text.split("\n")[0] for text in texts] == [name(head) for head in python.ranked]
        if order != PLACE:
            score = dict(zip(layers or range(3), python.score(order), strict=True))
            assert [text.split("\n")[1] for text in texts] == [f"{score[i][head]:.2f}" for i, head in python.ranked]


def test_both_heads_are_chosen_by_click_and_key_and_compared(mount):
    python = figure()
    opened = mount(python)
    tiles = opened.get_by_role("listbox", name="Heads")
    tiles.get_by_role("option").nth(6).click()
    opened.get_by_role("radio", name="head B").click()
    tiles.focus()
    for key in ("Control+Home", "ArrowRight", "ArrowDown"):
        opened.keyboard.press(key)
    ranked = python.ranked
    python.heads = ranked[6], ranked[9]  # eight tiles stand in a row
    selected = opened.locator("[role=option][aria-selected=true]").all_inner_texts()
    assert [text.split("\n")[0] for text in selected] == [name(ranked[6]), name(ranked[9])]
    assert tiles.get_attribute("aria-activedescendant") == opened.get_by_role("option").nth(9).get_attribute("id")
    assert opened.locator(".clf-distance strong").inner_text() == f"{python.distance:.2f}"
    at = python.query, python.key
    for row, head in zip(numbers_of_the_table(opened), python.heads, strict=True):
        scores = [python.score(each["name"])[head] for each in python.data["scores"]]
        np.testing.assert_allclose(row, [*scores, python.weights[head][at]], rtol=0, atol=0.00501)


def test_one_crosshair_in_all_three_maps(mount):
    python = figure()
    opened = mount(python)
    grids = [opened.get_by_role("grid", name=label) for label in ("Head A", "Head B", "Difference")]
    grids[1].focus()
    for key in ("Control+Home", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):
        opened.keyboard.press(key)
    first, second = (float(python.weights[head][3, 1]) for head in python.heads)
    shown = [float(grid.get_by_role("gridcell").text_content()) for grid in grids]
    np.testing.assert_allclose(shown, [first, second, first - second], rtol=0, atol=0.00501)
    said = opened.locator(".clf [aria-live=polite]").inner_text()
    assert said == f"query d, key b: A {first:.2f}, B {second:.2f}"
    opened.keyboard.press("End")
    assert [grid.get_by_role("gridcell").text_content() for grid in grids] == ["hidden by the mask"] * 3
    assert opened.locator("tbody tr td:last-child").all_inner_texts() == ["hidden"] * 2


def test_the_head_most_like_a(mount):
    python = figure()
    opened = mount(python)
    opened.get_by_role("button", name="most like A").click()
    P = python.weights.reshape(12, N, N).astype(float)
    overlap = np.minimum(P, P[python.first]).sum((1, 2))
    overlap[python.first] = -1
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"second": int(overlap.argmax())}


def test_small_maps_show_the_weights(mount):
    python = figure()
    opened = mount(python)
    table = np.frombuffer(python.data["palette"], np.uint8).reshape(256, 3)
    weights = python.weights[python.ranked[2]]
    for scaled in (False, True):
        if scaled:
            opened.get_by_role("checkbox").click()
            weights = weights / weights.max(-1, keepdims=True)
        for query, key in ((9, 4), (3, 3), (6, 0)):
            colour = [*table[round(255 * float(weights[query, key]))].tolist(), 255]
            assert opened.evaluate(PIXEL, [2, key, query]) == colour
    assert opened.evaluate(PIXEL, [2, 4, 3])[3] == 0  # hidden: the hatching shows
