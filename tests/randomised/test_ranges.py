"""Range finder and randomised SVD: exact where theory says so, and beside NumPy's SVD and SciPy's Lanczos method."""

import numpy as np
import pytest
import scipy.sparse.linalg

from course_lib.randomised.low_rank import svd_within, tail_norms, truncated_svd
from course_lib.randomised.ranges import randomized_svd, range_error, range_finder

FALLING = np.logspace(0, -3, 40)


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("powers", [0, 1, 3])
@pytest.mark.parametrize("m, n", [(40, 61), (61, 40), (40, 40)])
def test_the_basis_is_orthonormal_and_the_error_obeys_pythagoras(with_spectrum, m, n, powers):
    M = with_spectrum(FALLING, m, n)
    Q = range_finder(M, 7, 5, powers, rng())
    close(Q.T @ Q, np.eye(12), atol=1e-13)
    error = np.linalg.norm(M - Q @ Q.T @ M)
    close(error**2, np.linalg.norm(M) ** 2 - np.linalg.norm(Q.T @ M) ** 2, atol=1e-12)
    close(range_error(M, Q), error)
    assert error >= np.linalg.norm(FALLING[12:])  # no basis of 12 vectors does better


def test_the_range_is_that_of_the_powers_of_m(with_spectrum):
    """Without factorisations in between, in exact arithmetic: the spectrum is mild, so that rounding is small."""
    M = with_spectrum(np.linspace(2, 1, 30), 30, 37)
    Q = range_finder(M, 4, 2, 2, rng(5))
    Y = np.linalg.matrix_power(M @ M.T, 2) @ M @ rng(5).standard_normal((37, 6))
    close(Q @ Q.T @ Y, Y, atol=1e-12 * np.linalg.norm(Y))


def test_factorisations_in_between_keep_small_singular_values(with_spectrum):
    """(M M^T)^2 M has the fifth power of 1e-5 beside 1, which float64 loses, and its direction with it.

    With factorisations in between, even the direction of 1e-9 is found.
    """
    M = with_spectrum(np.r_[1, 1e-5, 1e-9, np.full(20, 1e-13)], 23, 23)
    Q = range_finder(M, 3, 0, 2, rng())
    assert np.linalg.norm(M - Q @ Q.T @ M) < 1e-11
    raw, _ = np.linalg.qr(np.linalg.matrix_power(M @ M.T, 2) @ M @ rng().standard_normal((23, 3)))
    assert np.linalg.norm(M - raw @ raw.T @ M) > 5e-6


@pytest.mark.parametrize("powers", [0, 2])
def test_a_matrix_of_rank_k_is_found_exactly(with_spectrum, powers):
    M = with_spectrum(FALLING[:6], 31, 29)
    close(randomized_svd(M, 6, 0, powers, rng()).matrix(), M)
    close(randomized_svd(M, 6, 7, powers, rng()).matrix(), M)


def test_full_rank_is_exact(with_spectrum):
    M = with_spectrum(FALLING[:20], 20, 33)
    close(randomized_svd(M, 20, 0, 0, rng()).matrix(), M)
    close(randomized_svd(M.T, 13, 7, 0, rng()).matrix(), truncated_svd(M.T, 13).matrix())


@pytest.mark.parametrize("oracle", ["numpy", "lanczos"])
def test_singular_values_with_powers_are_those_of_other_libraries(heads, oracle):
    """Each power multiplies the gap by (sigma_{l+1} / sigma_k)^2; six of them leave less than 1e-6 of sigma_1."""
    for head in heads[::3]:
        S = head.Q @ head.K.T
        found = randomized_svd(S, 5, 12, 6, rng())
        sigma = np.linalg.svd(S, compute_uv=False)[:5]
        if oracle == "lanczos":
            sigma = np.sort(scipy.sparse.linalg.svds(S, 5, random_state=0)[1])[::-1]
        close(found.sigma, sigma, atol=1e-6 * sigma[0])


def test_truncation_after_projection_adds_exactly_the_dropped_singular_values(with_spectrum):
    M = with_spectrum(FALLING, 40, 45)
    Q = range_finder(M, 6, 5, 0, rng(3))
    dropped = np.linalg.svd(Q.T @ M, compute_uv=False)[6:]
    error = np.linalg.norm(M - randomized_svd(M, 6, 5, 0, rng(3)).matrix())
    close(error**2, range_error(M, Q) ** 2 + np.sum(dropped**2))


def test_a_causal_matrix_of_weights_has_full_rank_and_its_scores_have_not(heads):
    """det P is the product of its diagonal, so it is positive; scores have rank 32.

    The determinant is taken of P^T: elimination leaves an upper triangular matrix as it is. From P itself its value of
    about e^{-750} would be lost to rounding.
    """
    for head in heads:
        sign, logdet = np.linalg.slogdet(head.P.T)
        close([sign, logdet], [1, np.log(np.diag(head.P)).sum()], atol=1e-8)
        S = head.Q @ head.K.T
        assert np.linalg.norm(S - randomized_svd(S, 32, 0, 0, rng()).matrix()) < 1e-10 * np.linalg.norm(S)
        assert range_error(head.P, range_finder(head.P, 32, 0, 0, rng())) > 0.01 * np.linalg.norm(head.P)


def test_the_same_generator_gives_the_same_basis_and_no_global_state_is_used(with_spectrum):
    M = with_spectrum(FALLING, 40, 40)
    before = np.random.get_state()[1].copy()
    first, again, other = (range_finder(M, 3, 2, 1, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_truncated_svd_is_the_best_of_its_rank(with_spectrum):
    M = with_spectrum(FALLING, 41, 50)
    for rank in (0, 1, 7, 40):
        best = truncated_svd(M, rank)
        close(np.linalg.norm(M - best.matrix()), tail_norms(FALLING)[rank])
        assert best.rank == rank and best.entries == rank * (41 + 50)
    X = rng().normal(size=(50, 3))
    close(truncated_svd(M, 7) @ X, truncated_svd(M, 7).matrix() @ X)


@pytest.mark.parametrize("tolerance", [0.0, 1e-3, 0.1, 0.7, 1.0, 2.0])
def test_svd_within_takes_the_least_rank(with_spectrum, tolerance):
    M = with_spectrum(FALLING, 41, 50)
    errors, found = tail_norms(np.linalg.svd(M, compute_uv=False)), svd_within(M, tolerance)
    assert errors[found.rank] <= tolerance * np.linalg.norm(M) * (1 + 1e-12)
    assert found.rank == 0 or errors[found.rank - 1] > tolerance * np.linalg.norm(M)
    assert svd_within(0 * M, tolerance).rank == 0
