"""Measure this machine: bytes and float32 FLOPs per second, at best and in decoding, and how torch computes on it."""

import re

import torch

from course_lib.accounting import Machine
from course_lib.bench.timing import time_calls
from course_lib.kernels import cpu
from course_lib.kernels.rowwise import project

STREAM = 2**26  # numbers, 256 MiB: far more than the caches of a processor hold
SIDE = 1024  # of square matrices: a product takes 2 SIDE^3 = 2.1 GFLOP, with 12 MiB for the three matrices
FEW_ROWS, SIZE = 16, 512  # as in a decode step: one row, or one for each head, times a weight matrix of 1 MiB
REPEATS = 9  # timed calls


def measure_machine() -> Machine:
    """The peak rates of this machine, for rooflines and floors: the best of several sums and matrix products.

    torch computes them on the CPU with its present number of threads. This takes about a second, and 256 MiB meanwhile.
    """
    return Machine(f"this machine, {torch.get_num_threads()} threads", measure_bandwidth(), measure_flops())


def measure_decode_machine() -> Machine:
    """The rates of this machine in decode steps, for predictions.

    Bytes are measured on one row times weights that are not in a cache, FLOPs on a few rows times one weight matrix.
    """
    name = f"this machine decoding, {torch.get_num_threads()} threads"
    return Machine(name, measure_weight_bandwidth(), measure_few_rows_flops())


@torch.no_grad()
def measure_bandwidth() -> float:
    """Bytes per second read from main memory: a sum over more numbers than the processor's caches hold."""
    numbers = torch.ones(STREAM)
    return numbers.nbytes / time_calls(numbers.sum, REPEATS).best


@torch.no_grad()
def measure_flops() -> float:
    """FLOPs per second in a product of two square float32 matrices."""
    A = torch.ones(SIDE, SIDE)
    return 2 * SIDE**3 / time_calls(lambda: A @ A, REPEATS).best


@torch.no_grad()
def measure_weight_bandwidth() -> float:
    """Bytes per second of weights read in products with one row; the weights exceed the processor's caches."""
    weights, row = torch.ones(STREAM).view(-1, SIZE, SIZE).mT, torch.ones(1, SIZE)
    return weights.nbytes / time_calls(lambda: [project(row, W) for W in weights], REPEATS).median


@torch.no_grad()
def measure_few_rows_flops() -> float:
    """FLOPs per second in a product of few rows and one weight matrix, which stays in the processor's caches."""
    rows, W = torch.ones(FEW_ROWS, SIZE), torch.ones(SIZE, SIZE).T
    return 2 * FEW_ROWS * W.numel() / time_calls(lambda: rows @ W, 10 * REPEATS).median


def computing() -> dict[str, str]:
    """How torch computes on the CPU: instruction set, library for matrix products, and the setting COURSE_CPU."""
    library = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    instructions = torch.backends.cpu.get_cpu_capability()
    return {
        "instructions": instructions,
        "blas": library.group(1) if library else "unknown",
        "COURSE_CPU": cpu.setting,
    }


def ways() -> list[dict]:
    """The measurements of `kernels.cpu` in this process: for each shape the way taken, and microseconds of each way."""
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
