"""Partial Cholesky factorisations: identities to 1e-10, entries read, and matrices on which a pivoting rule fails."""

import numpy as np
import pytest
import scipy.linalg.lapack

from course_lib.randomised.cholesky import (
    greedy_pivot,
    pivoted_cholesky,
    proportional_pivot,
    randomly_pivoted_cholesky,
    uniform_pivot,
)
from course_lib.randomised.nystrom import column_nystrom
from course_lib.randomised.psd import PsdMatrix

N = 60


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def gaussian(X, width=1.0):
    return np.exp(-np.square(X[:, None] - X).sum(-1) / (2 * width**2))


def clusters():
    """150 points near the origin and 5 far points of small clusters: uniform pivots miss these."""
    random = rng(4)
    centres = 20.0 * np.eye(5)
    places = np.repeat(np.vstack([np.zeros(5), centres]), [150, 3, 3, 3, 3, 3], axis=0)
    return places + 0.05 * random.normal(size=(165, 5))


RULES = {"proportional": proportional_pivot(rng(1)), "greedy": greedy_pivot, "uniform": uniform_pivot(rng(2))}


@pytest.mark.parametrize("rule", RULES)
def test_the_residual_is_zero_at_pivots_psd_and_its_trace_falls(rule):
    H = gaussian(rng().normal(size=(N, 3)))
    found = pivoted_cholesky(PsdMatrix.of_matrix(H), 11, RULES[rule])
    R = H - found.matrix()
    close(R[:, found.pivots], 0)
    assert len(set(found.pivots.tolist())) == 11
    assert np.linalg.eigvalsh(R)[0] > -1e-12
    assert (np.diff(found.traces) < 0).all()
    close([found.traces[0], found.traces[-1]], [N, np.trace(R)])
    X = rng(3).normal(size=(N, 2))
    close(found @ X, found.matrix() @ X)
    close(found.diagonal(), np.diag(found.matrix()))


@pytest.mark.parametrize("rule", RULES)
def test_it_is_the_nystrom_approximation_at_its_pivots(rule):
    H = gaussian(rng().normal(size=(N, 3)))
    found = pivoted_cholesky(PsdMatrix.of_matrix(H), 11, RULES[rule])
    close(found.matrix(), column_nystrom(PsdMatrix.of_matrix(H), found.pivots).matrix(), atol=1e-9)
    S = found.pivots
    close(found.matrix(), H[:, S] @ np.linalg.solve(H[np.ix_(S, S)], H[S]), atol=1e-9)


def test_greedy_pivots_are_those_of_lapack():
    H = gaussian(rng(7).normal(size=(N, 3)))
    found = pivoted_cholesky(PsdMatrix.of_matrix(H), 20, greedy_pivot)
    c, order, *_ = scipy.linalg.lapack.dpstrf(H, lower=1)
    np.testing.assert_array_equal(found.pivots, order[:20] - 1)  # LAPACK counts from 1
    close(found.F[order - 1], np.tril(c)[:, :20])


@pytest.mark.parametrize("rule", RULES)
def test_it_reads_k_plus_1_columns_of_entries(rule):
    read = PsdMatrix.of_matrix(gaussian(rng().normal(size=(N, 3))))
    pivoted_cholesky(read, 9, RULES[rule])
    assert read.entries == (9 + 1) * N


def test_all_pivots_give_the_matrix_and_a_matrix_of_rank_r_needs_r():
    G = rng().normal(size=(N, 7))
    for rule in RULES.values():
        found = pivoted_cholesky(PsdMatrix.of_matrix(G @ G.T), N, rule)
        assert len(found.pivots) == 7 and found.traces[-1] == 0
        close(found.matrix(), G @ G.T, atol=1e-10 * np.linalg.norm(G) ** 2)
    H = gaussian(rng().normal(size=(N, 9)))
    close(randomly_pivoted_cholesky(PsdMatrix.of_matrix(H), N, rng()).matrix(), H)


def test_a_matrix_of_zeros_needs_no_pivot():
    found = randomly_pivoted_cholesky(PsdMatrix.of_matrix(np.zeros((4, 4))), 3, rng())
    assert found.F.shape == (4, 0) and found.traces.tolist() == [0.0]


def test_a_kernel_of_points_is_the_stored_matrix(heads):
    K, scale = heads[4].K, heads[4].scale
    H = np.exp(scale * K @ K.T)
    read = PsdMatrix.exponential(K, scale)
    close(read.columns(np.arange(len(K))), H / np.diag(H).max(), atol=1e-14)
    close(read.diagonal(), np.diag(H) / np.diag(H).max(), atol=1e-14)
    assert read.entries == len(K) ** 2 + len(K)


def test_the_first_pivot_is_drawn_in_proportion_to_the_diagonal():
    """4000 draws: a chi-square statistic with 3 degrees of freedom exceeds 30 with probability 1.4e-6."""
    H, rule = np.diag([1.0, 2.0, 3.0, 4.0]), proportional_pivot(rng(8))
    counts = np.bincount([rule(np.diag(H)) for _ in range(4000)], minlength=4)
    wanted = 400 * np.diag(H)
    assert np.sum((counts - wanted) ** 2 / wanted) < 30


def test_uniform_pivots_miss_small_clusters_and_random_ones_do_not():
    """6 clusters, of which 5 hold 3 points of 165 each; 200 draws of 12 pivots.

    A small cluster without a pivot leaves a trace of about 3. Uniform pivots miss each with probability about 0.8.
    RPCholesky finds all of them in all draws.
    """
    H = PsdMatrix.of_matrix(gaussian(clusters()))
    left = {}
    for name, rule in (("proportional", proportional_pivot(rng(1))), ("uniform", uniform_pivot(rng(2)))):
        left[name] = np.array([pivoted_cholesky(H, 12, rule).traces[-1] for _ in range(200)])
    assert left["proportional"].max() < 2
    assert np.median(left["uniform"]) > 8.5


def test_greedy_pivots_are_spent_on_outliers():
    """30 isolated points with a slightly larger diagonal: greedy takes them all before the one large cluster."""
    H = scipy.linalg.block_diag(1.01 * np.eye(30), np.ones((200, 200)))
    by_greedy = pivoted_cholesky(PsdMatrix.of_matrix(H), 10, greedy_pivot).traces[-1]
    by_random = [randomly_pivoted_cholesky(PsdMatrix.of_matrix(H), 10, rng(i)).traces[-1] for i in range(200)]
    assert by_greedy > 219 and max(by_random) < 30


def test_the_generator_decides():
    H = gaussian(rng().normal(size=(N, 3)))
    one, again, other = (randomly_pivoted_cholesky(PsdMatrix.of_matrix(H), 9, rng(i)).pivots for i in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
