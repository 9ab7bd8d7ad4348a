"""Exercise 2.7: find the strongest look from one word to another in a map of weights."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, draw, edits


def strongest_look(P, words):
    words = np.asarray(words)
    different = words[:, None] != words[None, :]  # a token looks at itself and at its copies anyway
    query, key = np.unravel_index(np.argmax(np.where(different, P, -1.0)), P.shape)
    return int(query), int(key)


def _text(words: list[str], seed: int) -> tuple:
    """Random weights in which equal words look at each other, and each at itself most, as with word vectors."""
    S = draw(len(words), len(words), seed=seed)
    S += 4 * (np.array(words)[:, None] == np.array(words)) + 2 * np.eye(len(words))
    A = np.exp(S)
    return A / A.sum(1, keepdims=True), words


FOUR = np.array([[0.1, 0.18, 0.28, 0.44], [0.03, 0.58, 0.17, 0.22], [0.23, 0.35, 0.13, 0.29], [0.11, 0.27, 0.05, 0.57]])
DISTINCT = ["one", "word", "after", "another", "here"]
HARDLY_ITSELF = np.array([[0.02, 0.45, 0.53], [0.1, 0.3, 0.6], [0.15, 0.1, 0.75]])
REPEATED = "the rows and the columns of the matrix".split()  # copies of a word are equal, but not one object

READ = Exercise(
    id="2.7",
    title="find the strongest look",
    minutes=5,
    difficulty=1,
    solution=strongest_look,
    stages=(
        Stage((FOUR, ["a", "b", "c", "d"]), "four words, the first of which looks at the fourth"),
        Stage(_text(DISTINCT, 13), "five words, all different"),
        Stage(_text(REPEATED, 12), "eight tokens, 'the' three times"),
        Stage(_text(REPEATED, 53), "eight tokens, 'the' three times"),
        Stage((HARDLY_ITSELF, ["a", "b", "c"]), "three words, the first of which hardly looks at itself"),
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
        """,
    ),
    hints=(
        "Make a matrix that is true where query and key are different words, and hide the other weights with it.",
        "`np.argmax` returns one number, and `np.unravel_index(number, P.shape)` makes (row, column) of it.",
    ),
)
