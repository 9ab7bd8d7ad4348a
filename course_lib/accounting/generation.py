"""FLOPs of attention and of all else when a decoder generates a text token by token, with and without a cache.

Windows are ignored: every token sees all earlier ones.
"""

from bisect import bisect_left
from typing import NamedTuple

from course_lib.accounting.transformer import model_prefill
from course_lib.accounting.units import require_count
from course_lib.config import ModelConfig, require

LONGEST = 2**24  # tokens


class Flops(NamedTuple):
    """FLOPs of a whole model in two parts."""

    attention: int  # scores and mixes
    rest: int  # projections, feed-forward networks, output


def per_pair_row_step(config: ModelConfig) -> tuple[int, int, int]:
    """FLOPs over all layers of one (query, key) pair, of one token's projections and feed-forward, of its logits."""
    parts = model_prefill(config, 1).flops_by_part
    return parts["attend"], sum(parts.values()) - parts["attend"] - parts["output"], parts["output"]


def generation(config: ModelConfig, tokens: int, *, cached: bool) -> Flops:
    """FLOPs to generate `tokens` tokens. Step i = 0, 1, ... reads i + 1 tokens; with a cache it computes only the last.

    Raises ValueError unless `tokens` is an integer of at least 1.
    """
    require_count("tokens", tokens, least=1)
    pair, row, logits = per_pair_row_step(config)
    rows = tokens * (tokens + 1) // 2  # 1 + 2 + ... + tokens
    if cached:
        return Flops(pair * rows, (row + logits) * tokens)
    return Flops(pair * tokens * (tokens + 1) * (2 * tokens + 1) // 6, row * rows + logits * tokens)


def overtakes(config: ModelConfig, *, cached: bool) -> int:
    """The least number of generated tokens for which attention takes more FLOPs than the rest.

    Raises ValueError when it does not within LONGEST tokens.
    """

    def more(tokens: int) -> bool:
        attention, rest = generation(config, tokens, cached=cached)
        return attention > rest

    require(more(LONGEST), f"config must have attention overtake the rest within {LONGEST:,} tokens, got {config}")
    return bisect_left(range(LONGEST), True, lo=1, key=more)
