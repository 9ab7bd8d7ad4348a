"""The theorem on RPCholesky, over 300 draws each.

A mean is compared with its bound plus 4 standard errors: if the bound were attained, a test would fail with probability
3e-5 (normal approximation). Generators are seeded, so the tests pass or fail for good.
"""

import numpy as np
import pytest

from course_lib.randomised.cholesky import (
    pivoted_cholesky,
    proportional_pivot,
    randomly_pivoted_cholesky,
    uniform_pivot,
)
from course_lib.randomised.cholesky_bounds import expected_traces, pivots_needed
from course_lib.randomised.psd import PsdMatrix

DRAWS, N = 300, 50
SPECTRA = {
    "geometric": 0.7 ** np.arange(N),
    "algebraic": 1.0 / np.arange(1, N + 1) ** 2,
    "step": np.r_[np.full(4, 1e6), np.ones(N - 4)],
    "flat": np.ones(N),
}


def traces(H, k, rule=proportional_pivot):
    """The residual traces after 0 ... k steps, for each draw; 0 where a draw ended early."""
    random, found = np.random.default_rng(23), np.zeros((DRAWS, k + 1))
    for row in found:
        of_draw = pivoted_cholesky(PsdMatrix.of_matrix(H), k, rule(random)).traces
        row[: len(of_draw)] = of_draw
    return found


def with_eigenvalues(values, seed=0):
    U, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    H = (U * values) @ U.T
    return (H + H.T) / 2


def standard_errors(found):
    return found.std(0, ddof=1) / len(found) ** 0.5


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("diagonal", [False, True])
def test_the_expected_trace_after_each_step(spectrum, diagonal):
    values = SPECTRA[spectrum]
    found = traces(np.diag(values) if diagonal else with_eigenvalues(values), 15)
    bounds = expected_traces(values, 15)
    assert (found.mean(0) - 4 * standard_errors(found) <= bounds * (1 + 1e-9)).all()
    tails = values.sum() - np.cumsum(np.r_[0, values])[:16]
    assert (bounds >= tails * (1 - 1e-12)).all()  # no approximation of rank k does better


def test_the_steps_by_hand():
    """(3, 1) -> (3 - 9/4, 1 - 1/4) -> half of each, since both are equal; zeros stay zeros."""
    np.testing.assert_allclose(expected_traces(np.array([3.0, 1, 0]), 3), [4, 1.5, 0.75, 0.375], rtol=1e-14)
    np.testing.assert_array_equal(expected_traces(np.array([2.0, 0]), 2), [2, 0, 0])


def test_the_first_step_is_exact():
    """E tr(R) = tr(H) - tr(H^2) / tr(H): the sum over pivots, and 300 draws within 4 standard errors."""
    H = with_eigenvalues(SPECTRA["algebraic"])
    each = [np.trace(H - np.outer(H[s], H[s]) / H[s, s]) for s in range(N)]
    exact = np.diag(H) / np.trace(H) @ np.array(each)
    assert expected_traces(SPECTRA["algebraic"], 1)[1] == pytest.approx(exact, rel=1e-10)
    found = traces(H, 1)[:, 1:]
    assert abs(found.mean() - exact) < 4 * standard_errors(found)[0]


@pytest.mark.parametrize("spectrum", ["geometric", "algebraic", "step"])
@pytest.mark.parametrize("r, eps", [(1, 1.0), (3, 0.5), (4, 2.0)])
def test_the_theorem(spectrum, r, eps):
    values = SPECTRA[spectrum]
    needed, best = pivots_needed(values, r, eps), values[r:].sum()
    found = traces(with_eigenvalues(values), min(needed, N))[:, -1:]
    assert found.mean() - 4 * standard_errors(found)[0] <= (1 + eps) * best


@pytest.mark.parametrize("seed", range(20))
def test_the_theorem_by_share_follows_from_the_bound_after_each_step(seed):
    """Where the theorem takes r log(1 / (eps eta)), Phi alone proves it; no draws, for random spectra."""
    random = np.random.default_rng(seed)
    values = np.sort(random.gamma(0.3, size=400))[::-1]
    r, eps = int(random.integers(1, 9)), float(random.uniform(0.05, 2))
    eta = values[r:].sum() / values.sum()
    needed = pivots_needed(values, r, eps)
    assert needed == np.ceil(r / eps + max(0, r * np.log(1 / (eps * eta))))  # the smaller one here
    assert expected_traces(values, needed)[-1] <= (1 + eps) * values[r:].sum()


@pytest.mark.parametrize("r, needed", [(1, 3), (2, 7), (3, 13), (5, 28)])
def test_with_a_tiny_tail_the_number_of_pivots_depends_on_r_and_eps_only(r, needed):
    """delta is about 1e-11, so r log(1 / delta) is 25 r; with eps = 1, r + r log(2^r) is less. 300 draws each."""
    values = np.r_[np.full(r, 1e12), np.ones(N - r)]
    assert pivots_needed(values, r, 1.0) == np.ceil(2 * r + r * r * np.log(2)) == needed
    found = traces(with_eigenvalues(values), needed)[:, -1:]
    tail = values[r:].sum()
    assert found.mean() - 4 * standard_errors(found)[0] <= 2 * tail and found.mean() > tail / 2.5


@pytest.mark.parametrize("seed", range(10))
def test_phi_is_concave_and_increasing(seed):
    """The property behind `expected_traces`: Phi(A + B) - Phi(A) - Phi(B) is psd, and so is Phi(A + B) - Phi(A)."""
    random = np.random.default_rng(seed)

    def phi(H):
        return H - H @ H / np.trace(H)

    A, B = (G @ G.T for G in (random.normal(size=(8, 3)) * random.gamma(0.2, size=3) for _ in range(2)))
    assert np.linalg.eigvalsh(phi(A + B) - phi(A) - phi(B))[0] > -1e-12
    assert np.linalg.eigvalsh(phi(A + B) - phi(A))[0] > -1e-12


def test_uniform_pivots_break_the_bounds():
    """One large entry among 50: a uniform pivot misses it in most draws, and the bound on RPCholesky fails."""
    values = np.r_[100.0, np.full(N - 1, 0.1)]
    assert traces(np.diag(values), 10, uniform_pivot)[:, -1].mean() > 5 * expected_traces(values, 10)[-1]


def test_near_the_best_on_keys_of_a_trained_model(heads):
    """8 and 24 pivots of exp(scale K K^T), a head of each layer: the mean of 20 draws is at most 3 times the best."""
    for head in heads[::2]:
        H = PsdMatrix.exponential(head.K, head.scale)
        values = np.linalg.eigvalsh(H.columns(np.arange(H.size)))[::-1].clip(min=0)
        random = np.random.default_rng(0)
        for k in (8, 24):
            mean = np.mean([randomly_pivoted_cholesky(H, k, random).traces[-1] for _ in range(20)])
            assert values[k:].sum() * (1 - 1e-9) <= mean <= 3 * values[k:].sum()
            assert mean <= 1.2 * expected_traces(values, k)[-1]
