"""Weight matrices, and their products with rows, for all heads side by side or for each head by itself.

A decode step reads every weight for one row of each sequence; `course_lib.layers.cpu` chooses a fast way to do it.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.layers import cpu


def new_weight(rows: int, columns: int) -> nn.Parameter:
    """W (rows, columns), normal with variance 1 / rows, so that entries of x W have the variance of those of x."""
    return nn.Parameter(cpu.by_columns(torch.randn(rows, columns) * rows**-0.5))


def new_bias(width: int, wanted: bool) -> nn.Parameter | None:
    """b (width,), zero at first, or none."""
    return nn.Parameter(torch.zeros(width)) if wanted else None


def project(X: Float[Tensor, "*b d"], W: Float[Tensor, "d w"], b: Float[Tensor, "w"] | None = None) -> Tensor:
    """X W, or X W + b; X (..., d) -> (..., w)."""
    plain = cpu.setting == cpu.PLAIN or torch.is_grad_enabled()  # decides the usual cases without a call
    way = cpu.product if plain else cpu.way_of_product(X, W)
    if way is cpu.product:  # computed here, so that no axes of X are joined and b is added in one pass
        return X @ W if b is None else F.linear(X, W.T, b)
    Y = way(X.reshape(-1, len(W)), W).view(*X.shape[:-1], -1)
    return Y if b is None else Y + b


def project_heads(Y: Float[Tensor, "b h n a"], W: Float[Tensor, "h a c"]) -> Float[Tensor, "b h n c"]:
    """Y_h W_h. The rows of all sequences are stacked, so that a weight is read once and never copied."""
    b, _, n, _ = Y.shape
    return torch.bmm(Y.transpose(0, 1).flatten(1, 2), W).unflatten(1, (b, n)).transpose(0, 1)


def split_heads(x: Float[Tensor, "b n hw"], heads: int) -> Float[Tensor, "b h n w"]:
    """(b, n, h w) -> (b, h, n, w); the head is the slow axis of the columns."""
    b, n, hw = x.shape
    return x.view(b, n, heads, hw // heads).transpose(1, 2)


def join_heads(Y: Float[Tensor, "b h n v"]) -> Float[Tensor, "b n hv"]:
    """concat_col(Y_1, ..., Y_h): (b, h, n, v) -> (b, n, h v)."""
    return Y.transpose(1, 2).flatten(2)
