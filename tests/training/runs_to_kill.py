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
from pathlib import Path

import torch
from torch import nn

from course_lib.training import NextTokenData, Recipe, train
from course_lib.training.log import Log, to_line
from course_lib.training.trainer import Training


class Model(nn.Module):
    """Has dropout, whose random numbers must be the same after a resumption."""

    def __init__(self, dropout: float):
        super().__init__()
        torch.manual_seed(3)
        self.embedding, self.dropout = nn.Embedding(11, 7), nn.Dropout(dropout)
        self.hidden, self.norm, self.output = nn.Linear(7, 13), nn.LayerNorm(13), nn.Linear(13, 11)

    def forward(self, tokens):
        return self.output(self.norm(torch.relu(self.hidden(self.dropout(self.embedding(tokens))))))


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


def run(folder: str, place: str | None = None, when: int = 0, steps: int = 33, dropout: float = 0.3) -> None:
    if place is not None:
        set_trap(place, when)
    text = torch.randint(0, 11, (1_000,), generator=torch.Generator().manual_seed(0))
    data = NextTokenData((text[:900], text[900:]), [b"."] * 11, 5, 6)
    recipe = Recipe(steps=steps, learning_rate=0.01, warmup=3, evaluate_every=10, checkpoint_every=4, log_every=1)
    model = Model(dropout)
    torch.manual_seed(int.from_bytes(os.urandom(4), "big"))  # a new process has other random numbers
    train(model, data, recipe, folder, "cpu", ())


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
    torch.optim.AdamW(Model(0).parameters())  # the first optimiser of a process loads torch's compiler, for seconds
    for line in sys.stdin:
        options = json.loads(line)
        children = [fork(options, environment) for environment in environments(options.pop("processes"))]
        print(*children, flush=True)
        print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)


if __name__ == "__main__":
    serve()
