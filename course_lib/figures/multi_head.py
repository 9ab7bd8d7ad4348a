"""Curves about multi-head attention: times over the number of heads, singular values of logits and weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.figures import style


def times_by_heads(counts: Sequence[int], milliseconds: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Draw times over the number of heads. counts: numbers of heads. milliseconds: two names -> a time for each."""
    with style.context():
        fig = Figure(figsize=(6.4, 3.2))
        ax = fig.add_subplot()
        for (name, times), marker in zip(milliseconds.items(), "os", strict=True):
            ax.plot(counts, times, marker=marker, label=name)
        ax.set(xscale="log", xlabel="number of heads", ylabel="time (ms)")
        ax.set_title(title, fontsize=10)
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.minorticks_off()
        ax.set_ylim(bottom=0)
        ax.legend()
    return fig


def singular_values(matrices: Mapping[str, np.ndarray], d_qk: int) -> Figure:
    """Draw the singular values of each matrix, divided by its largest, on a logarithmic axis, with a line after d_QK.

    matrices: name -> (n, N), three of them.
    """
    with style.context():
        fig = Figure(figsize=(6.4, 3.4))
        ax = fig.add_subplot()
        for (name, matrix), marker in zip(matrices.items(), "os^", strict=True):
            sigma = np.linalg.svd(matrix, compute_uv=False)
            ax.semilogy(np.arange(len(sigma)), sigma / sigma[0], marker=marker, markersize=3, label=name)
        ax.axvline(d_qk - 0.5, color="0.4", linestyle=":", label="after $d_{QK}$ values")
        ax.set(ylim=(1e-19, 5), xlabel="index $j$", ylabel=r"$\sigma_j / \sigma_0$")
        ax.set_title("Only the logits have no more than $d_{QK}$ singular values above 0", fontsize=10)
        ax.legend(loc="center", bbox_to_anchor=(0.5, 0.45))
    return fig
