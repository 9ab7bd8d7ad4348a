"""Draw the parameters from which training starts.

Matrices are normal with variance 2 / (5 fan-in), the "small init" of Nguyen and Salazar (arXiv 1910.05895): a
sublayer's output has less variance than its input, so that the first steps change the stream little. Embeddings have
variance 2 / (5 d). Tied logits then start with variance 0.4, and the loss within about 0.2 nats of ln(vocab_size).

Matrices on the way to queries and keys have variance 1 / fan-in: on normalised rows the logits of attention then start
with variance 1. With a smaller variance every head starts as a plain mean, and learns slowly to prefer some tokens.

Matrices that write to the residual stream (W_O, W_2, W_down) are divided by sqrt(number of sublayers) in a Pre-LN
model: a sum of that many independent terms then has the variance of one (GPT-2). Post-LN normalises the sum and
Peri-LN each term, so that the scale of these matrices hardly matters there, and we leave it.

Biases and shifts are 0, gains are 1.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig

TO_STREAM = ("W_O", "W_2", "W_down")
TO_LOGITS = ("W_Q", "W_K", "W_QR", "W_KR", "W_LQ", "W_LQQ", "W_L", "W_LK")
ROWS_AS_OUTPUT = ("W_E", "W_P")  # one row per token or position; all others are (fan-in, fan-out)


@torch.no_grad()
def initialise(model: nn.Module, config: ModelConfig, sublayers: int) -> None:
    """Draw all matrices of a model, by torch's generator; its residual stream is a sum of `sublayers` terms."""
    damped = config.placement == "pre"
    for path, weight in model.named_parameters():
        name = path.rpartition(".")[2]
        if weight.ndim == 2 and not weight.is_meta:  # without memory there is nothing to draw, see `new_weight`
            std = deviation(weight, name)
            std = std / math.sqrt(sublayers) if damped and name in TO_STREAM else std
            drawn = torch.empty_like(weight, memory_format=torch.contiguous_format).normal_(std=std)
            weight.copy_(drawn)  # the same numbers, however the weight lies in memory


def deviation(weight: Tensor, name: str) -> float:
    """The standard deviation of the entries, before the division by sqrt(number of sublayers)."""
    fan_in = weight.shape[1 if name in ROWS_AS_OUTPUT else 0]
    return math.sqrt((1 if name in TO_LOGITS else 2 / 5) / fan_in)
