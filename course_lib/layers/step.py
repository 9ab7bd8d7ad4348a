"""A `Step`: the positions of the new tokens of one call, and the keys that they see, which all layers share.

A model makes one for all of its layers, and a prefill makes a second one of it for the last layer: see `Step.last`. A
layer that is called alone makes its own.
"""

import copy

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from course_lib.kernels.attention import Seen
from course_lib.layers.cache import Cache
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
        # Only tokens that ask have queries.
        self.asking: slice | Int[Tensor, "b 1"] | None = None  # their indices; None if all new tokens ask
        self.query_positions, self.query_rotations = self.positions, self.rotations
        # Kind of layer -> positions of keys, and their visible sets: see `SelfAttention.seen`.
        self.shared_sets: dict[tuple, tuple[Tensor, Seen]] = {}

    def last(self) -> "Step":
        """The same tokens, of which only the last of each sequence asks: the next token depends on its row alone."""
        if self.n == 1:
            return self
        step, counts = copy.copy(self), None
        if self.lengths is None:
            step.asking, step.query_positions = slice(-1, None), self.positions[..., -1:]
        else:
            step.asking = self.lengths.cpu().clamp(min=1)[:, None] - 1  # any token of a sequence without new tokens
            step.query_positions = self.positions.expand(len(step.asking), -1).gather(1, step.asking)
            counts = self.lengths.clamp(max=1)  # of tokens that ask
        step.query_rotations = rotations_of(step.query_positions, counts)
        step.shared_sets = {}
        return step

    def own_positions(self) -> Int[Tensor, "*b n"]:
        """Positions of the keys in a call without a cache, which are those of the new tokens; -1 at padding."""
        if self.lengths is None:
            return self.positions
        return torch.where(self.positions < self.lengths.cpu()[:, None], self.positions, -1)


def rows_that_ask(X: Shaped[Tensor, "*b n d"], step: Step | None) -> Shaped[Tensor, "*b m d"]:
    """The rows of X of the m tokens that ask in each sequence: m = n, or 1 in a step from `last`; n without a step."""
    if step is None or step.asking is None:
        return X
    if isinstance(step.asking, slice):
        return X[:, step.asking]
    return X.gather(1, step.asking.to(X.device)[..., None].expand(-1, -1, X.shape[-1]))


def rotations_of(positions: Int[Tensor, "*b n"], lengths: Int[Tensor, "b"] | None) -> Rotations:
    """The rotations at these positions. Padding gets none larger than the tokens: dynamic scaling reads the largest."""
    if lengths is not None:
        tokens = torch.arange(positions.shape[-1]) < lengths.cpu()[:, None]
        positions = positions.clamp(max=int((positions * tokens).max()))
    return Rotations(positions if positions.ndim == 1 else positions[:, None])  # (b, 1, n): the same for all heads


def real(X: Shaped[Tensor, "b n *d"], lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b n"]:
    """True at the tokens of X, false at the padding to their right; X holds rows, or token ids (b, n)."""
    return torch.arange(X.shape[1], device=X.device) < lengths.to(X.device)[:, None]


def without_padding(X: Shaped[Tensor, "b n d"], lengths: Int[Tensor, "b"] | None) -> Shaped[Tensor, "b n d"]:
    """X with zeros at padding, where X may hold anything."""
    return X if lengths is None else X.masked_fill(~real(X, lengths)[..., None], 0.0)
