"""The trainer: what it reaches, what it writes, what it does when the loss is no number or the disk is full."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training import DivergedError, NextTokenData, Recipe, checkpoint, evaluate, log, train
from course_lib.training.distributed import Place
from course_lib.training.folder import RunFolder
from course_lib.training.schedule import learning_rate
from course_lib.training.trainer import Bar, Training

SYMBOLS = 11
RECIPE = Recipe(steps=60, learning_rate=0.05, warmup=5, evaluate_every=20, checkpoint_every=7, log_every=3)


class Bigram(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(SYMBOLS, 7)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(7, SYMBOLS)

    def forward(self, tokens):
        return self.output(self.dropout(self.embedding(tokens)))


def data(batch_size=6) -> NextTokenData:
    """Each token is twice the one before, or with one chance in four another."""
    random = np.random.default_rng(0)
    text = [1]
    for _ in range(1_200):
        text.append(2 * text[-1] % SYMBOLS if random.random() < 0.75 else int(random.integers(SYMBOLS)))
    vocab = [b"ab"] * SYMBOLS
    return NextTokenData((torch.tensor(text[:1_000]), torch.tensor(text[1_000:])), vocab, 5, batch_size)


def run(folder, recipe=RECIPE, model=None, source=None):
    model = model or Bigram()
    return model, train(model, source or data(), recipe, folder, "cpu", watchers=())


def test_it_learns_what_there_is_to_learn(tmp_path):
    _, result = run(tmp_path, replace(RECIPE, steps=400, evaluate_every=400))
    # The entropy of the source: right with 0.75 + 0.25 / 11, each of ten others with 0.25 / 11.
    right, other = 0.75 + 0.25 / 11, 0.25 / 11
    entropy = -right * math.log(right) - 10 * other * math.log(other)
    # 200 validation tokens tell the loss to about 1.3 / sqrt(200) = 0.09.
    assert result.evaluation.nats_per_token == pytest.approx(entropy, abs=0.2)
    assert result.tokens == 400 * 6 * 5 and result.tokens_per_second > 0


def test_seconds_of_training_leave_out_checkpoints(tmp_path, monkeypatch):
    """Nine are written between steps; each takes 0.02 s longer here. The last comes after the clock has stopped."""
    write = checkpoint.write

    def slow(*arguments):
        time.sleep(0.02)
        write(*arguments)

    monkeypatch.setattr(checkpoint, "write", slow)
    _, result = run(tmp_path)
    assert result.seconds - result.training_seconds >= 9 * 0.02


def test_units_of_the_loss(tmp_path):
    model, result = run(tmp_path)
    again = evaluate(model, data())
    assert again == result.evaluation and model.training
    assert again.tokens == 200
    # Two bytes a token.
    assert again.bits_per_byte == pytest.approx(again.nats_per_token / math.log(2) / 2, rel=1e-12)
    model.eval()
    text = data().validation_tokens
    with torch.no_grad():
        P = model(text[None, :-1])[0].double().softmax(-1)  # a bigram model sees one token: windows do not matter
    expected = -P[torch.arange(200), text[1:]].log().mean()
    assert again.nats_per_token == pytest.approx(float(expected), rel=1e-6)  # sums in float32


class Drawing(Bigram):
    """Notes a random number of each call in training."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def forward(self, tokens):
        if self.training:
            self.drawn.append(float(torch.rand(())))
        return super().forward(tokens)


def test_random_numbers_of_a_step_depend_on_the_seed_and_on_the_step(tmp_path):
    """They are not those of another step or of another seed, so that dropout differs."""
    drawn = []
    for number, seed in enumerate((0, 0, 1)):
        model, _ = run(tmp_path / str(number), replace(RECIPE, steps=9, seed=seed), Drawing())
        drawn.append(model.drawn)
    assert drawn[0] == drawn[1] and len(set(drawn[0] + drawn[2])) == 18


def test_weights_that_do_not_decay_learn_at_the_same_rate(tmp_path):
    training = Training(Bigram(), data(), RECIPE, RunFolder(tmp_path), Place(torch.device("cpu")))
    assert len(training.optimiser.param_groups) == 2
    for step in (0, 3, 30, 59):
        assert training.set_rate(step) == learning_rate(RECIPE, step)
        assert [group["lr"] for group in training.optimiser.param_groups] == [learning_rate(RECIPE, step)] * 2


def test_the_bar_counts_from_the_last_resumption():
    """The trainer changes the dict of its progress in place."""
    progress = {"tokens": 1_000, "training_seconds": 7.0}
    with Bar(10, 4, shown=True) as bar:
        bar.advance(2.0, progress)
        progress |= {"tokens": 1_600, "training_seconds": 10.0}
        bar.advance(3.0, progress)
        assert bar.bar.n == 6 and bar.bar.postfix == "loss 2.050, 200 tokens/s"


