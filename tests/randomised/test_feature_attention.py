"""Linear attention: three orders of computation agree with the explicit weights, and a state has constant size."""

import numpy as np
import pytest

from course_lib.randomised.feature_attention import (
    RecurrentState,
    causal_linear_attention,
    feature_weights,
    linear_attention,
)
from course_lib.randomised.random_features import orthogonal_directions, positive_features, share_scale
from course_lib.randomised.sketches import TensorSketch
from course_lib.reference.attention import attention, causal_mask

rng = np.random.default_rng(0)
N, M_FEATURES, D, WIDTH = 29, 7, 5, 3
Q, K, V = rng.normal(size=(N, D)), rng.normal(size=(N, D)), rng.normal(size=(N, WIDTH))
W = orthogonal_directions(M_FEATURES, D, np.random.default_rng(1))
PHI_Q, PHI_K = (positive_features(X, W) for X in share_scale(Q, K))
CAUSAL = causal_mask(N, N)


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("mask", [None, CAUSAL, rng.random((N, N)) < 0.5])
def test_explicit_weights_against_the_kernel_in_a_loop(mask):
    expected = np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            if mask is None or mask[i, j]:
                expected[i, j] = PHI_Q[i] @ PHI_K[j]
        expected[i] /= expected[i].sum()
    found = feature_weights(PHI_Q, PHI_K, mask)
    close(found, expected)
    close(found.sum(1), 1.0)
    assert (found >= 0).all()


def test_without_a_mask_the_brackets_can_be_moved():
    close(linear_attention(PHI_Q, PHI_K, V), feature_weights(PHI_Q, PHI_K) @ V)
    order = rng.permutation(N)
    close(linear_attention(PHI_Q, PHI_K[order], V[order]), linear_attention(PHI_Q, PHI_K, V))
    close(linear_attention(PHI_Q[:4], PHI_K, V), linear_attention(PHI_Q, PHI_K, V)[:4])


def test_under_a_causal_mask_the_weights_have_full_rank():
    """So no product of two factors of width m has them as its kernel."""
    assert np.linalg.matrix_rank(feature_weights(PHI_Q, PHI_K)) == M_FEATURES
    assert np.linalg.matrix_rank(feature_weights(PHI_Q, PHI_K, CAUSAL)) == N


@pytest.mark.parametrize("chunk", [1, 4, 28, 29, 64])
def test_running_sum_in_chunks_of_any_size(chunk):
    found, state = causal_linear_attention(PHI_Q, PHI_K, V, chunk=chunk)
    close(found, feature_weights(PHI_Q, PHI_K, CAUSAL) @ V)
    close(state.S, PHI_K.T @ V)
    close(state.z, PHI_K.sum(0))
    assert state.length == N


def test_token_by_token_and_in_two_calls():
    whole, last = causal_linear_attention(PHI_Q, PHI_K, V)
    state = RecurrentState.empty(M_FEATURES, WIDTH)
    for i in range(N):
        state = state.append(PHI_K[i : i + 1], V[i : i + 1])
        close(state.read(PHI_Q[i : i + 1])[0], whole[i])
        assert state.floats == M_FEATURES * (WIDTH + 1) and state.length == i + 1
    close(state.S, last.S)
    first, between = causal_linear_attention(PHI_Q[:10], PHI_K[:10], V[:10])
    second, _ = causal_linear_attention(PHI_Q[10:], PHI_K[10:], V[10:], between, chunk=5)
    close(np.concatenate([first, second]), whole)


def test_a_state_that_sees_all_tokens_is_linear_attention_without_a_mask():
    state = RecurrentState.empty(M_FEATURES, WIDTH).append(PHI_K, V)
    close(state.read(PHI_Q), linear_attention(PHI_Q, PHI_K, V))


def test_appending_leaves_the_earlier_state_as_it_was():
    """This is what a caller does in place of truncation: keep the earlier state."""
    _, state = causal_linear_attention(PHI_Q[:9], PHI_K[:9], V[:9])
    S, outputs = state.S.copy(), state.read(PHI_Q[9:])
    later = state.append(PHI_K[9:], V[9:])
    assert (state.S == S).all() and state.length == 9 and later.length == N
    close(state.read(PHI_Q[9:]), outputs)


@pytest.mark.parametrize("length", [0, 5, 9])
def test_truncation_is_refused_with_the_reason(length):
    _, state = causal_linear_attention(PHI_Q[:9], PHI_K[:9], V[:9])
    with pytest.raises(ValueError, match=rf"truncate to length = {length} .* a sum cannot forget its last terms"):
        state.truncate(length)


def test_a_kernel_with_finitely_many_features_is_exact():
    """phi(x) = (1, x) has the kernel 1 + <q, k>: the reference's attention with that f."""
    small = [np.column_stack([np.ones(N), 0.1 * X]) for X in (Q, K)]
    expected = attention(0.1 * Q, 0.1 * K, V, CAUSAL, f=lambda scores: 1 + scores)
    close(causal_linear_attention(*small, V)[0], expected)


def test_the_square_of_the_score_by_its_own_sketch():
    """TensorSketch with r large enough that no buckets collide is exact: <q, k>^2 with d = 2, 4 index pairs."""
    random = np.random.default_rng(2)
    sketch = TensorSketch.draw(2, 10_007, 2, random)
    expected = attention(Q[:, :2], K[:, :2], V, CAUSAL, f=np.square)
    close(causal_linear_attention(sketch(Q[:, :2]), sketch(K[:, :2]), V)[0], expected)


def test_many_features_come_close_to_softmax_when_logits_are_small():
    """The relative error falls as m^{-1/2}: from 60 to 6000 features by 10 on average, here by more than 4."""
    near, far = share_scale(0.6 * Q, 0.6 * K)
    expected = attention(0.6 * Q, 0.6 * K, V, CAUSAL)
    random, errors = np.random.default_rng(3), []
    for m in (60, 6000):
        W = orthogonal_directions(m, D, random)
        found, _ = causal_linear_attention(positive_features(near, W), positive_features(far, W), V)
        errors.append(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    assert errors[1] < 0.05 and errors[1] < errors[0] / 4
