"""Random features: means, errors in closed form, and what differs between positive and trigonometric ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import hyp1f1
from scipy.stats import kstest

from course_lib.randomised.feature_errors import block_covariance, orthogonal_mse, positive_mse, trigonometric_mse
from course_lib.randomised.random_features import (
    gaussian_directions,
    orthogonal_directions,
    positive_features,
    share_scale,
    trigonometric_features,
)

rng = np.random.default_rng(0)
Q, K = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
Q, K = (0.4 * X / np.linalg.norm(X, axis=1, keepdims=True) for X in (Q, K))  # so ||q + k||^2 is at most 0.64
EXACT = np.exp(Q @ K.T)

KINDS = pytest.mark.parametrize(
    "directions, features, mse",
    [
        (gaussian_directions, positive_features, positive_mse),
        (orthogonal_directions, positive_features, orthogonal_mse),
        (gaussian_directions, trigonometric_features, trigonometric_mse),
    ],
)


def estimates(directions, features, m: int, draws: int, seed: int = 1) -> np.ndarray:
    """Phi_Q Phi_K^T for independent draws of the directions: (draws, 5, 7)."""
    random, found = np.random.default_rng(seed), []
    for _ in range(draws):
        W = directions(m, 3, random)
        found.append(features(Q, W) @ features(K, W).T)
    return np.array(found)


@KINDS
def test_the_mean_is_the_kernel_and_the_error_is_as_stated(directions, features, mse, mean_is):
    """35 pairs, 4000 draws, m = 20 (six blocks of 3 and one of 2 when orthogonal): by chance below 5e-5 for each kind.

    Squared errors are skewed: their normal approximation is rougher than that of the mean.
    """
    found = estimates(directions, features, m=20, draws=4000)
    mean_is(found, EXACT, within=0.03)
    mean_is((found - EXACT) ** 2, mse(Q, K, 20), within=0.2)


def test_the_gain_of_orthogonal_directions_is_seen_in_draws(mean_is):
    """Sum over 6 pairs of the squared errors, 8000 draws of 12 directions in R^12: by chance below 1e-6.

    The stated gain is 17 % of the error of independent directions, and the test would see a difference of 10 %.
    """
    q, k = (0.5 * X / np.linalg.norm(X, axis=1, keepdims=True) for X in (rng.normal(size=(n, 12)) for n in (2, 3)))
    stated, exact = orthogonal_mse(q, k, 12).sum(), np.exp(q @ k.T)
    assert stated < 0.85 * positive_mse(q, k, 12).sum()
    random, found = np.random.default_rng(7), []
    for _ in range(8000):
        W = orthogonal_directions(12, 12, random)
        found.append(((positive_features(q, W) @ positive_features(k, W).T - exact) ** 2).sum())
    mean_is(np.array(found), stated, within=0.1)


def test_the_error_of_trigonometric_features_with_orthogonal_directions_has_mean_zero(mean_is):
    """Each direction is from N(0, I), whatever the others are. 35 pairs: by chance below 3e-5."""
    mean_is(estimates(orthogonal_directions, trigonometric_features, m=8, draws=2000), EXACT, within=0.05)


@given(st.floats(0, 600), st.integers(1, 60))
def test_covariance_of_orthogonal_features_against_scipy_and_the_published_bound(z, d):
    """e^{-z} 1F1(d; d/2; z/2) - 1, and Theorem 2 of arXiv 2009.14794: at most -2 / (d + 2) (1 - e^{-z/2})^2."""
    covariance = block_covariance(np.array([z]), d)[0]
    assert abs(covariance - (np.exp(-z) * hyp1f1(d, d / 2, z / 2) - 1)) < 1e-12
    assert covariance <= -2 / (d + 2) * np.expm1(-z / 2) ** 2 + 1e-14


def test_orthogonal_directions_never_have_a_larger_error_and_gain_less_than_the_square_of_the_kernel():
    for m in (1, 2, 3, 4, 9, 300):
        gain = positive_mse(Q, K, m) - orthogonal_mse(Q, K, m)
        assert (gain >= 0).all() and (gain < EXACT**2).all()
        assert (gain > 0).all() == (m > 1)
    far = 4 * Q, 4 * K
    assert orthogonal_mse(*far, 3).max() / positive_mse(*far, 3).max() > 0.99


def test_orthogonal_directions_are_orthogonal_in_blocks_and_normal_one_by_one(mean_is):
    """The two tests of Kolmogorov and Smirnov fail by chance with probability 0.002, and with this seed they do not."""
    random = np.random.default_rng(2)
    W = orthogonal_directions(8, 3, random)
    for block in (W[:3], W[3:6], W[6:]):
        gram = block @ block.T
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    draws = np.array([orthogonal_directions(5, 4, random) for _ in range(2000)])
    assert kstest(draws[:, 2, 1], "norm").pvalue > 1e-3
    assert kstest((draws[:, 1] ** 2).sum(1), "chi2", args=(4,)).pvalue > 1e-3
    mean_is(draws[:, 0, :, None] * draws[:, 0, None, :], np.eye(4), within=0.2)


def test_positive_features_are_exact_at_opposite_rows_and_trigonometric_ones_at_equal_rows():
    W = gaussian_directions(3, 3, np.random.default_rng(3))
    squares = (Q**2).sum(1)
    opposite = (positive_features(Q, W) * positive_features(-Q, W)).sum(1)
    np.testing.assert_allclose(opposite, np.exp(-squares), rtol=1e-13)
    equal = (trigonometric_features(Q, W) ** 2).sum(1)
    np.testing.assert_allclose(equal, np.exp(squares), rtol=1e-13)
    assert (np.diag(positive_mse(Q, -Q, 3)) < 1e-14).all() and (np.diag(trigonometric_mse(Q, Q, 3)) < 1e-14).all()


def test_trigonometric_estimates_may_be_negative_and_positive_ones_are_not():
    """Each weight is estimated as negative with a probability well above 1/1000; 200 draws of 35 pairs hold many."""
    far = 4.0
    random = np.random.default_rng(4)
    negative = 0
    for _ in range(200):
        W = gaussian_directions(6, 3, random)
        negative += (trigonometric_features(far * Q, W) @ trigonometric_features(far * K, W).T < 0).sum()
        assert (positive_features(far * Q, W) @ positive_features(far * K, W).T > 0).all()
    assert negative > 200


def test_small_weights_are_what_trigonometric_features_estimate_badly():
    """Relative to the squared kernel, at <q, k> = -9 and 9 with ||q|| = ||k|| = 3: the two kinds change places."""
    q, k = np.array([[3.0, 0.0]]), np.array([[3.0, 0.0], [-3.0, 0.0]])
    square = np.exp(2 * q @ k.T)
    positive, trigonometric = positive_mse(q, k, 100) / square, trigonometric_mse(q, k, 100) / square
    assert positive[0, 0] > 1e10 and trigonometric[0, 0] < 1e-12
    assert positive[0, 1] < 1e-12 and trigonometric[0, 1] > 1e10


def test_the_exponent_is_at_most_half_the_square_of_the_direction():
    W = 3 * gaussian_directions(7, 3, np.random.default_rng(5))
    largest = np.exp((W**2).sum(1) / 2) / np.sqrt(7)
    np.testing.assert_allclose(np.diag(positive_features(W, W)), largest, rtol=1e-12)
    assert (positive_features(rng.normal(size=(400, 3)) * 9, W) <= largest * (1 + 1e-12)).all()
    assert (positive_features(1e4 * Q, W) == 0).all()


def test_the_estimated_kernel_has_the_rank_of_its_features():
    W = gaussian_directions(2, 3, np.random.default_rng(6))
    assert np.linalg.matrix_rank(positive_features(Q, W) @ positive_features(K, W).T) == 2
    assert np.linalg.matrix_rank(EXACT) == 5


def test_shared_scale_gives_the_logits():
    near, far = share_scale(Q, K)
    np.testing.assert_allclose(near @ far.T, Q @ K.T / np.sqrt(3), atol=1e-14)
    near, far = share_scale(Q, K, scale=0.3)
    np.testing.assert_allclose(near @ far.T, 0.3 * Q @ K.T, atol=1e-14)


def test_errors_beyond_float64_are_infinite_without_a_warning():
    far = 30 * np.ones((1, 3))
    assert positive_mse(far, far, 5)[0, 0] == np.inf
