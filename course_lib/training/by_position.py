"""A short training run within a notebook, and the loss at each position of longer texts."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.config import require
from course_lib.models import DecoderModel

AT_ONCE = 32  # pieces that the model reads in one call


def fit(
    model: DecoderModel, text: Tensor, steps: int, *, batch: int, length: int, rate: float, seed: int = 1
) -> DecoderModel:
    """Train the model in place with AdamW: each step takes `batch` random pieces of `length` tokens of text (N,).

    At step i = 0, 1, ... the learning rate is `rate * min(1, 8 * (i + 1) / steps) * (1 - i / steps)`.
    Returns the same model, in evaluation mode. Raises ValueError for a text of at most `length` tokens.
    """
    require(len(text) > length, f"text must hold more than length = {length} tokens, got {len(text)}")
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.1)
    model.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, 8 * (step + 1) / steps) * (1 - step / steps)
        starts = torch.randint(len(text) - length, (batch, 1), generator=generator)
        pieces = text[starts + torch.arange(length + 1)]
        loss = F.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()


def spread(text: Tensor, pieces: int, length: int) -> Tensor:
    """Cut `pieces` pieces, (pieces, length), out of text (N,), at equal distances from its beginning to its end.

    Raises ValueError for a text of fewer than `length` tokens.
    """
    require(len(text) >= length, f"text must hold at least length = {length} tokens, got {len(text)}")
    return text[torch.linspace(0, len(text) - length, pieces).long()[:, None] + torch.arange(length)]


@torch.no_grad()
def loss_by_position(model: DecoderModel, pieces: Tensor) -> np.ndarray:
    """The loss at each position, (n,): -log p of the next token in nats, as a mean over pieces (b, n + 1)."""
    losses = [
        F.cross_entropy(model(some[:, :-1]).transpose(1, 2), some[:, 1:], reduction="none")
        for some in pieces.split(AT_ONCE)
    ]
    return torch.cat(losses).mean(dim=0).numpy()
