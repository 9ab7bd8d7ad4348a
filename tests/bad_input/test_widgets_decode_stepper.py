"""Bad input to figure 7 and to what computes it: each message names argument, value and rule."""

import numpy as np
import pytest

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.models.both_ways import decode_both_ways
from course_lib.widgets.decode_stepper import DecodeStepper, require_equal


def model(n_layers=1, **attention):
    config = GroupedConfig(**dict(d_model=8, n_heads=2) | attention)
    return DecoderModel(ModelConfig(vocab_size=5, n_layers=n_layers, attention=config, d_ff=8, max_length=60)).eval()


@pytest.mark.parametrize(
    ("prompt", "steps", "message"),
    [
        ([0] * 60, 2, "2 steps from a prompt of 60 would pass the context limit"),
        ([0, 5], 2, "prompt must lie from 0 to vocab_size - 1 = 4, got 5"),
        ([], 2, "prompt must hold at least one token, got none"),
        ([0], 0, "steps must be a positive integer, got 0"),
        ([0], 1.5, "steps must be a positive integer, got 1.5"),
    ],
)
def test_prompts(prompt, steps, message):
    with pytest.raises(ValueError, match=message):
        DecodeStepper(model(), prompt, steps=steps, text_of=str)
    with pytest.raises(ValueError, match=message):
        decode_both_ways(model(), prompt, steps)


def test_more_tokens_than_can_be_read():
    with pytest.raises(ValueError, match="prompt and steps must come to at most 64 tokens, got 65"):
        DecodeStepper(model(), [0] * 60, steps=6, text_of=str)


def test_models():
    with pytest.raises(ValueError, match="model must have no window, which drops rows, got window = 3"):
        DecodeStepper(model(window=3), [0], steps=2, text_of=str)
    with pytest.raises(ValueError, match="the caches must hold at most 50,000 numbers, got 61,440"):
        DecodeStepper(model(64, d_head=4), [0] * 59, steps=2, text_of=str)


def test_texts():
    with pytest.raises(TypeError, match="text_of must be a sequence of strings"):
        DecodeStepper(model(), [0, 1], steps=2, text_of=lambda i: i)


def test_ways_that_differ():
    with pytest.raises(ValueError, match="both ways must give the same logits to 0.0001 of the largest, got 2.0e-04"):
        require_equal(np.array([1e-6, 2e-3]), np.array([10.0, 10.0]))
