"""Reference attention against torch's own, and against the identities of the mathematics (float64).

Tolerance 1e-12: outputs are of size 1 and sums have at most 11 terms, so rounding stays below 1e-14.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.reference import attention as ref
from course_lib.reference import masks

N_Q, N_KV, D, D_V = 7, 11, 5, 3


@pytest.fixture
def qkv():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N_Q, D)), rng.normal(size=(N_KV, D)), rng.normal(size=(N_KV, D_V))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_equals_torch_scaled_dot_product_attention(qkv, masked):
    mask = ref.causal_mask(N_Q, N_KV) if masked else None
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *map(torch.from_numpy, qkv), attn_mask=None if mask is None else torch.from_numpy(mask)
    )
    close(ref.attention(*qkv, mask), theirs.numpy())


@pytest.mark.parametrize("f", [np.exp, ref.exponential, np.square])
def test_three_forms_of_a_mask_agree(qkv, f):
    """Indicator, additive (of the exponential kernel alone) and Hadamard, and the weights that the library takes."""
    Q, K, V = qkv
    mask = np.random.default_rng(1).random((N_Q, N_KV)) < 0.5
    mask[:, 0] = True
    sets = [np.flatnonzero(row).tolist() for row in mask]
    forms = [masks.indicator_scores(Q, K, sets, f), masks.hadamard_scores(Q @ K.T, mask, f)]
    forms += [] if f is np.square else [masks.additive_scores(Q @ K.T, mask)]
    for A in forms:
        np.testing.assert_allclose(A, forms[0], rtol=1e-13)  # entries of A range over orders of magnitude
        close(np.linalg.inv(ref.normaliser(A)) @ A @ V, ref.attention(Q, K, V, mask, f, scale=1.0))


def test_visible_sets_and_windows():
    expected = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]], dtype=bool)
    np.testing.assert_array_equal(masks.visible_mask([{3, 0}, (), range(1, 3)], 4), expected)
    sets = [range(max(0, i - 2), i + 1) for i in range(4, N_KV)]
    np.testing.assert_array_equal(masks.window_mask(N_Q, N_KV, 3), masks.visible_mask(sets, N_KV))
    np.testing.assert_array_equal(masks.window_mask(N_Q, N_KV, N_KV), ref.causal_mask(N_Q, N_KV))
    np.testing.assert_array_equal(masks.window_mask(N_Q, N_KV, None), ref.causal_mask(N_Q, N_KV))


def test_both_names_of_the_exponential_kernel_are_one(qkv):
    np.testing.assert_array_equal(ref.attention(*qkv, f=ref.exponential), ref.attention(*qkv))


def test_self_cross_and_streaming_attention():
    rng = np.random.default_rng(4)
    X, X_Q = rng.normal(size=(N_KV, D)), rng.normal(size=(N_Q, 8))
    W_Q, W_K, W_V, W_cross = (rng.normal(size=s) for s in ((D, 6), (D, 6), (D, D_V), (8, 6)))
    mask = ref.causal_mask(N_KV, N_KV)

    def theirs(Q, K, V, mask):
        mask = None if mask is None else torch.from_numpy(mask)
        return torch.nn.functional.scaled_dot_product_attention(*map(torch.from_numpy, (Q, K, V)), attn_mask=mask)

    whole = ref.self_attention(X, W_Q, W_K, W_V, mask)
    close(whole, theirs(X @ W_Q, X @ W_K, X @ W_V, mask).numpy())
    close(ref.cross_attention(X_Q, X, W_cross, W_K, W_V), theirs(X_Q @ W_cross, X @ W_K, X @ W_V, None).numpy())
    queries = np.array([10, 2, 7])
    close(ref.streaming_attention(X, queries, W_Q, W_K, W_V, mask), whole[queries])
    unmasked = ref.self_attention(X, W_Q, W_K, W_V)
    close(ref.streaming_attention(X, queries, W_Q, W_K, W_V), unmasked[queries])
    order = rng.permutation(N_KV)
    close(ref.self_attention(X[order], W_Q, W_K, W_V), unmasked[order])
    assert np.abs(ref.self_attention(X[order], W_Q, W_K, W_V, mask) - whole[order]).max() > 0.1


def test_logits_have_rank_d_qk_and_causal_weights_have_full_rank():
    """det P = prod P_ii > 0 for a lower triangular P, whatever d_QK is."""
    Q, K = np.random.default_rng(5).normal(size=(2, N_KV, 3))
    P = ref.attention_weights(Q, K, ref.causal_mask(N_KV, N_KV))
    assert np.linalg.matrix_rank(Q @ K.T) == 3
    assert np.linalg.matrix_rank(P) == N_KV
    sign, log_det = np.linalg.slogdet(P)
    assert sign == 1
    close(log_det, np.log(np.diag(P)).sum())


size = st.integers(1, 9)


@given(n=size, N=size, d=size, v=size)
def test_any_shapes_equal_torch(n, N, d, v):
    rng = np.random.default_rng(6)
    Q, K, V = (rng.normal(size=s) for s in ((n, d), (N, d), (N, v)))
    theirs = torch.nn.functional.scaled_dot_product_attention(*map(torch.from_numpy, (Q, K, V)))
    close(ref.attention(Q, K, V), theirs.numpy())


def test_linear_kernel_by_loops():
    rng = np.random.default_rng(2)
    Q, K, V = rng.random((N_Q, D)), rng.random((N_KV, D)), rng.normal(size=(N_KV, D_V))
    expected = np.zeros((N_Q, D_V))
    for i in range(N_Q):
        kappa = [float(Q[i] @ K[j]) for j in range(N_KV)]
        expected[i] = sum(w * V[j] for j, w in enumerate(kappa)) / sum(kappa)
    close(ref.attention(Q, K, V, f=ref.linear), expected)


def test_a_row_that_sees_nothing_is_zero(qkv):
    mask = np.ones((N_Q, N_KV), dtype=bool)
    mask[3] = False
    for f in (np.exp, np.square):
        Y = ref.attention(*qkv, mask, f=f)
        assert np.all(Y[3] == 0) and np.all(np.isfinite(Y))


def test_large_logits_do_not_overflow(qkv):
    Q, K, V = qkv
    Y = ref.attention(1e4 * Q, K, V)
    close(Y, V[np.argmax(Q @ K.T, -1)])


def test_rows_are_probabilities_and_keys_are_a_set(qkv):
    Q, K, V = qkv
    close(ref.attention_weights(Q, K).sum(-1), 1)
    order = np.random.default_rng(3).permutation(N_KV)
    close(ref.attention(Q, K[order], V[order]), ref.attention(Q, K, V))


def test_future_keys_do_not_change_a_causal_row(qkv):
    _, K, V = qkv
    mask = ref.causal_mask(N_KV, N_KV)
    before = ref.attention(K, K, V, mask)
    K2, V2 = K.copy(), V.copy()
    K2[6:], V2[6:] = 100.0, -7.0
    after = ref.attention(K2, K2, V2, mask)
    close(after[:6], before[:6])
    assert np.abs(after[6:] - before[6:]).max() > 0.1
