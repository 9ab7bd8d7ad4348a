"""How each form of attention reads its cache, as sizes. MHA, GQA, MQA and latent attention differ in these.

Work is counted in multiply-adds (one multiplication and one addition); `work` turns each into 2 FLOPs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from course_lib.accounting.storage import Config, parameters, require_config, weights
from course_lib.config import (
    GroupedConfig,
    LatentConfig,
    NormalisedKeysConfig,
    RotaryLatentConfig,
    RotatedKeysConfig,
    require,
)


@dataclass(frozen=True)
class Form:
    """One way to read the cache: the sizes of keys and values, and the work to make or to avoid them."""

    name: str
    config: Config
    d_key: int  # width of the vectors whose inner product is a score, per head
    d_value: int  # width of the rows that each head mixes
    floats_per_row: int  # numbers that attention reads per row of the cache, after expansion if any
    expand: int = 0  # multiply-adds per row read, in every call, to make keys and values from it
    absorb: int = 0  # multiply-adds per new token: W_LK on its queries, W_LV on the mixed latents of its heads

    @property
    def project(self) -> int:
        """Multiply-adds per new token with all weights except W_LK and W_LV, which `expand` or `absorb` counts.

        W_LK counts here, too, where a token caches the size of its own keys.
        """
        applied_elsewhere = ("W_LV",) if isinstance(self.config, NormalisedKeysConfig) else ("W_LK", "W_LV")
        shapes = {name: shape for name, shape in weights(self.config).items() if name not in applied_elsewhere}
        return sum(shape[0] * shape[1] for shape in shapes.values() if len(shape) == 2)

    @property
    def attend(self) -> int:
        """Multiply-adds per (query, key) pair over all heads, for score and mix."""
        return self.config.n_heads * (self.d_key + self.d_value)

    @property
    def parameters(self) -> int:
        return parameters(self.config)

    @property
    def materialised(self) -> int:
        """Numbers per row read that are written before attention starts: expanded keys and values, otherwise 0."""
        return self.floats_per_row if self.expand else 0


def grouped(config: GroupedConfig) -> Form:
    """The form of MHA, GQA and MQA: keys and values as they lie in the cache.

    Query heads that share a KV head save reading, not arithmetic. Raises ValueError unless given a GroupedConfig.
    """
    _require_kind("grouped", config, GroupedConfig)
    return Form("grouped", config, config.d_qk, config.d_value, config.floats_per_token)


def expanded(config: LatentConfig) -> Form:
    """The expanded form of latent attention: W_LK and W_LV make keys and values of every head from L.

    Each head's keys also contain K_R. Good for prefill. Raises ValueError unless given a LatentConfig.
    """
    _require_kind("expanded", config, LatentConfig)
    h, r = config.n_heads, config.d_latent
    floats = h * (config.d_qk + config.d_value)
    return Form(
        "expanded", config, config.d_qk, config.d_value, floats, expand=h * r * (config.d_head + config.d_value)
    )


def absorbed(config: LatentConfig) -> Form:
    """The absorbed form of latent attention: all heads attend over the cached row [L, K_R] itself.

    The row is the key, and its part L the value. W_LK acts on the query and W_LV on the mixed latent; the products
    W^{LQK} and W^{LO} are never computed. Good for decoding. Raises ValueError unless given a LatentConfig.
    """
    _require_kind("absorbed", config, LatentConfig)
    h, r = config.n_heads, config.d_latent
    absorb = h * r * (config.d_head + config.d_value)
    return Form("absorbed", config, r + config.d_rope, r, config.floats_per_token, absorb=absorb)


def rotated_keys(config: LatentConfig) -> Form:
    """The form that makes and rotates all keys at every step, while the values stay absorbed."""
    made, h, r = expanded(config), config.n_heads, config.d_latent
    row = h * config.d_head + r  # read per token: the keys, and the latent row as value
    return replace(made, d_value=r, floats_per_row=row, expand=h * r * config.d_head, absorb=h * r * config.d_value)


def partly_rotary(config: LatentConfig, turned: int) -> Form:
    """The expanded form of a partly rotary latent, whose last p = `turned` coordinates carry rotary positions.

    These p coordinates enter each head unchanged, so that its keys have width e + p and its values v + p.
    """
    h, e, v = config.n_heads, config.d_head, config.d_value
    return replace(
        expanded(config),
        d_key=e + turned,
        d_value=v + turned,
        floats_per_row=h * (e + v + 2 * turned),
        expand=h * (config.d_latent - turned) * (e + v),
        absorb=h * turned * (e + v),
    )


def _require_kind(form: str, config: Config, kind: type) -> None:
    require(
        isinstance(config, kind),
        f"config of attention '{form}' must be a {kind.__name__}, got {type(config).__name__}",
    )


def form_for_prefill(layer: Config | Form) -> Form:
    """The given form; for a config, the one for prefill: grouped, or expanded for latent attention.

    A rotary latent whose whole row turns is read absorbed, since expanding saves nothing there.
    """
    return _form(layer, {GroupedConfig: grouped, RotaryLatentConfig: of_rotary_latent}, expanded)


def form_for_decode(layer: Config | Form) -> Form:
    """The given form; for a config, the one for decoding: grouped, or absorbed for latent attention.

    Of rotated keys, the values alone are absorbed.
    """
    return _form(layer, {GroupedConfig: grouped, RotatedKeysConfig: rotated_keys}, absorbed)


def of_rotary_latent(config: RotaryLatentConfig) -> Form:
    """The form in which a rotary latent is read in a prefill."""
    return absorbed(config) if config.turned == config.d_latent else partly_rotary(config, config.turned)


def _form(layer: Config | Form, special: Mapping[type, Callable], usual: Callable) -> Form:
    if isinstance(layer, Form):
        return layer
    require_config(layer)
    return special.get(type(layer), usual)(layer)
