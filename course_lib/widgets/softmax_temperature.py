"""Figure 3: the temperature of a softmax, and why attention divides by sqrt(d)."""

from collections.abc import Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import plots, style
from course_lib.figures.inputs import as_matrix, as_tokens
from course_lib.reference.attention import softmax_weights
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk

MAX_KEYS, MAX_WIDTH = 64, 4096
GRID = 2.0 ** np.arange(-2, 6.25, 0.25)  # temperatures; the roots of the widths are added


class SoftmaxTemperature(InteractiveFigure):
    """The weights softmax(K q / T) of one query, at each width d and temperature T; predict, then reveal.

    q: (d,), K: (N, d), arrays or torch tensors. tokens: names of the N keys.

    The widths are 1, 4, 16, ... and d; at a smaller width the figure takes the first coordinates of q and K.

    Chosen: `width` and `step`, positions in `widths` and `temperatures`; `hidden`, whether the results are hidden
    while a reader predicts; `predicted`, how many keys are looked at (1 to N), or None. Setting the property
    `temperature` chooses the nearest one. `weights` (N,), `keys_looked_at` = exp(entropy) and `gradient` = |J|, the
    Frobenius norm of J = diag(p) - p p^T, belong to the chosen width and temperature.

    Raises TypeError for tokens that are no strings; ValueError for shapes that do not fit, numbers that are not finite,
    and above MAX_KEYS keys or MAX_WIDTH coordinates.
    """

    entry = "softmax_temperature"
    width = Index(0).tag(sync=True, chosen=True)
    step = Index(0).tag(sync=True, chosen=True)
    hidden = traitlets.Bool(False).tag(sync=True, chosen=True)
    predicted = Index(None, allow_none=True).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowRight Tab ArrowRight ArrowRight Tab Tab Enter",
        chosen={"width": 4, "step": 24},
        said="keys looked at",
    )

    def __init__(self, q, K, tokens: Sequence[str] | None = None, *, title: str = "Temperature", caption: str = ""):
        q, K = as_matrix(q, "q", rank=1), as_matrix(K, "K")
        N, d = K.shape
        require(len(q) == d, f"q and K must have the same width d, got shapes {q.shape} and {K.shape}")
        require(N <= MAX_KEYS and d <= MAX_WIDTH, f"K must be at most {MAX_KEYS} x {MAX_WIDTH}, got shape {K.shape}")
        widths = [4**i for i in range(7) if 4**i < d] + [d]
        temperatures = np.unique(np.concatenate([GRID, np.sqrt(widths)]))
        scores = np.stack([K[:, :width] @ q[:width] for width in widths])
        P = softmax_weights(scores[:, None, :] / temperatures[:, None])
        data = {
            "weights": packed(P),
            **{name: packed(values, "<f8") for name, values in measures(P).items()},
            "widths": widths,
            "temperatures": temperatures.tolist(),
            "plots": described(N, temperatures.tolist()),
            "keys": as_tokens([f"key {j}" for j in range(N)] if tokens is None else tokens, N, "tokens"),
        }
        opening = {"width": max(0, len(widths) - 2), "step": int(np.searchsorted(temperatures, 1.0))}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "SoftmaxTemperature":
        rng, text = np.random.default_rng(2), " ".join(tokens)
        return cls(rng.normal(size=256), rng.normal(size=(len(tokens), 256)), tokens, title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("set T to √d", {"width": self.width, "step": self.scaled_step()})  # √d of this width

    def allowed(self) -> dict[str, range]:
        widths, temperatures, N = self.data["weights"]["shape"]
        return {"width": range(widths), "step": range(temperatures), "predicted": range(1, N + 1)}

    @property
    def widths(self) -> list[int]:
        """The widths d that can be chosen."""
        return self.data["widths"]

    @property
    def temperatures(self) -> list[float]:
        """The temperatures that can be chosen, rising; sqrt(d) of each width is among them."""
        return self.data["temperatures"]

    @property
    def temperature(self) -> float:
        """The chosen temperature; setting it chooses the nearest one. Raises ValueError unless it is positive."""
        return self.temperatures[self.step]

    @temperature.setter
    def temperature(self, value: float):
        require(value > 0, f"temperature must be positive, got {value}")
        self.step = int(np.abs(np.log(np.array(self.temperatures) / value)).argmin())

    @property
    def weights(self) -> np.ndarray:
        """The weights (N,) at the chosen width and temperature."""
        return unpacked(self.data["weights"])[self.width, self.step]

    @property
    def keys_looked_at(self) -> float:
        """exp(entropy) of the chosen weights."""
        return float(unpacked(self.data["looked_at"])[self.width, self.step])

    @property
    def gradient(self) -> float:
        """The Frobenius norm |J| at the chosen weights."""
        return float(unpacked(self.data["gradient"])[self.width, self.step])

    def scaled_step(self) -> int:
        """The position in `temperatures` of sqrt(d), for the chosen width d."""
        return int(np.abs(np.array(self.temperatures) - np.sqrt(self.widths[self.width])).argmin())

    def drawing(self) -> Drawing:
        T, N, points = self.temperatures, len(self.data["keys"]), (self.step, self.scaled_step())
        now = {"name": f"T = {self.temperature:.3g}"}
        with style.context():
            fig = Drawing(figsize=(8.2, 3.2))
            for ax, (name, plot) in zip(fig.subplots(1, 3), self.data["plots"].items(), strict=True):
                of_width = unpacked(self.data[name])[self.width]
                if name == "weights":
                    series = [{"x": range(N), "y": of_width[at]} for at in points]
                    plots.draw_plot(ax, plot, [series[0] | now, series[1]])
                else:
                    line = {"x": T, "y": of_width}
                    plots.draw_plot(ax, plot, [line, *({"x": [T[at]], "y": [of_width[at]]} for at in points)])
            fig.axes[0].set_title(f"weights, d = {self.widths[self.width]}")
        return fig

    def alt(self) -> str:
        looked_at, gradient = (unpacked(self.data[name])[self.width] for name in ("looked_at", "gradient"))
        scaled = self.scaled_step()
        return (
            f"Weights of {len(self.data['keys'])} keys of width {self.widths[self.width]}, and two curves against the "
            f"temperature. At {self.temperature:.3g}, {self.keys_looked_at:.1f} keys are looked at and the gradient "
            f"norm is {self.gradient:.2f}; at the root of d, {looked_at[scaled]:.1f} and {gradient[scaled]:.2f}."
        )

    def table(self) -> str:
        columns = [unpacked(self.data[name])[self.width] for name in ("entropy", "looked_at", "gradient")]
        rows = [
            [f"{T:.3g}", f"{H:.3f}", f"{n:.2f}", f"{g:.3f}"]
            for T, H, n, g in zip(self.temperatures, *columns, strict=True)
        ]
        return page.table(["temperature", "entropy, nats", "keys looked at", "gradient norm"], rows)

    def __repr__(self):
        return f"SoftmaxTemperature(keys={len(self.data['keys'])}, widths={self.widths})"


def described(N: int, temperatures: Sequence[float]) -> dict[str, dict]:
    """Describe three plots: the weights at the chosen temperature and at sqrt(d), and two curves over temperatures."""
    scaled = plots.points("T = √d", "second", "diamond")
    T = plots.axis("temperature T", temperatures[0], temperatures[-1], log=2)
    curve = (plots.line("all temperatures", "first"), plots.points("now", "first"), scaled)
    key, weight = plots.axis("key", -0.6, N - 0.4, whole=True), plots.axis("weight", 0, 1)
    looked_at, norm = plots.axis("keys looked at", 0, N), plots.axis("|J|", 0, 0.75)
    return {
        "weights": plots.plot("Weights of the keys", key, weight, plots.bars("now", "first"), scaled),
        "looked_at": plots.plot("keys looked at", T, looked_at, *curve, legend=False),
        "gradient": plots.plot("gradient norm |J|", T, norm, *curve, legend=False),
    }


def measures(P: np.ndarray) -> dict[str, np.ndarray]:
    """Entropy in nats, its exponential, and the norm of the softmax's derivative, for weights P (..., N).

    The Frobenius norm: |diag(p) - p p^T|^2 = sum p^2 - 2 sum p^3 + (sum p^2)^2, which rounding can take below zero.
    """
    entropy = -(P * np.log(np.maximum(P, 1e-300))).sum(axis=-1)
    squares, cubes = (P**2).sum(axis=-1), (P**3).sum(axis=-1)
    gradient = np.sqrt(np.maximum(squares - 2 * cubes + squares**2, 0.0))
    return {"entropy": entropy, "looked_at": np.exp(entropy), "gradient": gradient}
