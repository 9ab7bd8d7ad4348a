"""Pictures of positions: sinusoids and shifts, rotary pairs as clocks, layouts of pairs, wavelengths, losses, ranks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Rectangle, Wedge

from course_lib.figures import motifs, style
from course_lib.figures.attention import HALF_LIGHT
from course_lib.reference.positions import frequencies, sinusoidal

QUERY, KEY = motifs.THINGS["Q"].light, motifs.THINGS["K"].light
BLOCK = 16  # positions whose losses are drawn as one point
DASHED = {"color": "0.4", "linestyle": "--", "linewidth": 1}


def sines(positions: int, width: int, pairs: Sequence[int], shift: int) -> Figure:
    """Draw sinusoidal positions: the rows as columns of a picture, and some pairs on circles, turned by two shifts.

    positions, width: the shape of the rows. pairs: the indices drawn on circles. Both shifts are by `shift` positions,
    from 0 and from `shift` on, and turn a pair by the same angle.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 2.9))
        left, *circles = fig.subplots(1, 1 + len(pairs), width_ratios=[1.6, *[1] * len(pairs)])
        rows = sinusoidal(np.arange(positions), width)
        left.imshow(rows.T, cmap=style.WEIGHTS, aspect="auto", vmin=-1, vmax=1)
        left.set(xlabel="position $m$", ylabel="column", xticks=range(0, positions + 1, 20))
        left.set_title(f"Rows $a_m$ as columns, $d = {width}$", fontsize=10)
        left.grid(visible=False)
        for ax, pair in zip(circles, pairs, strict=True):
            theta = frequencies(width, 1e4)[pair]
            circle_of_pair(ax, theta, shift)
            ax.set_title(f"Pair {pair}:\n${shift}\\,\\theta_{pair} = {shift * theta:.2f}$", fontsize=10)
    return fig


def circle_of_pair(ax: Axes, theta: float, shift: int) -> None:
    """Draw a pair at positions 0 to 2 shift, sine to the right and cosine upwards, and both shifts as arrows."""
    ax.add_patch(Circle((0, 0), 1, fill=False, edgecolor="0.75"))
    positions = np.arange(2 * shift + 1)
    ax.plot(*on_circle(theta * positions), "o", color="0.6", markersize=4)
    for start, colour, radius in ((0, style.PALETTE[0], 0.94), (shift, style.PALETTE[1], 0.76)):
        path = radius * on_circle(theta * np.linspace(start, start + shift, 50))
        ax.plot(*path, color=colour, linestyle="-", linewidth=1.6)
        ax.annotate("", path[:, -1], path[:, -4], arrowprops={"arrowstyle": "->", "color": colour})
    for m in (0, shift, 2 * shift):
        ax.text(*1.24 * on_circle(theta * m), str(m), ha="center", va="center", fontsize=9)
    ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal")
    ax.set_axis_off()


def on_circle(angle) -> np.ndarray:
    """Points (2, ...) that begin at the top and run clockwise, as the hands of a clock do."""
    return np.stack([np.sin(angle), np.cos(angle)])


def hands_together(query: np.ndarray, key: np.ndarray, theta: np.ndarray, places: Sequence[tuple[int, int]]) -> Figure:
    """Draw the rotary pairs of a query and a key as clocks with two hands, one row of clocks for each pair.

    query, key: (pairs,), the angles of the hands at position 0, in radians clockwise from the top. theta: (pairs,), by
    how much they turn from a position to the next. places: the positions (m, n) of query and key, one for each column.
    """
    with style.context():
        fig = Figure(figsize=(1.5 * len(places) + 0.9, 1.35 * len(theta) + 0.7))
        axes = fig.subplots(len(theta), len(places), squeeze=False)
        for (row, column), ax in np.ndenumerate(axes):
            m, n = places[column]
            clock(ax, query[row] + m * theta[row], key[row] + n * theta[row])
            if row == 0:
                ax.set_title(f"$m = {m},\\ n = {n}$", fontsize=10, loc="center")
            if column == 0:
                ax.text(-1.25, 0, f"pair {row}", ha="right", va="center", fontsize=9)
        labels = ((QUERY, "query"), (KEY, "key"))
        handles = [Patch(color=colour, label=label) for colour, label in labels]
        between = Patch(facecolor="white", edgecolor="0.45", hatch=motifs.ROTARY, label="angle between them")
        fig.legend(handles=[*handles, between], loc="outside lower center", ncols=3)
    return fig


