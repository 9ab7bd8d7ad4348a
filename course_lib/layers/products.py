"""Rows times weights, for all heads side by side or for each head by itself, as fast as memory gives the weights.

A decode step has one row for each sequence, and reads every weight for it. Weights therefore lie in memory column by
column: each output is an inner product with numbers that lie together, and those of a head are one block. BLAS gives
such a product to one thread, however large the matrix; as a batch over parts of the columns, all threads read.
Measured on two cores at float32, one row, 512 to 2048: 24 GB/s for X @ W with W row by row, 15 column by column, and
46 column by column in parts, as much as the memory gives (2048 to 512: 21, 20 and 41).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

PARTS = 8  # of the columns, for as many threads or fewer to share
FEW = 8  # rows, as decode steps have: with more, arithmetic takes longer than reading
LARGE = 2**14  # numbers in a weight: below, the threads start for too little


def by_columns(W: Float[Tensor, "d w"]) -> Float[Tensor, "d w"]:
    """The same matrix, each of its columns in one piece of memory."""
    return W.T.contiguous().T


def project(X: Float[Tensor, "*b d"], W: Float[Tensor, "d w"], b: Float[Tensor, "w"] | None = None) -> Tensor:
    """X W, or X W + b."""
    rows = X.numel() // X.shape[-1]
    by_column = W.stride(0) == 1  # as in every layer; of another one BLAS makes the most
    if rows > FEW or W.numel() < LARGE or not by_column or not W.is_cpu:
        return X @ W if b is None else F.linear(X, W.T, b)
    Y = project_in_parts(X.reshape(rows, -1), W).view(*X.shape[:-1], -1)
    return Y if b is None else Y + b


def project_in_parts(x: Float[Tensor, "m d"], W: Float[Tensor, "d w"]) -> Float[Tensor, "m w"]:
    """x W for a W that lies column by column."""
    w = W.shape[1]
    whole = w - w % PARTS
    parts = W.T[:whole].unflatten(0, (PARTS, -1))
    Y = torch.bmm(parts, x.T.expand(PARTS, -1, -1)).flatten(0, 1).T.contiguous()
    return Y if whole == w else torch.cat([Y, x @ W[:, whole:]], 1)


def project_heads(Y: Float[Tensor, "b h n a"], W: Float[Tensor, "h a c"]) -> Float[Tensor, "b h n c"]:
    """Y_h W_h. The sequences stand below each other, so that a weight is read once, and never copied for each."""
    b, _, n, _ = Y.shape
    return torch.bmm(Y.transpose(0, 1).flatten(1, 2), W).unflatten(1, (b, n)).transpose(0, 1)


def split_heads(x: Float[Tensor, "b n hw"], heads: int) -> Float[Tensor, "b h n w"]:
    """Heads are the slow axis of the concatenated columns."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(Y: Float[Tensor, "b h n v"]) -> Float[Tensor, "b n hv"]:
    """concat_col(Y_1, ..., Y_h)."""
    return Y.transpose(1, 2).flatten(2)
