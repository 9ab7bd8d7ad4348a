"""Figure 10: query heads share their KV heads, from one each to one for all: what that saves, and what it costs."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.accounting import in_binary_units
from course_lib.config import ModelConfig, require
from course_lib.figures import plots, sharing, style
from course_lib.figures.inputs import as_tokens
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk
from course_lib.widgets.numbers import shared_heads

MAX_TOKENS, MAX_CELLS = 64, 300_000  # of a text; of all maps together, of which only the lower triangles are sent


class HeadSharing(InteractiveFigure):
    """A trained multi-head decoder whose query heads share ever fewer KV heads: bytes and errors of attention.

    model: a DecoderModel with as many KV heads as query heads. ids: (N,) token ids of a text. tokens: their texts.
    ways: how heads are merged, name -> function (model, n_kv_heads) -> model; default `numbers.shared_heads.WAYS`.
    counts: numbers of KV heads, falling from the number of query heads; default all its divisors.

    Chosen, all of them positions: `step` in `counts`, also read and set as `n_kv_heads`; `way` in `ways`; `layer`;
    `head`, a query head. `bytes_per_token` is what a token leaves in the caches of all layers. For the errors each
    layer gets the input that it has in the original model, so that only its own sharing counts. `weight_errors`
    (layers, heads) are the share of weight on other keys, half of sum_j |P'_ij - P_ij|, in the mean over queries;
    `output_errors` (layers,) are |Y' - Y| / |Y|; `weight_error` and `output_error` are their means. `loss` is that of
    the whole converted model on the text, in nats per token.

    Raises ValueError for other models, counts that do not divide the number of heads, more tokens than MAX_TOKENS, and
    maps of more than MAX_CELLS cells in all.
    """

    entry = "head_sharing"
    step = Index(0).tag(sync=True, chosen=True)
    way = Index(0).tag(sync=True, chosen=True)
    layer = Index(0).tag(sync=True, chosen=True)
    head = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowRight Tab ArrowRight Tab Tab ArrowRight ArrowRight",
        chosen={"step": 3, "way": 1, "head": 2},
        said="head 2",
    )

    def __init__(
        self,
        model,
        ids,
        tokens: Sequence[str],
        *,
        ways: Mapping[str, Callable] = shared_heads.WAYS,
        counts: Sequence[int] | None = None,
        title: str = "Shared heads",
        caption: str = "",
    ):
        ids, counts = shared_heads.checked(model, ids, counts, MAX_TOKENS)
        N, config = ids.shape[1], model.config
        cells = heads_drawn(config, len(ways), len(counts)) * N * (N + 1) // 2
        require(cells <= MAX_CELLS, f"all maps must have at most {MAX_CELLS:,} cells, got {cells:,}: take fewer tokens")
        found = shared_heads.departures(model, ids, ways, counts)
        size = next(model.parameters()).element_size()
        width = config.n_layers * (config.attention.d_qk + config.attention.d_value)
        maps = packed(np.rint(255 * as_triangles(found.pop("weights"))), "|u1")
        found["weight_error"] = found["weight_errors"].mean(axis=(-2, -1))
        found["output_error"] = found["output_errors"].mean(axis=-1)
        data = {
            "maps": maps,
            **{name: packed(values, "<f8") for name, values in found.items()},
            "bytes": [g * width * size for g in counts],
            "sizes": [in_binary_units(g * width * size) for g in counts],
            "plots": described(counts, list(ways), found),
            "counts": counts,
            "ways": list(ways),
            "tokens": as_tokens(tokens, N, "tokens"),
        }
        super().__init__(data, title=title, caption=caption, step=min(2, len(counts) - 1), layer=config.n_layers - 1)

    @staticmethod
    def most_tokens(model) -> int:
        """The largest number of tokens that the figure takes with the default ways and counts."""
        h = model.config.attention.n_heads
        heads = heads_drawn(model.config, len(shared_heads.WAYS), sum(h % g == 0 for g in range(1, h + 1)))
        return max(N for N in range(MAX_TOKENS + 1) if heads * N * (N + 1) // 2 <= MAX_CELLS)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "HeadSharing":
        import torch

        from course_lib.config import GroupedConfig
        from course_lib.models import DecoderModel

        text = " ".join(tokens)
        config = ModelConfig(vocab_size=64, n_layers=1, attention=GroupedConfig(d_model=48, n_heads=12), d_ff=48)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(3)
            model = DecoderModel(config)
            model.blocks[0].attention.W_Q.mul_(400)  # sharp weights, as in a trained model
        ways = {name: shared_heads.WAYS[name] for name in ("mean", "first")}
        return cls(model, range(len(tokens)), tokens, ways=ways, counts=(12, 6, 3, 1), title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("one KV head for all", {"step": self.allowed()["step"][-1]})

    def allowed(self) -> dict[str, range]:
        ways, counts, layers, heads = self.data["weight_errors"]["shape"]
        return {"step": range(counts), "way": range(ways), "layer": range(layers), "head": range(heads)}

    @property
    def counts(self) -> list[int]:
        """The numbers of KV heads that can be chosen, falling."""
        return self.data["counts"]

    @property
    def ways(self) -> list[str]:
        """The names of the ways to merge heads."""
        return self.data["ways"]

    @property
    def n_kv_heads(self) -> int:
        """The chosen number of KV heads; setting it chooses its step. Raises ValueError unless it is in `counts`."""
        return self.counts[self.step]

    @n_kv_heads.setter
    def n_kv_heads(self, value: int):
        require(value in self.counts, f"n_kv_heads must be one of {self.counts}, got {value!r}")
        self.step = self.counts.index(value)

    @property
    def bytes_per_token(self) -> int:
        """The bytes that a token leaves in the caches of all layers."""
        return self.data["bytes"][self.step]

    @property
    def weight_errors(self) -> np.ndarray:
        """The share of weight on other keys than before, (layers, heads)."""
        return self._of("weight_errors")

    @property
    def output_errors(self) -> np.ndarray:
        """|Y' - Y| / |Y| of each layer, (layers,)."""
        return self._of("output_errors")

    @property
    def weight_error(self) -> float:
        """The mean of `weight_errors`."""
        return float(self._of("weight_error"))

    @property
    def output_error(self) -> float:
        """The mean of `output_errors`."""
        return float(self._of("output_error"))

    @property
    def loss(self) -> float:
        """The loss of the whole converted model on the text, in nats per token."""
        return float(self._of("losses"))

    def _of(self, name: str):
        return unpacked(self.data[name])[self.way, self.step]

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 3.6))
            groups, bottom = fig.subfigures(2, 1, height_ratios=(1, 1.5))
            sharing.draw_groups(groups.subplots(), self.counts[0], self.n_kv_heads)
            names = [f"{g}: {size}" for g, size in zip(self.counts, self.data["sizes"], strict=True)]
            x = {"label": "KV heads g: cache per token", "texts": names}
            for ax, (name, plot) in zip(bottom.subplots(1, 2), self.data["plots"].items(), strict=True):
                plots.draw_plot(ax, plot | {"legend": True}, x=x)
                ax.plot(self.step, self._of(name), "o", markersize=13, color="0.1", fillstyle="none", markeredgewidth=2)
        return fig

    def alt(self) -> str:
        h, g, full = self.counts[0], self.n_kv_heads, self.data["sizes"][0]
        if g == h:
            return f"{h} query heads with a KV head each: {full} of cache per token, and by definition no error."
        size, way = self.data["sizes"][self.step], self.ways[self.way]
        return (
            f"{h} query heads share {kv_heads(g)}, merged by '{way}': {size} of cache per token instead of {full}, "
            f"{self.weight_error:.2f} of the attention weight on other keys, and an output {self.output_error:.2f} of "
            "its length away. Two plots of these errors against the KV heads, from many to one, a curve for each way."
        )

    def table(self) -> str:
        names = ("weight_error", "output_error", "losses")
        columns = [unpacked(self.data[name]) for name in names]
        rows = [
            [f"{way}, {kv_heads(g)}", self.data["sizes"][j], *(f"{column[i, j]:.3f}" for column in columns)]
            for i, way in enumerate(self.ways)
            for j, g in enumerate(self.counts)
        ]
        return page.table(
            ["merged by", "cache per token", "weight on other keys", "|Y' - Y| / |Y|", "loss, nats"], rows
        )

    def __repr__(self):
        return f"HeadSharing(heads={self.counts[0]}, counts={self.counts}, tokens={len(self.data['tokens'])})"


