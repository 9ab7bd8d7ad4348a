"""Figure 2 in Chromium: what stands there is what NumPy computes."""

import numpy as np
import pytest

from course_lib.widgets import ScoreAnatomy
from course_lib.widgets.base import unpacked

pytestmark = pytest.mark.browser

TOKENS = ["the", "cat", "sat", "on", "mat"]


def figure(mask=None):
    rng = np.random.default_rng(6)
    anatomy = ScoreAnatomy(*(rng.normal(size=(5, width)) for width in (3, 3, 2)), TOKENS, mask=mask)
    anatomy.stage = 4
    return anatomy


def typeset(value, digits):
    return f"{value:.{digits}f}".replace("-", "−")


def steps(opened):
    return opened.locator(".clf-anatomy-steps > li").all_inner_texts()


def test_each_step_shows_the_numbers_of_numpy(open_figure):
    anatomy = figure()
    opened = open_figure(anatomy)
    i, j = anatomy.query, anatomy.key
    product, score, weight = anatomy.products[i, j], anatomy.logits[i, j], anatomy.weights[i, j]
    shown = steps(opened)
    assert f"q·k = {typeset(product, 4)}" in shown[0]
    assert f"s = {typeset(product, 4)} × 0.5774 = {typeset(score, 4)}" in shown[1]
    assert f"{TOKENS[i]} sees {TOKENS[j]}" in shown[2]
    power, Z = np.exp(score - anatomy.logits[i].max()), np.exp(anatomy.logits[i] - anatomy.logits[i].max()).sum()
    assert f"weight = {typeset(power, 4)} / {typeset(Z, 4)} = {typeset(weight, 4)}" in shown[3]
    y = ", ".join(typeset(value, 2) for value in anatomy.outputs[i])
    assert f"y = Σ weight × v = ({y})" in shown[4]
    opened.get_by_text("Numbers", exact=True).click()
    total = opened.locator(".clf-anatomy-tables tbody tr").last.locator("td")
    total.first.wait_for()  # the tables are made when they are unfolded
    total = total.all_inner_texts()
    assert total == [typeset(value, 2) for value in anatomy.outputs[i]]


def test_every_cell_of_each_matrix_is_said_as_numpy_has_it(mount):
    anatomy = figure()
    opened = mount(anatomy)
    for stage, matrix in ((0, anatomy.products), (1, anatomy.logits), (3, anatomy.weights)):
        opened.evaluate("(stage) => window.handles[0].update({ stage })", stage)
        opened.get_by_role("grid").focus()
        opened.keyboard.press("Control+Home")
        opened.keyboard.press("ArrowDown")
        for column, token in enumerate(TOKENS):
            said = opened.locator("[aria-live=polite]").inner_text()
            assert said.startswith(f"query cat, key {token}, ") and said.endswith(f" {typeset(matrix[1, column], 4)}")
            opened.keyboard.press("ArrowRight")


def test_a_hidden_key_has_no_weight_and_is_said_to_be_hidden(mount):
    opened = mount(figure(np.tri(5, dtype=bool)))
    opened.evaluate("() => window.handles[0].update({ query: 1, key: 3 })")
    shown = steps(opened)
    assert "cat does not see on: the logit becomes −∞" in shown[2] and "= 0.0000" in shown[3]
    opened.get_by_role("grid").focus()
    opened.keyboard.press("ArrowRight")
    assert opened.locator("[aria-live=polite]").inner_text() == "query cat, key mat, hidden by the mask"
    for stage, hidden in ((1, False), (2, True)):
        opened.evaluate("(stage) => window.handles[0].update({ stage })", stage)
        opened.keyboard.press("ArrowLeft")
        opened.keyboard.press("ArrowRight")
        assert opened.locator("[aria-live=polite]").inner_text().endswith("hidden by the mask") is hidden


