"""Bad input to scores of heads and to their removal: each message names argument, value and rule."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.models.ablation import Ablation
from course_lib.reference import head_scores


@pytest.mark.parametrize("period", [4, 10, 0, 5.0, True])
def test_a_period_that_is_not_half_the_text(period):
    with pytest.raises(ValueError, match=f"period must be half the number of tokens, got {period} for 10 tokens"):
        head_scores.induction(np.eye(10), period)


def test_one_token_has_none_before_it():
    with pytest.raises(ValueError, match="P must have at least two tokens"):
        head_scores.previous_token(np.ones((1, 1)))


@pytest.fixture
def model():
    return DecoderModel(
        ModelConfig(vocab_size=9, n_layers=3, attention=GroupedConfig(d_model=8, n_heads=4), d_ff=5)
    ).eval()


@pytest.mark.parametrize("head", [(3, 0), (0, 4), (-1, 0), (0, True), (1.0, 0), 5, (1, 2, 3)])
def test_heads_that_are_not_there(model, head):
    tokens = torch.zeros(1, 5, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"removed must hold pairs \(layer, head\) below \(3, 4\), got"):
        Ablation(model, tokens).losses([head])


def test_other_models_and_tokens(model):
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    with pytest.raises(ValueError, match="model must be a DecoderModel, got Linear"):
        Ablation(torch.nn.Linear(2, 2), tokens)
    for bad in (tokens[0], tokens.int(), tokens[:, :1], tokens.tolist()):
        with pytest.raises(ValueError, match=r"tokens must be an int64 tensor \(b, n\) with n at least 2, got"):
            Ablation(model, bad)
