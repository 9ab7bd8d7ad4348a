"""Pictures of tokens: each box holds its token, as wide as it is long, and a frame marks what a merge made."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from course_lib.figures.motifs import INK
from course_lib.figures.tokens import LONGER, SINGLE, lines_of, merges, token_boxes, vocabulary_sizes

TOKENS, IDS = ["a ", "b", "cde", "f", "gh"], [300, 1, 301, 2, 302]
STEPS = [("", [list("abc"), list("abd")]), ("ab", [["ab", "c"], ["ab", "d"]]), ("abc", [["abc"], ["ab", "d"]])]


def boxes(fig):
    (ax,) = fig.axes
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def lines(fig):
    """The boxes of each line, from the top, as (place, length, framed)."""
    found = {}
    for box in boxes(fig):
        framed = to_hex(box.get_edgecolor()) == INK
        entry = (round(box.get_x() - 0.06), round(box.get_width() + 0.12), framed)
        found.setdefault(round(box.get_y(), 6), []).append(entry)
    return [found[y] for y in sorted(found, reverse=True)]


def test_tokens_fill_lines_from_the_left_and_none_is_broken():
    found = lines(token_boxes(TOKENS, IDS, per_line=6))
    assert found == [[(0, 2, False), (2, 1, False), (3, 3, False)], [(0, 1, False), (1, 2, False)]]


def test_ids_stand_below_their_tokens_and_spaces_are_seen():
    (ax,) = token_boxes(TOKENS, IDS, per_line=9).axes
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["a", "␣", "300", "b", "1", "c", "d", "e", "301", "f", "2", "g", "h", "302"]
    middles = [text.get_position()[0] for text in ax.texts if text.get_text().isdigit()]
    assert middles == [1, 2.5, 4.5, 6.5, 8]


def test_longer_tokens_have_their_own_ground():
    grounds = [to_hex(box.get_facecolor()) for box in boxes(token_boxes(TOKENS, IDS, per_line=9))]
    assert grounds == [LONGER, SINGLE, LONGER, SINGLE, LONGER]


def test_ids_and_tokens_must_be_as_many():
    with pytest.raises(ValueError, match="shorter"):
        token_boxes(TOKENS, IDS[:-1], per_line=9)


def test_each_step_is_a_line_and_frames_the_token_that_it_adds():
    framed = [[place for place, _, chosen in line if chosen] for line in lines(merges(STEPS))]
    assert framed == [[], [0, 3], [0]]
    (ax,) = merges(STEPS).axes
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if len(text) > 1] == ["start", "6 ids", "ab", "4 ids", "abc", "3 ids"]


def test_a_step_that_is_wider_than_a_line_goes_on_in_the_next_with_a_whole_word():
    found = lines(merges(STEPS[:2], per_line=5))
    assert found == [[(k, 1, False) for k in range(3)]] * 2 + [[(0, 2, True), (2, 1, False)]] * 2
    assert len(lines(merges(STEPS[:2], per_line=6))) == 2
    assert lines_of([["abc", "de"], ["f"]], per_line=3) == [["abc", "de"], ["f"]]  # a long word has its own line


def test_what_a_kind_saves_is_the_square_of_its_curve():
    sizes = np.array([256, 512, 1024])
    curves = {"one": np.array([1, 0.5, 0.25]), "two": np.array([1, 0.9, 0.8])}
    left, right = vocabulary_sizes(sizes, curves, "two").axes
    assert [line.get_label() for line in left.lines] == ["one", "two"]
    assert [line.get_ydata().tolist() for line in left.lines] == [list(curve) for curve in curves.values()]
    saved, paid = (line.get_ydata() for line in right.lines)
    np.testing.assert_allclose(saved, [1, 0.81, 0.64], rtol=1e-12)
    np.testing.assert_allclose(paid, [1, 2, 4], rtol=1e-12)
