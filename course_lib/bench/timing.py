"""Durations of repeated calls: warmed up first, then the median, and how far the middle half of them spreads."""

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
        """The least disturbed call."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Half of the calls took between these two."""
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


def time_calls(call: Callable[[], object], repeats: int, warm_up: int = 2) -> Timing:
    """Of `repeats` calls, at least two, after `warm_up` that are not timed."""
    return time_each([call] * (warm_up + repeats), warm_up)


def time_each(calls: Sequence[Callable[[], object]], warm_up: int = 0) -> Timing:
    """Of these calls in their order, without the first `warm_up`."""
    seconds = []
    for call in calls:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return Timing(tuple(seconds[warm_up:]))
