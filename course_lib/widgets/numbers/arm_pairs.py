"""Two arms of an experiment compared, in numbers and in words."""

import math
from collections.abc import Sequence

import numpy as np

from course_lib.experiments.published import Published

DIGITS = 6  # after the point, as in a report
SAME = "A and B are the same arm, {A}. Choose two arms."
ONE_SEED = "{A} and {B} share one seed only. An interval needs two."
AIR = 0.05  # of the range of an axis, left free at both ends
TICKS = 5  # at most, on an axis


def compared(results: Published, first: str, second: str) -> dict:
    """What is shown of two arms: `mean` and `interval` of their difference, `verdict`, `words`, and ends of axes.

    In `words`, {A} and {B} stand for the names. `interval` is None for an arm against itself and for arms that share
    one seed only. `axis` is for the differences of all documents and seeds, `axis of means` for the means of seeds and
    the interval.
    """
    D, margin = results.differences(first, second), results.margin
    row = results.pair(first, second) if first != second and len(D) > 1 else None
    interval = row["interval"] if row else None
    return {
        "mean": round(float(D.mean()), DIGITS) + 0.0,
        "interval": interval,
        "verdict": row["verdict"] if row else "no verdict",
        "words": in_words(row, margin) if row else SAME if first == second else ONE_SEED,
        "axis": axis_of(D, margin),
        "axis of means": axis_of([*D.mean(1), *(interval or ())], margin),
    }


def axis_of(values: Sequence | np.ndarray, margin: float) -> dict:
    """What an axis has that holds the values, the band of the margin and some air: ends, and ticks at round numbers."""
    low, high = min(float(np.min(values)), -margin), max(float(np.max(values)), margin)
    low, high = low - AIR * (high - low), high + AIR * (high - low)
    power = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    for step in (power, 2 * power, 5 * power, 10 * power):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < TICKS:
            break
    return {
        "domain": [round(low, 4), round(high, 4)],
        "ticks": [round(step * k, DIGITS) for k in range(first, last + 1)],
    }


def in_words(row: dict, margin: float) -> str:
    """What the interval of a pair of arms says about the margin, and about 0."""
    low, high = row["interval"]
    smaller = {"better": "{A}", "worse": "{B}"}.get(row["verdict against 0"])
    if row["verdict"] == "better":
        return f"{{A}} is better than {{B}}: the whole interval lies below −{margin:g}."
    if row["verdict"] == "worse":
        return f"{{A}} is worse than {{B}}: the whole interval lies above +{margin:g}."
    if row["verdict"] == "equivalent":
        more = f" It does not contain 0: {smaller} has the smaller loss, by less than {margin:g}." if smaller else ""
        return f"Equivalent: the whole interval lies between −{margin:g} and +{margin:g}.{more}"
    inside = [text for end, text in ((-margin, f"−{margin:g}"), (margin, f"+{margin:g}")) if low <= end <= high]
    more = "It contains 0, too: either arm may have the smaller loss."
    if smaller:
        more = f"It does not contain 0: {smaller} has the smaller loss, perhaps by less than {margin:g}."
    return f"Undecided: the interval contains {' and '.join(inside)}. {more}"


def counted(D: np.ndarray) -> str:
    """For how many seeds and on how many documents A has the smaller loss."""
    seeds, documents = int((D.mean(1) < 0).sum()), int((D.mean(0) < 0).sum())
    return (
        f"{{A}} has the smaller loss for {seeds} of {len(D)} seeds, and in the mean over seeds on {documents} of "
        f"{D.shape[1]} documents."
    )
