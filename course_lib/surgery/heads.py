"""A trained decoder with fewer key/value heads, or with one for each query head again (paper, section 6).

    share_heads(model, 2, mean)             # the three ways of Ainslie et al., "GQA", arXiv 2305.13245
    share_heads(model, 2, first)
    share_heads(model, 2, Fresh(seed=0))
    repeat_heads(model)                     # multi-head attention with equal heads in each group: exact

Each returns a new model that shares no memory with the old one. A group are neighbours, as query head i reads
key/value head floor(i g / h). QK-norm, whose gain all heads share, is kept: what is pooled are the weights before it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import GroupedConfig, LatentConfig, is_whole, require
from course_lib.layers import GroupedQueryAttention
from course_lib.models import DecoderModel

# Heads of a weight are (d, g, q, e): q heads of width e in each of g groups; heads of a bias are (g, q, e).
Way = Callable[[Float[Tensor, "*d g q e"]], Float[Tensor, "*d g e"]]


def mean(heads: Float[Tensor, "*d g q e"]) -> Float[Tensor, "*d g e"]:
    """The mean of each group: of all single heads the nearest to them, in the sum of squared distances."""
    return heads.mean(-2)


def first(heads: Float[Tensor, "*d g q e"]) -> Float[Tensor, "*d g e"]:
    """The first head of each group; the others are forgotten."""
    return heads[..., 0, :]


class Fresh:
    """New heads as a new layer has them: normal weights with variance 1 / d, zero biases. Each call draws afresh."""

    def __init__(self, seed: int):
        require(is_whole(seed, least=0), f"seed must be a whole number from 0, got {seed!r}")
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, heads: Float[Tensor, "*d g q e"]) -> Float[Tensor, "*d g e"]:
        like = heads[..., 0, :]
        if like.ndim == 2:  # a bias
            return torch.zeros_like(like)
        drawn = torch.randn(like.shape, generator=self._generator, dtype=torch.float64)
        return (drawn * len(like) ** -0.5).to(like)


def share_heads(model: DecoderModel, n_kv_heads: int, how: Way) -> DecoderModel:
    """A model whose n_kv_heads key/value heads are made from the old ones, each from a group of neighbours, by `how`.

    Raises ValueError for another kind of model, for a number that does not divide that of its KV heads, and for a
    `how` that returns another shape.
    """
    check_groups(grouped_config(model), n_kv_heads)
    require(callable(how), f"how must be a function of grouped heads, like mean, first or Fresh(seed), got {how!r}")
    return with_heads(model, n_kv_heads, lambda heads: how(heads.unflatten(-2, (n_kv_heads, -1))))


def repeat_heads(model: DecoderModel) -> DecoderModel:
    """The same function as multi-head attention: each query head gets a copy of the KV head that it reads.

    Raises ValueError for another kind of model.
    """
    config = grouped_config(model)
    copies = config.n_heads // config.n_kv_heads
    return with_heads(model, config.n_heads, lambda heads: heads.repeat_interleave(copies, dim=-2))


def grouped_config(model: DecoderModel) -> GroupedConfig:
    """The config of its attention. Raises ValueError unless it is a decoder whose layers have key/value heads."""
    kind = type(model).__name__
    require(isinstance(model, DecoderModel), f"model must be a DecoderModel, got {kind}")
    config = model.config.attention
    kind = type(config).__name__
    require(isinstance(config, GroupedConfig), f"model must have grouped attention, with KV heads, got a {kind}")
    return config


def is_multi_head(model: DecoderModel) -> bool:
    """Whether there are several query heads and each has a KV head of its own; False for latent attention."""
    config = model.config.attention
    return isinstance(config, GroupedConfig) and config.n_kv_heads == config.n_heads > 1


def check_groups(config: GroupedConfig, n_kv_heads: int) -> None:
    """The KV heads fall into so many groups of equal size."""
    held = config.n_kv_heads
    require(
        is_whole(n_kv_heads) and held % n_kv_heads == 0,
        f"n_kv_heads must be a positive integer that divides the model's {held} KV heads, got {n_kv_heads!r}",
    )


@torch.no_grad()
def with_heads(model: DecoderModel, n_kv_heads: int, change: Callable[[Tensor], Tensor]) -> DecoderModel:
    """A copy with other KV heads: `change` gets those of each weight (d, heads, e) and each bias (heads, e)."""
    config = replace(model.config.attention, n_kv_heads=n_kv_heads)

    def changed(parameter: Tensor) -> Tensor:
        heads = change(parameter.unflatten(-1, (-1, config.d_head)))
        want = (*parameter.shape[:-1], n_kv_heads, config.d_head)
        require(heads.shape == want, f"how must return heads of shape {want}, got {tuple(heads.shape)}")
        return heads.flatten(-2)

    found = (projections(block.attention, "KV") for block in model.blocks)
    return with_attention(model, config, [{name: changed(p) for name, p in each.items()} for each in found])


def projections(attention: GroupedQueryAttention, letters: str) -> dict[str, Tensor]:
    """W_Q, W_K and W_V as far as named, and their biases where there are some: heads side by side on the last axis."""
    kinds = "Wb" if attention.config.bias else "W"
    return {f"{kind}_{letter}": getattr(attention, f"{kind}_{letter}") for kind in kinds for letter in letters}


def with_attention(
    model: DecoderModel, config: GroupedConfig | LatentConfig, weights: Iterable[Mapping[str, Tensor | np.ndarray]]
) -> DecoderModel:
    """A copy of the model with attention of another config; what `weights` of a layer does not name stays.

    In the model's mode, dtype and device; it shares no memory with the model or the weights.
    """
    with torch.device("meta"):  # no weights are drawn only to be replaced
        new = DecoderModel(replace(model.config, attention=config))
    tensors = dict(model.state_dict())
    for i, layer in enumerate(weights):
        tensors |= {f"blocks.{i}.attention.{name}": torch.as_tensor(W) for name, W in layer.items()}
    like = model.embedding.W_E
    new.to(like.dtype).to_empty(device=like.device)
    new.load_state_dict({name: tensors[name] for name in new.state_dict()})
    return new.train(model.training)
