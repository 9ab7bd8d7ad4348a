"""Four counts of what calls of a layer do, before any width enters: calls, new tokens, cache rows, pairs.

Every cost is linear in these four, so the costs of a whole generation follow from their sums.
"""

from collections.abc import Callable
from dataclasses import dataclass

from course_lib.accounting.units import require_count


@dataclass(frozen=True)
class Counts:
    """What one or several calls of a layer do, per sequence."""

    calls: int = 0  # the weights are read once in each
    tokens: int = 0  # new tokens: each is projected, and its row written to the cache
    rows: int = 0  # rows read from the cache, the new ones included
    pairs: int = 0  # (query token, key token) pairs whose score is computed

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.calls + other.calls, self.tokens + other.tokens, self.rows + other.rows, self.pairs + other.pairs
        )


def rows_read(new: int, past: int, window: int | None) -> int:
    """Cache rows that `new` tokens after `past` read: all, or with a window their own and the window - 1 before."""
    return new + (past if window is None else min(past, window - 1))


def dense_pairs(new: int, past: int, window: int | None) -> int:
    """(query, key) pairs of a matrix product over all rows read. A mask hides pairs afterwards, so it saves nothing."""
    return new * rows_read(new, past, window)


def visible_pairs(new: int, past: int, window: int | None) -> int:
    """(query, key) pairs that causal mask and window leave: those that a kernel computes if it skips hidden pairs."""
    if window is None:
        return _triangle(past + new) - _triangle(past)
    return _visible_from_start(past + new, window) - _visible_from_start(past, window)


def _triangle(n: int) -> int:
    return n * (n + 1) // 2


def _visible_from_start(n: int, window: int) -> int:
    """The sum of min(i, window) over i = 1..n."""
    return _triangle(min(n, window)) + max(n - window, 0) * window


Pairs = Callable[[int, int, int | None], int]


def count_call(new: int, past: int, window: int | None = None, pairs: Pairs = dense_pairs) -> Counts:
    """The counts of one call with `new` tokens after `past` earlier ones: prefill has past = 0, a decode step new = 1.

    window: of the layer, None for none. pairs: `dense_pairs` or `visible_pairs`. Raises ValueError unless new >= 1,
    past >= 0 and window >= 1 are integers.
    """
    require_count("new", new, least=1)
    require_count("past", past)
    if window is not None:
        require_count("window", window, least=1)
    return Counts(1, new, rows_read(new, past, window), pairs(new, past, window))
