"""The numbers of figure 13: merges by the `tokenizers` library and by exercise 1.2, counts by hand."""

import re
from collections import Counter
from html import unescape
from itertools import pairwise

import pytest

from course_lib.exercises.nb01_byte_pairs import bpe_step
from course_lib.text.tokenizers.pieces import pieces
from course_lib.widgets.merge_steps import LEADING, MergeSteps

TEXTS = (
    "The first constant is applied to the first integration, the second to the second, and so on.",
    "aaaa aaaaa aaa  aaaaaa",
    "l'été, les thés et les pâtés: été",
)


@pytest.mark.parametrize("text", TEXTS)
def test_after_each_step_the_text_has_the_ids_that_the_library_gives(text, library):
    figure = MergeSteps(text)
    for step in figure.allowed()["step"]:
        figure.step = step
        tokenizer = library(text, figure.vocab_size)
        ids = [token for word in figure.data["words"][figure.step] for token in word]
        assert ids == tokenizer.encode(text).ids
        assert tokenizer.get_vocab_size() == figure.vocab_size
    assert library(text, 1000).get_vocab_size() == figure.vocab_size  # no pair is left


@pytest.mark.parametrize("text", TEXTS)
def test_the_steps_are_those_of_exercise_1_2_where_words_are_kept_apart(text):
    """Between words stand ids that occur once, so that no pair with one of them is the most frequent."""
    figure = MergeSteps(text)
    apart = lambda words: [token for i, word in enumerate(words) for token in (*word, -1 - i)]  # noqa: E731
    ids = apart(figure.data["words"][0])
    for step, (words, leading) in enumerate(zip(figure.data["words"][1:], figure.data["leading"], strict=False)):
        pair, ids = bpe_step(ids, 256 + step)
        assert list(pair) == leading[0][:2]
        assert ids == apart(words)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_spell_the_words_and_counts_are_those_of_their_neighbours(text):
    figure = MergeSteps(text)
    for step in figure.allowed()["step"]:
        figure.step = step
        if text.isascii():
            assert ["".join(word) for word in figure.tokens] == [word.replace(" ", "␣") for word in pieces(text)]
        counts = Counter(pair for word in figure.tokens for pair in pairwise(word))
        assert [count for *_, count in figure.leading] == sorted(counts.values(), reverse=True)[:LEADING]
        assert all(counts[left, right] == count for left, right, count in figure.leading)


def test_bytes_of_a_character_stand_as_they_are_until_they_are_joined():
    figure = MergeSteps(TEXTS[2])
    assert figure.tokens[2] == ["<0xC3>", "<0xA9>", "t", "<0xC3>", "<0xA9>"]
    figure.step = 1
    assert figure.tokens[2] == ["é", "t", "é"]


def test_it_stops_after_as_many_merges_as_are_wanted():
    figure = MergeSteps(TEXTS[0], most=3)
    assert figure.allowed() == {"step": range(4)} and figure.data["words"] == MergeSteps(TEXTS[0]).data["words"][:4]


@pytest.mark.parametrize(("step", "lines"), [(0, [0, 1, 2, 3, 4, 5]), (9, [0, 5, 6, 7, 8, 9])])
def test_the_twin_shows_the_start_and_the_steps_up_to_the_chosen_one(step, lines):
    figure = MergeSteps(TEXTS[0])
    figure.step = step
    sizes = [sum(map(len, figure.data["words"][line])) for line in lines]
    drawn = [text.get_text() for text in figure.drawing().axes[0].texts]
    assert [text for text in drawn if text.endswith(" ids")] == [f"{size} ids" for size in sizes]
    assert f"cut into {', '.join(map(str, sizes))} tokens" in figure.alt()


@pytest.mark.parametrize("text", TEXTS)
def test_the_table_has_each_merge_with_its_count(text):
    figure = MergeSteps(text)
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in figure.table().split("<tr>")[2:]]
    assert len(rows) == len(figure.allowed()["step"])
    for figure.step, (merge, times, _, size) in enumerate(rows[1:]):
        left, right, count = figure.leading[0]
        assert (unescape(merge), int(times), int(size)) == (f"{left} + {right}", count, figure.vocab_size + 1)
