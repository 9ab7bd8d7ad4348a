"""Exercises 3.6 and 3.7: what a head of a trained model looks for, as a number."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def _weights(heads: int, n: int, seed: int = 5) -> np.ndarray:
    """Causal weights of random heads, (heads, n, n)."""
    A = np.tril(np.random.default_rng(seed).exponential(size=(heads, n, n)))
    return A / A.sum(-1, keepdims=True)


def _looking_back(steps: int, n: int) -> np.ndarray:
    """One head that looks `steps` tokens back, and at the first token where there is none, (1, n, n)."""
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
        # First, because there no two mistakes give the same number.
        Stage((_weights(3, 7),), "three heads with random weights"),
        Stage((_looking_back(1, 6),), "a head that always looks one token back has the score 1"),
        Stage((_looking_back(0, 6),), "a head that looks at its own token has the score 0"),
        Stage((_looking_back(3, 7),), "a head that looks three tokens back"),
    ),
    mistakes=(
        Mistake(
            lambda P: P.diagonal(offset=1, axis1=-2, axis2=-1).mean(-1),
            "these are the weights P[i, i + 1], which the causal mask makes zero; rows are queries, so the token "
            "before query i is column i - 1",
        ),
        Mistake(
            lambda P: P.diagonal(axis1=-2, axis2=-1).mean(-1),
            "this is the weight on the token itself, P[i, i]; the one before it is P[i, i - 1]",
        ),
        Mistake(
            lambda P: P.diagonal(offset=-1, axis1=-2, axis2=-1).sum(-1) / P.shape[-1],
            "token 0 has no token before it, so the mean is over N - 1 queries, not over N",
        ),
        Mistake(
            lambda P: P.diagonal(offset=-1, axis1=-2, axis2=-1).sum(-1),
            "this is the sum over the queries; the score is their mean",
        ),
        Mistake(
            lambda P: P.diagonal(offset=-1, axis1=-2, axis2=-1).mean(),
            "this is the mean over all heads; each head has a score of its own, so take the mean over the last axis",
        ),
        Mistake(
            lambda P: P.diagonal(offset=-1).mean(-1),
            "np.diagonal takes the first two axes by default, and the first is the head; say axis1=-2, axis2=-1",
        ),
    ),
    hints=(
        "Which entries of P belong to the query i and the key i - 1?",
        "They are a diagonal below the main one: `P.diagonal(offset=-1, axis1=-2, axis2=-1)` has shape (h, N - 1).",
    ),
)


# 3.7 ------------------------------------------------------------------------------------------------------------------


def induction_score(P, period):
    # The second copy begins at query `period`; its token stood `period` tokens ago, and what came next is one further.
    return P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).mean(-1)


def _all_queries(P, period):
    return P.diagonal(offset=1 - period, axis1=-2, axis2=-1).mean(-1)


def _same_token(P, period):
    return P.diagonal(offset=-period, axis1=-2, axis2=-1).mean(-1)


def _before_it(P, period):
    return np.stack([P[:, i, i - period - 1] for i in range(period + 1, 2 * period)], -1).mean(-1)


def _last_left_out(P, period):
    return P[:, period:, :period].diagonal(offset=1, axis1=-2, axis2=-1).mean(-1)


def _first_left_out(P, period):
    return P[:, period + 1 :].diagonal(offset=2, axis1=-2, axis2=-1).mean(-1)


INDUCTION = Exercise(
    id="3.7",
    title="does a head find what came next the last time?",
    minutes=8,
    difficulty=2,
    solution=induction_score,
    stages=(
        Stage((_weights(3, 14), 7), "three heads with random weights, period 7"),
        Stage((_looking_back(4, 10), 5), "period 5, a head that looks four tokens back: the score is 1"),
        Stage((_looking_back(5, 10), 5), "period 5, a head that finds the same token: the score is 0"),
        Stage((_looking_back(1, 6), 3), "period 3, a head that looks one token back"),
    ),
    mistakes=(
        Mistake(
            _same_token,
            "this is the weight on the earlier copy of the same token, i - period; induction looks at the token after "
            "it, i - period + 1",
        ),
        Mistake(
            _before_it,
            "this is the token before the earlier copy; what came next the last time is the one after it",
        ),
        Mistake(
            _all_queries,
            "queries of the first copy are counted too; they have seen no earlier copy, so start at i = period",
        ),
        Mistake(
            lambda P, period: P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).mean(),
            "this is the mean over all heads; each head has a score of its own",
        ),
        Mistake(
            lambda P, period: P[:, :, 1:].diagonal(axis1=-2, axis2=-1).mean(-1),
            "these are the weights P[i, i + 1] of the future; shift the rows by the period, not the columns alone",
        ),
        Mistake(
            lambda P, period: P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).sum(-1),
            "this is the sum over the queries of the second copy; the score is their mean",
        ),
        Mistake(
            lambda P, period: P[:, period:].diagonal(offset=1, axis1=-2, axis2=-1).sum(-1) / P.shape[-1],
            "the sum is divided by the number of all tokens; the second copy has `period` queries",
        ),
        Mistake(
            _last_left_out,
            "the last query, 2 period - 1, is left out; it counts too: after the end of the first copy came the "
            "beginning of the second, column `period`",
        ),
        Mistake(
            _first_left_out,
            "the query i = period is left out; it repeats token 0, and what came next is token 1",
        ),
    ),
    hints=(
        "Query i >= period repeats token i - period. What stood after that token, and in which column is it?",
        "The entries are P[:, i, i - period + 1] for i = period ... 2 period - 1.",
        "Of the rows from `period` on they are the first diagonal above the main one.",
    ),
)
