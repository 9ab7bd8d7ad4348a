"""A process that imports torch once and forks a training run for each line it reads, the arguments of `run` as JSON.

It answers with the run's process ids at once, and with their exit statuses when they have ended. A run kills itself
when a place is met for the time `when`, counted from 0, so that each place is hit at each run of the tests.
"""

import json
import os
import signal
import socket
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import torch
from kinds import new

from course_lib.training import Recipe, train
from course_lib.training.log import Log, to_line
from course_lib.training.trainer import Training


def half_a_file(write, path, content):
    write(path, content[: len(content) // 2])


def half_a_line(append, log, **row):
    log.file.write(to_line(row)[:20])
    log.file.flush()


def nothing(*arguments, **options):
    pass


def all_of_it(function, *arguments, **options):
    function(*arguments, **options)


# Where a run can die: the method during which, and how much of it is done by then.
PLACES = {
    "step": (Training, "step", nothing),
    "update": (torch.optim.AdamW, "step", all_of_it),
    "half the file": (Path, "write_bytes", half_a_file),
    "before the rename": (os, "replace", nothing),
    "after the rename": (os, "replace", all_of_it),
    "half a line of the log": (Log, "append", half_a_line),
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


RECIPE = Recipe(steps=33, learning_rate=0.01, warmup=3, evaluate_every=10, checkpoint_every=4, log_every=1)


def run(
    folder: str,
    kind: str = "latent",
    place: str | None = None,
    when: int = 0,
    dropout: float = 0.3,
    rows: int | None = None,
    **recipe,
) -> None:
    """Train a model of `kinds` by RECIPE, of which `recipe` changes fields. In process `rows` it lies row by row."""
    if place is not None:
        set_trap(place, when)
    rank = int(os.environ.get("RANK", 0))
    model, data = new(kind, dropout, seed=rank)  # all processes take the weights of the first
    for parameter in model.parameters() if rank == rows else ():
        parameter.data = parameter.data.contiguous()
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))  # a new process has other random numbers
    train(model, data, replace(RECIPE, **recipe), folder, "cpu", ())


def fork(options: dict, environment: dict[str, str]) -> int:
    """The process id of a new run."""
    child = os.fork()
    if child == 0:
        try:
            os.environ.update(environment)
            run(**options)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def environments(processes: int) -> list[dict[str, str]]:
    """What torchrun sets in each process."""
    if processes == 1:
        return [{}]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def serve() -> None:
    torch.set_num_threads(1)
    torch.optim.AdamW([torch.zeros(1)])  # the first optimiser of a process loads torch's compiler, for seconds
    for line in sys.stdin:
        options = json.loads(line)
        children = [fork(options, environment) for environment in environments(options.pop("processes"))]
        print(*children, flush=True)
        print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)


if __name__ == "__main__":
    serve()
