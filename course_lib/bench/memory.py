"""How much memory this process took at most, where the system tells (Linux)."""

import ctypes
from pathlib import Path

STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
KIB = 1024


class PeakMemory:
    """with PeakMemory() as memory: ...; then memory.peak is the most that was held above what was held before.

    In bytes, of the whole process; None where the system has no such counter.
    """

    peak: int | None = None

    def __enter__(self) -> "PeakMemory":
        try:
            ctypes.CDLL(None).malloc_trim(0)  # what is free already is given back first
            PEAK_RESET.write_text("5")  # sets the high-water mark to what is held now
            self._before = read_status("VmRSS")
        except (OSError, AttributeError, TypeError):
            self._before = None
        return self

    def __exit__(self, *error) -> None:
        if self._before is not None:
            self.peak = max(0, read_status("VmHWM") - self._before)


def read_status(name: str) -> int:
    """A line of the process's status, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return KIB * int(line.split()[1])
