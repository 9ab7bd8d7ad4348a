"""The learning rate of each step: a linear rise, then a fall along half a cosine."""

import math

from course_lib.training.recipe import Recipe


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of update `step`, counted from 0.

    It rises in `warmup` equal parts to the highest, then falls along a cosine. At the last step it is `final` times the
    highest (Loshchilov, Hutter, "SGDR", arXiv 1608.03983, without restarts).
    """
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    after, length = step - recipe.warmup, recipe.steps - recipe.warmup
    progress = min(1.0, after / max(1, length - 1))
    share = recipe.final + (1 - recipe.final) * 0.5 * (1 + math.cos(math.pi * progress))
    return recipe.learning_rate * share
