"""Pictures of positions in latent attention: what a score is made of, cached rows of each scheme, two measurements."""

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.figures.blocks import block
from course_lib.figures.motifs import MADE_NOW, THINGS

R, P = 24, 6  # widths to draw: of the latent row, and of the rotary part


def wired() -> Figure:
    """Draw decoupled positions in the absorbed form: each head multiplies its two blocks with those of a cached row."""
    with style.context():
        fig = Figure(figsize=(8.2, 3.6))
        ax = fig.add_subplot()
        for head, y in ((0, 8.6), (1, 6.4)):
            row_block(ax, 0, y, R, rf"$Q_{head} W^{{LK\top}}_{head}$", thing="Q", frame=MADE_NOW)
            row_block(ax, R + 1.5, y, P, rf"$Q_{{R,{head}}}$", thing="Q", frame=MADE_NOW, rotary=True)
            ax.annotate("", (R + P + 5.2, y + 0.8), (R + P + 1.9, y + 0.8), arrowprops={"arrowstyle": "->"})
            ax.text(R + P + 5.5, y + 0.8, rf"scores of head {head}", va="center")
        row_block(ax, 0, 2.2, R, "$L$", thing="L")
        row_block(ax, R + 1.5, 2.2, P, "$K_R$", thing="K", rotary=True)
        for x, sign in ((R / 2, r"$\langle\cdot,\cdot\rangle$"), (R + 1.5 + P / 2, r"$\langle\cdot,\cdot\rangle$")):
            ax.annotate("", (x, 3.9), (x, 6.3), arrowprops={"arrowstyle": "<->"})
            ax.text(x + 0.5, 5.1, sign, va="center")
        ax.text(R + 0.75, 5.1, "+", ha="center", va="center", fontsize=15)
        ax.annotate("", (R / 2, 0.4), (R / 2, 2.1), arrowprops={"arrowstyle": "->"})
        ax.text(R / 2 + 0.5, 1.2, "mixed by the weights, then $W^{LV}_h$ and $W^O_h$", va="center")
        ax.text(R + P + 1.9, 3.0, "one cached row for all heads;\nonly $L$ is a value", va="center")
        ax.set(xlim=(-0.3, R + P + 14), ylim=(0, 10.6))
        ax.axis("off")
    return fig


def row_block(ax: Axes, x: float, y: float, width: float, name: str, **looks) -> None:
    """Draw one block of a row, its name on a white ground; `looks` as in `blocks.look`."""
    block(ax, (x, y), (width, 1.6), fill=0.22, **looks)
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9}
    ax.text(x + width / 2, y + 0.8, name, ha="center", va="center", bbox=ground)


def cached_rows() -> Figure:
    """Draw, to scale, what a token leaves in each scheme, and which of its numbers serve keys and which values."""
    heads = 4
    kinds = [
        ("none, sinusoids, ALiBi;\nrotated keys", [("L", R, False)], R, R),
        ("decoupled", [("L", R, False), ("K", P, True)], R + P, R),
        ("partly rotary latent", [("L", R - P, False), ("L", P, True)], R, R),
        ("rotary latent", [("L", R, True)], R, R),
        ("QK-norm, absorbed", [("L", R, False), ("K", heads, False)], R + heads, R),
    ]
    with style.context():
        fig = Figure(figsize=(8.2, 4.0))
        ax = fig.add_subplot()
        for y, (name, blocks, keys, values) in zip(np.arange(len(kinds))[::-1] * 3.3, kinds, strict=True):
            ax.text(-1, y + 0.8, name, ha="right", va="center")
            x = 0.0
            for thing, width, turned in blocks:
                letter = {"L": "$L$", "K": "$K_R$" if turned else r"$\sigma$"}[thing]
                row_block(ax, x, y, width, letter, thing=thing, rotary=turned)
                x += width
            for width, at, thing in ((keys, y + 1.95, "K"), (values, y - 0.35, "V")):
                ax.plot([0, width], [at, at], color=THINGS[thing].light, linewidth=3, linestyle="-", marker="")
        ax.text(R + 0.8, 3.3 * 4 + 1.95, "used by keys", va="center", color=THINGS["K"].light)
        ax.text(R + 0.8, 3.3 * 4 - 0.35, "used by values", va="center", color=THINGS["V"].light)
        ax.set(xlim=(-13, R + P + 9), ylim=(-0.8, 15.8))
        ax.axis("off")
    return fig


def score_parts(
    content: Float[np.ndarray, "n n"], rotary: Float[np.ndarray, "n n"], mask: Bool[np.ndarray, "n n"]
) -> Figure:
    """Draw the two summands of a head's logits and their sum, on one scale; pairs that the mask hides are grey.

    mask: true where a query sees a key.
    """
    parts = {"content": content, "rotary": rotary, "logits: the sum": content + rotary}
    largest = max(np.abs(part[mask]).max() for part in parts.values())
    with style.context():
        fig = Figure(figsize=(8.2, 3.0), layout="constrained")
        axes = fig.subplots(1, 3, sharey=True)
        for ax, (name, part) in zip(axes, parts.items(), strict=True):
            ax.set_facecolor("#e6e9ec")
            shown = np.ma.masked_where(~mask, part)
            image = ax.imshow(shown, cmap=style.SIGNED, vmin=-largest, vmax=largest, interpolation="nearest")
            ax.set_title(name)
            ax.set_xlabel("position $j$ of the key")
            ax.grid(False)
        axes[0].set_ylabel("position $i$ of the query")
        fig.colorbar(image, ax=axes, shrink=0.9)
    return fig


def left_by_matrices(left: Float[np.ndarray, "heads e"]) -> Figure:
    """Draw how much of the matrices W_Q R_s W_K^T of all shifts s is left by the best 1, 2, ... fixed matrices.

    left: part of the Frobenius norm, for each head and each number of matrices. Each head has a line, and the median.
    """
    numbers = np.arange(1, left.shape[1] + 1)
    with style.context():
        fig = Figure(figsize=(6.4, 3.2), layout="constrained")
        ax = fig.add_subplot()
        ax.plot(numbers, left.T, color=THINGS["learnt"].light, linewidth=0.8, linestyle="-", marker="", alpha=0.6)
        look = {"color": "black", "marker": "o", "markersize": 4, "linestyle": "-"}
        ax.plot(numbers, np.median(left, axis=0), label=f"median of {len(left)} heads", **look)
        ax.set(xlabel="number of fixed matrices", ylabel="part of the norm that is left", ylim=(0, 1))
        ax.set_title("One merged matrix does not serve all shifts")
        ax.legend()
    return fig
