"""softmax(scale Q K^T) V over grouped heads: torch's fused kernel, and a readable one that returns the weights.

Letters: b sequences, n queries, N keys, h query heads, g key/value heads, e width of a query or key, v width of a
value. Query head i reads key/value head i // (h / g). For one query, n = 1, the heads of all sequences are one axis:
there are B = b g key/value heads, and m = h / g query heads read each of them.
"""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.checks import check_kernel
from course_lib.config import require
from course_lib.kernels import cpu
from course_lib.kernels.rowwise import WIDE


@dataclass(frozen=True)
class Seen:
    """The visible sets S_i (paper, section 4): every key, the causal set, or a boolean mask that is true where seen.

    With `bias`, a head prefers some of the keys that it sees: the bias is added to the logits.
    """

    mask: Bool[Tensor, "*b n N"] | None = None  # (n, N), or (b, n, N) with a mask for each sequence
    causal: bool = False  # key j is seen by query i when j <= i; needs as many keys as queries
    bias: Float[Tensor, "*c h n N"] | None = None  # (h, n, N), or (b, h, n, N)

    def __post_init__(self):
        if self.causal and self.mask is not None:
            raise ValueError("mask and causal exclude each other: give one of them")

    def to_mask(self, n: int, device: torch.device) -> Bool[Tensor, "..."] | None:
        """The set as a mask to broadcast over (b, h, n, N), or None when every key is seen."""
        if self.causal:
            return torch.ones(n, n, dtype=torch.bool, device=device).tril()
        return None if self.mask is None else self.mask.unsqueeze(-3)

    def to_logits(self, n: int, device: torch.device, dtype: torch.dtype) -> Tensor | None:
        """What torch's kernel adds to the logits, -inf where nothing is seen; a mask, or None, without a bias."""
        mask = self.to_mask(n, device)
        if self.bias is None:
            return mask
        bias = self.bias.to(dtype)
        return bias if mask is None else bias.masked_fill(~mask, -torch.inf)


