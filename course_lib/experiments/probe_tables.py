"""The numbers of a report on what trained models are probed for: see `probes`."""

import re

from course_lib.experiments.hypotheses import MARGIN
from course_lib.experiments.results import View
from course_lib.experiments.statistics import estimate, verdict
from course_lib.experiments.tables import described, difference_rows


def copying(view: View) -> dict:
    """Losses by split (see `probes.Copying`), and differences of arms on what stands in the context already."""
    return {"arms": split_rows(view), "differences": {s: difference_rows(view, s) for s in ("second", "repeated")}}


def extrapolation(view: View) -> dict:
    """Losses by split (see `probes.Extrapolation`), and of each arm the loss in long windows minus that in short."""
    pairs = [(far, near) for near in splits_of(view) for far in splits_of(view) if near.startswith(f"{far}, read at")]
    rows = [gain_row(arm, *pair, view) for pair in pairs for arm in view.arms]
    return {"arms": split_rows(view), "gains": [row for row in rows if row is not None]}


def gain_row(arm: str, far: str, near: str, view: View) -> dict | None:
    """The loss of an arm on one split minus that of the same tokens on another one; None for too few of them."""
    matrix = view.losses(arm, far) - view.losses(arm, near)
    if min(matrix.shape) < 2:
        return None
    found = estimate(matrix)
    return {"first": f"{arm}, {far}", "second": near, **described(found), "verdict": verdict(found.interval, MARGIN)}


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
