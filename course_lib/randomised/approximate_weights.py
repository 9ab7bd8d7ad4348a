"""Approximations of the weights P of all heads of a layer on given texts. One decomposition serves all ranks.

    approximate = ApproximateWeights(texts.heads[2])
    P_hat = approximate.blocks(3)               # (b, h, n, n), for `HeadsOnTexts.losses`

They are for measurements: all of them form P. All but `scores` with a fixed `Pi` depend on later tokens, see
`causality`.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Float

from course_lib.config import require
from course_lib.randomised.checks import check_random, check_whole
from course_lib.randomised.given_weights import Heads
from course_lib.randomised.hodlr import cuts
from course_lib.randomised.scores import score_projector
from course_lib.reference.attention import attention_weights, causal_mask


class ApproximateWeights:
    """Approximations of `heads.P`, each an array of the same shape. `leaf`: rows of the smallest blocks of `blocks`."""

    def __init__(self, heads: Heads, leaf: int = 16):
        check_whole("leaf", leaf, 1)
        self.heads, self.leaf = heads, leaf

    def best(self, k: int) -> Float[np.ndarray, "b h n n"]:
        """The nearest matrices of rank at most k. They have entries above the diagonal."""
        P = self.heads.P
        check_whole("k", k, 0, P.shape[-1])
        V = self._right_vectors[..., P.shape[-1] - k :]
        return P @ V @ V.swapaxes(-1, -2)

    def masked(self, k: int) -> Float[np.ndarray, "b h n n"]:
        """`best` with zeros above the diagonal: the error is not larger, and the rank can be."""
        P_hat = self.best(k)
        P_hat *= np.tri(P_hat.shape[-1])
        return P_hat

    def blocks(self, k: int) -> Float[np.ndarray, "b h n n"]:
        """Blocks of rank at most k below the diagonal, as `to_hodlr`. Raises ValueError for k above `leaf`."""
        check_whole("k", k, 0, self.leaf)
        P_hat = self.heads.P.copy()  # the leaves stay as they are
        for (start, middle, stop), (U, sigma, Vt) in self._svds_of_blocks.items():
            P_hat[..., middle:stop, start:middle] = (U[..., :k] * sigma[..., None, :k]) @ Vt[..., :k, :]
        return P_hat

    def scores(self, k: int, Pi: Float[np.ndarray, "... e e"] | None = None) -> Float[np.ndarray, "b h n n"]:
        """Softmax of the scores Q Pi K^T. Without Pi they are the nearest scores of rank at most k on these texts."""
        Pi = self.projector(k) if Pi is None else Pi
        n = self.heads.Q.shape[-2]
        return attention_weights(self.heads.Q @ Pi, self.heads.K, causal_mask(n, n), scale=self.heads.scale)

    def projector(self, k: int, of_others: bool = False) -> Float[np.ndarray, "b h e e"]:
        """`score_projector` of each text and head, from its own tokens or from those of all other texts together."""
        grams = [X.swapaxes(-1, -2) @ X for X in (self.heads.Q, self.heads.K)]
        if of_others:
            require(len(grams[0]) > 1, f"of_others needs at least two texts, got {len(grams[0])}")
            grams = [G.sum(0) - G for G in grams]
        return score_projector(*grams, k)

    def noise(self, P_hat: Float[np.ndarray, "b h n n"], random: np.random.Generator) -> Float[np.ndarray, "b h n n"]:
        """P with normal numbers added on and below the diagonal. In each head they have the norm of P_hat - P."""
        check_random(random)
        want = self.heads.P.shape
        require(np.shape(P_hat) == want, f"P_hat must have shape {want}, got {np.shape(P_hat)}")
        drawn = random.normal(size=P_hat.shape)
        drawn *= np.tri(want[-1])
        squares = [np.einsum("bhij, bhij -> bh", X, X) for X in (P_hat - self.heads.P, drawn)]
        sizes = np.sqrt(np.divide(*squares))
        drawn *= sizes[..., None, None]
        return self.heads.P + drawn

    @cached_property
    def _right_vectors(self) -> Float[np.ndarray, "b h n n"]:
        """The right singular vectors, least value first, as eigenvectors of P^T P: twice as fast as SVDs.

        Rounding mixes vectors whose values are below about 1e-7 of the largest. The error of `best` grows by no more.
        """
        P = self.heads.P
        return np.linalg.eigh(P.swapaxes(-1, -2) @ P).eigenvectors

    @cached_property
    def _svds_of_blocks(self):
        """Of each cut, the SVDs of the block below the diagonal in all heads."""
        P = self.heads.P
        return {
            (start, middle, stop): np.linalg.svd(P[..., middle:stop, start:middle], full_matrices=False)
            for start, middle, stop in cuts(P.shape[-1], self.leaf)
        }
