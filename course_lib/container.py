"""The memory and the cores that a container allows: the limits of Linux control groups, version 1 and 2.

A process is bound by the limits of its own group and of all groups above it. `memory` and `cores` return None where
there is no limit, and on systems other than Linux.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GROUPS = Path("/proc/self/cgroup")  # lines `number:controllers:path`; of version 2: `0::path`
MOUNT = Path("/sys/fs/cgroup")


class Memory(NamedTuple):
    """A limit of memory, and how much below it is free, both in bytes."""

    free: int
    limit: int


def available() -> Memory:
    """The free memory of this machine, and all of it, within the limits of a container."""
    import psutil

    machine, granted = psutil.virtual_memory(), memory()  # psutil does not see the limits of a container
    free, total = machine.available, machine.total
    return Memory(free, total) if granted is None else Memory(min(free, granted.free), min(total, granted.limit))


def memory() -> Memory | None:
    """The limit with the least free memory below it; None without a limit.

    Cached files that were not used lately count as free, because Linux gives their memory back.
    """
    found = []
    for folder in folders("memory"):
        limit = number(folder, "memory.max", "memory.limit_in_bytes")
        used = number(folder, "memory.current", "memory.usage_in_bytes")
        if limit is None or used is None:
            continue
        pages = dict(line.split(maxsplit=1) for line in text(folder / "memory.stat").splitlines())
        # In version 1 only the numbers whose names begin with total_ include the groups below.
        idle = int(pages.get("total_inactive_file", pages.get("inactive_file", 0)))
        found.append(Memory(max(0, limit - max(0, used - idle)), limit))
    return min(found, default=None)


def cores() -> int | None:
    """The cores that the tightest limit allows: its quota divided by its period, rounded up. None without a limit."""
    found = []
    for folder in folders("cpu"):
        quota, period = (text(folder / "cpu.max").split() + ["", ""])[:2]
        quota, period = quota or text(folder / "cpu.cfs_quota_us"), period or text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):  # `max` and -1 are no limit
            found.append(max(1, math.ceil(int(quota) / int(period))))
    return min(found, default=None)


def folders(controller: str) -> Iterator[Path]:
    """The folders of this process's group and of each group above it, for the controller "memory" or "cpu".

    Inside a container the path is often the host's and does not exist; then the mount itself is the group.
    """
    for line in text(GROUPS).splitlines() or ["0::/"]:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = MOUNT / controllers if controllers else MOUNT
        mount = mount if mount.exists() else MOUNT / controller
        group = mount / path.strip("/")
        yield from (place for place in (group, *group.parents) if place.is_relative_to(mount))


def number(folder: Path, *names: str) -> int | None:
    """The number in the first of these files that holds one; None if none does."""
    return next((int(found) for name in names if (found := text(folder / name)).isdigit()), None)


def text(path: Path) -> str:
    """The text of a file without white space around it, or "" if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
