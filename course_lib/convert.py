"""Copy weights between the NumPy reference and the PyTorch layers, exactly and in float64.

The reference keeps heads on an axis of their own, (h, d, e); the layers put them side by side, (d, h e).
"""

import numpy as np
import torch
from torch import nn

from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.layers import (
    Attention,
    GroupedQueryAttention,
    LatentAttention,
    NormalisedKeysLatentAttention,
    RotaryLatentAttention,
    RotatedKeysLatentAttention,
)
from course_lib.layers import RMSNorm as TorchNorm
from course_lib.reference.grouped import GroupedQueryAttention as GroupedReference
from course_lib.reference.latent import AbsorbedLatentAttention, QueryLatent
from course_lib.reference.latent import LatentAttention as LatentReference
from course_lib.reference.normalised_keys import NormalisedKeysLatentAttention as NormalisedKeysReference
from course_lib.reference.norms import RMSNorm
from course_lib.reference.rotary_latent import RotaryLatentAttention as RotaryReference
from course_lib.reference.rotary_latent import RotatedKeysLatentAttention as RotatedKeysReference

REFERENCES = {
    GroupedQueryAttention: GroupedReference,
    LatentAttention: LatentReference,
    RotaryLatentAttention: RotaryReference,
    RotatedKeysLatentAttention: RotatedKeysReference,
    NormalisedKeysLatentAttention: NormalisedKeysReference,
}
BIASES = ("b_Q", "b_K", "b_V", "b_O")


def to_layer(source: GroupedReference | LatentReference) -> GroupedQueryAttention | LatentAttention:
    """The PyTorch layer with the weights of a reference layer, in float64 and on the CPU.

    A latent layer has both forms, so the expanded and the absorbed reference give the same layer. Raises TypeError
    for another class, ValueError for sizes that no config describes: W_O must lead back to the model width, and grouped
    values must be as wide as keys.
    """
    if type(source) is GroupedReference:
        layer = GroupedQueryAttention(grouped_config(source))
        arrays = {name: getattr(source, name) for name in layer.config.weights}
        biases = {name: getattr(source, name).reshape(-1) for name in BIASES if layer.config.bias}
        norms = {"norm_Q": source.norm_Q, "norm_K": source.norm_K}
    elif type(source) in (LatentReference, AbsorbedLatentAttention):
        layer = LatentAttention(latent_config(source))
        asking = source.W_Q if isinstance(source.W_Q, QueryLatent) else None
        arrays = {name: getattr(source if hasattr(source, name) else asking, name) for name in layer.config.weights}
        biases, norms = {}, {"norm_L": source.norm, "norm_LQ": None if asking is None else asking.norm}
    else:
        raise TypeError(f"source must be a grouped or latent attention of the reference, got {type(source).__name__}")
    heads = {name: side_by_side(arrays[name]) for name, shape in layer.config.weights.items() if shape.heads}
    layer = layer.double()
    load(layer, arrays | heads | biases | {"W_O": stacked(source.W_O)}, norms)
    return layer


def to_reference(layer: Attention) -> GroupedReference | LatentReference:
    """The reference layer with the weights of a PyTorch layer, a causal one of any kind but ALiBi's.

    A latent one has the expanded form; where latent rows turn, the absorbed one. Dropout is left out. Raises
    TypeError for another class.
    """
    if type(layer) not in REFERENCES:
        raise TypeError(f"layer must be {', '.join(kind.__name__ for kind in REFERENCES)}, got {type(layer).__name__}")
    config = layer.config
    weights = {name: array(layer.get_parameter(name)) for name in config.weights}
    weights |= {name: by_head(weights[name], shape.heads) for name, shape in config.weights.items() if shape.heads}
    weights["W_O"] = weights["W_O"].reshape(config.n_heads, -1, config.d_model)
    settings = dict(rope=config.rope, window=config.window, scale=config.scale)
    if type(layer) is GroupedQueryAttention:
        norms = dict(norm_Q=reference_norm(layer.norm_Q), norm_K=reference_norm(layer.norm_K))
        settings["turned"] = config.turned
        return GroupedReference(**weights, **reference_biases(layer), **norms, **settings)
    if config.d_latent_q is not None:
        factors = {name: weights.pop(name) for name in ("W_LQ", "W_LQQ")}
        weights["W_Q"] = QueryLatent(**factors, norm=reference_norm(layer.norm_LQ))
    if type(layer) is RotaryLatentAttention:
        settings["turned"] = config.turned
    if type(layer) is NormalisedKeysLatentAttention:
        settings["norm_K"] = reference_norm(layer.norm_K)
    return REFERENCES[type(layer)](**weights, norm=reference_norm(layer.norm_L), **settings)


