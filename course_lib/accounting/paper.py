"""The paper's Tables 1 and 2 as functions: numbers stored per layer, and the course's corrections.

Each storage function returns a dict of its parts: "cache" for N_KV = `tokens` tokens of one sequence, the others for
weights. It raises ValueError for a config of the wrong kind, or `tokens` that is no integer of at least 0.
The printed tables have no rotary coordinates, and for latent attention no query latent (the paper's text has one).
"""

import math
from collections.abc import Callable

from course_lib.accounting.storage import cache_floats, weights
from course_lib.accounting.units import require_count
from course_lib.config import GroupedConfig, LatentConfig, require

Parts = dict[str, int]


def grouped_storage(config: GroupedConfig, tokens: int) -> Parts:
    """Numbers that multi-head, grouped-query or multi-query attention stores in one layer, by part.

    With N_KVheads = N_h: N_h N_KV (d_QK + d_head) + 2 N_h d_in d_QK + N_h d_head (d_in + d_out) in all. Otherwise
    N_KVheads takes the place of N_h in the cache and in the weights of keys and values.
    """
    _require("grouped storage", config, GroupedConfig)
    require_count("tokens", tokens)
    h, g, d = config.n_heads, config.n_kv_heads, config.d_model
    return {
        "cache": g * tokens * (config.d_qk + config.d_head),
        "W_Q, W_K": (h + g) * d * config.d_qk,
        "W_V, W_O": (g + h) * d * config.d_head,
    }


def merged_storage_printed(config: LatentConfig, tokens: int) -> Parts:
    """Numbers that merged latent attention stores according to the printed table, by part.

    In all N_KV d_L + d_in d_L + N_h d_L (d_in + d_out). Query latent and rotary coordinates of the config are ignored.
    """
    _require("merged storage", config, LatentConfig)
    require_count("tokens", tokens)
    h, r, d = config.n_heads, config.d_latent, config.d_model
    return {"cache": tokens * r, "W_L": d * r, "W_LQK": h * d * r, "W_LO": h * r * d}


def merged_storage(config: LatentConfig, tokens: int) -> Parts:
    """Numbers that merged latent attention really stores, by part: the correction of `merged_storage_printed`.

    With a query latent it stores W^{LQ} in R^{d_in x d_LQ}, and then W^{LQK}_h in R^{d_LQ x d_L} for each head. With
    rotary coordinates it also stores W_QR and W_KR, and d_R more numbers per token in the cache.
    """
    _require("merged storage", config, LatentConfig)
    h, r, d = config.n_heads, config.d_latent, config.d_model
    inside = ("W_Q", "W_LQQ", "W_LK", "W_LV", "W_O")
    kept = {name: size for name, size in factored_storage(config, tokens).items() if name not in inside}
    return kept | {"W_LQK": h * (config.d_latent_q or d) * r, "W_LO": h * r * d}


def factored_storage(config: LatentConfig, tokens: int) -> Parts:
    """Numbers that implementations of latent attention store, by part: the cache, and every factor by itself."""
    _require("factored storage", config, LatentConfig)
    return {"cache": cache_floats(config, tokens)} | {name: math.prod(shape) for name, shape in weights(config).items()}


def merging_ratios(config: LatentConfig) -> dict[str, float]:
    """Size of W^{LQK} and of W^{LO}, each divided by the size of its two factors. Above 1, merging costs memory."""
    factors, merged = factored_storage(config, 0), merged_storage(config, 0)
    query = "W_Q" if config.d_latent_q is None else "W_LQQ"
    return {
        "W_LQK": merged["W_LQK"] / (factors[query] + factors["W_LK"]),
        "W_LO": merged["W_LO"] / (factors["W_LV"] + factors["W_O"]),
    }


def crossover(small_cache: Callable[[int], Parts], large_cache: Callable[[int], Parts]) -> int:
    """The least number of cached tokens for which the first storage is smaller than the second.

    Both are functions of the number of tokens, and linear in it, such as `lambda n: merged_storage(config, n)`.
    Raises ValueError unless the first stores fewer numbers per token: it might never be smaller.
    """
    first, second = sum(small_cache(0).values()), sum(large_cache(0).values())
    saved = (sum(large_cache(1).values()) - second) - (sum(small_cache(1).values()) - first)
    require(saved > 0, f"small_cache must grow more slowly per token than large_cache, but it saves {saved} numbers")
    return max((first - second) // saved + 1, 0)


def _require(what: str, config: GroupedConfig | LatentConfig, kind: type) -> None:
    require(isinstance(config, kind), f"config of {what} must be a {kind.__name__}, got {type(config).__name__}")
