"""Report the results of a benchmark: a printed table, and a JSON file that is written whole or not at all."""

import errno
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from course_lib.files import write_json


def require_writable(path: Path) -> None:
    """Raise OSError unless a file can be written at `path`. Call it before a measurement; parent folders are made."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent) as file:
        file.write(b" ")


def write(path: Path, benchmark: str, rows: Sequence[dict], **circumstances) -> None:
    """Write rows and circumstances (such as text and machine) of the named benchmark to `path` as JSON."""
    write_json(path, {"benchmark": benchmark} | circumstances | {"rows": list(rows)})


def show(title: str, figures: dict[str, str], rows: Sequence[dict]) -> None:
    """Print a table with a column for each of `rows`, headed by its name, and a line for each of `figures`.

    figures: label of the line -> format string with the keys of a row, such as "{seconds:.1f}".
    """
    table = Table(title=title, title_justify="left")
    table.add_column()
    for row in rows:
        table.add_column(row["name"], justify="right")
    for line, template in figures.items():
        table.add_row(line, *(template.format_map(row) for row in rows))
    Console().print(table)


def show_lines(title: str, figures: dict[str, str], rows: Sequence[dict]) -> None:
    """Print a table with a line for each of `rows` and a column for each of `figures`: heading -> format string."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in figures:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*(template.format_map(row) for template in figures.values()))
    Console().print(table)
