"""Bad input to figure 5: each message names argument, value and rule."""

import numpy as np
import pytest
import torch
import traitlets

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.widgets.head_ablation import HeadAblation

TOKENS = list("abcde")


def model(n_layers=2):
    attention = GroupedConfig(d_model=6, n_heads=3)
    return DecoderModel(ModelConfig(vocab_size=9, n_layers=n_layers, attention=attention, d_ff=5)).eval()


PIECES = torch.arange(5)[None]


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (np.arange(5), r"pieces must be token ids of shape \(b, period\), got shape \(5,\)"),
        (np.zeros((0, 5), int), r"pieces must be token ids of shape \(b, period\), got shape \(0, 5\)"),
        (np.full((2, 5), 0.5), "pieces must be token ids .* dtype float64"),
        (np.zeros((2, 1), int), "pieces must have 2 to 64 tokens each, got 1"),
        (np.zeros((1, 65), int), "pieces must have 2 to 64 tokens each, got 65"),
        (np.zeros((9, 60), int), "pieces must have at most 1024 tokens when read twice, got 1080"),
        (np.full((1, 5), 9), "tokens must"),
    ],
)
def test_pieces(pieces, message):
    with pytest.raises(ValueError, match=message):
        HeadAblation(model(), pieces, TOKENS)


def test_models_and_texts():
    with pytest.raises(ValueError, match="model must be a DecoderModel, got Linear"):
        HeadAblation(torch.nn.Linear(2, 2), PIECES, TOKENS)
    with pytest.raises(ValueError, match="layers must have at most 144 heads together, got 147; choose fewer"):
        HeadAblation(model(49), PIECES, TOKENS)
    for layers in ([], [1, 0], [0, 0], [2], [0.0]):
        with pytest.raises(ValueError, match="layers must be rising numbers of layers below 2, got"):
            HeadAblation(model(), PIECES, TOKENS, layers=layers)
    with pytest.raises(ValueError, match="tokens must hold one token for each of 5 positions, got 4"):
        HeadAblation(model(), PIECES, TOKENS[:4])
    with pytest.raises(TypeError, match="caption must be text, got 5"):
        HeadAblation(model(), PIECES, TOKENS, caption=5)


def test_heads_that_are_not_there():
    figure = HeadAblation(model(), PIECES, TOKENS)
    figure.removed = [1, 4]
    for bad in ([6], [0, -1], [2, True]):
        with pytest.raises(ValueError, match="removed must hold heads between 0 and 5, got"):
            figure.removed = bad
        with pytest.raises(traitlets.TraitError, match="removed must hold heads"):
            figure.set_state({"removed": bad})
        assert figure.removed == [1, 4] and figure.answer["for"] == [[1, 4]]
    with pytest.raises(traitlets.TraitError, match="'removed' trait"):
        figure.removed = ["L0 H1"]
    with pytest.raises(
        ValueError, match=r"removed_heads must be pairs of a layer in \[0, 1\] and a head below 3, got \[\(2, 0\)\]"
    ):
        figure.removed_heads = [(2, 0)]
    with pytest.raises(ValueError, match="removed_heads must be pairs"):
        figure.removed_heads = [3]
    with pytest.raises(ValueError, match="name must be one of 'on the previous token', 'on what came next', got 'x'"):
        figure.role("x")
