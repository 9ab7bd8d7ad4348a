"""The losses of a training run as a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_lib.config import is_whole, require
from course_lib.figures import style

WIDE = 10  # the axis is logarithmic where losses span more than this factor


def loss_curves(rows: Sequence[dict], steps: int) -> Figure:
    """Draw the training loss and the validation loss of a run, in nats per token, over its steps.

    rows: the lines of the run's log, as `course_lib.training.log.read` gives them. steps: the number of steps of the
    whole run; the axis goes so far from the first picture on. Raises ValueError unless it is a positive integer.
    """
    require(is_whole(steps), f"steps must be a positive integer, got {steps!r}")
    lines = {
        "training": [(row["step"], row["loss"]) for row in rows if "loss" in row],
        "validation": [(row["step"], row["validation"]["nats_per_token"]) for row in rows if "validation" in row],
    }
    losses = [loss for points in lines.values() for _, loss in points]
    with style.context():
        fig = Figure(figsize=(6.4, 3.2))
        ax = fig.add_subplot()
        for (name, points), look in zip(lines.items(), ({"linewidth": 1.2}, {"marker": "o"}), strict=True):
            ax.plot(*zip(*points, strict=True) if points else ((), ()), label=name, **look)
        if losses and min(losses) > 0 and max(losses) > WIDE * min(losses):
            ax.set_yscale("log")
        ax.set(xlim=(0, steps), xlabel="step", ylabel="loss, nats per token")
        ax.legend(loc="upper right")
    return fig
