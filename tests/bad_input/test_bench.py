"""Bad input of the benchmarks, and results that they refuse."""

import sys
from types import SimpleNamespace

import pytest
import torch

from course_lib.bench import load, load_once, siblings
from course_lib.bench.characters import CharacterText
from course_lib.bench.decode import compare
from course_lib.bench.decode_contenders import random_model
from course_lib.bench.figures import slow_answer
from course_lib.bench.lab import eventually
from course_lib.bench.tokenizer import LEAST, long_text
from course_lib.packages import install_command


def test_texts_that_are_too_short(refuses, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a" * 100)
    refuses(lambda: long_text(str(path)), "text", ("100", str(path)), f"{LEAST:,}")
    refuses(lambda: CharacterText.read(path, 9), "text", ("10", "100", str(path)), ("19", "9"))


def test_a_package_that_is_missing(refuses, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    refuses(lambda: random_model(None, {}), "transformers", (), install_command("test"))


@pytest.mark.parametrize("logits, got", [([2.0, 1.0], "5.0e-01"), ([1.0, 2.1], "5.0e-02")])
def test_a_contender_that_computes_something_else(refuses, logits, got):
    """Another token, and the same token with other logits."""
    course = SimpleNamespace(logits=[torch.tensor([1.0, 2.0])])
    other = SimpleNamespace(contender=SimpleNamespace(name="other"), logits=[torch.tensor(logits)])
    refuses(lambda: compare(other, course), "other", got, "logits")


def test_what_does_not_answer(refuses):
    page = SimpleNamespace(evaluate=lambda *_: None)
    refuses(lambda: slow_answer(page, 3), "figure", "3", "Python")
    refuses(lambda: eventually(lambda: False, seconds=0), "condition", "0", "true", TimeoutError)


def test_names_that_are_not_known(refuses):
    refuses(lambda: siblings.find("gemma"), "sibling", "gemma", tuple(siblings.SIBLINGS))
    refuses(lambda: load.measure(["gemma"]), "sibling", "gemma", tuple(siblings.SIBLINGS))
    refuses(lambda: load.measure(["gemma-3-1b"], ["float8"]), "dtype", "float8", load.DTYPES)
    run = (None, None, "jax", "float32", 1, 1)
    refuses(lambda: load_once.run(*run), "implementation", "jax", tuple(load_once.IMPLEMENTATIONS))


def test_a_disk_that_is_full(refuses, tmp_path, monkeypatch):
    monkeypatch.setattr(siblings.shutil, "disk_usage", lambda place: SimpleNamespace(free=10**9))
    config = siblings.SIBLINGS["gemma-3-1b"].config
    refuses(lambda: siblings.write(config, tmp_path), "folder", (str(tmp_path), "1 GB"), "2.1 GB", OSError)
