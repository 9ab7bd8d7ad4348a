"""How a converted model learns: its loss over the steps of uptraining, against models that were not converted."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from course_lib.figures import motifs, style

MARKERS, DASHES = "dsov", (":", "--", "-.", "-")


def held_out(
    steps: Sequence[int], curves: Mapping[str, Sequence[float]], levels: Mapping[str, tuple[str, float]], title: str
) -> Figure:
    """Draw the held-out loss, in nats per token, over the steps of uptraining.

    curves: way of converting -> the loss at each of `steps`; all have the colour of GQA. levels: name -> (method, loss)
    of models that were not converted, drawn as horizontal lines in the colour of the method.
    """
    with style.context():
        fig = Figure(figsize=(6.8, 3.9))
        ax = fig.add_subplot()
        for (name, losses), marker, dash in zip(curves.items(), MARKERS, DASHES, strict=False):
            ax.plot(steps, losses, marker=marker, label=name, color=motifs.METHODS["GQA"].light, linestyle=dash)
        lowest = min((loss for _, loss in levels.values()), default=0)
        for name, (method, loss) in levels.items():
            look = {"color": motifs.METHODS[method].light}
            ax.axhline(loss, linestyle="-", linewidth=1.2, **look)
            place = {"xytext": (0, -3), "va": "top"} if loss == lowest else {"xytext": (0, 3), "va": "bottom"}
            ax.annotate(name, (steps[-1], loss), textcoords="offset points", ha="right", fontsize=9, **place, **look)
        ax.margins(y=0.12)
        ax.set(xlabel="steps of uptraining", ylabel="held-out loss, nats per token", title=title)
        fig.legend(loc="outside lower center", ncols=len(curves))
    return fig
