"""Figure 6: rotary positions, with pairs as hands of clocks; the score depends on the shift only."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Wedge

from course_lib.config import Rope, is_whole, require
from course_lib.figures import plots, style
from course_lib.figures.inputs import as_matrix
from course_lib.figures.motifs import THINGS
from course_lib.reference.positions import rotary_frequencies, rotate
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk

MAX_POSITIONS, MAX_WIDTH = 64, 64
DRAWN = 8  # clocks in the static twin; of more pairs, those that can add most to the score
QUERY, KEY = THINGS["Q"].light, THINGS["K"].light


class RotaryClocks(InteractiveFigure):
    """One query and one key, placed at any two positions: each pair of their columns as two hands of a clock.

    q, k: (p,), p even, before rotation; arrays or torch tensors. rope: base and factor of the rotation.
    positions: how many there are, N, from 0.

    Pair i is columns 2 i (upwards) and 2 i + 1 (to the right), so that hands turn clockwise. Scores are inner products,
    not divided by sqrt(p). The figure computes in float64.

    Chosen: `query` and `key`, their positions m and n, and `pair`, whose part of the score is drawn by shift.
    `shift` = m - n; `scores` (N, N) = <R_m q, R_n k>, from the rotated rows; `score`, the chosen one; `terms` (p / 2,),
    what each pair adds to it. `waves` (2 N - 1, p / 2) are the same parts computed from the shift alone, one row for
    each of `shifts`, and `by_shift` (2 N - 1,) their sums <q, R_{n - m} k>.

    Raises ValueError for vectors of different or odd width, for numbers that are not finite, and above MAX_WIDTH
    columns or MAX_POSITIONS positions.
    """

    entry = "rotary_clocks"
    query = Index(0).tag(sync=True, chosen=True)
    key = Index(0).tag(sync=True, chosen=True)
    pair = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowLeft Tab ArrowLeft ArrowLeft Tab Tab Enter Tab Tab ArrowRight",
        chosen={"query": 4, "key": 1, "pair": 1},
        said="shift 3, score",
    )

    def __init__(
        self, q, k, *, rope: Rope | None = None, positions: int = 32, title: str = "Rotary", caption: str = ""
    ):
        rope = Rope() if rope is None else as_rope(rope)
        q, k = as_matrix(q, "q", rank=1), as_matrix(k, "k", rank=1)
        require_fit(q, k, positions)
        turned = {
            name: rotate(np.tile(x, (positions, 1)), np.arange(positions), rope) for name, x in (("q", q), ("k", k))
        }
        theta = rotary_frequencies(rope, len(q), positions)
        z, w = (x[0::2] + 1j * x[1::2] for x in (q, k))
        shifts = np.arange(1 - positions, positions)
        waves = (z.conj() * w * np.exp(-1j * shifts[:, None] * theta)).real
        data = {
            **{name: packed(rows, "<f8") for name, rows in turned.items()},
            "scores": packed(turned["q"] @ turned["k"].T, "<f8"),
            "waves": packed(waves, "<f8"),
            "by_shift": packed(waves.sum(axis=1), "<f8"),
            "lengths": packed([np.abs(z), np.abs(w)], "<f8"),
            "theta": theta.tolist(),
            "plot": described(waves),
        }
        super().__init__(data, title=title, caption=caption, query=3 * positions // 4, key=positions // 2)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "RotaryClocks":
        text = " ".join(tokens)
        return cls(*np.random.default_rng(6).normal(size=(2, 64)), positions=len(tokens), title=text, caption=text)

    def first_try(self) -> Try | None:
        step = min(3, len(self.scores) - 1 - max(self.query, self.key)) or -min(self.query, self.key)
        return Try("move both, and see what stays", {"query": self.query + step, "key": self.key + step})

    def allowed(self) -> dict[str, range]:
        positions, width = self.data["q"]["shape"]
        return {"query": range(positions), "key": range(positions), "pair": range(width // 2)}

    @property
    def shift(self) -> int:
        """m - n: by how many positions the key stands before the query."""
        return self.query - self.key

    @property
    def scores(self) -> np.ndarray:
        """<R_m q, R_n k> at all positions, (N, N)."""
        return unpacked(self.data["scores"])

    @property
    def score(self) -> float:
        """The score at the chosen positions."""
        return float(self.scores[self.query, self.key])

    @property
    def terms(self) -> np.ndarray:
        """What each pair adds to the chosen score, (p / 2,)."""
        q, k = self._turned()
        return (q * k).reshape(-1, 2).sum(axis=1)

    @property
    def shifts(self) -> np.ndarray:
        """All shifts m - n, rising, (2 N - 1,)."""
        N = len(self.scores)
        return np.arange(1 - N, N)

    @property
    def waves(self) -> np.ndarray:
        """What each pair adds to the score at each of `shifts`, computed from the shift alone, (2 N - 1, p / 2)."""
        return unpacked(self.data["waves"])

    @property
    def by_shift(self) -> np.ndarray:
        """<q, R_{n - m} k> for each of `shifts`, (2 N - 1,)."""
        return unpacked(self.data["by_shift"])

    @property
    def angles(self) -> np.ndarray:
        """The angle from the query's hand clockwise to the key's, in radians from -pi to pi, (p / 2,)."""
        z, w = (x[0::2] + 1j * x[1::2] for x in self._turned())
        return np.angle(z.conj() * w)

    def _turned(self) -> tuple[np.ndarray, np.ndarray]:
        """The rotated query and key, (p,) each."""
        return unpacked(self.data["q"])[self.query], unpacked(self.data["k"])[self.key]

    def drawing(self) -> Drawing:
        pairs = len(self.terms)
        reach = unpacked(self.data["lengths"]).prod(axis=0)  # the most that a pair can add
        drawn = np.sort(np.argsort(-reach, kind="stable")[:DRAWN])
        with style.context():
            fig = Drawing(figsize=(8.2, 5.2))
            top, bottom = fig.subfigures(2, 1, height_ratios=(1, 2))
            for ax, i in zip(np.ravel(top.subplots(1, len(drawn))), drawn, strict=True):
                self._draw_clock(ax, i)
            of = f" ({len(drawn)} of {pairs} pairs, those with the longest hands)" if len(drawn) < pairs else ""
            where = f"query (circle) at {self.query}, key (square) at {self.key}"
            fig.suptitle(f"{where}: score {self.score:.2f}{of}", fontsize=11)
            plane, curve = bottom.subplots(1, 2, width_ratios=(1, 1.4))
            self._draw_map(bottom, plane)
            self._draw_curve(curve)
        return fig

    def _draw_clock(self, ax: Axes, i: int) -> None:
        q, k = (x[2 * i : 2 * i + 2] for x in self._turned())
        radius = unpacked(self.data["lengths"]).max() or 1.0
        ax.add_patch(Wedge((0, 0), radius, 0, 360, fill=False, edgecolor="0.7"))
        for hand, colour, marker, line in ((q, QUERY, "o", "-"), (k, KEY, "s", "--")):
            ax.plot([0, hand[1]], [0, hand[0]], color=colour, linestyle=line, marker="", linewidth=2)
            ax.plot(hand[1], hand[0], marker=marker, color=colour, markersize=5)
        ax.set(xlim=(-1.1 * radius, 1.1 * radius), ylim=(-1.1 * radius, 1.1 * radius), aspect="equal")
        ax.set_title(f"pair {i}\n{self.terms[i]:+.2f}", fontsize=9, fontweight="normal", loc="center")
        ax.set_axis_off()

    def _draw_map(self, fig, ax: Axes) -> None:
        N, limit = len(self.scores), np.abs(self.scores).max() or 1.0
        low, high = (-limit if self.scores.min() < 0 else 0), (limit if self.scores.max() > 0 else 0)
        image = ax.imshow(self.scores, cmap=style.SIGNED if low < 0 < high else style.WEIGHTS, vmin=low, vmax=high)
        at = np.arange(max(0, -self.shift), min(N, N - self.shift))
        ax.plot(at, at + self.shift, color="0.1", linestyle=":", marker="")
        ax.plot(self.key, self.query, "s", markerfacecolor="none", markeredgecolor="0.1")
        ax.set(title="score", xlabel="position n of the key", ylabel="position m of the query")
        ax.grid(visible=False)
        fig.colorbar(image, ax=ax, shrink=0.85)

    def _draw_curve(self, ax: Axes) -> None:
        part = {"name": f"pair {self.pair} alone", "y": self.waves[:, self.pair]}
        now = {"x": [self.shift], "y": [self.score]}
        series = [{"x": self.shifts, "y": self.by_shift}, {"x": self.shifts, **part}, now]
        plots.draw_plot(ax, self.data["plot"], series, [{"y": 0}])

    def alt(self) -> str:
        past = self.by_shift[len(self.scores) - 1 :]
        return (
            f"{len(self.terms)} pairs as clocks with a hand of the query at position {self.query} and one of the key "
            f"at {self.key}; their parts add up to the score {self.score:.2f}. The map of scores at all positions is "
            "constant along its diagonals. From shift 0 on, the curve by shift is highest, "
            f"{past.max():.2f}, at {past.argmax()}."
        )

    def table(self) -> str:
        lengths, theta = unpacked(self.data["lengths"]), self.data["theta"]
        columns = (theta, lengths[0], lengths[1], self.angles, self.terms)
        rows = [
            [f"pair {i}", f"{t:.4g}", f"{a:.3f}", f"{b:.3f}", f"{angle:.3f}", f"{term:.3f}"]
            for i, (t, a, b, angle, term) in enumerate(zip(*columns, strict=True))
        ]
        head = [f"query at {self.query}, key at {self.key}", "radians per position", "query's hand", "key's hand"]
        return page.table([*head, "angle, radians", "term"], [*rows, ["sum", "", "", "", "", f"{self.score:.3f}"]])

    def __repr__(self):
        positions, width = self.data["q"]["shape"]
        return f"RotaryClocks(pairs={width // 2}, positions={positions})"


def described(waves: np.ndarray) -> dict:
    """Describe the plot over the shift: the score, one pair's part of it, and a point at the present shift."""
    last, values = len(waves) // 2, np.append(waves, waves.sum(axis=1))
    low, high = 1.05 * min(0.0, values.min()), 1.05 * max(0.0, values.max())
    shift = plots.axis("shift m − n; below 0 the key comes after the query", -last, last)
    score = plots.axis("score", low, high if low < high else 1.0)
    lines = (plots.line("all pairs", "first"), plots.line("one pair", "second", "dashed"))
    return plots.plot("Score by shift", shift, score, *lines, plots.points("now", "first"))


def require_fit(q: np.ndarray, k: np.ndarray, positions: int) -> None:
    """Raise ValueError unless q and k have the same even width and width and positions are small enough to be seen."""
    require(len(q) == len(k), f"q and k must have the same width p, got {len(q)} and {len(k)}")
    require(len(q) % 2 == 0, f"q and k must have an even width, for pairs, got {len(q)}")
    require(len(q) <= MAX_WIDTH, f"q and k must have at most {MAX_WIDTH} columns, got {len(q)}")
    good = is_whole(positions, 2) and positions <= MAX_POSITIONS
    require(good, f"positions must be a whole number from 2 to {MAX_POSITIONS}, got {positions!r}")


def as_rope(rope) -> Rope:
    """Return the rope; raises TypeError for anything else, such as a base alone."""
    if not isinstance(rope, Rope):
        raise TypeError(f"rope must be a Rope, got {rope!r:.80}")
    return rope
