"""Measure the peak memory of this process (on Linux only)."""

import ctypes
from pathlib import Path

STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
KIB = 1024


class PeakMemory:
    """The most memory that the process held in a `with` block, above what it held before, in bytes.

        with PeakMemory() as memory:
            compute()
        memory.peak

    `peak` is None on systems without such a counter.
    """

    peak: int | None = None

    def __enter__(self) -> "PeakMemory":
        try:
            ctypes.CDLL(None).malloc_trim(0)  # gives free memory back to the system first
            PEAK_RESET.write_text("5")  # sets the recorded peak to the present value
            self._before = read_status("VmRSS")
        except (OSError, AttributeError, TypeError):
            self._before = None
        return self

    def __exit__(self, *error) -> None:
        if self._before is not None:
            self.peak = max(0, read_status("VmHWM") - self._before)


def read_status(name: str) -> int:
    """The entry `name` of /proc/self/status, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return KIB * int(line.split()[1])
