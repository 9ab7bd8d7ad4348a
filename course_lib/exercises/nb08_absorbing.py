"""Exercises 8.2 and 8.3: the up-projections of keys and values move to the other side of the product."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw
from course_lib.exercises.nb02_softmax import softmax

H, E, R, V, D = 3, 4, 5, 3, 7  # heads; widths of a key, of the latent, of a value, of the output


# 8.2 ------------------------------------------------------------------------------------------------------------------


def absorb_keys(Q, W_LK, L):
    asking = Q @ W_LK.swapaxes(-1, -2)
    return asking, asking @ L.T / np.sqrt(Q.shape[-1])  # the width of Q, not that of what now meets L


def _by_scale(scale):
    """The right answer with the scores multiplied by scale(Q, L)."""

    def answer(Q, W_LK, L):
        asking = Q @ W_LK.swapaxes(-1, -2)
        return asking, asking @ L.T * scale(Q, L)

    return answer


def _one_matrix(Q, W_LK, L):
    return absorb_keys(Q, np.broadcast_to(W_LK[:1], W_LK.shape), L)


def _untransposed(Q, W_LK, L):
    return absorb_keys(Q, W_LK.swapaxes(-1, -2), L)


def _summed_heads(Q, W_LK, L):
    return tuple(part.sum(0) for part in absorb_keys(Q, W_LK, L))


ABSORB_KEYS = Exercise(
    id="8.2",
    title="absorb the keys",
    minutes=10,
    difficulty=2,
    solution=absorb_keys,
    stages=(
        Stage((draw(2, 3, E), draw(2, E, E, seed=1), draw(6, E, seed=2)), "two heads, d_L = d_QK"),
        Stage((draw(2, 3, E), draw(2, R, E, seed=1), draw(6, R, seed=2)), "two heads, d_L > d_QK"),
        Stage((draw(H, 2, E), draw(H, 2, E, seed=1), draw(6, 2, seed=2)), "three heads, d_L < d_QK"),
    ),
    mistakes=(
        Mistake(
            _by_scale(lambda Q, L: L.shape[-1] ** -0.5),
            "the scores are divided by sqrt(d_L), the width of what meets now; they are the same scores as before, so "
            "they keep their scale, 1/sqrt(d_QK)",
        ),
        Mistake(_by_scale(lambda Q, L: 1.0), "the scores are not scaled; absorption keeps the factor 1/sqrt(d_QK)"),
        Mistake(_by_scale(lambda Q, L: 1 / Q.shape[-1]), "the scores are divided by d_QK; divide by its square root"),
        Mistake(
            lambda Q, W_LK, L: (absorb_keys(Q, W_LK, L)[0] / Q.shape[-1] ** 0.5, absorb_keys(Q, W_LK, L)[1]),
            "the scores are right, but the absorbed queries are scaled already; return Q_h W_LK_h^T itself",
        ),
        Mistake(
            lambda Q, W_LK, L: absorb_keys(Q / Q.shape[-1] ** 0.5, W_LK, L),
            "the scale is applied twice, to the queries and to the scores; return Q_h W_LK_h^T itself, and scale the "
            "scores once",
        ),
        Mistake(
            _by_scale(lambda Q, L: Q.shape[1] ** -0.5),
            "the scores are divided by sqrt(n), the number of new tokens; their scale is 1/sqrt(d_QK)",
        ),
        Mistake(
            _by_scale(lambda Q, L: len(Q) ** -0.5),
            "the scores are divided by sqrt(h), the number of heads; their scale is 1/sqrt(d_QK)",
        ),
        Mistake(
            _untransposed,
            "W_LK_h is not transposed; Q_h K_h^T = Q_h (L W_LK_h)^T = Q_h W_LK_h^T L^T. With d_L = d_QK the wrong "
            "product has the right shape",
        ),
        Mistake(_one_matrix, "every head uses the W_LK of head 0; each has its own"),
        Mistake(
            lambda Q, W_LK, L: (L @ W_LK, absorb_keys(Q, W_LK, L)[1]),
            "the scores are right, but you form the keys L W_LK_h, one for each cached row; take the queries to the "
            "latent instead",
        ),
        Mistake(
            _summed_heads, "the heads are summed; each head has scores of its own, so keep the leading axis (h, ...)"
        ),
        Mistake(
            lambda Q, W_LK, L: absorb_keys(Q, W_LK, L)[1],
            "the scores alone are returned; return the absorbed queries too: asking, S",
        ),
        Mistake(
            lambda Q, W_LK, L: absorb_keys(Q, W_LK, L)[::-1], "the two results have changed places; return asking, S"
        ),
        Mistake(
            lambda Q, W_LK, L: (absorb_keys(Q, W_LK, L)[0], softmax(absorb_keys(Q, W_LK, L)[1])),
            "these are the weights already; return the scores, before the softmax",
        ),
        Mistake(
            lambda Q, W_LK, L: (absorb_keys(Q, W_LK, L)[0], np.exp(absorb_keys(Q, W_LK, L)[1])),
            "these are exponentials of the scores; return the scores themselves",
        ),
    ),
    hints=(
        "(L W)^T = W^T L^T. Which two of the three factors of Q_h W_LK_h^T L^T do not grow with the cache?",
        "`W_LK.swapaxes(-1, -2)` transposes each head's matrix and leaves the heads alone; `@` acts head by head.",
        "The scores are numerically those of Q_h K_h^T. What was their scale before?",
    ),
)


# 8.3 ------------------------------------------------------------------------------------------------------------------


def merge_values(W_LV, W_O):
    h, r, v = W_LV.shape
    return (W_LV @ W_O.reshape(h, v, -1)).reshape(h * r, -1)  # block h of W_LO: W_LV_h times head h's rows of W_O


def _block_diagonal(W_LV, W_O):
    h, r, v = W_LV.shape
    blocks = np.zeros((h, r, h, v))
    blocks[np.arange(h), :, np.arange(h)] = W_LV
    return blocks.reshape(h * r, h * v)


MERGE_VALUES = Exercise(
    id="8.3",
    title="absorb the values",
    minutes=8,
    difficulty=2,
    solution=merge_values,
    stages=(
        Stage((draw(1, V, V), draw(V, D, seed=1)), "one head, d_L = d_V: W_LO is W_LV W_O"),
        Stage((draw(1, R, V), draw(V, D, seed=1)), "one head, d_L > d_V"),
        Stage((draw(H, R, V), draw(H * V, D, seed=1)), "three heads: W_LO has h d_L rows"),
        Stage((draw(H, V, V), draw(H * V, D, seed=1)), "three heads, d_L = d_V"),
    ),
    mistakes=(
        Mistake(
            lambda W_LV, W_O: (W_LV @ W_O.reshape(len(W_LV), W_LV.shape[-1], -1)).sum(0),
            "the heads are summed, as in (W_LV_1 ... W_LV_h) W_O; each head mixes the latent with weights of its own, "
            "so its block must stay apart: blockdiag(W_LV_h) W_O has h d_L rows",
        ),
        Mistake(
            lambda W_LV, W_O: W_LV @ W_O.reshape(len(W_LV), W_LV.shape[-1], -1),
            "the blocks are right; stack them on top of each other, to h d_L rows, so that one product takes the "
            "concatenated heads to the output",
        ),
        Mistake(
            lambda W_LV, W_O: np.concatenate([W @ W_O[i :: len(W_LV)] for i, W in enumerate(W_LV)]),
            "head i meets every h-th row of W_O; its rows are i d_V to (i + 1) d_V - 1, side by side",
        ),
        Mistake(
            lambda W_LV, W_O: np.concatenate([W @ W_O[: W_LV.shape[-1]] for W in W_LV]),
            "every head meets the first rows of W_O; head i has the rows i d_V to (i + 1) d_V - 1",
        ),
        Mistake(
            lambda W_LV, W_O: merge_values(np.broadcast_to(W_LV[:1], W_LV.shape), W_O),
            "every head uses the W_LV of head 0; each has its own",
        ),
        Mistake(
            lambda W_LV, W_O: (
                merge_values(W_LV, W_O)
                .reshape(len(W_LV), W_LV.shape[1], -1)
                .swapaxes(0, 1)
                .reshape(len(W_LV) * W_LV.shape[1], -1)
            ),
            "the rows of the heads alternate; the concatenated heads have all d_L columns of head 0 first, then those "
            "of head 1",
        ),
        Mistake(
            lambda W_LV, W_O: merge_values(W_LV, W_O).T,
            "the result is transposed; weights multiply on the right, so W_LO has h d_L rows and d_out columns",
        ),
        Mistake(_block_diagonal, "this is blockdiag(W_LV_h), of h d_L rows and h d_V columns; W_O still has to follow"),
        Mistake(
            lambda W_LV, W_O: merge_values(W_LV.swapaxes(1, 2), W_O),
            "W_LV_h is transposed; L W_LV_h are the values, so it stands as it is, d_L rows and d_V columns",
        ),
    ),
    hints=(
        "P_h (L W_LV_h) W_O_h = (P_h L) (W_LV_h W_O_h), with W_O_h the rows of W_O that belong to head h.",
        "`W_O.reshape(h, v, -1)` has the blocks W_O_h as its leading axis.",
        "Concatenated heads times a column of blocks is the sum over heads: put the blocks W_LV_h W_O_h on top of "
        "each other.",
    ),
)
