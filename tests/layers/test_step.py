"""Layers of a model share a `Step`. A layer reuses the visible sets and angles of layers of its kind, and no others."""

from dataclasses import replace

import pytest
import torch

from course_lib.config import AlibiLatentConfig, DynamicRope, GroupedConfig, LatentConfig, Rope
from course_lib.layers import BidirectionalAttention, Cache, GroupedQueryAttention, LatentAttention
from course_lib.layers.positions import PositionTable
from course_lib.layers.step import Step, without_padding
from course_lib.models.blocks import CAUSAL, new_attention

N = 9
GROUPED = GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, window=4)
X = torch.randn(2, N, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
LENGTHS = torch.tensor([N, 5])


def close(got, want):
    """Sums of tens of terms of size 1 in float64."""
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize(
    "layers",
    [
        [GroupedQueryAttention(replace(GROUPED, window=window)) for window in (4, None, 2)],
        [GroupedQueryAttention(GROUPED), BidirectionalAttention(GROUPED)],
        [LatentAttention(LatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, window=4)),
         new_attention(AlibiLatentConfig(d_model=14, n_heads=6, d_latent=11, d_head=5, window=4), CAUSAL)],
    ],
    ids=["windows", "both sides", "biases"],
)  # fmt: skip
def test_layers_of_different_kinds_see_different_keys(layers, lengths):
    step = Step(X.shape[:2], X.device, lengths=lengths)
    for layer in layers:
        Y = without_padding(layer.double()(X, step=step), lengths)
        close(Y, layer(X, lengths=lengths))


@pytest.mark.parametrize(
    "ropes", [(Rope(), Rope(base=50.0)), (Rope(base=50.0), Rope(base=50.0, factor=3.0))], ids=["bases", "factors"]
)
def test_layers_of_different_angles_turn_differently(ropes):
    step = Step(X.shape[:2], X.device)
    for rope in ropes:
        layer = GroupedQueryAttention(replace(GROUPED, rope=rope)).double()
        close(layer(X, step=step), layer(X))


def test_layers_of_a_kind_look_angles_up_once(monkeypatch):
    asked, original = [], PositionTable.look_up
    monkeypatch.setattr(PositionTable, "look_up", lambda *given: asked.append(given) or original(*given))
    step = Step(X.shape[:2], X.device)
    for _ in range(3):
        GroupedQueryAttention(replace(GROUPED, rope=Rope(base=31.0))).double()(X, step=step)
    assert len(asked) == 1


def test_a_layer_sees_by_position_where_caches_store_keys_in_another_order():
    """Two rings of the same size that hold the same rows in different slots."""
    layer, step = GroupedQueryAttention(GROUPED), Step((1, 2), X.device)
    for keys in (torch.tensor([[0, 1, -1]]), torch.tensor([[1, -1, 0]]), torch.tensor([[-1, 0, 1]])):
        want = (keys <= torch.arange(2)[:, None]) & (keys >= 0)
        assert torch.equal(layer.seen(step, keys).mask[0], want)


@pytest.mark.parametrize("new", [[0, 2], [1, 2], [2, 0]], ids=str)
@pytest.mark.parametrize("rope", [Rope(), DynamicRope(factor=3.0, length=6)], ids=lambda rope: type(rope).__name__)
def test_the_last_tokens_get_the_rows_that_they_get_among_all(rope, new):
    """After 7 and 2 tokens. Where a sequence has no new token, its length must not change the angles of the other."""
    layer = GroupedQueryAttention(replace(GROUPED, rope=rope, window=None)).double()
    caches, lengths = (Cache(), Cache()), torch.tensor(new)
    for cache in caches:
        layer(X[:, :7], cache, lengths=torch.tensor([7, 2]))
    Y = layer(X[:, 7:], caches[0], lengths=lengths)
    with torch.no_grad():
        last = layer(X[:, 7:], caches[1], step=Step((2, 2), X.device, caches[1], lengths).last())
    for i, n in enumerate(new):
        if n:
            close(last[i, 0], Y[i, n - 1])
