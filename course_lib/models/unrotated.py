"""Queries and keys of a trained decoder before they are rotated."""

import numpy as np
import torch
from torch import Tensor

from course_lib.config import RotatedKeysConfig, require
from course_lib.models.decoder import DecoderModel
from course_lib.models.stream import watching


@torch.no_grad()
def queries_and_keys(model: DecoderModel, tokens: Tensor, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Q (b, h, n, e) and K (b, g, n, e) of one layer for tokens (b, n), all as at position 0, in float64.

    Raises ValueError for attention of the kind RotatedKeysConfig, which turns keys by the order of its rows alone.
    """
    kind = type(model.config.attentions[layer])
    require(
        kind is not RotatedKeysConfig,
        f"model must have keys that can be made for position 0, got {kind.__name__}: it turns row t as at position t",
    )
    attention, read = model.blocks[layer].attention, []

    def keep(X: Tensor, Y: Tensor) -> None:
        read.append(X)

    with watching((attention, keep)):
        model.hidden(tokens)
    at_zero = torch.zeros(tokens.shape[1], dtype=torch.long)  # nothing is turned there
    queries = attention.queries(read[0], at_zero)
    keys = attention.read(attention.compress(read[0], at_zero))[0]
    return queries.double().numpy(), keys.double().numpy()
