"""Rotary positions (RoPE) and sinusoidal positions, looked up in tables.

Rotary: pair i of a vector at position m turns by m * base**(-2 i / width), or by less: see `course_lib.rope`.
Pairs are neighbours (2i, 2i+1), positions count from 0. <rope(q, m), rope(k, n)> then depends on m - n only. Lengths
are kept, or multiplied by the amplitude of a `Rope` that has one.
"""

from functools import lru_cache

import torch
from jaxtyping import Complex, Float, Inexact, Int
from torch import Tensor

from course_lib.config import Rope, RopeByLength, require


class PositionTable:
    """Numbers that depend on a position alone: computed once in float64, looked up by position; grows by doubling.

    A table is not a buffer of a module, since `module.to(torch.bfloat16)` would round the angles of far positions.
    """

    def __init__(self):
        self._tables: dict[tuple, Tensor] = {}  # (device, dtype) -> (positions, width)

    def compute(self, positions: Int[Tensor, "n"]) -> Inexact[Tensor, "n width"]:
        """What the table holds at these positions, computed in double precision."""
        raise NotImplementedError

    def look_up(self, positions: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
        """Rows (*positions.shape, width). Raises ValueError for positions that are negative or not whole numbers."""
        if positions.is_floating_point():
            raise ValueError(f"positions must be whole numbers, got {positions.dtype}")
        least, most = extremes(positions)
        if least < 0:
            raise ValueError(f"positions must not be negative, got {positions.tolist()}")
        return self._rows(positions, least, most, device, dtype)

    def _rows(self, positions: Tensor, least: int, most: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        table = self._tables.get((device, dtype))
        if table is None or len(table) <= most:
            size = max(most + 1, 64 if table is None else 2 * len(table))
            table = self._tables[device, dtype] = self._new(size, device, dtype)
        n = positions.shape[0] if positions.ndim == 1 else 0
        if n and most - least + 1 == n and (n == 1 or bool((positions.diff() == 1).all())):
            return table[least : most + 1]  # a view, without a copy
        return table[positions.to(device)]

    @torch.inference_mode(False)  # a table made in inference mode could not be used in training afterwards
    @torch.no_grad()
    def _new(self, size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        return self.compute(torch.arange(size)).to(device, dtype)


def extremes(positions: Tensor) -> tuple[int, int]:
    """The least and the largest position; zeros when there are none. One position, as in a decode step, is both."""
    if positions.numel() == 1:
        return (int(positions),) * 2
    least, most = positions.aminmax() if positions.numel() else (0, 0)
    return int(least), int(most)


def frequencies(width: int, base: float) -> Float[Tensor, "pairs"]:
    """theta_i = base**(-2 i / width) in radians per position, in float64."""
    return base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def rotary_frequencies(rope: Rope, width: int, length: int = 0) -> Float[Tensor, "pairs"]:
    """The angle by which each pair turns from one position to the next, for a text of `length` tokens; in radians."""
    return torch.tensor(rope.frequencies(width, length), dtype=torch.float64)


class Rotations:
    """The rotations at some positions: the first layer that turns looks them up, and the other layers reuse them."""

    def __init__(self, positions: Int[Tensor, "..."]):
        self.positions = positions
        self._found: dict[tuple, Tensor] = {}

    def turns(self, table: "RotaryTable", device: torch.device, dtype: torch.dtype) -> Complex[Tensor, "... pairs"]:
        """The rows of the table at these positions."""
        key = table, device, dtype
        if key not in self._found:
            self._found[key] = table.look_up(self.positions, device, dtype)
        return self._found[key]


# Positions (n,), or (b, 1, n) when sequences differ: as numbers, or as the `Rotations` that the layers of a step share.
At = Int[Tensor, "..."] | Rotations


class RotaryTable(PositionTable):
    """Rotations a e^{i m theta_j} by position m and pair j: they multiply the complex number x_{2j} + i x_{2j+1}.

    a is the amplitude of the rope, 1 for most kinds. Raises ValueError for a width that is not even and positive.
    """

    def __init__(self, rope: Rope, width: int):
        super().__init__()
        require(width > 0 and width % 2 == 0, f"rotary positions turn pairs, so width must be even, got {width}")
        rope.require_width(width)
        self.rope, self.width = rope, width

    def compute(self, positions: Int[Tensor, "n"]) -> Complex[Tensor, "n pairs"]:
        return self.rotations(positions)

    def rotations(self, positions: Int[Tensor, "*b n"], length: int = 0) -> Complex[Tensor, "*b n pairs"]:
        """The rotations at these positions of a text of `length` tokens, in double precision."""
        angles = positions.cpu().double()[..., None] * rotary_frequencies(self.rope, self.width, length)
        return torch.polar(torch.full_like(angles, self.rope.amplitude), angles)

    def rotate(self, x: Float[Tensor, "*a n w"], positions: At) -> Float[Tensor, "*a n w"]:
        """Turn each row of x (..., n, width) by its position; positions (n,), or any shape that broadcasts to x's rows.

        Computed in float32 at least. Raises ValueError for another width or a negative position.
        """
        rotations = positions if isinstance(positions, Rotations) else Rotations(positions)
        turns = rotations.turns(self, x.device, torch.promote_types(x.dtype, torch.float32).to_complex())
        if x.shape[-1] != self.width:
            raise ValueError(f"x must have the rotary width {self.width}, got shape {tuple(x.shape)}")
        # As complex numbers, which begin at even places of memory: one product instead of six.
        x_ = x.to(turns.dtype.to_real()).view(*x.shape[:-1], self.width // 2, 2)
        pairs = torch.view_as_complex(x_.clone() if x_.storage_offset() % 2 else x_.contiguous())
        return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)

    def rotate_back(self, x: Float[Tensor, "*a n w"], positions: At) -> Float[Tensor, "*a n w"]:
        """Turn each row by its position the other way: a mirror, the same rotation, and the mirror again.

        It is the inverse of `rotate` for the amplitude 1.
        """
        mirror = torch.tensor([1, -1], device=x.device).repeat(self.width // 2)
        return mirror * self.rotate(mirror * x, positions)


class RotaryTableByLength(RotaryTable):
    """Rotations whose angles also depend on the length of a text longer than `rope.length`.

    The length is the largest position of a call, plus 1. The table holds the angles that all shorter texts share.
    """

    def _rows(self, positions: Tensor, least: int, most: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        if most < self.rope.length:
            return super()._rows(positions, least, most, device, dtype)
        return self.rotations(positions, most + 1).to(device, dtype)


class LastCoordinates:
    """The rotations of a table on the last coordinates of wider rows: those before them stay as they are."""

    def __init__(self, table: RotaryTable):
        self.table = table

    def rotate(self, x: Float[Tensor, "*a n w"], positions: At) -> Float[Tensor, "*a n w"]:
        """As `RotaryTable.rotate`, for rows at least as wide as the table."""
        still, turning = x.split([x.shape[-1] - self.table.width, self.table.width], -1)
        return torch.cat([still, self.table.rotate(turning, positions)], -1)


class SinusoidalTable(PositionTable):
    """Rows to add to embeddings of width d: sin(m theta_i) in column 2 i, cos(m theta_i) in 2 i + 1."""

    def __init__(self, d: int):
        super().__init__()
        require(d > 0 and d % 2 == 0, f"sines and cosines come in pairs, so d must be even and positive, got {d}")
        self.d = d

    def compute(self, positions: Int[Tensor, "n"]) -> Float[Tensor, "n d"]:
        angles = positions.double()[:, None] * frequencies(self.d, base=10_000.0)
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)


@lru_cache(maxsize=64)
def sinusoidal_table(d: int) -> SinusoidalTable:
    """The table of this width; models share one."""
    return SinusoidalTable(d)


@lru_cache(maxsize=64)
def rotary_table(rope: Rope, width: int) -> RotaryTable:
    """The table of these angles; layers of the same rope and width share one."""
    return (RotaryTableByLength if isinstance(rope, RopeByLength) else RotaryTable)(rope, width)
