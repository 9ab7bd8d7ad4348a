"""Nystrom approximations of psd matrices: identities to 1e-10, and the bound on the expected trace over 300 draws.

A mean is compared with its bound plus 4 standard errors: if the bound were attained, a test would fail with probability
3e-5 (normal approximation). Generators are seeded, so the tests pass or fail for good.
"""

import numpy as np
import pytest

from course_lib.randomised.nystrom import column_nystrom, expected_sketch_trace, sketched_nystrom
from course_lib.randomised.psd import PsdMatrix
from course_lib.randomised.ranges import range_error

N, DRAWS = 50, 300
SPECTRA = {"geometric": 0.75 ** np.arange(N), "algebraic": 1.0 / np.arange(1, N + 1), "flat": np.ones(N)}


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def with_eigenvalues(values):
    U, _ = np.linalg.qr(rng(9).normal(size=(len(values), len(values))))
    H = (U * values) @ U.T
    return (H + H.T) / 2


def root(H):
    values, U = np.linalg.eigh(H)
    return (U * np.sqrt(values.clip(min=0))) @ U.T


def test_columns_of_landmarks_are_exact_and_the_residual_is_psd():
    H = with_eigenvalues(SPECTRA["algebraic"])
    read, S = PsdMatrix.of_matrix(H), np.array([3, 40, 8, 21])
    found = column_nystrom(read, S)
    assert read.entries == 4 * N
    R = H - found.matrix()
    close(R[:, S], 0)
    assert np.linalg.eigvalsh(R)[0] > -1e-12 and np.linalg.matrix_rank(found.matrix()) == 4


def test_all_landmarks_give_the_matrix():
    H = with_eigenvalues(SPECTRA["geometric"])
    close(column_nystrom(PsdMatrix.of_matrix(H), rng().permutation(N)).matrix(), H)
    close(sketched_nystrom(H, N, rng()).matrix(), H)


def test_a_singular_block_of_landmarks_does_no_harm():
    """Rows 0 and 1 are equal. The pseudoinverse counts them once; an inverse would not exist."""
    G = rng().normal(size=(N, 6))
    G[1] = G[0]
    found = column_nystrom(PsdMatrix.of_matrix(G @ G.T), np.array([0, 1, 2, 3]))
    assert found.F.shape == (N, 3)
    close(found.matrix()[:, :4], G @ G[:4].T, atol=1e-9)


@pytest.mark.parametrize("rank", [5, 9])
def test_a_matrix_of_rank_l_is_found_exactly(rank):
    H = with_eigenvalues(np.r_[SPECTRA["algebraic"][:rank], np.zeros(N - rank)])
    close(column_nystrom(PsdMatrix.of_matrix(H), np.arange(rank)).matrix(), H, atol=1e-9)
    close(sketched_nystrom(H, rank, rng()).matrix(), H, atol=1e-9)


def test_the_trace_of_the_residual_is_a_squared_error_of_the_range_finder():
    """For landmarks and for a sketch: Omega is repeated from the same seed, and B = H^{1/2}."""
    H = with_eigenvalues(SPECTRA["algebraic"])
    S = np.array([3, 40, 8, 21])
    Omega, _ = np.linalg.qr(rng(5).standard_normal((N, 7)))
    by_landmarks, by_sketch = column_nystrom(PsdMatrix.of_matrix(H), S), sketched_nystrom(H, 7, rng(5))
    for Y, found in ((root(H)[:, S], by_landmarks), (root(H) @ Omega, by_sketch)):
        Q, _ = np.linalg.qr(Y)
        close(np.trace(H - found.matrix()), range_error(root(H), Q) ** 2)
        close(found.matrix(), root(H) @ Q @ Q.T @ root(H))


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_expected_trace_of_a_sketch(spectrum):
    values = SPECTRA[spectrum]
    H, random = with_eigenvalues(values), rng(11)
    left = np.array([values.sum() - np.trace(sketched_nystrom(H, 12, random).matrix()) for _ in range(DRAWS)])
    best_split = min(expected_sketch_trace(values, k, 12 - k) for k in range(2, 11))
    assert values[12:].sum() * (1 - 1e-9) <= left.min()
    assert left.mean() - 4 * left.std(ddof=1) / DRAWS**0.5 <= best_split
    assert expected_sketch_trace(values, 4, 8) == pytest.approx((1 + 4 / 7) * values[4:].sum(), rel=1e-12)


def test_landmarks_chosen_uniformly_break_the_bound():
    values = np.r_[np.full(3, 100.0), np.full(N - 3, 0.01)]
    H, random = PsdMatrix.of_matrix(np.diag(values)), rng(2)
    left = [values.sum() - column_nystrom(H, random.choice(N, 8, replace=False)).diagonal().sum() for _ in range(DRAWS)]
    assert np.mean(left) > 100 * expected_sketch_trace(values, 3, 5)


def test_a_sketch_of_a_trained_models_keys(heads):
    """exp(scale K K^T) for a head of each layer: the mean of 200 draws keeps the bound."""
    for head in heads[1::2]:
        H = PsdMatrix.exponential(head.K, head.scale).columns(np.arange(200))
        H = (H + H.T) / 2
        values, random = np.linalg.eigvalsh(H)[::-1].clip(min=0), rng(1)
        left = np.array([np.trace(H) - sketched_nystrom(H, 16, random).diagonal().sum() for _ in range(200)])
        best_split = min(expected_sketch_trace(values, k, 16 - k) for k in range(2, 15))
        assert left.mean() - 4 * left.std(ddof=1) / 200**0.5 <= best_split
