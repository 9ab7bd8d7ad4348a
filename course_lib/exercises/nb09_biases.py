"""Exercise 9.1: the biases of ALiBi for a chunk of new tokens."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def alibi(slopes, n, N):
    i = np.arange(N - n, N)  # the queries are the last n of N tokens
    distances = i[:, None] - np.arange(N)
    return -slopes[:, None, None] * distances


ALIBI = Exercise(
    id="9.1",
    title="the biases of a chunk",
    minutes=5,
    difficulty=1,
    solution=alibi,
    stages=(
        Stage(lambda: (np.array([0.5]), 1, 1), "one token: its distance to itself is 0"),
        Stage(lambda: (np.array([0.5]), 4, 4), "one head, four tokens, all of them new"),
        Stage(lambda: (np.array([0.5, 0.3, 0.07]), 5, 5), "three heads"),
        Stage(lambda: (np.array([0.5, 0.3, 0.07, 0.2]), 2, 7), "two new tokens behind five cached ones"),
    ),
    mistakes=(),
    hints=(
        "Number the queries by their positions in the whole text: the last of N tokens stands at N - 1.",
        "`i = np.arange(N - n, N)` are the positions of the queries. `i[:, None] - np.arange(N)` are all distances.",
        "The slopes need two more axes, `slopes[:, None, None]`, so that each head multiplies all distances.",
    ),
)
