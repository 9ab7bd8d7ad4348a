"""The numbers of figure 5 against a copy of the model whose rows of W_O are zero, in the same precision."""

import copy

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.widgets.base import unpacked
from course_lib.widgets.head_ablation import COSTS, ROLES, HeadAblation

LAYERS, HEADS, WIDTH, PERIOD, TEXTS, VOCABULARY = 3, 4, 6, 7, 2, 23
CLOSE = {"rtol": 0, "atol": 1e-12}  # float64 throughout; sums in another order


@pytest.fixture
def model():
    torch.manual_seed(2)
    attention = GroupedConfig(d_model=20, n_heads=HEADS, d_head=WIDTH, rope=Rope())
    model = DecoderModel(ModelConfig(vocab_size=VOCABULARY, n_layers=LAYERS, attention=attention, d_ff=15))
    return model.double().eval().requires_grad_(False)


@pytest.fixture
def pieces():
    return torch.randint(VOCABULARY, (TEXTS, PERIOD), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def figure(model, pieces):
    return HeadAblation(model, pieces, list("abcdefg"))


def losses(model, pieces, removed):
    """(texts, copies, tokens) by the plain model."""
    other = copy.deepcopy(model)
    for layer, head in removed:
        other.blocks[layer].attention.W_O[WIDTH * head : WIDTH * (head + 1)] = 0
    twice = torch.cat([pieces, pieces], 1)
    p, twice = torch.softmax(other(twice), -1).numpy(), twice.numpy()
    found = np.full((TEXTS, 2, PERIOD - 1), np.nan)
    for text, place, i in np.ndindex(found.shape):
        at = place * PERIOD + i
        found[text, place, i] = -np.log(p[text, at, twice[text, at + 1]])
    return found


@pytest.mark.parametrize("removed", [[], [(0, 0)], [(2, 3)], [(1, 1), (0, 2), (1, 3)]], ids=str)
def test_losses_are_those_of_the_model_without_the_heads(figure, model, pieces, removed):
    figure.removed_heads = removed
    assert figure.removed_heads == sorted(removed)
    expected = losses(model, pieces, removed)
    np.testing.assert_allclose(figure.losses, expected.mean((0, 2)), **CLOSE)
    np.testing.assert_allclose(unpacked(figure.answer["tokens"]), expected[0], **CLOSE)
    whole = losses(model, pieces, [])
    np.testing.assert_allclose(figure.all_heads, whole.mean((0, 2)), **CLOSE)
    each = [losses(model, pieces, [head]).mean((0, 2)) - whole.mean((0, 2)) for head in removed]
    np.testing.assert_allclose(figure.alone, np.sum(each, axis=0) if each else [0, 0], **CLOSE)


def test_costs_and_roles_are_those_of_the_heads(figure, model, pieces):
    whole = losses(model, pieces, []).mean((0, 2))
    P = [P.mean(0) for P in model.attention_weights(torch.cat([pieces, pieces], 1))]
    for layer, head in np.ndindex(LAYERS, HEADS):
        cost = losses(model, pieces, [(layer, head)]).mean((0, 2)) - whole
        np.testing.assert_allclose(figure.cost[layer, head], cost, **CLOSE)
        back = np.mean([P[layer][head, i, i - 1] for i in range(1, 2 * PERIOD)])
        after = np.mean([P[layer][head, i, i - PERIOD + 1] for i in range(PERIOD, 2 * PERIOD)])
        got = [figure.role(name)[layer, head] for name in ROLES]
        np.testing.assert_allclose(got, [back, after], **CLOSE)
    assert figure.removed_heads == [np.unravel_index(figure.role(ROLES[1]).argmax(), (LAYERS, HEADS))]


def test_a_list_from_anywhere_is_kept_in_order_and_each_head_once(figure):
    figure.removed = [7, 2, 7]
    assert figure.removed == [2, 7] and figure.answer["for"] == [[2, 7]]
    figure.set_state({"removed": [11]})
    assert figure.removed_heads == [(2, 3)] and figure.answer["for"] == [[11]]


def test_the_model_stays_as_it_is(model, pieces):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    HeadAblation(model, pieces.numpy(), list("abcdefg")).removed = [0, 5]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_page_foresees_each_head_each_layer_and_all(figure):
    sets = [choice["removed"] for choice in figure.foreseen()]
    assert all([head] in sets for head in range(12)) and [] in sets and list(range(12)) in sets
    assert all(list(range(4 * layer, 4 * layer + 4)) in sets for layer in range(3))


def test_words_and_table(figure):
    figure.removed_heads = [(0, 1), (2, 2)]
    assert "with L0 H1, L2 H2 removed" in figure.alt() and f"{figure.losses[1]:.2f} on the second" in figure.alt()
    row = figure.table().split("<tr>")[3]
    assert (
        row.startswith("<th>L0 H1</th>")
        and "removed" in row
        and f"<td>{figure.cost[0, 1, 0]:.2f}</td>".replace("-0.00", "0.00") in row
    )
    figure.removed = []
    assert "with no head removed" in figure.alt() and "removed" not in figure.table()
    assert repr(figure) == "HeadAblation(layers=3, heads=4, period=7)"
    for name in (COSTS[0], ROLES[0]):
        before = figure.twin()
        figure.view = name
        assert figure.twin() != before


def test_some_layers_of_a_model_keep_their_numbers(figure, model, pieces):
    some = HeadAblation(model, pieces, list("abcdefg"), layers=[0, 2])
    np.testing.assert_array_equal(some.cost, figure.cost[[0, 2]])
    for name in ROLES:
        np.testing.assert_array_equal(some.role(name), figure.role(name)[[0, 2]])
    some.removed_heads = figure.removed_heads = [(0, 1), (2, 3)]
    assert some.removed == [1, 7] and some.removed_heads == [(0, 1), (2, 3)] and some.losses == figure.losses
    assert some.data["layers"] == [0, 2] and "L2 H3" in some.alt() and "L1 H" not in some.table()
