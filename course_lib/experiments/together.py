"""What the processes of one run tell each other when torchrun started several.

    torchrun --nproc-per-node 2 -m course_lib experiment equal-cache --preset gpu --sequential

Process 0 decides which job is next, evaluates and writes all files. It announces a job when it begins to train, and the
others train along: each takes its share of every batch. Without torchrun nothing here does anything.
"""

import contextlib
import traceback
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch

from course_lib.experiments.job import Job
from course_lib.training.distributed import Place, placed

PATIENCE = timedelta(days=7)  # while process 0 evaluates the others wait, longer than torch's ten minutes at times
_channel: "torch.distributed.ProcessGroup | None" = None  # of announcements; None in a process that is alone


@contextlib.contextmanager
def joined(device: str) -> Iterator[Place]:
    """Join this process to the others for the `with` block. At its end process 0 tells them that no job is left."""
    global _channel
    with placed(device, "float32") as place:
        if place.processes > 1:
            _channel = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
        try:
            yield place
            if place.leads:
                announce(None)
        finally:
            _channel = None


def announce(task: tuple[Job, Path] | None) -> None:
    """In process 0: tell the others which job to train in which sweep, or None when no job is left."""
    if _channel is not None:
        torch.distributed.broadcast_object_list([task], 0, _channel)


def announced() -> tuple[Job, Path] | None:
    """In the others: wait for what process 0 announces. Raises SystemExit when process 0 has ended."""
    task: list = [None]
    try:
        torch.distributed.broadcast_object_list(task, 0, _channel)
    except RuntimeError as error:
        rank = torch.distributed.get_rank()
        raise SystemExit(f"Process {rank} ends, since process 0 is not heard any more: {error}") from error
    return task[0]


@contextlib.contextmanager
def ending_all(job: Job) -> Iterator[None]:
    """Let an error end this process if it shares the job, since the others would wait for it. torchrun then ends them.

    Raises SystemExit with the reason.
    """
    try:
        yield
    except Exception as error:  # whatever it is
        if _channel is None:
            raise
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        raise SystemExit(f"Error: process {torch.distributed.get_rank()} failed in {job}: {reason}") from error
