"""Leverage scores: sums, oracles, the bound of a query's squared scores, and scores within a prefix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import orth

from course_lib.randomised.leverage import (
    column_bounds,
    extreme_query,
    heavy_keys,
    leverage_scores,
    prefix_leverage_scores,
    ridge_leverage_scores,
)
from course_lib.reference.attention import attention_weights

rng = np.random.default_rng(0)
K = rng.normal(size=(13, 5)) * rng.gamma(1.0, size=(13, 1))
DEFICIENT = np.concatenate([K[:, :3], K[:, :2] @ rng.normal(size=(2, 2))], axis=1)


@pytest.mark.parametrize("keys, rank", [(K, 5), (DEFICIENT, 3), (K[:4], 4), (0 * K, 0)])
def test_the_sum_is_the_rank_and_scipy_has_the_same_range(keys, rank):
    scores = leverage_scores(keys)
    assert abs(scores.sum() - rank) < 1e-10
    assert (scores > -1e-14).all() and (scores < 1 + 1e-12).all()
    np.testing.assert_allclose(scores, (orth(keys) ** 2).sum(1), atol=1e-10)


def test_scores_do_not_depend_on_the_basis():
    np.testing.assert_allclose(leverage_scores(K @ rng.normal(size=(5, 5))), leverage_scores(K), atol=1e-9)


def test_the_extreme_query_attains_the_bound():
    for keys in (K, DEFICIENT):
        for j, score in enumerate(leverage_scores(keys)):
            squares = (keys @ extreme_query(keys, j)) ** 2
            assert abs(squares[j] - score * squares.sum()) < 1e-10


@given(arrays(np.float64, 5, elements=st.floats(-10, 10)))
def test_no_query_exceeds_the_bound(q):
    squares = (K @ q) ** 2
    assert (squares <= leverage_scores(K) * squares.sum() * (1 + 1e-10) + 1e-12).all()


def test_columns_of_scores_are_below_their_bounds():
    Q = np.concatenate([rng.normal(size=(6, 5)), [extreme_query(K, 2)]])
    assert (np.linalg.norm(Q @ K.T, axis=0) <= column_bounds(Q, K)).all()
    alone = extreme_query(K, 2)[None]
    assert abs(np.linalg.norm(alone @ K.T, axis=0)[2] - column_bounds(alone, K)[2]) < 1e-10


def test_heavy_keys_hold_every_large_share_of_squared_scores():
    for share in (0.05, 0.3, 0.6, 1.0):
        kept = heavy_keys(K, share)
        assert kept.sum() <= 5 / share
        Q = np.concatenate([rng.normal(size=(200, 5)), [extreme_query(K, j) for j in range(13)]])
        squares = (Q @ K.T) ** 2
        assert not (squares >= share * squares.sum(1, keepdims=True))[:, ~kept].any()


def test_a_softmax_weight_can_be_large_where_the_leverage_is_small():
    """One coordinate, 100 keys: 1 and 0.9 for all others. The leverage of the first is 0.012, its weight nearly 1."""
    keys = np.full((100, 1), 0.9)
    keys[0] = 1.0
    assert leverage_scores(keys)[0] < 0.0125
    assert attention_weights(np.array([[200.0]]), keys)[0, 0] > 0.999


@pytest.mark.parametrize("ridge", [1e-3, 0.5, 40.0])
def test_ridge_scores_against_their_definition(ridge):
    gram = K.T @ K + ridge * np.eye(5)
    scores = ridge_leverage_scores(K, ridge)
    np.testing.assert_allclose(scores, np.diag(K @ np.linalg.solve(gram, K.T)), atol=1e-10)
    eigenvalues = np.linalg.eigvalsh(K.T @ K)
    assert abs(scores.sum() - (eigenvalues / (eigenvalues + ridge)).sum()) < 1e-10
    assert (scores < leverage_scores(K)).all()


def test_ridge_scores_tend_to_leverage_scores():
    for keys in (K, DEFICIENT):
        np.testing.assert_allclose(ridge_leverage_scores(keys, 1e-13), leverage_scores(keys), atol=1e-8)


def test_scores_within_the_prefix():
    """Each is the last score of its prefix. The determinant bounds their sum, and none is below its final value."""
    ridge, scores = 0.3, prefix_leverage_scores(K, 0.3)
    expected = [ridge_leverage_scores(K[: j + 1], ridge)[-1] for j in range(13)]
    np.testing.assert_allclose(scores, expected, atol=1e-10)
    assert ridge_leverage_scores(K, ridge).sum() < scores.sum() < np.linalg.slogdet(np.eye(5) + K.T @ K / ridge)[1]


def test_scores_fall_when_keys_are_added():
    for n in range(1, 13):
        assert (leverage_scores(K[: n + 1])[:n] <= leverage_scores(K[:n]) + 1e-10).all()
        assert (ridge_leverage_scores(K[: n + 1], 0.3)[:n] <= ridge_leverage_scores(K[:n], 0.3) + 1e-10).all()
