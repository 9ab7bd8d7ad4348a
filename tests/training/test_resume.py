"""A run killed with SIGKILL, wherever it stands, and started again ends with the same weights, bit for bit."""

import json
import os
import signal
import time

import pytest
from safetensors.torch import load_file

CHECKPOINT = "checkpoint.safetensors"
KILLED = [-9]


def contents(folder) -> tuple[dict, list]:
    """All tensors, weights and moments, and the log without its times."""
    tensors = {name: tensor.tolist() for name, tensor in load_file(folder / CHECKPOINT).items()}
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return tensors, [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


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


def test_killed_at_any_time(runs, tmp_path):
    """From outside, at times that fall where they may; a run of so many steps that none ends before it is killed."""
    assert runs.run(tmp_path / "whole", steps=2_000) == [0]
    for kills in range(4):
        (process,) = runs.start(tmp_path / "killed", steps=2_000)
        while not (tmp_path / "killed" / CHECKPOINT).exists():
            time.sleep(0.01)
        time.sleep(0.05 + 0.037 * kills)
        os.kill(process, signal.SIGKILL)
        assert runs.statuses() == KILLED
    assert runs.run(tmp_path / "killed", steps=2_000) == [0]
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
