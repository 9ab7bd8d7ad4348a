"""A benchmark's figures: a table to read, and a JSON file that is written whole or not at all."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from course_lib.files import write_atomically


def require_writable(path: Path) -> None:
    """Raise OSError unless a file can be written at `path`: better before the measurement than after it."""
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent) as file:
        file.write(b" ")


def write(path: Path, benchmark: str, rows: Sequence[dict], **circumstances) -> None:
    """Keep rows and circumstances (the text, the machine) in `path`."""
    content = {"benchmark": benchmark} | circumstances | {"rows": list(rows)}
    write_atomically(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def show(title: str, columns: dict[str, str], rows: Sequence[dict], console: Console | None = None) -> None:
    """Print a table. `columns`: heading by name of a figure, with its format behind a bar, as in "seconds|.1f"."""
    table = Table(title=title, title_justify="left")
    for heading, key in columns.items():
        table.add_column(heading, justify="right" if "|" in key else "left")
    for row in rows:
        table.add_row(*(cell(row, key) for key in columns.values()))
    (console or Console()).print(table)


def cell(row: dict, key: str) -> str:
    name, bar, form = key.partition("|")
    return format(row[name], form) if bar else str(row[name])
