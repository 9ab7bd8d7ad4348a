"""Generate one text in two ways side by side, recomputing all rows at each step or caching them, and compare."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.config import require
from course_lib.layers import Cache
from course_lib.layers.cache import AllRows
from course_lib.models.decoder import DecoderModel
from course_lib.models.embeddings import check_tokens
from course_lib.models.inference import check_count, check_room, evaluating

Rows = dict[str, list[Tensor]]  # of each layer, (heads, N, width); one head where all share the rows


class Watched(Cache):
    """A cache that shows its rows, as `shown`."""

    def append(self, rows, lengths=None) -> tuple[AllRows, Tensor]:
        self.shown, positions = super().append(rows, lengths)
        return self.shown, positions


@dataclass(frozen=True)
class BothWays:
    """What both ways gave. Step s = 0, 1, ... reads the prompt and s tokens; the cached way reads only the new ones."""

    tokens: list[int]  # the prompt, and what was chosen after each step but the last
    recomputed: np.ndarray  # logits (steps, vocab_size)
    cached: np.ndarray
    rows: dict[str, np.ndarray]  # what the caches hold in the end: name -> (layers, heads, N, width)
    gaps: np.ndarray  # (steps,) largest difference between a kept row and the same row recomputed


def decode_both_ways(model: DecoderModel, prompt: list[int], steps: int) -> BothWays:
    """Generate greedily from one prompt, without dropout.

    Raises ValueError for a prompt without tokens or with unknown ones, for more steps than the context limit allows,
    and for a model with windows.
    """
    check_count("steps", steps)
    require(len(prompt) > 0, "prompt must hold at least one token, got none")
    tokens = torch.tensor([prompt])
    check_tokens(tokens, None, model.config.vocab_size, "prompt")
    check_room(len(prompt) + steps - 1, model.config.max_length, f"{steps} steps from a prompt of {len(prompt)}")
    windows = {attention.window for attention in model.config.attentions} - {None}
    require(not windows, f"model must have no window, which drops rows, got window = {min(windows, default=None)}")
    kept, new, logits, gaps = watched(model), tokens, ([], []), []
    with evaluating(model):
        for _ in range(steps):
            afresh = watched(model)
            logits[0].append(model.prefill(tokens, afresh)[0])
            logits[1].append(model.prefill(new, kept)[0])
            gaps.append(largest_gap(held(kept), held(afresh)))
            new = logits[1][-1].argmax().reshape(1, 1)
            tokens = torch.cat([tokens, new], dim=1)
    recomputed, cached = (torch.stack(each).double().numpy() for each in logits)
    rows = {name: torch.stack(layers).double().numpy() for name, layers in held(kept).items()}
    return BothWays(tokens[0, :-1].tolist(), recomputed, cached, rows, np.array(gaps))


def watched(model: DecoderModel) -> list[Watched]:
    """An empty `Watched` cache for each layer."""
    return [Watched() for _ in model.blocks]


def held(caches: list[Watched]) -> Rows:
    """The rows in the caches of all layers, by name, of their one sequence."""
    return {name: [cache.shown[name][0] for cache in caches] for name in caches[0].shown}


def largest_gap(one: Rows, other: Rows) -> float:
    """The largest absolute difference between two sets of rows."""
    return max(float((x - y).abs().max()) for name in one for x, y in zip(one[name], other[name], strict=True))
