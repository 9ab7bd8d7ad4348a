"""The attention of real models: sizes from published configurations (models.json), costs as sums over layers.

Not counted are feed-forward layers, embeddings, the biases that GPT-2, Qwen2.5 and GPT-OSS add to their projections,
and the attention sinks of GPT-OSS.
"""

import json
from dataclasses import dataclass
from functools import cache, reduce
from importlib.resources import files
from operator import add
from types import MappingProxyType

from course_lib.accounting.counts import Pairs, dense_pairs
from course_lib.accounting.storage import Config, cache_bytes, parameters, require_config
from course_lib.accounting.units import itemsize, require_count
from course_lib.accounting.work import Work, decode, generate_with_cache, generate_without_cache, prefill
from course_lib.config import GroupedConfig, LatentConfig, require


@dataclass(frozen=True)
class Model:
    """The attention layers of a model as pairs (count, config), for instance 52 local and 10 global in Gemma 3 27B."""

    name: str
    layers: tuple[tuple[int, Config], ...]
    source: str = ""  # where the sizes were read

    def __post_init__(self):
        require(bool(self.layers), f"layers of {self.name!r} must hold at least one (count, config), got none")
        for count, config in self.layers:
            require_count("count of layers", count, least=1)
            require_config(config)

    @property
    def n_layers(self) -> int:
        return sum(count for count, _ in self.layers)

    @property
    def floats_per_token(self) -> int:
        """Numbers that one token leaves in the caches of all layers, until a window drops its row."""
        return sum(count * config.floats_per_token for count, config in self.layers)

    @property
    def parameters(self) -> int:
        """Number of attention weights over all layers."""
        return sum(count * parameters(config) for count, config in self.layers)

    def bytes_per_token(self, dtype: str = "bfloat16") -> int:
        """Bytes that one token leaves in the caches of all layers, until a window drops its row."""
        return self.floats_per_token * itemsize(dtype)

    def cache_bytes(self, tokens: int, batch: int = 1, dtype: str = "bfloat16") -> int:
        """Bytes in the caches of all layers after `tokens` tokens; a windowed layer keeps at most `window` rows."""
        return sum(count * cache_bytes(config, tokens, batch, dtype) for count, config in self.layers)

    def cache_bytes_without_windows(self, tokens: int, batch: int = 1, dtype: str = "bfloat16") -> int:
        """The naive count, as if every layer kept every row: tokens times bytes_per_token."""
        require_count("tokens", tokens)
        require_count("batch", batch, least=1)
        return tokens * batch * self.bytes_per_token(dtype)

    def prefill(self, tokens: int, *, batch: int = 1, dtype: str = "bfloat16", pairs: Pairs = dense_pairs) -> Work:
        """`work.prefill` summed over the layers."""
        return self._total(lambda config: prefill(config, tokens, batch=batch, dtype=dtype, pairs=pairs))

    def decode(self, cached: int, *, batch: int = 1, dtype: str = "bfloat16") -> Work:
        """`work.decode` summed over the layers."""
        return self._total(lambda config: decode(config, cached, batch=batch, dtype=dtype))

    def generate_with_cache(self, prompt: int, new: int, *, batch: int = 1, dtype: str = "bfloat16") -> Work:
        """`work.generate_with_cache` summed over the layers: Theta(N^2 d + N d^2) in all."""
        return self._total(lambda config: generate_with_cache(config, prompt, new, batch=batch, dtype=dtype))

    def generate_without_cache(self, prompt: int, new: int, *, batch: int = 1, dtype: str = "bfloat16") -> Work:
        """`work.generate_without_cache` summed over the layers: Theta(N^3 d + N^2 d^2) in all."""
        return self._total(lambda config: generate_without_cache(config, prompt, new, batch=batch, dtype=dtype))

    def _total(self, layer_work) -> Work:
        return reduce(add, (layer_work(config).times(count) for count, config in self.layers))


@cache
def models() -> MappingProxyType[str, Model]:
    """Every model of models.json, by name."""
    text = files("course_lib.accounting").joinpath("models.json").read_text(encoding="utf-8")
    return MappingProxyType({entry["name"]: _model(entry) for entry in json.loads(text)["models"]})


def model(name: str) -> Model:
    """The model of that name in models.json. Raises ValueError, which lists the names, for another name."""
    known = models()
    require(name in known, f"name must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def _model(entry: dict) -> Model:
    """A model from its entry in models.json: `local` layers, if any, have a window; the others see all tokens."""
    config = LatentConfig if "d_latent" in entry["config"] else GroupedConfig
    local = entry.get("local", {"layers": 0})
    groups = (
        (local["layers"], entry["config"] | {"window": local.get("window")}),
        (entry["layers"] - local["layers"], entry["config"]),
    )
    layers = tuple((count, config(**sizes)) for count, sizes in groups if count)
    return Model(entry["name"], layers, entry["source"])
