"""A cache that keeps only the rows that a sliding window can still see."""

import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.config import is_whole, require
from course_lib.layers.cache import AllRows, Cache, Rows


class WindowCache(Cache):
    """Keeps the last `window` rows of each sequence in a ring: slot p mod (window + spare) holds position p.

    `truncate` can take back 1 + `spare` tokens. Raises ValueError for a window or a spare that is no whole number.
    """

    def __init__(self, window: int, spare: int = 0):
        require(is_whole(window), f"window must be a positive integer, got {window!r}")
        require(is_whole(spare, 0), f"spare must be a whole number of rows, not negative, got {spare!r}")
        super().__init__(window + spare)
        self.window = window
        self._positions = torch.full((0, window + spare), -1)  # of the rows in the slots; -1 for none

    def append(self, rows: Rows, lengths: Int[Tensor, "b"] | None = None) -> tuple[AllRows, Int[Tensor, "b N"]]:
        """As Cache.append, but returns the rows that the new tokens can see, in no particular order.

        Positions are (b, N), and -1 for a row that belongs to no token.
        """
        batch, n = self._check(rows, lengths)
        starts, size = self.starts(batch), self.capacity
        self._reserve(rows, size)
        if self.length == 0:
            self._positions = torch.full((batch, size), -1)
        counts = torch.full((batch,), n) if lengths is None else lengths.cpu()
        new = starts[:, None] + torch.arange(n)
        is_new = torch.arange(n) < counts[:, None]
        shown, positions = dict(self._buffers), None
        if n > 1:  # the new rows overwrite some that the first of the new tokens still see
            shown, positions = rows, torch.where(is_new, new, -1)
            if self.length:
                shown = {name: torch.cat([self._buffers[name], row], -2) for name, row in rows.items()}
                positions = torch.cat([self._positions, positions], -1)
        kept = is_new & (torch.arange(n) >= counts[:, None] - size)
        self._write(rows, new % size, kept)
        sequence, t = torch.nonzero(kept, as_tuple=True)
        stored = self._positions.clone()  # not in place: it may have been made in inference mode
        stored[sequence, new[sequence, t] % size] = new[sequence, t]
        self._positions = stored
        self._hold((starts + counts).tolist())
        return shown, stored if positions is None else positions

    def _reorder(self, indices: Int[Tensor, "c"]) -> None:
        super()._reorder(indices)
        self._positions = self._positions[indices]

    def _forget(self, lengths: Int[Tensor, "b"]) -> None:
        """Raises ValueError unless the next token's window is still held, from position length - window + 1 on."""
        oldest = (self.held_lengths - self.capacity).clamp(min=0)
        good = bool((oldest <= (lengths - self.window + 1).clamp(min=0)).all())
        require(
            good,
            f"length must leave a whole window of {self.window} rows: those before positions {oldest.tolist()} are "
            f"gone, got {lengths.tolist()}; WindowCache(window, spare=...) keeps more",
        )
        self._positions = torch.where(self._positions < lengths[:, None], self._positions, -1)
        super()._forget(lengths)
