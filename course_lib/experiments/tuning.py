"""The learning rate of each arm: short runs on a seed of their own, judged on the tune split."""

import math
from collections.abc import Callable, Mapping
from statistics import fmean  # its last digit does not depend on the order of the losses

from course_lib.experiments import arms
from course_lib.experiments.job import Job
from course_lib.experiments.presets import TUNING_SEED
from course_lib.experiments.recall import GATE, MOST, recall_job
from course_lib.experiments.run import given_up, read_documents, result_of
from course_lib.experiments.sweep import Sweep

EXTENSIONS = 3  # how often the grid of learning rates is extended on each side
RECALL_RATES = (1.5e-3, 3e-3, 6e-3)  # tried first
OPEN = 0.95  # share of values that MHA has to recall, on average over seeds, before other arms are trained


def tune_loss(job: Job, sweep: Sweep) -> float | None:
    """The mean loss of the documents of the tune split; None if the job has no result yet.

    A job that diverged counts as inf. So does one that failed and is not tried again: the others go on without it.
    """
    folder = job.folder(sweep.folder)
    found = result_of(folder)
    if found is None:
        return math.inf if given_up(folder) else None
    if "diverged" in found:
        return math.inf
    rows = (row for row in read_documents(folder) if row["split"] == "tune" and row["kept"])
    return fmean(row["nats"] / row["tokens"] for row in rows)


def best_rate(losses: Mapping[float, float]) -> float | None:
    """The learning rate with the smallest loss, of equal ones the smaller; None if no loss is finite."""
    finite = {rate: loss for rate, loss in losses.items() if math.isfinite(loss)}
    return min(finite, key=lambda rate: (finite[rate], rate), default=None)


def tried_rates(
    grid: tuple[float, ...], loss: Callable[[float], float | None]
) -> tuple[tuple[float, ...], float | None]:
    """(learning rates to try, the best of them). The best is None while one is open, or if none has a finite loss.

    While the best lies at an edge of the rates tried, which begin with `grid`, the next rate beyond it is added: half
    or twice that rate, at most EXTENSIONS times on each side. loss: rate -> loss on the tune split, None if not known.
    """
    rates, lowest, highest = grid, grid[0] / 2**EXTENSIONS, grid[-1] * 2**EXTENSIONS
    while True:
        found = {rate: value for rate in rates if (value := loss(rate)) is not None}
        best = best_rate(found)
        if len(found) < len(rates) or best is None:
            return rates, None
        if best == rates[0] and best > lowest:
            rates = (best / 2, *rates)
        elif best == rates[-1] and best < highest:
            rates = (*rates, best * 2)
        else:
            return rates, best


def tuning_jobs(sweep: Sweep, arm: str) -> tuple[list[Job], float | None]:
    """(the short runs that tune an arm, its learning rate or None: see `tried_rates`).

    An arm that repeats another one has the learning rate of that one.
    """
    tuned = arms.arm(arm).repeats or arm
    rates, best = tried_rates(sweep.preset.rates, lambda rate: tune_loss(sweep.tuning(tuned, rate), sweep))
    return [sweep.tuning(tuned, rate) for rate in rates], best


def recall_tuning(sweep: Sweep, arm: str) -> tuple[list[Job], float | None]:
    """(the runs that tune an arm in recall, its learning rate or None). Other arms than MHA wait until the gate opens.

    These runs have all steps: a shorter curriculum would be another task.
    """
    if arm != GATE and not gate_is_open(sweep):
        return [], None

    def job(rate: float) -> Job:
        return recall_job(sweep.preset, arm, TUNING_SEED, rate)

    rates, best = tried_rates(RECALL_RATES, lambda rate: tune_loss(job(rate), sweep))
    return [job(rate) for rate in rates], best


def gate_is_open(sweep: Sweep) -> bool:
    """Whether MHA has been trained in recall with all seeds, and recalls the share OPEN of the values of test texts."""
    _, rate = recall_tuning(sweep, GATE)
    if rate is None:
        return False
    folders = [recall_job(sweep.preset, GATE, seed, rate).folder(sweep.folder) for seed in sweep.preset.seeds_of(GATE)]
    results = [result_of(folder) for folder in folders]
    if any(result is None or "diverged" in result for result in results):
        return False
    rows = [row for folder in folders for row in read_documents(folder) if row["split"] == f"{MOST} pairs"]
    return fmean(row["right"] / row["tokens"] for row in rows) >= OPEN
