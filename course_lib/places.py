"""Folders outside the clone: where the system wants caches and data, or where an environment variable says."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def place(variable: str, usual: Callable[..., Path]) -> Path:
    """The folder that the environment variable names, else `usual`, a function of platformdirs.

    Without a home folder it is one for temporary files.
    """
    if named := os.environ.get(variable):
        return Path(named)
    try:
        found = usual("course-lib", appauthor=False)
    except RuntimeError:  # older versions of platformdirs give a path that begins with ~
        found = Path("~")
    if found.is_absolute():
        return found
    return Path(tempfile.gettempdir()) / f"course-lib-{os.getuid()}"
