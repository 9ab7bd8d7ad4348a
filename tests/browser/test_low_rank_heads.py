"""Figure 14 in Chromium: pictures, numbers and points of the curves are Python's."""

import numpy as np
import pytest

from course_lib.figures import style
from course_lib.widgets.base import unpacked
from course_lib.widgets.low_rank_heads import LowRankHeads

pytestmark = pytest.mark.browser

# Of each picture the colours in the middles of its cells, for so many rows and columns.
COLOURS = """([rows, columns]) => [...document.querySelectorAll(".clf-two-matrices canvas")].map((canvas) => {
  const pen = canvas.getContext("2d");
  const at = (i, size, cells) => Math.floor(((i + 0.5) * size) / cells);
  return Array.from({ length: rows * columns }, (_, i) => {
    const [x, y] = [at(i % columns, canvas.width, columns), at(Math.floor(i / columns), canvas.height, rows)];
    return [...pen.getImageData(x, y, 1, 1).data].slice(0, 3);
  });
})"""
SPREAD = 6  # of a colour's 255 steps, by rounding to one of 256 colours


@pytest.fixture
def python():
    random = np.random.default_rng(5)
    falling = random.normal(size=(2, 3, 30, 24)) * 0.8 ** np.arange(24)
    return LowRankHeads({"S": falling, "P": np.abs(falling[..., :18])}, most=12)


def readout(opened):
    return [float(text) for text in opened.locator(".clf-readout strong").all_inner_texts()]


def point(opened, keys):
    plot = opened.get_by_role("listbox", name="Error over the rank")
    plot.focus()
    for key in keys:
        opened.keyboard.press(key)
    return opened.locator(f"#{plot.get_attribute('aria-activedescendant')}").text_content()


def colours_of(values, limit):
    share = np.clip((values / limit + 1) / 2, 0, 1)
    return 255 * style.SIGNED(np.rint(255 * share).astype(int))[..., :3].reshape(-1, 3)


@pytest.mark.parametrize(
    "chosen",
    [
        {"matrix": "S", "layer": 0, "head": 2, "method": "SVD", "rank": 3},
        {"matrix": "P", "layer": 1, "head": 1, "method": "range finder", "rank": 7},
        {"matrix": "S", "layer": 1, "head": 0, "method": "with 1 power", "rank": 12},
    ],
)
def test_numbers_and_pictures_are_pythons(mount, python, chosen):
    for name, value in chosen.items():
        setattr(python, name, value)
    opened = mount(python, color_scheme="light")
    expected = [python.error] if python.method == "SVD" else [python.error, python.least, python.bound]
    np.testing.assert_allclose(readout(opened), expected, rtol=0, atol=0.00051)
    drawn = opened.evaluate(COLOURS, list(python.picture.shape))
    for found, values in zip(drawn, (python.picture, python.approximation), strict=True):
        np.testing.assert_allclose(found, colours_of(values, python._limit), rtol=0, atol=SPREAD)


def test_a_rank_without_a_bound_shows_none(mount, python):
    python.rank = 3
    opened = mount(python)
    assert len(readout(opened)) == 2 and "bound" not in opened.locator(".clf-readout").inner_text()


def test_points_of_the_curves_are_pythons_and_choose_their_rank(mount, python):
    opened = mount(python)
    errors = unpacked(python.data["tables"][1]["errors"])[1, 0, 1]
    assert point(opened, ["Home", "ArrowRight", "ArrowRight"]) == f"error at rank 3: {errors[2]:.3f}"
    limits = unpacked(python.data["tables"][1]["bounds"])[1, 0, 1]
    assert point(opened, ["ArrowDown", "ArrowDown", "Home", "ArrowRight"]) == f"bound at rank 5: {limits[4]:.3f}"
    opened.keyboard.press("Enter")
    assert opened.evaluate("() => window.changes[0]") == [{"rank": 5}]
    python.rank = 5
    np.testing.assert_allclose(readout(opened), [python.error, python.least, python.bound], rtol=0, atol=0.00051)
    assert opened.locator(".clf-rule-name").text_content() == "r = 5"


def test_dragging_the_rank_is_shown_at_once_and_told_when_let_go(mount, python):
    opened = mount(python)
    slider = opened.get_by_role("slider", name="Rank")
    slider.evaluate("(e) => { e.value = 8; e.dispatchEvent(new Event('input')); }")
    python.rank = 9
    assert readout(opened)[0] == pytest.approx(python.error, abs=0.00051)
    assert opened.evaluate("() => window.changes[0]") == []
    slider.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert opened.evaluate("() => window.changes[0]") == [{"rank": 9}]
    numbers = f"relative error {python.error:.3f}, least error {python.least:.3f}, bound on the mean {python.bound:.3f}"
    said = opened.locator("[aria-live=polite]").inner_text()
    assert said == f"P of layer 1, head 0, range finder, rank 9: {numbers}"


def test_pictures_have_the_shape_of_their_matrix_and_a_name(mount, python):
    opened = mount(python)
    for name, shape in (("P", (30, 18)), ("S", (30, 24))):
        opened.get_by_label("Matrix", exact=True).select_option(name)
        picture = opened.get_by_role("img", name=f"The matrix {name}, {shape[0]} × {shape[1]}")
        box = picture.bounding_box()
        assert box["width"] / box["height"] == pytest.approx(shape[1] / shape[0], abs=0.02)
        assert opened.get_by_role("img", name=f"Its approximation: {python.method}, rank {python.rank}").count() == 1


def test_the_table_holds_errors_and_bounds_of_all_methods(mount, python):
    opened = mount(python)
    opened.locator("summary").click()
    rows = [row.split("\t") for row in opened.locator(".clf-details tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "8", "12"]
    assert rows[0][1] == "48" and rows[0][4] == rows[0][6] == "–"
    tables = [unpacked(python.data["tables"][1][name])[1, 0, :, 7] for name in ("errors", "bounds")]
    errors, limits = tables
    assert rows[4][2:] == [f"{v:.3f}" for v in (errors[0], errors[1], limits[1], errors[2], limits[2])]
    assert opened.locator(".clf-details tr.clf-current th").inner_text() == "3"
