"""Multi-head and grouped attention against torch, against each other, and as groups change (float64).

Tolerance 1e-12: entries are of size 1 and the longest sum has 15 terms, so rounding stays below 1e-14.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.config import GroupedConfig
from course_lib.reference.cache import step, without_cache
from course_lib.reference.grouped import GroupedQueryAttention, grouped_attention
from course_lib.reference.masks import causal_mask
from course_lib.reference.multi_head import MultiHeadAttention, concatenate_heads, split_heads

N_Q, N_KV, D_Q, D_KV, H = 7, 11, 15, 8, 3
X_Q, X_KV = (np.random.default_rng(seed).normal(size=size) for seed, size in ((5, (N_Q, D_Q)), (6, (N_KV, D_KV))))
size = st.integers(1, 7)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def heads_of(weight):
    """torch's (h e, d), used as x W^T, to (h, d, e)."""
    return weight.detach().numpy().reshape(H, -1, weight.shape[1]).transpose(0, 2, 1)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_equals_torch_multihead_attention(masked, cross):
    torch.manual_seed(0)
    X, d = (X_KV, D_KV) if cross else (X_Q, D_Q)
    n = len(X)
    theirs = torch.nn.MultiheadAttention(D_Q, H, bias=False, kdim=d, vdim=d, dtype=torch.float64)
    projections = (
        (theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight) if cross else theirs.in_proj_weight.chunk(3)
    )
    W_Q, W_K, W_V = map(heads_of, projections)
    W_O = theirs.out_proj.weight.detach().numpy().T.reshape(H, -1, D_Q)
    mask = causal_mask(N_Q, n) if masked else None
    query, key = torch.from_numpy(X_Q), torch.from_numpy(X)
    hidden = None if mask is None else torch.from_numpy(~mask)
    Y = theirs(query, key, key, attn_mask=hidden, need_weights=False)[0].detach().numpy()
    ours = MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)
    close(ours(X_Q, X, mask), Y)
    close(ours.per_head(X_Q, X, mask), Y)


@given(h=size, n=size, d=size, e=size, v=size)
def test_per_head_equals_concatenated(h, n, d, e, v):
    rng = np.random.default_rng(1)
    X, W_O = rng.normal(size=(n, d)), rng.normal(size=(h, v, d + 1))
    W_Q, W_K, W_V = (rng.normal(size=(h, d, width)) for width in (e, e, v))
    layer = MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)
    for mask in (None, causal_mask(n, n)):
        # Outputs reach 30, sums 49 terms.
        np.testing.assert_allclose(layer.per_head(X, X, mask), layer(X, X, mask), rtol=0, atol=1e-11)


def test_split_and_concatenate_are_inverse_and_heads_own_neighbouring_columns():
    np.testing.assert_array_equal(concatenate_heads(split_heads(X_Q, 3)), X_Q)
    np.testing.assert_array_equal(split_heads(X_Q, 3)[1], X_Q[:, 5:10])


def grouped(g):
    config = GroupedConfig(d_model=D_KV, n_heads=6, n_kv_heads=g, d_head=5)
    return GroupedQueryAttention.random(config, np.random.default_rng(2))


def by_heads(layer, X):
    """Multi-head attention with the keys and values of each group repeated for its query heads."""
    repeats = len(layer.W_Q) // len(layer.W_K)
    W_K, W_V = (np.repeat(W, repeats, axis=0) for W in (layer.W_K, layer.W_V))
    mha = MultiHeadAttention(W_Q=layer.W_Q, W_K=W_K, W_V=W_V, W_O=layer.W_O)
    return mha.per_head(X, X, causal_mask(len(X), len(X)))


def test_as_many_groups_as_heads_is_multi_head():
    layer = grouped(6)
    close(step(layer, X_KV)[0], by_heads(layer, X_KV))
    assert layer.W_K.shape == layer.W_Q.shape


def test_one_group_is_multi_query():
    """All heads read the same keys and values: written out with one W_K and one W_V."""
    layer, Y = grouped(1), 0
    mask = causal_mask(N_KV, N_KV)
    for W_Q, W_O in zip(layer.W_Q, layer.W_O, strict=True):
        A = np.where(mask, np.exp(X_KV @ W_Q @ (X_KV @ layer.W_K[0]).T / np.sqrt(5)), 0)
        Y = Y + A / A.sum(-1, keepdims=True) @ (X_KV @ layer.W_V[0]) @ W_O
    close(step(layer, X_KV)[0], Y)


def test_heads_in_a_group_share():
    layer = grouped(2)
    close(step(layer, X_KV)[0], by_heads(layer, X_KV))
    neighbours = replace(layer, W_K=layer.W_K[[1, 0]], W_V=layer.W_V[[1, 0]])
    assert np.abs(step(neighbours, X_KV)[0] - step(layer, X_KV)[0]).max() > 0.1


@given(g=size, per_group=size, n=size, extra=size, e=size, v=size)
def test_equals_torch_with_grouped_queries(g, per_group, n, extra, e, v):
    rng = np.random.default_rng(3)
    N = n + extra
    Q, K, V = (rng.normal(size=s) for s in ((g * per_group, n, e), (g, N, e), (g, N, v)))
    mask = causal_mask(n, N)
    tensors = [torch.from_numpy(array)[None] for array in (Q, K, V)]
    options = {"attn_mask": torch.from_numpy(mask), "scale": 0.7, "enable_gqa": True}
    theirs = torch.nn.functional.scaled_dot_product_attention(*tensors, **options)[0]
    close(grouped_attention(Q, K, V, mask, 0.7), theirs.numpy())


@pytest.mark.parametrize("g", [1, 2, 6])
def test_permutation_equivariance_holds_without_a_mask_and_fails_with_one(g):
    layer, order = grouped(g), np.random.default_rng(4).permutation(N_KV)
    close(without_cache(layer, X_KV[order]), without_cache(layer, X_KV)[order])
    assert np.abs(step(layer, X_KV[order])[0] - step(layer, X_KV)[0][order]).max() > 0.1
