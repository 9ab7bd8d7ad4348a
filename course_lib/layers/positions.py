"""Rotary positions (RoPE): pair i of a vector at position m turns by (m / factor) * base**(-2 i / width).

Pairs are neighbours (2i, 2i+1), positions count from 0. <rope(q, m), rope(k, n)> then depends on m - n only.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.config import Rope, require


class RotaryTable:
    """cos and sin of every angle, computed once in float64 and looked up by position; grows by doubling.

    No buffer of a module: `module.to(torch.bfloat16)` would round the angles of far positions.
    """

    def __init__(self, rope: Rope, width: int):
        require(width > 0 and width % 2 == 0, f"rotary positions turn pairs, so width must be even, got {width}")
        self.rope, self.width = rope, width
        self._tables: dict[tuple, Tensor] = {}  # (device, dtype) -> (2, positions, width / 2)

    def _look_up(self, positions: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
        """cos and sin of the angles at `positions`: (2, *positions.shape, width / 2)."""
        needed = int(positions.max()) + 1 if positions.numel() else 1
        table = self._tables.get((device, dtype))
        if table is None or table.shape[1] < needed:
            size = max(needed, 64 if table is None else 2 * table.shape[1])
            table = self._tables[device, dtype] = self._compute(size).to(device, dtype)
        return table[:, positions.to(device)]

    @torch.inference_mode(False)  # a table made in inference mode could not be used in training afterwards
    @torch.no_grad()
    def _compute(self, size: int) -> Tensor:
        theta = self.rope.base ** (-torch.arange(0, self.width, 2, dtype=torch.float64) / self.width)
        angles = torch.arange(size, dtype=torch.float64)[:, None] / self.rope.factor * theta
        return torch.stack([angles.cos(), angles.sin()])

    def rotate(self, x: Float[Tensor, "*a n w"], positions: Int[Tensor, "*b n"]) -> Float[Tensor, "*a n w"]:
        """Turn row m of x (..., n, width) by its position; positions (n,), or any shape that broadcasts to x's rows.

        Computed in float32 at least. Raises ValueError for another width or a negative position.
        """
        require(x.shape[-1] == self.width, f"x must have the rotary width {self.width}, got shape {tuple(x.shape)}")
        require(not positions.is_floating_point(), f"positions must be whole numbers, got {positions.dtype}")
        require(bool((positions >= 0).all()), f"positions must not be negative, got {positions.tolist()}")
        cos, sin = self._look_up(positions, x.device, torch.promote_types(x.dtype, torch.float32))
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2).to(x.dtype)


@lru_cache(maxsize=64)
def rotary_table(rope: Rope, width: int) -> RotaryTable:
    """The table of these angles; layers of the same rope and width share one."""
    return RotaryTable(rope, width)