def test_of_many_coordinates_and_keys_the_largest_are_shown_and_the_rest_counted(mount):
    rng, tokens = np.random.default_rng(2), list("abcdefghca")
    anatomy = ScoreAnatomy(*(rng.normal(size=(10, width)) for width in (11, 11, 9)), tokens)
    anatomy.query, anatomy.stage, weights = 7, 4, anatomy.weights[7]
    order = np.argsort(-weights)
    anatomy.key = int(order[-1])  # not among the largest, and shown all the same
    opened = mount(anatomy)
    opened.get_by_text("Numbers", exact=True).click()
    tables = opened.locator(".clf-anatomy-tables .clf-table")
    tables.first.wait_for()
    terms = unpacked(anatomy.data["Q"])[7] * unpacked(anatomy.data["K"])[anatomy.key]
    largest = np.argsort(-np.abs(terms))[:8]
    assert tables.nth(0).locator("thead th").all_inner_texts() == ["coordinate", *map(str, largest)]
    shown = [f"{tokens[j]} ({j})" if tokens[j] in "ac" else tokens[j] for j in (*order[:6], order[-1])]
    for table in (tables.nth(1), tables.nth(2)):
        rows = table.locator("tbody th").all_inner_texts()
        assert rows[:7] == shown and ", and 3 more in the sum" in table.locator("caption").inner_text()
    columns = [f"{weights[j]:.4f}" for j in (*order[:6], order[-1])]
    assert tables.nth(1).locator("tbody td:last-child").all_inner_texts() == columns


def test_factors_stand_in_line_with_what_they_make(mount):
    anatomy = figure()
    opened = mount(anatomy)
    plane = opened.get_by_role("grid").bounding_box()
    Q, K, V, Y = (opened.locator(f".clf-thing-{thing} canvas").bounding_box() for thing in ("q", "k", "v", "made"))
    for box in (Q, Y):
        assert (box["y"], box["height"]) == pytest.approx((plane["y"], plane["height"]), abs=3)  # their frames
    assert (K["x"], K["width"]) == pytest.approx((plane["x"], plane["width"]), abs=3)
    assert (V["x"], V["width"]) == pytest.approx((Y["x"], Y["width"]), abs=0.5)


def test_the_row_and_the_column_that_meet_are_lit(mount):
    anatomy = figure()
    opened = mount(anatomy, reduced_motion="reduce")
    opened.evaluate("() => window.handles[0].update({ query: 3, key: 1 })")
    cell = opened.get_by_role("gridcell").bounding_box()
    query, key = (opened.locator(f".clf-thing-{thing} .clf-lit").bounding_box() for thing in ("q", "k"))
    assert (query["y"], query["height"]) == pytest.approx((cell["y"], cell["height"]), abs=3)
    assert (key["x"], key["width"]) == pytest.approx((cell["x"], cell["width"]), abs=3)


def test_matrices_show_their_numbers_in_colour(mount):
    anatomy = figure()
    opened = mount(anatomy)
    pixel = """([thing, x, y]) => {
      const canvas = document.querySelector(`.clf-thing-${thing} canvas`);
      const [left, top] = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
      return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data].slice(0, 3);
    }"""
    table = np.frombuffer(anatomy.data["signed_palette"], np.uint8).reshape(256, 3).astype(int)
    Q, K, V = (unpacked(anatomy.data[name]) for name in "QKV")
    for thing, matrix, limit in (
        ("q", Q, max(abs(Q).max(), abs(K).max())),
        ("k", K.T, max(abs(Q).max(), abs(K).max())),
        ("v", V, abs(V).max()),
        ("made", anatomy.outputs, abs(V).max()),
    ):
        rows, columns = matrix.shape
        for i, j in ((0, 0), (rows - 1, 1), (1, columns - 1)):
            expected = table[round(127.5 * (1 + matrix[i, j] / limit))]
            shown = opened.evaluate(pixel, [thing, (j + 0.1) / columns, (i + 0.15) / rows])
            assert np.abs(np.array(shown) - expected).max() <= 8, (thing, i, j)  # a step of the table on rounding


def test_later_steps_stay_covered(mount):
    opened = mount(figure())
    opened.get_by_role("button", name="Start").click()
    assert opened.evaluate("() => window.changes[0]") == [{"stage": 0}]
    shown = steps(opened)
    assert "q·k" in shown[0] and [text.strip() for text in shown[1:]] == ["scale", "mask", "softmax", "sum of values"]
    opened.get_by_role("button", name="Back").press("Enter")  # leads nowhere, and says so
    assert opened.get_by_role("button", name="Back").get_attribute("aria-disabled") == "true"
    assert opened.evaluate("() => window.changes[0].length") == 1
