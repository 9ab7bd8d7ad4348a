"""Reference attention against torch's own, and against the identities of the mathematics (float64).

Tolerance 1e-12: outputs are of size 1 and sums have at most 11 terms, so rounding stays below 1e-14.
"""

import numpy as np
import pytest
import torch

from course_lib.reference import attention as ref

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


def test_three_forms_of_a_mask_agree(qkv):
    Q, K, V = qkv
    mask = np.random.default_rng(1).random((N_Q, N_KV)) < 0.5
    mask[:, 0] = True
    S = Q @ K.T / np.sqrt(D)
    hadamard = np.exp(S) * mask
    additive = np.exp(S + np.where(mask, 0.0, -np.inf))
    for A in (hadamard, additive):
        close(ref.attention(Q, K, V, mask), A / A.sum(-1, keepdims=True) @ V)


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
