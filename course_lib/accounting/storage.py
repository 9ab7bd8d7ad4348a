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
    """Name -> shape of each weight and bias of one attention layer. Heads stand side by side; used as `X @ W`."""
    require_config(config)
    return _latent_weights(config) if isinstance(config, LatentConfig) else _grouped_weights(config)


def _grouped_weights(config: GroupedConfig) -> dict[str, tuple[int, ...]]:
    d, h, g = config.d_model, config.n_heads, config.n_kv_heads
    shapes: dict[str, tuple[int, ...]] = {
        "W_Q": (d, h * config.d_qk),
        "W_K": (d, g * config.d_qk),
        "W_V": (d, g * config.d_value),
        "W_O": (h * config.d_value, d),
    }
    if config.bias:
        shapes |= {"b" + name[1:]: (shape[1],) for name, shape in shapes.items()}
    if config.qk_norm:
        shapes |= {"norm_Q.gamma": (config.d_qk,), "norm_K.gamma": (config.d_qk,)}
    return shapes


def _latent_weights(config: LatentConfig) -> dict[str, tuple[int, ...]]:
    d, h, r, p = config.d_model, config.n_heads, config.d_latent, config.d_rope
    r_q = config.d_latent_q
    shapes: dict[str, tuple[int, ...]] = {
        "W_L": (d, r),
        "W_LK": (r, h * config.d_head),
        "W_LV": (r, h * config.d_value),
        "W_O": (h * config.d_value, d),
    }
    if r_q is None:
        shapes |= {"W_Q": (d, h * config.d_head)}
    else:
        shapes |= {"W_LQ": (d, r_q), "W_LQQ": (r_q, h * config.d_head)}
    if p:
        shapes |= {"W_QR": (r_q or d, h * p), "W_KR": (d, p)}
    if config.latent_norm:
        shapes |= {"norm_L.gamma": (r,)} | ({"norm_LQ.gamma": (r_q,)} if r_q else {})
    return shapes


def parameters(config: Config) -> int:
    """Number of parameters of one attention layer, biases and norms included."""
    return sum(math.prod(shape) for shape in weights(config).values())
