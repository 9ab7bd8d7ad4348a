"""The numbers of figure 10 against attention written out by torch, and bytes against the model's own caches."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.surgery.kv_heads import share_heads
from course_lib.widgets.base import unpacked
from course_lib.widgets.head_sharing import HeadSharing
from course_lib.widgets.numbers import shared_heads

H, E, LAYERS, N = 6, 4, 3, 11


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        attention = GroupedConfig(d_model=22, n_heads=H, d_head=E)
        model = DecoderModel(ModelConfig(vocab_size=19, n_layers=LAYERS, attention=attention, d_ff=13)).eval()
    with torch.no_grad():
        for block in model.blocks:
            block.attention.W_Q.mul_(40)  # weights that differ from each other
    return model


@pytest.fixture
def figure(model):
    return HeadSharing(model, range(N), [str(i) for i in range(N)])


def inputs_of(model):
    found = []
    hooks = [b.attention.register_forward_pre_hook(lambda _, x: found.append(x[0][0].double())) for b in model.blocks]
    with torch.no_grad():
        model(torch.arange(N)[None])
    for hook in hooks:
        hook.remove()
    return found


@torch.no_grad()
def written_out(attention, X, g, pool):
    """Weights (h, N, N) and output (N, d), each query head with a copy of the key and value head it reads."""
    weights = {name: getattr(attention, name).double() for name in ("W_Q", "W_K", "W_V", "W_O")}
    Q, K, V = ((X @ weights[name]).unflatten(1, (H, E)).movedim(1, 0) for name in ("W_Q", "W_K", "W_V"))
    K, V = (pool(x.unflatten(0, (g, -1))).repeat_interleave(H // g, dim=0) for x in (K, V))  # linear in the weights
    P = ((Q @ K.mT) / E**0.5).masked_fill(~torch.ones(N, N).tril().bool(), -torch.inf).softmax(-1)
    return P, (P @ V).movedim(0, 1).flatten(1) @ weights["W_O"]


@pytest.mark.parametrize(("way", "pool"), [(0, lambda heads: heads.mean(1)), (1, lambda heads: heads[:, 0])])
@pytest.mark.parametrize("g", [6, 3, 2, 1])
def test_errors_are_those_of_attention_written_out(figure, model, way, pool, g):
    figure.way, figure.n_kv_heads = way, g
    for layer, (block, X) in enumerate(zip(model.blocks, inputs_of(model), strict=True)):
        P, Y = written_out(block.attention, X, H, lambda heads: heads[:, 0])
        P_shared, Y_shared = written_out(block.attention, X, g, pool)
        moved = (P_shared - P).clamp(min=0).sum(-1).mean(-1)  # what some keys gain, the others lose
        # The inputs came from float32 here, from float64 there.
        np.testing.assert_allclose(figure.weight_errors[layer], moved, rtol=0, atol=1e-5)
        error = torch.linalg.vector_norm(Y_shared - Y) / torch.linalg.vector_norm(Y)
        np.testing.assert_allclose(figure.output_errors[layer], error, rtol=0, atol=1e-5)
        state = 0 if g == H else 1 + way * 3 + figure.step - 1
        sent = unpacked(figure.data["maps"])[state, layer]
        np.testing.assert_allclose(
            sent / 255, P_shared[:, *torch.tril_indices(N, N)], rtol=0, atol=0.00201
        )  # half a step
    assert figure.weight_error == pytest.approx(figure.weight_errors.mean(), abs=1e-14)
    assert figure.output_error == pytest.approx(figure.output_errors.mean(), abs=1e-14)


def test_the_first_heads_of_groups_keep_their_weights(figure):
    figure.way, figure.n_kv_heads = 1, 2
    assert np.abs(figure.weight_errors[:, [0, 3]]).max() < 1e-14 < 1e-4 < figure.weight_errors[:, [1, 2, 4, 5]].min()


def test_turning_heads_changes_nothing_until_they_are_merged(figure):
    for way in range(3):
        figure.way, figure.n_kv_heads = way, 6
        assert figure.weight_error < 1e-12 and figure.output_error < 1e-12
    figure.n_kv_heads = 2
    turned = figure.output_error
    figure.way = 0
    assert turned < figure.output_error


@pytest.mark.parametrize("g", [6, 3, 2, 1])
def test_bytes_are_those_of_the_caches(figure, model, g):
    figure.n_kv_heads = g
    shared = share_heads(model, g, lambda heads: heads.mean(-2))
    caches = shared.new_caches(capacity=N)
    shared(torch.arange(N)[None], caches)
    assert N * figure.bytes_per_token == sum(cache.nbytes for cache in caches)


def test_the_loss_is_that_of_the_whole_converted_model(figure, model):
    figure.way, figure.n_kv_heads = 2, 3
    with torch.no_grad():
        logits = shared_heads.by_turned_mean(model, 3)(torch.arange(N)[None])[0]
    expected = F.cross_entropy(logits[:-1], torch.arange(1, N))
    np.testing.assert_allclose(figure.loss, expected, rtol=1e-5)  # float32 there


def test_the_model_is_left_as_it_was(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    HeadSharing(model, range(N), [str(i) for i in range(N)], counts=(6, 2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(block.attention._forward_pre_hooks for block in model.blocks)


def test_start_counts_and_ways(figure):
    assert (figure.counts, figure.ways) == ([6, 3, 2, 1], ["mean", "first", "mean, turned"])
    assert (figure.n_kv_heads, figure.layer, figure.head) == (2, LAYERS - 1, 0)


def test_alternative_text_and_table_hold_the_numbers(figure):
    assert f"{figure.weight_error:.2f} of the attention weight" in figure.alt()
    assert (
        f"<td>{figure.weight_error:.3f}</td><td>{figure.output_error:.3f}</td><td>{figure.loss:.3f}" in figure.table()
    )
    figure.n_kv_heads = 6
    assert "no error" in figure.alt()
    assert repr(figure) == "HeadSharing(heads=6, counts=[6, 3, 2, 1], tokens=11)"


def test_the_still_runs_in_the_sliders_direction_and_rings_the_chosen_point(figure):
    figure.way, figure.n_kv_heads = 2, 3
    _, weights, output = figure.drawing().axes
    for axes, value in ((weights, figure.weight_error), (output, figure.output_error)):
        *curves, ring = axes.lines
        assert [curve.get_label() for curve in curves] == figure.ways
        assert (ring.get_xydata() == [[1, value]]).all() and curves[2].get_ydata()[1] == value
        names = [label.get_text().split(":") for label in axes.get_xticklabels()]
        assert [int(name[0]) for name in names] == figure.counts == sorted(figure.counts, reverse=True)
        assert axes.get_xlim()[0] < axes.get_xlim()[1]


@pytest.mark.parametrize(("layers", "heads"), [(12, 12), (30, 9), (4, 8), (1, 2)])
def test_as_many_tokens_as_there_is_room_for(layers, heads):
    """One more is refused, but for the limit that every text has. GPT-2 and SmolLM2 are the first two."""
    config = ModelConfig(vocab_size=80, n_layers=layers, attention=GroupedConfig(d_model=heads, n_heads=heads), d_ff=1)
    model = DecoderModel(config).eval()
    most = HeadSharing.most_tokens(model)
    assert len(HeadSharing(model, range(most), ["t"] * most).data["tokens"]) == most
    with pytest.raises(ValueError, match="take fewer tokens|ids must be 2 to 64 whole numbers"):
        HeadSharing(model, range(most + 1), ["t"] * (most + 1))
