"""What a generated text costs: rows that move, FLOPs and seconds with and without a cache."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.config import require
from course_lib.figures import style

MARKERS = "os^Dv"


def relative_changes(changes: Mapping[str, Sequence[float]], floor: float) -> Figure:
    """Draw the relative change of each row on a logarithmic axis; values below `floor` are drawn at it."""
    with style.context():
        fig = Figure(figsize=(6.4, 3.0))
        ax = fig.add_subplot()
        for (name, values), marker in zip(changes.items(), MARKERS, strict=False):
            ax.semilogy(np.maximum(values, floor), marker=marker, markersize=3, label=name)
        ax.set(xlabel="row", ylabel="relative change", ylim=(floor / 3, None))
        ax.set_title("What one more token does to earlier rows")
        ax.legend(loc="center right")
    return fig


def flops_over_length(
    lengths: Sequence[int], panels: Mapping[str, tuple[Mapping[str, Sequence[int]], int]], context: int
) -> Figure:
    """Draw FLOPs over the length of a generated text, with a dotted line where the curves of a panel cross.

    panels: title -> ({name: FLOPs at each length}, the length at which they cross). context: the most tokens that the
    model reads; lengths up to it are shaded. Raises ValueError for no panels.
    """
    require(len(panels) > 0, "panels must hold at least one panel, got none")
    with style.context():
        fig = Figure(figsize=(8, 3.3))
        axes = fig.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (title, (lines, crossing)) in zip(axes, panels.items(), strict=True):
            for (name, values), marker in zip(lines.items(), MARKERS, strict=False):
                ax.loglog(lengths, values, marker=marker, markersize=3, label=name)
            ax.axvline(crossing, color="0.4", linestyle=":", linewidth=1)
            ax.axvspan(lengths[0], context, color="0.9", label="the model's context")
            ax.annotate(f"{crossing:,} tokens", (crossing, 0.04), (-4, 0), xycoords=("data", "axes fraction"),
                        textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
            ax.set(title=title, xlabel="tokens generated", xlim=(lengths[0], lengths[-1]))
        axes[0].set_ylabel("FLOPs in all")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def seconds_of_generation(timed: Sequence[int], seconds: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the measured time of the next token over the tokens so far, and the time of all tokens together.

    seconds: name -> the time at each length in `timed`. The sum interpolates the times of the lengths between these.
    """
    with style.context():
        fig = Figure(figsize=(8, 3.1))
        one, all_tokens = fig.subplots(1, 2)
        every = np.arange(timed[0], timed[-1] + 1)
        for (name, values), marker in zip(seconds.items(), MARKERS, strict=False):
            one.plot(timed, 1e3 * np.asarray(values), marker=marker, label=name)
            all_tokens.plot(every, np.cumsum(np.interp(every, timed, values)), label=name)
        one.set(title="the next token", xlabel="tokens so far", ylabel="ms", ylim=(0, None))
        all_tokens.set(title="all tokens", xlabel="tokens so far", ylabel="s", ylim=(0, None))
        one.legend(loc="upper left")
    return fig
