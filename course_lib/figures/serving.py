"""Texts that share a batch or a prefix, as a picture: which positions are cached, which are made, which are padding."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib.config import require
from course_lib.figures import style
from course_lib.figures.caching import CACHED, MADE_NOW, grid, legend, square, token_rows


def padded_batch(lengths: Sequence[int], new: int) -> Figure:
    """Prompts of several lengths in one batch, at first and after `new` steps: each goes on at its own position."""
    require(min(lengths, default=0) > 0, f"lengths must hold positive numbers, got {list(lengths)}")
    with style.context():
        fig = Figure(figsize=(7.6, 0.36 * len(lengths) + 1.7))
        for ax, steps in zip(fig.subplots(1, 2, sharey=True), (0, new), strict=True):
            width = max(lengths) + new
            for row, length in enumerate(lengths):
                for position in range(width):
                    if position < length + steps:
                        token_rows(ax, position, row, CACHED if position < length else MADE_NOW)
                    elif position < max(lengths):
                        square(ax, position, row, facecolor="white", **style.HIDDEN)
            grid(ax, width, len(lengths), "position", "" if steps else "text", every=2)
            ax.set_title(f"after {steps} steps" if steps else "after the prefill", fontsize=11)
        legend(fig, {"made in a step": MADE_NOW, "from the prompt": CACHED}, hidden="padding, never seen")
    return fig


def shared_prefix(prefix: int, questions: Sequence[int]) -> Figure:
    """One prefix in the cache, and the rows of each question after it: made, answered, and cut off again."""
    require(prefix > 0 and min(questions, default=0) > 0, f"lengths must be positive, got {prefix}, {list(questions)}")
    with style.context():
        fig = Figure(figsize=(7.2, 0.36 * len(questions) + 1.6))
        ax = fig.add_subplot()
        for row, length in enumerate(questions):
            for position in range(prefix + length):
                token_rows(ax, position, row, CACHED if position < prefix else MADE_NOW)
        grid(ax, prefix + max(questions), len(questions), "position", "question", every=2)
        ax.set_title(f"a prefix of {prefix} tokens, read once", fontsize=11)
        legend(fig, {"made for this question": MADE_NOW, "of the prefix, cached": CACHED})
    return fig
