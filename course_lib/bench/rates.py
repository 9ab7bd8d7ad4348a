"""The two rates of the machine in front of you, for the roofline: bytes and float32 FLOPs per second."""

import torch

from course_lib.accounting import Machine
from course_lib.bench.timing import time_calls

STREAM = 2**26  # numbers, 256 MiB: far more than the caches of a processor hold
SIDE = 1024  # of square matrices: 2 SIDE^3 = 2.1 GFLOP in a product of 12 MiB
REPEATS = 9


def measure_machine() -> Machine:
    """By torch on the CPU, with the threads it now has; takes about a second, and 256 MiB for its time."""
    return Machine(f"this machine, {torch.get_num_threads()} threads", measure_bandwidth(), measure_flops())


@torch.no_grad()
def measure_bandwidth() -> float:
    """Bytes per second read from main memory, by a sum over more numbers than any cache holds."""
    numbers = torch.ones(STREAM)
    return numbers.nbytes / time_calls(numbers.sum, REPEATS).median


@torch.no_grad()
def measure_flops() -> float:
    """FLOPs per second of a product of square float32 matrices."""
    A = torch.ones(SIDE, SIDE)
    return 2 * SIDE**3 / time_calls(lambda: A @ A, REPEATS).median
