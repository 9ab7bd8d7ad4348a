"""What a decode step takes besides arithmetic: steps of models so narrow that their products take hardly any time."""

import warnings
from collections.abc import Sequence

import torch

from course_lib.bench.decode_contenders import SIZES, VARIANTS, Contender, contenders
from course_lib.bench.timing import Timing, time_each

NARROW = {"hidden_size": 64, "intermediate_size": 64, "vocab_size": 64}
PROMPT, ROUNDS, BLOCK, WARM_UP = 16, 10, 20, 10  # tokens; blocks in which each contender in turn is timed


@torch.inference_mode()
def measure(variants: Sequence[str] = tuple(VARIANTS)) -> list[dict]:
    """A row for each contender of each variant: microseconds per layer, their quartiles, and in units of the course's.

    Raises ValueError without the package transformers.
    """
    rows = []
    for name in variants:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of transformers, about names of arguments
            running = contenders(VARIANTS[name], SIZES | NARROW)[1]
            times = [Timing(seconds) for seconds in in_turn(running)]
        rows += [
            {
                "variant": name,
                "implementation": contender.name,
                "us_per_layer": per_layer(timing.median),
                "us_quartiles": tuple(map(per_layer, timing.quartiles)),
                "times": timing.median / times[0].median,
            }
            for contender, timing in zip(running, times, strict=True)
        ]
    return rows


def in_turn(running: Sequence[Contender]) -> list[tuple[float, ...]]:
    """Seconds of each contender's steps, block by block in turn, so that all meet the same moods of the machine."""
    prompt = torch.arange(PROMPT)[None]
    for contender in running:
        contender.prefill(prompt, WARM_UP + ROUNDS * BLOCK)
    blocks = [WARM_UP] + [BLOCK] * ROUNDS
    found: list[list[float]] = [[] for _ in running]
    for number, steps in enumerate(blocks):
        for contender, seconds in zip(running, found, strict=True):
            timed = time_each([lambda contender=contender: contender.step(prompt[:, :1])] * steps).seconds
            seconds += timed if number else ()  # the first block warms up
    return [tuple(seconds) for seconds in found]


def per_layer(seconds: float) -> float:
    """Microseconds."""
    return 1e6 * seconds / SIZES["num_hidden_layers"]
