"""Which precision this machine multiplies matrices in faster: not all CPUs have instructions for bfloat16."""

import time

import torch

SHAPES = (768, 128), (128, 512)  # of one batch of the benchmark, on its way into a feed-forward network
WORTH = 1.5  # times faster at least: conversions cost something too


def fastest() -> str:
    """bfloat16 if products in it are well faster than in float32, else float32."""
    return "bfloat16" if seconds(torch.float32) > WORTH * seconds(torch.bfloat16) else "float32"


def seconds(dtype: torch.dtype, times: int = 20) -> float:
    """Of the fastest of some products; the others may have been disturbed."""
    A, B = (torch.ones(shape, dtype=dtype) for shape in SHAPES)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        A @ B
        taken.append(time.perf_counter() - began)
    return min(taken)
