"""Figure 14: a matrix of one head, an approximation of rank r, and its error beside what a theorem states."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import plots, style
from course_lib.randomised.checks import check_whole
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk
from course_lib.widgets.numbers.approximations import METHODS, from_bytes, head_of

LEAST = 1e-3  # the lowest end of the axis of errors
TOP = 2  # and its upper end
MAX_BYTES = 4 * 2**20  # of pictures, which also go into every exported page
READING = (
    "Left the matrix, beside it the approximation; blue is negative. Errors are in the Frobenius norm, divided by that "
    "of the matrix. The error of a range finder is that of one draw; the bound is on its mean."
)


class LowRankHeads(InteractiveFigure):
    """Matrices of the heads of a model, approximated at a chosen rank by a chosen method, with errors and bounds.

    matrices: name -> array (layers, heads, n, m), finite; n and m may differ between names. most: the largest rank.
    seed: of the random vectors of the range finders.

    Chosen: `matrix`, a name of `matrices`; `layer` and `head`, from 0; `method`, one of METHODS; `rank`, from 1.
    `error`, `least` and `bound` belong to what is chosen; `bound` is None for ranks without one. `picture` and
    `approximation` are what is drawn: means over neighbouring entries, to within a hundredth of the largest value.

    Raises ValueError for arrays of other shapes, for entries that are not finite, for a matrix of zeros, for a rank
    above a side, and for pictures of more than MAX_BYTES.
    """

    entry = "low_rank_heads"
    reading = READING
    matrix = Name("").tag(sync=True, chosen=True)
    layer = Index(0).tag(sync=True, chosen=True)
    head = Index(0).tag(sync=True, chosen=True)
    method = Name("range finder").tag(sync=True, chosen=True)
    rank = Index(1).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowUp Tab Tab ArrowDown Tab ArrowDown Tab End ArrowLeft",
        chosen={"matrix": "S", "head": 1, "method": "with 1 power", "rank": 7},
        said="error",
    )

    def __init__(
        self,
        matrices: Mapping[str, np.ndarray],
        *,
        most: int = 32,
        seed: int = 0,
        title: str = "Approximations of low rank",
        caption: str = "",
    ):
        good = isinstance(matrices, Mapping) and len(matrices) > 0
        require(good, f"matrices must be a mapping from names to arrays, not empty, got {matrices!r:.80}")
        checked = {name: checked_heads(name, B, most) for name, B in matrices.items()}
        shapes = {B.shape[:2] for B in checked.values()}
        require(len(shapes) == 1, f"matrices must have the same layers and heads, got {sorted(shapes)}")
        random = np.random.default_rng(seed)
        tables = [{"name": name, **table_of(B, most, random)} for name, B in checked.items()]
        size = sum(len(table[key]["bytes"]) for table in tables for key in ("maps", "left", "right"))
        require(size <= MAX_BYTES, f"pictures must take at most {MAX_BYTES:,} bytes, got {size:,}: give fewer heads")
        (layers, heads), last = shapes.pop(), tables[-1]["name"]
        data = {"tables": tables, "methods": list(METHODS), "layers": layers, "heads": heads}
        data |= {"most": most, "plot": described(most)}
        opening = {"matrix": last, "layer": layers // 2, "rank": max(1, most // 4)}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "LowRankHeads":
        n, text, random = len(tokens), " ".join(tokens), np.random.default_rng(2)
        Q, K = random.normal(size=(2, 1, 12, n, 4))
        S = Q @ K.swapaxes(-1, -2)
        A = np.exp(S) * np.tri(n)
        return cls({"S": S, "P": A / A.sum(-1, keepdims=True)}, most=min(n, 8), title=text, caption=text)

    def first_try(self) -> Try | None:
        power = "with 1 power"
        if self.method != power:
            return Try("add a power", {"method": power})
        return Try("without a power", {"method": "range finder"})

    def allowed(self) -> dict[str, range | Sequence[str]]:
        return {
            "matrix": [table["name"] for table in self.data["tables"]],
            "layer": range(self.data["layers"]),
            "head": range(self.data["heads"]),
            "method": self.data["methods"],
            "rank": range(1, self.data["most"] + 1),
        }

    @property
    def error(self) -> float:
        """||B - B_r||_F / ||B||_F for the matrix B and its approximation B_r."""
        return float(self._curve("errors")[self.rank - 1])

    @property
    def least(self) -> float:
        """The least error of the chosen rank (Eckart and Young)."""
        return float(self._curve("bounds", "SVD")[self.rank - 1])

    @property
    def bound(self) -> float | None:
        """The bound on the root mean square of `error` over draws; for the SVD, `least`; None if there is none."""
        bound = float(self._curve("bounds")[self.rank - 1])
        return None if np.isnan(bound) else bound

    @property
    def picture(self) -> np.ndarray:
        """The matrix as it is drawn: means over neighbouring entries, cut off at the end of the colours."""
        return self._limit * from_bytes(self._of("maps"))

    @property
    def approximation(self) -> np.ndarray:
        """The approximation as it is drawn: means over neighbouring entries."""
        i = self.data["methods"].index(self.method)
        left, right, sizes = (self._of(name)[i] for name in ("left", "right", "sizes"))
        return (from_bytes(left)[:, : self.rank] * sizes[: self.rank]) @ from_bytes(right)[: self.rank]

    @property
    def _table(self) -> dict:
        return next(table for table in self.data["tables"] if table["name"] == self.matrix)

    @property
    def _limit(self) -> float:
        return float(self._of("limits"))

    def _of(self, name: str) -> np.ndarray:
        return unpacked(self._table[name])[self.layer, self.head]

    def _curve(self, name: str, method: str | None = None) -> np.ndarray:
        return self._of(name)[self.data["methods"].index(method or self.method)]

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 3.3), layout="constrained")
            matrix, approximation, plot = fig.subplots(1, 3, width_ratios=(1, 1, 1.2))
            n, m = self._table["shape"]
            drawn = {
                f"{self.matrix}, {n} × {m}": (matrix, self.picture),
                f"{self.method}, rank {self.rank}": (approximation, self.approximation),
            }
            for name, (ax, values) in drawn.items():
                colours = {"cmap": style.SIGNED, "vmin": -self._limit, "vmax": self._limit}
                image = ax.imshow(values, interpolation="nearest", **colours)
                ax.set(xticks=[], yticks=[], title=name)
                ax.spines[:].set_visible(True)
            rule, limits = {"x": self.rank, "label": f"r = {self.rank}"}, {"domain": [self._lowest, TOP]}
            plots.draw_plot(plot, self.data["plot"], self._series(), [rule], y=limits)
            bar = {"location": "right", "shrink": 0.8, "aspect": 25, "label": self._cell()}
            fig.colorbar(image, ax=[matrix, approximation], extend="both", **bar)
        return fig

    def _cell(self) -> str:
        """What one cell of the pictures is: an entry, or the mean of neighbouring ones."""
        sizes = [-(-side // drawn) for side, drawn in zip(self._table["shape"], self.picture.shape, strict=True)]
        return "entry" if sizes == [1, 1] else "mean of {} × {} entries".format(*sizes)

    @property
    def _lowest(self) -> float:
        """The lower end of the axis of errors: the power of 10 below all errors of this matrix, and at least LEAST."""
        least = self._curve("bounds", "SVD").min()
        return max(LEAST, 10.0 ** np.floor(np.log10(max(least, LEAST))))

    def _series(self) -> list[dict]:
        """The curves in the order of the plot's description; without a bound of its own for the SVD."""
        curves = [self._curve("errors"), self._curve("bounds", "SVD")]
        if self.method != "SVD" and np.isfinite(self._curve("bounds")).any():
            curves.append(self._curve("bounds"))
        places = [np.flatnonzero(np.isfinite(curve)) for curve in curves]
        return [
            {"x": at + 1, "y": np.maximum(curve[at], self._lowest)} for curve, at in zip(curves, places, strict=True)
        ]

    def alt(self) -> str:
        n, m = self._table["shape"]
        bound = f", and the bound is {self.bound:.3f}" if self.method != "SVD" and self.bound is not None else ""
        return (
            f"{self.matrix} of layer {self.layer}, head {self.head}, {n} x {m}, beside its approximation of rank "
            f"{self.rank} by the method '{self.method}': relative error {self.error:.3f}. The least of this rank is "
            f"{self.least:.3f}{bound}. A plot of the three over the rank."
        )

    def table(self) -> str:
        most = self.data["most"]
        ranks = sorted({*(2**i for i in range(most.bit_length())), self.rank, most})
        columns = [
            (kind, name) for name in METHODS for kind in ("errors", "bounds") if (kind, name) != ("bounds", "SVD")
        ]
        head = [name if kind == "errors" else "bound" for kind, name in columns]
        rows = [[f"rank {r}", *(as_cell(self._curve(*column)[r - 1]) for column in columns)] for r in ranks]
        return page.table([f"{self.matrix}, layer {self.layer}, head {self.head}: error by", *head], rows)

    def __repr__(self):
        names = ", ".join(self.allowed()["matrix"])
        return f"LowRankHeads({names}; layers={self.data['layers']}, heads={self.data['heads']})"


