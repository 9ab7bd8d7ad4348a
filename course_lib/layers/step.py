"""What the new tokens of one call have in common in every layer: where they stand, and which keys they see.

A model makes one `Step` for all of its layers. A layer that is called alone makes its own. A token asks when its query
is computed and its row goes on: all tokens do, but in the last layer of a prefill only the last one of each sequence.
"""

import copy
from collections.abc import Callable

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from course_lib.layers.cache import Cache, Rows
from course_lib.layers.kernel import Seen
from course_lib.layers.positions import Rotations


class Step:
    """n new tokens of b sequences, after those that `cache` holds. All of them ask, unless `last` says otherwise.

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
        self.asking_rows: slice | Int[Tensor, "b 1"] | None = None  # of the tokens that ask; None for all
        self._seen: dict[tuple, Seen] = {}

    def last(self) -> "Step":
        """The same tokens, of which only the last one of each sequence asks: on its row the next token depends."""
        if self.n == 1:
            return self
        step = copy.copy(self)
        step._seen = {}
        if self.lengths is None:
            step.asking_rows, step.asking_positions = slice(-1, None), self.positions[..., -1:]
        else:
            step.asking_rows = self.lengths.cpu().clamp(min=1)[:, None] - 1  # of a sequence without new tokens any row
            step.asking_positions = self.positions.expand(len(step.asking_rows), -1).gather(1, step.asking_rows)
        step.asking_rotations = Rotations(for_heads(step.asking_positions))
        return step

    def asking(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b m d"]:
        """The rows of the m tokens of each sequence that ask: m = n, or 1."""
        if self.asking_rows is None:
            return X
        if isinstance(self.asking_rows, slice):
            return X[:, self.asking_rows]
        rows = self.asking_rows.to(X.device)
        return X.gather(1, rows[..., None].expand(-1, -1, X.shape[-1]))

    def without_padding(self, X: Shaped[Tensor, "b n d"]) -> Shaped[Tensor, "b n d"]:
        """The rows, zero at padding, which may hold anything."""
        return X if self.lengths is None else X.masked_fill(~real(X, self.lengths)[..., None], 0.0)

    def without_cache(self, rows: Rows) -> tuple[Rows, Int[Tensor, "*b N"]]:
        """What a fresh cache's `append` returns, with gradients; padding stands at position -1."""
        if self.lengths is None:
            return rows, self.positions
        return rows, torch.where(self.positions < self.lengths.cpu()[:, None], self.positions, -1)

    def once(self, kind: tuple, work_out: Callable[..., Seen], *arguments) -> Seen:
        """The visible sets of those that ask: worked out by the first layer of a kind, kept for the others."""
        if kind not in self._seen:
            self._seen[kind] = work_out(self, *arguments)
        return self._seen[kind]


def rotations_of(positions: Int[Tensor, "*b n"], lengths: Int[Tensor, "b"] | None) -> Rotations:
    """For rotation: at most the last token's position, since dynamic scaling depends on a text without its padding."""
    if lengths is not None:
        tokens = torch.arange(positions.shape[-1]) < lengths.cpu()[:, None]
        positions = positions.clamp(max=int((positions * tokens).max()))
    return Rotations(for_heads(positions))


def for_heads(positions: Int[Tensor, "*b n"]) -> Int[Tensor, "..."]:
    """(n,), or (b, 1, n) with an axis for the heads."""
    return positions if positions.ndim == 1 else positions[:, None]


def real(X: Shaped[Tensor, "b n *d"], lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b n"]:
    """True at the tokens of X, rows or numbers, false at the padding to their right."""
    return torch.arange(X.shape[1], device=X.device) < lengths.to(X.device)[:, None]
