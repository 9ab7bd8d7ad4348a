"""For processes that tests kill: places where a process kills itself with SIGKILL, and a fork that runs a function.

A script in a folder of tests adds this folder to its path and imports this module; tests do not.
"""

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from course_lib.training.trainer import Training


class Place(NamedTuple):
    """Where a process can die: the function during which, and how much of that is done by then."""

    owner: object
    name: str
    part: Callable  # called with the function and its arguments, just before the process dies


def nothing(function, *arguments, **options):
    pass


def all_of_it(function, *arguments, **options):
    function(*arguments, **options)


def half_a_file(write, path, content):
    write(path, content[: len(content) // 2])


PLACES = {
    "step": Place(Training, "step", nothing),
    "update": Place(torch.optim.AdamW, "step", all_of_it),
    "half the file": Place(Path, "write_bytes", half_a_file),
    "before the rename": Place(os, "replace", nothing),
    "after the rename": Place(os, "replace", all_of_it),
}


def set_trap(place: Place, when: int) -> None:
    """Let this process kill itself when the place is met for the time `when`, counted from 0."""
    function, calls = getattr(place.owner, place.name), 0

    def trapped(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls > when:
            place.part(function, *arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    setattr(place.owner, place.name, trapped)


def forked(work: Callable[[], None]) -> int:
    """The id of a new process that does the work and ends: with status 0, or 1 after an exception."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def prepare() -> None:
    """Load what each forked process needs, once."""
    torch.set_num_threads(1)
    torch.optim.AdamW([torch.zeros(1)])  # the first optimiser of a process loads torch's compiler, for seconds


def differ_by_chance() -> None:
    """Give torch's generator another state, as a new process may have."""
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))


def status(child: int) -> int:
    """Wait for the end of a process; its exit status, or minus the number of the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
