"""Bad input to figure 11: each message names argument, value and rule."""

from functools import partial

import pytest
import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.surgery.calibration import calibrate
from course_lib.widgets.latent_ranks import LatentRanks

GROUPED = partial(GroupedConfig, d_model=8, n_heads=2, d_head=4, rope=Rope())


def model_of(attention, n_layers=2):
    return DecoderModel(ModelConfig(vocab_size=7, n_layers=n_layers, attention=attention, d_ff=5, norm="rms"))


def calibrated(attention, n_layers=2):
    model = model_of(attention, n_layers)
    return model, calibrate(model, [torch.arange(7)[None]])


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (GROUPED(rope=None), "model must have rotary positions, got none"),
        (GROUPED(qk_norm=True), "model must have no QK-norm"),
        (GROUPED(bias=True), "model must have no biases"),
        (LatentConfig(d_model=8, n_heads=2, d_head=4, d_latent=3), "grouped"),
    ],
)
def test_models(attention, message):
    with pytest.raises(ValueError, match=message):
        LatentRanks(*calibrated(attention))


def test_layers():
    model, layers = calibrated(GROUPED())
    with pytest.raises(ValueError, match="layers must be one for each of 2, got 1"):
        LatentRanks(model, layers[:1])
    with pytest.raises(ValueError, match=r"layers must be a list from calibrate\(model, batches\), got list"):
        LatentRanks(model, [1, 2])


def test_limit():
    model, layers = calibrated(GROUPED(d_head=64), n_layers=255)
    with pytest.raises(ValueError, match="layers must lead to at most 65,536 numbers a table, got 67,320"):
        LatentRanks(model, layers)


@pytest.mark.parametrize(
    ("rises", "message"),
    [
        ({(0, 0): 0.1}, r"rises must be of \(rank 1 to 8, pairs 0 to 2\), got \(0, 0\)"),
        ({(9, 0): 0.1}, "rises must be of .*got"),
        ({(8, 3): 0.1}, "rises must be of .*got"),
        ({5: 0.1}, "rises must be of .*got 5"),
        ({(8, 1): float("nan")}, r"rises must be finite numbers of nats, got nan for \(8, 1\)"),
    ],
)
def test_rises(rises, message):
    with pytest.raises(ValueError, match=message):
        LatentRanks(*calibrated(GROUPED()), rises=rises)


def test_choices():
    figure = LatentRanks(*calibrated(GROUPED()))
    for name, value, message in (("rank", 9, "rank must lie between 1 and 8"), ("pairs", 0, "pairs must lie between")):
        with pytest.raises(ValueError, match=message):
            setattr(figure, name, value)
    with pytest.raises(ValueError, match="positions must be one of 'keys formed, then turned', 'rotary slice apart'"):
        figure.positions = "turned"
