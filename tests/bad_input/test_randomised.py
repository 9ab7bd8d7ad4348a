"""Bad input of low-rank approximations: range finders, Cholesky, Nystrom, landmarks, HODLR, truncation, their costs."""

from functools import partial

import numpy as np
import pytest

from course_lib.randomised import matrix_costs as costs
from course_lib.randomised.cholesky import (
    greedy_pivot,
    pivoted_cholesky,
    proportional_pivot,
    randomly_pivoted_cholesky,
    uniform_pivot,
)
from course_lib.randomised.cholesky_bounds import expected_traces, pivots_needed
from course_lib.randomised.hodlr import to_hodlr
from course_lib.randomised.landmarks import centred, landmark_attention, landmark_error_bounds, landmark_kernel
from course_lib.randomised.low_rank import svd_within, truncated_svd
from course_lib.randomised.nystrom import column_nystrom, expected_sketch_trace, sketched_nystrom
from course_lib.randomised.order import order_correlation
from course_lib.randomised.psd import PsdMatrix
from course_lib.randomised.range_bounds import (
    expected_frobenius_error,
    expected_spectral_error,
    frobenius_deviation,
    spectral_deviation,
)
from course_lib.randomised.ranges import randomized_svd, range_error, range_finder
from course_lib.randomised.truncation import truncation_errors

RANDOM = np.random.default_rng(0)
M, H, SIGMA = RANDOM.normal(size=(6, 8)), np.eye(5), np.arange(9.0, 0, -1)
Q, K, V = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(7, 3)), RANDOM.normal(size=(7, 2))
TAKE_A_MATRIX = {
    "M": (
        lambda M: range_finder(M, 2, 1, 0, RANDOM),
        lambda M: randomized_svd(M, 2, 1, 0, RANDOM),
        lambda M: range_error(M, np.eye(6)),
        lambda M: truncated_svd(M, 2),
        lambda M: svd_within(M, 0.1),
    ),
    "H": (PsdMatrix.of_matrix, lambda H: sketched_nystrom(H, 2, RANDOM)),
    "P": (lambda P: to_hodlr(P, partial(truncated_svd, k=1), 2),),
    "X": (
        lambda X: PsdMatrix.exponential(X, 1.0),
        lambda X: truncation_errors(X, np.eye(3)),
        lambda X: to_hodlr(np.eye(6), partial(truncated_svd, k=1), 2) @ X,
    ),
    "W": (lambda W: truncation_errors(M, W),),
    "K": (centred, lambda K: landmark_kernel(Q, K, Q, 1.0), lambda K: landmark_error_bounds(Q, K, Q, 1.0)),
    "Q": (lambda Q: landmark_kernel(Q, K, K, 1.0), lambda Q: landmark_attention(Q, K, V, K, 1.0)),
    "V": (lambda V: landmark_attention(Q, K, V, K, 1.0),),
    "landmarks": (lambda T: landmark_kernel(Q, K, T, 1.0),),
}


@pytest.mark.parametrize("name", TAKE_A_MATRIX)
def test_matrices(refuses, name):
    for call in TAKE_A_MATRIX[name]:
        refuses(partial(call, np.full((6, 6), np.nan)), name, "nan", "finite")
        refuses(partial(call, np.full((6, 6), np.inf)), name, "inf", "finite")
        refuses(partial(call, np.ones(6)), name, "(6,)", "(m, n)")
        refuses(partial(call, np.ones((6, 0))), name, "(6, 0)", "entries")
        refuses(partial(call, "abc"), name, "str", "floating-point", error=TypeError)
        refuses(partial(call, np.ones((6, 6), dtype=int)), name, "int64", "floating-point", error=TypeError)


def test_generators(refuses):
    for call in (
        lambda random: range_finder(M, 2, 1, 0, random),
        lambda random: randomized_svd(M, 2, 1, 0, random),
        lambda random: randomly_pivoted_cholesky(PsdMatrix.of_matrix(H), 2, random),
        lambda random: sketched_nystrom(H, 2, random),
        proportional_pivot,
        uniform_pivot,
    ):
        refuses(lambda call=call: call(0), "random", "int", "Generator")
        refuses(lambda call=call: call(np.random), "random", "module", "Generator")


@pytest.mark.parametrize("k, p, q, argument, got, rule", [
    (0, 1, 0, "k", "0", ("1", "6")),
    (7, 0, 0, "k", "7", ("1", "6")),
    (2.0, 1, 0, "k", "2.0", "integer"),
    (True, 1, 0, "k", "True", "integer"),
    (4, 3, 0, "oversampling", "3", ("0", "2")),
    (4, -1, 0, "oversampling", "-1", ("0", "2")),
    (2, 1, -1, "powers", "-1", "0"),
    (2, 1, 0.5, "powers", "0.5", "integer"),
])  # fmt: skip
def test_sizes_of_a_range(refuses, k, p, q, argument, got, rule):
    refuses(lambda: range_finder(M, k, p, q, RANDOM), argument, got, rule)
    refuses(lambda: randomized_svd(M, k, p, q, RANDOM), argument, got, rule)


