"""Rows times weights, for all heads side by side or for each head by itself, as fast as memory gives the weights.

A decode step has one row for each sequence, and reads every weight for it. BLAS gives such a product to one thread,
however large the matrix; as a batch of products over parts of the inner dimension, all threads read. Measured on two
cores at float32, one row: 25 GB/s for X @ W and 39 GB/s in parts (512 to 2048), 29 and 41 (2048 to 512).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

PARTS = 8  # of the inner dimension, for as many threads or fewer to share
FEW = 8  # rows, as decode steps have: with more, arithmetic takes longer than reading
LARGE = 2**18  # numbers in a weight: below, the threads start for too little


def project(X: Float[Tensor, "*b d"], W: Float[Tensor, "d w"], b: Float[Tensor, "w"] | None = None) -> Tensor:
    """X W, or X W + b."""
    rows = X.numel() // X.shape[-1]
    if rows <= FEW and W.numel() >= LARGE and W.shape[0] % PARTS == 0 and W.device.type == "cpu":
        parts = torch.bmm(X.reshape(rows, PARTS, -1).transpose(0, 1), W.unflatten(0, (PARTS, -1)))
        Y = parts.sum(0).view(*X.shape[:-1], -1)
        return Y if b is None else Y + b
    return X @ W if b is None else F.linear(X, W.T, b)


def project_heads(Y: Float[Tensor, "b h n a"], W: Float[Tensor, "h a c"]) -> Float[Tensor, "b h n c"]:
    """Y_h W_h. The sequences stand below each other, so that a weight is read once, and never copied for each."""
    b, _, n, _ = Y.shape
    return (Y.transpose(0, 1).flatten(1, 2) @ W).unflatten(1, (b, n)).transpose(0, 1)


def split_heads(x: Float[Tensor, "b n hw"], heads: int) -> Float[Tensor, "b h n w"]:
    """Heads are the slow axis of the concatenated columns."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(Y: Float[Tensor, "b h n v"]) -> Float[Tensor, "b n hv"]:
    """concat_col(Y_1, ..., Y_h)."""
    return Y.transpose(1, 2).flatten(2)
