"""Exercises 2.4 and 2.5: causal masks, the additive form of a mask."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N_Q, N_KV, D_QK, D_V = 4, 7, 5, 3  # mutually prime, so that a transposed axis cannot pass


# 2.4 ------------------------------------------------------------------------------------------------------------------


def causal_mask(n_queries, n_keys):
    i = np.arange(n_keys - n_queries, n_keys)  # the queries are the last tokens
    j = np.arange(n_keys)
    return j[None, :] <= i[:, None]


def _from_the_start(n_queries, n_keys):
    return np.tri(n_queries, n_keys, dtype=bool)


CAUSAL = Exercise(
    id="2.4",
    title="a causal mask for the last n of N tokens",
    minutes=4,
    difficulty=1,
    solution=causal_mask,
    stages=(
        Stage((1, 4), "one new token after three: it sees all four"),
        Stage((3, 3), "three queries, three keys"),
        Stage((3, 7), "three new tokens after four"),
    ),
    mistakes=(
        Mistake(lambda n, N: ~causal_mask(n, N), "the mask is inverted: True means visible here"),
        Mistake(
            lambda n, N: np.arange(N) < np.arange(N - n, N)[:, None],
            "a token does not see itself; S_i = {j <= i} contains i",
        ),
        Mistake(
            lambda n, N: np.arange(N) >= np.arange(N - n, N)[:, None],
            "the queries see themselves and the future; S_i = {j <= i} is the past",
        ),
        Mistake(
            _from_the_start,
            "the queries are taken for the first n tokens; they are the last n, so query i is token N - n + i",
        ),
        Mistake(lambda n, N: np.ones((n, N), dtype=bool), "every query sees every key, the future too"),
        Mistake(lambda n, N: causal_mask(n, N).T, "the axes are exchanged; rows are queries, columns are keys"),
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
    A = np.exp(S - np.where(np.isfinite(largest), largest, 0.0))  # -inf - (-inf) is not a number
    Z = A.sum(axis=-1, keepdims=True)
    return A / np.where(Z == 0, 1.0, Z) @ V  # a row that sees nothing stays zero


def _weights(S):
    with np.errstate(all="ignore"):
        A = np.exp(S - S.max(-1, keepdims=True))
        return A / A.sum(-1, keepdims=True)


def _logits(Q, K):
    return Q @ K.T / np.sqrt(Q.shape[-1])


def _added(low):
    return lambda Q, K, V, mask: _weights(_logits(Q, K) + np.where(mask, 0.0, low)) @ V


def _low_scores():
    """The visible score is -200, the hidden one -100.5: a finite M near -100 gives both about the same weight."""
    return np.ones((1, 1)), np.array([[-100.5], [-200.0]]), draw(2, D_V), np.array([[False, True]])


def _high_scores():
    """Visible scores of 800 and 801: exp overflows unless the row is shifted."""
    return np.ones((1, 1)), np.array([[800.0], [801.0], [5.0]]), draw(3, D_V), np.array([[True, True, False]])


def _hidden_on_top():
    """A hidden score of 3000 above visible ones near 0: shifted by it, all that is visible underflows."""
    return np.ones((1, 1)), np.array([[0.5], [3000.0], [-0.5]]), draw(3, D_V), np.array([[True, False, True]])


def _multiplied(shift):
    """exp(S - shift) times the mask, normalised where something is left."""

    def answer(Q, K, V, mask):
        with np.errstate(all="ignore"):
            A = np.exp(_logits(Q, K) - shift(_logits(Q, K))) * mask
            Z = A.sum(-1, keepdims=True)
            return A / np.where(Z == 0, 1.0, Z) @ V

    return answer


def _random_mask(empty_row: bool):
    mask = np.random.default_rng(8).random((N_Q, N_KV)) < 0.5
    mask[np.arange(N_Q), np.arange(N_Q)] = True
    mask[2] &= not empty_row
    return draw(N_Q, D_QK), draw(N_KV, D_QK, seed=8), draw(N_KV, D_V, seed=9), mask


def _one_visible():
    Q, K, V, _ = _random_mask(False)
    return Q, K, V, np.eye(N_Q, N_KV, dtype=bool)


MASKED = Exercise(
    id="2.5",
    title="an additive mask",
    minutes=8,
    difficulty=2,
    solution=masked_attend,
    stages=(
        Stage((*_random_mask(False)[:3], np.ones((N_Q, N_KV), dtype=bool)), "everything visible"),
        Stage(_one_visible(), "query i sees key i alone, so Y_i = V_i"),
        Stage(_random_mask(False), "an arbitrary mask"),
        Stage(_low_scores(), "hidden score -100.5, visible score -200"),
        Stage(_high_scores(), "visible scores 800 and 801"),
        Stage(_hidden_on_top(), "hidden score 3000, visible scores 0.5 and -0.5"),
        Stage(_random_mask(True), "row 2 sees nothing, so its output is zero"),
    ),
    mistakes=(
        Mistake(
            lambda Q, K, V, mask: _weights(_logits(Q, K) * mask) @ V,
            "the scores are multiplied by the mask, so a hidden key has score 0 and weight e^0 = 1 before "
            "normalising; add -inf instead",
        ),
        Mistake(
            _multiplied(lambda S: S.max(-1, keepdims=True)),
            "the largest score that is subtracted is a hidden one, so all that is visible underflows to zero; mask "
            "first, then take the maximum",
        ),
        Mistake(
            lambda Q, K, V, mask: _weights(_logits(Q, K)) * mask @ V,
            "the mask comes after the normaliser, so the visible weights do not sum to 1; mask before Z is formed",
        ),
        Mistake(
            lambda Q, K, V, mask: _weights(_logits(Q, K) + mask) @ V,
            "the booleans themselves are added, 1 where visible; M is 0 where visible and -inf elsewhere",
        ),
        Mistake(
            _added(-1e9),
            "a finite M shifts all scores of the row that sees nothing alike, and softmax does not notice a shift: the "
            "row attends to what is hidden; use -inf, and let that row be zero",
        ),
        Mistake(
            _added(-100.0),
            "a finite M, such as -100, is not low enough: a hidden key wins when the visible scores lie lower still; "
            "use -inf",
        ),
        Mistake(
            _added(-np.inf),
            "the row that sees nothing has maximum -inf and sum 0, and becomes NaN; treat both, so that it is zero",
        ),
        Mistake(
            lambda Q, K, V, mask: _weights(np.where(mask, -np.inf, _logits(Q, K))) @ V,
            "the mask is inverted: M is 0 where the mask is True and -inf where it is False",
        ),
        Mistake(
            lambda Q, K, V, mask: masked_attend(Q, K, V, ~mask),
            "the mask is inverted: the hidden keys are read and the visible ones are not",
        ),
        Mistake(lambda Q, K, V, mask: _weights(_logits(Q, K)) @ V, "the mask is not used"),
        Mistake(
            lambda Q, K, V, mask: masked_attend(Q * Q.shape[-1] ** 0.5, K, V, mask),
            "the scores are not divided by sqrt(d_QK)",
        ),
        Mistake(
            _multiplied(lambda S: 0.0),
            "exp overflows beyond 709; subtract the largest visible score of each row, as in exercise 2.3",
        ),
    ),
    hints=(
        "`np.where(mask, 0.0, -np.inf)` is M. Add it to the scaled scores, then do as in exercise 2.3.",
        "Where a row sees nothing its maximum is -inf: subtract 0 there instead (`np.isfinite`).",
        "Its sum Z is 0 then: divide by 1 there instead (`np.where(Z == 0, 1.0, Z)`), which leaves zeros.",
    ),
)
