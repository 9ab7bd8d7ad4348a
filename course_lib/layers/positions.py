"""Rotary positions (RoPE), and the sinusoidal ones of the original, looked up in tables.

Rotary: pair i of a vector at position m turns by (m / factor) * base**(-2 i / width).
Pairs are neighbours (2i, 2i+1), positions count from 0. <rope(q, m), rope(k, n)> then depends on m - n only.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.config import Rope, require


class PositionTable:
    """Numbers that depend on a position alone: computed once in float64, looked up by position; grows by doubling.

    No buffer of a module: `module.to(torch.bfloat16)` would round the angles of far positions.
    """

    def __init__(self):
        self._tables: dict[tuple, Tensor] = {}  # (device, dtype) -> (parts, positions, width)

    def at(self, positions: Int[Tensor, "n"]) -> Float[Tensor, "parts n width"]:
        """What the table holds at these positions, in float64."""
        raise NotImplementedError

    def look_up(self, positions: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
        """(parts, *positions.shape, width). Raises ValueError for positions that are negative or not whole numbers."""
        require(not positions.is_floating_point(), f"positions must be whole numbers, got {positions.dtype}")
        least, most = (int(x) for x in positions.aminmax()) if positions.numel() else (0, 0)
        require(least >= 0, f"positions must not be negative, got {positions.tolist()}")
        table = self._tables.get((device, dtype))
        if table is None or table.shape[1] <= most:
            size = max(most + 1, 64 if table is None else 2 * table.shape[1])
            table = self._tables[device, dtype] = self._compute(size).to(device, dtype)
        if positions.ndim == 1 and most - least + 1 == len(positions) and bool((positions.diff() == 1).all()):
            return table[:, least : most + 1]  # a view, without a copy
        return table[:, positions.to(device)]

    @torch.inference_mode(False)  # a table made in inference mode could not be used in training afterwards
    @torch.no_grad()
    def _compute(self, size: int) -> Tensor:
        return self.at(torch.arange(size))


def frequencies(width: int, base: float) -> Float[Tensor, "pairs"]:
    """theta_i = base**(-2 i / width) in radians per position, in float64."""
    return base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


class RotaryTable(PositionTable):
    """cos and sin of every angle."""

    def __init__(self, rope: Rope, width: int):
        super().__init__()
        require(width > 0 and width % 2 == 0, f"rotary positions turn pairs, so width must be even, got {width}")
        self.rope, self.width = rope, width

    def at(self, positions: Int[Tensor, "n"]) -> Float[Tensor, "2 n pairs"]:
        angles = positions.double()[:, None] / self.rope.factor * frequencies(self.width, self.rope.base)
        return torch.stack([angles.cos(), angles.sin()])

    def rotate(self, x: Float[Tensor, "*a n w"], positions: Int[Tensor, "*b n"]) -> Float[Tensor, "*a n w"]:
        """Turn row m of x (..., n, width) by its position; positions (n,), or any shape that broadcasts to x's rows.

        Computed in float32 at least. Raises ValueError for another width or a negative position.
        """
        require(x.shape[-1] == self.width, f"x must have the rotary width {self.width}, got shape {tuple(x.shape)}")
        cos, sin = self.look_up(positions, x.device, torch.promote_types(x.dtype, torch.float32))
        # Pair i as the complex number x_{2i} + i x_{2i+1}, which e^{i m theta_i} turns: one pass instead of six.
        pairs = torch.view_as_complex(x.to(cos.dtype).unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * torch.complex(cos, sin)).flatten(-2).to(x.dtype)


class SinusoidalTable(PositionTable):
    """Rows to add to embeddings of width d: sin(m theta_i) at column 2 i, cos(m theta_i) at 2 i + 1 (paper, 1)."""

    def __init__(self, d: int, base: float = 10_000.0):
        super().__init__()
        require(d > 0 and d % 2 == 0, f"sines and cosines come in pairs, so d must be even and positive, got {d}")
        self.d, self.base = d, base

    def at(self, positions: Int[Tensor, "n"]) -> Float[Tensor, "1 n d"]:
        angles = positions.double()[:, None] * frequencies(self.d, self.base)
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[None]

    def rows(self, positions: Int[Tensor, "*b n"], like: Tensor) -> Float[Tensor, "*b n d"]:
        """The rows at `positions`, with the dtype and device of `like`."""
        return self.look_up(positions, like.device, like.dtype)[0]


@lru_cache(maxsize=64)
def sinusoidal_table(d: int) -> SinusoidalTable:
    """The table of this width; models share one."""
    return SinusoidalTable(d)


@lru_cache(maxsize=64)
def rotary_table(rope: Rope, width: int) -> RotaryTable:
    """The table of these angles; layers of the same rope and width share one."""
    return RotaryTable(rope, width)
