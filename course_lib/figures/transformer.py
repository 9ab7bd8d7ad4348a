"""Pictures of the parts of a Transformer: norms, activations, who wrote a logit, depth, parameters and work."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from course_lib.figures import style
from course_lib.reference.feedforward import gelu, relu, silu

KINDS = {"embedding": style.PALETTE[4], "attention": style.PALETTE[1], "feed-forward": style.PALETTE[2]}
PARTS = {  # of a model's work: label and colour; among the parameters the same part has the same colour
    "project": ("attention (right: its projections)", KINDS["attention"]),
    "attend": ("attention: $QK^T$ and $PV$", "#e9a877"),
    "feed_forward": ("feed-forward", KINDS["feed-forward"]),
    "output": ("embeddings (right: output)", KINDS["embedding"]),
}


def norm_geometry(points: np.ndarray, norms: Mapping[str, Callable]) -> Figure:
    """Draw points (n, 3) and their images under LayerNorm and RMSNorm, with the surfaces on which the images lie.

    norms: title -> function (n, 3) -> (n, 3), LayerNorm first.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 4.1))
        for number, (title, norm) in enumerate(norms.items()):
            ax = fig.add_subplot(1, 2, number + 1, projection="3d")
            image = norm(points)
            for x, y in zip(points, image, strict=True):
                ax.plot(*np.stack([x, y]).T, color="0.75", linewidth=0.8, linestyle="-")
            ax.scatter(*points.T, color="0.45", s=12, label="tokens $x$", depthshade=False)
            ax.scatter(*image.T, color=style.PALETTE[1], s=22, label="normalised", depthshade=False)
            (plane if number == 0 else sphere)(ax)
            limits, ticks = (-2.5, 2.5), [-2, 0, 2]
            ax.set(xlim=limits, ylim=limits, zlim=limits, xticks=ticks, yticks=ticks, zticks=ticks, title=title)
            ax.set_box_aspect((1, 1, 1))
            ax.view_init(elev=20, azim=5)
        fig.legend(*fig.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def plane(ax: Axes) -> None:
    """Draw the plane of vectors with mean 0, its circle of radius sqrt(3), and the direction of all ones."""
    basis = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    turn = np.linspace(0, 2 * np.pi, 121)
    corners = 2.6 * np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) @ basis
    circle = np.sqrt(3) * np.stack([np.cos(turn), np.sin(turn)], axis=1) @ basis
    ax.plot_trisurf(*corners.T, triangles=[[0, 1, 2], [0, 2, 3]], color=style.PALETTE[0], alpha=0.12)
    ax.plot(*circle.T, color=style.PALETTE[0], linestyle="-", linewidth=1.5, label=r"sphere in $\mathbf{1}^\perp$")
    ax.plot(*3 * [[-1.6, 1.6]], color="0.2", linestyle=":", label=r"direction $\mathbf{1}$")


def sphere(ax: Axes) -> None:
    """Draw the sphere of radius sqrt(3)."""
    u, w = np.meshgrid(np.linspace(0, 2 * np.pi, 25), np.linspace(0, np.pi, 13))
    grid = np.sqrt(3) * np.stack([np.cos(u) * np.sin(w), np.sin(u) * np.sin(w), np.cos(w)])
    ax.plot_wireframe(*grid, color=style.PALETTE[0], alpha=0.25, linewidth=0.6, linestyle="-")


def activations() -> Figure:
    """Draw ReLU, GELU and SiLU of one number, and the level lines of a plain and of a gated cell in two directions."""
    t = np.linspace(-4, 4, 161)
    first, second = np.meshgrid(t, t)
    with style.context():
        fig = Figure(figsize=(8.2, 3.1))
        axes = fig.subplots(1, 3, width_ratios=(1.15, 1, 1))
        for f, name in ((relu, "ReLU"), (gelu, "GELU"), (silu, "SiLU")):
            axes[0].plot(t, f(t), label=name)
        axes[0].set(title="Activations $f$", xlabel="input", ylabel="output", ylim=(-0.6, 4))
        axes[0].legend()
        plain, gated = gelu(first), silu(first) * second
        cells = (("Cell: GELU$(x_1)$", plain, 0.5, 4), ("Gated: SiLU$(x_1)\\,x_2$", gated, 2, 14))
        for ax, (title, value, step, last) in zip(axes[1:], cells, strict=True):
            levels = np.arange(-last, last + step / 2, step)
            lines = ax.contour(first, second, value, levels=levels, cmap="cividis", linestyles="solid", linewidths=1.3)
            ax.clabel(lines, levels[::2], fontsize=9, fmt="%g")
            ax.set(title=title, aspect="equal", xticks=(-4, 0, 4), yticks=(-4, 0, 4))
        axes[1].set(xlabel=r"$x_1 = \langle x, k_i \rangle$", ylabel="another direction $x_2$")
        axes[2].set(xlabel="$x_1$ (gate)", ylabel="$x_2$ (up)")
        smaller_titles(axes)
    return fig


