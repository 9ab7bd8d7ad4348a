"""Pictures of giving a trained model a latent cache: losses over the rank, a mix of heads, what rotations lose."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures import style
from course_lib.figures.motifs import INK, THINGS

LAYERS = "osv^"  # markers


def rises_over_ranks(ranks: Sequence[int], rises: Mapping[str, Float[np.ndarray, "samples ranks"]]) -> Figure:
    """Draw the rise of the loss, in nats, over the rank: a line through the means, and a dot for each sample."""
    with style.context():
        fig = Figure(figsize=(6.8, 3.6), layout="constrained")
        ax = fig.add_subplot()
        for (name, samples), marker, colour in zip(rises.items(), "osv^D", style.PALETTE, strict=False):
            ax.plot(ranks, np.mean(samples, axis=0), marker=marker, color=colour, label=name)
            for sample in samples if len(samples) > 1 else ():
                ax.plot(ranks, sample, ".", markersize=4, color=colour, linestyle="")
        ax.set(xscale="log", yscale="log", xlabel="rank: numbers per token and layer", ylabel="rise of the loss, nats")
        ax.set_xticks(ranks, [str(rank) for rank in ranks])
        ax.xaxis.minorticks_off()
        ax.set_title("Keys and values of a trained model from a latent")
        ax.legend()
    return fig


def unitary_mix(
    keys: Complex[np.ndarray, "n h"], mixed: Complex[np.ndarray, "n h"], shares: Float[np.ndarray, "h"]
) -> Figure:
    """Draw one rotary pair of the keys of n tokens and h heads as complex numbers, before and after a unitary mix.

    shares: of the energy in each virtual head after the mix, written below it.
    """
    size = 1.05 * max(np.abs(keys).max(), np.abs(mixed).max())
    before = np.square(np.abs(keys)).sum(0) / np.square(np.abs(keys)).sum()
    with style.context():
        fig = Figure(figsize=(8.2, 3.1), layout="constrained")
        axes = fig.subplots(2, keys.shape[1])
        for row, (points, energy, kind) in enumerate(((keys, before, "head"), (mixed, shares, "virtual"))):
            for number, ax in enumerate(axes[row]):
                draw_points(ax, points[:, number], size, turned=row == 1 and number == 0)
                ax.set_title(f"{kind} {number}", fontsize=9, fontweight="normal", loc="center", pad=3)
                ax.set_xlabel(f"{energy[number]:.0%}".replace("%", " %"), labelpad=2)
    return fig


def draw_points(ax: Axes, points: Complex[np.ndarray, "n"], size: float, turned: bool) -> None:
    """Draw points of the complex plane. Points that stay rotary (`turned`) get a thick frame in ink."""
    colour = THINGS["K"].light
    ax.plot(points.real, points.imag, ".", color=colour, markersize=2, linestyle="")
    ax.set(xlim=(-size, size), ylim=(-size, size), aspect="equal", xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=INK if turned else "#c5ccd3", linewidth=2 if turned else 0.8)


def energy_and_rotation(
    energies: Sequence[Float[np.ndarray, "pairs"]], rotations: Sequence[Float[np.ndarray, "pairs"]], heads: int
) -> Figure:
    """Draw, over the rotary pairs, the energy's share in the first virtual head and the size of the mean rotation.

    energies, rotations: one array for each layer, in [0, 1]. heads: how many share the energy.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.3), layout="constrained")
        axes = fig.subplots(1, 2, sharex=True, sharey=True)
        for number, (energy, size) in enumerate(zip(energies, rotations, strict=True)):
            marker = LAYERS[number % len(LAYERS)]
            axes[0].plot(energy, marker=marker, markersize=4, label=f"layer {number}")
            axes[1].plot(size, marker=marker, markersize=4)
        axes[0].axhline(1 / heads, color="0.4", linewidth=1, linestyle="--")
        axes[0].set(ylim=(0, 1.05), ylabel="share of the energy, size", xticks=range(0, len(energies[0]), 3))
        axes[0].set_title(f"Energy in one of {heads} virtual heads")
        axes[1].set_title("Size of the mean rotation")
        for ax in axes:
            ax.set_xlabel("pair, fast to slow")
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(energies))
    return fig


def losses_as_dots(losses: Mapping[str, float], title: str) -> Figure:
    """Draw the loss of each model, in nats per token, as a dot, the best model on top."""
    names = sorted(losses, key=losses.get)
    with style.context():
        fig = Figure(figsize=(6.8, 0.9 + 0.32 * len(names)), layout="constrained")
        ax = fig.add_subplot()
        ax.plot([losses[name] for name in names], names, "o", markersize=8, linestyle="")
        ax.invert_yaxis()
        ax.set(xlabel="loss, nats per token", title=title)
    return fig
