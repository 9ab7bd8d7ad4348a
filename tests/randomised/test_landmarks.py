"""Attention through landmarks: exact where the theory says so, bounded elsewhere, on heads of a trained model.

Entries are compared relative to exp(scale (||q||^2 + ||k||^2) / 2), the largest that vectors of these lengths allow.
"""

import numpy as np
import pytest

from course_lib.randomised.cholesky import pivoted_cholesky, randomly_pivoted_cholesky, uniform_pivot
from course_lib.randomised.landmarks import (
    centred,
    landmark_attention,
    landmark_coefficients,
    landmark_error_bounds,
    landmark_kernel,
)
from course_lib.randomised.nystrom import column_nystrom
from course_lib.randomised.psd import PsdMatrix
from course_lib.reference.attention import attention


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def exact(Q, K, scale):
    return np.exp(scale * Q @ K.T)


def largest(Q, K, scale):
    return np.exp(scale * (np.square(Q).sum(1)[:, None] + np.square(K).sum(1)) / 2)


def pivots(K, scale, m, seed=0):
    return randomly_pivoted_cholesky(PsdMatrix.exponential(K, scale), m, rng(seed)).pivots


@pytest.mark.parametrize("m", [1, 8, 40])
def test_it_is_exact_at_keys_and_queries_that_are_landmarks(heads, m):
    for head in heads:
        Q, K, scale = head.Q, head.K, head.scale
        error = (exact(Q, K, scale) - landmark_kernel(Q, K, K[pivots(K, scale, m)], scale)) / largest(Q, K, scale)
        close(error[:, pivots(K, scale, m)], 0)
        at = rng(1).choice(len(Q), m, replace=False)
        close(((exact(Q, K, scale) - landmark_kernel(Q, K, Q[at], scale)) / largest(Q, K, scale))[at], 0)


def test_all_keys_as_landmarks_give_attention(heads):
    for head in heads[:2]:
        Q, K, V, scale = head.Q, head.K, head.V, head.scale
        error = (exact(Q, K, scale) - landmark_kernel(Q, K, K, scale)) / largest(Q, K, scale)
        close(error, 0, atol=1e-8)
        close(landmark_attention(Q, K, V, K, scale), attention(Q, K, V, scale=scale), atol=1e-6)


def test_equal_landmarks_count_once(heads):
    head = heads[3]
    T = head.K[:10]
    once = landmark_kernel(head.Q, head.K, T, head.scale)
    close(landmark_kernel(head.Q, head.K, np.vstack([T, T]), head.scale) / once.max(), once / once.max())


def test_the_weights_reproduce_one_landmark_by_hand():
    """One landmark t: A^ = exp(q t) exp(t k) / exp(t t) for vectors of width 1."""
    q, k, t = 0.3, -0.7, 1.1
    found = landmark_kernel(np.array([[q]]), np.array([[k]]), np.array([[t]]), 1.0)
    close(found, np.exp(q * t + t * k - t * t), atol=1e-14)


def test_the_sums_need_not_form_the_weights(heads):
    head = heads[6]
    T = head.K[pivots(head.K, head.scale, 60)]
    A = landmark_kernel(head.Q, head.K, T, head.scale)
    wanted = A @ head.V / A.sum(1, keepdims=True)
    close(landmark_attention(head.Q, head.K, head.V, T, head.scale), wanted, atol=1e-9)
    assert landmark_coefficients(head.K, T, head.scale).shape == (60, 200)


@pytest.mark.parametrize("m", [5, 30])
def test_nystrom_on_queries_and_keys_together(heads, m):
    """A^ is a block of B^ for B = exp(scale Z Z^T), Z = [Q; K]; so ||A - A^||_F <= ||B - B^||_F / sqrt(2).

    The residual is also psd, so ||A - A^||_F^2 is at most the product of its traces over queries and over keys.
    """
    for head in heads[::2]:
        Q, K, scale = head.Q / 2, head.K / 2, head.scale  # so that 1e-10 of the largest entry says something of all
        Z = np.vstack([Q, K])
        at = rng(m).choice(len(Z), m, replace=False)
        B, largest_entry = exact(Z, Z, scale), np.exp(scale * np.square(Z).sum(1).max())
        B_hat = largest_entry * column_nystrom(PsdMatrix.exponential(Z, scale), at).matrix()
        A_hat = landmark_kernel(Q, K, Z[at], scale)
        close(A_hat / largest_entry, B_hat[: len(Q), len(Q) :] / largest_entry)
        error = np.linalg.norm(exact(Q, K, scale) - A_hat)
        assert 0 < error <= np.linalg.norm(B - B_hat) / 2**0.5
        left = np.diag(B - B_hat)
        assert error**2 <= left[: len(Q)].sum() * left[len(Q) :].sum() * (1 + 1e-9)


