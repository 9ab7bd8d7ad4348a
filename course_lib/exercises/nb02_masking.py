"""Exercises 2.4 and 2.5: causal masks, and the additive form of a mask."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

# 2.4 ------------------------------------------------------------------------------------------------------------------


def causal_mask(n_queries, n_keys):
    i = np.arange(n_keys - n_queries, n_keys)  # the queries are the last tokens
    j = np.arange(n_keys)
    return j[None, :] <= i[:, None]


CAUSAL = Exercise(
    id="2.4",
    title="a causal mask for the last n of N tokens",
    minutes=4,
    difficulty=1,
    solution=causal_mask,
    stages=(
        Stage((5, 8), "five new tokens after three"),
        Stage((3, 5), "three new tokens after two"),
        Stage((1, 4), "one new token after three sees all four"),
        Stage((3, 3), "three queries, three keys"),
        Stage((3, 7), "three new tokens after four"),
        Stage((5, 6), "five new tokens after one"),
    ),
    mistakes=edits(
        causal_mask,
        """
        j[None, :] <= i[:, None] -> j[None, :] > i[:, None] | The mask is inverted. True means visible here.
        j[None, :] <= i[:, None] -> j[None, :] < i[:, None] | A token does not see itself. S_i = {j <= i} contains i.
        j[None, :] <= i[:, None] -> j[None, :] <= i[:, None] + 1 | Each query sees one token of the future, too.
            S_i = {j <= i} ends with i.
        j[None, :] <= i[:, None] -> j[None, :] >= i[:, None] | The queries see themselves and the future. S_i = {j <= i}
            is the past.
        np.arange(n_keys - n_queries, n_keys) -> np.arange(n_queries) | The queries are taken for the first n tokens.
            They are the last n, so query i is token N - n + i.
        j[None, :] <= i[:, None] -> j[None, :] < i[:, None] && np.arange(n_keys - n_queries, n_keys) ->
            np.arange(n_queries) | The queries are taken for the first n tokens, and a token does not see itself. Query
            i is token N - n + i, and it sees j <= N - n + i.
        np.arange(n_keys - n_queries, n_keys) -> np.arange(n_keys) | These are the rows of all N tokens. Return those of
            the last n alone.
        np.arange(n_keys - n_queries, n_keys) -> n_keys - n_queries - np.arange(n_queries) | Query i is taken for token
            N - n - i. It is token N - n + i.
        np.arange(n_keys - n_queries, n_keys) -> n_queries - n_keys + np.arange(n_queries) | Query i is taken for token
            n - N + i. It is token N - n + i.
        np.arange(n_keys - n_queries, n_keys) -> np.arange(n_keys - n_queries + 1, n_keys) | The first of the n queries
            is missing. It is token N - n.
        np.arange(n_keys - n_queries, n_keys) -> np.arange(n_keys - n_queries - 1, n_keys) | There is one row too many.
            The first of the n queries is token N - n.
        j[None, :] <= i[:, None] -> np.zeros((n_queries, n_keys), dtype=bool) | No query sees any key. S_i = {j <= i}
            contains i and the past.
        j[None, :] <= i[:, None] -> np.ones((n_queries, n_keys), dtype=bool) | Every query sees every key, the future
            too.
        j[None, :] <= i[:, None] -> j[None, :] == i[:, None] | Each query sees itself alone. It also sees the past.
        j[None, :] <= i[:, None] -> j[:, None] <= i[None, :] | The axes are exchanged. Rows are queries, columns are
            keys.
        j[None, :] <= i[:, None] -> (j[None, :] <= j[:, None])[:, -n_queries:] | These are the last n columns of the
            square mask. Queries are rows, so take its last n rows.
        np.arange(n_keys - n_queries, n_keys) -> np.arange(n_queries) + n_queries | Query i is taken for token n + i. It
            is token N - n + i.
        return j[None, :] <= i[:, None] -> return np.tri(n_queries) | This is the square mask of n tokens that look at
            each other. The keys are all N tokens, so there are N columns.
        return j[None, :] <= i[:, None] -> return np.where(j[None, :] <= i[:, None], 0.0, -np.inf) | This is M, the
            additive form. Return the mask itself, True where a key is visible.
        j[None, :] <= i[:, None] -> (j[None, :] <= i[:, None]) & (j[None, :] >= n_keys - n_queries) | The queries do not
            see the N - n tokens before them. These are visible to all.
        j[None, :] <= i[:, None] -> np.roll(j[None, :] <= i[:, None], n_queries, axis=1) | The n new tokens stand in the
            first columns. They are the last n of all N tokens.
        j[None, :] <= i[:, None] -> j[None, :] <= np.repeat(i[:1, None], n_queries, axis=0) | All queries see the same
            keys. Query i sees the keys up to its own position, N - n + i.
        j[None, :] <= i[:, None] -> j[None, :] > i[:, None] && np.arange(n_keys - n_queries, n_keys) ->
            np.arange(n_queries) | This is True above the diagonal, as in a square mask of what is hidden. True means
            visible here, and query i is token N - n + i.
        j[None, :] <= i[:, None] -> j[None, :] + 0 * i[:, None] < n_keys - n_queries | Only the N - n old tokens are
            visible. A new token also sees itself and the new ones before it.
        j[None, :] <= i[:, None] -> np.logical_or(j[None, :] < n_keys - n_queries, j[None, :] == i[:, None]) | Each
            query sees the old tokens and itself. It also sees the new ones before it.
        """,
    ),
    hints=(
        "Query i of the n last tokens stands at position N - n + i among all tokens.",
        "Compare a column of query positions with a row of key positions: `keys[None, :] <= queries[:, None]`.",
    ),
)


# 2.5 ------------------------------------------------------------------------------------------------------------------


def masked_attend(Q, K, V, mask):
    M = np.where(mask, 0.0, -np.inf)
    S = Q @ K.T / np.sqrt(Q.shape[-1]) + M
    largest = S.max(axis=-1, keepdims=True)
    A = np.exp(S - np.where(np.isfinite(largest), largest, 0.0))  # -inf - (-inf) would be NaN
    Z = A.sum(axis=-1, keepdims=True)
    return A / np.where(Z == 0, 1.0, Z) @ V  # a row that sees nothing stays zero


def _inputs(n_queries: int, n_keys: int) -> tuple:
    return randn(n_queries, 5, seed=7), randn(n_keys, 5, seed=8), randn(n_keys, 3, seed=9)


def _random_mask(n_queries: int, n_keys: int) -> np.ndarray:
    mask = np.random.default_rng(8).random((n_queries, n_keys)) < 0.5
    mask[np.arange(n_queries), np.arange(n_queries)] = True
    return mask


def _logits(rows: list[list[float]], mask: list[list[bool]]) -> tuple:
    """Q, K, V and mask that give these logits. The width d_QK is the number of queries."""
    S = np.array(rows)
    return np.sqrt(len(S)) * np.eye(len(S)), S.T, randn(S.shape[1], 3), np.array(mask)


_ONE = np.roll(np.eye(5, dtype=bool), 2, axis=1)
_ONE[4] = True
_EMPTY_ROW = _random_mask(4, 7) & (np.arange(4) != 2)[:, None]

MASKED = Exercise(
    id="2.5",
    title="an additive mask",
    minutes=8,
    difficulty=2,
    solution=masked_attend,
    stages=(
        Stage((*_inputs(5, 5), _ONE), "queries 0 to 3 see one key alone and return its value, query 4 sees all"),
        Stage((*_inputs(5, 5), _random_mask(5, 5)), "an arbitrary mask, as many queries as keys"),
        Stage((*_inputs(4, 7), _random_mask(4, 7)), "an arbitrary mask, four queries, seven keys"),
        Stage(_logits([[400.0, 401.0, 399.0], [0.3, -0.2, 0.1]], [[True] * 3] * 2), "one row of logits near 400"),
        Stage(
            _logits([[900.0, 901.0, 899.0], [0.3, -0.2, 0.1]], [[True] * 3] * 2),
            "one row of logits near 900, one near 0, everything visible",
        ),
        Stage(
            _logits([[-400.0, 500.0, 499.0]], [[True] * 3]),
            "one row of logits from -400 to 500, everything visible",
        ),
        Stage(_logits([[-2000.0, -2001.0, -1999.5]], [[True] * 3]), "one row of logits near -2000, everything visible"),
        Stage(_logits([[800.0, 801.0, 5.0]], [[True, True, False]]), "visible logits 800 and 801"),
        Stage((*_inputs(4, 7), _random_mask(4, 7) & (np.arange(7) != 1)), "key 1 is hidden from all queries"),
        Stage(_logits([[0.0, -20000.0]], [[False, True]]), "hidden logit 0, visible logit -20,000"),
        Stage(_logits([[0.5, 3000.0, -0.5]], [[True, False, True]]), "hidden logit 3000, visible logits 0.5 and -0.5"),
        Stage(_logits([[5000.0, -8000.0]], [[False, True]]), "hidden logit 5000, visible logit -8000"),
        Stage((*_inputs(4, 7), _EMPTY_ROW), "row 2 sees nothing, so its output is zero"),
        Stage(_logits([[0.0, -2e12]], [[False, True]]), "hidden logit 0, visible logit -2e12"),
        Stage(_logits([[0.0, 1.5, -0.5]], [[True, True, False]]), "a visible logit of 0"),
    ),
    mistakes=edits(
        masked_attend,
        """
        np.where(mask, 0.0, -np.inf) -> (1 - mask) * -np.inf | Every row with a visible key is NaN. If M is
            `(1 - mask) * -np.inf`, that is 0 times infinity where the mask is True. `np.where(mask, 0.0, -np.inf)`
            chooses between the two.
        + M -> * mask | A hidden key has logit 0 here, and e^0 = 1. Its logit has to be -inf.
        + M -> && A = np.exp(S -> A = mask * np.exp(S | The largest logit that is subtracted is a hidden one, so all
            that is visible underflows to zero. Mask first, then take the maximum.
        + M -> && return A / np.where(Z == 0, 1.0, Z) @ V -> return A / Z * mask @ V | The mask comes after the
            normaliser, so the visible weights do not sum to 1. Mask before Z is formed.
        + M -> + mask | The booleans themselves are added, 1 where visible. M is 0 where visible and -inf elsewhere.
        0.0, -np.inf -> -np.inf, 0.0 | The mask is inverted. M is 0 where the mask is True and -inf where it is False.
        + M -> | The weights do not depend on the mask, so hidden keys count as well.
        np.where(mask, -> np.where(mask.T, | The mask is transposed. Its rows are queries, its columns keys.
        S.max(axis=-1, keepdims=True) -> S.max(axis=-1) | The maximum of row j is subtracted from column j. Keep the
            axis with `keepdims=True`.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1) | Column j is divided by the sum of row j. Keep the axis with
            `keepdims=True`.
        S = Q @ K.T -> S = K @ Q.T | Queries and keys are exchanged. Row i of the scores belongs to query i.
        S = Q @ K.T -> S = -Q @ K.T | The logits have the opposite sign, so the least similar keys count most.
        S = Q @ K.T -> S = Q @ Q.T | The scores are those of Q with itself. Multiply queries by keys.
        S = Q @ K.T -> S = K @ K.T | The scores are those of K with itself. Multiply queries by keys.
        S.max(axis=-1, keepdims=True) -> S.max(axis=0, keepdims=True) && A.sum(axis=-1, keepdims=True) -> A.sum(axis=0,
            keepdims=True) | The columns of the weights sum to 1. Each query divides its own weights by their sum, along
            the last axis.
        Z == 0, 1.0, Z) @ V -> Z == 0, 1.0, Z) | These are the weights. The output is the mean that they take of V.
        / np.sqrt(Q.shape[-1]) -> | The scores are not divided by sqrt(d_QK).
        -np.inf -> -1e4 | A finite M, such as -100 or -1e4, is not low enough. A hidden key wins when the visible logits
            lie lower still, so use -inf.
        np.where(np.isfinite(largest), largest, 0.0) -> 0.0 | exp overflows beyond 709. Subtract the largest visible
            logit of each row, as in exercise 2.3.
        np.exp(S - np.where -> np.exp(S + np.where | The largest logit is added. Subtract it from the logits of its row,
            so that no exponent is above 0.
        S.max(axis=-1, keepdims=True) -> S.min(axis=-1, keepdims=True) | The smallest logit is subtracted, so the
            largest still overflow. Subtract the largest visible logit of each row.
        S.max(axis=-1, keepdims=True) -> S.max() | One maximum is subtracted from all rows, so all of a low row
            underflows to 0. Each row has a maximum of its own.
        -np.inf -> -1e9 | With a finite M the row that sees nothing attends to what is hidden, because softmax does not
            notice a common shift. Use -inf, and let that row be zero.
        np.where(np.isfinite(largest), largest, 0.0) -> largest | The row that sees nothing becomes NaN. Its maximum is
            -inf and its sum is 0, and both need care.
        np.where(mask, 0.0, -np.inf) -> (1 - mask) * -np.inf && return A / np.where(Z == 0, 1.0, Z) @ V -> return
            np.nan_to_num(A / np.where(Z == 0, 1.0, Z) @ V) | All outputs are 0. If M is `(1 - mask) * -np.inf`, 0 times
            infinity makes every row NaN, and `nan_to_num` hides this. Use `np.where(mask, 0.0, -np.inf)`.
        0.0, -np.inf -> -np.inf, 0.0 && np.where(np.isfinite(largest), largest, 0.0) -> largest | The mask is inverted,
            so the query that sees all keys becomes NaN. M is 0 where the mask is True and -inf where it is False.
        return A / np.where(Z == 0, 1.0, Z) @ V -> return np.where(mask.all(axis=-1)[:, None], A / np.where(Z == 0, 1.0,
            Z) @ V, 0.0) | Rows with a hidden key are zero. Only a row that sees no key is, `~mask.any(axis=-1)`.
        return A / np.where(Z == 0, 1.0, Z) @ V -> return np.where(mask.any(axis=0)[: len(Q), None], A / np.where(Z
            == 0, 1.0, Z) @ V, 0.0) | `mask.any(axis=0)` asks whether any query sees a key. A row sees nothing where
            `mask.any(axis=1)` is False.
        + M -> && return A / np.where(Z == 0, 1.0, Z) @ V -> return A * mask / (A * mask).sum(axis=-1, keepdims=True)
            @ V | The mask comes after the softmax. A hidden key has taken all the weight there, so 0 / 0 is left. Add M
            before the softmax.
        -np.inf -> -1e12 && return A / np.where(Z == 0, 1.0, Z) @ V -> return mask.any(axis=-1)[:, None] * (A /
            np.where(Z == 0, 1.0, Z) @ V) | No finite M is low enough for logits of any size, and here a hidden key
            wins. Use -inf.
        S = Q @ K.T / np.sqrt(Q.shape[-1]) + M -> S = M | All visible keys have the same weight, because the scores are
            missing. Add M to them.
        np.where(mask, -> np.where(np.tri(*mask.shape, dtype=bool), | A causal mask stands in the place of the one that
            is given.
        np.sqrt(Q.shape[-1]) -> Q.shape[-1] | The scores are divided by d_QK. Divide by its square root.
        / np.sqrt(Q.shape[-1]) -> * np.sqrt(Q.shape[-1]) | The scores are multiplied by sqrt(d_QK). Divide by it.
        Q.shape[-1] -> V.shape[-1] | The scale uses the width of V. It is the width of queries and keys.
        Q.shape[-1] -> len(K) | The scale uses the number of keys. It is the width of queries and keys.
        A / np.where(Z == 0, 1.0, Z) @ V -> A @ V | The weights of a row do not sum to 1. Divide them by their sum.
        np.exp(S - np.where(np.isfinite(largest), largest, 0.0)) -> np.exp(np.clip(S, -700, 700)) * mask | Clipping
            makes all logits beyond the bound equal. Subtract the largest visible logit of each row instead.
        np.where(np.isfinite(largest), largest, 0.0) -> 0.0 && A / np.where(Z == 0, 1.0, Z) @ V -> np.nan_to_num(A / Z)
            @ V | `nan_to_num` puts 0 where inf / inf was NaN, too. Subtract the largest visible logit of each row
            before exp.
        A / np.where(Z == 0, 1.0, Z) @ V -> np.where(Z == 0, V.mean(axis=0), A / np.where(Z == 0, 1.0, Z) @ V) | The row
            that sees nothing returns the mean of all values, because its logits are all equal. Its output is zero.
        np.exp(S - np.where(np.isfinite(largest), largest, 0.0)) -> np.exp(np.clip(S, -50, 50)) * mask | Clipping makes
            all logits near 400 equal. Subtract the largest visible logit of each row instead.
        return A / np.where(Z == 0, 1.0, Z) @ V -> return (A / np.where(Z == 0, 1.0, Z) @ V)[mask.any(axis=-1)] | The
            row that sees nothing is left out. Return zeros for it.
        np.where(np.isfinite(largest), largest, 0.0) -> np.where(np.isfinite(largest), np.maximum(largest, 0.0), 0.0) |
            All visible logits lie far below 0 here, and what is subtracted lies far above them, so that exp underflows
            to 0. Subtract the largest visible logit of each row, whatever its sign.
        S = Q @ K.T / np.sqrt(Q.shape[-1]) + M -> S = Q @ K.T / np.sqrt(Q.shape[-1]) * mask; S = np.where(S == 0,
            -np.inf, S) | A visible key with logit 0 is hidden. Let the mask, not the logits, say which keys are hidden.
        -np.inf -> -1e9 && return A / np.where(Z == 0, 1.0, Z) @ V -> return A / Z * mask @ V | What is
            subtracted lies far above the visible logit here, so that its exponential is 0. M is -inf, and the largest
            visible logit is subtracted, whatever its size.
        """,
    ),
    hints=(
        "`np.where(mask, 0.0, -np.inf)` is M. Add it to the logits, then do as in exercise 2.3.",
        "Where a row sees nothing its maximum is -inf. Subtract 0 there instead (`np.isfinite`).",
        "Its sum Z is 0 then. Divide by 1 there instead (`np.where(Z == 0, 1.0, Z)`), which leaves zeros.",
    ),
)
