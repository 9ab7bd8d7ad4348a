"""Pictures of products: every block stands where its product has its rows and columns, with the numbers given."""

from collections import Counter

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib.figures import motifs, products
from course_lib.figures.matrices import PAIRS, PLAIN

N, D_IN, D_QK, D_V = 7, 5, 2, 3


def numbers(fig) -> dict[tuple[float, float], float]:
    """Numbers printed in cells, by the cell's place."""
    found = {}
    for text in fig.axes[0].texts:
        try:
            found[tuple(np.round(text.get_position(), 6))] = float(text.get_text())
        except ValueError:
            continue
    return found


def test_each_matrix_of_a_layer_has_a_cell_for_each_entry():
    (ax,) = products.attention_layer(N, D_IN, D_QK, D_V).axes
    assert Counter(to_hex(cell.get_facecolor()) for cell in ax.patches) == {
        motifs.THINGS["Q"].light: 2 * N * D_QK,
        motifs.THINGS["K"].light: 2 * N * D_QK,
        motifs.THINGS["V"].light: 2 * N * D_V,
        motifs.THINGS["learnt"].light: D_IN * (2 * D_QK + D_V),
        PAIRS: 2 * N * N,
        PLAIN: N * D_IN,
        products.MEANS: N * D_V,
    }


@pytest.mark.parametrize("sizes", [(N, D_IN, D_QK, D_V), (2, 6, 3, 1)])
def test_no_cell_of_a_layer_lies_on_another_or_outside(sizes):
    (ax,) = products.attention_layer(*sizes).axes
    corners = [(round(cell.get_x(), 6), round(cell.get_y(), 6)) for cell in ax.patches]
    assert len(set(corners)) == len(corners)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left <= x and x + 1 <= right and top <= y and y + 1 <= bottom for x, y in corners)


@pytest.fixture
def by_hand():
    rng = np.random.default_rng(0)
    Q, K, V = (rng.integers(1, 9, size=(3, width)).astype(float) for width in (2, 2, 2))
    A = Q @ K.T
    Z = A.sum(1, keepdims=True)
    return {"Q": Q, "K": K, "V": V, "A": A, "Z": Z, "P": A / Z, "Y": A / Z @ V}


def test_each_entry_is_printed_in_the_row_of_its_query_and_the_column_of_its_key(by_hand):
    fig = products.attention_by_hand(by_hand, ["a", "b", "c"], marked=1)
    found = numbers(fig)
    assert len(found) == sum(M.size for M in by_hand.values())
    rows = sorted({y for _, y in found})[-3:]  # the lower line: Q, A, Z, P, Y
    lower = {(x, y): value for (x, y), value in found.items() if y in rows}
    for row, y in enumerate(rows):
        line = [lower[place] for place in sorted(lower) if place[1] == y]
        expected = np.concatenate([by_hand[name][row] for name in "QAZPY"])
        np.testing.assert_allclose(line, expected, rtol=0, atol=5e-4)
    columns_of_A = sorted({x for x, y in lower})[2:5]
    upper = {place: value for place, value in found.items() if place[1] not in rows}
    for j, x in enumerate(columns_of_A):  # K^T stands above A
        above = [upper[place] for place in sorted(upper) if place[0] == x]
        np.testing.assert_array_equal(above, by_hand["K"][j])


def test_the_marked_row_is_framed_in_every_matrix_of_the_lower_line(by_hand):
    fig = products.attention_by_hand(by_hand, ["a", "b", "c"], marked=2)
    frames = [patch for patch in fig.axes[0].patches if not patch.get_fill()]
    assert [patch.get_width() for patch in frames] == [2, 3, 1, 3, 2]
    assert len({patch.get_y() for patch in frames}) == 1


def test_streaming_attention_hides_later_keys_and_frames_what_is_kept():
    ax = products.kinds_of_attention().axes[0]
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == 1  # the first of two queries does not see the last key
    frames = [patch for patch in ax.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    solid = [patch for patch in frames if patch.get_linestyle() in ("-", "solid")]
    assert sorted((patch.get_width(), patch.get_height()) for patch in solid) == [(2, 3), (3, 2)]
    assert len(frames) == 5
    assert {to_hex(patch.get_edgecolor()) for patch in frames} == {products.Q, products.K, products.V}


def cells(ax, colour) -> set[tuple[float, float]]:
    """Corners of the cells that are filled with the colour."""
    return {tuple(np.round(p.get_xy(), 6)) for p in ax.patches if p.get_fill() and to_hex(p.get_facecolor()) == colour}


def test_each_column_block_of_the_weights_stands_above_its_queries():
    ax = products.column_blocks().axes[0]
    for head in (0, 1):
        grey, green = products.shades(head)
        above, below = ({x for x, _ in cells(ax, colour)} for colour in (grey, green))
        assert above and above <= below  # and once more, after the cut
    queries = [text for text in ax.texts if text.get_text().startswith("$Q_")]
    assert len(queries) == 6


def test_the_output_of_each_head_meets_its_rows_of_the_weights():
    ax = products.row_blocks().axes[0]
    dark, light = (products.shades(head)[0] for head in (0, 1))
    # 2 rows x 4 columns a head, drawn in the whole matrix and alone; heads 0 and 2 are dark, head 1 is light
    assert len(cells(ax, dark)) == 2 * 2 * 8 and len(cells(ax, light)) == 2 * 8
    names = [text.get_text() for text in ax.texts]
    assert names.count("+") == 2 and names.count("=") == 1
    assert [name for name in names if name.startswith("$Y_") and "W" in name] == [f"$Y_{h} W^O_{h}$" for h in range(3)]
