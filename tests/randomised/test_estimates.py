"""Ten estimates of a block: exact at full settings, right in the mean, with the errors and costs that are stated."""

from itertools import pairwise

import numpy as np
import pytest

from course_lib.randomised import positive_mse, share_scale
from course_lib.randomised.attention_costs import exact_attention_work, leverage_scores_work
from course_lib.randomised.error_curves import SETTINGS, error_curves
from course_lib.randomised.estimate_bounds import BELOW, EXPECTED, GUARANTEES, guarantee
from course_lib.randomised.estimate_costs import estimate_work
from course_lib.randomised.estimates import METHODS, estimate, exact, row_sums, weight_error
from course_lib.reference.attention import attention_weights

N, D = 24, 6
RANDOM = np.random.default_rng(0)
Q, K, V = RANDOM.normal(size=(3, N, D)) * 0.3  # short rows: the errors of features have few outliers
A = np.exp(D**-0.5 * Q @ K.T)
P = attention_weights(Q, K)
FULL = {"best rank": N, "range finder": N, "scores of low rank": D, "landmarks, random pivots": N}
FULL |= {"landmarks, uniform": N, "keys, uniform": N}
UNBIASED = ["random features", "keys, uniform", "keys by leverage", "keys, optimal p"]


@pytest.mark.parametrize(("name", "m"), FULL.items())
def test_a_full_setting_is_exact(name, m):
    np.testing.assert_allclose(estimate(name, Q, K, V, m, np.random.default_rng(1)), A, rtol=1e-6)
    assert weight_error(name, Q, K, V, m, np.random.default_rng(1))[0] < 1e-6


@pytest.mark.parametrize("name", UNBIASED)
def test_the_mean_is_the_exact_kernel(name, mean_is):
    random = np.random.default_rng(2)
    samples = np.array([estimate(name, Q, K, V, 12, random) for _ in range(2000)])
    mean_is(samples, A, within=0.25)


def test_hashing_leaves_entries_out_and_changes_none():
    A_hat = estimate("hashing", Q, K, V, 3, np.random.default_rng(3))
    kept = A_hat != 0
    assert 0 < kept.sum() < N * N
    np.testing.assert_allclose(A_hat[kept], A[kept], rtol=1e-12)


def test_landmarks_do_not_feel_a_shift_of_all_keys():
    shift = np.linspace(-1, 1, D)
    for name in ("landmarks, random pivots", "landmarks, uniform"):
        errors = [weight_error(name, Q, keys, V, 5, np.random.default_rng(4))[0] for keys in (K, K + shift)]
        assert errors[0] == pytest.approx(errors[1], rel=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_the_error_is_that_of_the_estimate_in_units_of_the_exact_sums(name):
    error, pairs = weight_error(name, Q, K, V, 4, np.random.default_rng(5))
    A_hat = estimate(name, Q, K, V, 4, np.random.default_rng(5))
    assert pairs == np.count_nonzero(A_hat)
    assert error == pytest.approx(np.linalg.norm(A_hat / row_sums(A) - P) / np.linalg.norm(P))


def test_the_exact_kernel_is_that_of_scale_1():
    np.testing.assert_allclose(exact(Q, K), np.exp(Q @ K.T))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("m", [3, 8])
def test_what_is_known_of_the_error_is_true(name, m, mean_is):
    random = np.random.default_rng(6)
    known = guarantee(name, Q, K, V, m)
    squares = np.array([weight_error(name, Q, K, V, m, random)[0] ** 2 for _ in range(600)])
    if GUARANTEES[name] == EXPECTED:
        mean_is(squares, np.array(known**2), within=0.5)
    elif GUARANTEES[name] == BELOW:
        assert squares.min() >= known**2 * (1 - 1e-9)
        assert (name == "best rank") == np.allclose(squares, known**2)
    else:
        assert 0 < np.sqrt(squares).mean() <= known


def test_features_are_orthogonal_in_blocks_so_their_guarantee_is_below_that_of_independent_ones():
    independent = np.sqrt((positive_mse(*share_scale(Q, K), 8) / row_sums(A) ** 2).sum()) / np.linalg.norm(P)
    assert guarantee("random features", Q, K, V, 8) < independent


@pytest.mark.parametrize("name", METHODS)
def test_costs_rise_with_the_setting(name):
    works = [estimate_work(name, 64, 8, 10, m, pairs=m) for m in (2, 4, 7)]
    assert all(a.flops < b.flops and a.bytes <= b.bytes for a, b in pairwise(works))
    assert estimate_work(name, 64, 8, 10, 4, dtype="float32").bytes * 2 == works[1].bytes


def test_some_costs_counted_by_hand():
    n, d, v, m = 64, 8, 10, 4
    assert estimate_work("keys, uniform", n, d, v, m).flops == 2 * n * m * (d + v)
    sampled = estimate_work("keys by leverage", n, d, v, m)
    assert sampled.flops == 2 * n * m * (d + v) + leverage_scores_work(n, d).flops
    assert estimate_work("best rank", n, d, v, m).flops == 2 * n * n * d + 26 * n**3 + 4 * n * m * v
    thin_qr = 4 * n * m**2 - 4 * m**3 // 3
    by_vectors = 2 * n * n * d + 2 * n * n * m + thin_qr + 2 * n * n * m + 4 * n * m * v
    assert estimate_work("range finder", n, d, v, m).flops == by_vectors
    assert estimate_work("keys, optimal p", n, d, v, m).flops == 2 * n * n * d + 2 * n * m * v
    assert estimate_work("hashing", n, d, v, m, pairs=50).flops == 4 * n * m * 6 * d + 2 * 50 * (d + v)


def test_curves_hold_each_method_at_each_setting_of_each_head():
    blocks = [[tuple(RANDOM.normal(size=(3, N, D))) for _ in range(2)] for _ in range(3)]
    settings = {name: (2, 5) for name in SETTINGS}
    curves = error_curves(blocks, np.random.default_rng(7), settings)
    assert all(numbers.shape == (3, 2, 10, 2) for numbers in curves)
    place = list(settings).index("best rank")
    known = guarantee("best rank", *blocks[2][1], 5)
    assert curves.errors[2, 1, place, 1] == pytest.approx(known) == curves.guarantees[2, 1, place, 1]
    work = estimate_work("best rank", N, D, D, 5)
    whole = exact_attention_work(N, N, D, D)
    assert curves.flops[0, 0, place, 1] == work.flops / whole.flops
    assert curves.bytes[0, 0, place, 1] == work.bytes / whole.bytes
    again = error_curves(blocks, np.random.default_rng(7), settings)
    np.testing.assert_array_equal(again.errors, curves.errors)
