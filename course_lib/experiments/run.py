"""Carry out one job in its folder, and write its result last.

The folder is the truth about a job: it is finished when result.json is there. `carry_out` may be killed at any moment
and called again, by any process: it goes on from the last checkpoint and ends with the same numbers.
"""

import contextlib
import io
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import torch

from course_lib.experiments import together
from course_lib.experiments.job import Job
from course_lib.files import read_if_whole, write_atomically, write_json
from course_lib.training import DivergedError
from course_lib.training.folder import machine

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two processes must not work on the same sweep
    fcntl = None

RESULT, DOCUMENTS, FAILURE, LOCK = "result.json", "documents.parquet", "failure.json", "lock"
TRIES = 3  # a job that raises an error as often is not tried again


def carry_out(job: Job, sweep: Path) -> None:
    """Bring a job to its result, or note in failure.json that a try of it failed and why.

    Raises OSError when a file cannot be read or written, which does not count as a failed try: the other jobs would
    fail, too. Two processes that are given the same job wait for each other. Where processes share the job, an error
    raises SystemExit, and does not count as a failed try: another process may have been killed, and this one cannot
    know.
    """
    folder = job.folder(sweep)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), computing_with(job.threads):
        if result_of(folder) is None:
            try:
                with together.ending_all(job):
                    finish(job, folder, sweep)
            except OSError:
                raise
            except Exception as error:  # whatever it is: the other jobs have to go on
                note_failure(job, sweep, error)
                return
        (folder / FAILURE).unlink(missing_ok=True)


def finish(job: Job, folder: Path, sweep: Path) -> None:
    """Write documents.parquet, then result.json. A job that diverges has that as its result, and no documents."""
    began = time.perf_counter()
    try:
        found, rows = job.finish(folder, sweep)
    except DivergedError as error:
        write_json(folder / RESULT, job.describe() | {"diverged": str(error), "machine": machine()})
        return
    write_documents(folder / DOCUMENTS, rows)
    bring_to_disk(folder / DOCUMENTS)  # so that a loss of power leaves no result without its documents
    took = {"seconds": round(time.perf_counter() - began, 1), "machine": machine()}
    write_json(folder / RESULT, job.describe() | found | took)


def bring_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_documents(path: Path, rows: list[dict]) -> None:
    """Write rows as a small Parquet file, whole or not at all.

    Rows are few and mostly different, so dictionaries and statistics would take more bytes than they save.
    """
    file = io.BytesIO()
    small = {"compression": "zstd", "compression_level": 19, "use_dictionary": ["split"]}
    small |= {"write_statistics": False, "store_schema": False}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file, **small)
    write_atomically(path, file.getvalue())


def read_documents(folder: Path) -> list[dict]:
    """The rows that a finished job wrote: see `Job.finish`."""
    return pyarrow.parquet.read_table(folder / DOCUMENTS).to_pylist()


def note_failure(job: Job, sweep: Path, error: BaseException) -> None:
    """Count a failed try in failure.json, with its reason and where it was raised."""
    folder = job.folder(sweep)
    reasons = [*failure_of(folder).get("reasons", []), f"{type(error).__name__}: {error}"]
    where = "".join(traceback.format_exception(error))
    write_json(folder / FAILURE, job.describe() | {"tries": len(reasons), "reasons": reasons, "traceback": where})


def failure_of(folder: Path) -> dict:
    """What failure.json holds; {} if there is none, or none that can be read."""
    return read_if_whole(folder / FAILURE) or {}


def given_up(folder: Path) -> bool:
    """Whether the job failed TRIES times."""
    return failure_of(folder).get("tries", 0) >= TRIES


def result_of(folder: Path) -> dict | None:
    """What result.json holds; None if there is none, or none that can be read."""
    return read_if_whole(folder / RESULT)


def settled(job: Job, sweep: Path) -> bool:
    """Whether nothing is left to do for a job: it has a result, or it is given up."""
    folder = job.folder(sweep)
    return result_of(folder) is not None or given_up(folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process works in this folder. The system gives the lock back when a process is killed."""
    with (folder / LOCK).open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def at_work(folder: Path) -> bool:
    """Whether a process works in this folder now."""
    if fcntl is None or not (folder / LOCK).exists():
        return False
    with (folder / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: another display may look, too
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Compute with so many threads of torch within this context."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
