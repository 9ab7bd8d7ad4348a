"""How a tensor lies in memory: the strides of its axes."""

from collections.abc import Sequence

import torch
from torch import Tensor


def strides_of(tensor: Tensor) -> tuple[int, ...]:
    """The strides of the tensor, or of a contiguous copy if it leaves gaps in memory or repeats entries."""
    return tensor.stride() if fills(tensor.shape, tensor.stride()) else tensor.contiguous().stride()


def fills(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the entries take one piece of memory without gaps, each a place of its own."""
    place = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size > 1:
            if stride != place:
                return False
            place *= size
    return True


def laid_out(tensor: Tensor, strides: Sequence[int]) -> Tensor:
    """A copy with these strides."""
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


@torch.no_grad()
def fill(tensor: Tensor, saved: Tensor) -> None:
    """Give a tensor of a model the values and the strides of another one."""
    if tensor.stride() == saved.stride():
        tensor.copy_(saved)
    else:  # the gradient is dropped: it has the old strides
        tensor.data, tensor.grad = saved.to(tensor.device), None
