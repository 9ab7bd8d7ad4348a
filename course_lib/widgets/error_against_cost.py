"""Figure 15: errors of approximations of attention against their cost, and what is known of each error."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import plots, style
from course_lib.randomised.error_curves import SETTINGS, error_curves
from course_lib.randomised.estimate_bounds import GUARANTEES
from course_lib.randomised.estimates import METHODS
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk

COSTS = ("FLOPs", "bytes")
ALL_HEADS = "all heads"
LEAST, MOST = 0.01, 10.0  # errors that the plot shows; others are drawn at its edges
ALL, FREE, ONE = GROUPS = ("all methods", "no scores formed", "one method")
LOOKS = {  # colour and dash
    "best rank": ("ink", "solid"),
    "range finder": ("ink", "dashed"),
    "scores of low rank": ("ink", "dotted"),
    "landmarks, random pivots": ("first", "solid"),
    "landmarks, uniform": ("first", "dashed"),
    "random features": ("second", "solid"),
    "keys, uniform": ("v", "solid"),
    "keys by leverage": ("v", "dashed"),
    "keys, optimal p": ("v", "dotted"),
    "hashing": ("q", "solid"),
}


class Point(NamedTuple):
    """A point of the figure: a method, its setting, and what it errs and costs."""

    method: str
    m: int
    error: float
    cost: float


class ErrorAgainstCost(InteractiveFigure):
    """Errors of ten approximations against their cost, for each head; a point says what is known of its error.

    blocks: Q, K, V with equally many rows, blocks[layer][head]. random: for the draws, default seed 0.

    Chosen: `layer`; `head`, "all heads" (the median) or "head 0", ...; `cost`, "FLOPs" or "bytes"; `shown`, which
    methods are drawn; and the point: its `method` and `setting`, the place of m among the settings, from 0.
    `point` is the chosen one, and `best_below` finds the least error below a cost.

    Raises ValueError unless all layers have as many heads, and for shapes that do not fit.
    """

    entry = "error_against_cost"
    reading = "Error of P in the Frobenius norm, drawn at the edge beyond the axis. A click or Enter chooses a point."
    layer = Index(0).tag(sync=True, chosen=True)
    head = Name(ALL_HEADS).tag(sync=True, chosen=True)
    cost = Name("FLOPs").tag(sync=True, chosen=True)
    shown = Name(ALL).tag(sync=True, chosen=True)
    method = Name("landmarks, random pivots").tag(sync=True, chosen=True)
    setting = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowDown Tab ArrowDown Tab ArrowDown Tab Tab ArrowDown Tab ArrowLeft",
        chosen={"layer": 1, "head": "head 0", "cost": "bytes", "method": "landmarks, uniform", "setting": 2},
        said="no matrix of this rank has an error below",
    )

    def __init__(
        self,
        blocks: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]],
        *,
        random: np.random.Generator | None = None,
        title: str = "Error against cost",
        caption: str = "",
        settings: Mapping[str, Sequence[int]] = SETTINGS,
    ):
        require(set(settings) == set(METHODS), f"settings must be of the methods {', '.join(METHODS)}")
        curves = error_curves(blocks, np.random.default_rng(0) if random is None else random, settings)
        data = {name: packed(numbers) for name, numbers in curves._asdict().items()}
        costs = dict(zip(COSTS, (curves.flops, curves.bytes), strict=True))
        data |= {
            "methods": [
                {"name": name, "forms": METHODS[name].forms_all, "counts": METHODS[name].counts} for name in settings
            ],
            "settings": [list(values) for values in settings.values()],
            "known": [GUARANTEES[name] for name in settings],
            "heads": [ALL_HEADS, *(f"head {i}" for i in range(len(blocks[0])))],
            "costs": list(COSTS),
            "groups": list(GROUPS),
            "range": [LEAST, MOST],
            "axes": {cost: cost_axis(cost, values) for cost, values in costs.items()},
            "plot": described(),
        }
        super().__init__(data, title=title, caption=caption, setting=curves.errors.shape[-1] // 2)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "ErrorAgainstCost":
        text, draw = " ".join(tokens), np.random.default_rng(len(tokens)).normal
        blocks = [[tuple(draw(size=(3, 40, 8)) * size) for _ in range(3)] for size in (0.7, 1.5)]
        settings = {name: values if name == "random features" else range(2, 14, 2) for name, values in SETTINGS.items()}
        settings |= {"scores of low rank": range(1, 7)}
        return cls(blocks, title=text, caption=text, settings=settings)

    def first_try(self) -> Try | None:
        other = "random features" if self.method != "random features" else "keys, uniform"
        return Try(other, {"method": other})

    def allowed(self) -> dict[str, range | Sequence[str]]:
        layers, _, _, settings = self.data["errors"]["shape"]
        names = [method["name"] for method in self.data["methods"]]
        fixed = {"head": self.data["heads"], "cost": self.data["costs"], "shown": self.data["groups"], "method": names}
        return {"layer": range(layers), "setting": range(settings)} | fixed

    def numbers(self, name: str) -> np.ndarray:
        """ "errors", "guarantees", "flops" or "bytes" of the chosen layer and head: (methods, settings)."""
        of_layer = unpacked(self.data[name])[self.layer]
        if self.head == ALL_HEADS:
            return np.median(of_layer, axis=0)
        return of_layer[self.data["heads"].index(self.head) - 1]

    @property
    def costs(self) -> np.ndarray:
        """The chosen cost of all points, as multiples of exact attention: (methods, settings)."""
        return self.numbers(self.cost.lower())

    @property
    def point(self) -> Point:
        """The chosen point."""
        return self._at(self._place(self.method), self.setting)

    @property
    def guarantee(self) -> tuple[str, float]:
        """What is known of the error of the chosen point: in words, and the number."""
        place = self._place(self.method)
        return self.data["known"][place], float(self.numbers("guarantees")[place, self.setting])

    def best_below(self, cost: float) -> Point:
        """The point with the least error among those that cost less than `cost` times exact attention.

        Raises ValueError when there is none.
        """
        cheap = self.costs < cost
        require(bool(cheap.any()), f"cost must be above {self.costs.min():.3g}, got {cost!r}")
        return self._at(*np.unravel_index(np.where(cheap, self.numbers("errors"), np.inf).argmin(), cheap.shape))

    def _place(self, method: str) -> int:
        return [each["name"] for each in self.data["methods"]].index(method)

    def _at(self, method: int, setting: int) -> Point:
        error, cost = (float(numbers[method, setting]) for numbers in (self.numbers("errors"), self.costs))
        return Point(self.data["methods"][method]["name"], self.data["settings"][method][setting], error, cost)

    def _drawn(self) -> list[int]:
        """The places of the methods in sight, in their order."""
        every = enumerate(self.data["methods"])
        sights = {ALL: lambda each: True, FREE: lambda each: not each["forms"], ONE: lambda each: False}
        return [i for i, each in every if each["name"] == self.method or sights[self.shown](each)]

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 5.2))
            self._draw(fig.subplots(), self._drawn())
        return fig

    def slide_drawing(self) -> Drawing:
        """The chosen method, and beside it at most three that are told apart in large type."""
        others = ("landmarks, random pivots", "random features", "keys, uniform", "best rank")
        few = [self._place(self.method), *(self._place(name) for name in others if name != self.method)][:4]
        with style.context():
            fig = Drawing(figsize=(8.2, 4.4))
            self._draw(fig.subplots(), sorted(few))
        return style.for_slide(fig)

    def _draw(self, ax, places: Sequence[int]) -> None:
        costs, errors = self.costs, np.clip(self.numbers("errors"), LEAST, MOST)
        series, chosen = self.data["plot"]["series"], self._place(self.method)
        looks = [
            series[i] | {"x": costs[i], "y": errors[i], "chosen": self.data["methods"][i]["name"] == self.method}
            for i in places
        ]
        looks.append(series[-1] | {"x": [costs[chosen, self.setting]], "y": [errors[chosen, self.setting]]})
        plot = self.data["plot"] | {"series": [{}] * len(looks)}
        plots.draw_plot(ax, plot, looks, [{"x": 1.0, "label": "exact attention"}], x=self.data["axes"][self.cost])

    def alt(self) -> str:
        point, (words, number) = self.point, self.guarantee
        best = self.best_below(1.0) if (self.costs < 1).any() else None
        cheap = (
            f" Cheaper than exact attention, the least error is {short(best.error)}, by {best.method}." if best else ""
        )
        return (
            f"Layer {self.layer}, {self.head}: error over {self.cost}. {point.method} with m = {point.m}: error "
            f"{short(point.error)} at {short(point.cost)} times the {self.cost} of exact attention; {words} "
            f"{short(number)}.{cheap}"
        )

    def table(self) -> str:
        errors, costs, known = self.numbers("errors"), self.costs, self.numbers("guarantees")
        rows = [
            [f"{each['name']}, m = {m}", short(costs[i, j]), short(errors[i, j]), short(known[i, j])]
            for i, each in enumerate(self.data["methods"])
            for j, m in enumerate(self.data["settings"][i])
        ]
        return page.table([f"layer {self.layer}, {self.head}", f"{self.cost} / exact", "error", "known"], rows)

    def __repr__(self):
        layers, heads, methods, settings = self.data["errors"]["shape"]
        return f"ErrorAgainstCost(layers={layers}, heads={heads}, methods={methods}, settings={settings})"


def short(value: float) -> str:
    """Two digits: "0.34", "51", "4.5e+10"; the browser writes the same."""
    if value and not 0.01 <= value < 100:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(power):+d}"
    return f"{float(f'{value:.2g}'):g}"


def cost_axis(cost: str, values: np.ndarray) -> dict:
    """The logarithmic axis of a cost."""
    label = f"{cost}, exact attention = 1"
    return plots.axis(label, min(0.8 * float(values.min()), 0.5), max(1.25 * float(values.max()), 2), log=10)


def described() -> dict:
    """The plot of errors over costs, both logarithmic; its axis of costs belongs to the cost that is chosen."""
    x, y = plots.axis("cost", 0.1, 10, log=10), plots.axis("relative error of P", LEAST, MOST, log=10)
    markers = dict(zip(("solid", "dashed", "dotted"), ("circle", "square", "triangle"), strict=True))
    lines = [plots.line(name, colour, dash, marker=markers[dash]) for name, (colour, dash) in LOOKS.items()]
    return plots.plot("Error against cost", x, y, *lines, plots.points("chosen", "ink", "diamond"))
