"""A `Step`: the positions of the new tokens of one call, and the keys that they see, which all layers share.

A model makes one for all of its layers. A layer that is called alone makes its own.
"""

import copy
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from course_lib.config import GroupedConfig, LatentConfig
from course_lib.layers.cache import Cache, Rows
from course_lib.layers.kernel import Seen
from course_lib.layers.positions import Places


@runtime_checkable
class Sight(Protocol):
    """The methods by which a layer states its visible sets (paper, section 4), from positions alone."""

    config: GroupedConfig | LatentConfig

    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """(..., n, N), true where a query sees a key. Position -1 marks a row without a token, which is never seen."""

    def shortcut(self, n: int, N: int) -> Seen | None:
        """The visible sets of the last n of N tokens when torch's kernel needs no explicit mask, else None."""


class Step:
    """n new tokens of b sequences, which follow the tokens that `cache` holds.

    A token asks if the call computes its output. All new tokens ask, except in the step that `last` returns.

    lengths: (b,) tokens of each sequence in the call, with padding on the right. mask: see `SelfAttention.forward`.
    Raises ValueError when the cache holds another number of sequences.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        device: torch.device,
        cache: Cache | None = None,
        lengths: Int[Tensor, "b"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
    ):
        batch, self.n = shape
        self.past = 0 if cache is None else cache.length  # tokens of the longest sequence
        self.device, self.lengths, self.mask = device, lengths, mask
        # On the CPU: (n,) when the same for every sequence, else (b, n).
        self.positions = torch.arange(self.n) if cache is None else cache.next_positions(batch, self.n)
        self.places = places_of(self.positions, lengths)
        self.asking_positions, self.asking_places = self.positions, self.places
        self.rows: slice | Int[Tensor, "b 1"] | None = None  # indices of the tokens that ask; None for all
        self._seen: dict[tuple, Seen] = {}

    def last(self) -> "Step":
        """The same tokens, of which only the last of each sequence asks: the next token depends on its row alone."""
        if self.n == 1:
            return self
        step = copy.copy(self)
        step._seen = {}
        if self.lengths is None:
            step.rows, step.asking_positions = slice(-1, None), self.positions[..., -1:]
        else:
            step.rows = self.lengths.cpu().clamp(min=1)[:, None] - 1  # any row of a sequence without new tokens
            step.asking_positions = self.positions.expand(len(step.rows), -1).gather(1, step.rows)
        step.asking_places = Places(for_heads(step.asking_positions))
        return step

    def asking(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b m d"]:
        """The rows of X of the m tokens that ask in each sequence: m = n, or 1 in a step from `last`."""
        if self.rows is None:
            return X
        if isinstance(self.rows, slice):
            return X[:, self.rows]
        rows = self.rows.to(X.device)
        return X.gather(1, rows[..., None].expand(-1, -1, X.shape[-1]))

    def tokens(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b n d"]:
        """X with zeros at padding, where X may hold anything."""
        return X if self.lengths is None else X.masked_fill(~real(X, self.lengths)[..., None], 0.0)

    def without_cache(self, rows: Rows) -> tuple[Rows, Int[Tensor, "*b N"]]:
        """What a call without a cache reads: its own rows, with gradients, and their positions; -1 at padding."""
        if self.lengths is None:
            return rows, self.positions
        return rows, torch.where(self.positions < self.lengths.cpu()[:, None], self.positions, -1)

    def seen(self, layer: Sight, keys: Int[Tensor, "*c N"]) -> Seen:
        """The visible sets of the tokens that ask; computed once for all layers of the same class and window."""
        kind = type(layer), layer.config.window
        if kind not in self._seen:
            self._seen[kind] = self._work_out(layer, keys)
        return self._seen[kind]

    def _work_out(self, layer: Sight, keys: Int[Tensor, "*c N"]) -> Seen:
        queries = self.asking_positions
        if self.lengths is None and self.mask is None and queries.ndim == keys.ndim == 1:
            short = layer.shortcut(len(queries), len(keys))
            if short is not None:
                return short
        queries, keys = queries.to(self.device), keys.to(self.device)
        visible = layer.visible(queries, keys)
        if self.lengths is not None and self.rows is None:  # padding sees nothing: its rows of P are zero
            visible = visible & real(queries.expand(len(self.lengths), -1), self.lengths)[..., None]
        if self.mask is not None:
            visible = visible & at_positions(self.mask.to(self.device), keys)
        return Seen(visible)


def places_of(positions: Int[Tensor, "*b n"], lengths: Int[Tensor, "b"] | None) -> Places:
    """Positions for rotation. Padding gets no larger one than the tokens, since dynamic scaling reads the largest."""
    if lengths is not None:
        tokens = torch.arange(positions.shape[-1]) < lengths.cpu()[:, None]
        positions = positions.clamp(max=int((positions * tokens).max()))
    return Places(for_heads(positions))


def for_heads(positions: Int[Tensor, "*b n"]) -> Int[Tensor, "..."]:
    """(n,) as it is; (b, n) as (b, 1, n), with an axis for the heads."""
    return positions if positions.ndim == 1 else positions[:, None]


def real(X: Shaped[Tensor, "b n *d"], lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b n"]:
    """True at the tokens of X, false at the padding to their right; X holds rows, or token ids (b, n)."""
    return torch.arange(X.shape[1], device=X.device) < lengths.to(X.device)[:, None]


def at_positions(mask: Bool[Tensor, "*b n N"], keys: Int[Tensor, "*c M"]) -> Bool[Tensor, "*d n M"]:
    """The mask's columns, one for each position, in the order in which the cache stores the keys."""
    columns = keys.clamp(min=0)
    if keys.ndim == 1:
        return mask[..., columns]
    n = mask.shape[-2]
    columns = columns[:, None].expand(-1, n, -1)
    return mask.expand(len(columns), n, -1).gather(-1, columns)
