"""Find the notebooks and run them: in their own folder, with time limits that only end hangs."""

import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_lib import limits

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def all_notebooks(prefixes: Sequence[str] = ()) -> list[Path]:
    """The notebooks whose names begin with one of the prefixes; without prefixes, all. Exits if there is none."""
    found = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.name.startswith(tuple(prefixes) or "")]
    return found or sys.exit(f"No notebook of {NOTEBOOKS} begins with {' or '.join(prefixes)}.")


def client(node: nbformat.NotebookNode, folder: Path = NOTEBOOKS, **options) -> NotebookClient:
    """A client that runs this notebook in a kernel of its own; `options` are further ones of nbclient."""
    return NotebookClient(
        node,
        timeout=limits.NOTEBOOK,
        startup_timeout=limits.START,
        iopub_timeout=limits.ANSWER,
        resources={"metadata": {"path": str(folder)}},
        **options,
    )
