"""The validation loss: every token counts alike, however the validation set is cut and whoever computes it."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training import NextTokenData, evaluate
from course_lib.training.distributed import Place

SYMBOLS = 11


def new_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(SYMBOLS, 7), nn.Dropout(0.5), nn.Linear(7, SYMBOLS))


def uneven() -> NextTokenData:
    """Its validation text has 7 windows of 5 tokens, and 2 tokens left over, which come in a batch of their own."""
    random = np.random.default_rng(1)
    vocab = [b"." * (1 + i % 3) for i in range(SYMBOLS)]
    return NextTokenData((random.integers(SYMBOLS, size=100), random.integers(SYMBOLS, size=38)), vocab, 5, 6)


def test_every_validation_token_has_the_same_weight():
    """In batches of different sizes, too. The mean of the batches' means would give the last tokens more."""
    model, source = new_model().eval(), uneven()
    with torch.no_grad():
        log_p = model(source.validation_tokens[None, :-1])[0].double().log_softmax(-1)
    nats = -float(log_p[torch.arange(37), source.validation_tokens[1:]].sum())
    size = sum(1 + int(i) % 3 for i in source.validation_tokens[1:])
    found = evaluate(model, source)
    assert found.tokens == 37 and found.nats_per_token == pytest.approx(nats / 37, rel=1e-6)  # sums in float32
    assert found.bits_per_byte == pytest.approx(nats / math.log(2) / size, rel=1e-6)
    assert not model.training


def test_processes_share_the_validation_set():
    class Alone(Place):
        """One of two processes, whose sums stay its own."""

        def total(self, *numbers):
            return list(numbers)

    model, cpu = new_model(), torch.device("cpu")
    shares = [evaluate(model, uneven(), Alone(cpu, rank, 2)) for rank in (0, 1)]
    assert [share.tokens for share in shares] == [35, 2]
    nats = sum(share.nats_per_token * share.tokens for share in shares)
    assert nats / 37 == pytest.approx(evaluate(model, uneven()).nats_per_token, rel=1e-12)
