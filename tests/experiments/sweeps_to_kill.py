"""A process that imports torch once and forks a tiny sweep for each line it reads: [folder, place or null, when].

The sweep kills itself when a place is met for the time `when`, counted from 0. The process answers with the sweep's
process id at once, and with its exit status when it has ended.
"""

import json
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of traps.py

import tiny
import traps

from course_lib.experiments import run, training
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display
from course_lib.experiments.scheduler import Sequential, settle

PLACES = traps.PLACES | {
    "evaluation": traps.Place(training, "document_losses", traps.nothing),
    "documents": traps.Place(run, "write_documents", traps.all_of_it),
    "result": traps.Place(run, "write_json", traps.all_of_it),
}


def carry_out(folder: str, place: str | None, when: int) -> None:
    sys.stdout = sys.stderr  # the answers to the test go through the other one
    if place is not None:
        traps.set_trap(PLACES[place], when)
    traps.differ_by_chance()
    sweep = tiny.new_sweep(Path(folder))
    with Sequential() as executor, Display(sweep.folder) as display:
        settle(EXPERIMENTS["equal-cache"], sweep, executor, display)


if __name__ == "__main__":
    traps.prepare()
    for line in sys.stdin:
        child = traps.forked(partial(carry_out, *json.loads(line)))
        print(child, flush=True)
        print(traps.status(child), flush=True)
