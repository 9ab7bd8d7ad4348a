"""The machine in front of you: bytes and float32 FLOPs per second, at best and in decoding; how it computes."""

import re

import torch

from course_lib.accounting import Machine
from course_lib.bench.timing import time_calls
from course_lib.layers import cpu
from course_lib.layers.products import project

STREAM = 2**26  # numbers, 256 MiB: far more than the caches of a processor hold
SIDE = 1024  # of square matrices: 2 SIDE^3 = 2.1 GFLOP in a product of 12 MiB
FEW_ROWS, SIZE = 16, 512  # what a decode step multiplies: a row, or one for each head, and weights of about 1 MB
REPEATS = 9


def measure_machine() -> Machine:
    """The peaks, for rooflines and floors: the best of several long sums, and of products of large matrices.

    By torch on the CPU, with the threads it now has; takes about a second, and 256 MiB for its time.
    """
    return Machine(f"this machine, {torch.get_num_threads()} threads", measure_bandwidth(), measure_flops())


def measure_decode_machine() -> Machine:
    """What is left of them in decode steps, for predictions: one row times fresh weights, few rows times a weight."""
    name = f"this machine decoding, {torch.get_num_threads()} threads"
    return Machine(name, measure_weight_bandwidth(), measure_few_rows_flops())


@torch.no_grad()
def measure_bandwidth() -> float:
    """Bytes per second read from main memory, by a sum over more numbers than any cache holds."""
    numbers = torch.ones(STREAM)
    return numbers.nbytes / time_calls(numbers.sum, REPEATS).best


@torch.no_grad()
def measure_flops() -> float:
    """FLOPs per second of a product of square float32 matrices."""
    A = torch.ones(SIDE, SIDE)
    return 2 * SIDE**3 / time_calls(lambda: A @ A, REPEATS).best


@torch.no_grad()
def measure_weight_bandwidth() -> float:
    """Bytes per second of weights that one row is multiplied by, all of them together more than any cache holds."""
    weights, row = torch.ones(STREAM).view(-1, SIZE, SIZE).mT, torch.ones(1, SIZE)
    return weights.nbytes / time_calls(lambda: [project(row, W) for W in weights], REPEATS).median


@torch.no_grad()
def measure_few_rows_flops() -> float:
    """FLOPs per second of a product of few rows and one weight, which stays in the processor's caches."""
    rows, W = torch.ones(FEW_ROWS, SIZE), torch.ones(SIZE, SIZE).T
    return 2 * FEW_ROWS * W.numel() / time_calls(lambda: rows @ W, 10 * REPEATS).median


def computing() -> dict[str, str]:
    """What torch computes with on the CPU: instruction set, library of matrix products, COURSE_CPU."""
    library = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    instructions = torch.backends.cpu.get_cpu_capability()
    return {
        "instructions": instructions,
        "blas": library.group(1) if library else "unknown",
        "COURSE_CPU": cpu.setting,
    }


def ways() -> list[dict]:
    """What `layers.cpu` has measured in this process: the way taken for each shape, the microseconds of each way."""
    return [
        {
            "product": kind,
            "shape": " x ".join(map(str, shape)),
            "dtype": str(dtype).removeprefix("torch."),
            "threads": threads,
            "taken": found.way,
            "microseconds": {name: 1e6 * seconds for name, seconds in found.seconds.items()},
        }
        for (kind, shape, dtype, threads), found in cpu.choices.items()
    ]
