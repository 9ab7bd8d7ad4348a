"""Exercise 10.3: ranks of all layers from their singular values, at a budget for their sum."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage


def ranks_for_budget(singular_values, budget):
    gains = [np.square(s) / np.square(s).sum() for s in singular_values]  # what each direction saves
    layer = np.repeat(np.arange(len(gains)), [len(g) for g in gains])
    best = np.argsort(-np.concatenate(gains))[:budget]  # values fall within a layer, so these are its first ones
    return np.bincount(layer[best], minlength=len(gains)).tolist()


def _inputs(*layers, budget: int):
    return [np.array(layer) for layer in layers], budget


BUDGET = Exercise(
    id="10.3",
    title="a budget for all layers",
    minutes=6,
    difficulty=2,
    solution=ranks_for_budget,
    stages=(
        Stage(lambda: _inputs([3.0, 2.0, 1.0], budget=2), "one layer"),
        Stage(lambda: _inputs([3.0, 2.1, 0.4], [2.9, 0.6, 0.5], budget=3), "two layers of nearly equal norm"),
        Stage(lambda: _inputs([30.0, 29.0, 2.0, 1.0], [2.0, 1.9, 1.8, 1.7], budget=4), "one layer is much larger"),
        Stage(
            lambda: _inputs([9.0, 1.0, 0.9], [5.0, 4.9, 4.7, 4.0, 3.0], [1.0, 0.95, 0.1, 0.05], [7.0, 0.02], budget=7),
            "four layers with different numbers of values",
        ),
        Stage(lambda: _inputs([5.0, 0.1], [1.0, 1.0 - 1e-3, 0.99, 0.98], [1.0, 0.3], budget=2), "a layer with rank 0"),
    ),
    mistakes=(),
    hints=(
        "One more direction in layer k lowers the sum by sigma_kc^2 / sum_c sigma_kc^2. Do these gains rise or fall?",
        "They fall. So the R largest gains of all layers together are the first ones of each layer: take them.",
        "`np.argsort(-all_gains)[:R]` are the places of the largest; count how many belong to each layer.",
    ),
)
