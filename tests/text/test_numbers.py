"""Number names: hand-worked cases, an independent reading of num2words' names, a split without overlap."""

from itertools import islice
from random import Random

import pytest
from num2words import num2words

from course_lib.text import numbers

BY_HAND = {  # as grammars print them: quatre-vingts loses its s before another word, cent too, mille never takes one
    0: ("zero", "zéro"),
    21: ("twenty-one", "vingt et un"),
    80: ("eighty", "quatre-vingts"),
    99: ("ninety-nine", "quatre-vingt-dix-neuf"),
    201: ("two hundred and one", "deux cent un"),
    2_000: ("two thousand", "deux mille"),
    80_000: ("eighty thousand", "quatre-vingt mille"),
    200_000_000: ("two hundred million", "deux cents millions"),
}


@pytest.mark.parametrize("number", BY_HAND)
def test_names_by_hand(number):
    assert (numbers.name(number, "en"), numbers.name(number, "fr")) == BY_HAND[number]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_names_are_those_of_num2words(language):
    edges = [unit * group + rest for unit in (10**3, 10**6) for group in (1, 2, 80, 81, 180, 200, 999) for rest in
             (0, 1, 80, 99, 100, 101, 200, 999)]  # fmt: skip
    random = Random(0)
    for number in [*edges, *range(0, 1_100), *(int(10 ** (9 * random.random())) for _ in range(2_000))]:
        assert numbers.name(number, language) == num2words(number, lang=language)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_reading_inverts_naming(language):
    some = [*range(0, 2_100), *range(2_100, 10**6, 2_557), *range(10**6, 10**9, 3_000_017)]
    assert [numbers.read(numbers.name(n, language), language) for n in some] == some


@pytest.mark.parametrize(
    "text", ["", "vingt-un", "quatre-vingt", "deux cents un", "Vingt", "vingt ", "twenty", "x", "et", "mille mille"]
)
def test_what_is_no_french_name_reads_as_none(text):
    assert numbers.read(text, "fr") is None


def test_checker_accepts_the_one_right_answer():
    for pair in numbers.pairs(300, seed=7):
        assert numbers.correct(pair.english, pair.french)
        assert not numbers.correct(pair.english, numbers.name(pair.number + 1, "fr"))
        assert numbers.correct(pair.english, pair.english) == (pair.number == 6)  # six is six


def test_same_seed_same_pairs_and_the_first_ones_are_known():
    first = list(numbers.pairs(50, seed=3))
    assert first == list(islice(numbers.pairs(seed=3), 50)) != list(numbers.pairs(50, seed=4))
    assert [pair.number for pair in first[:4]] == [58, 643, 1589, 8]  # printed once, so that a change is seen


def test_no_number_is_in_both_parts():
    drawn = {part: {p.number for p in numbers.pairs(2_000, seed=1, part=part)} for part in numbers.PARTS}
    assert not drawn["training"] & drawn["validation"]
    share = sum(numbers.part_of(n) == "validation" for n in range(10_000)) / 10_000
    assert 0.09 < share < 0.11  # one in ten; the standard deviation is 0.003


def test_all_lengths_are_drawn_and_largest_is_kept():
    drawn = [pair.number for pair in numbers.pairs(3_000, seed=2, largest=54_321)]
    assert max(drawn) <= 54_321
    for digits in range(1, 6):
        assert 0.15 < sum(len(str(n)) == digits for n in drawn) / len(drawn) < 0.25  # a fifth each; sd 0.007
