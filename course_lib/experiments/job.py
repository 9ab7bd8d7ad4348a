"""One piece of work: what its result depends on, the hash of that, and the folder that the hash names."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path

# Raised by hand when the values of a run change although its description does not: with the trainer, a layer, the
# initial weights or the rule of evaluation. tests/experiments/test_run.py holds the losses of short runs to it.
VERSION = 1
RUNS = "runs"  # folder of all jobs within that of a sweep


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How tables name a job. Two jobs that differ in labels alone are the same job."""

    arm: str
    seed: int
    rate: float  # the highest learning rate
    steps: int
    widths: str  # of feed-forward layers: "matched" parameters, or "equal" d_ff where that is another one
    task: str = "text"  # "text" for training and the loss on documents; otherwise what a trained model is probed for


@dataclass(frozen=True, kw_only=True)
class Job(ABC):
    """All that a result depends on, and its labels. A subclass adds fields, and says how to come to the result."""

    labels: Labels
    threads: int = 1  # of torch

    @abstractmethod
    def finish(self, folder: Path, sweep: Path) -> tuple[dict, list[dict]]:
        """Bring the job to its end, from wherever an earlier process left it in `folder`.

        Returns what result.json holds beside `describe`, and the rows of documents.parquet. Rows have the keys
        document, split (what the loss is of), tokens, nats (the sum over these tokens) and kept (whether the document
        counts in means). Raises DivergedError where training diverges: this is then the result.
        """

    @property
    def steps(self) -> int:
        """Steps of training that the job takes, by which its duration is judged."""
        return self.labels.steps

    def identity(self) -> dict:
        """Everything but the labels, and the version, ready for JSON."""
        parts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        named = {"version": VERSION, "job": type(self).__name__}
        return named | {
            name: part.identity() if isinstance(part, Job) else essence(part) for name, part in parts.items()
        }

    @property
    def key(self) -> str:
        """16 hexadecimal digits: the hash of the identity."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:16]

    def folder(self, sweep: Path) -> Path:
        """The folder of this job in that of the sweep."""
        return sweep / RUNS / self.key

    def describe(self) -> dict:
        """Labels and identity, ready for JSON."""
        return {"key": self.key, "labels": asdict(self.labels), "identity": self.identity()}

    def __str__(self) -> str:
        labels = self.labels
        widths = "" if labels.widths == "matched" else f", {labels.widths} widths"
        task = "" if labels.task == "text" else f", {labels.task}"
        return f"{labels.arm}, seed {labels.seed}, rate {labels.rate:g}, {labels.steps:,} steps{widths}{task}"


def essence(value):
    """A config as plain values, ready for JSON: its class, and its fields that do not have their default.

    So a field that is added later, with a default that changes nothing, leaves the hash of every earlier job as it is.
    """
    if isinstance(value, tuple | list):
        return [essence(each) for each in value]
    if not is_dataclass(value):
        return value
    kept = {field.name: getattr(value, field.name) for field in fields(value)}
    kept = {field.name: kept[field.name] for field in fields(value) if kept[field.name] != field.default}
    return {"class": type(value).__name__} | {name: essence(each) for name, each in kept.items()}
