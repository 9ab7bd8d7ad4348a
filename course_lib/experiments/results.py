"""The results of a sweep, read from the folders of its runs alone: losses by seed and document."""

import gzip
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np

from course_lib.config import require
from course_lib.experiments import tuning
from course_lib.experiments.arms import ARMS
from course_lib.experiments.job import RUNS, Labels
from course_lib.experiments.presets import TUNING_SEED
from course_lib.experiments.recall import RECALL_ARMS
from course_lib.experiments.run import DOCUMENTS, FAILURE, RESULT, TRIES, failure_of, read_documents, result_of
from course_lib.experiments.sweep import SETTINGS
from course_lib.files import read_json, write_atomically
from course_lib.training import log

PACKED_LOG = f"{log.NAME}.gz"


@dataclass(frozen=True)
class Finished:
    """A run with a result."""

    folder: Path
    labels: Labels
    result: dict

    @property
    def diverged(self) -> bool:
        return "diverged" in self.result

    @property
    def version(self) -> int:
        return self.result["identity"]["version"]

    @cached_property
    def documents(self) -> tuple[dict, ...]:
        """The rows of `Job.finish`, sorted by the names of the documents."""
        return tuple(sorted(read_documents(self.folder), key=lambda row: row["document"]))

    def losses(self, split: str = "test", everything: bool = False, column: str = "nats") -> dict[str, float]:
        """Document -> nats (or another column) per token, of the documents that count in means, or of all."""
        rows = (row for row in self.documents if row["split"] == split and (row["kept"] or everything))
        return {row["document"]: row[column] / row["tokens"] for row in rows}

    def per_token(self, split: str = "test") -> float:
        """Nats per token over all tokens of the documents that count, so that long documents count more."""
        rows = [row for row in self.documents if row["split"] == split and row["kept"]]
        return sum(row["nats"] for row in rows) / sum(row["tokens"] for row in rows)

    @cached_property
    def log(self) -> list[dict]:
        """The lines of the trainer's log, which `keep` packs."""
        packed = self.folder / PACKED_LOG
        if packed.exists():
            return [json.loads(line) for line in gzip.decompress(packed.read_bytes()).splitlines()]
        return log.read(self.folder / log.NAME)


def order(labels: Labels) -> tuple:
    """Sorts runs: arms as in ARMS and RECALL_ARMS, unknown ones behind them."""
    known = [*ARMS, *RECALL_ARMS]
    place = known.index(labels.arm) if labels.arm in known else len(known)
    return place, labels.arm, labels.task, labels.widths, labels.steps, labels.rate, labels.seed


@dataclass(frozen=True)
class Results:
    """All results of a sweep, and the runs that failed."""

    settings: dict  # what sweep.json holds
    runs: tuple[Finished, ...]  # with a result, diverged ones included
    failed: tuple[dict, ...]  # what each failure.json holds

    def compared(self) -> list[Finished]:
        """The runs whose loss on the test is a result."""
        return [run for run in self.runs if run.labels.seed != TUNING_SEED and not run.diverged]

    def tuning(self, task: str = "text") -> dict[str, dict[float, float]]:
        """Arm -> learning rate -> mean loss on the tune split of a task; inf for a run that diverged or is given up."""
        found: dict[str, dict[float, float]] = {}
        for labels in (Labels(**each["labels"]) for each in self.failed if each["tries"] >= TRIES):
            if labels.seed == TUNING_SEED and labels.task == task:
                found.setdefault(labels.arm, {})[labels.rate] = math.inf
        for run in self.runs:
            if run.labels.seed == TUNING_SEED and run.labels.task == task:
                loss = math.inf if run.diverged else fmean(run.losses("tune").values())
                found.setdefault(run.labels.arm, {})[run.labels.rate] = loss
        return found

    def tuned_rate(self, arm: str, task: str = "text") -> float | None:
        """The learning rate of an arm, or of the arm that it repeats, by the rule of the sweep: see `tried_rates`."""
        repeated = ARMS[arm].repeats if arm in ARMS else None
        grid = tuning.RECALL_RATES if task == "recall" else tuple(self.settings["preset"]["rates"])
        return tuning.tried_rates(grid, self.tuning(task).get(repeated or arm, {}).get)[1]

    def view(
        self, steps: int, rate: Callable[[str], float | None], widths: str = "matched", task: str = "text"
    ) -> "View":
        """The compared runs of a task with so many steps, a given learning rate for each arm, and these widths."""
        arms: dict[str, list[Finished]] = {}
        rates = {arm: rate(arm) for arm in {run.labels.arm for run in self.runs}}
        for run in self.compared():
            labels = run.labels
            wanted = (labels.steps, labels.rate, labels.task) == (steps, rates[labels.arm], task)
            if wanted and (labels.widths == widths or self.has_equal_width(run, widths)):
                arms.setdefault(labels.arm, []).append(run)
        for runs in arms.values():
            require_distinct(runs)
        return View(arms)

    def has_equal_width(self, run: Finished, widths: str) -> bool:
        """Whether equal d_ff is asked for, and the run has it as well as matched parameters, as MHA does."""
        return widths == "equal" and run.result["costs"]["d_ff"] == self.settings["preset"]["d_ff"]


