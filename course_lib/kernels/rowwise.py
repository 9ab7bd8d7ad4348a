"""What a layer does to each row by itself: products with weight matrices, norms and feed-forward networks.

A decode step reads every weight for one row of each sequence; `course_lib.kernels.cpu` chooses a fast way to do it.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.config import require
from course_lib.kernels import cpu

WIDE = (torch.float32, torch.float64)  # sums of these types are computed without conversion
NORM_WIDTH = "x must have the norm's width {} on its last axis, got shape {}"
ROW_WIDTH = "X must have width d_model = {}, got shape {}"


def new_weight(rows: int, columns: int) -> nn.Parameter:
    """W (rows, columns), normal with variance 1 / rows, so that entries of x W have the variance of those of x."""
    W = torch.empty(rows, columns)
    if not W.is_meta:  # without memory nothing is drawn, for which torch would import its compiler, in a second
        W = W.normal_() * rows**-0.5
    return nn.Parameter(cpu.by_columns(W))


def new_bias(width: int, wanted: bool) -> nn.Parameter | None:
    """b (width,), zero at first, or none."""
    return nn.Parameter(torch.zeros(width)) if wanted else None


def project(X: Float[Tensor, "*b d"], W: Float[Tensor, "d w"], b: Float[Tensor, "w"] | None = None) -> Tensor:
    """X W, or X W + b; X (..., d) -> (..., w)."""
    plain = cpu.setting == cpu.PLAIN or torch.is_grad_enabled()  # decides the usual cases without a call
    way = plain_product if plain else cpu.way_of_product(plain_product, X, W)
    if way is plain_product:  # computed here, so that no axes of X are joined and b is added in one pass
        return X @ W if b is None else F.linear(X, W.T, b)
    Y = way(X.reshape(-1, len(W)), W).view(*X.shape[:-1], -1)
    return Y if b is None else Y + b


def plain_product(x: Float[Tensor, "m d"], W: Float[Tensor, "d w"]) -> Float[Tensor, "m w"]:
    """x W, the plain way."""
    return x @ W


def project_heads(Y: Float[Tensor, "b h n a"], W: Float[Tensor, "h a c"]) -> Float[Tensor, "b h n c"]:
    """Y_h W_h. The rows of all sequences are stacked, so that a weight is read once and never copied."""
    b, _, n, _ = Y.shape
    return torch.bmm(Y.transpose(0, 1).flatten(1, 2), W).unflatten(1, (b, n)).transpose(0, 1)


def up_by_head(W: Float[Tensor, "r hw"], heads: int) -> Float[Tensor, "h r w"]:
    """The matrices W_h that stand side by side in W; a view."""
    return W.unflatten(-1, (heads, -1)).transpose(0, 1)


def split_heads(x: Float[Tensor, "b n hw"], heads: int) -> Float[Tensor, "b h n w"]:
    """(b, n, h w) -> (b, h, n, w); the head is the slow axis of the columns."""
    b, n, hw = x.shape
    return x.view(b, n, heads, hw // heads).transpose(1, 2)


def join_heads(Y: Float[Tensor, "b h n v"]) -> Float[Tensor, "b n hv"]:
    """concat_col(Y_1, ..., Y_h): (b, h, n, v) -> (b, n, h v)."""
    return Y.transpose(1, 2).flatten(2)


class RMSNorm(nn.Module):
    """gamma * x / sqrt(mean(x^2) + eps): no centring, no shift. Computed in float32 at least.

    Raises ValueError for a width that is not positive, or when the last axis of x has another width.
    """

    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        require(width > 0, f"width must be positive, got {width}")
        require(eps >= 0, f"eps must not be negative, got {eps}")
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        gamma = self.gamma
        if x.shape[-1:] != gamma.shape:
            raise ValueError(NORM_WIDTH.format(len(gamma), tuple(x.shape)))
        if x.dtype == gamma.dtype and x.dtype in WIDE:
            return torch.rms_norm(x, gamma.shape, gamma, self.eps)
        z = F.rms_norm(x.to(torch.promote_types(x.dtype, torch.float32)), gamma.shape, eps=self.eps)
        return z.to(x.dtype) * gamma


class LayerNorm(nn.Module):
    """gamma * (x - mu) / sqrt(sigma^2 + eps) + beta, with sigma^2 the mean squared deviation.

    Raises ValueError as RMSNorm does.
    """

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        require(width > 0, f"width must be positive, got {width}")
        require(eps >= 0, f"eps must not be negative, got {eps}")
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        gamma, beta = self.gamma, self.beta
        if x.shape[-1:] != gamma.shape:
            raise ValueError(NORM_WIDTH.format(len(gamma), tuple(x.shape)))
        if x.dtype == gamma.dtype:  # torch's kernel computes in float32 at least by itself
            return F.layer_norm(x, gamma.shape, gamma, beta, self.eps)
        z = F.layer_norm(x.to(torch.promote_types(x.dtype, torch.float32)), gamma.shape, eps=self.eps)
        return z.to(x.dtype) * gamma + beta


def normalised(x: Float[Tensor, "*b d"], norm: nn.Module | None) -> Float[Tensor, "*b d"]:
    """norm(x), or x without a norm."""
    return x if norm is None else norm(x)


class FeedForward(nn.Module):
    """f(X W_1 + b_1) W_2 + b_2: expand to d_ff, apply f to each entry, contract; without `bias`, neither b_1 nor b_2.

    Raises ValueError for sizes that are not positive.
    """

    def __init__(self, d_model: int, d_ff: int, f: Callable[[Tensor], Tensor] = F.relu, bias: bool = True):
        super().__init__()
        require(d_model > 0 and d_ff > 0, f"d_model and d_ff must be positive, got {d_model} and {d_ff}")
        self.f = f
        self.W_1, self.b_1 = new_weight(d_model, d_ff), new_bias(d_ff, bias)
        self.W_2, self.b_2 = new_weight(d_ff, d_model), new_bias(d_model, bias)

    def forward(self, X: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        if X.shape[-1:] != self.W_1.shape[:1]:
            raise ValueError(ROW_WIDTH.format(len(self.W_1), tuple(X.shape)))
        return project(self.f(project(X, self.W_1, self.b_1)), self.W_2, self.b_2)


class SwiGLU(nn.Module):
    """(silu(X W_gate) * X W_up) W_down: one half opens and closes the other, entry by entry. No biases.

    Raises ValueError as FeedForward does.
    """

    gate = staticmethod(F.silu)

    def __init__(self, d_model: int, d_ff: int):
        super().__init__()
        require(d_model > 0 and d_ff > 0, f"d_model and d_ff must be positive, got {d_model} and {d_ff}")
        self.W_gate, self.W_up = new_weight(d_model, d_ff), new_weight(d_model, d_ff)
        self.W_down = new_weight(d_ff, d_model)

    def forward(self, X: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        W_gate = self.W_gate
        if X.shape[-1:] != W_gate.shape[:1]:
            raise ValueError(ROW_WIDTH.format(len(W_gate), tuple(X.shape)))
        return project(self.gate(project(X, W_gate)) * project(X, self.W_up), self.W_down)


class GeGLU(SwiGLU):
    """(gelu(X W_gate) * X W_up) W_down, with GELU by tanh: the feed-forward network of Gemma (arXiv 2002.05202)."""

    gate = staticmethod(partial(F.gelu, approximate="tanh"))
