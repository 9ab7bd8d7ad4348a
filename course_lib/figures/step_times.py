"""Pictures of a model's decode step and prefill on a machine: as points on its roofline, and as bars of time."""

from collections.abc import Mapping
from operator import itemgetter

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.accounting import Machine, Work
from course_lib.figures import motifs, style
from course_lib.figures.roofline import draw_roof

UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
FILLS = {"decode": "full", "prefill": "none"}  # of a marker, for each phase


def step_times(machine: Machine, works: Mapping[str, Work], method: str) -> Figure:
    """Draw works on a machine's roofline, and for each two bars: the times of memory and of arithmetic.

    works: "decode" and "prefill", or for latent attention "decode, absorbed" and so on. method: a key of
    `motifs.METHODS`, for the colour. The longer bar, which decides, is filled.
    """
    colour = motifs.METHODS[method].light
    with style.context():
        fig = Figure(figsize=(8.2, 3.8))
        grid = fig.add_gridspec(2, 2, width_ratios=(1.15, 1))
        draw_works(fig.add_subplot(grid[:, 0]), machine, works, colour)
        for row, phase in enumerate(FILLS):
            of_phase = {name: work for name, work in works.items() if name.startswith(phase)}
            draw_times(fig.add_subplot(grid[row, 1]), machine, of_phase, colour)
    return fig


def draw_works(ax: Axes, machine: Machine, works: Mapping[str, Work], colour: str) -> None:
    """Draw the roof, and a marker for each work: filled for decode, hollow for prefill."""
    intensities = [work.intensity for work in works.values()]
    reach = (min(*intensities, machine.ridge) / 20, max(*intensities, machine.ridge) * 8)
    ax.set(xscale="log", yscale="log", xlabel="FLOPs per byte", ylabel="FLOPs per second")
    draw_roof(ax, machine, reach, 1.0)
    for name, work in works.items():
        at = (work.intensity, machine.attainable(work.intensity))
        look = {"fillstyle": FILLS[name.split(",")[0]], "marker": marker_of(name), "markersize": 8}
        ax.plot(*at, color=colour, linestyle="", label=name, **look)
    ax.set_ylim(top=10 * machine.flops)
    ax.legend(fontsize=9, loc="lower right")


def draw_times(ax: Axes, machine: Machine, works: Mapping[str, Work], colour: str) -> None:
    """Draw two bars for each work of one phase, on one scale: filled for the longer time, hollow for the other."""
    best = {name: machine.seconds(work) for name, work in works.items()}
    unit, size = next((unit for unit in UNITS.items() if max(best.values()) >= unit[1]), ("ns", 1e-9))
    labels = []
    for name, work in works.items():
        seconds = {"memory": work.bytes / machine.bandwidth, "arithmetic": work.flops / machine.flops}
        decides = max(seconds.items(), key=itemgetter(1))[0]
        for kind, time in seconds.items():
            y, dash = -len(labels), "--" if marker_of(name) == "s" else "-"
            fill = (colour, 0.45) if kind == decides else "none"
            ax.barh(y, time / size, facecolor=fill, edgecolor=colour, linestyle=dash, linewidth=1.4)
            times = best[name] / min(best.values())
            said = f", {times_text(times)} times" if kind == decides and times >= 1.05 else ""
            ax.text(time / size, y, f" {time / size:.3g} {unit}{said}", va="center", fontsize=9)
            labels.append(f"{name.split(', ')[1]}: {kind}" if ", " in name else kind)
    ax.set_yticks(range(0, -len(labels), -1), labels, fontsize=9)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.set_xlim(0, 1.7 * max(best.values()) / size)
    ax.set_title(f"{next(iter(works)).split(',')[0]}: time of a step", fontsize=10)


def marker_of(name: str) -> str:
    """The marker of the work's form in `motifs`: a square for the expanded form, else a circle."""
    return (motifs.EXPANDED if name.endswith("expanded") else motifs.ABSORBED)["marker"]


def times_text(ratio: float) -> str:
    """A ratio as the interactive figure writes it: 1.4, 72, 1,070."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"
