"""Bad input of approximate weights of trained heads: projectors of scores, heads on texts, other weights in a layer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LocalLayers, ModelConfig
from course_lib.models import DecoderModel
from course_lib.randomised.approximate_weights import ApproximateWeights
from course_lib.randomised.given_weights import Heads, HeadsOnTexts
from course_lib.randomised.scores import score_projector

TOKENS = torch.arange(12).view(2, 6)


def new_model(**changes) -> DecoderModel:
    torch.manual_seed(0)
    attention = GroupedConfig(**dict(d_model=8, n_heads=2, d_head=4) | changes)
    return DecoderModel(ModelConfig(vocab_size=13, n_layers=2, attention=attention, d_ff=10))


@pytest.fixture(scope="module")
def texts() -> HeadsOnTexts:
    return HeadsOnTexts(new_model(), TOKENS)


def test_score_projector(refuses):
    refuses(lambda: score_projector(np.eye(3), np.eye(4), 1), "gram_K", ("(3, 3)", "(4, 4)"), "square")
    refuses(lambda: score_projector(np.ones((3, 2)), np.ones((3, 2)), 1), "gram_Q", "(3, 2)", "square")
    refuses(lambda: score_projector(np.eye(3), np.eye(3), 4), "k", "4", "3")
    refuses(lambda: score_projector(np.diag([1.0, 0.0]), np.eye(2), 1), "gram_Q", (), "positive definite")


def test_heads_on_texts(refuses):
    refuses(lambda: HeadsOnTexts(torch.nn.Linear(2, 2), TOKENS), "model", "Linear", "DecoderModel")
    refuses(lambda: HeadsOnTexts(new_model(), TOKENS[:, :1]), "tokens", "(2, 1)", "int64")
    refuses(lambda: HeadsOnTexts(new_model(), TOKENS.float()), "tokens", "float32", "int64")
    refuses(lambda: HeadsOnTexts(new_model(), TOKENS.tolist()), "tokens", "list", "int64")
    refuses(lambda: HeadsOnTexts(new_model(window=3), TOKENS), "window", "3", "None")
    config = new_model().config
    mixed = replace(config, local=LocalLayers(attention=replace(config.attention, window=3), layers=(1,)))
    refuses(lambda: HeadsOnTexts(DecoderModel(mixed), TOKENS), "window", "3", "None")


def test_other_weights(refuses, texts):
    for call in (texts.losses, texts.outputs):
        refuses(lambda call=call: call(2, texts.heads[0].P), "layer", "2", "1")
        refuses(lambda call=call: call(0, np.eye(5)), "P", "(5, 5)", "(2, 2, 5, 5)")
        refuses(lambda call=call: call(0, texts.heads[0].P * np.nan), "P", "NaN", "finite")
    refuses(lambda: texts.losses_from(2, texts.inputs[0]), "layer", "2", "1")
    refuses(lambda: texts.losses_from(0, texts.inputs[0][:1]), "Y", "(1, 5, 8)", "(2, 5, 8)")


def test_approximate_weights(refuses, texts):
    refuses(lambda: ApproximateWeights(texts.heads[0], 0), "leaf", "0", "1")
    approximate = ApproximateWeights(texts.heads[0], 2)
    refuses(lambda: approximate.best(6), "k", "6", "5")
    refuses(lambda: approximate.blocks(3), "k", "3", "2")
    refuses(lambda: approximate.noise(np.eye(5), np.random.default_rng(0)), "P_hat", "(5, 5)", "(2, 2, 5, 5)")
    refuses(lambda: approximate.noise(texts.heads[0].P, 0), "random", "int", "Generator")
    one = ApproximateWeights(
        Heads(*(X[:1] for X in (approximate.heads.Q, approximate.heads.K, approximate.heads.V)), 1.0)
    )
    refuses(lambda: one.projector(1, of_others=True), "of_others", "1", "two")
