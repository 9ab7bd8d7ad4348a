"""Truncation of X W by activations and by weights, against the factors of course_lib.surgery and loops over ranks."""

import numpy as np
import pytest

from course_lib.randomised.truncation import truncation_errors
from course_lib.surgery.factors import joint_factors


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("n, d, w", [(90, 11, 8), (90, 8, 11), (5, 11, 8)])
def test_errors_against_a_loop(n, d, w):
    random = np.random.default_rng(0)
    X, W = random.normal(size=(n, d)) * np.logspace(0, -2, d), random.normal(size=(d, w))
    found = truncation_errors(X, W)
    assert len(found.by_activations) == len(found.by_weights) == min(d, w) + 1
    for r in range(min(d, w) + 1):
        for errors, of in ((found.by_activations, X @ W), (found.by_weights, W)):
            P = np.linalg.svd(of)[2][:r].T
            close(errors[r], np.linalg.norm(X @ W - X @ W @ P @ P.T))


def test_no_subspace_does_better_than_that_of_the_activations(heads):
    random = np.random.default_rng(1)
    for head in heads:
        X, W = head.K, random.normal(size=(32, 20))
        found = truncation_errors(X, W)
        assert (found.by_activations <= found.by_weights + 1e-9).all()
        for r in (1, 5, 12):
            P, _ = np.linalg.qr(random.normal(size=(20, r)))
            assert found.by_activations[r] <= np.linalg.norm(X @ W - X @ W @ P @ P.T)


def test_they_agree_for_orthonormal_activations():
    random = np.random.default_rng(2)
    X, _ = np.linalg.qr(random.normal(size=(40, 9)))
    found = truncation_errors(X, random.normal(size=(9, 7)))
    close(found.by_activations, found.by_weights)


@pytest.mark.parametrize("rank", [1, 4, 7])
def test_the_factors_of_surgery_have_these_errors(rank):
    random = np.random.default_rng(3)
    X, W_K, W_V = random.normal(size=(60, 9)), random.normal(size=(9, 5)), random.normal(size=(9, 4))
    found = truncation_errors(X, np.hstack([W_K, W_V]))
    close(joint_factors(W_K, W_V, rank, X.T @ X, balance=1.0).error, found.by_activations[rank], atol=1e-7)
    alone = joint_factors(W_K, W_V, rank, balance=1.0)
    left = X @ np.hstack([W_K - alone.W_L @ alone.W_LK, W_V - alone.W_L @ alone.W_LV])
    close(np.linalg.norm(left), found.by_weights[rank])
