"""Bad input of word vectors."""

import numpy as np
import pytest

from course_lib.text import embeddings
from course_lib.text.embeddings import WordVectors

E, C = np.ones((7, 3)), np.ones((5, 5))


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: embeddings.embed(E, [0, 7]), "ids", "[7]", "0..6"),
        (lambda: embeddings.embed(E, [-1]), "ids", "[-1]", "0..6"),
        (lambda: embeddings.embed(E[0], [0]), "E", "(3,)", "(N_T, d)"),
        (lambda: embeddings.cooccurrences([0, 5], 5, 2), "ids", "[5]", "0..4"),
        (lambda: embeddings.cooccurrences([[0, 1]], 5, 2), "ids", "(1, 2)", "(n,)"),
        (lambda: embeddings.cooccurrences([0], 5, 0), "window", "0", ("integer", "1")),
        (lambda: embeddings.cooccurrences([0], 5, 1.5), "window", "1.5", ("integer", "1")),
        (lambda: embeddings.cooccurrences([0], 0, 1), "n_tokens", "0", ("integer", "1")),
        (lambda: embeddings.ppmi(C[0]), "C", "(5,)", "matrix"),
        (lambda: embeddings.ppmi(-C), "C", (), "negative"),
        (lambda: embeddings.ppmi(C * np.nan), "C", (), "NaN"),
        (lambda: embeddings.ppmi(C * 0), "C", (), "positive"),
        (lambda: embeddings.ppmi(C, 0), "smoothing", "0", "(0, 1]"),
        (lambda: embeddings.truncated_svd(E, 4), "rank", "4", ("M", "3")),
        (lambda: embeddings.truncated_svd(E, 0), "rank", "0", ("integer", "1")),
        (lambda: embeddings.truncated_svd(E[0], 1), "M", "(3,)", "matrix"),
        (lambda: embeddings.truncated_svd(E * np.nan, 1), "M", "NaN", "finite"),
        (lambda: WordVectors(("a",), E).nearest("b"), "word", "'b'", "1"),
        (lambda: WordVectors(("a",), E).nearest("a", 0), "k", "0", ("integer", "1")),
        (lambda: WordVectors.learn("", d=1), "text", "''", "two"),
        (lambda: WordVectors.learn("one two", d=0), "d", "0", ("integer", "1")),
        (lambda: WordVectors.learn("one two", d=3), "d", "3", "2"),
    ],
)
def test_embeddings(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_ids_that_are_no_integers(refuses):
    refuses(lambda: embeddings.embed(E, [1.0]), "ids", "float64", "integers", TypeError)
    refuses(lambda: embeddings.embed(E, [True]), "ids", "bool", "integers", TypeError)
