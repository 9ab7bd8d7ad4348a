"""Exercise 6.3: which rows the new tokens of each sequence see, when some are in the cache already."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def chunk_mask(n, past):
    queries = past[:, None, None] + np.arange(n)[:, None]  # (b, n, 1): token t of the chunk stands at past + t
    return np.arange(past.max() + n) <= queries


def _with(see):
    """The visible sets by `see(queries, keys, past)`, all broadcast to (b, n, N)."""

    def answer(n, past):
        keys, before = np.arange(past.max() + n), past[:, None, None]
        queries = before + np.arange(n)[:, None]
        return np.broadcast_to(see(queries, keys, before), (len(past), n, len(keys))).copy()

    return answer


MASK = Exercise(
    id="6.3",
    title="the mask of a chunk",
    minutes=6,
    difficulty=2,
    solution=chunk_mask,
    stages=(
        Stage((4, np.array([0])), "4 new tokens after none: a prefill, the triangle"),
        Stage((1, np.array([3])), "one new token after 3: a decode step, it sees all"),
        Stage((2, np.array([5])), "2 new tokens after 5: a chunk"),
        Stage((2, np.array([1, 4])), "two sequences, of 1 and of 4 old tokens"),
    ),
    mistakes=(
        Mistake(
            _with(lambda i, j, p: j <= i - p),
            "the new tokens are counted from 0, as if nothing were cached; token t of the chunk stands at past + t",
        ),
        Mistake(_with(lambda i, j, p: j < i), "the new tokens do not see themselves; position past + t is visible too"),
        Mistake(
            _with(lambda i, j, p: j <= i + 1),
            "each new token sees the one after it; token t of the chunk stands at past + t, counted from 0",
        ),
        Mistake(
            _with(lambda i, j, p: np.bool_(True)),
            "all rows are visible; inside the chunk a token must not see the later ones",
        ),
        Mistake(_with(lambda i, j, p: j < p), "only the old rows are visible; the new tokens see each other, too"),
        Mistake(
            _with(lambda i, j, p: (j >= p) & (j <= i)),
            "only the new rows are visible; the cached ones are all in the past and seen",
        ),
        Mistake(
            _with(lambda i, j, p: j <= i - p + p.max()),
            "every sequence is treated as the longest one; each has its own number of old tokens",
        ),
        Mistake(
            _with(lambda i, j, p: (j < p) | ((j >= p.max()) & (j - p.max() <= i - p))),
            "the new rows stand behind the longest sequence's; row j holds position j, so those of sequence i begin at "
            "past[i]",
        ),
        Mistake(
            _with(lambda i, j, p: (j >= p.max() - p) & (j <= i - p + p.max())),
            "the shorter sequences are padded on the left; row j holds position j, so every sequence begins at row 0",
        ),
        Mistake(
            lambda n, past: chunk_mask(n, past).swapaxes(1, 2),
            "queries and keys are exchanged; the last axis is that of the keys",
        ),
        Mistake(
            lambda n, past: chunk_mask(n, past)[0],
            "this is the mask of one sequence; return one for each, of shape (b, n, N)",
        ),
        Mistake(
            lambda n, past: np.where(chunk_mask(n, past), 0.0, -np.inf),
            "this is the additive form, 0 and -inf; a boolean mask is asked for, True where visible",
        ),
        Mistake(
            lambda n, past: ~chunk_mask(n, past),
            "this is the opposite: True where hidden; this course's masks are True where visible",
        ),
    ),
    hints=(
        "A causal mask compares positions: key j is visible to the query at position i when j <= i. What is the "
        "position of token t of the chunk?",
        "`past[:, None, None] + np.arange(n)[:, None]` are the positions of the queries, of shape (b, n, 1).",
        "Compare them with `np.arange(past.max() + n)`, the positions of the keys; broadcasting gives (b, n, N).",
    ),
)
