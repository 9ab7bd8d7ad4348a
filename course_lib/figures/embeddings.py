"""Pictures of embeddings: the look-up as a product, angles between the vectors of words, singular values."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import style

LARGEST = 2.5  # the value at the ends of the colour map of a look-up


def draw_numbers(ax: Axes, values: np.ndarray, title: str, rows: Sequence[str], columns: Sequence[str] = ()) -> None:
    """Draw a small matrix, coloured by sign and size, with each number in its cell and names of rows and columns."""
    ax.imshow(values, cmap=style.SIGNED, vmin=-LARGEST, vmax=LARGEST)
    for (i, j), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.6 * LARGEST else "black"
        ax.text(j, i, f"{value:.0f}" if columns else f"{value:.1f}", ha="center", va="center", fontsize=9, color=colour)
    ax.set_title(title, loc="center")
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xticks(range(len(columns)), columns, rotation=45)
    ax.grid(False)


def look_up(H: np.ndarray, E: np.ndarray, text: Sequence[str], vocabulary: Sequence[str]) -> Figure:
    """Draw the look-up of a text as a product, H E = X: three matrices with their numbers.

    H: (n, N_T), one-hot rows. E: (N_T, d). text: its n tokens. vocabulary: all N_T tokens.
    """
    with style.context():
        fig = Figure(figsize=(8, 2.9))
        axes = fig.subplots(1, 3, width_ratios=(len(vocabulary), E.shape[1], E.shape[1]))
        draw_numbers(axes[0], H, "$H$, one-hot", text, vocabulary)
        draw_numbers(axes[1], E, "$E$", vocabulary)
        draw_numbers(axes[2], H @ E, "$X = H E$", text)
    return fig


def angles_and_spectrum(unit: np.ndarray, names: Sequence[str], sigma: np.ndarray, d: int) -> Figure:
    """Draw the cosines between rows, and singular values on logarithmic axes with a line after the first d.

    unit: (n, d), rows of length 1, with their n names. sigma: falling.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 5.2))
        left, right = fig.subplots(1, 2, width_ratios=(5, 3))
        image = left.imshow(unit @ unit.T, cmap=style.WEIGHTS, vmin=0, vmax=1)
        left.set_xticks(range(len(names)), names, rotation=90)
        left.set_yticks(range(len(names)), names)
        left.grid(False)
        left.set_title("Cosine of the angle between rows of $E$")
        fig.colorbar(image, ax=left, shrink=0.7, label="cosine, 0 where negative")
        right.loglog(np.arange(len(sigma)) + 1, sigma / sigma[0])
        right.axvline(d, color="0.4", linestyle=":", linewidth=1)
        right.annotate(f"d = {d}", (d, 0.5), xytext=(6, 0), textcoords="offset points")
        right.set(title="Singular values", xlabel="$j + 1$", ylabel=r"$\sigma_j / \sigma_0$")
        right.set_ylim(1e-3, 1.2)
    return fig
