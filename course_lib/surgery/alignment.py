"""Heads in another order or another basis: the same function, but other heads resemble each other.

A layer does not fix its heads. They can be permuted, and for every orthogonal G the head (W_V G, G^T W_O) writes what
(W_V, W_O) wrote, and (W_Q G, W_K G) has the scores of (W_Q, W_K); under RoPE only if G commutes with the rotations,
that is turns each of its pairs. Pooling heads afterwards is a different matter: it depends on order and basis.
Compare Jin et al., "Align Attention Heads Before Merging Them", arXiv 2412.20677.
"""

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import require
from course_lib.layers import GroupedQueryAttention
from course_lib.models import DecoderModel
from course_lib.surgery.heads import check_groups, grouped_config, projections

Group = Callable[[Float[Tensor, "*b e e"]], Float[Tensor, "*b e e"]]
ITERATIONS = 30


@torch.no_grad()
def reorder_heads(model: DecoderModel, orders: Sequence[Sequence[int]]) -> DecoderModel:
    """A copy whose layer l has its former KV head orders[l][k] at place k, with the query heads that read it.

    Raises ValueError unless there is a permutation of the KV heads for each layer.
    """
    config = grouped_config(model)
    require(
        len(orders) == len(model.blocks),
        f"orders must be one for each of {len(model.blocks)} layers, got {len(orders)}",
    )
    new = copy.deepcopy(model)
    for block, order in zip(new.blocks, orders, strict=True):
        good = sorted(order) == list(range(config.n_kv_heads))
        require(good, f"each of orders must be a permutation of 0 ... {config.n_kv_heads - 1}, got {list(order)}")
        for parameter in (*projections(block.attention, "QKV").values(), block.attention.W_O.T):
            heads = parameter.unflatten(-1, (config.n_kv_heads, -1))
            parameter.copy_(heads[..., list(order), :].flatten(-2))
    return new


@torch.no_grad()
def align_heads(model: DecoderModel, n_kv_heads: int) -> DecoderModel:
    """A copy that is the same function, its KV heads turned so that those of each of n_kv_heads groups come close.

    Values turn by any orthogonal matrix; so do keys without positions. Under RoPE each pair of a key turns alone, and
    keys with QK-norm stay as they are, since its gain belongs to coordinates. Raises ValueError as `share_heads` does.
    """
    config = grouped_config(model)
    held = config.n_kv_heads
    check_groups(config, n_kv_heads)
    new = copy.deepcopy(model)
    for block in new.blocks:
        attention = block.attention
        turn(attention, "V", bases(attention.W_V, held, n_kv_heads, nearest_orthogonal))
        if not config.qk_norm:
            nearest = nearest_orthogonal if config.rope is None else nearest_pair_rotations
            turn(attention, "K", bases(attention.W_K, held, n_kv_heads, nearest))
    return new


def bases(W: Float[Tensor, "d he"], heads: int, groups: int, nearest: Group) -> Float[Tensor, "h e e"]:
    """G_h, such that the W_h G_h of a group are near to their mean: generalised Procrustes analysis (Gower, 1975).

    We alternate: fix the mean and find G, then fix G and recompute the mean. So the sum of squared distances never
    rises.
    """
    W = W.to(torch.promote_types(W.dtype, torch.float32))  # half precision has no SVD
    cut = W.unflatten(-1, (groups, heads // groups, -1)).permute(1, 2, 0, 3)  # (groups, q, d, e)
    target = cut[:, :1]
    for _ in range(ITERATIONS):
        G = nearest(cut.mT @ target)
        target = (cut @ G).mean(1, keepdim=True)
    return G.flatten(0, 1)


def nearest_orthogonal(C: Float[Tensor, "*b e e"]) -> Float[Tensor, "*b e e"]:
    """The orthogonal G with the largest trace of G^T C: U V^T for C = U diag(sigma) V^T."""
    U, _, Vh = torch.linalg.svd(C)
    return U @ Vh


def nearest_pair_rotations(C: Float[Tensor, "*b e e"]) -> Float[Tensor, "*b e e"]:
    """The same among matrices that turn coordinates 2 i and 2 i + 1 as a pair, which commute with RoPE."""
    even, odd = torch.arange(0, C.shape[-1], 2), torch.arange(1, C.shape[-1], 2)
    turns = torch.complex(C[..., even, even] + C[..., odd, odd], C[..., odd, even] - C[..., even, odd]).sgn()
    turns = torch.where(turns == 0, 1, turns)  # where all are as near, a pair stays as it is
    G = torch.zeros_like(C)
    G[..., even, even] = G[..., odd, odd] = turns.real
    G[..., odd, even], G[..., even, odd] = turns.imag, -turns.imag
    return G


def turn(attention: GroupedQueryAttention, letter: str, G: Float[Tensor, "g e e"]) -> None:
    """Turn KV heads in place, and what meets them: queries for keys, rows of W_O for values."""
    wide = G.repeat_interleave(attention.config.n_heads // len(G), dim=0)  # of the query heads
    turn_columns(projections(attention, letter).values(), G)
    turn_columns([attention.W_O.T] if letter == "V" else projections(attention, "Q").values(), wide)


def turn_columns(parameters: Iterable[Tensor], G: Float[Tensor, "h e e"]) -> None:
    """W_h G_h for each head in place, and b_h G_h."""
    for parameter in parameters:
        heads = parameter.unflatten(-1, (len(G), -1)).to(G.dtype)
        parameter.copy_(torch.einsum("...he,hef->...hf", heads, G).flatten(-2))
