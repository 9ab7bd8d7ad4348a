"""Bad input of the figures of given arrays: maps of weights, scores, temperatures, clocks and merges."""

from functools import partial

import numpy as np
import pytest
from traitlets import TraitError

from course_lib.widgets import AttentionMap, ScoreAnatomy, SoftmaxTemperature
from course_lib.widgets.head_gallery import HeadGallery
from course_lib.widgets.merge_steps import MergeSteps
from course_lib.widgets.page import in_script
from course_lib.widgets.rotary_clocks import RotaryClocks

GOOD = np.full((4, 4), 0.25)
HEADS = np.full((2, 3, 4, 4), 0.25)
TOKENS = list("abcd")
ones, full = np.ones, np.full


def spoilt(value, rest=0.1):
    return np.where(np.eye(4), value, rest)


@pytest.mark.parametrize(
    "weights, got, rule",
    [
        (full(4, 0.25), "(4,)", "(n, N)"),
        (full((1, 1, 1, 4, 4), 0.25), "(1, 1, 1, 4, 4)", ("(n, N)", "2")),
        (full((4, 4), "a"), "<U1", "numbers"),
        (full((4, 4), 0.25j), "complex128", "numbers"),
        (full((0, 4, 4), 0.25), "(1, 0, 4, 4)", "one"),
        (spoilt(np.nan), ("nan", "(0, 0, 0, 0)"), "[0, 1]"),
        (spoilt(0.1, 1.5), ("1.5", "(0, 0, 0, 1)"), "[0, 1]"),
        (spoilt(0.1, -0.5), ("-0.5", "(0, 0, 0, 1)"), "[0, 1]"),
        (np.zeros((257, 257)), "257 x 257", "256"),
        (np.zeros((3, 11, 256, 256)), "8.2 MiB", "8 MiB"),
    ],
)
def test_maps(refuses, weights, got, rule):
    refuses(lambda: AttentionMap(weights, ["t"] * weights.shape[-1]), "weights", got, rule)


def test_the_largest_map_that_is_shown():
    largest = AttentionMap(np.zeros((256, 256)), ["t"] * 256)
    assert largest.data["weights"]["shape"] == [1, 1, 256, 256]


@pytest.mark.parametrize(
    "mask, got, rule",
    [
        (ones((4, 4)), "float64", "boolean"),
        (ones((4, 3), bool), "(4, 3)", "(1, 1, 4, 4)|(4, 4)"),
        (ones((2, 4, 4), bool), "(2, 4, 4)", "(1, 1, 4, 4)|(4, 4)"),
        (ones(4, bool), "(4,)", "(1, 1, 4, 4)|(4, 4)"),
    ],
)
def test_masks(refuses, mask, got, rule):
    refuses(lambda: AttentionMap(GOOD, TOKENS, mask=mask), "mask", got, rule)
    refuses(lambda: ScoreAnatomy(GOOD, GOOD, GOOD, TOKENS, mask=mask), "mask", got, rule)


@pytest.mark.parametrize(
    "weights, got, rule",
    [
        (full((2, 3, 4, 5), 0.2), "4 x 5", "(..., N, N)"),
        (ones((2, 3, 1, 1)), "1 x 1", ("(..., N, N)", "2")),
        (np.zeros((1, 1, 65, 65)), "65", "64"),
        (np.zeros((5, 29, 2, 2)), ("5", "29"), "144"),
        (HEADS * 8, "2.0", "[0, 1]"),
    ],
)
def test_galleries(refuses, weights, got, rule):
    refuses(lambda: HeadGallery(weights, ["t"] * weights.shape[-1]), "weights", got, rule)


