"""Folders for caches and data outside the clone: the system's usual ones, or those that environment variables name."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def place(variable: str, usual: Callable[..., Path]) -> Path:
    """The folder that the environment variable names, else the one that `usual`, a function of platformdirs, gives.

    Without a home folder it lies among the temporary files.
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
