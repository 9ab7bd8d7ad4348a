"""The log of a run, log.jsonl: each line is a JSON object, for the training loss of a step or for an evaluation."""

import json
from pathlib import Path

from course_lib.files import write_atomically

NAME = "log.jsonl"


def read(path: str | Path) -> list[dict]:
    """The lines so far as dicts; [] without a file. A last line that was not written to its end is left out.

    Raises ValueError when another line is no JSON.
    """
    path = Path(path)
    lines = path.read_text().splitlines() if path.exists() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            if number < len(lines):
                raise ValueError(f"path must lead to JSON lines, got {path}, line {number}: {line!r}") from error
    return rows


class Log:
    """Appends lines to a log file. Each is written at once, so that a reader sees how far the run is."""

    def __init__(self, path: Path, before: int):
        """Keeps the lines of steps below `before`. Later ones are from steps that an interrupted run did not save."""
        kept = [row for row in read(path) if row["step"] < before]
        write_atomically(path, "".join(map(to_line, kept)).encode())
        self.file = path.open("a", encoding="utf-8")

    def append(self, **row) -> None:
        """Write `row` as one line; its values must be ready for JSON."""
        self.file.write(to_line(row))
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def to_line(row: dict) -> str:
    """The row as a line of JSON."""
    return json.dumps(row) + "\n"
