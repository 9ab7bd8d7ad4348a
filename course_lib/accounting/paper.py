"""The paper's Tables 1 and 2 as formulas, in numbers stored per layer, and the corrections the course makes to them.

Each function gives the parts by name, "cache" for N_KV = `tokens` tokens of one sequence, the others for weights.
The printed tables have no rotary coordinates, and for latent attention no query latent (the text has one).
"""

import math
from collections.abc import Callable

from course_lib.accounting.storage import cache_floats, weights
from course_lib.accounting.units import require_count
from course_lib.config import GroupedConfig, LatentConfig, require

Parts = dict[str, int]


def grouped_storage(config: GroupedConfig, tokens: int) -> Parts:
    """N_h N_KV (d_QK + d_head) + 2 N_h d_in d_QK + N_h d_head (d_in + d_out), for keys and values N_KVheads for N_h."""
    _require("grouped storage", config, GroupedConfig)
    require_count("tokens", tokens)
    h, g, d = config.n_heads, config.n_kv_heads, config.d_model
    return {
        "cache": g * tokens * (config.d_qk + config.d_head),
        "W_Q, W_K": (h + g) * d * config.d_qk,
        "W_V, W_O": (g + h) * d * config.d_head,
    }


def merged_storage_printed(config: LatentConfig, tokens: int) -> Parts:
    """N_KV d_L + d_in d_L + N_h d_L (d_in + d_out): no query latent, no rotary coordinates, whatever the config has."""
    _require("merged storage", config, LatentConfig)
    require_count("tokens", tokens)
    h, r, d = config.n_heads, config.d_latent, config.d_model
    return {"cache": tokens * r, "W_L": d * r, "W_LQK": h * d * r, "W_LO": h * r * d}


def merged_storage(config: LatentConfig, tokens: int) -> Parts:
    """What merging stores in truth: with the query latent, W^{LQK}_h in R^{d_LQ x d_L} after W^{LQ} in R^{d_in x d_LQ}.

    Rotary coordinates, when there are, keep W_QR and W_KR beside the merged content part, and d_R in the cache.
    """
    _require("merged storage", config, LatentConfig)
    h, r, d = config.n_heads, config.d_latent, config.d_model
    inside = ("W_Q", "W_LQQ", "W_LK", "W_LV", "W_O")
    kept = {name: size for name, size in factored_storage(config, tokens).items() if name not in inside}
    return kept | {"W_LQK": h * (config.d_latent_q or d) * r, "W_LO": h * r * d}


def factored_storage(config: LatentConfig, tokens: int) -> Parts:
    """What implementations store: the same cache, and the factors, applied one after the other."""
    _require("factored storage", config, LatentConfig)
    return {"cache": cache_floats(config, tokens)} | {name: math.prod(shape) for name, shape in weights(config).items()}


def merging_ratios(config: LatentConfig) -> dict[str, float]:
    """Size of each merged weight over that of its two factors together: above 1, merging costs memory."""
    factors, merged = factored_storage(config, 0), merged_storage(config, 0)
    query = "W_Q" if config.d_latent_q is None else "W_LQQ"
    return {
        "W_LQK": merged["W_LQK"] / (factors[query] + factors["W_LK"]),
        "W_LO": merged["W_LO"] / (factors["W_LV"] + factors["W_O"]),
    }


def crossover(small_cache: Callable[[int], Parts], large_cache: Callable[[int], Parts]) -> int:
    """Fewest cached tokens at which the first storage is smaller than the second; both linear in tokens.

    Raises ValueError unless the first leaves fewer numbers per token, since then it may never be smaller.
    """
    first, second = sum(small_cache(0).values()), sum(large_cache(0).values())
    saved = (sum(large_cache(1).values()) - second) - (sum(small_cache(1).values()) - first)
    require(saved > 0, f"small_cache must grow more slowly per token than large_cache, but it saves {saved} numbers")
    return max((first - second) // saved + 1, 0)


def _require(what: str, config: GroupedConfig | LatentConfig, kind: type) -> None:
    require(isinstance(config, kind), f"config of {what} must be a {kind.__name__}, got {type(config).__name__}")
