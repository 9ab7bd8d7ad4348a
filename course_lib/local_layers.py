"""A model whose layers have attention of two kinds, and configs of attention as plain values for JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from course_lib.attention_configs import ATTENTION, GroupedConfig, LatentConfig
from course_lib.fields import from_fields, is_whole, require
from course_lib.rope import rope_as_dict, rope_from_dict


@dataclass(frozen=True, kw_only=True)
class LocalLayers:
    """The layers whose attention differs from that of the others, with that attention.

    In Gemma 3 these are five of six layers: each has a window, and rotary positions of a smaller base.
    """

    attention: GroupedConfig | LatentConfig
    layers: tuple[int, ...]  # their numbers, from 0

    def __post_init__(self):
        require_attention(self.attention)
        numbers = tuple(self.layers)
        good = len(numbers) > 0 and all(is_whole(i, 0) for i in numbers) and list(numbers) == sorted(set(numbers))
        require(good, f"layers must be rising numbers of layers, from 0, got {numbers}")
        object.__setattr__(self, "layers", numbers)

    def require_within(self, attention: GroupedConfig | LatentConfig, n_layers: int) -> None:
        """Raises ValueError unless these are some of `n_layers` layers, whose others have the given attention."""
        require(
            self.layers[-1] < n_layers and len(self.layers) < n_layers,
            f"layers of local must be some of the layers 0 ... {n_layers - 1}, and not all, got {self.layers}",
        )
        widths = self.attention.d_model, attention.d_model
        require(
            widths[0] == widths[1], f"local and attention must have the same d_model, got {widths[0]} and {widths[1]}"
        )

    @classmethod
    def from_dict(cls, values: Mapping) -> "LocalLayers":
        """The inverse of `local_as_dict`. Raises ValueError for keys that are unknown or missing."""
        require(isinstance(values, Mapping), f"local must be an object with its fields, got {values!r}")
        attention = attention_from_dict(values.get("attention") or {})
        return from_fields(cls, dict(values) | {"attention": attention})


def require_attention(config: GroupedConfig | LatentConfig) -> None:
    """Raises ValueError unless the config is one of attention."""
    kind = type(config)
    require(kind in ATTENTION.values(), f"attention must be a GroupedConfig or LatentConfig, got {kind.__name__}")


def attention_as_dict(config: GroupedConfig | LatentConfig) -> dict:
    """Plain values for JSON; `attention_from_dict` makes an equal config of them."""
    kind = next(name for name, known in ATTENTION.items() if known is type(config))
    return {"kind": kind} | asdict(config) | {"rope": rope_as_dict(config.rope)}


def attention_from_dict(values: Mapping) -> GroupedConfig | LatentConfig:
    """The inverse of `attention_as_dict`. Raises ValueError for keys that are unknown or missing."""
    require(isinstance(values, Mapping), f"attention must be an object with its fields, got {values!r}")
    fields = dict(values)
    kind = fields.pop("kind", None)
    known = isinstance(kind, str) and kind in ATTENTION
    require(known, f"attention's kind must be one of {', '.join(ATTENTION)}, got {kind!r}")
    if fields.get("rope") is not None:
        fields["rope"] = rope_from_dict(fields["rope"])
    return from_fields(ATTENTION[kind], fields)


def local_as_dict(local: LocalLayers | None) -> dict | None:
    """Plain values for JSON."""
    return local and {"attention": attention_as_dict(local.attention), "layers": list(local.layers)}