def clock(ax: Axes, query: float, key: float) -> None:
    """Draw two hands at these angles (radians clockwise from the top), and the smaller angle between them."""
    ax.add_patch(Circle((0, 0), 1, facecolor="white", edgecolor="0.75"))
    difference = (query - key + np.pi) % (2 * np.pi) - np.pi
    first, last = np.degrees(np.pi / 2 - np.array([key + max(difference, 0), key + min(difference, 0)]))
    ax.add_patch(Wedge((0, 0), 0.45, first, last, facecolor="white", edgecolor="0.45", hatch=motifs.ROTARY))
    for angle, colour in ((query, QUERY), (key, KEY)):
        ax.annotate("", on_circle(angle), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2,
                                                              "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    ax.set_axis_off()


def layouts(width: int) -> Figure:
    """Draw where both layouts of rotary pairs put the columns of a row: a line for each column, a colour for each pair.

    The first layout pairs neighbours 2i, 2i + 1; the second one pairs i and i + width / 2.
    """
    order = np.concatenate([np.arange(0, width, 2), np.arange(1, width, 2)])
    with style.context():
        fig = Figure(figsize=(6.6, 2.3))
        ax = fig.add_subplot()
        for place in range(width):
            for row, column in ((1.0, place), (0.0, order[place])):
                light = column // 2 / max(width // 2 - 1, 1)
                look = {"facecolor": colormaps[style.WEIGHTS](light), "edgecolor": "white", "linewidth": 2}
                ax.add_patch(Rectangle((place, row), 1, 0.42, **look))
                ink = "white" if light < HALF_LIGHT else "black"
                ax.text(place + 0.5, row + 0.21, str(column), color=ink, ha="center", va="center", fontsize=10)
            ax.plot([order[place] + 0.5, place + 0.5], [0.98, 0.44], color="0.55", linewidth=1, linestyle="-")
        for row, text in ((1.21, "neighbours\n$2i,\\ 2i + 1$"), (0.21, "halves\n$i,\\ i + p/2$")):
            ax.text(-0.3, row, text, ha="right", va="center", fontsize=9)
        ax.set(xlim=(-2.2, width + 0.1), ylim=(-0.05, 1.5))
        ax.set_axis_off()
    return fig


def wavelengths_and_fading(width: int, bases: Sequence[float], length: int, distances: np.ndarray) -> Figure:
    """Draw the wavelengths of all rotary pairs, and over the distance the mean score of a key equal to the query.

    length: marked among the wavelengths. distances: at least 1.

    The dashed estimate is 1 - (log s + gamma) / log(base), with Euler's constant gamma.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.5))
        left, right = fig.subplots(1, 2)
        for base, marker, colour in zip(bases, "os", style.PALETTE, strict=False):
            theta = frequencies(width, base)
            left.plot(2 * np.pi / theta, marker=marker, markevery=8, color=colour, label=f"base {base:,.0f}")
            g = np.cos(distances[:, None] * theta).mean(axis=1)
            right.plot(distances, g, color=colour, linestyle="-", linewidth=0.7, label=f"base {base:,.0f}")
            estimate = 1 - (np.log(distances) + np.euler_gamma) / np.log(base)
            right.plot(distances, estimate, color="0.1", linestyle="--", linewidth=1.2)
        left.axhline(length, **DASHED)
        left.text(0, 1.15 * length, f"{length:,} positions", va="bottom", fontsize=9)
        left.set(yscale="log", xlabel="pair $i$", ylabel="positions", title=f"Wavelength $\\lambda_i$, $p = {width}$")
        left.legend(loc="lower right")
        right.plot([], [], linestyle="--", color="0.1", linewidth=1.2, label="estimate")
        right.set(xscale="log", xlabel="distance $s$", title="Mean score $g(s)$ of $k = q$", ylim=(-0.15, 1.05))
        right.legend(loc="lower left")
    return fig


def losses(panels: Mapping[str, Mapping[str, np.ndarray]], length: int) -> Figure:
    """Draw losses over the position, each point the mean of 16 positions; a line marks the training length.

    panels: title -> name -> (positions,), nats per character.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 4.0))
        axes = fig.subplots(1, len(panels), sharey=True)
        for ax, (title, curves) in zip(axes, panels.items(), strict=True):
            for (name, curve), marker in zip(curves.items(), "ovsD^", strict=False):
                blocks = curve.reshape(-1, BLOCK).mean(axis=1)
                ax.plot(BLOCK * np.arange(len(blocks)) + BLOCK / 2, blocks, marker=marker, label=name)
            ax.axvline(length, **DASHED)
            ax.text(length + 3, 1.83, "training length", fontsize=9)
            ax.set(xlabel="position", xticks=range(0, 257, 64), ylim=(1.8, 3.4))
            ax.set_title(title, fontsize=10)
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)
        axes[0].set_ylabel("cross-entropy loss, nats per character")
    return fig


def singular_values(plain: np.ndarray, rotated: np.ndarray, d_latent: int) -> Figure:
    """Draw the singular values, falling, of keys from a latent of width d_latent, before and after their rotation."""
    with style.context():
        fig = Figure(figsize=(6.4, 3.2))
        ax = fig.add_subplot()
        count = np.arange(len(rotated))
        ax.plot(count[:d_latent], plain[:d_latent] / plain[0], color=KEY, marker="s", linestyle="--",
                label="keys $L\\,W^{LK}$")  # fmt: skip
        ax.plot(count, rotated / rotated[0], color=KEY, marker="o", markersize=4, linestyle="-", label="rotated keys")
        ax.axvline(d_latent - 0.5, **DASHED)
        ax.text(d_latent + 0.3, 1.03, f"$d_L = {d_latent}$", va="center", fontsize=9)
        ax.set(xlabel="index $j$", ylabel=r"$\sigma_j / \sigma_0$", ylim=(-0.03, 1.1))
        ax.set_title(f"Singular values of keys of width {len(rotated)}")
        ax.legend()
    return fig