def heads_drawn(config: ModelConfig, ways: int, counts: int) -> int:
    """The number of attention maps: all heads of the original model, and of each way with each smaller count."""
    return (1 + ways * (counts - 1)) * config.n_layers * config.attention.n_heads


def described(counts: Sequence[int], ways: Sequence[str], found: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Describe a plot of each error over the KV heads, in the slider's direction, with a curve for each way."""
    steps = list(range(len(counts)))
    x = plots.axis("KV heads g", -0.3, len(counts) - 0.7, ticks=steps, texts=[str(g) for g in counts])

    def plot(label: str, unit: str, errors: np.ndarray) -> dict:
        looks = zip(ways, errors.tolist(), cycle(plots.DASHES), cycle(plots.MARKERS), strict=False)
        lines = (plots.line(way, "gqa", dash, marker=marker, x=steps, y=y) for way, y, dash, marker in looks)
        return plots.plot(label, x, plots.axis(unit, 0, 1.08 * max(0.1, float(errors.max()))), *lines, legend=False)

    return {
        "weight_error": plot("weight on other keys", "share of weight", found["weight_error"]),
        "output_error": plot("error of the output", "|Y′ − Y| / |Y|", found["output_error"]),
    }


def as_triangles(P: np.ndarray) -> np.ndarray:
    """Cut causal weights (ways, counts, layers, heads, N, N) to their triangles (states, layers, heads, N (N + 1) / 2).

    The first state is the original model, which all ways share; then come the smaller counts of each way.
    """
    rows, columns = np.tril_indices(P.shape[-1])
    lower = P[..., rows, columns]
    return np.concatenate([lower[:1, 0], lower[:, 1:].reshape(-1, *lower.shape[2:])])


def kv_heads(count: int) -> str:
    """The count with its noun: "1 KV head", "2 KV heads"."""
    return "1 KV head" if count == 1 else f"{count} KV heads"
