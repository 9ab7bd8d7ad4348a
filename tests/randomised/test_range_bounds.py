"""The theorems of Halko, Martinsson and Tropp, each over 300 draws.

A mean is compared with a bound on the expectation plus 4 standard errors. If the bound were attained, a test would fail
with probability 3e-5 (normal approximation). How often a bound with failure probability f fails is compared with the
number that a binomial variable of 300 draws and success probability f exceeds with probability at most 1e-6.
Generators are seeded, so the tests pass or fail for good.
"""

import numpy as np
import pytest
import scipy.special
import scipy.stats

from course_lib.randomised.range_bounds import (
    expected_frobenius_error,
    expected_spectral_error,
    frobenius_deviation,
    spectral_deviation,
)
from course_lib.randomised.ranges import range_finder

DRAWS, N = 300, 60
SPECTRA = {
    "geometric": 0.8 ** np.arange(N),
    "algebraic": 1 / np.arange(1, N + 1),
    "step": np.r_[np.full(6, 100.0), np.ones(N - 6)],
    "flat": np.ones(N),
}


def errors(M, k, p, powers=0, draws=DRAWS):
    """Frobenius and spectral errors of the range finder, over draws from one generator."""
    random = np.random.default_rng(17)
    found = [M - Q @ (Q.T @ M) for Q in (range_finder(M, k, p, powers, random) for _ in range(draws))]
    return np.array([np.linalg.norm(E) for E in found]), np.array([np.linalg.norm(E, 2) for E in found])


def mean_is_below(values, bound):
    return values.mean() - 4 * values.std(ddof=1) / len(values) ** 0.5 <= bound


def too_often(failure):
    return scipy.stats.binom.ppf(1 - 1e-6, DRAWS, failure)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("k, p", [(2, 2), (6, 4), (10, 10)])
def test_expected_errors(with_spectrum, spectrum, k, p):
    sigma = SPECTRA[spectrum]
    frobenius, spectral = errors(with_spectrum(sigma, N, N), k, p)
    bound = expected_frobenius_error(sigma, k, p)
    assert mean_is_below(frobenius, bound) and mean_is_below(frobenius**2, bound**2)
    assert mean_is_below(spectral, expected_spectral_error(sigma, k, p))
    assert np.linalg.norm(sigma[k + p :]) <= frobenius.min() * (1 + 1e-12) and bound <= 3.2 * np.linalg.norm(sigma[k:])


def test_the_expected_frobenius_error_is_nearly_attained():
    """k large values above a long flat tail: the mean of the squared error is within 10 % of the bound."""
    sigma = np.r_[np.full(5, 1e4), np.ones(395)]
    frobenius, _ = errors(np.diag(sigma), 5, 4, draws=200)
    ratio = np.mean(frobenius**2) / expected_frobenius_error(sigma, 5, 4) ** 2
    assert 0.9 < ratio < 1 + 4 * np.std(frobenius**2) / np.mean(frobenius**2) / 200**0.5


@pytest.mark.parametrize("powers", [0, 1, 3])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_expected_spectral_error_with_powers(with_spectrum, spectrum, powers):
    sigma = SPECTRA[spectrum]
    _, spectral = errors(with_spectrum(sigma, N, N), 6, 4, powers)
    bound = expected_spectral_error(sigma, 6, 4, powers)
    assert mean_is_below(spectral, bound)
    assert powers == 0 or bound < expected_spectral_error(sigma, 6, 4, powers - 1)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("k, p, t, u", [(6, 4, 1.6, 1.5), (2, 9, 1.1, 1.0), (10, 6, 2.0, 3.0)])
def test_deviations(with_spectrum, spectrum, k, p, t, u):
    sigma = SPECTRA[spectrum]
    for found, theorem in zip(
        errors(with_spectrum(sigma, N, N), k, p), (frobenius_deviation, spectral_deviation), strict=True
    ):
        bound, failure = theorem(sigma, k, p, t, u)
        assert failure == pytest.approx(min(1, 2 / t**p + np.exp(-u * u / 2)), rel=1e-12)
        assert np.sum(found > bound) <= too_often(failure)


