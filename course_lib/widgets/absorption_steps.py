"""Figure 12: absorption, step by step: both orders of the same products side by side."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib import accounting
from course_lib.config import LatentConfig, is_whole, require
from course_lib.figures import style
from course_lib.figures.inputs import as_matrix, as_tokens
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk
from course_lib.widgets.numbers.two_forms import EQUAL, FORMS, both_forms, counted_size, works

MAX_KEYS = 65  # rows that the first new token sees: their names and pictures can be read
MAX_NUMBERS = 50_000  # in the keys of all heads, and in their values
STAGES = (
    "the new query, and the cache",
    "keys are made, or the query is taken to the latent",
    "scores",
    "weights",
    "values are made, or latent rows are mixed",
    "heads",
    "output",
)
READING = (
    "Pictures are of one head and the first new token, one cell for each number, rows are tokens; each has its own "
    "scale. Values in float64; bytes as if each number were bfloat16."
)


class AbsorptionSteps(InteractiveFigure):
    """One call of a latent attention layer in both readings: what is cached, what is made, what it costs.

    layer: a `course_lib.layers.LatentAttention` without window, computed in float64. X: (T, d), the rows that it reads,
    array or torch tensor; `cached` of them are in the cache, the next ones are new. tokens: the names of all T.
    sizes: name -> (LatentConfig, cached tokens), whose shapes and costs can be shown in place of the layer's own.
    name: of the layer.

    Chosen: `head`; `step`, position in `new_tokens` (1, 2, 4, ... and all there are); `size`, position in
    `size_names`; `stage` (0 to 6), up to which the steps are shown. `differences` holds, for the chosen number of new
    tokens, the largest absolute difference between the readings in scores, weights, heads and output; `costs` the
    `accounting.Work` of both.

    Raises ValueError (TypeError for what is no text) for shapes that do not fit, numbers that are not finite, a layer
    or sizes with a window, sizes of the layer's name, and above MAX_KEYS keys or MAX_NUMBERS numbers in the keys.
    """

    entry = "absorption_steps"
    reading = READING
    head = Index(0).tag(sync=True, chosen=True)
    step = Index(0).tag(sync=True, chosen=True)
    size = Index(0).tag(sync=True, chosen=True)
    stage = Index(len(STAGES) - 1).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Tab Enter Tab Tab ArrowRight ArrowRight Tab ArrowRight Tab ArrowRight",
        chosen={"stage": 5, "step": 2, "size": 1, "head": 1},
        said="head 1",
    )

    def __init__(
        self,
        layer,
        X,
        tokens: Sequence[str],
        *,
        cached: int,
        sizes: Mapping[str, tuple[LatentConfig, int]] | None = None,
        name: str = "this layer",
        title: str = "Absorption, step by step",
        caption: str = "",
    ):
        X = as_matrix(X, "X")
        require_layer(layer, X, cached)
        require_sizes(sizes or {}, name)
        counted = {name: (layer.config, cached)} | dict(sizes or {})
        new = [2**k for k in range(12) if 2**k < len(X) - cached] + [len(X) - cached]
        tensors, differences = both_forms(layer, X, cached)
        data = {
            "tensors": {key: packed(array) for key, array in tensors.items()},
            "differences": packed(np.maximum.accumulate(differences)[np.array(new) - 1], "<f8"),
            "keys": as_tokens(tokens, len(X), "tokens")[: cached + 1],
            "new": new,
            "sizes": [counted_size(key, *of, new) for key, of in counted.items()],
            "stages": list(STAGES),
        }
        self._configs = list(counted.values())
        super().__init__(data, title=title, caption=caption)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "AbsorptionSteps":
        import torch

        from course_lib.layers import LatentAttention

        generator, text = torch.Generator().manual_seed(4), " ".join(tokens)
        layer = LatentAttention(LatentConfig(d_model=48, n_heads=12, d_latent=20, d_head=8, d_rope=6))
        with torch.no_grad():
            for W in layer.parameters():
                W.normal_(0, len(W) ** -0.5, generator=generator)
        X, other = torch.randn(len(tokens) + 8, 48, generator=generator), accounting.model("DeepSeek-V2").layers[0][1]
        names, sizes = [*tokens, *"abcdefgh"], {text: (other, 8192)}
        return cls(layer, X, names, cached=len(tokens) - 1, sizes=sizes, title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("the step after this one", {"stage": (self.stage + 1) % len(STAGES)})

    def allowed(self) -> dict[str, range]:
        heads = self.data["tensors"]["K"]["shape"][0]
        new, sizes = self.data["new"], self.data["sizes"]
        return {"head": range(heads), "step": range(len(new)), "size": range(len(sizes)), "stage": range(len(STAGES))}

    @property
    def new_tokens(self) -> list[int]:
        """The numbers of new tokens that can be chosen; all of them see what is cached."""
        return self.data["new"]

    @property
    def size_names(self) -> list[str]:
        return [size["name"] for size in self.data["sizes"]]

    @property
    def differences(self) -> dict[str, float]:
        """The largest absolute difference between the readings, over heads, keys and the chosen new tokens."""
        return dict(zip(EQUAL, unpacked(self.data["differences"])[self.step].tolist(), strict=True))

    @property
    def costs(self) -> dict[str, accounting.Work]:
        """Of both readings, for the chosen sizes and number of new tokens."""
        config, cached = self._configs[self.size]
        return works(config, cached, self.new_tokens[self.step])

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 3.2))
            panels = fig.subplots(1, 2)
            flops = [[cell["flops"] for cell in self._cells()[reading]] for reading in FORMS]
            shares = [[100 * part / sum(flops[0]) for part in parts] for parts in flops]
            steps = ["query", "keys | query\nto latent", "scores", "values |\nmix", "heads", "output"]
            groups = [("FLOPs, % of expanded", steps, [[*parts[:3], *parts[4:]] for parts in shares])]
            works = self.costs
            whole = works["expanded"].bytes
            parts = list(works["expanded"].bytes_by_part)
            moved = [[100 * works[reading].bytes_by_part[part] / whole for part in parts] for reading in FORMS]
            groups.append(("bytes, % of expanded", parts, moved))
            for ax, (label, names, values) in zip(panels, groups, strict=True):
                for i, reading in enumerate(FORMS):
                    ax.bar(np.arange(len(names)) + 0.4 * i - 0.2, values[i], 0.4, label=reading)
                ax.set_xticks(range(len(names)), names, fontsize=8)
                ax.set(ylabel=label)
            panels[0].legend()
        return fig

    def alt(self) -> str:
        work, bound = self.costs, power_above(max(self.differences.values()))
        new, size = self.new_tokens[self.step], self.data["sizes"][self.size]
        flops, moved = (getattr(work["absorbed"], of) / getattr(work["expanded"], of) for of in ("flops", "bytes"))
        return (
            f"Two readings of one latent cache, sizes of {size['name']}, {new} new and {size['cached']:,} cached: "
            f"absorbed takes {flops:.2f} times the FLOPs and {moved:.2f} times the bytes of expanded. "
            f"Scores, weights, heads and output differ by less than {bound}."
        )

    def table(self) -> str:
        cells = self._cells()
        rows = [[stage, *(f"{cells[reading][i]['flops']:,}" for reading in FORMS)] for i, stage in enumerate(STAGES)]
        work = self.costs
        rows.append(["all FLOPs", *(f"{work[reading].flops:,}" for reading in FORMS)])
        parts = work["expanded"].bytes_by_part
        rows += [[f"bytes, {part}", *(f"{work[reading].bytes_by_part[part]:,}" for reading in FORMS)] for part in parts]
        rows.append(["all bytes", *(f"{work[reading].bytes:,}" for reading in FORMS)])
        rows += [[f"difference in {name}", "", f"below {power_above(x)}"] for name, x in self.differences.items()]
        return page.table(["FLOPs of a step", *FORMS], rows)

    def _cells(self) -> dict[str, list[dict]]:
        return self.data["sizes"][self.size]["costs"][self.step]["cells"]

    def __repr__(self):
        heads, N, _ = self.data["tensors"]["K"]["shape"]
        return f"AbsorptionSteps(heads={heads}, cached={N - 1}, new={self.new_tokens}, sizes={self.size_names})"


def require_layer(layer, X: np.ndarray, cached: int) -> None:
    """Raise ValueError unless it is a latent layer for X, small enough to be read."""
    config = getattr(layer, "config", None)
    require(isinstance(config, LatentConfig), f"layer must be a layers.LatentAttention, got {type(layer).__name__}")
    require(config.window is None, f"layer must have no window, which drops cached rows, got window = {config.window}")
    require(X.shape[1] == config.d_model, f"X must have d = {config.d_model} columns, got shape {X.shape}")
    require(is_whole(cached) and cached < len(X), f"cached must be from 1 to {len(X) - 1}, below T, got {cached!r}")
    require(cached < MAX_KEYS, f"cached must be at most {MAX_KEYS - 1}, got {cached}; give a part of the text")
    numbers = config.n_heads * (cached + 1) * max(config.d_qk, config.d_value)
    require(numbers <= MAX_NUMBERS, f"keys and values must have at most {MAX_NUMBERS:,} numbers each, got {numbers:,}")


def require_sizes(sizes: Mapping, own: str) -> None:
    """Raise ValueError for anything but configs with their cached tokens; how many there may be says accounting."""
    require(own not in sizes, f"sizes must have other names than the layer, got {own!r}")
    for name, of in sizes.items():
        good = isinstance(of, tuple) and len(of) == 2 and isinstance(of[0], LatentConfig)
        require(good, f"sizes must be LatentConfig and cached tokens, got {of!r:.80} for {name!r}")
        window = of[0].window
        require(
            window is None, f"sizes must have no window, which drops cached rows, got window = {window} for {name!r}"
        )


def power_above(value: float) -> str:
    """A power of ten above a difference, in steps of three so that rounding elsewhere gives the same: "1e-12"."""
    return f"1e{3 * math.floor(math.log10(max(value, 1e-13)) / 3) + 3}"
