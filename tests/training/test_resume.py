"""A run killed with SIGKILL, wherever it stands, and started again ends with the same weights, bit for bit."""

import json
import os
import random

import pytest
from safetensors import safe_open

CHECKPOINT = "checkpoint.safetensors"
KILLED = [-9]
KINDS = ("decoder", "latent", "grouped", "post-norm", "masked", "translation", "large")  # of `kinds.py`
STEPS = 15  # with a checkpoint before each fourth


def contents(folder) -> tuple[dict, dict, list]:
    """All tensors, weights and moments; how they lie in memory; and the log without its times."""
    with safe_open(folder / CHECKPOINT, "np") as file:
        tensors = {name: file.get_tensor(name).tobytes() for name in file.keys()}
        strides = json.loads(file.metadata()["strides"])
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return tensors, strides, [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def resumed(folder) -> list[int]:
    """The steps at which the run went on."""
    with safe_open(folder / CHECKPOINT, "np") as file:
        return json.loads(file.metadata()["progress"])["resumed"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_is_killed_at_random_steps(runs, tmp_path, kind, precision):
    """Twice, within a step or behind an update, and then it ends as if it had never been killed."""
    recipe = {"kind": kind, "precision": precision, "steps": STEPS}
    assert runs.run(tmp_path / "whole", **recipe) == [0]
    rng = random.Random(f"{kind}, {precision}")
    # The first kill comes after the checkpoint of step 4, which has moments, the second when a step has been resumed.
    for least, most in ((5, 11), (1, 6)):
        place, when = rng.choice(["step", "update"]), rng.randint(least, most)
        print(f"{kind} in {precision}: killed at {place} {when}")
        assert runs.run(tmp_path / "killed", place=place, when=when, **recipe) == KILLED
    assert runs.run(tmp_path / "killed", **recipe) == [0]
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert resumed(tmp_path / "whole") == [] and len(resumed(tmp_path / "killed")) == 2


@pytest.fixture(scope="module")
def whole(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert runs.run(folder) == [0]
    return contents(folder)


@pytest.mark.parametrize(
    "place, when",
    [
        ("step", 0),
        ("step", 2),  # between two checkpoints
        ("step", 21),
        ("update", 8),
        # Files in the order in which they are written: run.json, log.jsonl, then a checkpoint each time.
        ("half the file", 0),
        ("half the file", 2),
        ("half the file", 5),
        ("before the rename", 1),
        ("before the rename", 2),
        ("before the rename", 6),
        ("after the rename", 0),
        ("after the rename", 2),
        ("after the rename", 6),
        ("after the rename", 11),  # the last checkpoint
        ("half a line of the log", 0),
        ("half a line of the log", 14),
    ],
)
def test_killed_once(runs, whole, tmp_path, place, when):
    assert runs.run(tmp_path, place=place, when=when) == KILLED
    assert runs.run(tmp_path) == [0]
    assert contents(tmp_path) == whole
    assert sorted(os.listdir(tmp_path)) == [CHECKPOINT, "log.jsonl", "run.json"]


def test_killed_again_and_again(runs, whole, tmp_path):
    """Each start writes the last checkpoint anew, then this many more files or one less than its half."""
    kept = []
    for when in (3, 5, 1, 4, 3):
        assert runs.run(tmp_path, place="half the file", when=when) == KILLED
        kept.append(json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"])
    assert kept == [3, 15, 11, 23, 27]  # the last step before the checkpoint at which it was killed
    assert runs.run(tmp_path) == [0]
    assert contents(tmp_path) == whole
    assert resumed(tmp_path) == [0, 12, 20, 24]  # at 12 twice; of the first time nothing is left