def grouped_config(source: GroupedReference) -> GroupedConfig:
    """The config of a grouped reference layer. Raises ValueError when no config describes its weights."""
    (h, d, e), (g, _, v) = source.W_Q.shape, source.W_V.shape
    require(v == e, f"W_V must have the width of W_K, {e}, to become a layer, got {v}")
    require_same_width(source.W_O, d)
    require((source.norm_Q is None) == (source.norm_K is None), "norm_Q and norm_K must be given together")
    biases = {getattr(source, name) is not None for name in BIASES}
    require(len(biases) == 1, f"{', '.join(BIASES)} must be given together, or none of them")
    settings = dict(rope=source.rope, turned=source.turned, window=source.window, scale=source.scale)
    settings["qk_norm"] = source.norm_Q is not None
    if source.norm_Q is not None:
        settings["qk_norm_eps"] = source.norm_Q.eps
    return GroupedConfig(d_model=d, n_heads=h, n_kv_heads=g, d_head=e, bias=biases.pop(), **settings)


def latent_config(source: LatentReference) -> LatentConfig:
    """The config of a latent reference layer. Raises ValueError when no config describes its weights."""
    (d, r), (h, _, e), v = source.W_L.shape, source.W_LK.shape, source.W_LV.shape[-1]
    require_same_width(source.W_O, d)
    r_q, normed = None, source.norm is not None
    if isinstance(source.W_Q, QueryLatent):
        r_q = source.W_Q.W_LQ.shape[1]
        require(
            (source.W_Q.norm is not None) == normed, "the query latent and L must both have a norm, or neither, got one"
        )
    p = 0 if source.W_KR is None else source.W_KR.shape[1]
    sizes = dict(d_model=d, n_heads=h, d_latent=r, d_head=e, d_value=v, d_rope=p, d_latent_q=r_q)
    return LatentConfig(**sizes, rope=source.rope, latent_norm=normed, window=source.window, scale=source.scale)


@torch.no_grad()
def load(layer: nn.Module, weights: dict[str, np.ndarray], norms: dict[str, RMSNorm | None]) -> None:
    """Copy weights and norms into the parameters of the same names."""
    for name, weight in weights.items():
        layer.get_parameter(name).copy_(torch.from_numpy(np.ascontiguousarray(weight)))
    for name, norm in norms.items():
        if norm is not None:
            layer.get_submodule(name).eps = norm.eps
            layer.get_submodule(name).gamma.copy_(torch.from_numpy(norm.gamma))


def reference_biases(layer: GroupedQueryAttention) -> dict[str, np.ndarray]:
    """b_Q (h, e), b_K and b_V (g, e), b_O (d,); an empty dict for a layer without biases."""
    if not layer.config.bias:
        return {}
    by_heads = {"b_Q": layer.config.n_heads, "b_K": layer.config.n_kv_heads, "b_V": layer.config.n_kv_heads}
    biases = {name: array(layer.get_parameter(name)).reshape(heads, -1) for name, heads in by_heads.items()}
    return biases | {"b_O": array(layer.b_O)}


def require_same_width(W_O: np.ndarray, d: int) -> None:
    """W_O must lead back to the model width d."""
    require(W_O.shape[-1] == d, f"W_O must lead back to the model width {d}, got shape {W_O.shape}")


def side_by_side(W: np.ndarray) -> np.ndarray:
    """Heads on their own axis, (h, d, e), to heads in the columns, (d, h e)."""
    return W.transpose(1, 0, 2).reshape(W.shape[1], -1)


def stacked(W_O: np.ndarray) -> np.ndarray:
    """Heads on their own axis, (h, v, d), to heads in the rows, (h v, d)."""
    return W_O.reshape(-1, W_O.shape[-1])


def by_head(W: np.ndarray, heads: int) -> np.ndarray:
    """Heads in the columns, (d, h e), to heads on their own axis, (h, d, e)."""
    return np.ascontiguousarray(W.reshape(len(W), heads, -1).transpose(1, 0, 2))


def array(W: torch.Tensor) -> np.ndarray:
    """A copy as a NumPy array in float64."""
    return W.detach().to("cpu", torch.float64).numpy().copy()


def reference_norm(norm: TorchNorm | None) -> RMSNorm | None:
    """The norm of the reference, or None where the layer has none."""
    return None if norm is None else RMSNorm(array(norm.gamma), norm.eps)
