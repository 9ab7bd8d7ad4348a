"""Figure 13: two kinds of attention from the experiments: the difference of their losses, and what each costs."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.experiments.published import Published
from course_lib.figures import style
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed
from course_lib.widgets.choices import Name, Try, Walk
from course_lib.widgets.numbers.arm_costs import CACHED, arm_table, cost_axis, costs_of, plane
from course_lib.widgets.numbers.arm_pairs import compared, counted
from course_lib.widgets.numbers.arm_plots import LOOKS, described, draw_documents, draw_means, draw_plane

MAX_ARMS, MAX_DOCUMENTS = 24, 200  # whose names and dots can be told apart


class ArmComparison(InteractiveFigure):
    """Two arms of a sweep, A and B: their paired differences, the interval of the mean, and costs of all arms.

    results: what `experiments.published.load` returns. first, second: the arms A and B to begin with; default the
    first two. arms: those that can be chosen, default all. ms: arm -> measured milliseconds of a decode step.

    Chosen: `first` and `second`, names of arms; `cost`, "cached numbers", "decode FLOPs" or, with `ms`, "decode ms".
    `differences` (S, M) and `pair` belong to what is chosen; `ranked` are the documents by rising mean difference.

    Raises ValueError for unknown arms, for arms that share no seed, for fewer than two arms and more than MAX_ARMS, and
    for more documents than MAX_DOCUMENTS.
    """

    entry = "arm_comparison"
    reading = (
        "Below 0, A has the smaller loss. Dots: one document and one seed. Line: mean over seeds. Shaded: too small to "
        "count. Bar: interval of the mean."
    )
    first = Name("").tag(sync=True, chosen=True)
    second = Name("").tag(sync=True, chosen=True)
    cost = Name(CACHED).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowDown Tab ArrowDown Tab ArrowDown",
        chosen={"first": "MLA-4", "second": "MQA-64", "cost": "decode FLOPs"},
        said="FLOPs per cached token",
    )

    def __init__(
        self,
        results: Published,
        first: str | None = None,
        second: str | None = None,
        *,
        arms: Sequence[str] | None = None,
        ms: Mapping[str, float] | None = None,
        title: str = "Two kinds of attention compared",
        caption: str = "",
    ):
        arms = checked_arms(results, arms)
        opening = {"first": arms[0] if first is None else first, "second": arms[1] if second is None else second}
        super().__init__(data_of(results, arms, ms), title=title, caption=caption, **opening)
        self._results = results

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "ArmComparison":
        from course_lib.widgets.numbers.example_arms import made_up

        text = " ".join(tokens)
        return cls(made_up(tokens), "MLA-16", "GQA2", title=text, caption=text)

    def first_try(self) -> Try | None:
        others = [arm for arm in self.data["arms"] if arm not in (self.first, self.second)]
        if not others:
            return Try("exchange A and B", {"first": self.second, "second": self.first})
        furthest = max(others, key=lambda arm: abs(self._results.differences(arm, self.second).mean()))
        return Try(f"{furthest} as A", {"first": furthest})

    def allowed(self) -> dict[str, range | Sequence[str]]:
        return {"first": self.data["arms"], "second": self.data["arms"], "cost": list(self.data["costs"])}

    @property
    def differences(self) -> np.ndarray:
        """The loss of A minus that of B, (S, M), for the seeds that both have."""
        return self._results.differences(self.first, self.second)

    @property
    def shared_seeds(self) -> tuple[int, ...]:
        """The seeds that both arms have, ascending."""
        return self._results.shared_seeds(self.first, self.second)

    @property
    def ranked(self) -> list[str]:
        """The documents by rising mean difference: first those on which A is better."""
        return [self.data["documents"][i] for i in np.argsort(self.differences.mean(axis=0), kind="stable")]

    @property
    def pair(self) -> dict:
        """What is shown of the two arms: `mean`, `interval`, `verdict`, and `words` that say what the interval does."""
        first, second = (self.data["arms"].index(arm) for arm in (self.first, self.second))
        pair = self.data["pairs"][first][second]
        return pair | {"words": self._with_names(self.data["sentences"][pair["words"]])}

    def _with_names(self, sentence: str) -> str:
        return sentence.format(A=self.first, B=self.second)

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 4.6))
            left, right = fig.subfigures(1, 2, width_ratios=(1, 1.15))
            documents, means = left.subplots(2, 1, height_ratios=(1.25, 1))
            D, shown = self.differences, self.data["plots"]
            draw_documents(documents, shown["documents"], D, self.pair["axis"])
            draw_means(means, shown["means"], D, self.shared_seeds, self.pair)
            self._draw_plane(right.subplots(), self.data["arms"])
        return fig

    def slide_drawing(self) -> Drawing:
        """Without the means of seeds; in the plane only A and B have names."""
        with style.context():
            fig = Drawing(figsize=(8.2, 4.6))
            documents, costs = fig.subplots(1, 2)
            draw_documents(documents, self.data["plots"]["documents"], self.differences, self.pair["axis"])
            self._draw_plane(costs, {self.first, self.second})
        return style.for_slide(fig)

    def _draw_plane(self, ax: Axes, named: Collection[str]) -> None:
        chosen = {self.second: "B: "} | {self.first: "A: "}
        draw_plane(ax, self.data["plots"]["plane"], self.data["costs"][self.cost], self.data["means"], chosen, named)

    def alt(self) -> str:
        pair, counts = self.pair, self._with_names(counted(self.differences))
        interval = ""
        if pair["interval"]:
            low, high = pair["interval"]
            interval = f" with the {100 * self.data['level']:g} % interval {low:+.4f} to {high:+.4f}"
        return (
            f"Loss of {self.first} minus loss of {self.second}: {pair['mean']:+.4f} nats per token{interval}. "
            f"{pair['words']} {counts} Plots of the differences by document and by seed, and of the losses of "
            f"{len(self.data['arms'])} arms against their {self.cost}."
        )

    def table(self) -> str:
        by_seed = zip(self.shared_seeds, self.differences.mean(axis=1), strict=True)
        rows = [[f"seed {seed}", f"{mean:+.4f}"] for seed, mean in by_seed]
        means = page.table([f"{self.first} − {self.second}", "nats"], [*rows, ["all", f"{self.pair['mean']:+.4f}"]])
        return means + page.table(*self.data["table"])

    def __repr__(self):
        return f"ArmComparison(arms={len(self.data['arms'])}, documents={len(self.data['documents'])})"


def checked_arms(results: Published, arms: Sequence[str] | None) -> list[str]:
    """The arms that can be chosen, at least two.

    Raises ValueError unless they are known and distinct, and any two of them share a seed.
    """
    good = isinstance(results, Published)
    require(good, f"results must be Published, as published.load returns them, got {type(results).__name__}")
    chosen = list(results.arms if arms is None else arms)
    require(2 <= len(chosen) <= MAX_ARMS, f"arms must be from 2 to {MAX_ARMS}, got {len(chosen)}")
    require(len(set(chosen)) == len(chosen), f"arms must be pairwise distinct, got {chosen}")
    documents = len(results.documents)
    require(documents <= MAX_DOCUMENTS, f"results must have at most {MAX_DOCUMENTS} documents, got {documents}")
    for one, other in combinations(chosen, 2):
        shared = results.shared_seeds(one, other)
        require(len(shared) > 0, f"arms must share a seed, got {one!r} and {other!r} without one: leave one out")
    return chosen


def data_of(results: Published, arms: Sequence[str], ms: Mapping[str, float] | None) -> dict:
    """All that the figure shows; `words` of a pair is a place in `sentences`, since few of them differ."""
    losses, costs = [float(results.losses(arm).mean()) for arm in arms], costs_of(results, arms, ms)
    pairs = [[compared(results, one, other) for other in arms] for one in arms]
    sentences = sorted({pair["words"] for row in pairs for pair in row})
    return {
        "arms": arms,
        "seeds": [list(results.seeds(arm)) for arm in arms],
        "losses": [packed(results.losses(arm), "<f8") for arm in arms],
        "documents": list(results.documents),
        "pairs": [[pair | {"words": sentences.index(pair["words"])} for pair in row] for row in pairs],
        "sentences": sentences,
        "costs": {name: {"axis": cost_axis(name, values), "values": values} for name, values in costs.items()},
        "level": results.level,
        "looks": LOOKS,
        "plots": described(len(results.documents), results.margin) | {"plane": plane(losses, arms)},
        "means": losses,
        "table": arm_table(results, arms, costs),
    }
