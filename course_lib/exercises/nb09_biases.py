"""Exercise 9.1: the biases of ALiBi for a chunk of new tokens."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits


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
        Stage((np.array([0.3]), 2, 7), "one head, two new tokens behind five cached ones"),
        Stage((np.array([0.5]), 1, 1), "one token: its distance to itself is 0"),
        Stage((np.array([1.5, 0.3, 0.07]), 5, 5), "three heads, five tokens, all of them new"),
        Stage((np.array([0.5, 0.2, 0.07, 0.3]), 3, 7), "three new tokens behind four cached ones"),
    ),
    mistakes=edits(
        alibi,
        """
        -slopes -> slopes | The sign is wrong. A distant key gets a smaller logit, so its bias is negative.
        np.arange(N - n, N) -> np.arange(n) | The queries are numbered as if they came first. They are the last n of N
          tokens, so they stand at N - n ... N - 1.
        np.arange(N - n, N) -> np.arange(N - n, N) + 1 | The distances are one too large: the queries stand one place
          too far, or the keys one too near.
        np.arange(N - n, N) -> n + np.arange(n) | Query a is put at n + a. It stands at N - n + a.
        np.arange(N - n, N) -> np.full(n, N - 1) | All queries stand at N - 1 here. Query a stands at N - n + a.
        np.arange(N - n, N) -> np.arange(N, N + n) | The distances are n too large: the queries stand n places too
          far, or the keys n too near.
        np.arange(N - n, N) -> N - n - np.arange(n) | The positions of the queries fall. Query a stands at N - n + a.
        np.arange(N - n, N) -> N - np.arange(n) | Query a is put at N - a. It stands at N - n + a.
        np.arange(N - n, N) -> np.arange(n)[::-1] | The queries are numbered from n - 1 down to 0. Query a stands at
          N - n + a.
        np.arange(N - n, N) -> np.arange(n - N, 2 * n - N) | Query a is put at n - N + a. It stands at N - n + a.
        np.arange(N - n, N) -> np.full(n, N - n) | All queries stand at N - n here. Query a stands at N - n + a.
        i[:, None] - np.arange(N) -> i[:, None] + 0 * np.arange(N) | The positions of the keys are missing. The distance
          is i - j.
        i[:, None] - np.arange(N) -> i[:, None] - np.arange(1, N + 1) | The distances are one too small. Keys are
          counted from 0, and the last of N tokens is at N - 1.
        np.arange(N - n, N) -> np.arange(N) | There is a row for each of the N tokens. Return those of the last n.
        * distances -> * np.ones(distances.shape) | The distances are missing. Multiply each slope by i - j.
        -slopes[:, None, None] * distances -> np.ones((len(slopes), 1, 1)) * distances | These are the distances.
          Multiply them by -beta_h.
        i[:, None] - np.arange(N) -> np.abs(i[:, None] - np.arange(N)) | The distance i - j has a sign. For keys after
          the query it is negative, and the bias is positive there.
        * distances -> * np.maximum(distances, 0) | Keys after the query get 0 here. Return -beta_h (i - j) for all
          pairs; the mask hides them later.
        -slopes[:, None, None] * distances -> np.tril(-slopes[:, None, None] * distances) | `np.tril` sets the keys j >
          a to 0. Return -beta_h (i - j) for all pairs.
        -slopes[:, None, None] * distances -> np.where(distances >= 0, -slopes[:, None, None] * distances, -np.inf) |
          The future is masked. Return -beta_h (i - j) for all pairs.
        -slopes[:, None, None] * distances -> np.exp(-slopes[:, None, None] * distances) | These are factors of A. A
          bias is added to the logit, before the exponential.
        -slopes[:, None, None] -> -np.ones(len(slopes))[:, None, None] | The slopes are not used. Each head multiplies
          the distances by its own slope.
        -slopes[:, None, None] -> -np.full_like(slopes, slopes[0])[:, None, None] | All heads have the slope of head 0.
          Head h has slopes[h].
        -slopes[:, None, None] * distances -> -(slopes[:, None, None] * i[:, None] - np.arange(N)) | Only i is
          multiplied by the slope, and j is added. Put i - j in parentheses.
        -slopes[:, None, None] * distances -> -slopes[:, None, None] * i[:, None] - np.arange(N) | Only i is multiplied
          by the slope, and j is subtracted. Put i - j in parentheses.
        -slopes[:, None, None] -> -slopes.astype(int)[:, None, None] | The slopes are cut to whole numbers, most of
          them to 0. Keep them as floats.
        -slopes[:, None, None] -> -slopes[::-1, None, None] | The slopes are in reverse order. Head h has slopes[h].
        -slopes[:, None, None] -> -(2.0 ** (-8 * np.arange(1, len(slopes) + 1) / len(slopes)))[:, None, None] | These
          slopes are made from the number of heads, 2^(-8 (h + 1) / N_h). Take those that are given.
        -slopes[:, None, None] -> -(2.0 ** -np.arange(1, len(slopes) + 1))[:, None, None] | These slopes are 1/2, 1/4
          and so on. Take those that are given.
        -slopes[:, None, None] -> -2.0 ** -slopes[:, None, None] | The slopes are taken as exponents of 2. They are
          the numbers beta_h already.
        -slopes[:, None, None] * distances -> slopes[:, None, None] * np.broadcast_to(np.arange(N), (n, N)) | This is
          beta_h j. The softmax gives the same weights with it, but -beta_h (i - j) is asked for.
        -slopes[:, None, None] * distances -> (-slopes[:, None, None] * distances).swapaxes(1, 2) | The biases are
          transposed. Queries are rows and keys are columns.
        -slopes[:, None, None] * distances -> -slopes[:, None, None] * distances / N | The distances are divided by N.
          ALiBi takes them as they are.
        """,
    ),
    hints=(
        "Number the queries by their positions in the whole text. The last of N tokens stands at N - 1.",
        "`i = np.arange(N - n, N)` are the positions of the queries. `i[:, None] - np.arange(N)` are all distances.",
        "The slopes need two more axes, `slopes[:, None, None]`, so that each head multiplies all distances.",
    ),
)
