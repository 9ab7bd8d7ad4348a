"""The picture of one attention layer: each matrix has as many squares as entries, in the colour of its motif."""

from collections import Counter

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib.figures import motifs
from course_lib.figures.matrices import PAIRS, PLAIN, Matrix, attention_layer, formulas

N, D_IN, D_QK, D_V = 7, 5, 2, 3


def squares(fig):
    (ax,) = fig.axes
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_each_matrix_has_a_square_for_each_entry():
    found = Counter(to_hex(square.get_facecolor()) for square in squares(attention_layer(N, D_IN, D_QK, D_V)))
    assert found == {
        motifs.THINGS["Q"].light: 2 * N * D_QK,
        motifs.THINGS["K"].light: 2 * N * D_QK,
        motifs.THINGS["V"].light: 2 * N * D_V,
        motifs.THINGS["learnt"].light: D_IN * (2 * D_QK + D_V),
        PAIRS: 2 * N * N,
        PLAIN: N * (D_IN + D_V),
    }


@pytest.mark.parametrize("sizes", [(N, D_IN, D_QK, D_V), (2, 6, 3, 1)])
def test_no_square_lies_on_another_or_outside(sizes):
    fig = attention_layer(*sizes)
    (ax,) = fig.axes
    corners = [(round(square.get_x(), 6), round(square.get_y(), 6)) for square in squares(fig)]
    assert len(set(corners)) == len(corners)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left <= x and x + 1 <= right and bottom <= y and y + 1 <= top for x, y in corners)


def test_a_square_is_as_wide_as_high():
    (ax,) = formulas([[Matrix("$X$", "", 2, 3)]]).axes
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_names_and_shapes_are_written_in_order():
    (ax,) = formulas([[Matrix("$A$", "2 by 3", 2, 3), "=", Matrix("$B$", "1 by 4", 1, 4)]]).axes
    assert [text.get_text() for text in ax.texts] == ["$A$", "2 by 3", "=", "$B$", "1 by 4"]
    assert [text.get_position()[0] for text in ax.texts] == sorted(text.get_position()[0] for text in ax.texts)
