"""Dropout acts on the weights P on every path on which a layer computes, in training only."""

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.kernels.attention import attend_by_case
from course_lib.layers import BidirectionalAttention, GroupedQueryAttention, LatentAttention, Seen, attention_weights

N = 7
PATHS = {  # n queries, width e, heads of K, heads of V
    "fused": (5, N, 6, 6),
    "fused, two widths": (5, 4, 6, 6),
    "products, one query": (1, 4, 2, 2),
    "products, grouped": (5, 4, 1, 1),
    "products, shared values": (5, 4, 6, 1),
}


def close(got, want):
    """Sums of tens of terms of size 1 in float64."""
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("path", PATHS)
def test_each_weight_is_zero_or_enlarged(path):
    """The values are unit vectors, so that the heads are the weights after dropout: 0 or P / (1 - 0.25)."""
    n, e, g, s = PATHS[path]
    Q, K = torch.randn(2, 6, n, e, dtype=torch.float64), torch.randn(2, g, N, e, dtype=torch.float64)
    V = torch.eye(N, dtype=torch.float64).expand(2, s, N, N)
    P = attention_weights(Q, K, Seen(), 0.3)
    close(attend_by_case((Q, K, V), Seen(), 0.3, 0.0), P)
    dropped = attend_by_case((Q, K, V), Seen(), 0.3, 0.25)
    kept = dropped != 0
    close(dropped, torch.where(kept, P / 0.75, 0.0))
    assert 0.05 < 1 - kept.double().mean() < 0.5


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize(
    "layer",
    [
        GroupedQueryAttention(GroupedConfig(d_model=5, n_heads=1, dropout=0.5)),
        BidirectionalAttention(GroupedConfig(d_model=5, n_heads=1, dropout=0.5)),
        LatentAttention(LatentConfig(d_model=5, n_heads=1, d_latent=5, d_head=3, d_value=5, dropout=0.5)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_single_token_keeps_its_value_or_loses_it(layer, weights):
    """A token that sees itself alone has the weight 1, which becomes 0 or 2 in training. The P returned stays 1."""
    layer, X = layer.double(), torch.randn(64, 1, 5, dtype=torch.float64)
    values = X @ layer.W_V @ layer.W_O if hasattr(layer, "W_V") else X @ layer.W_L @ layer.W_LV @ layer.W_O

    def call():
        found = layer(X, return_weights=weights)
        if weights:
            assert bool((found[1] == 1).all())
        return found[0] if weights else found

    layer.train()
    Y = call()
    lost = (Y == 0).all(-1, keepdim=True)
    close(Y, torch.where(lost, 0.0, 2 * values))
    assert 0 < lost.sum() < 64
    layer.eval()
    close(call(), values)
