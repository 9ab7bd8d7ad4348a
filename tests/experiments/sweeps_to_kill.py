"""A process that imports torch once and forks a tiny sweep for each line it reads: [folder, place or null, when].

The sweep kills itself when a place is met for the time `when`, counted from 0. The process answers with the sweep's
process id at once, and with its exit status when it has ended.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import tiny
import torch

from course_lib.experiments import run, training
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display
from course_lib.experiments.scheduler import Sequential, settle
from course_lib.training.trainer import Training


def nothing(*arguments, **options):
    pass


def all_of_it(function, *arguments, **options):
    function(*arguments, **options)


def half_a_file(write, path, content):
    write(path, content[: len(content) // 2])


# Where a sweep can die: the function during which, and how much of it is done by then.
PLACES = {
    "step": (Training, "step", nothing),
    "update": (torch.optim.AdamW, "step", all_of_it),
    "half the file": (Path, "write_bytes", half_a_file),
    "before the rename": (os, "replace", nothing),
    "after the rename": (os, "replace", all_of_it),
    "evaluation": (training, "document_losses", nothing),
    "documents": (run, "write_documents", all_of_it),
    "result": (run, "write_json", all_of_it),
}


def set_trap(place: str, when: int) -> None:
    owner, name, part = PLACES[place]
    function, calls = getattr(owner, name), 0

    def trapped(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls > when:
            part(function, *arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    setattr(owner, name, trapped)


def carry_out(folder: str, place: str | None, when: int) -> None:
    if place is not None:
        set_trap(place, when)
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))  # a new process has other random numbers
    sweep = tiny.new_sweep(Path(folder))
    with Sequential() as executor, Display(sweep.folder) as display:
        settle(EXPERIMENTS["equal-cache"], sweep, executor, display)


def fork(folder: str, place: str | None, when: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            sys.stdout = sys.stderr  # the answers to the test go through the other one
            carry_out(folder, place, when)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.optim.AdamW([torch.zeros(1)])  # the first optimiser of a process loads torch's compiler, for seconds
    for line in sys.stdin:
        child = fork(*json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
