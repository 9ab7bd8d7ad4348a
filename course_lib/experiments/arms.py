"""The arms: which kinds of attention are compared. Each has a line in ARMS.

An arm fixes heads and latent widths, a preset the model width. The width of the feed-forward layers then follows: all
arms of a preset have the same number of parameters, so that a smaller attention gets wider feed-forward layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from course_lib.accounting import parameters
from course_lib.accounting.storage import Config
from course_lib.config import (
    AlibiLatentConfig,
    GroupedConfig,
    LatentConfig,
    ModelConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
    require,
)

SWIGLU_MATRICES = 3  # d_model x d_ff each
CORE, POSITIONS, ABSORBABLE, EXTENDED = "core", "positions", "absorbable", "extended"
LATENT, MORE = (CORE, POSITIONS, ABSORBABLE), (POSITIONS, EXTENDED)


@dataclass(frozen=True)
class Arm:
    """One kind of attention: the class of its config and all fields but d_model."""

    summary: str
    kind: type[Config]
    fields: Mapping
    groups: tuple[str, ...]  # the experiments that it belongs to; ABSORBABLE if H5 may choose it
    positions: str = "none"  # added to the embeddings, which are then multiplied by sqrt(d_model): see ModelConfig
    repeats: str | None = None  # the arm that this one repeats, from other initial weights

    def attention(self, d_model: int) -> Config:
        """The config of its attention layers in a model of this width."""
        return self.kind(d_model=d_model, **self.fields)


def grouped(groups: int, *, heads: int = 8, d_head: int = 32) -> dict:
    return {"n_heads": heads, "n_kv_heads": groups, "d_head": d_head, "rope": Rope()}


def latent(d_latent: int, d_rope: int = 0, **more) -> dict:
    """Eight heads of width 32 on a normalised latent row."""
    return {"n_heads": 8, "d_head": 32, "d_latent": d_latent, "d_rope": d_rope, "latent_norm": True} | more


# Numbers that a token leaves in the cache of a layer: 512 for MHA, 128 for the others of the core.
ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        "MHA": Arm("8 heads, each with its own keys and values", GroupedConfig, grouped(8), (CORE,)),
        "MHA again": Arm("MHA from other initial weights (A/A control)", GroupedConfig, grouped(8), (), repeats="MHA"),
        "GQA2": Arm("8 heads on 2 key/value heads", GroupedConfig, grouped(2), (CORE,)),
        "MQA-64": Arm(
            "4 heads of width 64 on 1 key/value head", GroupedConfig, grouped(1, heads=4, d_head=64), (CORE,)
        ),
        "MLA-16": Arm("latent of 112, decoupled rotary key of 16", LatentConfig, latent(112, 16), LATENT),
        "MLA-4": Arm("latent of 124, decoupled rotary key of 4", LatentConfig, latent(124, 4), LATENT),
        "MLA-64": Arm("latent of 64, decoupled rotary key of 64", LatentConfig, latent(64, 64), LATENT),
        "NoPE latent": Arm("latent of 128, no positions", LatentConfig, latent(128), LATENT),
        "RoPE on up-projected keys": Arm(
            "latent of 128, rotary positions on the keys of each head",
            RotatedKeysConfig,
            latent(128),
            (CORE, POSITIONS),
        ),
        "partly rotary 16": Arm(
            "latent of 128, of which 16 coordinates turn", RotaryLatentConfig, latent(128, turned=16), LATENT
        ),
        "rotary latent": Arm("latent of 128, which turns whole", RotaryLatentConfig, latent(128, turned=128), LATENT),
        "partly rotary 32": Arm(
            "latent of 128, of which 32 coordinates turn", RotaryLatentConfig, latent(128, turned=32), MORE
        ),
        "ALiBi on latents": Arm("latent of 128, biases by distance", AlibiLatentConfig, latent(128), MORE),
        "QK-normed latent": Arm(
            "latent of 120, normalised keys, a cached number for each head", NormalisedKeysConfig, latent(120), MORE
        ),
        "MLA-32": Arm("latent of 96, decoupled rotary key of 32", LatentConfig, latent(96, 32), MORE),
        "MLA-16 without norm": Arm(
            "latent of 112 without a norm, decoupled rotary key of 16",
            LatentConfig,
            latent(112, 16, latent_norm=False),
            (EXTENDED,),
        ),
        "MHA 8x8": Arm(
            "8 heads of width 8, each with its own keys and values", GroupedConfig, grouped(8, d_head=8), (EXTENDED,)
        ),
        "MQA 8x32": Arm("8 heads on 1 key/value head, 64 numbers cached", GroupedConfig, grouped(1), (EXTENDED,)),
        "MLA 48+16": Arm(
            "latent of 48, decoupled rotary key of 16, 64 numbers cached", LatentConfig, latent(48, 16), (EXTENDED,)
        ),
        "NoPE latent, sinusoids": Arm(
            "latent of 128, sinusoids on the embeddings",
            LatentConfig,
            latent(128),
            MORE,
            positions="sinusoidal",
        ),
    }
)


def in_group(group: str) -> tuple[str, ...]:
    """The names of the arms of a group."""
    return tuple(name for name, each in ARMS.items() if group in each.groups)


def arm(name: str) -> Arm:
    """The arm of that name. Raises ValueError, which lists the names, for another one."""
    require(name in ARMS, f"arm must be one of {', '.join(ARMS)}, got {name!r}")
    return ARMS[name]


def wider(of: Arm, d_model: int) -> int:
    """By how much d_ff must exceed that of MHA for the same number of parameters, as nearly as can be."""
    spare = parameters(ARMS["MHA"].attention(d_model)) - parameters(of.attention(d_model))
    return round(spare / (SWIGLU_MATRICES * d_model))


def matched_d_ff(of: Arm, d_model: int, d_ff: int) -> int:
    """The d_ff with which a model of this arm has as many parameters as one of MHA with `d_ff`.

    Raises ValueError when the attention alone has more.
    """
    matched = d_ff + wider(of, d_model)
    require(matched > 0, f"d_ff = {d_ff} must leave room for feed-forward layers beside {of.summary}, got {matched}")
    return matched


def model_config(of: Arm, *, vocab_size: int, n_layers: int, d_model: int, d_ff: int) -> ModelConfig:
    """The config of a decoder with this arm's attention: pre-LN blocks with RMSNorm and SwiGLU."""
    return ModelConfig(
        vocab_size=vocab_size,
        n_layers=n_layers,
        attention=of.attention(d_model),
        d_ff=d_ff,
        feedforward="swiglu",
        norm="rms",
        positions=of.positions,
        embedding_scale=1.0 if of.positions == "none" else math.sqrt(d_model),
    )
