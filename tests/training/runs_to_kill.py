"""A process that imports torch once and forks a training run for each line it reads, the arguments of `run` as JSON.

It answers with the run's process ids at once, and with their exit statuses when they have ended. A run kills itself
when a place is met for the time `when`, counted from 0, so that each place is hit at each run of the tests.
"""

import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of traps.py

import traps
from kinds import new

from course_lib.training import Recipe, train
from course_lib.training.log import Log, to_line


def half_a_line(append, log, **row):
    log.file.write(to_line(row)[:20])
    log.file.flush()


PLACES = traps.PLACES | {"half a line of the log": traps.Place(Log, "append", half_a_line)}


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
        traps.set_trap(PLACES[place], when)
    rank = int(os.environ.get("RANK", 0))
    model, data = new(kind, dropout, seed=rank)  # all processes take the weights of the first
    for parameter in model.parameters() if rank == rows else ():
        parameter.data = parameter.data.contiguous()
    traps.differ_by_chance()
    train(model, data, replace(RECIPE, **recipe), folder, "cpu", ())


def fork(options: dict, environment: dict[str, str]) -> int:
    """The process id of a new run."""

    def work() -> None:
        os.environ.update(environment)
        run(**options)

    return traps.forked(work)


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
    traps.prepare()
    for line in sys.stdin:
        options = json.loads(line)
        children = [fork(options, environment) for environment in environments(options.pop("processes"))]
        print(*children, flush=True)
        print(*map(traps.status, children), flush=True)


if __name__ == "__main__":
    serve()
