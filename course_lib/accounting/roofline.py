"""The roofline model: a machine as two rates, and the time that work takes on it.

Williams, Waterman, Patterson, "Roofline: An Insightful Visual Performance Model for Multicore Architectures", 2009.
"""

import math
from dataclasses import dataclass

from course_lib.accounting.work import Work
from course_lib.config import require


@dataclass(frozen=True)
class Machine:
    """A machine as two rates: what its memory moves and what its processor computes per second."""

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
        """FLOPs per second that work with `intensity` FLOPs per byte can reach; below the ridge bandwidth limits."""
        require(intensity > 0, f"intensity must be a positive number of FLOPs per byte, got {intensity}")
        return min(self.flops, intensity * self.bandwidth)

    def seconds(self, work: Work) -> float:
        """The least time in seconds, max(bytes / bandwidth, FLOPs / rate): memory and arithmetic work at once."""
        return max(work.bytes / self.bandwidth, work.flops / self.flops)

    def serial_seconds(self, work: Work) -> float:
        """The time in seconds without overlap, bytes / bandwidth + FLOPs / rate.

        It predicts the time if the two rates were measured on similar work.
        """
        return work.bytes / self.bandwidth + work.flops / self.flops
