"""Exercise 2.7: find the strongest look from one word to another in a map of weights."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def strongest_look(P, words):
    words = np.asarray(words)
    different = words[:, None] != words[None, :]  # leaves out a token's weights at itself and at its copies
    query, key = np.unravel_index(np.argmax(np.where(different, P, -1.0)), P.shape)
    return int(query), int(key)


def _text(words: list[str], seed: int, itself: float = 2.0) -> tuple:
    """Random weights, largest at the token itself, then at equal words, as with word vectors; and the words.

    If `itself` is small, other words may have larger weights.
    """
    S = randn(len(words), len(words), seed=seed)
    S += itself * (2 * (np.array(words)[:, None] == np.array(words)) + np.eye(len(words)))
    A = np.exp(S)
    return A / A.sum(1, keepdims=True), words


DISTINCT = ["one", "other", "another", "that", "here", "again"]  # the strongest look is from "other" to "another"
REPEATED = "the rows and the columns of the matrix".split()  # equal words are distinct objects
HARDLY_ITSELF = np.array([[0.02, 0.45, 0.53], [0.1, 0.3, 0.6], [0.15, 0.1, 0.75]])
FIRST_KEY = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
FOUR = np.array([[0.1, 0.18, 0.28, 0.44], [0.03, 0.58, 0.17, 0.22], [0.23, 0.35, 0.13, 0.29], [0.11, 0.27, 0.05, 0.57]])

READ = Exercise(
    id="2.7",
    title="find the strongest look",
    minutes=5,
    difficulty=1,
    solution=strongest_look,
    stages=(
        Stage(_text(DISTINCT, 3508, itself=0.25), "six words, all different"),
        Stage(_text(REPEATED, 616), "eight tokens, 'the' three times"),
        Stage(_text(REPEATED, 350), "eight tokens, 'the' three times"),
        Stage((HARDLY_ITSELF, ["a", "b", "c"]), "three words, the first of which hardly looks at itself"),
        Stage((FIRST_KEY, ["a", "b", "c"]), "three words, the second of which looks at the first"),
        Stage((FOUR, ["a", "b", "c", "d"]), "four words, the first of which looks at the fourth"),
    ),
    mistakes=edits(
        strongest_look,
        """
        np.where(different, P, -1.0) -> P | This is the largest weight of all, and a token looks at itself there. Ask
            for two different words.
        np.where(different, -> np.where(~np.eye(len(P), dtype=bool), | These are two places of the same word. Compare
            the words, not only the positions.
        int(query), int(key) -> int(key), int(query) | Query and key are exchanged. Rows are queries, so the query is
            the first index.
        np.where(different, -> np.where(different & (np.arange(len(P)) == len(P) - 1)[:, None], | You search the last
            row only. Every query has a row.
        np.where(different, -> np.where(np.tril(different), | You search below the diagonal only. Without a mask a word
            may look at a later one.
        np.where(different, -> np.where(np.triu(different), | You search above the diagonal only. A word may look at an
            earlier one.
        np.argmax(np.where(different, P, -1.0)) -> np.argmax(np.where(different, P, 0.0) == np.where(different, P,
            0.0)[:, np.where(different, P, 0.0).sum(0).argmax()].max()) | This key receives most over all queries, which
            is the sum of a column. Take the largest single weight.
        int(query), int(key) -> int(query) * len(P) + int(key) | This is the index into the flattened matrix.
            `np.unravel_index(index, P.shape)` makes a pair of it.
        np.argmax(np.where(different, P, -1.0)) -> np.argmin(np.where(different, P, 2.0)) | This is the smallest weight.
            The strongest look has the largest.
        np.argmax(np.where(different, P, -1.0)) -> np.flatnonzero(different)[0] | This is the first pair of different
            words. Compare the weights of all pairs.
        int(query), int(key) -> str(words[query]), str(words[key]) | These are the two words. Return their positions.
        int(query), int(key) -> words.tolist().index(words[query]), words.tolist().index(words[key]) | `index` finds the
            first copy of a word. Return the positions of the weight.
        int(query), int(key) -> int(query) + 1, int(key) + 1 | The places are counted from 1. Count from 0.
        np.where(different, -> np.where(np.logical_or(different, (np.arange(P.size) == 0).reshape(P.shape)), | The
            search starts at (0, 0), where a word looks at itself. Start below every weight.
        np.where(different, P, -1.0) -> np.where(different, P / np.diag(P), -1.0) | These are weights divided by those
            of the words on themselves. Compare the weights.
        np.where(different, -> np.where(different & (np.arange(len(P)) == 0)[:, None], | You search the first row only.
            Every query has a row.
        np.argmax(np.where(different, P, -1.0)) -> np.flatnonzero(different)[-1] | This is the last pair of different
            words. Compare the weights of all pairs.
        np.where(different, P, -1.0) -> np.where(different & (P.sum(1, where=different) == P.sum(1,
            where=different).max())[:, None], P, -1.0) | This query gives the most weight to different words in total.
            Take the largest single weight.
        np.argmax(np.where(different, P, -1.0)) -> P.size - 1 | This is the last place of the matrix. Compare the words
            and the weights of all pairs.
        np.argmax(np.where(different, P, -1.0)) -> 0 | This is (0, 0), where a word looks at itself. Compare the weights
            of all pairs of different words.
        different = words[:, None] != words[None, :] -> different = words[:, None] != words[None, :]; once =
            different.sum(0) == len(P) - 1; different &= once & once[:, None] | Words that stand at several places are
            left out. Only the weights between copies of one word do not count.
        np.where(different, -> np.where(different & (np.arange(len(P)) > 0), | Key 0 is left out. A word may look at the
            first one.
        np.where(different, -> np.where(different & (np.arange(len(P)) < len(P) - 1), | The last key is left out. A word
            may look at the last one.
        np.where(different, -> np.where(different & (np.arange(len(P)) < len(P) - 1)[:, None], | The last query is left
            out. Every query has a row.
        different = words[:, None] != words[None, :] -> different = np.array([[a not in b for b in words] for a in
            words]) | `in` asks whether a word is part of another one. Compare whole words with `!=`.
        np.argmax(np.where(different, P, -1.0)) -> np.argmax(P[different]) | This index counts the weights that were
            selected, which have no rows and columns any more. Keep the shape of P, and hide the other weights.
        return int(query), int(key) -> return min(int(query), int(key)), max(int(query), int(key)) | The pair is in
            ascending order, as after sorting or in P + P.T. The query comes first, and it may be the later word.
        int(query), int(key) -> np.array([query]), np.array([key]) | These are arrays of places, as `np.where` and
            `np.nonzero` return them. Return two whole numbers.
        """,
    ),
    hints=(
        "Make a matrix that is true where query and key are different words, and hide the other weights with it.",
        "`np.argmax` returns one number, and `np.unravel_index(number, P.shape)` makes (row, column) of it.",
    ),
)
