"""Folders in which no run can go on, or begin. What lies in them stays as it is."""

import errno
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.training import NextTokenData, Recipe, checkpoint, log, train
from course_lib.training.folder import RunFolder

RECIPE = Recipe(steps=2, learning_rate=0.1)
TEXT = torch.arange(50) % 11


class Model(nn.Module):
    def __init__(self, width=7):
        super().__init__()
        self.embedding, self.output = nn.Embedding(11, width), nn.Linear(width, 11)

    def forward(self, tokens):
        return self.output(self.embedding(tokens))


class NeverCalled(Model):
    def forward(self, tokens):
        raise AssertionError("training has begun")


def data(**options):
    return NextTokenData(**{"tokens": (TEXT, TEXT), "vocab": [b"."] * 11, "context": 5, "batch_size": 6} | options)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def trained(tmp_path):
    """A folder with a finished run."""
    train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    return tmp_path


@pytest.mark.parametrize(
    "other, got, rule",
    [
        ((Model(), data(), replace(RECIPE, steps=3)), "recipe.steps = 3", "2"),
        ((Model(), data(batch_size=3), RECIPE), "data.batch_size = 3", "6"),
        ((Model(width=5), data(), RECIPE), "model.parameters = 121", "165"),
        ((Model(), data(tokens=(TEXT.flip(0), TEXT)), RECIPE), "data.tokens", ()),
    ],
)
def test_another_run_in_the_folder(refuses, trained, other, got, rule):
    before = contents(trained)
    refuses(lambda: train(*other, trained, "cpu", ()), "folder", (str(trained), got), rule)
    assert contents(trained) == before


def test_a_run_that_nothing_describes(refuses, trained):
    (trained / "run.json").write_text("{")
    before = contents(trained)
    refuses(lambda: train(Model(), data(), RECIPE, trained, "cpu", ()), "folder", str(trained), "run.json")
    assert contents(trained) == before


def test_a_checkpoint_of_another_model(refuses, trained):
    path = trained / checkpoint.NAME
    for model in (Model(width=5), Model().double()):
        before = [p.clone() for p in model.parameters()]
        refuses(partial(checkpoint.read, path, model), "checkpoint", str(path), ("embedding.weight", "output.weight"))
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_damaged_checkpoint(refuses, trained):
    path, model = trained / checkpoint.NAME, Model()
    before = [p.clone() for p in model.parameters()]
    path.write_bytes(path.read_bytes()[:-9])
    refuses(lambda: checkpoint.read(path, model), "path", str(path), "checkpoint")
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    "key, value, rule",
    [
        ("format", "1", "2"),
        ("format", "3", "checkpoint"),
        ("strides", "{}", "strides"),
        ("strides", ("[7, 1]", "[7, 2]"), "strides"),
        ("strides", ("[7, 1]", "[0, 1]"), "strides"),
    ],
)
def test_a_checkpoint_of_another_format(refuses, trained, key, value, rule):
    path = trained / checkpoint.NAME
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    metadata[key] = value if isinstance(value, str) else metadata[key].replace(*value)
    save_file(load_file(path), path, metadata)
    before = contents(trained)
    refuses(lambda: train(Model(), data(), RECIPE, trained, "cpu", ()), "path", str(path), rule)
    assert contents(trained) == before


def test_a_log_of_something_else(refuses, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 0}\nhello\n{"step": 1}\n')
    refuses(lambda: log.read(path), "path", (str(path), "'hello'"), ("JSON", "2"))
    assert log.read(tmp_path / "none.jsonl") == []


def test_a_folder_that_is_a_file(refuses, tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    run = partial(train, NeverCalled(), data(), RECIPE, path, "cpu", ())
    refuses(run, "folder", str(path), os.strerror(errno.EEXIST), FileExistsError)
    assert path.read_text() == "mine"


def test_an_unwritable_folder(refuses, tmp_path, monkeypatch):
    """Simulated, since nothing is unwritable for an administrator."""
    original = Path.open

    def refuse(path, mode="r", *arguments, **options):
        if "w" in mode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    run = partial(train, NeverCalled(), data(), RECIPE, tmp_path, "cpu", ())
    refuses(run, "folder", str(tmp_path), os.strerror(errno.EACCES), PermissionError)
    assert contents(tmp_path) == {}


class FullDisk:
    """A file that takes `room` bytes."""

    def __init__(self, file, room: int):
        self.file, self.room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, block: bytes) -> int:
        self.room -= len(block)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(block)


@pytest.mark.parametrize("room, enough", [(1_000_000, False), (1_060_000, True)])
def test_a_full_disk(refuses, tmp_path, monkeypatch, room, enough):
    """Two checkpoints of 3 * 4 * 165 bytes, and a MiB for the log."""
    original = Path.open

    def limited(path, mode="r", *arguments, **options):
        file = original(path, mode, *arguments, **options)
        return FullDisk(file, room) if path.name == ".probe.tmp" else file

    monkeypatch.setattr(Path, "open", limited)
    if enough:
        RunFolder(tmp_path).prepare({}, 3 * 4 * 165)
        assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
        return
    run = partial(train, NeverCalled(), data(), RECIPE, tmp_path, "cpu", ())
    refuses(run, "folder", (str(tmp_path), f"Errno {errno.ENOSPC}"), os.strerror(errno.ENOSPC), OSError)
    assert contents(tmp_path) == {}
