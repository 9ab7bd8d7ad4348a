"""Figure 4 in Chromium: the order of the tiles, the scores beside them, the two heads compared."""

import itertools

import numpy as np
import pytest

from course_lib.figures import style
from course_lib.reference import head_scores
from course_lib.widgets.base import SIGNED_DARK
from course_lib.widgets.head_gallery import ENTROPY, INDUCTION, PLACE, PREVIOUS, HeadGallery

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
    opened.locator("tbody tr").first.wait_for(state="attached")  # made when it is unfolded, a moment later
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
    tiles.get_by_role("option").nth(4).click(modifiers=["Shift"])
    tiles.focus()
    for key in ("Control+Home", "ArrowRight", "ArrowDown"):
        opened.keyboard.press(key)
    ranked = python.ranked
    python.heads = ranked[7], ranked[4]  # six tiles stand in a row
    marked = {badge: name(head) for badge, head in zip("AB", python.heads, strict=True)}
    selected = [text.split("\n") for text in opened.locator("[role=option][aria-selected=true]").all_inner_texts()]
    assert {badge: head for head, _, badge in selected} == marked
    assert tiles.get_attribute("aria-activedescendant") == opened.get_by_role("option").nth(7).get_attribute("id")
    opened.keyboard.press("Shift+Enter")
    opened.keyboard.press("Home")
    opened.get_by_role("button", name="Swap A and B").click()
    python.heads = ranked[7], ranked[6]
    opened.get_by_role("button", name="Compare A and B").click()
    assert opened.locator(".clf-distance strong").inner_text() == f"{python.distance:.2f}"
    opened.get_by_text("Numbers", exact=True).click()
    at = python.query, python.key
    for row, head in zip(numbers_of_the_table(opened), python.heads, strict=True):
        scores = [python.score(each["name"])[head] for each in python.data["scores"]]
        np.testing.assert_allclose(row, [*scores, python.weights[head][at]], rtol=0, atol=0.00501)


def test_one_crosshair_in_all_three_maps(mount):
    python = figure()
    opened = mount(python)
    opened.get_by_role("button", name="Compare A and B").click()
    assert opened.get_by_role("listbox", name="Heads").count() == 0  # the comparison takes their place
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
    opened.get_by_text("Numbers", exact=True).click()
    opened.locator("tbody tr").first.wait_for()
    assert opened.locator("tbody tr td:last-child").all_inner_texts() == ["hidden"] * 2
    opened.get_by_role("button", name="Show all heads").click()
    assert opened.get_by_role("grid").count() == 0 and opened.get_by_role("option").count() == 12


def test_the_outline_holds_the_cells_of_the_score_it_is_sorted_by(mount):
    python = figure()
    opened = mount(python)
    inside = """(cells) => {
      const outline = document.querySelector(".clf-stripe polygon");
      const at = (x, y) => Object.assign(outline.ownerSVGElement.createSVGPoint(), { x, y });
      return cells.map(([row, column]) => outline.isPointInFill(at(column + 0.5, row + 0.5)));
    }"""
    cells = [(row, column) for row in range(N) for column in range(N)]
    for order, scored in (
        (INDUCTION, {(row, row - PERIOD + 1) for row in range(PERIOD, N)}),
        (PREVIOUS, {(row, row - 1) for row in range(1, N)}),
    ):
        opened.get_by_role("radio", name=order).click()
        found = {cell for cell, there in zip(cells, opened.evaluate(inside, cells), strict=True) if there}
        assert scored <= found and all(any(abs(r - i) + abs(c - j) <= 1 for r, c in scored) for i, j in found)
        P = np.zeros((N, N))
        P[tuple(zip(*scored, strict=True))] = 1
        assert (head_scores.induction(P, PERIOD) if order == INDUCTION else head_scores.previous_token(P)) == 1
    opened.get_by_role("radio", name=ENTROPY).click()
    assert not any(opened.evaluate(inside, cells))


def test_the_current_tile_is_in_sight_and_a_map_has_pixels_for_its_stripe(mount):
    P = np.full((4, 12, 40, 40), 1 / 40)
    opened = mount(HeadGallery(P, [str(i) for i in range(40)]), viewport={"width": 836, "height": 700})
    tiles = opened.get_by_role("listbox", name="Heads")
    tiles.focus()
    for key in ("Control+End", "Control+Home", "Control+End"):
        opened.keyboard.press(key)
        current = opened.locator(f"#{tiles.get_attribute('aria-activedescendant')}").bounding_box()
        box = tiles.bounding_box()
        assert box["y"] - 1 <= current["y"] and current["y"] + current["height"] <= box["y"] + box["height"] + 1
    assert opened.locator(".clf-tile canvas").first.bounding_box()["width"] >= 2.5 * 40
    assert opened.evaluate("() => scrollY") == 0


@pytest.mark.parametrize(("width", "least"), [(836, 0.7), (864, 0.8), (1264, 0.7)])
def test_three_maps_side_by_side_are_equal_and_take_the_room_that_there_is(mount, width, least):
    """864: the output of a notebook beside its files, in a window of 1280 pixels; 1264: without them."""
    tokens = [f"token {i}" for i in range(40)]
    opened = mount(HeadGallery(np.full((2, 2, 40, 40), 1 / 40), tokens), viewport={"width": width, "height": 800})
    opened.get_by_role("button", name="Compare A and B").click()
    boxes = [grid.bounding_box() for grid in opened.get_by_role("grid").all()]
    assert len({(box["y"], box["width"], box["height"]) for box in boxes}) == 1 and boxes[0]["width"] % 40 == 0
    body = opened.locator(".clf-body").bounding_box()["width"]
    names = opened.locator(".clf-rows").first.bounding_box()["width"]
    assert 3 * boxes[0]["width"] >= least * (body - names)
    overflows = "(frames) => frames.map((frame) => getComputedStyle(frame).overflowX)"
    assert opened.locator(".clf-compared > *").evaluate_all(overflows) == ["visible"] * 3
    assert all(left["x"] + left["width"] < right["x"] for left, right in itertools.pairwise(boxes))


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


def test_a_bar_of_signed_colours_follows_the_theme(mount):
    """The legend of A - B is made once; zero has the colour of the ground in either theme."""
    opened = mount(figure())
    opened.get_by_role("button", name="Compare A and B").click()
    bar = opened.locator(".clf-compared .clf-scale:visible")
    middle = "(canvas) => [...canvas.getContext('2d').getImageData(128, 0, 1, 1).data].slice(0, 3)"
    for theme, colours in (("light", style.SIGNED), ("dark", SIGNED_DARK), ("light", style.SIGNED)):
        opened.emulate_media(color_scheme=theme)
        opened.wait_for_selector(f".clf[data-theme={theme}]")
        assert bar.evaluate(middle) == list(style.colour_table(colours)[3 * 128 : 3 * 128 + 3])
