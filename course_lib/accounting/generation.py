"""A text that a decoder generates token after token: FLOPs of attention and of all else, with and without a cache.

A layer's window is not looked at: every token sees all earlier ones.
"""

from bisect import bisect_left
from typing import NamedTuple

from course_lib.accounting.transformer import model_prefill
from course_lib.accounting.units import require_count
from course_lib.config import ModelConfig, require

LONGEST = 2**24


class Flops(NamedTuple):
    attention: int
    rest: int  # projections, feed-forward networks, output


def per_pair_row_step(config: ModelConfig) -> tuple[int, int, int]:
    """FLOPs of a (query, key) pair, of a row, and of the logits of one step, over all layers."""
    parts = model_prefill(config, 1).flops_by_part
    return parts["attend"], sum(parts.values()) - parts["attend"] - parts["output"], parts["output"]


def generation(config: ModelConfig, tokens: int, *, cached: bool) -> Flops:
    """FLOPs of `tokens` steps; step i = 0, 1, ... reads i + 1 tokens, and with a cache computes one row of them."""
    require_count("tokens", tokens, least=1)
    pair, row, logits = per_pair_row_step(config)
    rows = tokens * (tokens + 1) // 2  # 1 + 2 + ... + tokens
    if cached:
        return Flops(pair * rows, (row + logits) * tokens)
    return Flops(pair * tokens * (tokens + 1) * (2 * tokens + 1) // 6, row * rows + logits * tokens)


def overtakes(config: ModelConfig, *, cached: bool) -> int:
    """Tokens of the shortest text over which attention takes more FLOPs than the rest; ValueError beyond LONGEST."""

    def more(tokens: int) -> bool:
        attention, rest = generation(config, tokens, cached=cached)
        return attention > rest

    require(more(LONGEST), f"config must have attention overtake the rest within {LONGEST:,} tokens, got {config}")
    return bisect_left(range(LONGEST), True, lo=1, key=more)
