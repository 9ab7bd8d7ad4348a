"""One run: what its result depends on, the hash of that, and the folder that the hash names."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path

from course_lib.config import ModelConfig
from course_lib.training import Recipe

# Raised by hand when the values of a run change although its plan does not: with the trainer, a layer, the initial
# weights or the rule of evaluation. tests/experiments/test_run.py holds the loss of a short run to it.
VERSION = 1
RUNS = "runs"  # folder of all runs within that of a sweep


@dataclass(frozen=True, kw_only=True)
class Labels:
    """How tables name a run. Two runs that differ in labels alone are the same run."""

    arm: str
    seed: int
    rate: float  # the highest learning rate
    steps: int
    widths: str  # of feed-forward layers: "matched" parameters, or "equal" d_ff


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that the result of a run depends on, and its labels."""

    labels: Labels
    model: ModelConfig
    recipe: Recipe  # its seed orders the batches
    initial_seed: int  # of the first weights
    tokens: str  # digest of the tokens
    context: int
    sequences: int
    splits: tuple[str, ...]  # whose documents are evaluated
    threads: int = 1
    device: str = "cpu"

    def identity(self) -> dict:
        """Everything but the labels, and the version, ready for JSON."""
        parts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        return {"version": VERSION} | {name: essence(part) for name, part in parts.items()}

    @property
    def key(self) -> str:
        """16 hexadecimal digits: the hash of the identity."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:16]

    def folder(self, sweep: Path) -> Path:
        """The folder of this run in that of the sweep."""
        return sweep / RUNS / self.key

    def describe(self) -> dict:
        """Labels and identity, ready for JSON."""
        return {"key": self.key, "labels": asdict(self.labels), "identity": self.identity()}

    def __str__(self) -> str:
        labels = self.labels
        widths = "" if labels.widths == "matched" else f", {labels.widths} widths"
        return f"{labels.arm}, seed {labels.seed}, rate {labels.rate:g}, {labels.steps:,} steps{widths}"


def initial_seed(seed: int, repeats: bool) -> int:
    """The seed of the first weights: that of the batches; another one for an arm that repeats another arm."""
    return seed + 1_000_000 if repeats else seed


def essence(value):
    """A config as plain values, ready for JSON: its class, and its fields that do not have their default.

    So a field that is added later, with a default that changes nothing, leaves the hash of every earlier run as it is.
    """
    if isinstance(value, tuple | list):
        return [essence(each) for each in value]
    if not is_dataclass(value):
        return value
    kept = {field.name: getattr(value, field.name) for field in fields(value)}
    kept = {field.name: kept[field.name] for field in fields(value) if kept[field.name] != field.default}
    return {"class": type(value).__name__} | {name: essence(each) for name, each in kept.items()}