anatomy = partial(ScoreAnatomy, tokens=TOKENS)
gallery = partial(HeadGallery, HEADS, TOKENS)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: AttentionMap(GOOD, TOKENS[:3]), "tokens", "3", "4"),
        (lambda: AttentionMap(GOOD, TOKENS, query_tokens=["x"]), "query_tokens", "1", "4"),
        (lambda: AttentionMap(GOOD[:3], TOKENS), "query_tokens", ("3", "4"), ("queries", "keys")),
        (lambda: AttentionMap(GOOD, TOKENS, mask=np.tri(4, dtype=bool)), "mask", ("0.25", "(0, 0, 0, 1)"), "0"),
        (lambda: AttentionMap(GOOD, TOKENS).save("map.txt"), "path", "'map.txt'", ".html"),
        (lambda: AttentionMap(GOOD, TOKENS).to_html("poster"), "layout", "'poster'", ("'page'", "'slide'")),
        (lambda: in_script("let a = '</SCRIPT>';"), "module", (), "</script"),
        (lambda: anatomy(ones((3, 5)), ones((4, 6)), ones((4, 2))), "Q", ("(3, 5)", "(4, 6)"), ("K", "d_QK")),
        (lambda: anatomy(ones((3, 5)), ones((4, 5)), ones((3, 2))), "V", ("(4, 5)", "(3, 2)"), ("K", "rows")),
        (lambda: anatomy(ones((65, 5)), ones((4, 5)), ones((4, 2))), "Q", ("65", "4"), ("K", "64")),
        (lambda: anatomy(ones((3, 5)), ones((4, 5)), ones((4, 129))), "V", ("5", "129"), ("Q", "128")),
        (lambda: anatomy(ones(3), ones((4, 5)), ones((4, 2))), "Q", "(3,)", "2"),
        (lambda: anatomy(ones((3, 5)), ones((0, 5)), ones((0, 2))), "K", "(0, 5)", "2"),
        (lambda: anatomy(ones((3, 5)), ones((4, 5)), ones((4, 2))), "query_tokens", ("3", "4"), ("queries", "keys")),
        (lambda: anatomy(GOOD, GOOD, GOOD * np.inf), "V", "infinity", "finite"),
        (lambda: anatomy(full((4, 4), "a"), GOOD, GOOD), "Q", "<U1", "numbers"),
        (lambda: SoftmaxTemperature(ones(3), ones((4, 5))), "q", ("(3,)", "(4, 5)"), ("K", "d")),
        (lambda: SoftmaxTemperature(ones(5), ones((65, 5))), "K", "(65, 5)", "64 x 4096"),
        (lambda: SoftmaxTemperature(ones((2, 5)), ones((4, 5))), "q", "(2, 5)", "1"),
        (lambda: SoftmaxTemperature(full(5, np.nan), ones((4, 5))), "q", "NaN", "finite"),
        (lambda: SoftmaxTemperature(ones(5), ones((4, 5)), ["a"]), "tokens", "1", "4"),
        (lambda: setattr(SoftmaxTemperature(ones(5), ones((4, 5))), "temperature", 0), "temperature", "0", "positive"),
        (lambda: gallery(scores={"cost": ones((3, 2))}), "'cost'", "(3, 2)", "(2, 3)"),
        (lambda: gallery(scores={"cost": ones(6)}), "'cost'", "(6,)", "2"),
        (lambda: gallery(scores={"cost": full((2, 3), np.nan)}), "'cost'", "NaN", "finite"),
        (lambda: gallery(scores={"entropy, nats": ones((2, 3))}), "scores", "'entropy, nats'", "own"),
        (lambda: gallery(period=3), "period", "3", "4"),
        (lambda: gallery(mask=ones((3, 4, 4), bool)), "mask", "(1, 3, 4, 4)", "(N, N)"),
        (lambda: gallery(layers=[]), "layers", "[]", "2"),
        (lambda: gallery(layers=[1, 0]), "layers", "[1, 0]", "rising"),
        (lambda: gallery(layers=[0, 0]), "layers", "[0, 0]", "rising"),
        (lambda: gallery(layers=[2]), "layers", "[2]", "2"),
        (lambda: gallery(layers=[0.0]), "layers", "[0.0]", "numbers"),
        (lambda: HeadGallery(HEADS, TOKENS[:3]), "tokens", "3", "4"),
        (lambda: setattr(gallery(), "heads", ((0, 1), (2, 0))), "heads", "((0, 1), (2, 0))", ("[0, 1]", "3")),
        (lambda: setattr(gallery(), "heads", (3, 4)), "heads", "(3, 4)", ("[0, 1]", "3")),
        (lambda: gallery().score("cost"), "name", "'cost'", ("'entropy, nats'", "'on the previous token'")),
        (lambda: RotaryClocks(ones(4), ones(6)), "k", ("4", "6"), ("q", "p")),
        (lambda: RotaryClocks(ones(5), ones(5)), "k", "5", ("q", "even")),
        (lambda: RotaryClocks(ones(66), ones(66)), "k", "66", ("q", "64")),
        (lambda: RotaryClocks(ones((2, 4)), ones(4)), "q", "(2, 4)", "1"),
        (lambda: RotaryClocks(ones(4), ones(0)), "k", "(0,)", "1"),
        (lambda: RotaryClocks(ones(4), full(4, np.nan)), "k", "NaN", "finite"),
        (lambda: RotaryClocks(full(4, "a"), ones(4)), "q", "<U1", "numbers"),
        (lambda: MergeSteps("a" * 121), "text", "121", "120"),
        (lambda: MergeSteps(""), "text", "''", ("pair", "twice")),
        (lambda: MergeSteps("a b a"), "text", "'a b a'", ("pair", "twice")),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize("positions", [1, 65, 8.0, True, "8", None])
def test_numbers_of_positions(refuses, positions):
    refuses(lambda: RotaryClocks(ones(4), ones(4), positions=positions), "positions", repr(positions), ("2", "64"))


@pytest.mark.parametrize("most", [0, 41, 2.5, True])
def test_numbers_of_merges(refuses, most):
    refuses(lambda: MergeSteps("the theory", most=most), "most", repr(most), ("1", "40"))


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: AttentionMap(GOOD, "abcd"), "tokens", "'abcd'", "strings"),
        (lambda: AttentionMap(GOOD, [1, 2, 3, 4]), "tokens", "[1, 2, 3, 4]", "strings"),
        (lambda: AttentionMap(GOOD, TOKENS, title=5), "title", "5", "text"),
        (lambda: AttentionMap(GOOD, TOKENS, caption=5), "caption", "5", "text"),
        (lambda: anatomy(GOOD, GOOD, GOOD, title=5), "title", "5", "text"),
        (lambda: anatomy(GOOD, GOOD, GOOD, caption=5), "caption", "5", "text"),
        (lambda: gallery(scores={5: ones((2, 3))}), "scores", "5", "text"),
        (lambda: gallery(caption=5), "caption", "5", "text"),
        (lambda: RotaryClocks(ones(4), ones(4), rope=10000), "rope", "10000", "Rope"),
        (lambda: MergeSteps(b"the theory"), "text", "bytes", "str"),
    ],
)
def test_types(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule, TypeError)


@pytest.mark.parametrize("value, got", [(True, "True"), (1.5, "1.5"), ("1", "'1'")])
def test_choices_of_a_wrong_type(refuses, value, got):
    """The message is that of traitlets."""
    figure = AttentionMap(full((3, 4, 4), 0.25), TOKENS)
    refuses(lambda: setattr(figure, "head", value), "'head'", got, "int", TraitError)
    assert figure.head == 0