@pytest.mark.parametrize("m", [4, 24, 80])
def test_no_entry_is_off_by_more_than_its_bound(heads, m):
    for head in heads:
        Q, K, T = head.Q, head.K, head.K[pivots(head.K, head.scale, m)]
        error = np.abs(exact(Q, K, head.scale) - landmark_kernel(Q, K, T, head.scale))
        bound = landmark_error_bounds(Q, K, T, head.scale)
        rounding = 1e-7 * largest(Q, K, head.scale)
        assert (error <= bound + rounding).all()
        others = np.delete(np.arange(200), pivots(head.K, head.scale, m))
        assert (bound[:, others] > rounding[:, others]).mean() > 0.5  # where the bound says something


def test_the_bound_is_attained_by_the_query_along_the_residual():
    """For one landmark at 0 and q = k: f(0) is constant, and the bound is e^{k^2/2} (e^{k^2} - 1)^{1/2}.

    The error is e^{k^2} - 1, so their ratio tends to 1 for long keys.
    """
    k = np.array([[2.0]])
    error = exact(k, k, 1.0) - landmark_kernel(k, k, np.zeros((1, 1)), 1.0)
    close(error, np.exp(4) - 1, atol=1e-12)
    assert 0.98 < error.item() / landmark_error_bounds(k, k, np.zeros((1, 1)), 1.0).item() < 1


def test_a_shift_of_the_keys_changes_nothing_once_they_are_centred(heads):
    """Softmax does not change when a vector is added to all keys. Neither does the approximation of centred keys.

    Without centring the approximation does change: the landmarks' features are those of other vectors.
    """
    shift = rng(4).normal(size=32)
    for head in heads[2::2]:
        Q, K, V, scale = head.Q, head.K, head.V, head.scale
        close(attention(Q, K + shift, V, scale=scale), attention(Q, K, V, scale=scale))
        chosen = pivots(centred(K), scale, 60)
        np.testing.assert_array_equal(chosen, pivots(centred(K + shift), scale, 60))

        def normalised(K, Q=Q, scale=scale, chosen=chosen):
            A = landmark_kernel(Q, K, K[chosen], scale)
            return A / A.sum(1, keepdims=True)

        close(normalised(centred(K + shift)), normalised(centred(K)), atol=1e-7)
        assert np.abs(normalised(K + shift) - normalised(K)).max() > 1e-3


def relative_errors(head, S):
    """Relative Frobenius errors of A and of P = Z^{-1} A, without a mask, with the centred keys S as landmarks."""
    Q, K, scale = head.Q, centred(head.K), head.scale
    both = exact(Q, K, scale), landmark_kernel(Q, K, K[S], scale)
    P = [A / A.sum(1, keepdims=True) for A in both]
    return [np.linalg.norm(X - Y) / np.linalg.norm(X) for X, Y in (both, P)]


def test_random_pivots_do_better_than_uniform_ones_behind_the_first_layer(heads):
    """Medians over 20 draws of 32 landmarks. In the first layer keys are short, and both do equally well."""
    random = rng(5)
    for layer, head in enumerate(heads[::2]):
        H = PsdMatrix.exponential(centred(head.K), head.scale)
        drawn = {
            "random": [randomly_pivoted_cholesky(H, 32, random) for _ in range(20)],
            "uniform": [pivoted_cholesky(H, 32, uniform_pivot(random)) for _ in range(20)],
        }
        trace = {name: np.median([each.traces[-1] for each in found]) for name, found in drawn.items()}
        error = {
            name: np.median([relative_errors(head, each.pivots)[0] for each in found]) for name, found in drawn.items()
        }
        assert trace["random"] < trace["uniform"]
        assert error["random"] < (0.5 if layer else 1.6) * error["uniform"]


def test_a_small_error_of_a_leaves_a_large_one_of_the_normalised_weights(heads):
    """Few rows with large entries make up the norm of A, and each row of P counts the same. Seen in layers 1 to 3."""
    for head in heads[2:]:
        of_A, of_P = relative_errors(head, pivots(centred(head.K), head.scale, 64))
        assert of_A < 0.25 and of_P > 1.8 * of_A and of_P > 0.1


def test_the_default_scale_is_that_of_attention(heads):
    """Of the kernel, of the output and of the psd matrix: d_QK^{-1/2} with d_QK = 32."""
    Q, K, V, scale, _ = heads[0]
    close(landmark_kernel(Q, K, K[:9]), landmark_kernel(Q, K, K[:9], 32**-0.5), atol=0)
    close(landmark_attention(Q, K, V, K[:9]), landmark_attention(Q, K, V, K[:9], scale), atol=0)
    at = np.array([3])
    close(PsdMatrix.exponential(K).columns(at), PsdMatrix.exponential(K, scale).columns(at), atol=0)
