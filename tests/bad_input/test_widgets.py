"""Bad input to figures and widgets: each message names argument, value and rule."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.figures.attention import attention_map
from course_lib.widgets import AttentionMap, ScoreAnatomy, SoftmaxTemperature

GOOD = np.full((4, 4), 0.25)
TOKENS = list("abcd")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full(4, 0.25), r"weights must be numbers of shape .*got shape \(4,\)"),
        (np.full((1, 1, 1, 4, 4), 0.25), "weights must be numbers of shape"),
        (np.full((4, 4), "a"), "weights must be numbers"),
        (np.full((4, 4), 0.25j), "weights must be numbers"),
        (np.full((0, 4, 4), 0.25), "weights must have at least one"),
        (np.where(np.eye(4), np.nan, 0.1), r"weights must lie in \[0, 1\], got nan at \(0, 0, 0, 0\)"),
        (np.where(np.eye(4), 0.1, 1.5), r"weights must lie in \[0, 1\], got 1.5 at \(0, 0, 0, 1\)"),
        (np.where(np.eye(4), 0.1, -0.5), r"weights must lie in \[0, 1\], got -0.5"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        AttentionMap(weights, TOKENS)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((4, 4)), "mask must be boolean, true where seen, got dtype float64"),
        (np.ones((4, 3), bool), r"mask must have the shape of weights or its last axes, .*got \(4, 3\)"),
        (np.ones((2, 4, 4), bool), "mask must have the shape"),
        (np.ones(4, bool), "mask must have the shape"),
        (np.tri(4, dtype=bool), r"mask hides the key at \(0, 0, 0, 1\), but its weight there is 0.25, not 0"),
    ],
)
def test_mask(mask, message):
    with pytest.raises(ValueError, match=message):
        AttentionMap(GOOD, TOKENS, mask=mask)


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        (list("abc"), ValueError, "tokens must hold one token for each of 4 positions, got 3"),
        ("abcd", TypeError, "tokens must be a sequence of strings, got 'abcd'"),
        ([1, 2, 3, 4], TypeError, "tokens must be a sequence of strings"),
    ],
)
def test_tokens(tokens, error, message):
    with pytest.raises(error, match=message):
        AttentionMap(GOOD, tokens)


def test_query_tokens():
    with pytest.raises(ValueError, match="query_tokens must hold one token for each of 4 positions, got 1"):
        AttentionMap(GOOD, TOKENS, query_tokens=["x"])
    with pytest.raises(ValueError, match="query_tokens must be given when .*got 3 queries and 4 keys"):
        AttentionMap(GOOD[:3], TOKENS)


@pytest.mark.parametrize("name", ["title", "caption"])
def test_texts(name):
    with pytest.raises(TypeError, match=f"{name} must be text, got 5"):
        AttentionMap(GOOD, TOKENS, **{name: 5})
    with pytest.raises(TypeError, match=f"{name} must be text, got 5"):
        ScoreAnatomy(GOOD, GOOD, GOOD, TOKENS, **{name: 5})


def test_limits():
    with pytest.raises(ValueError, match="weights must have at most 256 queries and keys, got 257 x 257"):
        AttentionMap(np.zeros((257, 257)), ["t"] * 257)
    with pytest.raises(ValueError, match="weights must take at most 8 MiB as float32, got 8.2 MiB"):
        AttentionMap(np.zeros((3, 11, 256, 256)), ["t"] * 256)
    assert AttentionMap(np.zeros((256, 256)), ["t"] * 256).data["weights"]["shape"] == [1, 1, 256, 256]


@pytest.mark.parametrize("value", [True, 1.5, "1"])
def test_choices_of_a_wrong_type(value):
    figure = AttentionMap(np.full((3, 4, 4), 0.25), TOKENS)
    with pytest.raises(Exception, match="'head' trait of an AttentionMap instance expected an int"):
        figure.head = value


def test_save():
    with pytest.raises(ValueError, match="path must end in .html, got 'map.txt'"):
        AttentionMap(GOOD, TOKENS).save("map.txt")


def test_static_map():
    with pytest.raises(ValueError, match="weights must be numbers of shape"):
        attention_map(np.zeros((2, 4, 4)), TOKENS)


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_show_without_words(alt):
    with pytest.raises(ValueError, match="alt must say in words what the picture shows"):
        style.show(Figure(), alt=alt)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3, 5), (4, 6), (4, 2)), r"Q and K must have the same width d_QK, got shapes \(3, 5\) and \(4, 6\)"),
        (((3, 5), (4, 5), (3, 2)), r"K and V must have the same number of rows, got shapes \(4, 5\) and \(3, 2\)"),
        (((65, 5), (4, 5), (4, 2)), "Q and K must have at most 64 rows, got 65 and 4"),
        (((3, 5), (4, 5), (4, 129)), "Q and V must have at most 128 columns, got 5 and 129"),
        (((3,), (4, 5), (4, 2)), r"Q must be numbers with 2 axes, got shape \(3,\)"),
        (((3, 5), (0, 5), (0, 2)), r"K must be numbers with 2 axes, got shape \(0, 5\)"),
        (((3, 5), (4, 5), (4, 2)), "query_tokens must be given when queries and keys differ"),
    ],
)
def test_anatomy_shapes(shapes, message):
    with pytest.raises(ValueError, match=message):
        ScoreAnatomy(*map(np.ones, shapes), TOKENS)


def test_anatomy_numbers_and_masks():
    with pytest.raises(ValueError, match="V must be finite, got NaN or infinity"):
        ScoreAnatomy(GOOD, GOOD, GOOD * np.inf, TOKENS)
    with pytest.raises(ValueError, match="Q must be numbers with 2 axes, got shape .* dtype <U1"):
        ScoreAnatomy(np.full((4, 4), "a"), GOOD, GOOD, TOKENS)
    with pytest.raises(ValueError, match="mask must be boolean, true where seen, got dtype float64"):
        ScoreAnatomy(GOOD, GOOD, GOOD, TOKENS, mask=np.ones((4, 4)))
    with pytest.raises(ValueError, match="mask must have the shape of weights"):
        ScoreAnatomy(GOOD, GOOD, GOOD, TOKENS, mask=np.ones((4, 3), bool))


@pytest.mark.parametrize(
    ("q", "K", "message"),
    [
        (np.ones(3), np.ones((4, 5)), r"q and K must have the same width d, got shapes \(3,\) and \(4, 5\)"),
        (np.ones(5), np.ones((65, 5)), r"K must be at most 64 x 4096, got shape \(65, 5\)"),
        (np.ones((2, 5)), np.ones((4, 5)), r"q must be numbers with 1 axes, got shape \(2, 5\)"),
        (np.full(5, np.nan), np.ones((4, 5)), "q must be finite"),
    ],
)
def test_temperature_shapes(q, K, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxTemperature(q, K)


def test_temperature_tokens():
    with pytest.raises(ValueError, match="tokens must hold one token for each of 4 positions, got 1"):
        SoftmaxTemperature(np.ones(5), np.ones((4, 5)), ["a"])
