"""Cache files with the text of packages that were read before. Any of them may be deleted at any time."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import platformdirs

from course_lib.files import write_atomically
from course_lib.places import place
from course_lib.text.corpus import sha256

Documents = list[tuple[str, str]]
FORMAT = 1  # raised when new code reads other documents from the same packages


def folder() -> Path:
    """The folder of cache files: $COURSE_CACHE, else the system's usual one; without a home folder a temporary one."""
    return place("COURSE_CACHE", platformdirs.user_cache_path)


def remembered(key: str, build: Callable[[], Documents]) -> Documents:
    """What `build` returns, from a cache file if an earlier call with this `key` wrote one.

    A damaged file is built again. `key` must name everything that `build` depends on.
    """
    path = folder() / f"documents-{sha256(f'{FORMAT}-{key}')[:16]}.json"
    documents = _read(path)
    if documents is None:
        documents = build()
        body = json.dumps(documents)
        keep(path, f"{sha256(body)}\n{body}".encode())
    return documents


def keep(path: Path, data: bytes) -> None:
    """Write a cache file if possible. On a read-only or full disk nothing is kept, so the next call builds again."""
    with contextlib.suppress(OSError):
        write_atomically(path, data)


def _read(path: Path) -> Documents | None:
    """The documents in `path`, or None when the file is missing or damaged."""
    try:
        digest, _, body = path.read_bytes().decode().partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return [tuple(document) for document in json.loads(body)] if sha256(body) == digest else None
