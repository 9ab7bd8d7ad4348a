"""Kernel regression at several bandwidths, and the gradient of a softmax at several widths, as curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.figures import style


def regressions(x: np.ndarray, truth: np.ndarray, data, estimates: Mapping[float, np.ndarray]) -> Figure:
    """Draw kernel regressions, one panel for each bandwidth, each with the data and the truth.

    x: (n,). truth: (n,), at x. data: two arrays (N,), the x_j and the y_j. estimates: bandwidth -> (n,), at x.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.2))
        axes = fig.subplots(1, len(estimates), sharey=True, squeeze=False)[0]
        for ax, (bandwidth, estimate) in zip(axes, estimates.items(), strict=True):
            ax.plot(*data, ".", color="0.6", label="data: keys and values")
            ax.plot(x, truth, color="0.3", linestyle=":", label="truth")
            ax.plot(x, estimate, color=style.PALETTE[0], linestyle="-", label="estimate")
            ax.set_title(f"bandwidth {bandwidth}", fontsize=10)
            ax.set_xlabel("$x$ (the query)")
        axes[0].set_ylabel("$y$")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def by_width(widths: Sequence[int], looked_at: Mapping[str, np.ndarray], gradients: Mapping[str, np.ndarray]) -> Figure:
    """Draw, over the width d_QK, the mean number of keys looked at and the norm of the gradient with its spread.

    looked_at, gradients: name -> (widths, queries), two names.

    The band of the norm holds the middle 80 % of the queries; the lines are the median and, dotted, the mean of all.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 4.0))
        left, right = fig.subplots(1, 2)
        for name, marker, colour in zip(looked_at, "so", (style.PALETTE[0], style.PALETTE[1]), strict=True):
            low, median, high = np.quantile(gradients[name], (0.1, 0.5, 0.9), axis=-1)
            left.plot(widths, np.mean(looked_at[name], axis=-1), color=colour, marker=marker, label=name)
            right.plot(widths, median, color=colour, marker=marker, label=f"{name}: median")
            right.plot(
                widths, np.mean(gradients[name], axis=-1), ":", color=colour, linewidth=1.5, label=f"{name}: mean"
            )
            right.fill_between(widths, low, high, color=colour, alpha=0.2, linewidth=0, label=f"{name}: 10 to 90 %")
        left.set_title("keys looked at, $e^{entropy}$", fontsize=10)
        left.set_ylim(bottom=0)
        right.set_title(r"gradient $|\partial p / \partial q|$", fontsize=10)
        right.set(yscale="log", ylim=(1e-3, 30))
        for ax in (left, right):
            ax.set(xscale="log", xlabel="$d_{QK}$")
            ax.set_xticks(widths, [str(width) for width in widths])
            ax.minorticks_off()
        fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
