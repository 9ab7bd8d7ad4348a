"""Which packages the course asks for, and which versions are installed and tested. None of them is imported."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS, PYPROJECT = ROOT / "constraints.txt", ROOT / "pyproject.toml"
EXTRAS = ("lab", "experiments", "test", "delivery")  # each holds all of those before it


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without trailing zeros: '2.13.0+cpu' is (2, 13)."""
    numbers = [int(part) for part in re.match(r"[\d.]*", version)[0].split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def requirements(extra: str = "lab") -> list[str]:
    """What the course asks for with one of EXTRAS, as lines for pip; without pyproject.toml only the course itself."""
    if not PYPROJECT.exists():
        return [f"course-lib[{extra}]"]
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][name] for name in EXTRAS[: EXTRAS.index(extra) + 1]]
    return [f"course-lib[{extra}]", *project["dependencies"], *sum(extras, [])]


def pins(path: Path = PINS) -> dict[str, str]:
    """Package -> the version with which the committed outputs were made; empty when the file is missing."""
    if not path.exists():
        return {}
    return dict(line.split("==") for line in path.read_text(encoding="utf-8").split() if "==" in line)


def installed(name: str) -> str | None:
    """The installed version of a package; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def differs(version: str, pin: str | None) -> bool:
    """Whether a version is another release than its pin; False without a pin."""
    return pin is not None and release(version) != release(pin)