def logit_bars(parts: Mapping[str, float], title: str) -> Figure:
    """Draw the parts of a logit as bars, one for the embedding and one for each sublayer that wrote it.

    parts: "embedding", "attention 0", "feed-forward 0", ... -> part of the logit.
    """
    with style.context():
        fig = Figure(figsize=(7.2, 3.5))
        ax = fig.add_subplot()
        bars = ax.barh(list(parts), list(parts.values()), color=[KINDS[name.split()[0]] for name in parts], height=0.7)
        ax.bar_label(bars, fmt="%.1f", padding=4, fontsize=9)
        ax.axvline(0, color="0.3", linewidth=0.8)
        ax.margins(x=0.12)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set(xlabel="part of the logit, relative to the mean logit")
        ax.set_title(title, parse_math=False)
    return fig


def beginnings(runs: Mapping[str, Mapping[int, Sequence]], shown: int) -> Figure:
    """Draw untrained models with norms in different places: size of the stream, gradient, sensitivity to noise.

    runs: placement of the norms -> number of blocks -> one `course_lib.models.stream.Start` for each seed, whose means
    are drawn. shown: the number of blocks of the models in the first two pictures.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.4))
        axes = fig.subplots(1, 3)
        for (label, by_depth), marker in zip(runs.items(), "os^", strict=False):
            for ax, name in zip(axes, ("size", "gradient"), strict=False):
                curve = np.mean([getattr(run, name) for run in by_depth[shown]], axis=0)
                ax.plot(np.arange(shown), curve, marker=marker, markevery=4, label=label)
            moved = [np.mean([run.moved for run in of_depth]) for of_depth in by_depth.values()]
            axes[2].plot(list(by_depth), moved, marker=marker)
        axes[0].set(title="Size of the stream", xlabel=f"block, of {shown}")
        axes[0].set_ylim(bottom=0)
        axes[1].set(title="Length of the gradient", xlabel=f"block, of {shown}", yscale="log")
        axes[2].set(title="Output moved by 1 % noise", xlabel="number of blocks", xscale="log", yscale="log")
        label_logarithmic(axes[1].yaxis, {0.25: "0.25", 0.5: "0.5", 1: "1", 2: "2"})
        label_logarithmic(axes[2].yaxis, {0.02: "2 %", 0.04: "4 %", 0.08: "8 %"})
        label_logarithmic(axes[2].xaxis, {depth: str(depth) for depth in next(iter(runs.values()))})
        smaller_titles(axes)
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def shares(parameters: Mapping[str, Mapping[str, int]], work: Mapping[str, Mapping[int, Mapping[str, int]]]) -> Figure:
    """Draw the share of each part of a model in its parameters and, over the context, in its FLOPs per token.

    parameters: model -> part -> number. work: model -> number of tokens seen -> FLOPs of each part in `PARTS`.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.7))
        axes = fig.subplots(1, 1 + len(work), width_ratios=(0.9, *[1] * len(work)), squeeze=False)[0]
        for place, counts in enumerate(parameters.values()):
            share_bar(axes[0], place, counts)
        axes[0].set_xticks(range(len(parameters)), [name.replace(" ", "\n", 1) for name in parameters])
        axes[0].set(title="Parameters", ylabel="share", ylim=(0, 1))
        axes[0].grid(visible=False)
        for ax, (name, by_context) in zip(axes[1:], work.items(), strict=True):
            work_areas(ax, by_context)
            ax.set_title(f"Work per token,\n{name}", parse_math=False)
        smaller_titles(axes)
        handles = [Patch(color=colour, label=label) for label, colour in PARTS.values()]
        fig.legend(handles=handles, loc="outside lower center", ncols=2)
    return fig


def share_bar(ax: Axes, place: int, counts: Mapping[str, int]) -> None:
    """Draw a column of shares at x = place, each above 5 % with its number. Norms are left out: their share is tiny."""
    bottom, total = 0.0, sum(counts.values())
    for part in ("attention", "feed-forward", "embeddings"):
        share = counts[part] / total
        ax.bar(place, share, bottom=bottom, color=KINDS[part.removesuffix("s")], width=0.62)
        if share > 0.05:
            middle = bottom + share / 2
            ax.text(place, middle, f"{100 * share:.0f} %", color="white", ha="center", va="center", fontsize=9)
        bottom += share


def work_areas(ax: Axes, by_context: Mapping[int, Mapping[str, int]]) -> None:
    """Draw the shares of the work, stacked, over the number of tokens that a token sees."""
    contexts = list(by_context)
    amounts = np.array([[flops[part] for flops in by_context.values()] for part in PARTS], dtype=float)
    ax.stackplot(contexts, amounts / amounts.sum(axis=0), colors=[colour for _, colour in PARTS.values()], linewidth=0)
    ax.set(xscale="log", xlabel="tokens that it sees", xlim=(contexts[0], contexts[-1]), ylim=(0, 1))
    label_logarithmic(ax.xaxis, {2**10: "1k", 2**13: "8k", 2**16: "64k", 2**19: "512k"})
    ax.grid(visible=False)


def label_logarithmic(axis, ticks: Mapping[float, str]) -> None:
    """Set the ticks of a logarithmic axis, value -> text, and no others."""
    axis.set_ticks(list(ticks), list(ticks.values()))
    axis.set_ticks([], minor=True)


def smaller_titles(axes: Sequence[Axes]) -> None:
    """Set the titles in smaller type, for panels side by side."""
    for ax in axes:
        ax.set_title(ax.get_title(loc="left"), fontsize=10)
