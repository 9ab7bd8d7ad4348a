"""The package versions a corpus is read from, and a warning when the course's numbers come from other versions."""

import warnings
from collections.abc import Mapping
from functools import cache

from course_lib import versions


def installed(package: str) -> str:
    """The version of `package`, without a build mark such as `+cpu`. Raises ValueError when it is not installed."""
    version = versions.installed(package)
    if version is None:
        raise ValueError(f"this corpus is read from {package}, which is not installed: pip install {package}")
    return version.partition("+")[0]


def warn_if_not_pinned(found: Mapping[str, str]) -> None:
    """Warn of each package in `found` (name -> version) whose version is not the one that the course was made with.

    Numbers may then differ from those printed in the course. Each package and version is warned of once.
    """
    pins = versions.pins()
    for package, version in found.items():
        if versions.differs(version, pins.get(package)):
            _warn(package, version, pins[package])


@cache
def _warn(package: str, version: str, pin: str) -> None:
    warnings.warn(
        f"the course's numbers come from {package} {pin}; this is {package} {version}, so its text, and "
        f"numbers measured on it, may differ a little. The same text: pip install {package}=={pin}",
        stacklevel=4,
    )
