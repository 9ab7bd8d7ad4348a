"""The numbers of a report on what trained models are probed for: see `probes`."""

import re

import numpy as np

from course_lib.experiments.hypotheses import MARGIN, OF_LENGTH
from course_lib.experiments.probes import LONGER
from course_lib.experiments.results import View
from course_lib.experiments.statistics import estimate, verdict
from course_lib.experiments.tables import described, difference_rows, outcome_rows


def copying(view: View) -> dict:
    """Losses by split (see `probes.Copying`), and differences of arms on what stands in the context already."""
    return {"arms": split_rows(view), "differences": {s: difference_rows(view, s) for s in ("second", "repeated")}}


def extrapolation(view: View, context: int) -> dict:
    """Losses by split (see `probes.Extrapolation`), gains by arm, and what was stated of them beforehand.

    A gain is the loss in windows longer than the context of training minus that of the same tokens in short windows.
    """
    rows = [gain_row(arm, times * context, context, view) for times in LONGER for arm in view.arms]
    gains = {each: gain(each.arm, each.times * context, context, view) for each in OF_LENGTH}
    stated = outcome_rows(gains, {each: sides(each.arm, each.times * context, context) for each in OF_LENGTH})
    return {"arms": split_rows(view), "gains": [row for row in rows if row is not None], "stated": stated}


def gain(arm: str, width: int, context: int, view: View) -> np.ndarray | None:
    """The losses of an arm in windows of this width minus those of the same tokens in short ones, by seed and document.

    None for an arm without runs, an array with too few rows or columns for an interval where little was read.
    """
    if arm not in view.arms:
        return None
    return view.losses(arm, f"{width}") - view.losses(arm, f"{width}, read at {context}")


def gain_row(arm: str, width: int, context: int, view: View) -> dict | None:
    matrix = gain(arm, width, context, view)
    if matrix is None or min(matrix.shape) < 2:
        return None
    found, (first, second) = estimate(matrix), sides(arm, width, context)
    return {"first": first, "second": second, **described(found), "verdict": verdict(found.interval, MARGIN)}


def sides(arm: str, width: int, context: int) -> tuple[str, str]:
    """The names of what `gain` subtracts."""
    return f"{arm}, {width}", f"{width}, read at {context}"


def splits_of(view: View) -> list[str]:
    return sorted({row["split"] for runs in view.arms.values() for run in runs for row in run.documents}, key=by_number)


def by_number(name: str) -> list[str | int]:
    """A key to sort names: the numbers in them count by size, so that 512 stands before 1024."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def split_rows(view: View) -> list[dict]:
    """A row for each arm: its loss by split, as a mean over seeds and documents."""
    splits = splits_of(view)
    return [
        {"arm": arm, "seeds": len(runs), "losses": {s: float(view.losses(arm, s).mean()) for s in splits}}
        for arm, runs in view.arms.items()
    ]
