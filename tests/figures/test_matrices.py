"""One way to draw a matrix: a square for each entry, in its colour; a formula is a line of them, to one scale."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib.figures import motifs
from course_lib.figures.matrices import Matrix, canvas, draw_formula, draw_matrix, lighter, on

COLOUR = motifs.THINGS["Q"].light


def cells(ax) -> list[Rectangle]:
    return [patch for patch in ax.patches if patch.get_fill()]


def drawn(matrix: Matrix, **how):
    _, ax = canvas(9, 7)
    draw_matrix(ax, matrix, 2, 3, **how)
    return ax


def test_a_cell_is_as_wide_as_high():
    _, ax = canvas(9, 7)
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y0 - y1, rel=0.01)


def test_a_matrix_has_a_cell_for_each_entry_from_its_corner_on():
    found = cells(drawn(Matrix("$X$", 2, 3, COLOUR)))
    assert {cell.get_xy() for cell in found} == {(2 + j, 3 + i) for i in range(2) for j in range(3)}
    assert {to_hex(cell.get_facecolor()) for cell in found} == {COLOUR}


def test_a_frame_has_the_colour_and_the_cells_are_pale():
    ax = drawn(Matrix("$X$", 2, 3, COLOUR, frame=motifs.MADE_NOW))
    assert {to_hex(cell.get_facecolor()) for cell in cells(ax)} == {lighter(COLOUR)}
    (frame,) = (patch for patch in ax.patches if not patch.get_fill())
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((2, 3), 3, 2)
    assert to_hex(frame.get_edgecolor()) == COLOUR and frame.get_linestyle() == motifs.MADE_NOW["linestyle"]


def test_entries_are_printed_in_their_cells_and_hidden_cells_are_hatched():
    entries = np.array([[1.0, 0.125], [2.0, 1 / 3]])
    ax = drawn(Matrix("", 2, 2, COLOUR, entries=entries, hidden=entries == 2))
    printed = {text.get_position(): text.get_text() for text in ax.texts if text.get_text()}
    assert printed == {(2.5, 3.5): "1", (3.5, 3.5): "0.125", (2.5, 4.5): "2", (3.5, 4.5): "0.333"}
    assert [cell.get_xy() for cell in cells(ax) if cell.get_hatch()] == [(2, 4)]


@pytest.mark.parametrize("ground", [*(thing.light for thing in motifs.THINGS.values()), lighter(COLOUR), "#efe3b0"])
def test_numbers_are_readable_on_every_colour(ground, contrast):
    assert contrast(on(ground), ground) >= 4.5


def test_lighter_keeps_black_and_white_apart():
    assert lighter("#000000", 0.5) == "#808080" and lighter("#ffffff", 0.3) == "#ffffff"


@pytest.mark.parametrize(("name_at", "place"), [("above", (3.5, 3)), ("below", (3.5, 5)), ("left", (2, 4))])
def test_a_name_stands_beside_its_matrix_and_the_shape_below(name_at, place):
    name, shape = drawn(Matrix("$X$", 2, 3, shape="2 by 3"), name_at=name_at).texts
    x, y = name.get_position()
    assert np.abs(np.subtract((x, y), place)).max() < 0.5 and not (2 <= x <= 5 and 3 <= y <= 5)
    assert shape.get_text() == "2 by 3" and shape.get_position()[1] > 5


def test_a_formula_stands_in_order_about_one_middle_with_gaps():
    _, ax = canvas(20, 9)
    draw_formula(ax, [Matrix("$A$", 2, 3), "=", Matrix("$B$", 4, 5)], 1, 4, gap=2)
    assert [text.get_text() for text in ax.texts] == ["$A$", "=", "$B$"]
    first, second = cells(ax)[:6], cells(ax)[6:]
    assert (first[0].get_xy(), second[0].get_xy()) == ((1, 3), (1 + 3 + 2 + 1 + 2, 2))
