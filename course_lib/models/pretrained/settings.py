"""config.json read key by key: each error names the key, what it holds, and the rule."""

import math
from collections.abc import Mapping

from course_lib.config import Rope, is_whole, require


class Settings:
    """The values of a config.json; null is as good as absent, but for the window of a layer.

    A default of None means that the key must be there.
    """

    def __init__(self, values: Mapping):
        self.values = {key: value for key, value in values.items() if value is not None}
        self.nulls = values.keys() - self.values.keys()

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def get(self, key: str, default=None):
        """The value. Raises ValueError when it is missing and has no default."""
        value = self.values.get(key, default)
        require(value is not None, f"config.json must have the key {key}")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive one."""
        value = self.get(key, default)
        require(is_whole(value), f"{key} in config.json must be a positive integer, got {value!r}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite one."""
        value = self.get(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        require(good, f"{key} in config.json must be a finite number, got {value!r}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.get(key, default)
        require(isinstance(value, bool), f"{key} in config.json must be true or false, got {value!r}")
        return value

    def choice(self, key: str, meanings: Mapping[str, str], default: str | None = None) -> str:
        """What the value means here."""
        value = self.get(key, default)
        known = isinstance(value, str) and value in meanings
        require(known, f"{key} in config.json must be one of {', '.join(meanings)}, got {value!r}")
        return meanings[value]

    def must_be(self, key: str, wanted, why: str) -> None:
        """Refuse another value than the one that the course's models compute; absent is as good."""
        value = self.values.get(key, wanted)
        require(value == wanted, f"{key} in config.json must be {wanted!r}, got {value!r}: {why}")

    def rope(self) -> Rope:
        """Rotary positions, under `rope_parameters` or, before transformers 5, `rope_theta` and `rope_scaling`."""
        stated = self.get("rope_parameters", self.get("rope_scaling", {}))
        require(isinstance(stated, dict), f"rope_parameters in config.json must be an object, got {stated!r}")
        inner = Settings({"rope_theta": self.values.get("rope_theta")} | stated)
        kind = inner.get("rope_type", inner.get("type", "default"))
        require(
            kind in ("default", "linear"),
            f"rope_type in config.json must be default or linear, which are exact here, got {kind!r}",
        )
        inner.must_be("partial_rotary_factor", 1.0, "every pair is turned")
        self.must_be("partial_rotary_factor", 1.0, "every pair is turned")
        return Rope(
            base=inner.number("rope_theta", 10_000.0), factor=inner.number("factor") if kind == "linear" else 1.0
        )

    def window(self, default_on: bool, n_layers: int) -> int | None:
        """The window of every layer, or None; where nothing is said of it, that of transformers.

        default_on: as for Mistral. Raises ValueError when only some layers have one.
        """
        if "sliding_window" in self.nulls or not self.flag("use_sliding_window", default_on):
            return None
        kinds = self.values.get("layer_types")
        if kinds is None:
            # So many layers below the others see everything.
            whole = self.values.get("max_window_layers", 0 if default_on else 28)
            require(isinstance(whole, int), f"max_window_layers in config.json must be an integer, got {whole!r}")
            kinds = ["full_attention" if i < whole else "sliding_attention" for i in range(n_layers)]
        require(
            isinstance(kinds, list) and len(set(map(str, kinds))) == 1,
            f"layer_types in config.json must be the same for all layers, got {kinds!r}",
        )
        require(
            kinds[0] in ("full_attention", "sliding_attention"),
            f"layer_types in config.json must be full_attention or sliding_attention, got {kinds[0]!r}",
        )
        return self.integer("sliding_window", 4096) if kinds[0] == "sliding_attention" else None