def test_the_bounds_are_about_gaussian_matrices():
    """Columns of M, as of a sketch with k + p unit vectors, break all of them: most draws miss the one large column."""
    sigma = np.r_[100.0, 1.0, np.full(N - 2, 0.1)]
    random, M = np.random.default_rng(3), np.diag(sigma)
    missed = [np.delete(sigma, random.choice(N, 6, replace=False)) for _ in range(DRAWS)]
    frobenius, spectral = np.array([np.linalg.norm(E) for E in missed]), np.array([E.max() for E in missed])
    assert frobenius.mean() > 10 * expected_frobenius_error(sigma, 2, 4)
    assert spectral.mean() > 10 * expected_spectral_error(sigma, 2, 4)
    bound, failure = frobenius_deviation(sigma, 2, 4, 3.0, 3.0)
    assert np.sum(frobenius > bound) > too_often(failure)
    assert np.sum(errors(M, 2, 4)[0] > bound) == 0


@pytest.mark.parametrize("layer", [0, 2, 4, 7])
def test_weights_of_a_trained_model(heads, layer):
    """A causal P has full rank. The bounds hold for it as for any matrix, and say how much each rank leaves."""
    P = heads[layer].P
    sigma = np.linalg.svd(P, compute_uv=False)
    frobenius, spectral = errors(P, 12, 8, draws=200)
    assert mean_is_below(frobenius, expected_frobenius_error(sigma, 12, 8))
    assert mean_is_below(spectral, expected_spectral_error(sigma, 12, 8))


def test_the_norms_of_pseudoinverses_behind_the_deviations():
    """Proposition 10.4 from exact moments: ||G||_F^2 is a sum of k inverse chi-squares with p + 1 degrees of freedom.

    By the triangle inequality in L^{p/2} and Markov's inequality, P(||G||_F^2 > t^2 c) <= t^{-p} holds for
    c = k (E X^{-p/2})^{2/p}. The proposition states it for the simpler 3 k / (p + 1), which must be larger.
    """
    for p in range(4, 60):
        log_moment = -p / 2 * np.log(2) + scipy.special.gammaln(1 / 2) - scipy.special.gammaln((p + 1) / 2)
        assert np.exp(2 / p * log_moment) <= 3 / (p + 1)


def test_the_bounds_by_hand():
    """k = 3, p = 4 and sigma = (9, 9, 9, 4, 3, 0, 0): the tail is 5, sigma_{k+1} = 4, t = 2, u = 3."""
    sigma, e = np.array([9.0, 9, 9, 4, 3, 0, 0]), np.e
    assert expected_frobenius_error(sigma, 3, 4) == pytest.approx(2**0.5 * 5, rel=1e-12)
    assert expected_spectral_error(sigma, 3, 4) == pytest.approx(2 * 4 + e * 7**0.5 / 4 * 5, rel=1e-12)
    cubes = 2 * 64 + e * 7**0.5 / 4 * (64**2 + 27**2) ** 0.5
    assert expected_spectral_error(sigma, 3, 4, 1) == pytest.approx(cubes ** (1 / 3), rel=1e-12)
    of_frobenius, of_spectral = 2 * (9 / 5) ** 0.5, 2 * e * 7**0.5 / 5
    bound, failure = frobenius_deviation(sigma, 3, 4, 2.0, 3.0)
    assert bound == pytest.approx((1 + of_frobenius) * 5 + 3 * of_spectral * 4, rel=1e-12)
    assert failure == pytest.approx(2 / 16 + e**-4.5, rel=1e-12)
    bound, failure = spectral_deviation(sigma, 3, 4, 2.0, 3.0)
    assert bound == pytest.approx((1 + of_frobenius) * 4 + of_spectral * 5 + 3 * of_spectral * 4, rel=1e-12)
    assert failure == pytest.approx(2 / 16 + e**-4.5, rel=1e-12)


def test_a_matrix_of_rank_k_has_bounds_of_zero():
    sigma = np.r_[np.ones(5), np.zeros(10)]
    assert expected_frobenius_error(sigma, 5, 4) == expected_spectral_error(sigma, 5, 4, 2) == 0
    assert frobenius_deviation(sigma, 5, 4, 2.0, 2.0).bound == spectral_deviation(sigma, 5, 4, 2.0, 2.0).bound == 0
