"""Exercises 8.2 and 8.3: the up-projections of keys and values move to the other side of the product."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

# 8.2 ------------------------------------------------------------------------------------------------------------------


def absorb_keys(Q, W_LK, L):
    asking = Q @ W_LK.swapaxes(-1, -2)
    S = asking @ L.T / np.sqrt(Q.shape[-1])  # d_QK is the width of Q, not that of the vectors that meet L
    return asking, S


def _latent(h: int, n: int, N: int, e: int, r: int) -> tuple:
    return randn(h, n, e), randn(h, r, e, seed=1), randn(N, r, seed=2)


ABSORB_KEYS = Exercise(
    id="8.2",
    title="absorb the keys",
    minutes=10,
    difficulty=2,
    solution=absorb_keys,
    stages=(
        Stage(_latent(3, 2, 7, e=3, r=3), "three heads, d_L = d_QK = 3"),
        Stage(_latent(2, 3, 7, e=4, r=6), "two heads, d_L > d_QK"),
        Stage(_latent(3, 2, 6, e=5, r=2), "three heads, d_L < d_QK"),
    ),
    mistakes=edits(
        absorb_keys,
        """
        Q.shape[-1] -> L.shape[-1] | The scores are divided by sqrt(d_L), the width of the absorbed queries. They are
            the same scores as before, so they keep their scale, 1/sqrt(d_QK).
        Q.shape[-1] -> Q.shape[-1] + L.shape[-1] | The scores are divided by sqrt(d_QK + d_L). They are the same scores
            as before, so they keep their scale, 1/sqrt(d_QK).
        / np.sqrt(Q.shape[-1]) -> * np.sqrt(Q.shape[-1]) | The scores are multiplied by sqrt(d_QK). Divide by it.
        / np.sqrt(Q.shape[-1]) -> | The scores are not scaled. Absorption keeps the factor 1/sqrt(d_QK).
        np.sqrt(Q.shape[-1]) -> Q.shape[-1] | The scores are divided by d_QK. Divide by its square root.
        return asking, S -> return asking / np.sqrt(Q.shape[-1]), S | The logits are right, but the absorbed queries are
            scaled already. Return Q_h W_LK_h^T itself.
        asking = Q @ -> asking = Q / np.sqrt(Q.shape[-1]) @ | The scale is applied twice, to the queries and to the
            scores. Return Q_h W_LK_h^T itself, and scale the scores once.
        Q.shape[-1] -> Q.shape[1] | The scores are divided by sqrt(n), the number of new tokens. Their scale is
            1/sqrt(d_QK).
        Q.shape[-1] -> len(Q) | The scores are divided by sqrt(h), the number of heads. Their scale is 1/sqrt(d_QK).
        Q.shape[-1] -> len(L) | The scores are divided by sqrt(N), the number of cached tokens. Their scale is
            1/sqrt(d_QK).
        W_LK.swapaxes(-1, -2) -> W_LK | W_LK_h is not transposed, and Q_h K_h^T = Q_h (L W_LK_h)^T = Q_h W_LK_h^T L^T.
            With d_L = d_QK the wrong product has the right shape.
        W_LK.swapaxes(-1, -2) -> W_LK.T | `W_LK.T` reverses all three axes. Transpose each head's matrix alone, with
            `swapaxes(-1, -2)`.
        W_LK.swapaxes(-1, -2) -> W_LK[:1].swapaxes(-1, -2) | Every head uses the W_LK of head 0. Each has its own.
        return asking, S -> return L @ W_LK, S | The logits are right, but you form the keys L W_LK_h, one for each
            cached row. Take the queries to the latent instead.
        return asking, S -> return asking.sum(0), S.sum(0) | The heads are summed. Each head has logits of its own, so
            keep the leading axis (h, ...).
        return asking, S -> return S | The logits alone are returned. Return the absorbed queries too, asking, S.
        return asking, S -> return S, asking | The two results have changed places. Return asking, S.
        return asking, S -> return asking, np.exp(S) / np.exp(S).sum(-1, keepdims=True) | These are the weights already.
            Return the logits, before the softmax.
        return asking, S -> return asking, np.exp(S) | These are exponentials of the logits. Return the logits
            themselves.
        return asking, S -> return asking, np.where(np.tri(Q.shape[1], len(L), len(L) - Q.shape[1]), S, -np.inf) | Later
            tokens are hidden. There is no mask here, so return all n N logits.
        W_LK.swapaxes(-1, -2) -> W_LK && / np.sqrt(Q.shape[-1]) -> | W_LK_h is not transposed, and the scores are not
            scaled. Q_h K_h^T = Q_h W_LK_h^T L^T, divided by sqrt(d_QK) as before.
        W_LK.swapaxes(-1, -2) -> W_LK.sum(0).T | Every head meets the sum of all W_LK. Each has its own.
        """,
    ),
    hints=(
        "(L W)^T = W^T L^T. Which two of the three factors of Q_h W_LK_h^T L^T do not grow with the cache?",
        "`W_LK.swapaxes(-1, -2)` transposes each head's matrix and leaves the heads alone, and `@` acts head by head.",
        "The scores are numerically those of Q_h K_h^T. What was their scale before?",
    ),
)


# 8.3 ------------------------------------------------------------------------------------------------------------------


def merge_values(W_LV, W_O):
    h, r, v = W_LV.shape
    blocks = W_LV @ W_O.reshape(h, v, -1)  # block h of W_LO is W_LV_h times head h's rows of W_O
    return blocks.reshape(h * r, -1)


MERGE_VALUES = Exercise(
    id="8.3",
    title="absorb the values",
    minutes=8,
    difficulty=2,
    solution=merge_values,
    stages=(
        Stage((randn(1, 3, 3), randn(3, 7, seed=1)), "one head, d_L = d_V, so W_LO is W_LV W_O"),
        Stage((randn(1, 5, 3), randn(3, 7, seed=1)), "one head, d_L > d_V"),
        Stage((randn(3, 5, 2), randn(6, 7, seed=1)), "three heads, so W_LO has h d_L rows"),
        Stage((randn(3, 4, 4), randn(12, 7, seed=1)), "three heads, d_L = d_V"),
    ),
    mistakes=edits(
        merge_values,
        """
        blocks.reshape(h * r, -1) -> blocks.sum(0) | The heads are summed, as in (W_LV_0 ... W_LV_{h-1}) W_O. Each head
            mixes the latent with weights of its own, so its block must stay apart, and blockdiag(W_LV_h) W_O has h d_L
            rows.
        return blocks.reshape(h * r, -1) -> return blocks | The blocks are right. Stack them on top of each other, to
            h d_L rows, so that one product takes the concatenated heads to the output.
        W_O.reshape(h, v, -1) -> W_O.reshape(v, h, -1).swapaxes(0, 1) | Head i meets every h-th row of W_O. Its rows are
            i d_V to (i + 1) d_V - 1, side by side.
        W_O.reshape(h, v, -1) -> W_O[:v] | Every head meets the first rows of W_O. Head i has the rows i d_V to
            (i + 1) d_V - 1.
        blocks.reshape(h * r, -1) -> np.concatenate(list(blocks), axis=1) | The blocks stand side by side. Put them on
            top of each other, to h d_L rows.
        blocks.reshape(h * r, -1) -> blocks[-1] | Only the block of the last head is there. Stack those of all heads, to
            h d_L rows.
        = W_LV @ -> = W_LV[:1] @ | Every head uses the W_LV of head 0. Each has its own.
        blocks.reshape(h * r, -1) -> blocks.swapaxes(0, 1).reshape(h * r, -1) | The rows of the heads alternate. The
            concatenated heads have all d_L columns of head 0 first, then those of head 1.
        blocks.reshape(h * r, -1) -> blocks.reshape(h * r, -1).T | The result is transposed. Weight matrices multiply on
            the right, so W_LO has h d_L rows and d_out columns.
        blocks.reshape(h * r, -1) -> np.einsum("hrv,hg->hrgv", W_LV, np.eye(h)).reshape(h * r, h * v) | This is
            blockdiag(W_LV_h), of h d_L rows and h d_V columns. W_O still has to follow.
        = W_LV @ -> = W_LV.swapaxes(1, 2) @ | W_LV_h is transposed. L W_LV_h are the values, so it stands as it is, with
            d_L rows and d_V columns.
        W_O.reshape(h, v, -1) -> W_O.reshape(h, v, -1).sum(0) | Every head meets the sum of all blocks of W_O. Head i
            has the rows i d_V to (i + 1) d_V - 1.
        """,
    ),
    hints=(
        "P_h (L W_LV_h) W_O_h = (P_h L) (W_LV_h W_O_h), with W_O_h the rows of W_O that belong to head h.",
        "`W_O.reshape(h, v, -1)` has the blocks W_O_h as its leading axis.",
        "Concatenated heads times a column of blocks is the sum over heads, so put the blocks W_LV_h W_O_h on top of "
        "each other.",
    ),
)
