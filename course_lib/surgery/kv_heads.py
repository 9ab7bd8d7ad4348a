"""Give a trained decoder fewer key/value heads, or again one for each query head (paper, section 6).

    share_heads(model, 2, mean)             # the three ways of Ainslie et al., "GQA", arXiv 2305.13245
    share_heads(model, 2, first)
    share_heads(model, 2, Fresh(seed=0))
    repeat_heads(model)                     # multi-head attention with equal heads in each group: exact

Each call returns a new model that shares no memory with the old one. The heads of a group are neighbours, since query
head i reads key/value head floor(i g / h). The weights before QK-norm are pooled; the norm itself, whose gain all heads
share, is kept.
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

# A way to pool heads: (d, g, q, e) for a weight, with q heads of width e in each of g groups; (g, q, e) for a bias.
Way = Callable[[Float[Tensor, "*d g q e"]], Float[Tensor, "*d g e"]]


def mean(heads: Float[Tensor, "*d g q e"]) -> Float[Tensor, "*d g e"]:
    """The mean of each group: the single head with the least sum of squared distances to the heads of the group."""
    return heads.mean(-2)


def first(heads: Float[Tensor, "*d g q e"]) -> Float[Tensor, "*d g e"]:
    """The first head of each group; the others are dropped."""
    return heads[..., 0, :]


class Fresh:
    """Random heads, as in a new layer: normal weights of variance 1 / d, zero biases. Each call draws new ones."""

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
    """The model with `n_kv_heads` key/value heads: `how` makes each new head from a group of neighbouring old ones.

    how: `mean`, `first`, `Fresh(seed)` or any function from shape `(*d, g, q, e)` to `(*d, g, e)`.
    Raises ValueError for another kind of model, when n_kv_heads does not divide the number of its KV heads, and when
    `how` returns another shape.
    """
    check_groups(grouped_config(model), n_kv_heads)
    require(callable(how), f"how must be a function of grouped heads, like mean, first or Fresh(seed), got {how!r}")
    return with_heads(model, n_kv_heads, lambda heads: how(heads.unflatten(-2, (n_kv_heads, -1))))


def repeat_heads(model: DecoderModel) -> DecoderModel:
    """The same function with multi-head attention: each query head gets its own copy of the KV head that it reads.

    Raises ValueError for another kind of model.
    """
    config = grouped_config(model)
    copies = config.n_heads // config.n_kv_heads
    return with_heads(model, config.n_heads, lambda heads: heads.repeat_interleave(copies, dim=-2))


def grouped_config(model: DecoderModel) -> GroupedConfig:
    """The config of the model's attention. Raises ValueError unless it is a decoder whose layers have KV heads.

    Partial rotation and local layers are refused too, since surgery takes all layers and all pairs of a head alike.
    """
    kind = type(model).__name__
    require(isinstance(model, DecoderModel), f"model must be a DecoderModel, got {kind}")
    require(model.config.local is None, "model must have layers of one kind, got one with local layers")
    config = model.config.attention
    kind = type(config).__name__
    require(isinstance(config, GroupedConfig), f"model must have grouped attention, with KV heads, got a {kind}")
    require(config.turned is None, f"model must turn whole heads, got turned = {config.turned} coordinates")
    return config


def is_multi_head(model: DecoderModel) -> bool:
    """Whether each layer has the same several query heads, each with its own KV head; False for latent attention."""
    config = model.config.attention
    whole = isinstance(config, GroupedConfig) and config.n_kv_heads == config.n_heads > 1
    return whole and config.turned is None and model.config.local is None


def check_groups(config: GroupedConfig, n_kv_heads: int) -> None:
    """Raise ValueError unless the KV heads can be divided into `n_kv_heads` groups of equal size."""
    held = config.n_kv_heads
    require(
        is_whole(n_kv_heads) and held % n_kv_heads == 0,
        f"n_kv_heads must be a positive integer that divides the model's {held} KV heads, got {n_kv_heads!r}",
    )


@torch.no_grad()
def with_heads(model: DecoderModel, n_kv_heads: int, change: Callable[[Tensor], Tensor]) -> DecoderModel:
    """A copy of the model whose KV heads `change` makes: from each weight (d, heads, e) and each bias (heads, e)."""
    config = replace(model.config.attention, n_kv_heads=n_kv_heads)

    def changed(parameter: Tensor) -> Tensor:
        heads = change(parameter.unflatten(-1, (-1, config.d_head)))
        want = (*parameter.shape[:-1], n_kv_heads, config.d_head)
        require(heads.shape == want, f"how must return heads of shape {want}, got {tuple(heads.shape)}")
        return heads.flatten(-2)

    found = (projections(block.attention, "KV") for block in model.blocks)
    return with_attention(model, config, [{name: changed(p) for name, p in each.items()} for each in found])


def projections(attention: GroupedQueryAttention, letters: str) -> dict[str, Tensor]:
    """The projections that `letters` names ("QKV": W_Q, W_K, W_V), with their biases if any, heads on the last axis."""
    kinds = "Wb" if attention.config.bias else "W"
    return {f"{kind}_{letter}": getattr(attention, f"{kind}_{letter}") for kind in kinds for letter in letters}


def with_attention(
    model: DecoderModel, config: GroupedConfig | LatentConfig, weights: Iterable[Mapping[str, Tensor | np.ndarray]]
) -> DecoderModel:
    """A copy of the model with the attention of `config`, in the model's mode, dtype and device.

    weights: for each layer the new attention weights by name; weights that are not named are copied from the model.
    The copy shares no memory with the model or the weights.
    """
    with torch.device("meta"):  # draws no random weights, since all are replaced
        new = DecoderModel(replace(model.config, attention=config))
    tensors = dict(model.state_dict())
    for i, layer in enumerate(weights):
        tensors |= {f"blocks.{i}.attention.{name}": torch.as_tensor(W) for name, W in layer.items()}
    like = model.embedding.W_E
    new.to(like.dtype).to_empty(device=like.device)
    new.load_state_dict({name: tensors[name] for name in new.state_dict()})
    return new.train(model.training)
