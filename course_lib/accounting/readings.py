"""How attention reads the cache back, in sizes: the one thing in which MHA, GQA, MQA and latent attention differ.

A multiply-add (one multiplication, one addition) is the unit here; `work` turns it into 2 FLOPs.
"""

from dataclasses import dataclass

from course_lib.accounting.storage import Config, parameters, require_config, weights
from course_lib.config import GroupedConfig, LatentConfig, require


@dataclass(frozen=True)
class Reading:
    """Sizes of the keys and values that the heads of `config` meet, and what it takes to make them."""

    name: str
    config: Config
    d_key: int  # width of each head's score
    d_value: int  # width of each head's mix
    floats_per_row: int  # numbers that attention reads per row of the cache
    expand: int = 0  # multiply-adds per row read, at every call, to make keys and values from it
    absorb: int = 0  # multiply-adds per new token, to take its queries to the latent and its heads back

    @property
    def project(self) -> int:
        """Multiply-adds per new token with the weights on X and on the heads' outputs, norms left out."""
        applied_elsewhere = ("W_LK", "W_LV")
        shapes = {name: shape for name, shape in weights(self.config).items() if name not in applied_elsewhere}
        return sum(shape[0] * shape[1] for shape in shapes.values() if len(shape) == 2)

    @property
    def attend(self) -> int:
        """Multiply-adds per (query, key) pair over all heads: the score and the mix."""
        return self.config.n_heads * (self.d_key + self.d_value)

    @property
    def parameters(self) -> int:
        return parameters(self.config)

    @property
    def materialised(self) -> int:
        """Numbers written per row read before attention can start: the expanded keys and values, else none."""
        return self.floats_per_row if self.expand else 0


def grouped(config: GroupedConfig) -> Reading:
    """Keys and values as they lie in the cache; sharing them among query heads saves reading, not arithmetic."""
    _require_kind("grouped", config, GroupedConfig)
    return Reading("grouped", config, config.d_qk, config.d_value, config.floats_per_token)


def expanded(config: LatentConfig) -> Reading:
    """Keys and values of every head made from L by W_LK and W_LV, K_R repeated in each head: suits prefill."""
    _require_kind("expanded", config, LatentConfig)
    h, r = config.n_heads, config.d_latent
    floats = h * (config.d_qk + config.d_value)
    return Reading(
        "expanded", config, config.d_qk, config.d_value, floats, expand=h * r * (config.d_head + config.d_value)
    )


def absorbed(config: LatentConfig) -> Reading:
    """All heads attend over the row [L, K_R] itself, which is key and (its first part) value: suits decode.

    W_LK acts on the query and W_LV on the mixed latent, one after the other; W^{LQK} and W^{LO} are never formed.
    """
    _require_kind("absorbed", config, LatentConfig)
    h, r = config.n_heads, config.d_latent
    absorb = h * r * (config.d_head + config.d_value)
    return Reading("absorbed", config, r + config.d_rope, r, config.floats_per_token, absorb=absorb)


def _require_kind(reading: str, config: Config, kind: type) -> None:
    require(
        isinstance(config, kind),
        f"config of attention '{reading}' must be a {kind.__name__}, got {type(config).__name__}",
    )


def reading_for_prefill(layer: Config | Reading) -> Reading:
    """A reading as given; of a config: grouped, or expanded."""
    return _reading(layer, expanded)


def reading_for_decode(layer: Config | Reading) -> Reading:
    """A reading as given; of a config: grouped, or absorbed."""
    return _reading(layer, absorbed)


def _reading(layer: Config | Reading, of_latent) -> Reading:
    if isinstance(layer, Reading):
        return layer
    require_config(layer)
    return of_latent(layer) if isinstance(layer, LatentConfig) else grouped(layer)
