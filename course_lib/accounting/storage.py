"""What an attention layer stores, its cache and its weights, from its config alone (paper, sections 3, 5, 6, 7)."""

import math

from course_lib.accounting.units import itemsize, require_count
from course_lib.config import GroupedConfig, LatentConfig, require

Config = GroupedConfig | LatentConfig


def require_config(config: Config) -> None:
    """Raise ValueError unless `config` is a GroupedConfig or a LatentConfig."""
    good = isinstance(config, Config)
    require(good, f"config must be a GroupedConfig or a LatentConfig, got {type(config).__name__}")


def cache_rows(config: Config, tokens: int) -> int:
    """Rows that the cache of one layer holds per sequence after `tokens` tokens: at most `window` of them."""
    require_config(config)
    require_count("tokens", tokens)
    return tokens if config.window is None else min(tokens, config.window)


def cache_floats(config: Config, tokens: int, batch: int = 1) -> int:
    """Numbers in the cache of one layer after `tokens` tokens in each of `batch` sequences."""
    require_count("batch", batch, least=1)
    return batch * cache_rows(config, tokens) * config.floats_per_token


def cache_bytes(config: Config, tokens: int, batch: int = 1, dtype: str = "bfloat16") -> int:
    """Bytes in the cache of one layer after `tokens` tokens in each of `batch` sequences.

    Only rows in use count, not the capacity that a cache reserves.
    """
    return cache_floats(config, tokens, batch) * itemsize(dtype)


def weights(config: Config) -> dict[str, tuple[int, ...]]:
    """Name -> shape of each weight, bias and gain of one attention layer. Heads stand side by side; used as `X @ W`."""
    require_config(config)
    shapes: dict[str, tuple[int, ...]] = {name: (rows, columns) for name, (rows, columns, _) in config.weights.items()}
    if isinstance(config, GroupedConfig) and config.bias:
        shapes |= {f"b{name[1:]}": shape[1:] for name, shape in shapes.items()}
    return shapes | {f"{name}.gamma": (width,) for name, width in config.norms.items()}


def parameters(config: Config) -> int:
    """Number of parameters of one attention layer, biases and norms included."""
    return sum(math.prod(shape) for shape in weights(config).values())
