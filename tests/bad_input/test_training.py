"""Bad input to training: each is refused by argument, value and rule, before the first step."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.training import (
    MaskedTokenData,
    NextTokenData,
    Recipe,
    TranslationData,
    checkpoint,
    exact_matches,
    log,
    number_tokenizer,
    train,
)
from course_lib.training.distributed import Place, choose_device
from course_lib.training.folder import RunFolder
from course_lib.training.trainer import Training

RECIPE = Recipe(steps=2, learning_rate=0.1)
TEXT = torch.arange(50) % 11
VOCAB = [b"."] * 11


class Model(nn.Module):
    def __init__(self, width=7):
        super().__init__()
        self.embedding, self.output = nn.Embedding(11, width), nn.Linear(width, 11)

    def forward(self, tokens):
        return self.output(self.embedding(tokens))


def data(**options) -> NextTokenData:
    return NextTokenData(**{"tokens": (TEXT, TEXT), "vocab": VOCAB, "context": 5, "batch_size": 6} | options)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"steps": 0}, "steps must be a positive integer, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive finite number, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a positive finite number, got nan"),
        ({"warmup": -1}, "warmup must be a whole number from 0, got -1"),
        ({"warmup": 3}, "warmup must not exceed steps = 2, got 3"),
        ({"final": 1.5}, "final must be a share from 0 to 1, got 1.5"),
        ({"weight_decay": -0.1}, "weight_decay must not be negative, got -0.1"),
        ({"betas": (0.9, 1.0)}, r"betas must be two numbers in \[0, 1\), got \(0.9, 1.0\)"),
        ({"clip": 0.0}, "clip must be a positive finite number, got 0.0"),
        ({"seed": 1.5}, "seed must be a whole number from 0, got 1.5"),
        ({"precision": "float16"}, "precision must be one of auto, float32, bfloat16, got float16"),
    ],
)
def test_recipes(changed, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **changed)


@pytest.mark.parametrize("kind", [NextTokenData, MaskedTokenData])
@pytest.mark.parametrize(
    "changed, message",
    [
        ({"context": 0}, "context, batch_size must be positive, got 0, 6"),
        ({"batch_size": 0}, "context, batch_size must be positive, got 5, 0"),
        ({"seed": -1}, "seed must be a whole number from 0, got -1"),
        ({"tokens": (TEXT[:10], TEXT)}, r"training tokens must hold 2 context \+ 1 = 11 tokens at least, got 10"),
        ({"tokens": (TEXT, TEXT[:1])}, "validation tokens must hold 2 tokens at least, got 1"),
        ({"tokens": (TEXT + 1, TEXT)}, r"training tokens must lie in 0..10, got 1..11"),
        ({"tokens": (TEXT, TEXT - 1)}, r"validation tokens must lie in 0..10, got -1..9"),
        ({"tokens": (TEXT.float(), TEXT)}, "training tokens must be a list of token ids"),
    ],
)
def test_texts(kind, changed, message):
    options = {"tokens": (TEXT, TEXT), "vocab": VOCAB, "context": 5, "batch_size": 6} | changed
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_translation():
    tokenizer = number_tokenizer()
    for sizes, message in (
        ({"batch_size": 0}, "batch_size, validation_pairs must be positive, got 0, 1000"),
        ({"batch_size": 2, "validation_pairs": 0}, "batch_size, validation_pairs must be positive, got 2, 0"),
        ({"batch_size": 2, "largest": 9}, "largest must be an integer in 99.."),
        ({"batch_size": 2, "seed": 0.5}, "seed must be a whole number from 0, got 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            TranslationData(tokenizer, **sizes)
    with pytest.raises(ValueError, match="pairs must hold at least one pair, got none"):
        exact_matches(Model(), TranslationData(tokenizer, 2, validation_pairs=3), [])


def test_devices():
    with pytest.raises(ValueError, match="device must be auto, cuda, mps, cpu or such as cuda:1, got 'tpu'"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device 'cuda' is not available on this machine"):
            choose_device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_processes(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="batch_size must be a multiple of 4 processes, got 6"):
        Training(Model(), data(), RECIPE, RunFolder(tmp_path), Place(torch.device("cpu"), 0, 4))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="WORLD_SIZE = 2 processes need RANK, .*MASTER_PORT too; start with torchrun"):
        train(Model(), data(), RECIPE, tmp_path, "cpu", ())


def test_a_model_that_has_nothing_to_train(tmp_path):
    with pytest.raises(ValueError, match="model must have parameters that require gradients, Identity has none"):
        train(nn.Identity(), data(), RECIPE, tmp_path, "cpu", ())


def test_another_run_in_the_folder(tmp_path):
    train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for other, message in (
        ((Model(), data(), replace(RECIPE, steps=3)), r"recipe.steps = 3 \(there: 2\)"),
        ((Model(), data(batch_size=3), RECIPE), r"data.batch_size = 3 \(there: 6\)"),
        ((Model(width=5), data(), RECIPE), "model.parameters = "),
        ((Model(), data(tokens=(TEXT.flip(0), TEXT)), RECIPE), "data.tokens = "),
    ):
        with pytest.raises(ValueError, match=f"differs in .*{message}.*choose another folder"):
            train(*other, tmp_path, "cpu", ())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match="holds a checkpoint, but no readable run.json"):
        train(Model(), data(), RECIPE, tmp_path, "cpu", ())


def test_a_damaged_checkpoint(tmp_path):
    train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    path = tmp_path / checkpoint.NAME
    model = Model(width=5)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(
        ValueError, match="the checkpoint must be of this model, but embedding.weight, output.weight differ"
    ):
        checkpoint.read(path, model)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="path must lead to a checkpoint, got .*checkpoint.safetensors"):
        checkpoint.read(path, model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"format": "1"}, "of format 2, got .*: an earlier version of the course wrote it, whose resumed runs"),
        ({"format": "3"}, "path must lead to a checkpoint of this course, got "),
        ({"strides": "{}"}, "its strides do not fit its tensors"),
        ({"strides": ("[7, 1]", "[7, 2]")}, "its strides do not fit its tensors"),
        ({"strides": ("[7, 1]", "[0, 1]")}, "its strides do not fit its tensors"),
    ],
)
def test_a_checkpoint_of_another_format(tmp_path, changed, message):
    """A run does not go on from one, and what lies in the folder stays as it is."""
    train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    path = tmp_path / checkpoint.NAME
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        for key, value in changed.items():
            metadata[key] = value if isinstance(value, str) else metadata[key].replace(*value)
    save_file(load_file(path), path, metadata)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    assert path.read_bytes() == before


def test_a_checkpoint_in_another_precision(tmp_path):
    train(Model(), data(), RECIPE, tmp_path, "cpu", ())
    with pytest.raises(ValueError, match="of this model, but embedding.weight, output.bias, output.weight differ"):
        checkpoint.read(tmp_path / checkpoint.NAME, Model().double())


def test_a_parameter_without_gradient_that_processes_share():
    parameters = [nn.Parameter(torch.ones(2)) for _ in range(3)]
    parameters[0].grad = torch.ones(2)
    with pytest.raises(ValueError, match="must use all parameters when processes share it, got 2 without a gradient"):
        Place(torch.device("cpu"), 0, 2).add_up(parameters)


def test_a_log_of_something_else(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 0}\nhello\n{"step": 1}\n')
    with pytest.raises(ValueError, match="path must lead to JSON lines, got .*, line 2: 'hello'"):
        log.read(tmp_path / "log.jsonl")
    assert log.read(tmp_path / "none.jsonl") == []


class NeverCalled(Model):
    def forward(self, tokens):
        raise AssertionError("training has begun")


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="folder .*file must take checkpoints of 0.0 MB, but: .*"):
        train(NeverCalled(), data(), RECIPE, tmp_path / "file", "cpu", ())
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unwritable_folder(tmp_path, monkeypatch):
    """Simulated, since nothing is unwritable for an administrator."""
    original = Path.open

    def refuse(path, mode="r", *arguments, **options):
        if "w" in mode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return original(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError, match=f"folder {tmp_path} must take checkpoints .*, but: Permission denied"):
        train(NeverCalled(), data(), RECIPE, tmp_path, "cpu", ())
    assert list(tmp_path.iterdir()) == []


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
def test_a_full_disk(tmp_path, monkeypatch, room, enough):
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
    with pytest.raises(OSError, match="must take checkpoints of 0.0 MB, but: No space left on device") as caught:
        train(NeverCalled(), data(), RECIPE, tmp_path, "cpu", ())
    assert caught.value.errno == errno.ENOSPC and list(tmp_path.iterdir()) == []
