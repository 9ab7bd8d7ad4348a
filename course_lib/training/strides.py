"""Read and change how a tensor lies in memory, as the strides of its axes."""

from collections.abc import Sequence

import torch
from torch import Tensor


def strides_of(tensor: Tensor) -> tuple[int, ...]:
    """The strides of the tensor, or those of a contiguous copy if it has gaps in memory or repeats entries."""
    return tensor.stride() if fills(tensor.shape, tensor.stride()) else tensor.contiguous().stride()


def fills(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether a tensor of this shape and strides fills one piece of memory without gaps or repeated entries."""
    place = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size > 1:
            if stride != place:
                return False
            place *= size
    return True


def laid_out(tensor: Tensor, strides: Sequence[int]) -> Tensor:
    """A copy of the tensor with these strides."""
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device).copy_(tensor)


@torch.no_grad()
def fill(tensor: Tensor, saved: Tensor) -> None:
    """Give `tensor`, of a model, the values and the strides of `saved`."""
    if tensor.stride() == saved.stride():
        tensor.copy_(saved)
    else:  # the gradient has the old strides, so it is dropped
        tensor.data, tensor.grad = saved.to(tensor.device), None
