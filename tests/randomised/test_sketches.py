"""CountSketch and TensorSketch: explicit matrices, moments over all hash functions, and the bound of the variance."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from course_lib.randomised.sketch_errors import sketch_variance, sketch_variance_bound
from course_lib.randomised.sketches import CountSketch, TensorSketch

rng = np.random.default_rng(0)
Q, K = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))


def matrix_of(sketch: CountSketch) -> np.ndarray:
    """The matrix (r, d) with one sign in each column."""
    C = np.zeros((sketch.r, len(sketch.s)))
    C[sketch.h, np.arange(len(sketch.s))] = sketch.s
    return C


def test_a_count_sketch_is_a_sparse_matrix_of_signs():
    sketch = CountSketch.draw(4, 3, np.random.default_rng(1))
    np.testing.assert_allclose(sketch(Q), Q @ matrix_of(sketch).T, atol=1e-14)


@pytest.mark.parametrize("r, p", [(7, 1), (6, 2), (5, 3), (1, 2)])
def test_a_tensor_sketch_is_the_count_sketch_of_the_tensor_power(r, p):
    """All 4^p entries of x (x) ... (x) x, with buckets added mod r and signs multiplied."""
    sketch = TensorSketch.draw(4, r, p, np.random.default_rng(2))
    tuples = list(product(range(4), repeat=p))
    h = np.array([sum(part.h[i] for part, i in zip(sketch.parts, t, strict=True)) % r for t in tuples])
    s = np.array([np.prod([part.s[i] for part, i in zip(sketch.parts, t, strict=True)]) for t in tuples])
    powers = np.array([[np.prod([x[i] for i in t]) for t in tuples] for x in Q])
    np.testing.assert_allclose(sketch(Q), CountSketch(h, s, r)(powers), atol=1e-12)


def all_sketches(d: int, r: int) -> list[CountSketch]:
    """Every CountSketch R^d -> R^r: r^d hash functions times 2^d signs."""
    hashes, signs = product(range(r), repeat=d), list(product([1.0, -1.0], repeat=d))
    return [CountSketch(np.array(h), np.array(s), r) for h in hashes for s in signs]


@pytest.mark.parametrize("d, r, p", [(4, 3, 1), (4, 2, 1), (2, 3, 2), (3, 2, 2), (2, 2, 3), (3, 1, 2), (2, 4, 2)])
def test_mean_and_variance_over_all_sketches(d, r, p):
    """Exact moments: every sketch has the same probability. Even and odd r differ for p > 1."""
    found = [TensorSketch(parts) for parts in product(all_sketches(d, r), repeat=p)]
    found = np.array([T(Q[:, :d]) @ T(K[:, :d]).T for T in found])
    np.testing.assert_allclose(found.mean(0), (Q[:, :d] @ K[:, :d].T) ** p, atol=1e-10)
    np.testing.assert_allclose(found.var(0), sketch_variance(Q[:, :d], K[:, :d], r, p), atol=1e-10)


@pytest.mark.parametrize("r, p", [(16, 1), (16, 2), (17, 3)])
def test_mean_and_variance_over_draws(r, p, mean_is):
    """15 pairs, 2000 draws, rows of length 1: by chance below 2e-5."""
    random, found = np.random.default_rng(3), []
    q, k = (X / np.linalg.norm(X, axis=1, keepdims=True) for X in (Q, K))
    exact = (q @ k.T) ** p
    for _ in range(2000):
        T = TensorSketch.draw(4, r, p, random)
        found.append(T(q) @ T(k).T)
    mean_is(np.array(found), exact, within=0.3)
    mean_is((np.array(found) - exact) ** 2, sketch_variance(q, k, r, p), within=0.7)


ROWS = arrays(np.float64, (2, 4), elements=st.floats(-3, 3))


@given(ROWS, ROWS, st.integers(1, 40), st.integers(1, 5))
def test_no_variance_exceeds_the_bound(q, k, r, p):
    exact, bound = sketch_variance(q, k, r, p), sketch_variance_bound(q, k, r, p)
    assert (exact <= bound * (1 + 1e-12) + 1e-12).all() and (exact >= -1e-9 * (1 + bound)).all()


def test_the_bound_is_approached_by_flat_rows():
    """q = k = (1, ..., 1) / sqrt(d): p = 1 has 2 (1 - 1/d) / r, next to the bound 2 / r."""
    flat = np.full((1, 100), 0.1)
    ratio = [sketch_variance(flat, flat, 1, p) / sketch_variance_bound(flat, flat, 1, p) for p in (1, 2, 3)]
    assert min(ratio)[0, 0] > 0.97 and max(ratio)[0, 0] < 1


def test_a_large_sketch_of_few_coordinates_is_exact_and_a_small_one_may_be_negative():
    """The variance falls as 1/r. With r = 2 some estimates of <q, k>^2 are negative."""
    random, negative = np.random.default_rng(4), 0
    for _ in range(200):
        T = TensorSketch.draw(4, 2, 2, random)
        negative += (T(Q) @ T(K).T < 0).sum()
    assert negative > 20
    variances = [sketch_variance(Q, K, r, 2) for r in (101, 1001)]
    np.testing.assert_allclose(variances[0] / variances[1], 10, rtol=0.1)
