"""Reorder heads, or rewrite them in another basis, before they are pooled: the model stays the same function.

The function of a layer does not determine its heads. They can be permuted. For every orthogonal G the head
(W_V G, G^T W_O) has the output of (W_V, W_O), and (W_Q G, W_K G) has the scores of (W_Q, W_K). Under RoPE the latter
holds only if G commutes with the rotations; the G used here turn each pair of coordinates by itself. But the result of
pooling does depend on order and basis. Compare Jin et al., "Align Attention Heads Before Merging Them", arXiv
2412.20677.
"""

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import require
from course_lib.layers import GroupedQueryAttention
from course_lib.models import DecoderModel
from course_lib.surgery.kv_heads import check_groups, grouped_config, projections

Group = Callable[[Float[Tensor, "*b e e"]], Float[Tensor, "*b e e"]]
ITERATIONS = 30


@torch.no_grad()
def reorder_heads(model: DecoderModel, orders: Sequence[Sequence[int]]) -> DecoderModel:
    """A copy of the model: in layer l, KV head orders[l][k] moves to place k, with the query heads that read it.

    Raises ValueError unless `orders` holds a permutation of the KV heads for each layer, and for another kind of model.
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
    """The same function with KV heads turned, so that those of each of `n_kv_heads` groups come close to each other.

    Values are turned by an orthogonal matrix, keys without positions too. Under RoPE each pair of key coordinates is
    turned by itself. Keys with QK-norm stay, since its gain belongs to single coordinates.
    Raises ValueError for another kind of model, and when n_kv_heads does not divide the number of KV heads.
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
    """Matrices G_h that bring the W_h G_h of each group close to their mean: generalised Procrustes analysis.

    Gower, "Generalized Procrustes Analysis", 1975. We alternate: fix the mean and find the G_h, then fix the G_h and
    recompute the mean. So the sum of squared distances never rises. `nearest` maps C = W_h^T (mean) to G_h.
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
    """The G with the largest trace of G^T C among rotations of each pair (2 i, 2 i + 1), which commute with RoPE."""
    even, odd = torch.arange(0, C.shape[-1], 2), torch.arange(1, C.shape[-1], 2)
    turns = torch.complex(C[..., even, even] + C[..., odd, odd], C[..., odd, even] - C[..., even, odd]).sgn()
    turns = torch.where(turns == 0, 1, turns)  # where all rotations are equally good, the pair stays
    G = torch.zeros_like(C)
    G[..., even, even] = G[..., odd, odd] = turns.real
    G[..., odd, even], G[..., even, odd] = turns.imag, -turns.imag
    return G


def turn(attention: GroupedQueryAttention, letter: str, G: Float[Tensor, "g e e"]) -> None:
    """Turn KV heads of one layer in place: values and rows of W_O (letter `V`), or keys and queries (`K`)."""
    wide = G.repeat_interleave(attention.config.n_heads // len(G), dim=0)  # one for each query head
    turn_columns(projections(attention, letter).values(), G)
    turn_columns([attention.W_O.T] if letter == "V" else projections(attention, "Q").values(), wide)


def turn_columns(parameters: Iterable[Tensor], G: Float[Tensor, "h e e"]) -> None:
    """Replace W_h by W_h G_h for each head in place, and b_h by b_h G_h."""
    for parameter in parameters:
        heads = parameter.unflatten(-1, (len(G), -1)).to(G.dtype)
        parameter.copy_(torch.einsum("...he,hef->...hf", heads, G).flatten(-2))
