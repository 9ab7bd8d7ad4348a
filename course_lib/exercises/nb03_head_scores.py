"""Exercises 3.6 and 3.7: two scores of a head: does it look one token back, does it continue a repetition?"""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def _weights(heads: int, n: int, causal: bool) -> np.ndarray:
    """Weights of random heads, (heads, n, n)."""
    A = np.random.default_rng(n).exponential(size=(heads, n, n)) * (np.tri(n) if causal else 1)
    return A / A.sum(-1, keepdims=True)


def _looking_back(steps: int, n: int) -> np.ndarray:
    """Weights (1, n, n) of one head that looks `steps` tokens back; where no such token exists, at token 0."""
    P = np.zeros((1, n, n))
    P[0, np.arange(n), np.maximum(np.arange(n) - steps, 0)] = 1
    return P


# 3.6 ------------------------------------------------------------------------------------------------------------------


def previous_token_score(P):
    return P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1)


PREVIOUS = Exercise(
    id="3.6",
    title="does a head look one token back?",
    minutes=4,
    difficulty=1,
    solution=previous_token_score,
    stages=(
        # First without a mask, where no two mistakes give the same number
        Stage((_weights(3, 7, causal=False),), "three heads, seven tokens, weights drawn at random without a mask"),
        Stage((_looking_back(1, 9),), "a head that always looks one token back has the score 1"),
        Stage((_weights(5, 6, causal=True),), "five heads, six tokens, random causal weights"),
        Stage((_looking_back(0, 6),), "a head that looks at its own token has the score 0"),
        Stage((_looking_back(3, 7),), "a head that looks three tokens back"),
    ),
    mistakes=(
        *edits(
            previous_token_score,
            """
            offset=-1 -> offset=1 | These are the weights P[i, i + 1]. Rows are queries, so the token before query i is
                column i - 1.
            offset=-1, -> | These are the weights on the token itself, P[i, i]. The one before it is P[i, i - 1].
            offset=-1 -> offset=-2 | These are the weights two tokens back, P[i, i - 2]. The token before is column i -
                1.
            .mean(-1) -> .sum(-1) / P.shape[-1] | The sum is divided by N. Token 0 has no token before it, so the mean
                is over N - 1 queries.
            .mean(-1) -> .sum(-1) | This is the sum over the queries. The score is their mean.
            .mean(-1) -> .mean() | This is the mean over all heads. Each head has a score of its own, so take the mean
                over the last axis.
            .mean(-1) -> .mean(0) | This is the mean over the heads. Take the mean over the queries, the last axis.
            .mean(-1) -> .max(-1) | This is the largest weight. The score is the mean over the queries.
            .mean(-1) -> .sum(-1) / (P.shape[-1] - 2) | The sum is divided by N - 2. The mean is over N - 1 queries.
            .mean(-1) -> [..., 1:].sum(-1) / (P.shape[-1] - 1) | Query 1 is missing in the sum. It has a token before
                it, token 0.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P.mean(1) | These are the means over the queries for
                each key. Take the entries P[i, i - 1] only.
            P.diagonal(offset=-1, axis1=-2, axis2=-1) -> P[:, 1:, 1:].diagonal(axis1=-2, axis2=-1) | These are the
                weights P[i, i] of the queries from 1 on. The token before is column i - 1.
            P.diagonal(offset=-1, axis1=-2, axis2=-1) -> np.stack([P[:, i, i - 2] for i in range(1, P.shape[1])], -1) |
                These are the weights P[i, i - 2], for query 1 in the last column, -1. The token before is column i - 1.
            P.diagonal(offset=-1, axis1=-2, axis2=-1) -> np.stack([P[:, i, 1 - i] for i in range(1, P.shape[1])], -1) |
                Column 1 - i counts from the end. The token before query i is column i - 1.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> np.stack([P[:, i, i - 1] for i in range(P.shape[1])],
                -1).sum(-1) / (P.shape[1] - 1) | Query 0 adds its weight on column -1, the last one. The sum begins with
                query 1.
            .mean(-1) -> [..., 1:].mean(-1) | Query 1 is left out. It has a token before it, token 0.
            .mean(-1) -> [..., :-1].mean(-1) | The last query is left out. The mean is over the queries 1 to N - 1.
            .mean(-1) -> [0].mean() | This is the score of head 0 alone. Return one score for each head, (h,).
            .mean(-1) -> | These are the weights one by one, (h, N - 1). The score is their mean over the queries.
            , axis1=-2, axis2=-1 -> | np.diagonal takes the first two axes by default, and the first is the head. Say
                axis1=-2, axis2=-1.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P[:, 1:, :-1].mean((1, 2)) | This is the mean over all
                pairs of a query and a key. Take the pairs (i, i - 1) only, a diagonal.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P.mean((1, 2)) | This is the mean over all of P, 1 / N
                for every head. Take the entries P[i, i - 1] only, a diagonal.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P[:, 1, 0] | This is query 1 alone. The score is the
                mean over all queries from 1 on.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> np.median(P.diagonal(offset=-1, axis1=-2, axis2=-1),
                -1) | This is the median. The score is the mean over the queries.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P[:, -1, -2] | This is the last query alone. The score
                is the mean over all queries from 1 on.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> P[:, range(P.shape[1]), range(-1, P.shape[1] -
                1)].mean(-1) | Query 0 is counted with column -1, which is the last one. It has no token before it;
                begin with query 1.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> (P[:, 1:].argmax(-1) == np.arange(P.shape[1] -
                1)).mean(-1) | This counts the queries with their largest weight on the token before. The score is the
                mean of the weights.
            P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(-1) -> np.tril(P, -1).sum((1, 2)) / (P.shape[-1] - 1) | These
                are the weights on all earlier tokens together. Take the entries P[i, i - 1] only.
            """,
        ),
        Mistake(lambda P: np.zeros(len(P)), "All scores are 0. Take the mean of the weights P[i, i - 1]."),
    ),
    hints=(
        "Which entries of P belong to the query i and the key i - 1?",
        "They are a diagonal below the main one. `P.diagonal(offset=-1, axis1=-2, axis2=-1)` has shape (h, N - 1).",
    ),
)


