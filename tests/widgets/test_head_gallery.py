"""The numbers of figure 4 against torch, and its order against Python's sort."""

import numpy as np
import pytest
import torch

from course_lib.widgets.base import unpacked
from course_lib.widgets.head_gallery import ENTROPY, INDUCTION, PLACE, PREVIOUS, HeadGallery

LAYERS, HEADS, PERIOD = 3, 5, 7
N = 2 * PERIOD
TOKENS = list("abcdefg") * 2
SENT = {"rtol": 0, "atol": 1e-7}  # weights and distances are sent as float32


def weights():
    logits = 2 * torch.randn(LAYERS, HEADS, N, N, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return logits.masked_fill(~torch.ones(N, N, dtype=bool).tril(), -torch.inf).softmax(-1)


@pytest.fixture
def figure():
    cost = np.arange(LAYERS * HEADS).reshape(LAYERS, HEADS) % 4
    return HeadGallery(weights(), TOKENS, period=PERIOD, scores={"cost": cost}, mask=np.tri(N, dtype=bool))


def test_scores_are_those_of_the_weights(figure):
    P = weights()
    np.testing.assert_allclose(figure.weights, P, **SENT)
    # The scores are of the weights as they are sent: float32, with up to 14 logarithms in a row.
    close = {"rtol": 0, "atol": 1e-6}
    entropy = torch.special.entr(P).sum(-1).mean(-1)
    previous = torch.stack([P[..., i, i - 1] for i in range(1, N)]).mean(0)
    came_next = torch.stack([P[..., i, i - PERIOD + 1] for i in range(PERIOD, N)]).mean(0)
    for name, expected in ((ENTROPY, entropy), (PREVIOUS, previous), (INDUCTION, came_next)):
        np.testing.assert_allclose(figure.score(name), expected, **close)


def test_heads_are_sorted(figure):
    places = list(np.ndindex(LAYERS, HEADS))
    assert figure.allowed()["order"] == [PLACE, ENTROPY, PREVIOUS, INDUCTION, "cost"]
    assert figure.order == INDUCTION
    for name in figure.allowed()["order"]:
        figure.order = name
        if name == PLACE:
            assert figure.ranked == places
            continue
        sign = 1 if name == ENTROPY else -1
        assert figure.ranked == sorted(places, key=lambda place: sign * figure.score(name)[place])  # noqa: B023
        assert f">{figure.score(name)[figure.ranked[0]]:.2f}<" in figure.table().split("<tr>")[2]


def test_distance_is_the_weight_on_different_keys(figure):
    P = weights()
    for first, second in (((0, 0), (2, 4)), ((1, 3), (1, 2)), ((2, 1), (2, 1))):
        figure.heads = first, second
        assert figure.heads == (first, second)
        shared = torch.minimum(P[first], P[second]).sum(-1).mean()
        np.testing.assert_allclose(figure.distance, 1 - shared, **SENT)


def test_it_opens_on_the_heads_and_the_cell_that_teach():
    P = weights()
    P[1, 3] = torch.eye(N)[np.maximum(np.arange(N) - 1, 0)]
    P[2, 4] = torch.eye(N)[np.where(np.arange(N) < PERIOD, 0, np.arange(N) - PERIOD + 1)]
    figure = HeadGallery(P, TOKENS, period=PERIOD)
    assert figure.heads == ((2, 4), (1, 3)) and (figure.query, figure.key) == (PERIOD, 1)
    P[2, 4, PERIOD : PERIOD + 2] = P[2, 4, PERIOD : PERIOD + 2] / 2 + torch.eye(N)[0] / 2
    later = HeadGallery(P, TOKENS, period=PERIOD)
    assert later.heads[0] == (2, 4) and (later.query, later.key) == (PERIOD + 2, 3)
    plain = HeadGallery(P, TOKENS)
    assert plain.order == ENTROPY and plain.heads[0] in ((2, 4), (1, 3)) and plain.query == N - 1
    one = HeadGallery(P[:1, :1], TOKENS)
    assert one.heads == ((0, 0), (0, 0)) and one.distance == 0 and one.table().count("<tr>") == 2


def test_scaled_pictures_and_words(figure):
    before = figure.twin()
    figure.scaled = True
    assert figure.twin() != before
    best = figure.ranked[0]
    assert f"from L{best[0]} H{best[1]} with {figure.score(INDUCTION)[best]:.2f} to" in figure.alt()
    assert f"{figure.distance:.2f} of their weight" in figure.alt()
    assert repr(figure) == "HeadGallery(layers=3, heads=5, tokens=14)"
    assert unpacked(figure.data["mask"]).tolist() == np.tri(N).tolist()


def test_some_layers_of_a_model_keep_their_numbers(figure):
    """A model with more heads than the figure takes shows some layers; all that it says of them stays the same."""
    cost = np.arange(LAYERS * HEADS).reshape(LAYERS, HEADS) % 4
    scores, mask = {"cost": cost}, np.tri(N, dtype=bool)
    some = HeadGallery(weights(), TOKENS, period=PERIOD, scores=scores, mask=mask, layers=(0, 2))
    for name in figure.allowed()["order"]:
        figure.order = some.order = name
        assert some.ranked == [head for head in figure.ranked if head[0] != 1]
        if name != PLACE:
            np.testing.assert_array_equal(some.score(name), figure.score(name)[[0, 2]])
    figure.heads = some.heads = (2, 4), (0, 3)
    assert some.heads == ((2, 4), (0, 3)) and some.distance == figure.distance
    assert some.data["layers"] == [0, 2] and "L2 H4" in some.alt() and "L1 H" not in some.table()
