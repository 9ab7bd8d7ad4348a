"""The Transformer as a drawing: two residual streams, and beside each the sublayers that read it and add to it."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import motifs, style

STREAM, BETWEEN, WITHIN, NORM = "#3d4752", "#f3bfcf", "#d3dec0", "#e6e8ec"
LINE = {"color": "0.3", "linewidth": 1, "linestyle": "-"}
STEP, BOTTOM, OUT = 1.75, 1.6, 2.05  # distances: between sublayers, of the first from below, from the stream
ENCODER, DECODER = 1.5, 9.6  # where the streams stand


def architecture() -> Figure:
    """Draw encoder and decoder with the norm in front of each sublayer; cross-attention takes K and V from H."""
    with style.context():
        fig = Figure(figsize=(8.2, 6.2))
        ax = fig.add_subplot()
        stack(ax, ENCODER, 1, [("self-attention", BETWEEN), ("feed-forward", WITHIN)])
        decoder = [("causal\nself-attention", BETWEEN), ("cross-attention", BETWEEN), ("feed-forward", WITHIN)]
        stack(ax, DECODER, -1, decoder)
        for x, side, name, read in ((ENCODER, 1, "encoder", "source"), (DECODER, -1, "decoder", "target")):
            box(ax, x, 0.3, f"embeddings and positions\nof the {read} tokens", "white", width=3.0, height=0.7)
            ax.text(x - 0.5 * side, 3.2, f"{name}: $N_L$ blocks", ha="center", va="center", fontsize=9, rotation=90)
        from_encoder(ax)
        box(ax, DECODER, 8.3, "logits of the next target token", "white", width=3.6)
        arrow(ax, (DECODER, 7.58), (DECODER, 7.98))
        ax.set(xlim=(-0.15, 11.45), ylim=(-0.2, 8.8), aspect="equal")
        ax.set_axis_off()
    return fig


def stack(ax: Axes, x: float, side: int, sublayers: list[tuple[str, str]]) -> None:
    """Draw the stream at x from bottom to top, and its sublayers beside it, to the right (side = 1) or left (-1).

    sublayers: (name, colour) of each, from the bottom.
    """
    top = BOTTOM + STEP * len(sublayers)
    ax.plot([x, x], [0.66, top + 0.2], color=STREAM, linewidth=5, linestyle="-", solid_capstyle="butt", zorder=0)
    for number, (name, colour) in enumerate(sublayers):
        y = BOTTOM + STEP * number
        ax.plot([x, x + 1.0 * side], [y - 0.25, y - 0.25], **LINE)
        box(ax, x + 1.5 * side, y - 0.25, "norm", NORM, width=1.0, height=0.45)
        arrow(ax, (x + 1.5 * side, y - 0.02), (x + 1.5 * side, y + 0.29))
        box(ax, x + OUT * side, y + 0.6, name, colour)
        arrow(ax, (x + 0.8 * side, y + 0.6), (x + 0.24 * side, y + 0.6))
        circle = {"boxstyle": "circle,pad=0.1", "facecolor": "white", "edgecolor": "0.3"}
        ax.text(x, y + 0.6, "+", ha="center", va="center", fontsize=13, bbox=circle)
    box(ax, x, top + 0.5, "norm", NORM, width=1.0, height=0.45)


def from_encoder(ax: Axes) -> None:
    """Draw the line from H, the encoder's last state, to the cross-attention, and K, V and Q where they are made."""
    y, middle, edge = BOTTOM + STEP + 0.6, 5.35, DECODER - OUT - 1.25
    ax.plot([ENCODER, ENCODER, middle, middle], [5.83, 6.35, 6.35, y], **LINE)
    arrow(ax, (middle, y), (edge, y))
    ax.text((ENCODER + middle) / 2, 6.5, "$H$, the encoder's last state", ha="center", fontsize=9)
    for letter, at in (("K", edge - 0.62), ("V", edge - 0.3)):
        ax.text(at, y + 0.13, f"${letter}$", color=motifs.THINGS[letter].light, ha="center", fontsize=11)
    ax.text(DECODER - 1.72, y - 0.53, "$Q$", color=motifs.THINGS["Q"].light, ha="right", va="center", fontsize=11)


def box(ax: Axes, x: float, y: float, text: str, colour: str, width: float = 2.5, height: float = 0.62) -> None:
    """Draw a box with its middle at (x, y) and a text in it."""
    ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, facecolor=colour, edgecolor="0.4"))
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from start to end."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.3", "shrinkA": 0, "shrinkB": 0})