def test_bases(refuses):
    refuses(lambda: range_error(M, 2 * np.eye(6)), "Q", "3", "orthonormal")
    refuses(lambda: range_error(M, np.eye(8)), "Q", "(8, 8)", "6")


def test_ranks_and_tolerances(refuses):
    refuses(lambda: truncated_svd(M, 7), "k", "7", ("0", "6"))
    refuses(lambda: truncated_svd(M, -1), "k", "-1", ("0", "6"))
    for wrong in (-0.1, np.nan, np.inf, "0.1", True):
        refuses(lambda wrong=wrong: svd_within(M, wrong), "tolerance", repr(wrong), "0")


BOUNDS = (
    expected_frobenius_error,
    expected_spectral_error,
    partial(frobenius_deviation, t=2.0, u=2.0),
    partial(spectral_deviation, t=2.0, u=2.0),
)


@pytest.mark.parametrize("bound", BOUNDS)
def test_bounds_on_the_range(refuses, bound):
    refuses(lambda: bound(SIGMA[::-1], 2, 4), "sigma", "1", "falling")
    refuses(lambda: bound(-SIGMA[::-1], 2, 4), "sigma", "-9", "negative")
    refuses(lambda: bound(SIGMA[None], 2, 4), "sigma", "(1, 9)", "(m)")
    refuses(lambda: bound(np.r_[np.inf, SIGMA], 2, 4), "sigma", "inf", "finite")
    refuses(lambda: bound(np.zeros(0), 2, 4), "sigma", "(0,)", "entries")
    refuses(lambda: bound(SIGMA, 1, 4), "k", "1", "2")
    refuses(lambda: bound(SIGMA, 2, 1), "oversampling", "1", "2|4")
    refuses(lambda: bound(SIGMA, 5, 5), "sigma", "9", "10")


def test_deviations_and_powers(refuses):
    for bound in (frobenius_deviation, spectral_deviation):
        refuses(lambda bound=bound: bound(SIGMA, 2, 3, 2.0, 2.0), "oversampling", "3", "4")
        refuses(lambda bound=bound: bound(SIGMA, 2, 4, 0.5, 2.0), "t", "0.5", "1")
        refuses(lambda bound=bound: bound(SIGMA, 2, 4, 2.0, np.nan), "u", "nan", "1")
    refuses(lambda: expected_spectral_error(SIGMA, 2, 4, -1), "powers", "-1", "0")


def test_psd_matrices(refuses):
    refuses(lambda: PsdMatrix.of_matrix(M), "H", "(6, 8)", "square")
    refuses(lambda: PsdMatrix.of_matrix(np.array([[1.0, 2], [3, 1]])), "H", "1", "symmetric")
    refuses(lambda: PsdMatrix.of_matrix(-np.eye(2)), "diagonal", "-1", "negative")
    refuses(lambda: PsdMatrix(np.eye(2), None), "diagonal", "(2, 2)", "(n)")
    refuses(lambda: PsdMatrix.exponential(K, 0.0), "scale", "0.0", "positive")
    refuses(lambda: PsdMatrix.exponential(K, -1.0), "scale", "-1.0", "positive")
    wrong = PsdMatrix(np.ones(3), lambda indices: np.ones((2, len(indices))))
    refuses(lambda: wrong.columns(np.array([0])), "columns", "(2, 1)", "(3, 1)")
    for indices, shown in (([5], "[5]"), ([-1], "[-1]"), ([1, 1], "[1, 1]"), ([], "[]"), ([1.0], "[1.0]")):
        read, given = PsdMatrix.of_matrix(H), np.array(indices)
        refuses(partial(read.columns, given), "indices", shown, ("0", "4"))
        refuses(partial(column_nystrom, read, given), "landmarks", shown, ("0", "4"))
        assert read.entries == 0


@pytest.mark.parametrize("rule", [greedy_pivot, uniform_pivot(RANDOM), proportional_pivot(RANDOM)])
def test_matrices_that_are_not_psd(refuses, rule):
    indefinite = PsdMatrix.of_matrix(np.array([[1.0, 2], [2, 1]]))
    refuses(lambda: pivoted_cholesky(indefinite, 2, rule), "H", "-3", "psd")
    refuses(lambda: column_nystrom(indefinite, np.array([0, 1])), "H", "-1", "psd")
    refuses(lambda: sketched_nystrom(np.array([[1.0, 2], [2, 1]]), 2, RANDOM), "H", "-1", "psd")


