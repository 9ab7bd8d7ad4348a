"""Statistics of attention layers on a calibration text: the inputs of each, and how far back it looks."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from course_lib.config import Rope, require
from course_lib.kernels import cpu
from course_lib.layers.positions import rotary_frequencies
from course_lib.models import DecoderModel
from course_lib.models.inference import evaluating


@dataclass(frozen=True, eq=False)
class Calibration:
    """Statistics of one attention layer on a calibration text.

    The Gram matrix X^T X of the inputs X (tokens, d) takes constant memory. It is all that a factorisation needs, since
    ||X W||_F^2 = tr(W^T X^T X W).
    """

    gram: Float[np.ndarray, "d d"]  # X^T X, in float64
    distances: Float[np.ndarray, "n"]  # entry s: share of the attention weights of all heads on tokens s back


@cpu.plain()
def calibrate(model: DecoderModel, batches: Iterable[Tensor]) -> list[Calibration]:
    """The statistics of each attention layer on all tokens of `batches`, each (b, n) of ids.

    The model runs in evaluation mode. Raises ValueError when there are no tokens, and as the model does for unknown
    ids.
    """
    found = [Sums(model.config.d_model) for _ in model.blocks]
    with ExitStack() as for_now:
        for_now.enter_context(evaluating(model))
        for block, sums in zip(model.blocks, found, strict=True):
            for_now.enter_context(block.attention.register_forward_pre_hook(sums.see_inputs))
        for batch in batches:
            for sums, P in zip(found, model.attention_weights(batch), strict=True):
                sums.see_weights(P)
    require(all(sums.distances.any() for sums in found), "batches must hold tokens to calibrate on, got none")
    return [Calibration(sums.gram, sums.distances / sums.distances.sum()) for sums in found]


class Sums:
    """The running sums of one layer."""

    def __init__(self, d: int):
        self.gram, self.distances = np.zeros((d, d)), np.zeros(1)

    def see_inputs(self, layer, arguments: tuple) -> None:
        """Add X^T X of the layer's inputs X; a forward pre-hook of torch."""
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
    """The mean of e^{i s theta} over the distances s, weighted by their shares, for each rotary frequency theta.

    A pair of coordinates contributes Re(conj(q) k e^{-i s theta}) to a score at distance s. If conj(q) k does not
    depend on s, then of all constants in place of e^{-i s theta} its mean has the least expected squared error. The
    mean is nearly 1 for slow pairs. It is small for fast pairs if the layer looks far back.
    """
    angles = rotary_frequencies(rope, d_head, len(distances)).numpy()
    return distances @ np.exp(1j * np.arange(len(distances))[:, None] * angles)
