"""What the attention layers of a trained model read, and how far back they look, summed over calibration text."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from course_lib.config import Rope, require
from course_lib.layers import cpu
from course_lib.layers.positions import rotary_frequencies
from course_lib.models import DecoderModel
from course_lib.models.writing import writing


@dataclass(frozen=True, eq=False)
class Calibration:
    """Of one layer. Its inputs X would need a row per token; their Gram matrix has all that a factorisation asks for,

    ||X W||_F^2 = tr(W^T X^T X W), in constant memory.
    """

    gram: Float[np.ndarray, "d d"]  # X^T X, in float64
    distances: Float[np.ndarray, "n"]  # share of the attention weights, all heads together, that lies s tokens back


@cpu.plain()
def calibrate(model: DecoderModel, batches: Iterable[Tensor]) -> list[Calibration]:
    """One Calibration for each layer, of all tokens in the batches (b, n) of ids; the model runs in evaluation mode.

    Raises ValueError without tokens, and what the model raises for ids that it does not know.
    """
    found = [Sums(model.config.d_model) for _ in model.blocks]
    with ExitStack() as for_now:
        for_now.enter_context(writing(model))
        for block, sums in zip(model.blocks, found, strict=True):
            for_now.enter_context(block.attention.register_forward_pre_hook(sums.see_inputs))
        for batch in batches:
            for sums, P in zip(found, model.attention_weights(batch), strict=True):
                sums.see_weights(P)
    require(all(sums.distances.any() for sums in found), "batches must hold tokens to calibrate on, got none")
    return [Calibration(sums.gram, sums.distances / sums.distances.sum()) for sums in found]


class Sums:
    """What one layer has shown so far."""

    def __init__(self, d: int):
        self.gram, self.distances = np.zeros((d, d)), np.zeros(1)

    def see_inputs(self, layer, arguments: tuple) -> None:
        """A forward pre-hook."""
        X = arguments[0].flatten(0, 1).double()
        self.gram += (X.T @ X).cpu().numpy()

    def see_weights(self, P: Float[Tensor, "b h n n"]) -> None:
        """Add up the weights at each distance from the query."""
        P = P.double().sum((0, 1)).cpu()
        n = len(P)
        back = (torch.arange(n)[:, None] - torch.arange(n)).clamp(min=0)  # the future has weight 0
        seen = torch.bincount(back.flatten(), P.flatten(), minlength=len(self.distances)).numpy()
        seen[: len(self.distances)] += self.distances
        self.distances = seen


def mean_rotation(distances: Float[np.ndarray, "n"], rope: Rope, d_head: int) -> Complex[np.ndarray, "pairs"]:
    """For each frequency the mean of e^{i s theta} over distances s with these shares.

    The score of a pair is Re(conj(q) k e^{-i s theta}) at distance s. Of all that put one number in place of
    e^{-i s theta}, its mean has the least expected squared error, where conj(q) k does not depend on s. It is nearly 1
    for a slow pair, and small for a fast one where the layer looks far.
    """
    angles = rotary_frequencies(rope, d_head, len(distances)).numpy()
    return distances @ np.exp(1j * np.arange(len(distances))[:, None] * angles)
