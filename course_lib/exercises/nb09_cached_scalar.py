"""Exercise 9.5: logits of normalised keys from one cached factor per token and head."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def normalised_logits(Q, W_LK, gamma, L, eps):
    squares = np.square(L @ W_LK).mean(axis=-1)  # (h, N), once, when a token arrives
    factors = 1 / np.sqrt(squares + eps)
    asking = (Q * gamma) @ W_LK.swapaxes(1, 2)  # (h, n, r)
    return factors.T, asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1])


def _inputs(h: int, n: int, N: int, gamma: np.ndarray, eps: float) -> tuple:
    return randn(h, n, 5), randn(h, 7, 5, seed=1), gamma, randn(N, 7, seed=2), eps


ONES, GAMMA = np.ones(5), np.array([0.4, 1.9, -0.7, 1.2, 1.6])
CACHED_SCALAR = Exercise(
    id="9.5",
    title="normalised keys from cached factors",
    minutes=8,
    difficulty=2,
    solution=normalised_logits,
    stages=(
        Stage(_inputs(1, 1, 2, ONES, 1e-6), "one head, one query, two tokens, gamma is 1"),
        Stage(_inputs(2, 3, 4, ONES, 1e-6), "two heads, three queries and four tokens, gamma is 1"),
        Stage(_inputs(3, 3, 3, GAMMA, 1e-6), "three heads, with a gamma of both signs"),
        Stage(_inputs(3, 2, 6, GAMMA, 0.5), "a large eps"),
    ),
    mistakes=edits(
        normalised_logits,
        """
        .mean(axis=-1) -> .sum(axis=-1) | The squares are summed. RMSNorm divides by the root of their mean.
        .mean(axis=-1) -> .sum(axis=-1) / L.shape[-1] | The sum of squares is divided by d_L, the width of the latent.
          Take the mean over the coordinates of a key.
        np.sqrt(Q.shape[-1]) -> Q.shape[-1] | The logits are sqrt(d_QK) times too small. Divide each key by its root
          mean square, not by its length, and the score by sqrt(d_QK), not by d_QK.
        np.square(L @ W_LK).mean(axis=-1) -> np.square(L @ W_LK).mean(axis=(0, 2)) + np.zeros((len(W_LK), 1)) | One mean
          square is taken over the keys of all heads. Each head has a factor of its own.
        np.square(L @ W_LK).mean(axis=-1) -> np.square(L @ W_LK).mean(axis=(1, 2))[:, None] + np.zeros(len(L)) | One
          mean square is taken over all tokens. Each token has a factor of its own.
        (Q * gamma) -> (Q * np.abs(gamma)) | The signs of gamma are lost. gamma enters as it is.
        np.sqrt(Q.shape[-1]) -> np.sqrt(len(L)) | The logits are divided by the root of the number of tokens. Divide by
          sqrt(d_QK).
        return factors.T, -> return 1 / factors.T, | The logits are right, but root mean squares are returned. The
          factors are their inverses.
        return factors.T, -> return squares.T, | The logits are right, but mean squares are returned. The factors are 1
          divided by the root of (mean square + eps).
        return factors.T, -> return factors.T / np.sqrt(Q.shape[-1]), | The logits are right, but the factors hold the
          scale. Divide the scores by sqrt(d_QK), not the factors.
        1 / np.sqrt(squares + eps) -> np.sqrt(squares + eps) | These are the root mean squares. The factors are their
          inverses.
        1 / np.sqrt(squares + eps) -> 1 / (squares + eps) | The square root is missing in the factors.
        squares + eps -> squares | The given eps is not used. It stands beside the mean square,
          inside the root.
        asking @ L.T * factors[:, None] -> asking @ L.T / np.sqrt(squares)[:, None] | The factors are right, but the
          logits are made without the given eps. Multiply each score by the factor of its key.
        squares + eps -> squares + 1e-5 | eps is fixed at 1e-5. Use the argument `eps`.
        1 / np.sqrt(squares + eps) -> 1 / (np.sqrt(squares) + eps) | eps stands outside the root. It belongs beside
          the mean square.
        (Q * gamma) -> Q | gamma is missing. It multiplies each coordinate of the key, or of the query.
        np.square(L @ W_LK).mean(axis=-1) -> (L @ W_LK).var(axis=-1) | This is the variance. RMSNorm takes the mean of
          the squares and does not subtract the mean.
        (Q * gamma) -> (Q * gamma**2) | gamma enters twice. It multiplies the query or the key, but not both.
        * factors[:, None] -> * factors[:, None] ** 2 | The factors enter twice. Multiply each score by the factor of
          its key once.
        asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1]) -> np.where(np.tri(*Q.shape[1:2], len(L), len(L) -
          Q.shape[1]), asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1]), -np.inf) | The future is masked. Return
          all n N logits.
        return factors.T, asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1]) -> S = asking @ L.T * factors[:, None]
          / np.sqrt(Q.shape[-1]); return factors.T, np.exp(S) / np.exp(S).sum(-1, keepdims=True) | These are the weights
          already. Return the logits, before the softmax.
        asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1]) -> np.exp(asking @ L.T * factors[:, None] /
          np.sqrt(Q.shape[-1])) | These are exponentials. Return the logits themselves.
        return factors.T, -> return factors, | The factors have shape (h, N). Tokens are rows, (N, h).
        / np.sqrt(Q.shape[-1]) -> | These are scores, without the scale. Divide by sqrt(d_QK).
        np.sqrt(Q.shape[-1]) -> np.sqrt(L.shape[-1]) | The logits are divided by sqrt(d_L). Absorption does not change
          the scale sqrt(d_QK).
        * factors[:, None] -> | The logits are those of the keys as they are. Multiply each by the factor of its token
          and head.
        * factors[:, None] -> * factors.mean(axis=1)[:, None, None] | All tokens of a head have one factor. Each token
          has its own.
        * factors[:, None] -> * factors.mean(axis=0) | All heads have one factor. Each head has its own.
        np.square(L @ W_LK) -> np.square(L @ W_LK * gamma) | gamma enters the mean square. RMSNorm divides first and
          multiplies by gamma afterwards.
        (Q * gamma) -> (Q / np.sqrt(np.square(Q).mean(axis=-1, keepdims=True) + eps) * gamma) | The queries are
          normalised again. They come normalised.
        np.square(L @ W_LK).mean(axis=-1) -> np.tile(np.square(L).mean(axis=-1), (len(W_LK), 1)) | These are mean
          squares of the latent rows. Take those of the keys L W_LK.
        return factors.T, asking @ L.T * factors[:, None] / np.sqrt(Q.shape[-1]) -> return asking @ L.T * factors[:,
          None] / np.sqrt(Q.shape[-1]), factors.T | The logits come first. Return the factors, then the logits.
        """,
    ),
    hints=(
        "The factor of token j and head h is 1 / sqrt(mean of the squares of l_j W_LK_h, plus eps).",
        "gamma multiplies each coordinate of the key. In an inner product it can as well multiply the query.",
        "`(Q * gamma) @ W_LK.swapaxes(1, 2) @ L.T` are the scores of the keys as they are. Multiply column j of head h "
        "by its factor, and divide by sqrt(e).",
    ),
)
