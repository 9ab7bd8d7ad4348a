"""The picture of groups shows each query head and the KV head that it reads."""

import pytest

from course_lib.exercises.nb07_kv_sharing import kv_heads_read
from course_lib.figures.sharing import head_groups


@pytest.mark.parametrize("g", [1, 2, 3, 6])
def test_each_query_head_has_a_line_to_the_head_it_reads(g):
    (ax,) = head_groups(6, [g]).axes
    numbers = [text for text in ax.texts if text.get_text().isdigit()]
    below = {float(text.get_position()[0]): int(text.get_text()) for text in numbers if text.get_position()[1] < 0}
    found = {float(line.get_xdata()[0]): below[float(line.get_xdata()[1])] for line in ax.lines}
    assert [found[i] for i in range(6)] == kv_heads_read(6, g)


def test_the_rows_are_named_once():
    axes = head_groups(4, [4, 2, 1]).axes
    named = [[text.get_text() for text in ax.texts if not text.get_text().isdigit()] for ax in axes]
    assert named == [["query\nheads", "KV\nheads"], [], []]


def test_a_colour_stands_for_a_group():
    alone, groups = head_groups(8, [8, 2]).axes
    assert len({line.get_color() for line in alone.lines}) == 1
    assert [line.get_color() for line in groups.lines] == [groups.lines[0].get_color()] * 4 + [
        groups.lines[4].get_color()
    ] * 4
    assert groups.lines[0].get_color() != groups.lines[4].get_color() != alone.lines[0].get_color()


def test_one_panel_for_each_number():
    assert [ax.get_title(loc="left") for ax in head_groups(4, [4, 2, 1]).axes] == [
        "$g = 4$: multi-head", "$g = 2$: grouped-query", "$g = 1$: multi-query"
    ]  # fmt: skip


@pytest.mark.parametrize("n_heads, counts", [(0, [1]), (4, [3]), (4, []), (4, [0]), (4.0, [2])])
def test_bad_numbers(n_heads, counts):
    with pytest.raises(ValueError, match="must be"):
        head_groups(n_heads, counts)