def as_cell(error: float) -> str:
    """An error for the table, "–" where there is none."""
    return "–" if np.isnan(error) else f"{error:.3f}"


def checked_heads(name: str, B: np.ndarray, most: int) -> np.ndarray:
    """The matrices of all heads in float64. Raises ValueError as the figure does."""
    B = np.asarray(B, dtype=np.float64)
    require(B.ndim == 4 and B.size > 0, f"{name} must have shape (layers, heads, n, m), got {B.shape}")
    require(bool(np.isfinite(B).all()), f"{name} must be finite, got NaN or infinity")
    require(bool(B.any(axis=(-2, -1)).all()), f"{name} must not be zero for any head, got a matrix of zeros")
    check_whole("most", most, 1, min(B.shape[2:]))
    return B


def table_of(B: np.ndarray, most: int, random: np.random.Generator) -> dict:
    """Pictures, errors and bounds of one kind of matrix (layers, heads, n, m), packed, for all heads and methods."""
    heads = [head_of(one, most, random) for one in B.reshape(-1, *B.shape[2:])]
    types = {"maps": "|u1", "left": "|u1", "right": "|u1"}
    stacked = {name: np.stack([head[name] for head in heads]) for name in heads[0]}
    shaped = {name: values.reshape(*B.shape[:2], *values.shape[1:]) for name, values in stacked.items()}
    return {"shape": list(B.shape[2:])} | {name: packed(v, types.get(name, "<f4")) for name, v in shaped.items()}


def described(most: int) -> dict:
    """Describe the plot of the error, the least error and the bound over the rank."""
    lines = (
        plots.line("error", "first"),
        plots.line("least error", "ink", "dotted"),
        plots.line("bound", "second", "dashed"),
    )
    error = plots.axis("relative error", LEAST, TOP, log=10)
    return plots.plot("Error over the rank", plots.axis("rank r", 1, max(2, most), whole=True), error, *lines)
