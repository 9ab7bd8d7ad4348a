"""Approximations of weights against the functions for single matrices, and their place in the heads."""

from functools import partial

import numpy as np
import pytest
from scipy import special

from course_lib.randomised.approximate_weights import ApproximateWeights
from course_lib.randomised.given_weights import Heads
from course_lib.randomised.hodlr import to_hodlr
from course_lib.randomised.low_rank import tail_norms, truncated_svd

N = 24
HEADS = Heads(*np.random.default_rng(0).normal(size=(3, 2, 3, N, 5)), scale=0.7)
APPROXIMATE = ApproximateWeights(HEADS, leaf=6)


@pytest.mark.parametrize("k", [1, 4])
def test_best_and_blocks_are_those_of_each_matrix(k):
    best, masked, blocks = APPROXIMATE.best(k), APPROXIMATE.masked(k), APPROXIMATE.blocks(k)
    for at in np.ndindex(2, 3):
        P = HEADS.P[at]
        np.testing.assert_allclose(best[at], truncated_svd(P, k).matrix(), rtol=0, atol=1e-12)
        one = to_hodlr(P, partial(truncated_svd, k=k), 6).matrix()
        np.testing.assert_allclose(blocks[at], one, rtol=0, atol=1e-12)
        assert np.array_equal(masked[at], np.tril(best[at]))
        assert np.linalg.norm(masked[at] - P) < np.linalg.norm(best[at] - P)


def test_scores_are_the_nearest_ones_and_all_of_them_at_full_rank():
    Pi = APPROXIMATE.projector(2)
    errors = np.linalg.norm(HEADS.S - HEADS.scale * HEADS.Q @ Pi @ HEADS.K.swapaxes(-1, -2), axis=(-2, -1))
    tails = [[tail_norms(np.linalg.svd(S, compute_uv=False))[2] for S in of_text] for of_text in HEADS.S]
    np.testing.assert_allclose(errors, tails, rtol=1e-9)
    np.testing.assert_allclose(APPROXIMATE.scores(5), HEADS.P, rtol=0, atol=1e-12)


def test_weights_are_the_softmax_of_projected_scores():
    given = np.random.default_rng(2).normal(size=(5, 5))
    for Pi, found in ((APPROXIMATE.projector(2), APPROXIMATE.scores(2)), (given, APPROXIMATE.scores(2, given))):
        S = HEADS.scale * HEADS.Q @ Pi @ HEADS.K.swapaxes(-1, -2) + np.triu(np.full((N, N), -np.inf), 1)
        np.testing.assert_allclose(found, special.softmax(S, axis=-1), rtol=0, atol=1e-12)


def test_a_projector_of_the_others_does_not_depend_on_its_own_text():
    Q = HEADS.Q.copy()
    Q[1] *= 3 + np.arange(5)
    other = ApproximateWeights(Heads(Q, HEADS.K, HEADS.V, HEADS.scale))
    before, after = (one.projector(2, of_others=True) for one in (APPROXIMATE, other))
    np.testing.assert_allclose(after[1], before[1], rtol=0, atol=1e-9)
    assert np.abs(after[0] - before[0]).max() > 0.1


def test_noise_has_the_size_of_the_other_error_and_respects_the_mask():
    P_hat = APPROXIMATE.masked(3)
    noisy = APPROXIMATE.noise(P_hat, np.random.default_rng(1))
    assert np.array_equal(noisy, np.tril(noisy))
    sizes = [np.linalg.norm(one - HEADS.P, axis=(-2, -1)) for one in (noisy, P_hat)]
    np.testing.assert_allclose(*sizes, rtol=1e-12)