def require_distinct(runs: list[Finished]) -> None:
    """Raise ValueError, naming the folders, if two runs have the same labels: one is of an arm as it was before."""
    seen: dict[Labels, Finished] = {}
    for run in runs:
        other = seen.setdefault(run.labels, run)
        if other is not run:
            rule = "runs must differ in their labels"
            raise ValueError(f"{rule}, but two are {run.labels}: remove {other.folder} or {run.folder}")


@dataclass(frozen=True)
class View:
    """Runs that may be compared, by arm; those of an arm differ in the seed alone."""

    arms: dict[str, list[Finished]]

    def losses(self, arm: str, split: str = "test", everything: bool = False, column: str = "nats") -> np.ndarray:
        """Loss by seed and document, (S, M), seeds in ascending order and documents sorted by name."""
        return np.array([list(run.losses(split, everything, column).values()) for run in self.arms[arm]])

    def differences(
        self, first: str, second: str, split: str = "test", everything: bool = False
    ) -> dict[int, np.ndarray]:
        """Seed -> loss of the first arm minus that of the second by document, (M,), for the seeds that both have."""
        others = {run.labels.seed: run.losses(split, everything) for run in self.arms[second]}
        found = {}
        for run in self.arms[first]:
            mine, other = run.losses(split, everything), others.get(run.labels.seed)
            if other is not None:
                require(mine.keys() == other.keys(), f"{first} and {second} must be evaluated on the same documents")
                found[run.labels.seed] = np.array([mine[name] - other[name] for name in mine])
        return found


def read(folder: Path) -> Results:
    """Read a sweep's folder; of results of several versions, those of the highest (see `job.VERSION`).

    Raises ValueError when it holds no sweep, or none that is readable.
    """
    path = folder / SETTINGS
    require(path.exists(), f"folder must hold a sweep, got {folder}, where {SETTINGS} is missing")
    folders = sorted(each for each in (folder / RUNS).glob("*") if each.is_dir())
    runs = [run for run in map(finished, folders) if run is not None]
    failed = [found for each in folders if (found := failure_of(each)) and result_of(each) is None]
    version = max([run.version for run in runs] + [each["identity"]["version"] for each in failed], default=None)
    failed = tuple(each for each in failed if each["identity"]["version"] == version)
    return Results(read_json(path), in_order(run for run in runs if run.version == version), failed)


def keep(folder: Path, to: Path) -> int:
    """Copy what a report needs, and packed logs, from a sweep's folder to another one; returns the bytes.

    Weights and tokens are left behind.

    Raises ValueError when `folder` holds no sweep or `to` is not empty, and OSError when `to` cannot be written.
    """
    results = read(folder)
    require(not to.exists() or not any(to.iterdir()), f"to must be an empty folder or none, got {to}")
    needed = [folder / SETTINGS, *(folder / RUNS / failed["key"] / FAILURE for failed in results.failed)]
    needed += [run.folder / name for run in results.runs for name in (RESULT, DOCUMENTS, PACKED_LOG)]
    kept = {path.relative_to(folder): path.read_bytes() for path in needed if path.exists()}
    for run in results.runs:
        path = run.folder / log.NAME
        if path.exists():
            kept[path.with_name(PACKED_LOG).relative_to(folder)] = gzip.compress(path.read_bytes(), mtime=0)
    for place, content in kept.items():
        write_atomically(to / place, content)
    return sum(map(len, kept.values()))


def finished(folder: Path) -> Finished | None:
    """The run in this folder; None if it has no result."""
    result = result_of(folder)
    return None if result is None else Finished(folder, Labels(**result["labels"]), result)


def in_order(runs: Iterable[Finished]) -> tuple[Finished, ...]:
    return tuple(sorted(runs, key=lambda run: order(run.labels)))