def attention_weights(
    Q: Float[Tensor, "b h n e"], K: Float[Tensor, "b g N e"], seen: Seen, scale: float
) -> Float[Tensor, "b h n N"]:
    """P = Z^{-1} exp(scale Q K^T) over the visible keys; a row that sees nothing is zero.

    The query heads of a group are stacked as rows of one matrix, so that keys are never repeated.
    Raises ValueError for shapes that do not fit together.
    """
    check_kernel(Q, K, seen.mask, seen.causal)
    (b, h, n, e), (g, N) = Q.shape, K.shape[1:3]
    wide = at_least_float32(Q.dtype)  # as the fused kernel: bfloat16 would round a score of 30 by 0.1
    logits = multiply(scale * Q.to(wide).reshape(b, g, h // g * n, e), K.to(wide).mT).view(b, h, n, N)
    logits = logits if seen.bias is None else logits + seen.bias.to(wide)
    mask = seen.to_mask(n, Q.device)
    if mask is None:
        return logits.softmax(-1).to(Q.dtype)
    # The most negative number instead of -inf: a row that sees nothing is then uniform, not NaN, until it is masked.
    P = logits.masked_fill(~mask, torch.finfo(logits.dtype).min).softmax(-1)
    return P.masked_fill(~mask, 0.0).to(Q.dtype)


def mix(P: Float[Tensor, "b h n N"], V: Float[Tensor, "b g N v"]) -> Float[Tensor, "b h n v"]:
    """Y = P V, where query head i reads value head i // (h / g)."""
    (b, h, n, N), (g, v) = P.shape, (V.shape[1], V.shape[3])
    return multiply(P.reshape(b, g, h // g * n, N), V).view(b, h, n, v)


def multiply(A: Float[Tensor, "b g m k"], B: Float[Tensor, "b g k l"]) -> Float[Tensor, "b g m l"]:
    """A B for a batch. On a CPU one thread computes each product, so a single product is taken out of its batch."""
    if A.shape[:2] == (1, 1):
        return (A[0, 0] @ B[0, 0])[None, None]
    return torch.bmm(A.flatten(0, 1), B.flatten(0, 1)).unflatten(0, A.shape[:2])


def attend(
    Q: Float[Tensor, "b h n e"],
    K: Float[Tensor, "b g N e"],
    V: Float[Tensor, "b g N v"],
    seen: Seen,
    scale: float,
    dropout: float = 0.0,
) -> Float[Tensor, "b h n v"]:
    """Y = P V, where P is that of `attention_weights`, after dropout at the given rate. P may never be formed.

    Raises ValueError for shapes that do not fit together.
    """
    check_kernel(Q, K, seen.mask, seen.causal)
    require(
        K.shape[:-1] == V.shape[:-1],
        lambda: f"K and V must agree in all axes but the last, got shapes {tuple(K.shape)} and {tuple(V.shape)}",
    )
    return attend_by_case((Q, K, V), seen, scale, dropout)


# Q, K, V; V has s heads: as many as K, or one that all query heads share
Heads = tuple[Float[Tensor, "b h n e"], Float[Tensor, "b g N e"], Float[Tensor, "b s N v"]]


def attend_by_case(heads: Heads, seen: Seen, scale: float, dropout: float) -> Float[Tensor, "b h n v"]:
    """Y as `attend` gives it, by the function that is fastest for these heads: the first line that fits.

        one query in float32 or float64, which sees every key, without bias and dropout; s = g      attend_alone
        one query in float32 or float64                                                             attend_by_products
        V lies by columns, as in a cache on a CPU, and there are fewer scores than numbers in V     attend_by_products
        s differs from g: all heads share values, but not keys                                      attend_by_products
        g < h, and keys and values differ in width, as in the absorbed form of latent attention     attend_by_products
        all else                                                                                    attend_fused

    For one query, products read keys and values where these lie; in half precision they would convert the keys first.
    Torch's kernel reads V by rows, so V by columns is copied before. With few scores this copy takes longer than the
    kernel saves. In the fourth and fifth case the kernel would repeat values or keys for each head.
    """
    Q, K, V = heads
    one, paired = Q.shape[2] == 1 and Q.dtype in WIDE, K.shape[1] == V.shape[1]
    alike = seen.mask is None and seen.bias is None and not seen.causal  # every key is seen, and none is preferred
    if one and paired and alike and dropout == 0:
        return attend_alone(heads, scale)
    (h, n, e), (g, v) = Q.shape[1:], V.shape[1::2]
    few_in_cache = V.stride(-1) != 1 and h * n < g * v
    if one or few_in_cache or not paired or (g != h and e != v):
        return attend_by_products(heads, seen, scale, dropout)
    return attend_fused(heads, seen, scale, dropout)


def attend_alone(heads: Heads, scale: float) -> Float[Tensor, "b h 1 v"]:
    """One query of each head, which sees every key: a decode step, whose time is that of reading the cache."""
    Q, K, V = heads
    K, V = K.flatten(0, 1), V.flatten(0, 1)
    q = (scale * Q).reshape(K.shape[0], -1, Q.shape[3])  # the heads of a group as rows of one matrix
    way = plain_attention if cpu.setting == cpu.PLAIN else cpu.way_of_attention(plain_attention, q, K, V)
    return way(q, K, V).reshape(*Q.shape[:3], -1)


def plain_attention(
    q: Float[Tensor, "B m e"], K: Float[Tensor, "B N e"], V: Float[Tensor, "B N v"]
) -> Float[Tensor, "B m v"]:
    """softmax(q K^T) V, the plain way."""
    return torch.bmm(torch.bmm(q, K.mT).softmax(-1), V)


def attend_by_products(heads: Heads, seen: Seen, scale: float, dropout: float) -> Float[Tensor, "b h n v"]:
    """Attend by products and a softmax, whatever the arguments of `attend` are. P is formed."""
    Q, K, V = heads
    return mix(F.dropout(attention_weights(Q, K, seen, scale), dropout), V)


def attend_fused(heads: Heads, seen: Seen, scale: float, dropout: float) -> Float[Tensor, "b h n v"]:
    """Attend by torch's kernel. On a CPU it needs e = v: we add columns of zeros, which change no score."""
    Q, K, V = heads
    e, v, on_cpu = Q.shape[-1], V.shape[-1], Q.device.type == "cpu"
    if e != v and on_cpu and torch.backends.cuda.flash_sdp_enabled():  # the switch of CPUs too
        Q, K, V = (F.pad(x, (0, max(e, v) - x.shape[-1])) for x in heads)
        return attend_fused((Q, K, V), seen, scale, dropout)[..., :v]
    widened = on_cpu and Q.requires_grad  # there the backward pass in bfloat16 takes several times longer
    dtype = at_least_float32(Q.dtype) if widened else Q.dtype
    fused = partial(
        F.scaled_dot_product_attention,
        attn_mask=None if seen.mask is None and seen.bias is None else seen.to_logits(Q.shape[2], Q.device, dtype),
        is_causal=seen.causal and seen.bias is None,
        dropout_p=dropout,
        scale=scale,
        enable_gqa=Q.shape[1] != K.shape[1],
    )
    if widened:
        with torch.autocast("cpu", enabled=False):
            return fused(Q.to(dtype), K.to(dtype), V.to(dtype)).to(V.dtype)
    return fused(Q, K, V if V.stride(-1) == 1 else V.contiguous())


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """The type in which sums are computed."""
    return torch.promote_types(dtype, torch.float32)
