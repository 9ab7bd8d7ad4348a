"""The cache of one layer: the rows that earlier tokens left, kept by the caller (paper, section 5).

A cache holds named rows (b, ..., N, width): sequences on the first axis, tokens on the last but one. Sequences may
have different lengths: token t of each sequence stands at position t. Memory is allocated at the first append. A cache
is for inference: what it holds carries no gradients.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from course_lib.checks import check_lengths, sequence_indices, whole_numbers
from course_lib.config import is_whole, require
from course_lib.kernels.cpu import new_rows

Rows = dict[str, Float[Tensor, "b ... n _"]]  # what n new tokens leave
AllRows = dict[str, Float[Tensor, "b ... N _"]]  # what all N tokens have left
SMALLEST = 16  # tokens allocated at first when no capacity is given


class Cache:
    """Keeps every row. Without `capacity` it grows by doubling; with one, appending past it raises ValueError."""

    def __init__(self, capacity: int | None = None):
        good = capacity is None or is_whole(capacity)
        require(good, f"capacity must be a positive integer or None, got {capacity!r}")
        self.capacity = capacity  # tokens of each sequence that may be held; None: no limit
        self.allocated = 0  # tokens of each sequence that there is memory for
        self._buffers: dict[str, Tensor] = {}
        self._kinds: dict[str, tuple] = {}  # of the buffers
        self._positions = torch.arange(0)  # of the rows in the buffers
        self._hold(())

    def _hold(self, counts: Iterable[int]) -> None:
        """Set the number of tokens of each sequence, and compute once what every later step needs of them."""
        self.counts = tuple(counts)  # tokens of each sequence
        self.length = max(self.counts, default=0)  # of the longest one
        self._even = min(self.counts, default=0) == self.length  # every sequence continues at the same position

    @property
    def held_lengths(self) -> Int[Tensor, "b"]:
        """Tokens of each sequence that are held, on the CPU. `lengths` of a call count its new tokens."""
        return torch.tensor(self.counts, dtype=torch.long)

    @property
    def nbytes(self) -> int:
        """Bytes allocated for rows, used or not."""
        return sum(buffer.nbytes for buffer in self._buffers.values())

    @property
    def floats_per_token(self) -> int:
        """Numbers that one token of one sequence leaves here."""
        return sum(buffer[0].numel() // self.allocated for buffer in self._buffers.values())

    def starts(self, batch: int) -> Int[Tensor, "b"]:
        """The position of the next token of each sequence. Raises ValueError when the batch has another size."""
        self._check_batch(batch)
        return self.held_lengths if self.length else torch.zeros(batch, dtype=torch.long)

    def next_positions(self, batch: int, n: int) -> Int[Tensor, "*b n"]:
        """Positions of n new tokens: (n,) if equal for all sequences, else (b, n). Raises ValueError as `starts`."""
        self._check_batch(batch)
        if self._even:
            return torch.arange(self.length, self.length + n)
        return self.held_lengths[:, None] + torch.arange(n)

    def append(self, rows: Rows, lengths: Int[Tensor, "b"] | None = None) -> tuple[AllRows, Int[Tensor, "*b N"]]:
        """Add n rows to each sequence, or its first lengths[i] (right padding); return all rows and their positions.

        For a shorter sequence, the returned rows behind its last token hold anything. Their positions are later than
        those of its queries, which therefore do not see them.
        Raises ValueError for rows of other names, shapes, dtypes or devices than those held, or past the capacity.
        """
        batch, n = self._check(rows, lengths)
        if lengths is None and self._even:
            N = self.length + n
            self._reserve(rows, N)
            for name, row in rows.items():  # in one piece, without indices
                self._buffers[name].narrow(-2, N - n, n).copy_(row.detach())
            self._hold((N,) * batch)
        else:
            counts = torch.full((batch,), n) if lengths is None else lengths.cpu()
            starts, new = self.starts(batch), torch.arange(n)
            ends = (starts + counts).tolist()
            self._reserve(rows, max(ends))
            self._write(rows, starts[:, None] + new, new < counts[:, None])
            self._hold(ends)
        N = self.length
        return {name: buffer.narrow(-2, 0, N) for name, buffer in self._buffers.items()}, self._positions[:N]

    def truncate(self, length: int | list[int] | Integer[Tensor, "b"]) -> None:
        """Forget the tokens from position `length` on: one number for all sequences, or b numbers.

        Raises ValueError for a length that is no whole number, negative, or larger than what is held.
        """
        wanted = whole_numbers("length", length)
        scalar = wanted.ndim == 0
        limit = torch.tensor(self.length) if scalar else self.held_lengths
        require(
            wanted.shape == limit.shape and bool(((wanted >= 0) & (wanted <= limit)).all()),
            f"length must lie between 0 and what is held, {limit.tolist()}, got {wanted.tolist()}",
        )
        self._forget(torch.minimum(self.held_lengths, wanted))

    def reorder(self, indices: list[int] | Integer[Tensor, "c"]) -> None:
        """Sequence i becomes a copy of the former indices[i]; fewer, more and repeated indices are allowed.

        Raises ValueError for an index that is no whole number or lies outside the batch.
        """
        self._reorder(sequence_indices(indices, len(self.counts)))

    def _reorder(self, indices: Int[Tensor, "c"]) -> None:
        self._hold(self.counts[i] for i in indices.tolist())
        with torch.inference_mode(False), torch.no_grad():
            self._buffers = {k: buffer[indices.to(buffer.device)] for k, buffer in self._buffers.items()}

    def reset(self) -> None:
        """Forget every token; the memory is kept for the next sequences."""
        self._hold((0,) * len(self.counts))

    def _check_batch(self, batch: int) -> None:
        held = len(self.counts)
        if self.length and batch != held:
            raise ValueError(f"the cache holds {held} sequences, got a batch of {batch}; reset() empties it")

    def _check(self, rows: Rows, lengths: Tensor | None) -> tuple[int, int]:
        """The size (b, n). Raises ValueError unless rows agree with each other and, if any are held, with those."""
        if not isinstance(rows, dict) or not all(map(_are_rows, rows.values())):
            raise ValueError(f"rows must be a dict of dense tensors (b, ..., n, width), got {_told(rows)}")
        sizes = {(row.shape[0], row.shape[-2]) for row in rows.values()}
        if len(sizes) != 1:
            raise ValueError(f"rows must agree in batch and number of tokens, got {_told(rows)}")
        batch, _ = shape = sizes.pop()
        self._check_batch(batch)
        if self.length and (got := _kinds(rows)) != self._kinds:
            raise ValueError(f"rows must be like those held, {self._kinds}, got {got}; each layer needs its own cache")
        if lengths is not None:
            check_lengths(lengths, shape)
        return shape

    def _reserve(self, rows: Rows, needed: int) -> None:
        """Make room for `needed` tokens; an empty cache allocates afresh when the rows are of another kind."""
        if self.length and needed <= self.allocated:
            return  # the usual step: what is held is of the same kind, as `_check` found
        good = self.capacity is None or needed <= self.capacity
        require(good, lambda: f"the cache has a capacity of {self.capacity} tokens, and {needed} are needed")
        fits = self._kinds == _kinds(rows) and all(len(self._buffers[name]) == len(row) for name, row in rows.items())
        if not fits or needed > self.allocated:
            size = self.capacity or max(needed, SMALLEST, 2 * self.allocated if fits else 0)
            self._allocate(rows, size, keep=fits and self.length > 0)

    @torch.inference_mode(False)  # memory made in inference mode could not be written to outside it
    @torch.no_grad()
    def _allocate(self, rows: Rows, size: int, keep: bool) -> None:
        """New memory for `size` tokens; with `keep`, the rows held are copied.

        It is filled with zeros, because rows that no query sees are still multiplied by 0, and 0 NaN is NaN.
        """
        old = self._buffers
        self._buffers = {name: new_rows(name, row, size) for name, row in rows.items()}
        self._kinds, self.allocated, self._positions = _kinds(rows), size, torch.arange(size)
        if keep:
            for name, buffer in self._buffers.items():
                buffer[..., : old[name].shape[-2], :] = old[name]

    @torch.no_grad()
    def _write(self, rows: Rows, slots: Int[Tensor, "b n"], kept: Bool[Tensor, "b n"]) -> None:
        """Copy row t of sequence i to slots[i, t], where kept[i, t]."""
        sequence, t = torch.nonzero(kept, as_tuple=True)
        for name, row in rows.items():
            i, to, at = (index.to(row.device) for index in (sequence, slots[sequence, t], t))
            self._buffers[name].movedim(-2, 1)[i, to] = row.movedim(-2, 1)[i, at]

    def _forget(self, lengths: Int[Tensor, "b"]) -> None:
        self._hold(lengths.tolist())


def _kinds(rows: Rows) -> dict[str, tuple]:
    """What rows of the same name have in common: all axes but sequences and tokens, dtype and device."""
    return {name: (*row.shape[1:-2], row.shape[-1], row.dtype, row.device) for name, row in rows.items()}


def _are_rows(given) -> bool:
    return isinstance(given, Tensor) and given.layout == torch.strided and given.ndim >= 3


def _told(rows) -> str:
    """What was given in place of rows: its type, or that of each entry."""
    if not isinstance(rows, dict):
        return type(rows).__name__
    kinds = {name: getattr(row, "layout", type(row).__name__) for name, row in rows.items()}
    return str({name: tuple(rows[name].shape) if kind == torch.strided else kind for name, kind in kinds.items()})
