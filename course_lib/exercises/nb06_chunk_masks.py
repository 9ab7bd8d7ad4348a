"""Exercise 6.3: which keys the new tokens of each sequence see, when earlier tokens are in the cache."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits


def chunk_mask(n, past):
    queries = past[:, None, None] + np.arange(n)[:, None]  # (b, n, 1): token t of the chunk stands at past + t
    keys = np.arange(past.max() + n)
    return keys <= queries


MASK = Exercise(
    id="6.3",
    title="the mask of a chunk",
    minutes=6,
    difficulty=2,
    solution=chunk_mask,
    stages=(
        Stage((3, np.array([5])), "3 new tokens after 5: a chunk"),
        Stage((1, np.array([3])), "one new token after 3: a decode step, which sees all"),
        Stage((5, np.array([0])), "5 new tokens after none: a prefill, the triangle"),
        Stage((3, np.array([3, 6, 1, 2])), "four sequences with 3, 6, 1 and 2 old tokens, and 3 new ones each"),
    ),
    mistakes=edits(
        chunk_mask,
        """
        past[:, None, None] + np -> 0 * past[:, None, None] + np | The new tokens are counted from 0, as if the cache
            were empty. Token t of the chunk stands at past + t.
        keys <= queries -> keys < queries | The new tokens do not see themselves. Position past + t is visible, too.
        keys <= queries -> keys <= queries + 1 | Each new token sees the one after it. Token t of the chunk stands at
            past + t, counted from 0.
        keys <= queries -> keys <= queries + n | All keys are visible. Inside the chunk a token must not see
            the later ones.
        keys <= queries -> (keys < past[:, None, None]) & (keys <= queries) | Only the old keys are visible. The new
            tokens see themselves and the new ones before them, too.
        keys <= queries -> (keys >= past[:, None, None]) & (keys <= queries) | Only the new keys are visible. The cached
            ones are all in the past, so every new token sees them.
        keys <= queries -> keys >= queries | The comparison is the wrong way round. Key j is visible if j <= past + t.
        keys <= queries -> keys > queries | This is the opposite, True where hidden. The masks of this course are True
            where visible.
        keys <= queries -> keys == queries | Each new token sees itself alone. It sees all positions up to its own.
        past[:, None, None] + np -> 0 * past[:, None, None] + past.max() + np | Every sequence is treated as the longest
            one. Each has its own number of old tokens.
        keys <= queries -> (keys <= queries.max(axis=0))[None] | This is the mask of the longest sequence alone. Each
            sequence has its own number of old tokens, so its own mask.
        past[:, None, None] + np -> 0 * past[:, None, None] + np && past.max() + n -> n | This is the causal mask of the
            new tokens alone. They see the old ones, too, so there are past.max() + n columns.
        keys <= queries -> (keys <= keys[:, None]) & (queries[:, :1] >= 0) | There is a row for each token. Only the n
            new ones have queries, so there are n rows.
        keys <= queries -> (keys <= queries - past[:, None, None] + past.max()) & (keys < past[:, None, None] + n) |
            In a shorter sequence the new tokens see the ones after them. Token t stands at past + t, with the `past` of
            its own sequence.
        past.max() + n -> past[-1] + n | The last sequence is taken for the longest. N is past.max() + n.
        past.max() + n -> past[0] + n | The first sequence is taken for the longest. N is past.max() + n.
        past.max() + n -> past.sum() + n | All old tokens are added up. N is past.max() + n.
        past.max() + n -> past.min() + n | The shortest sequence gives N. N is past.max() + n.
        past.max() + n -> past.max() | Only the old rows have a column. There are past.max() + n columns.
        past.max() + n -> n | Only the new rows have a column. There are past.max() + n columns.
        past.max() + n -> past.max() - n | n is subtracted. The new rows come behind the old ones, so there are
            past.max() + n columns.
        past.max() + n -> past.max() + n - 1 | There is one column too few. There are past.max() + n.
        np.arange(n)[:, None] -> np.arange(n + 1)[:, None] | There is one row too many. There are n, one for each new
            token.
        keys <= queries -> keys <= past[:, None, None] + 0 * queries | All new tokens see the same positions. Token t of
            the chunk stands at past + t, and sees the new ones before it, too.
        keys <= queries -> np.zeros_like(keys <= queries) | Nothing is visible. The masks of this course are True where
            visible.
        keys <= queries -> np.arange(n) <= past[:, None, None] + keys[:, None] | n and N are exchanged. There is a row
            for each of the n queries and a column for each of the N keys.
        past.max() + n -> past.max() + n + 1 | There is one column too many. There are past.max() + n.
        keys <= queries -> np.where(keys < past.max(), keys < past[:, None, None] + 0 * queries, keys - past.max() <=
            queries - past[:, None, None]) | The new keys stand behind those of the longest sequence. Column j is
            position j, so the new keys of sequence i begin at past[i].
        keys <= queries -> (keys >= past.max() - past[:, None, None]) & (keys <= queries - past[:, None, None] +
            past.max()) | The shorter sequences are padded on the left. Column j is position j, so every sequence begins
            at column 0.
        keys <= queries -> np.logical_or(keys <= queries, keys >= past[:, None, None] + n) | Columns behind the end of a
            shorter sequence are visible. Nothing stands there, so hide them.
        keys <= queries -> (keys <= queries).swapaxes(1, 2) | Queries and keys are exchanged. The last axis is that of
            the keys.
        keys <= queries -> (keys <= queries)[0] | This is the mask of one sequence. Return one for each, of shape
            (b, n, N).
        keys <= queries -> np.where(keys <= queries, 0.0, -np.inf) | This is the additive form, 0 and -inf. Return
            booleans, True where visible.
        keys <= queries -> np.logical_or(keys <= queries, keys < past.max()) | All columns before past.max() are
            visible. In a shorter sequence some of them are padding or later tokens, so compare with its own `past`.
        past[:, None, None] + np -> 0 * past[:, None, None] + past.min() + np | Every sequence is treated as the
            shortest one. Each has its own number of old tokens.
        keys <= queries -> (keys <= queries) & (keys > queries - n) | Only the last n positions are visible, as in a
            window. Here all the past is visible.
        """,
    ),
    hints=(
        "A causal mask compares positions: key j is visible to the query at position i if j <= i. What is the "
        "position of token t of the chunk?",
        "`past[:, None, None] + np.arange(n)[:, None]` are the positions of the queries, of shape (b, n, 1).",
        "Compare them with `np.arange(past.max() + n)`, the positions of the keys. Broadcasting gives (b, n, N).",
    ),
)
