"""Pictures of texts that share a batch or a prefix: which positions are cached, made in a step, or padding."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib.config import require
from course_lib.figures import style
from course_lib.figures.caching import CACHED, MADE_NOW, grid, legend, square, token_rows


def padded_batch(lengths: Sequence[int], new: int) -> Figure:
    """Draw prompts of several lengths in one batch after the prefill and after `new` steps.

    Each text goes on at its own position. Raises ValueError unless the lengths are positive.
    """
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
    """Draw one cached prefix and, in a line for each question, the rows that this question adds to it.

    questions: the length of each. Raises ValueError unless all lengths are positive.
    """
    good = prefix > 0 and min(questions, default=0) > 0
    require(good, f"prefix and questions must be positive, got {prefix} and {list(questions)}")
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
