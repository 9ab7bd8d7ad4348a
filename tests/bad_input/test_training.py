"""Bad input of training. Each is refused before the first step."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from course_lib.training import (
    MaskedTokenData,
    NextTokenData,
    Recipe,
    TranslationData,
    distributed,
    exact_matches,
    number_tokenizer,
    train,
)
from course_lib.training.by_position import fit, spread
from course_lib.training.distributed import Place, choose_device, placed
from course_lib.training.folder import RunFolder
from course_lib.training.named import train_named
from course_lib.training.plans import PLANS
from course_lib.training.trainer import Training

RECIPE = Recipe(steps=2, learning_rate=0.1)
TEXT = torch.arange(50) % 11
VOCAB = [b"."] * 11
PAIRS = partial(TranslationData, number_tokenizer())
CPU, MODEL = torch.device("cpu"), nn.Linear(2, 2)


def data(kind=NextTokenData, **options):
    return kind(**{"tokens": (TEXT, TEXT), "vocab": VOCAB, "context": 5, "batch_size": 6} | options)


@pytest.mark.parametrize(
    "argument, value, got, rule",
    [
        ("steps", 0, "0", ("positive", "integer")),
        ("learning_rate", 0.0, "0.0", ("positive", "finite")),
        ("learning_rate", float("nan"), "nan", ("positive", "finite")),
        ("warmup", -1, "-1", "0"),
        ("warmup", 3, "3", "steps = 2"),
        ("final", 1.5, "1.5", ("0", "1")),
        ("weight_decay", -0.1, "-0.1", "negative"),
        ("betas", (0.9, 1.0), "(0.9, 1.0)", "[0, 1)"),
        ("clip", 0.0, "0.0", ("positive", "finite")),
        ("seed", 1.5, "1.5", "0"),
        ("precision", "float16", "float16", ("auto", "float32", "bfloat16")),
    ],
)
def test_recipes(refuses, argument, value, got, rule):
    refuses(lambda: replace(RECIPE, **{argument: value}), argument, got, rule)


@pytest.mark.parametrize(
    "wrong, argument, got, rule",
    [
        ({"context": 0}, "context", ("0", "6"), "positive"),
        ({"batch_size": 0}, "batch_size", ("5", "0"), "positive"),
        ({"seed": -1}, "seed", "-1", "0"),
        ({"tokens": (TEXT[:10], TEXT)}, "training tokens", "10", ("2 context + 1", "11")),
        ({"tokens": (TEXT, TEXT[:1])}, "validation tokens", "1", "2"),
        ({"tokens": (TEXT + 1, TEXT)}, "training tokens", "1..11", "0..10"),
        ({"tokens": (TEXT, TEXT - 1)}, "validation tokens", "-1..9", "0..10"),
        ({"tokens": (TEXT.float(), TEXT)}, "training tokens", "50", "ids"),
    ],
)
def test_texts(refuses, wrong, argument, got, rule):
    for kind in (NextTokenData, MaskedTokenData):
        refuses(partial(data, kind, **wrong), argument, got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: PAIRS(0), "batch_size", ("0", "1000"), "positive"),
        (lambda: PAIRS(2, validation_pairs=0), "validation_pairs", ("2", "0"), "positive"),
        (lambda: PAIRS(2, largest=9), "largest", "9", "99..999999999"),
        (lambda: PAIRS(2, seed=0.5), "seed", "0.5", "0"),
        (lambda: exact_matches(MODEL, PAIRS(2, validation_pairs=3), []), "pairs", "none", "one"),
        (lambda: choose_device("tpu"), "device", "'tpu'", ("auto", "cuda", "mps", "cpu", "cuda:1")),
        (lambda: fit(MODEL, TEXT, 1, batch=2, length=50, rate=0.1), "text", "50", "length = 50"),
        (lambda: spread(TEXT, 2, 51), "text", "50", "length = 51"),
        (lambda: train_named("docs-mah", "folder"), "name", "'docs-mah'", tuple(PLANS)),
        (lambda: PLANS["numbers"].prepare("text"), "corpus", (), "numbers"),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_devices(refuses):
    assert choose_device("cpu") == CPU
    if not torch.cuda.is_available():
        refuses(lambda: choose_device("cuda"), "device", "'cuda'", "auto")


def test_processes(refuses, monkeypatch, tmp_path):
    folder = RunFolder(tmp_path)
    refuses(lambda: Training(MODEL, data(), RECIPE, folder, Place(CPU, 0, 4)), "batch_size", "6", "4")
    monkeypatch.setenv("WORLD_SIZE", "2")
    run = partial(train, MODEL, data(), RECIPE, tmp_path)
    refuses(partial(run, "cpu", ()), "WORLD_SIZE", "2", ("RANK", "MASTER_PORT", "torchrun"))
    for name in distributed.TORCHRUN:
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(distributed, "choose_device", torch.device)
    refuses(placed("mps", "float32").__enter__, "device", "2", ("mps", "one", "cpu"))
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_has_nothing_to_train(refuses, tmp_path):
    refuses(lambda: train(nn.Identity(), data(), RECIPE, tmp_path, "cpu", ()), "model", "Identity", "gradients")


def test_a_parameter_without_gradient_that_processes_share(refuses):
    parameters = [nn.Parameter(torch.ones(2)) for _ in range(3)]
    parameters[0].grad = torch.ones(2)
    refuses(lambda: Place(CPU, 0, 2).add_up(parameters), "model", "2", "gradient")
