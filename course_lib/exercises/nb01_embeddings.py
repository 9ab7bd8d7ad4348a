"""Exercises 1.3 to 1.6: one-hot rows, the gradient of a look-up, PPMI, the memory of embeddings."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn

# 1.3 ------------------------------------------------------------------------------------------------------------------


def one_hot(ids, n_tokens):
    H = np.zeros((len(ids), n_tokens))
    H[np.arange(len(ids)), ids] = 1
    return H


ONE_HOT = Exercise(
    id="1.3",
    title="look-up as a matrix product",
    minutes=2,
    difficulty=1,
    solution=one_hot,
    stages=(
        Stage(([0], 3), "one token, id 0 of 3"),
        Stage(([2, 0, 2], 3), "three tokens, ids 2, 0 and 2 of 3"),
        Stage(([2, 1], 5), "two tokens, ids 2 and 1 of 5"),
        Stage(([3, 0, 3, 1, 6], 7), "five tokens of seven, one of them twice"),
    ),
    mistakes=edits(
        one_hot,
        """
        return H -> return H.T | This is the transpose. Row i belongs to the i-th token of the text.
        , ids] = 1 -> , np.asarray(ids) - 1] = 1 | Ids count from 0, so the 1 of token i is in column i.
        H[np.arange(len(ids)), ids] -> H[:, ids] | Each row has a 1 for every token of the text. Row i has one, for its
            own token.
        , ids] = 1 -> , sorted(ids)] = 1 | The tokens are sorted. Row i belongs to the i-th token of the text.
        return H -> return H.sum(0) | These are the counts of a bag of words, which lose the order. Return a row for
            each token of the text.
        , ids] = 1 -> , np.arange(len(ids)) % n_tokens] = 1 | The 1 of row i is in column i, the place of the token in
            the text. Its column is the id of the token.
        np.zeros((len(ids), n_tokens)) -> np.ones((len(ids), n_tokens)) | All entries are 1. A row has a single 1, and
            zeros elsewhere.
        """,
    ),
    hints=(
        "One row for each token of the text, one column for each token of the vocabulary.",
        "Row i of the identity matrix is the one-hot row of token i. NumPy can take several rows at once.",
    ),
)


# 1.4 ------------------------------------------------------------------------------------------------------------------


def embedding_gradient(ids, G, n_tokens):
    dE = np.zeros((n_tokens, G.shape[1]))
    np.add.at(dE, ids, G)  # H^T G; unlike `dE[ids] += G`, this adds all rows of a repeated id
    return dE


GRADIENT = Exercise(
    id="1.4",
    title="the gradient of a look-up (optional)",
    minutes=5,
    difficulty=2,
    solution=embedding_gradient,
    stages=(
        Stage(([2, 0], randn(2, 2), 3), "two different tokens"),
        Stage(([1, 1], randn(2, 2), 3), "the same token twice"),
        Stage(([3, 0, 3, 1, 6], randn(5, 2), 7), "five tokens, one of them twice"),
        Stage(([1, 0, 1, 2, 1, 0], randn(6, 2), 3), "six tokens from a vocabulary of three"),
    ),
    mistakes=edits(
        embedding_gradient,
        """
        np.add.at(dE, ids, G) -> dE[ids] += G | A token that occurs twice receives only its last row of G, because
            `dE[ids] = G` and `dE[ids] += G` write each row once. A loop, `np.add.at` or H.T @ G adds them up.
        return dE -> return dE / np.maximum(np.bincount(ids, minlength=n_tokens), 1)[:, None] | The rows of a token are
            averaged. A gradient is their sum.
        np.add.at(dE, ids, G) -> dE[: len(G)] = G | Row i of G goes to row ids[i] of the gradient, not to row i.
        np.add.at(dE, ids, G) -> np.add.at(dE, ids[:-1], G[:-1]) | The last token is left out. Every token adds its row
            of G.
        np.add.at(dE, ids, G) -> np.subtract.at(dE, ids, G) | The sign is wrong. The rows of G are added, not
            subtracted.
        return dE -> return one_hot(ids, n_tokens).T | This is H^T. Multiply it by G.
        return dE -> return G | This is the gradient for X. E has a row for each token of the vocabulary.
        return dE -> return dE.T | This is the transpose. The gradient has the shape of E.
        np.add.at(dE, ids, G) -> pass | The gradient stays 0. Add row i of G to row ids[i] of the gradient.
        return dE -> return dE / len(ids) | The gradient is divided by the number of tokens. G holds derivatives
            already, so add its rows.
        np.add.at(dE, ids, G) -> np.add.at(dE, np.asarray(ids) - 1, G) | Ids count from 0, so row i of G goes to row
            ids[i] of the gradient.
        """,
    ),
    hints=(
        "X = H E is linear in E. If G holds the derivatives by X, those by E are H^T G.",
        "Row t of H^T G is the sum of the rows G_i with ids[i] = t.",
    ),
)


# 1.5 ------------------------------------------------------------------------------------------------------------------


def ppmi(C):
    C = np.asarray(C, dtype=float)
    expected = C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum()  # counts of independent words
    ratio = np.divide(C, expected, out=np.ones_like(C), where=C > 0)  # where C is 0 the ratio stays 1, and log 1 = 0
    return np.maximum(np.log(ratio), 0)


_HUNDREDS = np.array([[4.0, 1.0, 2.0], [2.0, 7.0, 1.0], [5.0, 1.0, 3.0]]) / 100

PPMI = Exercise(
    id="1.5",
    title="from counts to PPMI",
    minutes=6,
    difficulty=2,
    solution=ppmi,
    stages=(
        Stage((np.outer([1.0, 2.0, 4.0], [3.0, 1.0, 5.0]),), "independent words, where every log is 0"),
        # The total is below 1: an answer without it has larger entries, which the maximum with 0 cannot hide
        Stage((_HUNDREDS,), "three words, three contexts, counts in hundreds"),
        Stage((np.array([[1.0, 0.0, 1.0], [0.0, 9.0, 4.0]]),), "counts with zeros"),
        Stage((np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 2.0]]),), "a word without neighbours"),
        Stage((np.random.default_rng(5).poisson(2.0, size=(5, 7)) + np.eye(5, 7) * 3,), "five words, seven contexts"),
    ),
    mistakes=edits(
        ppmi,
        """
        np.maximum(np.log(ratio), 0) -> np.log(ratio) | This is PMI. In PPMI the negative entries are set to 0.
        C.sum(0, keepdims=True) / C.sum() -> C.sum(0, keepdims=True) | The total is missing. The ratio is C_ij C_total /
            (C_i C_j).
        * C.sum(0, keepdims=True) / C.sum() -> / C.shape[1] | The column sums are missing. A frequent context says
            little, so divide by both sums.
        * C.sum(0, keepdims=True) -> * C.sum(1) | Column j is divided by the sum of row j, besides its own row's. Divide
            by the sum of column j.
        C.sum(1, keepdims=True) -> C.sum(0)[:, None] | Row i is divided by the sum of column i. Divide it by the sum of
            row i, and then by that of column j.
        C.sum(1, keepdims=True) * C.sum(0, keepdims=True) -> np.outer(C.sum(0), C.sum(1)) | The sums of rows and of
            columns have changed places. Divide C_ij by the sum of row i and by that of column j.
        np.maximum(np.log(ratio), 0) -> np.where(C > 0, np.maximum(np.log(ratio), 0), 1) | Where C is 0 you return 1.
            PPMI is 0 there.
        C.sum(1, keepdims=True) -> C.sum(1) | The sum of row j divides column j. Keep the axis with `keepdims=True`.
        C = np.asarray(C, dtype=float) -> C = (np.asarray(C, dtype=float) + np.transpose(C)) / 2 | The counts are made
            symmetric. Rows are words and columns are contexts, so C need not be symmetric.
        np.divide(C, expected, out=np.ones_like(C), where=C > 0) -> C / expected | The sums of that word are 0, and
            0 / 0 is NaN. Where C is 0 put 1 for the ratio, before the logarithm.
        np.maximum(np.log(ratio), 0) -> np.where(C > 0, np.maximum(ratio, 1), 0) | This is the ratio itself, clipped at
            1. Take its logarithm.
        np.log(ratio) -> np.log2(ratio) | This is the logarithm to base 2. Take the natural one.
        np.log(ratio) -> np.log1p(np.where(C > 0, ratio, 0)) | This is log(1 + ratio). Take the logarithm of the ratio.
        * C.sum(0, keepdims=True) / C.sum() -> / C.sum() | The column sums are missing in C_ij C_total / C_i. Divide by
            both sums.
        C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum() -> 1 / C.sum() | The counts are multiplied by the
            total, and the sums of rows and columns are missing. Divide by both.
        np.log(ratio) -> np.log(np.where(C > 0, C, 1)) | This is the logarithm of the counts. Divide them first by the
            counts that are expected.
        np.maximum(np.log(ratio), 0) -> 0 * C | All entries are 0. Where C_ij C_total / (C_i C_j) is above 1, the entry
            is its logarithm.
        np.log(ratio) -> np.log10(ratio) | This is the logarithm to base 10. Take the natural one.
        np.maximum(np.log(ratio), 0) -> np.abs(np.log(ratio)) | This is the absolute value of PMI. In PPMI the negative
            entries are set to 0.
        np.maximum(np.log(ratio), 0) -> np.minimum(np.log(ratio), 0) | The positive entries of PMI are set to 0. Set the
            negative ones to 0.
        np.log(ratio) -> -np.log(ratio) | The ratio is upside down. Divide the counts by those that are expected.
        np.log(ratio) -> C / C.sum() * np.log(ratio) | Each logarithm is weighted by C_ij / C_total, as in mutual
            information. PPMI is the logarithm alone.
        dtype=float) -> dtype=float) + 1 | 1 is added to every count. Use the counts as they are.
        """,
    ),
    hints=(
        "If words ignored each other, C_ij would be expected to be C_i C_j / C_total. PMI is the log of the ratio.",
        "`C.sum(1, keepdims=True) * C.sum(0, keepdims=True) / C.sum()` is the matrix of expected counts.",
        "Replace the ratio by 1 where C is 0 (`np.where`, or `np.divide(..., where=C > 0)`), take the log, then "
        "`np.maximum(..., 0)`.",
    ),
)


# 1.6 ------------------------------------------------------------------------------------------------------------------


def embedding_memory(n_tokens, d, bytes_per_number):
    size = n_tokens * d * bytes_per_number
    return {"GB": size / 10**9, "GiB": size / 2**30}


MEMORY = Exercise(
    id="1.6",
    title="how much memory is E?",
    minutes=2,
    difficulty=1,
    solution=embedding_memory,
    stages=(
        Stage((10**6, 1000, 1), "a million tokens, d = 1000, one byte per number"),
        Stage((50_257, 768, 4), "GPT-2 in float32"),
        Stage((128_256, 8192, 2), "Llama 3 70B in bf16"),
    ),
    mistakes=edits(
        embedding_memory,
        """
        2**30 -> 10**9 | A GiB is 2**30 bytes, not 10**9.
        10**9 -> 2**30 | A GB is 10**9 bytes, not 2**30.
        "GB": size / 10**9, "GiB": size / 2**30 -> "GB": size / 2**30, "GiB": size / 10**9 | The two units are
            exchanged. GB is 10**9 bytes, GiB is 2**30.
        d * bytes_per_number -> d * bytes_per_number / 8 | The size is divided by 8. bytes_per_number counts bytes
            already, not bits.
        d * bytes_per_number -> d * bytes_per_number * 8 | These are bits. A byte counts as one here, not as 8.
        size / 10**9 -> size && size / 2**30 -> size | These are bytes. Divide by 10**9 and by 2**30.
        10**9 -> 10**6 && 2**30 -> 2**20 | These are MB and MiB. Divide by 10**9 and by 2**30.
        d * bytes_per_number -> d | The numbers are counted. Multiply by bytes_per_number.
        2**30 -> 2**20 | 2**20 bytes are a MiB. A GiB is 2**30 bytes.
        2**30 -> 2**10 | 2**10 bytes are a KiB. A GiB is 2**30 bytes.
        size / 10**9 -> round(size / 10**9, 2) && size / 2**30 -> round(size / 2**30, 2) | The sizes are rounded. Return
            the exact quotients.
        / 10**9 -> // 10**9 && / 2**30 -> // 2**30 | `//` rounds down to a whole number. Divide with `/`.
        """,
    ),
    hints=("E has n_tokens rows of d numbers. GB is 10**9 bytes, GiB is 2**30 bytes.",),
)