def test_the_log_is_json_lines(tmp_path):
    _, result = run(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == list(range(0, 60, 3))
    assert [row["step"] for row in rows if "validation" in row] == [0, 20, 40, 60]
    assert rows[-1]["validation"] == result.evaluation.as_dict()
    assert rows[-1]["validation"]["nats_per_token"] < rows[0]["validation"]["nats_per_token"]


def test_watchers_see_the_lines_of_the_log(tmp_path):
    seen = []
    train(Bigram(), data(), RECIPE, tmp_path, "cpu", watchers=(seen.append,))
    assert seen == log.read(tmp_path / "log.jsonl")


def test_a_finished_run_is_not_trained_further(tmp_path):
    first, result = run(tmp_path)
    again, same = run(tmp_path)
    assert same.evaluation == result.evaluation and same.tokens == result.tokens
    assert same.seconds >= result.seconds and same.training_seconds == result.training_seconds
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_the_callers_random_numbers_stay_as_they_are(tmp_path):
    model = Bigram()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(model, data(), RECIPE, tmp_path, "cpu", watchers=())
    assert torch.equal(torch.rand(3), expected)


def test_the_length_of_the_gradient_is_bounded(tmp_path):
    lengths = []
    model = Bigram()

    class Watched(torch.optim.SGD):
        def step(self):
            lengths.append(math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters())))

    recipe = replace(RECIPE, clip=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course_lib.training.trainer.adamw", lambda model, _: Watched(model.parameters(), lr=0.0))
        train(model, data(), recipe, tmp_path, "cpu", watchers=())
    assert len(lengths) == 60 and max(lengths) <= 0.01 * (1 + 1e-4)  # clip_grad_norm_ divides by length + 1e-6


class Breaks(Bigram):
    """Its loss is no number in call `at` of training, counted from 0."""

    def __init__(self, at, in_gradient=False):
        super().__init__()
        self.calls, self.at, self.in_gradient = 0, at, in_gradient

    def forward(self, tokens):
        logits = super().forward(tokens)
        self.calls += self.training
        if self.training and self.calls == self.at + 1:
            # sqrt(0) is 0, and its derivative is infinite.
            return logits + (self.output.bias * 0).abs().sqrt().sum() if self.in_gradient else logits * math.nan
        return logits


@pytest.mark.parametrize("in_gradient", [False, True])
def test_a_diverged_run_names_the_step_and_keeps_the_last_good_checkpoint(tmp_path, in_gradient):
    with pytest.raises(DivergedError, match="at step 24 .* nan.*checkpoint.safetensors keeps the last good parameters"):
        run(tmp_path, model=Breaks(24, in_gradient))
    good = Bigram()
    assert checkpoint.read(tmp_path / "checkpoint.safetensors", good)["step"] == 21
    assert all(bool(p.isfinite().all()) for p in good.parameters())
    whole, _ = run(tmp_path / "whole")
    resumed, _ = run(tmp_path, model=Breaks(10**6))  # goes on as if nothing had happened
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_weights_that_are_no_numbers_are_never_kept(tmp_path):
    """The step at which a checkpoint is due is the one that breaks."""
    with pytest.raises(DivergedError, match="at step 7 "):
        run(tmp_path, model=Breaks(7))
    assert checkpoint.read(tmp_path / "checkpoint.safetensors", Bigram())["step"] == 0
    with pytest.raises(DivergedError, match="at step 0 .*no checkpoint was written yet"):
        run(tmp_path / "early", model=Breaks(0))


def test_bfloat16_multiplies_in_bfloat16_and_keeps_weights_in_float32(tmp_path):
    model, result = run(tmp_path, replace(RECIPE, precision="bfloat16"))
    _, exact = run(tmp_path / "float32", replace(RECIPE, precision="float32"))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert result.evaluation != exact.evaluation
    # Logits of size 3 are rounded to 2**-9 of it; some 60 steps of learning rate 0.05 add to that.
    assert result.evaluation.nats_per_token == pytest.approx(exact.evaluation.nats_per_token, abs=0.05)


class Tied(Bigram):
    def __init__(self):
        super().__init__()
        self.output.weight = self.embedding.weight
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)


def test_a_checkpoint_holds_tied_weights_once_and_kept_buffers(tmp_path):
    model, _ = run(tmp_path, model=Tied())
    model.seen.fill_(5.0)
    assert set(checkpoint.tensors_of(model)) == {"embedding.weight", "output.bias", "seen"}
    checkpoint.write(tmp_path / "other", model, torch.optim.SGD(model.parameters()), {"step": 3})
    fresh = Tied()
    assert checkpoint.read(tmp_path / "other", fresh) == {"step": 3}
    assert fresh.output.weight is fresh.embedding.weight and torch.equal(fresh.output.weight, model.output.weight)
    assert float(fresh.seen) == 5.0


class Large(nn.Module):
    """Its weights take 0.5 MB."""

    def __init__(self):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(SYMBOLS, 11_000))

    def forward(self, tokens):
        raise AssertionError("training has begun")


def test_a_full_disk_is_reported_before_training(tmp_path):
    """A limit on the size of a file fails a write like a full disk does, halfway through."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(OSError, match="must take checkpoints of 1.5 MB, but: File too large"):
            run(tmp_path / "x", model=Large())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "x").iterdir()) == []
