"""Bad input to figure 12: each message names argument, value and rule."""

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.layers import GroupedQueryAttention, LatentAttention
from course_lib.widgets.absorption_steps import AbsorptionSteps

CONFIG = dict(d_model=6, n_heads=2, d_latent=3, d_head=4)
TOKENS = list("abcde")


def steps(X=None, tokens=TOKENS, cached=2, layer=None, **more):
    layer = layer or LatentAttention(LatentConfig(**CONFIG))
    return AbsorptionSteps(layer, np.ones((5, 6)) if X is None else X, tokens, cached=cached, **more)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((5, 7)), r"X must have d = 6 columns, got shape \(5, 7\)"),
        (np.ones(6), r"X must be numbers with 2 axes, got shape \(6,\)"),
        (np.full((5, 6), np.nan), "X must be finite, got NaN"),
    ],
)
def test_rows(X, message):
    with pytest.raises(ValueError, match=message):
        steps(X)


@pytest.mark.parametrize("cached", [0, 5, -1, 2.0, True])
def test_cached(cached):
    with pytest.raises(ValueError, match=f"cached must be from 1 to 4, below T, got {cached}"):
        steps(cached=cached)


def test_limits():
    with pytest.raises(ValueError, match="cached must be at most 64, got 65; give a part of the text"):
        steps(np.ones((70, 6)), ["t"] * 70, 65)
    wide = LatentAttention(LatentConfig(**CONFIG | {"n_heads": 64, "d_head": 32}))
    with pytest.raises(ValueError, match="keys and values must have at most 50,000 numbers each, got 63,488"):
        steps(np.ones((40, 6)), ["t"] * 40, 30, wide)


def test_layers():
    with pytest.raises(ValueError, match="layer must be a layers.LatentAttention, got GroupedQueryAttention"):
        steps(layer=GroupedQueryAttention(GroupedConfig(d_model=6, n_heads=2, d_head=4)))
    with pytest.raises(ValueError, match="layer must be a layers.LatentAttention, got Linear"):
        steps(layer=torch.nn.Linear(6, 6))
    with pytest.raises(ValueError, match="layer must have no window, .*got window = 3"):
        steps(layer=LatentAttention(LatentConfig(**CONFIG, window=3)))


def test_names():
    with pytest.raises(ValueError, match="tokens must hold one token for each of 5 positions, got 2"):
        steps(tokens=["a", "b"])
    with pytest.raises(ValueError, match="size must lie between 0 and 0, got 1"):
        steps().size = 1


def test_other_sizes():
    with pytest.raises(ValueError, match="sizes must be LatentConfig and cached tokens, got 5 for 'x'"):
        steps(sizes={"x": 5})
    with pytest.raises(ValueError, match="past must be an integer of at least 0, got -1"):
        steps(sizes={"x": (LatentConfig(**CONFIG), -1)})
    with pytest.raises(ValueError, match="sizes must have no window, .*got window = 3 for 'x'"):
        steps(sizes={"x": (LatentConfig(**CONFIG, window=3), 8)})
    with pytest.raises(ValueError, match="sizes must have other names than the layer, got 'this layer'"):
        steps(sizes={"this layer": (LatentConfig(**CONFIG), 8)})
