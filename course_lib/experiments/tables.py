"""The numbers of a report, as plain values ready for JSON: losses of arms, differences, hypotheses, speed."""

import math
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from course_lib.experiments.hypotheses import H7, HYPOTHESES, MARGIN, Hypothesis, Statement, resolved
from course_lib.experiments.results import Results, View
from course_lib.experiments.statistics import MOST_SEEDS, Estimate, estimate, holm, p_value, seeds_needed, verdict

DIGITS = 6  # after the point, so that another order of sums does not show
EXACT = ("rate", "rates", "best", "common rate")  # learning rates are settings and no results
REFERENCES = ("GQA2", "MHA")  # arms that all others are compared with


def rounded(value):
    """Floats but those of EXACT to DIGITS digits, in nested values; infinities become strings: JSON has none."""
    if isinstance(value, dict):
        return {key: each if key in EXACT else rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else str(value)
    return value


def learning_rates(results: Results, task: str) -> list[dict]:
    """A row for each arm that is tuned for a task: its losses on the tune split by learning rate, and the best rate."""
    return [
        {
            "arm": arm,
            "losses": {f"{rate:g}": losses[rate] for rate in sorted(losses)},
            "best": results.tuned_rate(arm, task),
        }
        for arm, losses in results.tuning(task).items()
    ]


def arm_rows(view: View) -> list[dict]:
    """A row for each arm: its costs and its loss on the test, as means over seeds and documents."""
    return [arm_row(arm, view) for arm in view.arms]


def arm_row(arm: str, view: View) -> dict:
    runs = view.arms[arm]
    losses, tuned = view.losses(arm), view.losses(arm, "tune")
    return {
        "arm": arm,
        **runs[0].result["costs"],
        "rate": runs[0].labels.rate,
        "seeds": len(runs),
        "documents": losses.shape[1],
        "loss": float(losses.mean()),
        "by seed": losses.mean(1).tolist(),
        "loss, repeated documents too": float(view.losses(arm, everything=True).mean()),
        "loss per token": float(np.mean([run.per_token() for run in runs])),
        "loss on the tune split": float(tuned.mean()),
    }


def stacked(differences: dict[int, np.ndarray]) -> np.ndarray:
    """Differences by seed as a matrix (S, M), seeds in ascending order."""
    return np.array([differences[seed] for seed in sorted(differences)])


def difference_rows(view: View, split: str = "test") -> list[dict]:
    """A row for each arm and each of REFERENCES in the view, where two seeds and two documents at least are shared."""
    pairs = ((arm, reference) for reference in REFERENCES if reference in view.arms for arm in view.arms)
    rows = (difference_row(arm, reference, view, split) for arm, reference in pairs if arm != reference)
    return [row for row in rows if row is not None]


def difference_row(first: str, second: str, view: View, split: str = "test") -> dict | None:
    """The difference of two arms with its intervals and verdict; None if they share too few seeds or documents."""
    matrix = stacked(view.differences(first, second, split))
    if matrix.ndim < 2 or min(matrix.shape) < 2:
        return None
    found = estimate(matrix)
    everything = stacked(view.differences(first, second, split, everything=True))
    return {
        "first": first,
        "second": second,
        **described(found),
        "verdict": verdict(found.interval, MARGIN),
        "verdict against 0": verdict(found.interval, 0.0),
        "mean, repeated documents too": float(everything.mean()),
    }


def described(found: Estimate) -> dict:
    """An estimate as plain values."""
    return {
        "mean": found.mean,
        "interval": list(found.interval),
        "t interval": list(found.t),
        "bootstrap interval": list(found.bootstrap),
        "standard error": found.standard_error,
        "degrees of freedom": found.freedom,
        "seeds": found.seeds,
        "documents": found.documents,
        "variances": asdict(found.components),
    }


def hypothesis_rows(whole: View, fewer: View | None = None, of: tuple[Hypothesis, ...] = HYPOTHESES) -> list[dict]:
    """A row for each hypothesis, with Holm's p over all those that have results.

    whole: runs of all steps; fewer: those of fewer steps, without which H7 is left out.
    """
    matrices = {hypothesis: matrix_of(hypothesis, whole) for hypothesis in of}
    if fewer is not None:
        matrices[H7] = shrinking(whole, fewer)
    sides = {each: (resolved(each.first, whole), resolved(each.second, whole)) for each in matrices}
    return outcome_rows(matrices, sides)


def outcome_rows(
    matrices: Mapping[Statement, np.ndarray | None], sides: Mapping[Statement, tuple[str | None, str | None]]
) -> list[dict]:
    """A row for each statement, with Holm's p over all those that have results.

    matrices: the differences (S, M) of each statement, None if there are none. sides: the names of what they compare.
    """
    tested = {each: estimate(D) for each, D in matrices.items() if D is not None and min(D.shape) >= 2}
    adjusted = holm({each.name: p_value(found, each.region) for each, found in tested.items()})
    rows = []
    for each in matrices:
        said = {"name": each.name, "text": each.text, "region": list(each.region)}
        if each in tested:
            first, second = sides[each]
            rows.append(said | {"first": first, "second": second} | outcome(each, tested[each], adjusted[each.name]))
        else:
            rows.append(said | {"outcome": "not run"})
    return rows


def outcome(statement: Statement, found: Estimate, adjusted: float) -> dict:
    p = {"p": p_value(found, statement.region), "Holm's p": adjusted}
    return described(found) | p | {"outcome": statement.outcome(found.interval), "needed": needed(found)}


def needed(found: Estimate) -> dict:
    """How many seeds, with these documents, give an interval of at most half the margin on each side.

    Beside it the half width that no number of seeds gets below, because the documents are these, and how many times as
    many documents bring that down to the same size.
    """
    half_width = MARGIN / 2
    floor = 1.96 * math.sqrt(found.components.documents / found.documents)
    seeds = seeds_needed(found.components, found.documents, half_width)
    more = {"floor of the half width": floor, "times as many documents": max(1.0, (floor / half_width) ** 2)}
    words = in_words(seeds, more["times as many documents"])
    return {"half width": half_width, "seeds": seeds, **more, "in words": words}


def in_words(seeds: int | None, times: float) -> str:
    """What brings an interval down, in words. seeds: None if MOST_SEEDS are too few. times: of the documents."""
    if seeds is not None:
        return f"{seeds} seeds"
    return f"at least {times:.1f} times the documents" if times > 1 else f"more than {MOST_SEEDS:,} seeds"


def matrix_of(hypothesis: Hypothesis, view: View) -> np.ndarray | None:
    """The differences that a hypothesis is about; None if an arm has no runs."""
    first, second = resolved(hypothesis.first, view), resolved(hypothesis.second, view)
    if first is None or second is None or first == second:
        return None
    matrix = stacked(view.differences(first, second))
    return matrix if matrix.ndim == 2 else None


def shrinking(whole: View, fewer: View) -> np.ndarray | None:
    """The difference of H7's arms after fewer steps minus that after all steps, (S, M), for seeds in both views."""
    if not all(arm in view.arms for view in (whole, fewer) for arm in (H7.first, H7.second)):
        return None
    late, early = (view.differences(H7.first, H7.second) for view in (whole, fewer))
    both = {seed: early[seed] - late[seed] for seed in early.keys() & late.keys()}
    return stacked(both) if both else None


def speed_rows(results: Results) -> list[dict]:
    """A row for each arm: median speed of its whole runs. Times differ from machine to machine, and each time."""
    arms: dict[str, list[dict]] = {}
    for run in results.compared():
        if run.labels.task == "text":
            arms.setdefault(run.labels.arm, []).append(run.result)
    return [
        {
            "arm": arm,
            "runs": len(each),
            "tokens per second": float(np.median([one["training"]["tokens_per_second"] for one in each])),
            "seconds of training": float(np.median([one["training"]["training_seconds"] for one in each])),
            "resumed": sum(len(one["training"]["resumed"]) > 0 for one in each),
        }
        for arm, each in arms.items()
    ]
