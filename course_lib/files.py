"""Write files so that they appear whole or not at all, and read and write JSON files."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_lib.config import require


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`: what is written there takes the name `path` when the block ends without an error.

    The temporary file is removed when the block fails.
    """
    # Beside the target, because a rename is atomic within one file system only; the name is unique, so that two
    # kernels writing the same cache do not share a temporary file.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`; a reader sees the old file or the new one, never a part. Parent folders are made.

    Raises OSError, and leaves no temporary file, when the folder cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def replace_folder(folder: Path, new: Path) -> None:
    """Give the folder `new` the name `folder`, on the same disk. What had that name is deleted last.

    Raises OSError when a folder cannot be renamed; the old one then has its name as before.
    """
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.old")
    had = folder.exists()
    if had:
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if had:
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: str | Path, values: dict) -> None:
    """Write `values` to `path` as indented JSON, as `write_atomically` does."""
    write_atomically(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> dict:
    """The object in a JSON file. Raises ValueError for anything else, OSError for a file that cannot be read."""
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} must hold JSON, got {error}") from error
    require(isinstance(values, dict), f"{path} must hold a JSON object, got {type(values).__name__}")
    return values


def read_if_whole(path: Path) -> dict | None:
    """The object in a JSON file; None without the file, or when a loss of power left it empty."""
    try:
        return read_json(path)
    except (FileNotFoundError, ValueError):
        return None
