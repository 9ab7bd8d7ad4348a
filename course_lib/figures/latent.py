"""Pictures of latent attention: its two readings as products of matrices, their cost, and what merging stores."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import style

TOKENS, WEIGHTS, MADE = "#88CCEE", "#CCCCCC", "#DDCC77"  # rows of tokens, learnt, made at this step


def two_readings() -> Figure:
    """Q_h W_LK_h^T L^T with brackets in either place, to scale: what is made at a step, and how large it is."""
    n, e, r, N = 1, 3, 5, 15
    Q, W = (r"$Q_h$", n, e, TOKENS), (r"$W^{LK\top}_h$", e, r, WEIGHTS)
    L, K = (r"$L^\top$", r, N, TOKENS), (r"$K_h^\top$, for each head", e, N, MADE)
    asking = (r"$Q_h W^{LK\top}_h$", n, r, MADE)
    with style.context():
        fig = Figure(figsize=(8, 3.1))
        ax = fig.add_subplot()
        ax.text(0, 13.2, "expanded: first all keys", fontweight="bold", va="center")
        _draw_row(ax, 9.4, [Q, "(", W, L, ")", "=", Q, K])
        ax.text(0, 3.6, "absorbed: first the new query", fontweight="bold", va="center")
        _draw_row(ax, 0, ["(", Q, W, ")", L, "=", asking, L])
        ax.set(xlim=(-0.5, 54), ylim=(-4.7, 13.8), aspect="equal")
        ax.axis("off")
        colours = {"queries, and what is cached": TOKENS, "learnt": WEIGHTS, "made at this step": MADE}
        patches = [Patch(color=colour, label=meaning) for meaning, colour in colours.items()]
        fig.legend(handles=patches, loc="outside lower center", ncols=3)
    return fig


def _draw_row(ax: Axes, y: float, parts: Sequence[str | tuple]) -> None:
    """Signs and matrices (name, rows, columns, colour) side by side, one cell a square."""
    x = 0.0
    for part in parts:
        if isinstance(part, str):
            ax.text(x + 0.8, y, part, ha="center", va="center", fontsize=15)
            x += 1.8
            continue
        name, rows, columns, colour = part
        x += 0.5
        for i, j in np.ndindex(rows, columns):
            corner = (x + j, y + rows / 2 - i - 1)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=0.8))
        ax.text(x + columns / 2, y - rows / 2 - 0.4, name, ha="center", va="top", fontsize=11)
        x += columns + 0.5


def storage_over_tokens(latent: LatentConfig, grouped: GroupedConfig, tokens: Sequence[int]) -> Figure:
    """Numbers stored per layer, weights and cache of one sequence, over the cached tokens."""
    kinds = (
        ("multi-head", lambda t: accounting.grouped_storage(grouped, t)),
        ("latent, merged, as printed", lambda t: accounting.merged_storage_printed(latent, t)),
        ("latent, merged, query latent too", lambda t: accounting.merged_storage(latent, t)),
        ("latent, two factors each", lambda t: accounting.factored_storage(latent, t)),
    )
    with style.context():
        fig = Figure(figsize=(6.4, 3.6))
        ax = fig.add_subplot()
        for name, storage in kinds:
            ax.plot(tokens, [sum(storage(t).values()) / 1e6 for t in tokens], label=name)
        ax.set(xlabel="cached tokens", ylabel="million numbers per layer", xlim=(tokens[0], tokens[-1]), ylim=(0, None))
        for _, storage in kinds[1:3]:
            meeting = accounting.crossover(storage, kinds[0][1])
            height = sum(storage(meeting).values()) / 1e6
            ax.plot(meeting, height, "ko")
            ax.annotate(f"{meeting:,}", (meeting, height), (-6, 7), textcoords="offset points", ha="right")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 0.2))
    return fig


def chunk_flops(config: LatentConfig, past: int, chunks: Sequence[int], ax: Axes) -> None:
    """Draw into `ax` the FLOPs of a call with n new tokens after `past` cached ones, per new token, over n."""
    for reading in (accounting.expanded(config), accounting.absorbed(config)):
        flops = [accounting.chunk(reading, n, past).flops / n for n in chunks]
        ax.plot(chunks, flops, label=reading.name)
    ax.set(xscale="log", yscale="log", xlabel="new tokens in one call", ylabel="FLOPs per new token")
    ax.set_xticks(chunks, [str(n) for n in chunks])
    ax.xaxis.minorticks_off()
    ax.legend()
