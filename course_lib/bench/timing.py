"""Time repeated calls: first some without timing, then the median and the quartiles of the timed ones."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of each of several calls."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least time, which other work on the machine has disturbed least."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper quartile: half of the calls took between these two."""
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


def time_calls(call: Callable[[], object], repeats: int, warm_up: int = 2) -> Timing:
    """Time `repeats` calls, after `warm_up` calls that are not timed."""
    return time_each([call] * (warm_up + repeats), warm_up)


def time_each(calls: Sequence[Callable[[], object]], warm_up: int = 0) -> Timing:
    """Make these calls in their order, and time all but the first `warm_up`."""
    seconds = []
    for call in calls:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return Timing(tuple(seconds[warm_up:]))
