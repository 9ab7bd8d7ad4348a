"""Which versions of packages are installed, supported and tested, from their metadata alone: nothing is imported."""

import importlib.metadata
import re
from pathlib import Path

PINS = Path(__file__).resolve().parent.parent / "constraints.txt"


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without trailing zeros: '2.13.0+cpu' is (2, 13)."""
    numbers = [int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def requirements(distribution: str = "course-lib") -> dict[str, str]:
    """Lowest supported version by package, for the course and its lab; '' where none is stated."""
    found = {}
    for line in importlib.metadata.requires(distribution) or []:
        name, lowest = re.match(r"([\w.-]+)(?:>=([\w.]+))?", line).groups()
        if "extra ==" not in line or re.search(r"""extra == ["']lab["']""", line):
            found[name] = lowest or ""
    return found


def pins(path: Path = PINS) -> dict[str, str]:
    """Version by package under which the committed outputs were made; empty when the file is not here."""
    if not path.exists():
        return {}
    return dict(line.split("==") for line in path.read_text().split() if "==" in line)


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def differs(version: str, pin: str | None) -> bool:
    return pin is not None and release(version) != release(pin)
