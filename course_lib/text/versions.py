"""The package versions whose text the course's numbers come from, and what to say under others."""

import warnings
from collections.abc import Mapping
from functools import cache
from importlib import metadata

# As in constraints.txt, which an installed package does not carry; a test holds the two equal.
PINNED = {"matplotlib": "3.11.2", "networkx": "3.6.1", "numpy": "2.4.6", "sympy": "1.14.0", "torch": "2.13.0"}


def installed(package: str) -> str:
    """The version of `package`, without a build mark such as `+cpu`. Raises ValueError when it is not installed."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        raise ValueError(f"this corpus is read from {package}, which is not installed: pip install {package}") from None


def warn_if_not_pinned(versions: Mapping[str, str]) -> None:
    """Warn, once for each package and version, that numbers may differ from those printed in the course."""
    for package, version in versions.items():
        if version != PINNED[package]:
            _warn(package, version)


@cache
def _warn(package: str, version: str) -> None:
    warnings.warn(
        f"the course's numbers come from {package} {PINNED[package]}; this is {package} {version}, so its text, and "
        f"numbers measured on it, may differ a little. The same text: pip install {package}=={PINNED[package]}",
        stacklevel=4,
    )
