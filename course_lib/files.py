"""Files appear whole or not at all: written under a temporary name, then renamed."""

import os
import uuid
from pathlib import Path


def write_atomically(path: str | Path, data: bytes) -> None:
    """Make `path` hold `data`; a reader sees the old file or the new one, never a part. Parent folders are made.

    Raises OSError, and leaves no temporary file, when the folder cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, because a rename is atomic within one file system only; the name is unique, so that two
    # kernels writing the same cache do not share a temporary file.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
