"""Convert a trained decoder with multi-head or grouped attention to latents of rank r (paper, section 7).

    layers = calibrate(model, batches)
    truncate(model, 64, layers)         # the same attention with weights of rank r: measures what the rank costs
    to_latent(model, 64, layers)        # latent attention, absorbable; for a model without rotary positions
    embed(model)                        # the same with d_latent = 2 g d_head, exact
    decouple(model, 96, layers)         # latent attention, absorbable; rotary positions move to one shared key

Each returns a new model in the same mode and dtype that shares no memory with the old one.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from course_lib import convert
from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.layers import GroupedQueryAttention
from course_lib.models import DecoderModel
from course_lib.reference.latent import from_grouped
from course_lib.surgery.calibration import Calibration, mean_rotation
from course_lib.surgery.factors import LatentFactors, joint_factors
from course_lib.surgery.kv_heads import grouped_config, with_attention
from course_lib.surgery.rotary import as_columns, as_pairs, principal_mix, rope_of, split_rotary

Layers = Sequence[Calibration]  # from `calibrate`, one for each layer


def factors(
    model: DecoderModel, rank: int, layers: Layers | None = None, balance: float | None = None
) -> list[LatentFactors]:
    """The `joint_factors` of W_K and W_V of each layer: with `layers` by activation PCA, else by SVD of the weights.

    Raises ValueError for a model without grouped attention, and as `joint_factors` does.
    """
    grouped_config(model)
    grams = [None] * len(model.blocks) if layers is None else [layer.gram for layer in one_each(model, layers)]
    weights = [(convert.array(b.attention.W_K), convert.array(b.attention.W_V)) for b in model.blocks]
    return [joint_factors(*W, rank, gram, balance) for W, gram in zip(weights, grams, strict=True)]


@torch.no_grad()
def truncate(
    model: DecoderModel, rank: int, layers: Layers | None = None, balance: float | None = None
) -> DecoderModel:
    """The model with W_K and W_V of each layer replaced by W_L W_LK and W_L W_LV of rank r; all else is kept.

    It shows what a latent of rank r costs in quality. With rotary positions the up-projected keys are rotated: r
    numbers per token suffice for exact relative positions, but each key has to be formed before it is rotated. At full
    rank nothing is lost. Raises ValueError as `factors` does.
    """
    found = factors(model, rank, layers, balance)
    new = copy.deepcopy(model)
    for block, of_layer in zip(new.blocks, found, strict=True):
        block.attention.W_K.copy_(torch.from_numpy(of_layer.W_L @ of_layer.W_LK))
        block.attention.W_V.copy_(torch.from_numpy(of_layer.W_L @ of_layer.W_LV))
    return new


def to_latent(
    model: DecoderModel, rank: int, layers: Layers | None = None, balance: float | None = None
) -> DecoderModel:
    """The model with latent attention of d_latent = rank, for a model without rotary positions; exact at full rank.

    Raises ValueError for rotary positions, QK-norm and biases, and as `factors` does.
    """
    config = absorbable_config(model)
    require(config.rope is None, f"model must have no rotary positions (`decouple` is for these), got {config.rope}")
    found = factors(model, rank, layers, balance)
    return with_attention(model, latent_config(config, d_latent=rank), (read_from(layer, config) for layer in found))


def embed(model: DecoderModel) -> DecoderModel:
    """The model with latent attention of d_latent = 2 g d_head, equal to its grouped attention up to rounding.

    The cache has as many numbers per token as before: see `course_lib.reference.latent.from_grouped`. Raises ValueError
    for rotary positions, QK-norm and biases.
    """
    rope = absorbable_config(model).rope
    require(rope is None, f"model must have no rotary positions to embed exactly, got rope = {rope}")
    made = [convert.to_layer(from_grouped(convert.to_reference(block.attention))) for block in model.blocks]
    config = replace(made[0].config, dropout=model.config.attention.dropout)
    return with_attention(model, config, (dict(layer.named_parameters()) for layer in made))


def decouple(
    model: DecoderModel, d_latent: int, layers: Layers, kept: range | None = None, balance: float | None = None
) -> DecoderModel:
    """The model with latent attention and decoupled rotary positions, from a model with rotary positions; not exact.

    At each frequency numbered in `kept` (default: all) the principal mix of KV heads keeps its rotation. These mixes
    are the shared key K_R of width d_rope = 2 len(kept). All other parts of the keys become content, which is not
    rotated. `mean_rotation` replaces their rotation: its modulus goes into the keys, its angle into the queries. The
    content is factored together with the values, to rank d_latent. The scale of the scores is kept.
    Raises ValueError for a model without rotary positions, for QK-norm and biases, and for a `kept` that is no range
    of frequencies.
    """
    config = absorbable_config(model)
    require(config.rope is not None, "model must have rotary positions to decouple, got none")
    kept = range(config.d_head // 2) if kept is None else kept
    rope = rope_of(kept, config.rope, config.d_head)
    pairs = zip(model.blocks, one_each(model, layers), strict=True)
    weights = [decoupled_weights(block.attention, seen, d_latent, kept, balance) for block, seen in pairs]
    return with_attention(model, latent_config(config, d_latent=d_latent, d_rope=2 * len(kept), rope=rope), weights)


def decoupled_weights(
    layer: GroupedQueryAttention, seen: Calibration, d_latent: int, kept: range, balance: float | None
) -> dict[str, np.ndarray]:
    """The weights of the new latent attention of one layer by name, without W_O, which is kept."""
    config, at = layer.config, list(kept)
    W_Q = as_pairs(convert.array(layer.W_Q), config.n_heads)
    W_K = as_pairs(convert.array(layer.W_K), config.n_kv_heads)
    v, _ = principal_mix(W_K[..., at], seen.gram)
    W_QR, W_KR, W_K[..., at] = split_rotary(W_Q[..., at], W_K[..., at], v)
    mean = mean_rotation(seen.distances, config.rope, config.d_head)
    content = as_columns(W_K * np.abs(mean))
    found = joint_factors(content, convert.array(layer.W_V), d_latent, seen.gram, balance)
    asking = {"W_Q": as_columns(W_Q * np.exp(1j * np.angle(mean))), "W_QR": as_columns(W_QR)}
    return asking | {"W_KR": as_columns(W_KR)} | read_from(found, config)


def read_from(found: LatentFactors, config: GroupedConfig) -> dict[str, np.ndarray]:
    """W_L, and W_LK and W_LV for all query heads: each gets the up-projections of the KV head that it reads."""

    def of_query_heads(W: Float[np.ndarray, "r ge"]) -> Float[np.ndarray, "r he"]:
        by_head = W.reshape(len(W), config.n_kv_heads, -1)
        return by_head.repeat(config.n_heads // config.n_kv_heads, axis=1).reshape(len(W), -1)

    return {"W_L": found.W_L, "W_LK": of_query_heads(found.W_LK), "W_LV": of_query_heads(found.W_LV)}


def absorbable_config(model: DecoderModel) -> GroupedConfig:
    """The config of the model's attention. Raises ValueError if QK-norm or biases prevent absorption."""
    config = grouped_config(model)
    require(not config.qk_norm, "model must have no QK-norm, which keeps W_LK from being absorbed, got one")
    require(not config.bias, "model must have no biases in its attention, since latent attention has none, got some")
    return config


def latent_config(config: GroupedConfig, **sizes) -> LatentConfig:
    """A LatentConfig of these sizes that keeps all settings that it shares with `config`."""
    shared = dict(window=config.window, scale=config.scale, dropout=config.dropout)
    return LatentConfig(d_model=config.d_model, n_heads=config.n_heads, d_head=config.d_head, **shared, **sizes)


def one_each(model: DecoderModel, layers: Layers) -> Layers:
    """`layers`. Raises ValueError unless it holds one Calibration for each layer."""
    good = isinstance(layers, Sequence) and all(isinstance(layer, Calibration) for layer in layers)
    require(good, f"layers must be a list from calibrate(model, batches), got {type(layers).__name__}")
    require(len(layers) == len(model.blocks), f"layers must be one for each of {len(model.blocks)}, got {len(layers)}")
    return layers
