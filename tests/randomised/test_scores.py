"""The projector of scores, against truncated SVDs of the scores themselves."""

import numpy as np
import pytest

from course_lib.randomised.scores import score_projector

RANDOM = np.random.default_rng(0)
Q, K = RANDOM.normal(size=(2, 11, 5)), RANDOM.normal(size=(2, 13, 5)) * [1, 3, 0.2, 1, 2]
GRAMS = Q.swapaxes(1, 2) @ Q, K.swapaxes(1, 2) @ K


@pytest.mark.parametrize("k", range(6))
def test_it_gives_the_truncated_svd_of_the_scores(k):
    """The truncated SVD is unique, because the singular values are pairwise distinct."""
    S = Q @ K.swapaxes(1, 2)
    U, sigma, Vt = np.linalg.svd(S, full_matrices=False)
    best = (U[..., :k] * sigma[:, None, :k]) @ Vt[:, :k]
    Pi = score_projector(*GRAMS, k)
    np.testing.assert_allclose(Q @ Pi @ K.swapaxes(1, 2), best, rtol=0, atol=1e-12 * sigma.max())
    np.testing.assert_allclose(Pi @ Pi, Pi, rtol=0, atol=1e-12)


def test_summed_gram_matrices_are_those_of_all_pairs():
    Pi = score_projector(GRAMS[0].sum(0), GRAMS[1].sum(0), 2)
    S = Q.reshape(-1, 5) @ K.reshape(-1, 5).T
    tail = np.linalg.svd(S, compute_uv=False)[2:]
    error = np.linalg.norm(S - Q.reshape(-1, 5) @ Pi @ K.reshape(-1, 5).T)
    assert np.isclose(error, np.linalg.norm(tail), rtol=1e-10)
