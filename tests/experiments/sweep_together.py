"""The command `experiment equal-cache` on a tiny sweep, for torchrun. Arguments: folder [process place when].

The process of that number, counted from 0, ends when it meets the place for the time `when`, counted from 0.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of traps.py

import tiny
import traps

from course_lib import cli
from course_lib.experiments import presets
from course_lib.training.trainer import Training

# Two processes share four sequences.
PRESET = replace(tiny.PRESET, sequences=4, seeds=1, more_seeds={}, arms=("MHA", "GQA2"))


def no_room(*arguments):
    raise MemoryError("no room")


PLACES = traps.PLACES | {"error": traps.Place(Training, "step", no_room)}


def main(folder: str, rank: str = "", place: str = "", when: str = "0") -> None:
    if os.environ.get("RANK") == rank:
        traps.set_trap(PLACES[place], int(when))
    traps.differ_by_chance()
    presets.PRESETS = {"tiny": PRESET}
    tokens = Path(folder).with_suffix(".tokens")
    command = ["experiment", "equal-cache", "--preset", "tiny", "--sequential"]
    cli.app([*command, "--corpus", "tiny", "--folder", folder, "--tokens", str(tokens)])


if __name__ == "__main__":
    main(*sys.argv[1:])
