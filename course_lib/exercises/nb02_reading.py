"""Exercise 2.7: find the strongest look from one word to another in a map of weights."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def strongest_look(P, words):
    words = np.asarray(words)
    different = words[:, None] != words[None, :]  # a token looks at itself and at its copies anyway
    query, key = np.unravel_index(np.argmax(np.where(different, P, -1.0)), P.shape)
    return int(query), int(key)


def _place(P):
    query, key = np.unravel_index(np.argmax(P), P.shape)
    return int(query), int(key)


def _other_places(P, words):
    return _place(np.where(np.eye(len(P), dtype=bool), -1.0, P))


def _exchanged(P, words):
    return strongest_look(P, words)[::-1]


def _of_last_query(P, words):
    query = len(words) - 1
    return query, int(np.argmax([p if word != words[query] else -1 for p, word in zip(P[query], words, strict=True)]))


def _most_received(P, words):
    others = np.where(np.equal.outer(words, words), 0.0, P)
    key = int(np.argmax(others.sum(0)))
    return int(np.argmax(others[:, key])), key


def _weights(words: list[str], seed: int) -> np.ndarray:
    """Random weights in which equal words look at each other, and each at itself most, as with word vectors."""
    S = np.random.default_rng(seed).normal(size=(len(words), len(words)))
    S += 4 * (np.array(words)[:, None] == np.array(words)) + 2 * np.eye(len(words))
    A = np.exp(S)
    return A / A.sum(1, keepdims=True)


THREE = np.array([[0.3, 0.6, 0.1], [0.05, 0.9, 0.05], [0.3, 0.25, 0.45]])
DISTINCT = ["one", "word", "after", "another", "here"]
REPEATED = ["the", "rows", "and", "the", "columns", "of", "the", "matrix"]

READ = Exercise(
    id="2.7",
    title="find the strongest look",
    minutes=5,
    difficulty=1,
    solution=strongest_look,
    stages=(
        Stage((THREE, ["a", "b", "c"]), "three words, the first of which looks at the second"),
        Stage((_weights(DISTINCT, 4), DISTINCT), "five words, all different"),
        Stage((_weights(REPEATED, 1), REPEATED), "eight tokens, 'the' three times"),
    ),
    mistakes=(
        Mistake(
            lambda P, words: _place(P),
            "this is the largest weight of all, and a token looks at itself there; ask for two different words",
        ),
        Mistake(
            _other_places,
            "these are two places of the same word; compare the words, not only the positions",
        ),
        Mistake(_exchanged, "query and key are exchanged; rows are queries, so the query is the first index"),
        Mistake(_of_last_query, "you search the last row only; every query has a row"),
        Mistake(
            _most_received,
            "this key receives most over all queries, which is a sum of a column; here one single weight is asked for",
        ),
        Mistake(
            lambda P, words: int(np.argmax(np.where(np.equal.outer(words, words), -1, P))),
            "this is the index into the flattened matrix; `np.unravel_index(index, P.shape)` makes a pair of it",
        ),
    ),
    hints=(
        "Make a matrix that is true where query and key are different words, and hide the other weights with it.",
        "`np.argmax` returns one number; `np.unravel_index(number, P.shape)` makes (row, column) of it.",
    ),
)
