"""A picture of a mixture of experts along a line through the space of rows."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.figures.transformer import smaller_titles


def along_a_line(t: np.ndarray, weights: np.ndarray, active: np.ndarray, outputs: Mapping[str, np.ndarray]) -> Figure:
    """Draw the experts' weights, thick where they are active, and coordinates of outputs, broken where experts change.

    t (n,): places on the line, rising. weights (n, experts) and active (n, experts), the latter boolean. outputs: label
    -> (n,), a number at each place.
    """
    changes = np.flatnonzero((active[1:] != active[:-1]).any(axis=1)) + 1
    with style.context():
        fig = Figure(figsize=(8.2, 3.3))
        left, right = fig.subplots(1, 2)
        colours = cycle(style.PALETTE)
        for weight, is_active in zip(weights.T, active.T, strict=True):
            colour = next(colours) if is_active.any() else "0.6"
            left.plot(t, weight, color=colour, linewidth=0.8, linestyle="-")
            left.plot(t, np.where(is_active, weight, np.nan), color=colour, linewidth=2.6, linestyle="-")
        for number, (label, values) in enumerate(outputs.items()):
            line = {"color": style.PALETTE[number], "linestyle": ("-", "--")[number % 2]}
            for place, piece in enumerate(np.split(np.arange(len(t)), changes)):
                right.plot(t[piece], values[piece], label=label if place == 0 else None, **line)
        for ax in (left, right):
            for change in changes:
                ax.axvline((t[change - 1] + t[change]) / 2, color="0.5", linewidth=0.7, linestyle=":")
            ax.set(xlabel="place on the line", xlim=(t[0], t[-1]))
        left.set(title="Weights of the experts (thick: active)")
        left.set_ylim(bottom=0)
        right.set(title="One coordinate of the output")
        right.legend(fontsize=9)
        smaller_titles((left, right))
    return fig
