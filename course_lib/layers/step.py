"""A `Step`: the positions of the new tokens of one call, and the keys that they see, which all layers share.

A model makes one for all of its layers, and a prefill makes a second one of it for the last layer: see `Step.last`. A
layer that is called alone makes its own.
"""

import copy

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from course_lib.kernels.attention import Seen
from course_lib.layers.cache import Cache, Rows
from course_lib.layers.positions import Rotations


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
        self.rotations = rotations_of(self.positions, lengths)
        self.asking_positions, self.asking_rotations = self.positions, self.rotations
        self.asking_rows: slice | Int[Tensor, "b 1"] | None = None  # indices of the tokens that ask; None for all
        self.seen: dict[tuple, tuple[Tensor, Seen]] = {}  # kind of layer -> positions of keys, and their visible sets

    def last(self) -> "Step":
        """The same tokens, of which only the last of each sequence asks: the next token depends on its row alone."""
        if self.n == 1:
            return self
        step = copy.copy(self)
        step.seen = {}
        if self.lengths is None:
            step.asking_rows, step.asking_positions = slice(-1, None), self.positions[..., -1:]
        else:
            step.asking_rows = self.lengths.cpu().clamp(min=1)[:, None] - 1  # any row of a sequence without new tokens
            step.asking_positions = self.positions.expand(len(step.asking_rows), -1).gather(1, step.asking_rows)
        asking = None if self.lengths is None else self.lengths.clamp(max=1)  # tokens that ask, one or none
        step.asking_rotations = rotations_of(step.asking_positions, asking)
        return step

    def asking(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b m d"]:
        """The rows of X of the m tokens that ask in each sequence: m = n, or 1 in a step from `last`."""
        if self.asking_rows is None:
            return X
        if isinstance(self.asking_rows, slice):
            return X[:, self.asking_rows]
        rows = self.asking_rows.to(X.device)
        return X.gather(1, rows[..., None].expand(-1, -1, X.shape[-1]))

    def without_padding(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b n d"]:
        """X with zeros at padding, where X may hold anything."""
        return X if self.lengths is None else X.masked_fill(~real(X, self.lengths)[..., None], 0.0)

    def without_cache(self, rows: Rows) -> tuple[Rows, Int[Tensor, "*b N"]]:
        """What a call without a cache reads: its own rows, with gradients, and their positions; -1 at padding."""
        if self.lengths is None:
            return rows, self.positions
        return rows, torch.where(self.positions < self.lengths.cpu()[:, None], self.positions, -1)


def rotations_of(positions: Int[Tensor, "*b n"], lengths: Int[Tensor, "b"] | None) -> Rotations:
    """The rotations at these positions. Padding gets none larger than the tokens: dynamic scaling reads the largest."""
    if lengths is not None:
        tokens = torch.arange(positions.shape[-1]) < lengths.cpu()[:, None]
        positions = positions.clamp(max=int((positions * tokens).max()))
    return Rotations(for_heads(positions))


def for_heads(positions: Int[Tensor, "*b n"]) -> Int[Tensor, "..."]:
    """(n,) as it is; (b, n) as (b, 1, n), with an axis for the heads."""
    return positions if positions.ndim == 1 else positions[:, None]


def real(X: Shaped[Tensor, "b n *d"], lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b n"]:
    """True at the tokens of X, false at the padding to their right; X holds rows, or token ids (b, n)."""
    return torch.arange(X.shape[1], device=X.device) < lengths.to(X.device)[:, None]
