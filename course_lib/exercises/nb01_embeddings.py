"""Exercises 1.3 to 1.6: one-hot rows, their gradient, PPMI, memory."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage

# 1.3 ------------------------------------------------------------------------------------------------------------------

IDS, N_T, D = [3, 0, 3, 1, 6], 7, 2  # token 3 twice, tokens 2, 4, 5 never


def one_hot(ids, n_tokens):
    S = np.zeros((len(ids), n_tokens))
    S[np.arange(len(ids)), ids] = 1
    return S


def _all_rows(ids, n_tokens):
    S = np.zeros((len(ids), n_tokens))
    S[:, ids] = 1
    return S


ONE_HOT = Exercise(
    id="1.3",
    title="look-up as a matrix product",
    minutes=2,
    difficulty=1,
    solution=one_hot,
    stages=(
        Stage(([0], 3), "one token, id 0 of 3"),
        Stage(([2, 1], 3), "two tokens, ids 2 and 1 of 3"),
        Stage((IDS, N_T), "five tokens of seven, one of them twice"),
    ),
    mistakes=(
        Mistake(lambda ids, n: np.eye(n)[:, ids], "this is the transpose; the rows are the tokens of the text"),
        Mistake(lambda ids, n: np.eye(n)[np.asarray(ids) - 1], "ids count from 0, so the 1 of token i is in column i"),
        Mistake(_all_rows, "each row has a 1 for every token of the text; row i has one, for its own token"),
        Mistake(lambda ids, n: np.eye(n)[sorted(ids)], "the tokens are sorted; row i belongs to the i-th token"),
        Mistake(lambda ids, n: one_hot(ids, n).sum(0), "these are the counts of a bag of words; the order is lost"),
    ),
    hints=(
        "One row for each token of the text, one column for each token of the vocabulary.",
        "Row i of the identity matrix is the one-hot row of token i; NumPy can take several rows at once.",
    ),
)


# 1.4 ------------------------------------------------------------------------------------------------------------------


def embedding_gradient(ids, G, n_tokens):
    dE = np.zeros((n_tokens, G.shape[1]))
    np.add.at(dE, ids, G)  # S^T G: unlike `dE[ids] += G`, it adds at a repeated id each time
    return dE


def _last_wins(ids, G, n_tokens):
    dE = np.zeros((n_tokens, G.shape[1]))
    dE[ids] += G
    return dE


def _mean(ids, G, n_tokens):
    return embedding_gradient(ids, G, n_tokens) / np.maximum(np.bincount(ids, minlength=n_tokens), 1)[:, None]


def _first_rows(ids, G, n_tokens):
    return np.concatenate([G, np.zeros((n_tokens - len(G), G.shape[1]))])


def _G():
    return np.random.default_rng(1).normal(size=(len(IDS), D))


GRADIENT = Exercise(
    id="1.4",
    title="the gradient of a look-up (optional)",
    minutes=5,
    difficulty=2,
    solution=embedding_gradient,
    stages=(
        Stage(([2, 0], _G()[:2], 3), "two different tokens"),
        Stage(([1, 1], _G()[:2], 3), "the same token twice"),
        Stage((IDS, _G(), N_T), "five tokens, one of them twice"),
    ),
    mistakes=(
        Mistake(
            _last_wins,
            "a token that occurs twice receives only its last row of G: `dE[ids] = G` and `dE[ids] += G` write each "
            "row once; a loop, `np.add.at` or S.T @ G adds them up",
        ),
        Mistake(_mean, "the rows of a token are averaged; a gradient is their sum"),
        Mistake(_first_rows, "row i of G goes to row ids[i] of the gradient, not to row i"),
        Mistake(lambda ids, G, n: G, "this is the gradient for X; E has a row for each token of the vocabulary"),
    ),
    hints=(
        "X = S E is linear in E. If G holds the derivatives by X, those by E are S^T G.",
        "Row t of S^T G is the sum of the rows G_i with ids[i] = t.",
    ),
)


# 1.5 ------------------------------------------------------------------------------------------------------------------


def ppmi(C):
    C = np.asarray(C, dtype=float)
    expected = C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum()  # counts if words ignored each other
    ratio = np.divide(C, expected, out=np.ones_like(C), where=C > 0)  # log 1 = 0 where nothing was seen
    return np.maximum(np.log(ratio), 0)


def _pmi(C):
    expected = C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum()
    return np.log(np.divide(C, expected, out=np.ones_like(C), where=C > 0))


def _without_total(C):
    return np.maximum(_pmi(C) - np.where(C > 0, np.log(C.sum()), 0), 0)


def _rows_only(C):
    P = C / np.maximum(C.sum(1, keepdims=True), 1)
    return np.maximum(np.log(np.where(C > 0, P * C.shape[1], 1)), 0)


def _unguarded(C):
    P = C / C.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(np.log(P / np.outer(P.sum(1), P.sum(0))), 0)


def _clipped_ratio(C):
    return np.where(C > 0, np.maximum(np.exp(_pmi(C)), 1), 0)


def _counts():
    return np.random.default_rng(5).poisson(2.0, size=(5, 7)) + np.eye(5, 7) * 3


PPMI = Exercise(
    id="1.5",
    title="from counts to PPMI",
    minutes=6,
    difficulty=2,
    solution=ppmi,
    stages=(
        Stage((np.outer([1.0, 2.0], [3.0, 1.0, 5.0]),), "independent words, where every log is 0"),
        Stage((np.array([[4.0, 1.0], [1.0, 4.0]]),), "two words that prefer themselves"),
        Stage((np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0]]),), "counts with zeros"),
        Stage((np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]]),), "a word without neighbours"),
        Stage((_counts(),), "five words, seven contexts"),
    ),
    mistakes=(
        Mistake(_pmi, "this is PMI; the negative entries are set to 0 in PPMI"),
        Mistake(_without_total, "the total is missing: the ratio is C_ij C_total / (C_i C_j)"),
        Mistake(_rows_only, "the column sums are missing: a frequent context says little, so divide by both sums"),
        Mistake(
            _unguarded,
            "the sums of that word are 0, and 0 / 0 is NaN; where C is 0 put 1 for the ratio, before the logarithm",
        ),
        Mistake(_clipped_ratio, "this is the ratio itself, clipped at 1; take its logarithm"),
        Mistake(lambda C: ppmi(C) / np.log(2), "this is the logarithm to base 2; the natural one is asked for"),
    ),
    hints=(
        "If words ignored each other, C_ij would be expected to be C_i C_j / C_total; PMI is the log of the ratio.",
        "`C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum()` is the matrix of expected counts.",
        "Replace the ratio by 1 where C is 0 (`np.where`, or `np.divide(..., where=C > 0)`), take the log, then "
        "`np.maximum(..., 0)`.",
    ),
)


# 1.6 ------------------------------------------------------------------------------------------------------------------


def embedding_memory(n_tokens, d, bytes_per_number):
    size = n_tokens * d * bytes_per_number
    return {"GB": size / 10**9, "GiB": size / 2**30}


def _as_both(gb, gib):
    return lambda n, d, b: {"GB": n * d * b / gb, "GiB": n * d * b / gib}


MEMORY = Exercise(
    id="1.6",
    title="how much memory is E?",
    minutes=2,
    difficulty=1,
    solution=embedding_memory,
    stages=(
        Stage((10**6, 1000, 1), "a million tokens, d = 1000, one byte per number"),
        Stage((128_256, 8192, 2), "Llama 3 70B in bf16"),
    ),
    mistakes=(
        Mistake(_as_both(10**9, 10**9), "a GiB is 2**30 bytes, not 10**9"),
        Mistake(_as_both(2**30, 2**30), "a GB is 10**9 bytes, not 2**30"),
        Mistake(_as_both(2**30, 10**9), "the two units are exchanged: GB is 10**9 bytes, GiB is 2**30"),
        Mistake(_as_both(8e9, 8 * 2**30), "bytes_per_number counts bytes already, not bits; nothing is divided by 8"),
        Mistake(_as_both(1e9 / 8, 2**30 / 8), "these are bits; a byte counts as one here, not as 8"),
        Mistake(_as_both(1, 1), "these are bytes; divide by 10**9 and by 2**30"),
        Mistake(_as_both(10**6, 2**20), "these are MB and MiB; divide by 10**9 and by 2**30"),
        Mistake(
            lambda n, d, b: embedding_memory(n, d, 1),
            "the numbers are counted, not their bytes: times bytes_per_number",
        ),
    ),
    hints=("E has n_tokens rows of d numbers. GB is 10**9 bytes, GiB is 2**30 bytes.",),
)
