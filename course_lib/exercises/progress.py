"""Note which exercises were passed, in a local file, and count them without names in the room of a workshop.

The local file has a line for each passed exercise: its id. It lies where the system keeps data of programs, or in the
folder that COURSE_PROGRESS names. COURSE_PROGRESS=off keeps nothing.

A room is a folder that all participants of a workshop can write; COURSE_ROOM names it. Each of them has a file there,
under a random name, with the ids of the passed exercises, and `counts` adds them up. On a shared system the file
belongs to its participant's account, so whoever may list the folder can see who passed what.
"""

import contextlib
import os
import re
import uuid
from collections import Counter
from pathlib import Path

import platformdirs

from course_lib.files import write_atomically
from course_lib.places import place

FEWEST = 3  # a smaller count would say too much about one person
ID = re.compile(r"\d+\.\d+")


def folder() -> Path:
    """The folder of the local file. It need not exist yet."""
    return place("COURSE_PROGRESS", platformdirs.user_data_path)


def passed() -> set[str]:
    """Ids of the passed exercises. Lines of the file that are no ids are left out."""
    return _ids(folder() / "passed.txt")


def record(exercise_id: str) -> str:
    """Note that an exercise was passed. Returns a sentence if the local file could not be written, else "".

    A room that cannot be written is passed over in silence.
    """
    if os.environ.get("COURSE_PROGRESS") == "off":
        return ""
    lost = ""
    try:
        if exercise_id not in passed():
            _append(folder() / "passed.txt", exercise_id)
    except OSError as error:
        lost = f"This is not noted in your list of passed exercises, {folder()}: {error.strerror}."
    if shared := os.environ.get("COURSE_ROOM"):
        with contextlib.suppress(OSError):
            _tell(Path(shared))
    return lost


def counts(shared: Path) -> tuple[dict[str, int], int]:
    """Id -> how many participants of a room passed the exercise; and how many participants there are.

    An exercise that fewer than FEWEST passed is left out. Raises OSError for a folder that cannot be read.
    """
    files = [path for path in shared.iterdir() if path.suffix == ".txt"]
    found = Counter(i for path in files for i in _ids(path))
    return {i: count for i, count in found.items() if count >= FEWEST}, len(files)


def _ids(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line for line in lines if ID.fullmatch(line)}


def _append(path: Path, line: str) -> None:
    """Add a line in one write: two notebooks that pass exercises at the same time lose none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


def _tell(shared: Path) -> None:
    """Write what was passed under this participant's random name. A folder that does not exist is not made."""
    if not shared.is_dir():
        return
    own = folder() / "room-name.txt"
    if not own.exists():
        write_atomically(own, uuid.uuid4().hex.encode())
    lines = "".join(f"{i}\n" for i in sorted(passed()))
    told = shared / f"{own.read_text()}.txt"
    write_atomically(told, lines.encode())
    told.chmod(0o644)  # whoever counts has another account, and a strict umask would hide the file from it
