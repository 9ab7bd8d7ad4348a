"""Masked tokens: which are asked for, what stands in their place, what is counted."""

import math

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import MaskedTokenModel
from course_lib.training import MaskedTokenData, Recipe, evaluate, train
from course_lib.training.data import IGNORED

VOCAB = [bytes([65 + i]) for i in range(11)]


def data(context=40, batch_size=30, seed=0, n=5_003) -> MaskedTokenData:
    return MaskedTokenData((np.arange(n) % 11, np.arange(97) % 11), VOCAB, context, batch_size, seed)


def test_fifteen_in_a_hundred_tokens_of_each_window_are_asked_for():
    inputs, targets = data().batch(3)
    assert inputs.shape == targets.shape == (30, 40) and inputs.dtype == targets.dtype == torch.int64
    asked = targets != IGNORED
    assert asked.sum(1).tolist() == [6] * 30  # 15 % of 40
    assert torch.equal(inputs[~asked], rebuilt(inputs, targets)[~asked])


def rebuilt(inputs, targets):
    """The text: the window's tokens follow each other, so that any token that is shown tells the others."""
    whole = torch.where(targets == IGNORED, inputs, targets)
    assert torch.equal((whole[:, :-1] + 1) % 11, whole[:, 1:])
    return whole


def test_eighty_ten_ten():
    batches = [data().batch(step) for step in range(300)]
    inputs, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    shown, answers = inputs[targets != IGNORED], targets[targets != IGNORED]
    n = len(shown)
    assert n == 300 * 30 * 6
    # Binomial shares: four standard deviations. One random token in eleven is the right one.
    for share, expected in (
        ((shown == 11).double().mean(), 0.8),
        ((shown == answers).double().mean(), 0.1 + 0.1 / 11),
        (((shown != answers) & (shown != 11)).double().mean(), 0.1 * 10 / 11),
    ):
        assert float(share) == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / n))
    others = torch.bincount(shown[(shown != answers) & (shown != 11)], minlength=11)
    assert float(others.min()) > 0.8 * float(others.double().mean())  # all tokens, about equally often
    places = (targets != IGNORED).sum(0).double()
    # A place is asked for in 15 % of 9000 windows, 1350 times, standard deviation 34.
    assert float((places - 1_350).abs().max()) < 5 * 34


def test_random_tokens_of_a_window_are_drawn_one_by_one():
    """Two in a window are equal once in eleven times."""
    inputs, targets = data(context=200).batch(0)  # of 30 tokens that are asked for, about three are replaced
    replaced = (targets != IGNORED) & (inputs != 11) & (inputs != targets)
    several = [row[places] for row, places in zip(inputs, replaced, strict=True) if places.sum() > 1]
    assert len(several) > 10 and sum(len(set(row.tolist())) > 1 for row in several) > len(several) / 2


def test_a_batch_depends_on_seed_and_step_alone():
    there = [data().batch(step) for step in range(5)]
    back = [data().batch(step) for step in reversed(range(5))][::-1]
    assert all(torch.equal(a, b) for left, right in zip(there, back, strict=True) for a, b in zip(left, right))  # noqa: B905
    assert not torch.equal(there[0][0], data(seed=1).batch(0)[0])


def test_a_window_is_masked_anew_in_each_epoch():
    small = data(context=10, batch_size=1, n=21)  # one window in an epoch
    assert small.windows == 1
    assert len({tuple((small.batch(step)[1][0] != IGNORED).tolist()) for step in range(30)}) > 5


def test_validation_masks_are_the_same_each_time_and_for_each_seed():
    once, again, other = ([*source.validation()] for source in (data(), data(), data(seed=5, batch_size=2)))
    for a, b, c in zip(once, again, other, strict=True):
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
        assert torch.equal(a[0], c[0]) and torch.equal(a[1], c[1])
    text = torch.cat([torch.where(t == IGNORED, x, t).flatten() for x, t in once])
    assert text.tolist() == [i % 11 for i in range(97)]  # 2 windows of 40, and 17 left over
    assert [data().count(batch) for batch in once] == [(12, 0), (3, 0)]  # 15 % of 17 is 2.55


def test_short_windows_ask_for_one_token():
    _, targets = data(context=3).batch(0)
    assert (targets != IGNORED).sum(1).tolist() == [1] * 30


def test_an_encoder_learns_to_fill_masks(tmp_path):
    """In this text each token comes fifty times, so that those around a mask tell what it hides."""
    text = np.repeat(np.random.default_rng(0).integers(11, size=100), 50)
    source = MaskedTokenData((text, text[:497]), VOCAB, 10, 16)
    config = ModelConfig(vocab_size=12, n_layers=1, d_ff=20, attention=GroupedConfig(d_model=12, n_heads=2))
    torch.manual_seed(0)
    model = MaskedTokenModel(config)
    result = train(model, source, Recipe(steps=80, learning_rate=0.02, evaluate_every=80), tmp_path, "cpu", ())
    assert result.evaluation.nats_per_token < 0.3 * math.log(11)
    assert result.evaluation.bits_per_byte is None
    assert result.evaluation.tokens == 49 * 2 + 1  # 49 windows of 10, and 7 left over
    assert str(result.evaluation) == f"{result.evaluation.nats_per_token:.3f} nats per token"
    assert evaluate(model, source) == result.evaluation


def test_the_loss_is_that_of_the_tokens_asked_for():
    source = data(context=20)
    model = MaskedTokenModel(
        ModelConfig(vocab_size=12, n_layers=1, d_ff=7, attention=GroupedConfig(d_model=6, n_heads=2))
    )
    inputs, targets = source.batch(0)
    P = model(inputs).detach().double().softmax(-1)
    expected = -sum(float(P[i, j, targets[i, j]].log()) for i, j in (targets != IGNORED).nonzero().tolist())
    assert source.losses(model, (inputs, targets)).item() == pytest.approx(expected, rel=1e-5)  # float32
