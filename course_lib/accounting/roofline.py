"""A machine as two rates, and the time that work takes on it (Williams, Waterman and Patterson, 2009)."""

import math
from dataclasses import dataclass

from course_lib.accounting.work import Work
from course_lib.config import require


@dataclass(frozen=True)
class Machine:
    """What the memory moves and the processor computes per second."""

    name: str
    bandwidth: float  # bytes per second between main memory and the processor
    flops: float  # FLOPs per second of matrix products

    def __post_init__(self):
        for name in ("bandwidth", "flops"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"{name} must be a positive finite number per second, got {value}")

    @property
    def ridge(self) -> float:
        """FLOPs per byte at which memory and arithmetic take equally long."""
        return self.flops / self.bandwidth

    def attainable(self, intensity: float) -> float:
        """FLOPs per second of work with `intensity` FLOPs per byte: bandwidth limits it left of the ridge."""
        require(intensity > 0, f"intensity must be a positive number of FLOPs per byte, got {intensity}")
        return min(self.flops, intensity * self.bandwidth)

    def seconds(self, work: Work) -> float:
        """The floor, max(bytes / bandwidth, FLOPs / rate): both go on at once, and the slower one decides."""
        return max(work.bytes / self.bandwidth, work.flops / self.flops)

    def serial_seconds(self, work: Work) -> float:
        """bytes / bandwidth + FLOPs / rate: nothing overlaps. At rates met in such work, a prediction."""
        return work.bytes / self.bandwidth + work.flops / self.flops