def test_rules(refuses):
    refuses(lambda: pivoted_cholesky(PsdMatrix.of_matrix(H), 3, lambda residual: 2), "rule", "2", "0")


def test_numbers_of_pivots(refuses):
    for k in (0, 6, 2.0):
        refuses(lambda k=k: pivoted_cholesky(PsdMatrix.of_matrix(H), k, greedy_pivot), "k", repr(k), ("1", "5"))
        refuses(lambda k=k: sketched_nystrom(H, k, RANDOM), "width", repr(k), ("1", "5"))
    refuses(lambda: expected_traces(SIGMA[::-1], 3), "eigenvalues", "1", "falling")
    refuses(lambda: expected_traces(SIGMA, -1), "steps", "-1", "0")
    refuses(lambda: pivots_needed(SIGMA, 10, 0.5), "r", "10", ("1", "9"))
    refuses(lambda: pivots_needed(SIGMA, 2, 0.0), "eps", "0.0", "positive")
    refuses(lambda: pivots_needed(np.zeros(3), 2, 0.5), "eigenvalues", "0", "zero")
    refuses(lambda: expected_sketch_trace(-SIGMA[::-1], 2, 4), "eigenvalues", "-9", "negative")


def test_landmarks(refuses):
    refuses(lambda: landmark_kernel(Q, K, K[:, :2], 1.0), "landmarks", "(7, 2)", "3")
    refuses(lambda: landmark_kernel(Q, K[:, :2], K, 1.0), "landmarks", "(7, 3)", "2")
    refuses(lambda: landmark_kernel(Q, K, K, 0.0), "scale", "0.0", "positive")
    refuses(lambda: landmark_kernel(Q, K, K, "1"), "scale", "'1'", "number")
    refuses(lambda: landmark_kernel(Q, 100 * K / np.linalg.norm(K[0]), Q, 1.0), "K", (), "350")
    refuses(lambda: landmark_attention(Q, K, V[:5], K, 1.0), "V", "(5, 2)", "7")
    far, near = np.array([[2.0]]), np.array([[0.9], [1.0]])  # two near landmarks extrapolate to a negative weight
    refuses(lambda: landmark_attention(-4 * far, far, far, near, 1.0), "landmarks", ("1", "1"), "positive")


def test_hierarchies(refuses):
    compress = partial(truncated_svd, k=1)
    refuses(lambda: to_hodlr(np.ones((4, 4)), compress, 2), "P", "1", "triangular")
    refuses(lambda: to_hodlr(np.ones((4, 3)), compress, 2), "P", "(4, 3)", "square")
    refuses(lambda: to_hodlr(np.eye(4), compress, 0), "leaf", "0", "1")
    refuses(lambda: to_hodlr(np.eye(8), partial(truncated_svd, k=3), 2), "k", "3", ("0", "2"))
    refuses(lambda: to_hodlr(np.eye(5), lambda B: compress(B.T), 2), "compress", "(2, 3)", "(3, 2)")
    refuses(lambda: to_hodlr(np.eye(4), compress, 2) @ np.ones((3, 1)), "X", "(3, 1)", "4")
    refuses(lambda: truncation_errors(M, np.eye(6)), "W", "(6, 6)", "8")


def test_costs(refuses):
    refuses(lambda: costs.range_finder_work(30, 20, 21, 1), "width", "21", "20")
    refuses(lambda: costs.range_finder_work(30, 20, 6, -1), "powers", "-1", "0")
    refuses(lambda: costs.range_finder_work(30, 0, 6, 1), "n", "0", "1")
    refuses(lambda: costs.randomized_svd_work(30, 20, 0, 6, 1), "k", "0", "1")
    refuses(lambda: costs.randomized_svd_work(30, 20, 4, -1, 1), "oversampling", "-1", "0")
    refuses(lambda: costs.pivoted_cholesky_work(5, 6, 3), "k", "6", "5")
    refuses(lambda: costs.column_nystrom_work(5, 6, 3), "m", "6", "5")
    refuses(lambda: costs.sketched_nystrom_work(5, 6), "width", "6", "5")
    refuses(lambda: costs.column_nystrom_work(5, 4, 3, "decimal"), "dtype", "'decimal'", "float64")
    refuses(lambda: costs.hodlr_entries(5, 2, -1), "k", "-1", "0")
    refuses(lambda: costs.hodlr_product_work(5, 2, 1, 0), "columns", "0", "1")


def test_orders(refuses):
    refuses(lambda: order_correlation(SIGMA, SIGMA[:4]), "y", "(4,)", "(9,)")
    refuses(lambda: order_correlation(SIGMA[:1], SIGMA[:1]), "x", "two numbers")
    refuses(lambda: order_correlation(SIGMA, np.ones(9)), "y", "9 equal ones", "different numbers")
