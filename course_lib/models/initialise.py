"""Weights to start training from.

Every matrix is normal with variance 2 / (5 fan-in), the "small init" of Nguyen and Salazar (1910.05895): a sublayer's
output has less variance than its input, so that the first steps change the stream little. The embeddings are read
as rows of width d, and get 2 / (5 d): tied logits start with variance 0.4, the loss within about 0.2 nats of ln(V).

Matrices that write to the residual stream (W_O, W_2, W_down) are divided by sqrt(number of sublayers) in a Pre-LN
model: a sum of that many independent terms then has the variance of one (GPT-2). Post-LN normalises the sum and
Peri-LN each term, so that there the scale of these matrices hardly matters, and they are left alone.

Biases and shifts are 0, gains are 1.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig

TO_STREAM = ("W_O", "W_2", "W_down")
ROWS_AS_OUTPUT = ("W_E", "W_P")  # one row per token or position, all others are (fan-in, fan-out)


@torch.no_grad()
def initialise(model: nn.Module, config: ModelConfig, sublayers: int) -> None:
    """Draw all matrices of a model whose residual stream adds up `sublayers` terms; torch's generator is used."""
    damped = config.placement == "pre"
    for path, weight in model.named_parameters():
        name = path.rpartition(".")[2]
        if weight.ndim == 2:
            std = small(weight, name)
            weight.normal_(std=std / math.sqrt(sublayers) if damped and name in TO_STREAM else std)


def small(weight: Tensor, name: str) -> float:
    """sqrt(2 / (5 fan-in))."""
    return math.sqrt(2 / (5 * weight.shape[1 if name in ROWS_AS_OUTPUT else 0]))