# 3.7 ------------------------------------------------------------------------------------------------------------------


def induction_score(P, period):
    # Query i >= period is in the second copy. Key i - period + 1 is the token after its first occurrence.
    return P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).mean(-1)


def _next_in_a_circle(P, period):
    return np.stack([P[:, period + k, (k + 1) % period] for k in range(period)], -1).mean(-1)


INDUCTION = Exercise(
    id="3.7",
    title="does a head find what came next the last time?",
    minutes=8,
    difficulty=2,
    solution=induction_score,
    stages=(
        Stage((_weights(3, 14, causal=False), 7), "three heads, period 7, weights drawn at random without a mask"),
        Stage((_looking_back(4, 10), 5), "period 5, a head that looks four tokens back: the score is 1"),
        Stage((_weights(4, 10, causal=True), 5), "four heads, period 5, random causal weights"),
        Stage((_looking_back(5, 10), 5), "period 5, a head that finds the same token: the score is 0"),
        Stage((_looking_back(1, 6), 3), "period 3, a head that looks one token back"),
    ),
    mistakes=(
        *edits(
            induction_score,
            """
            offset=1 -> offset=0 | This is the weight on the earlier copy of the same token, i - period. Induction looks
                at the token after it, i - period + 1.
            offset=1 -> offset=-1 | This is the weight on the token before the earlier copy. What came next is the token
                after it, i - period + 1.
            P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).mean(-1) -> P.mean(1) | These are the means over the
                queries for each key. Take the entries P[i, i - period + 1] only.
            P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1) -> np.stack([P[:, i, period - i + 1] for i in
                range(period, 2 * period)], -1) | Column period - i + 1 runs backwards. Query i looks back to column i -
                period + 1.
            offset=1 -> offset=2 | This is the weight on i - period + 2. What came next is i - period + 1.
            P[:, period:].diagonal(offset=1 -> P.diagonal(offset=1 - period | Queries of the first copy are counted too.
                They have seen no earlier copy, so begin with i = period.
            P[:, period:].diagonal(offset=1 -> P[:, :period].diagonal(offset=1 | These are queries of the first copy.
                Those of the second copy begin with i = period.
            P[:, period:].diagonal(offset=1 -> P.diagonal(offset=1 | These are the weights P[i, i + 1]. Query i looks
                back to column i - period + 1.
            P[:, period:].diagonal(offset=1 -> P[:, period:, period:].diagonal(offset=1 | These are the weights P[i, i +
                1] of the second copy. Query i looks back to column i - period + 1.
            P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1) -> (P[:, period:].argmax(-1) == np.arange(1, period +
                1)) | This counts the queries with their largest weight on what came next. The score is the mean of the
                weights.
            offset=1 -> offset=period - 1 | These are the weights on the token before, P[i, i - 1]. Query i looks back
                to column i - period + 1.
            P[:, period:].diagonal(offset=1 -> P.diagonal(offset=-1 | These are the weights on the token before, of all
                queries. Query i looks back to column i - period + 1, from i = period on.
            P[:, period:].diagonal(offset=1 -> P.diagonal(offset=period - 1 | These are the weights P[i, i + period - 1]
                of later tokens. Query i looks back to column i - period + 1.
            offset=1 -> offset=period | These are the weights on the token itself, P[i, i]. Query i looks back to column
                i - period + 1.
            P[:, period:] -> P.swapaxes(1, 2)[:, period:] | Queries and keys are exchanged. Rows are queries, columns
                are keys.
            .mean(-1) -> .mean() | This is the mean over all heads. Each head has a score of its own.
            .mean(-1) -> .mean(0) | This is the mean over the heads. Take the mean over the queries, the last axis.
            .mean(-1) -> .sum(-1) | This is the sum over the queries of the second copy. The score is their mean.
            .mean(-1) -> .max(-1) | This is the largest weight. The score is the mean over the queries.
            .mean(-1) -> [0].mean() | This is the score of head 0 alone. Return one score for each head, (h,).
            .mean(-1) -> | These are the weights one by one, (h, period). The score is their mean over the queries.
            .mean(-1) -> .sum(-1) / P.shape[-1] | The sum is divided by the number of all tokens. The second copy has
                `period` queries.
            P[:, period:] -> P[:, period:, :period] | The last query, 2 period - 1, is left out. After the end of the
                first copy came the beginning of the second, column `period`.
            P[:, period:].diagonal(offset=1 -> P[:, period + 1 :].diagonal(offset=2 | The query i = period is left out.
                It repeats token 0, and what came next is token 1.
            , axis1=-2, axis2=-1 -> | np.diagonal takes the first two axes by default, and the first is the head. Say
                axis1=-2, axis2=-1.
            """,
        ),
        Mistake(
            lambda P, period: np.stack([P[:, i, i - period - 1] for i in range(period, 2 * period)], -1).mean(-1),
            "This is the token before the earlier copy, and for query `period` the last column, -1. What came next is "
            "column i - period + 1.",
        ),
        Mistake(
            lambda P, period: np.stack([P[:, i, i - period + 1] for i in range(2 * period)], -1).mean(-1),
            "Queries of the first copy are counted too, some with columns below 0. Begin with i = period.",
        ),
        Mistake(
            _next_in_a_circle,
            "The last query is given column 0. After the first copy came the second, which begins in column `period`.",
        ),
        Mistake(
            lambda P, period: P[:, period:, 1 : period + 1].mean((1, 2)),
            "This is the mean over all pairs of a query and a key. Take the pairs (i, i - period + 1) only.",
        ),
        Mistake(
            lambda P, period: np.zeros(len(P)),
            "All scores are 0. Take the mean of the weights P[i, i - period + 1] for i from `period` on.",
        ),
    ),
    hints=(
        "Query i >= period repeats token i - period. What stood after that token, and in which column is it?",
        "The entries are P[:, i, i - period + 1] for i = period ... 2 period - 1.",
        "Of the rows from `period` on they are the first diagonal above the main one.",
    ),
)
