"""Figure 12: absorption, step by step: the same product with a bracket in two places."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib import accounting
from course_lib.config import LatentConfig, is_whole, require
from course_lib.figures import motifs, style
from course_lib.figures.inputs import as_matrix, as_tokens
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk
from course_lib.widgets.numbers.two_forms import EQUAL, FORMS, both_forms, counted_size, works

MAX_KEYS = 65  # rows that the first new token sees: the cached ones and its own
MAX_NUMBERS = 50_000  # in the keys of all heads, and in their values
STAGES = ("query, cache", "bracket 1", "scores", "weights", "bracket 2", "heads", "output")
MADE = {  # what each step makes, and the thing whose colour it has
    "expanded": (("Q, L", "Q"), ("K", "K"), ("S", ""), ("P", ""), ("V", "V"), ("Y", ""), ("out", "learnt")),
    "absorbed": (("Q, L", "Q"), ("A", "Q"), ("S", ""), ("P", ""), ("M", "L"), ("Y", ""), ("out", "learnt")),
}
BRACKETS = {
    "expanded": "$Q_h\\,(W^{LK\\top}_h L^\\top)$\n$P_h\\,(L\\,W^{LV}_h)$",
    "absorbed": "$(Q_h\\,W^{LK\\top}_h)\\,L^\\top$\n$(P_h\\,L)\\,W^{LV}_h$",
}
PARTS = {  # of the bytes: the name of each part, and the thing whose colour it has
    "weights": ("parameters", "learnt"), "activations": ("activations", ""), "cache": ("cache", "L"),
    "expanded": ("K, V", "K"),
}  # fmt: skip
READING = (
    "A block shows a factor, not its size. Solid frames are in the cache, dashed frames are made now, grey is learnt, "
    "hatched is rotary. The bracket is multiplied first. Bytes are those of bfloat16."
)


class AbsorptionSteps(InteractiveFigure):
    """One call of a latent attention layer in both forms: where the bracket stands, and what that costs.

    layer: a `course_lib.layers.LatentAttention` without window; the figure computes in float64. X: (T, d), the rows
    that the layer reads, array or torch tensor. cached: the first so many rows are in the cache, the others are new.
    tokens: the texts of all T. sizes: name -> (LatentConfig, cached tokens); their shapes and costs can be shown in
    place of the layer's own. name: stands for the layer's own sizes in that choice.

    Chosen: `head`, whose scores the table holds; `step`, a position in `new_tokens` (1, 2, 4, ... and all new ones);
    `size`, a position in `size_names`; `stage` (0 to 6), up to which the steps are shown. For the chosen number of new
    tokens, `differences` are the largest absolute differences between the forms in scores, weights, heads and output,
    and `costs` is the `accounting.Work` of both forms.

    Raises TypeError for tokens that are no strings; ValueError for shapes that do not fit, numbers that are not finite,
    a layer or sizes with a window, sizes of the layer's name, and above MAX_KEYS keys or MAX_NUMBERS numbers in the
    keys.
    """

    entry = "absorption_steps"
    reading = READING
    head = Index(0).tag(sync=True, chosen=True)
    step = Index(0).tag(sync=True, chosen=True)
    size = Index(0).tag(sync=True, chosen=True)
    stage = Index(len(STAGES) - 1).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Tab Enter Tab Tab ArrowRight ArrowRight Tab ArrowDown Tab Enter Tab ArrowDown",
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
        shown, differences = both_forms(layer, X, cached)
        data = {key: packed(array) for key, array in shown.items()}
        data |= {
            "differences": packed(np.maximum.accumulate(differences)[np.array(new) - 1], "<f8"),
            "keys": as_tokens(tokens, len(X), "tokens")[: cached + 1],
            "new": new,
            "sizes": [counted_size(key, *of, new) for key, of in counted.items()],
            "stages": list(STAGES),
            "made": {form: [list(each) for each in steps] for form, steps in MADE.items()},
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
        last = len(self.new_tokens) - 1
        step = 0 if self.step == last else last
        return Try(f"{self.new_tokens[step]} new tokens at once" if step else "one new token", {"step": step})

    def allowed(self) -> dict[str, range]:
        heads, new, sizes = self.data["scores"]["shape"][1], self.data["new"], self.data["sizes"]
        return {"head": range(heads), "step": range(len(new)), "size": range(len(sizes)), "stage": range(len(STAGES))}

    @property
    def new_tokens(self) -> list[int]:
        """The numbers of new tokens that can be chosen."""
        return self.data["new"]

    @property
    def size_names(self) -> list[str]:
        """The names of the sizes that can be chosen, the layer's own first."""
        return [size["name"] for size in self.data["sizes"]]

    @property
    def differences(self) -> dict[str, float]:
        """The largest absolute difference between the forms, over heads, keys and the chosen new tokens."""
        return dict(zip(EQUAL, unpacked(self.data["differences"])[self.step].tolist(), strict=True))

    @property
    def costs(self) -> dict[str, accounting.Work]:
        """The work of both forms, for the chosen sizes and number of new tokens."""
        config, cached = self._configs[self.size]
        return works(config, cached, self.new_tokens[self.step])

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 2.6))
            for ax, (label, bars) in zip(fig.subplots(1, 2, sharey=True), self._bars().items(), strict=True):
                whole = max(sum(value for _, _, value in parts) for parts in bars.values())
                for y, form in enumerate(FORMS):
                    stacked(ax, y, [(name, thing, 100 * value / whole) for name, thing, value in bars[form]])
                ax.set(xlim=(0, 100), ylim=(1.5, -0.5), xlabel=f"{label}, % of the larger sum")
                ax.set_yticks(range(2), [f"{form}\n{BRACKETS[form]}" for form in FORMS])
            size, new = self.data["sizes"][self.size], self.new_tokens[self.step]
            fig.suptitle(f"{size['name']}: new tokens {new:,}, cached {size['cached']:,}", fontsize=11)
        return fig

    def _bars(self) -> dict[str, dict[str, list[tuple[str, str, int]]]]:
        """The bars of each form: FLOPs by step and bytes by part, as (name, thing, number)."""
        work, flops = self.costs, self._flops()
        steps = {f: [(*made, n) for made, n in zip(MADE[f], flops[f], strict=True)] for f in FORMS}
        moved = {f: [(*PARTS[of], n) for of, n in work[f].bytes_by_part.items()] for f in FORMS}
        return {"FLOPs": steps, "bytes": moved}

    def alt(self) -> str:
        work, bound = self.costs, power_above(max(self.differences.values()))
        new, size = self.new_tokens[self.step], self.data["sizes"][self.size]
        flops, moved = (getattr(work["absorbed"], of) / getattr(work["expanded"], of) for of in ("flops", "bytes"))
        return (
            f"Two forms over one latent cache, sizes of {size['name']}, {new} new and {size['cached']:,} cached: "
            f"absorbed takes {flops:.2f} times the FLOPs and {moved:.2f} times the bytes of expanded. "
            f"Scores, weights, heads and output differ by less than {bound}."
        )

    def table(self) -> str:
        flops = self._flops()
        rows = [[stage, *(f"{flops[form][i]:,}" for form in FORMS)] for i, stage in enumerate(STAGES)]
        work = self.costs
        rows.append(["all FLOPs", *(f"{work[form].flops:,}" for form in FORMS)])
        moved = [work[form].bytes_by_part for form in FORMS]
        rows += [[f"bytes, {PARTS[part][0]}", *(f"{by_part[part]:,}" for by_part in moved)] for part in moved[0]]
        rows.append(["all bytes", *(f"{work[form].bytes:,}" for form in FORMS)])
        rows += [[f"difference in {name}", "", f"below {power_above(x)}"] for name, x in self.differences.items()]
        return page.table(["FLOPs of a step", *FORMS], rows)

    def _flops(self) -> dict[str, list[int]]:
        """The FLOPs of each step, by form."""
        factors = self.data["sizes"][self.size]["costs"][self.step]["factors"]
        return {form: [math.prod(each) if each else 0 for each in factors[form]] for form in FORMS}

    def __repr__(self):
        _, heads, N = self.data["scores"]["shape"]
        return f"AbsorptionSteps(heads={heads}, cached={N - 1}, new={self.new_tokens}, sizes={self.size_names})"


def stacked(ax, y: int, parts: Sequence[tuple[str, str, float]]) -> None:
    """Draw a horizontal bar of parts (name, thing, length); a part that is long enough has its name inside."""
    left = 0.0
    for name, thing, length in parts:
        colour = motifs.THINGS[thing].light if thing else motifs.INK
        ax.barh(y, length, 0.5, left, color=colour, edgecolor="white", linewidth=0.8)
        if length > 2.2 * len(name):
            ax.text(left + length / 2, y, name, color="white", ha="center", va="center", fontsize=9)
        left += length


def require_layer(layer, X: np.ndarray, cached: int) -> None:
    """Raise ValueError unless `layer` is a latent layer without window that fits X and is small enough to be read."""
    config = getattr(layer, "config", None)
    require(isinstance(config, LatentConfig), f"layer must be a layers.LatentAttention, got {type(layer).__name__}")
    require(config.window is None, f"layer must have no window, which drops cached rows, got window = {config.window}")
    require(X.shape[1] == config.d_model, f"X must have d = {config.d_model} columns, got shape {X.shape}")
    require(is_whole(cached) and cached < len(X), f"cached must be from 1 to {len(X) - 1}, below T, got {cached!r}")
    require(cached < MAX_KEYS, f"cached must be at most {MAX_KEYS - 1}, got {cached}; give a part of the text")
    numbers = config.n_heads * (cached + 1) * max(config.d_qk, config.d_value)
    require(numbers <= MAX_NUMBERS, f"keys and values must have at most {MAX_NUMBERS:,} numbers each, got {numbers:,}")


def require_sizes(sizes: Mapping, own: str) -> None:
    """Raise ValueError unless sizes are pairs of a LatentConfig without window and a number of cached tokens.

    `accounting` checks that number. own: the name of the layer's own sizes, which no other sizes may have.
    """
    require(own not in sizes, f"sizes must have other names than the layer, got {own!r}")
    for name, of in sizes.items():
        good = isinstance(of, tuple) and len(of) == 2 and isinstance(of[0], LatentConfig)
        require(good, f"sizes must be LatentConfig and cached tokens, got {of!r:.80} for {name!r}")
        window = of[0].window
        require(
            window is None, f"sizes must have no window, which drops cached rows, got window = {window} for {name!r}"
        )


def power_above(value: float) -> str:
    """A power of ten above a difference, as text: "1e-12".

    Exponents are multiples of 3, so that machines that round differently give the same text.
    """
    return f"1e{3 * math.floor(math.log10(max(value, 1e-13)) / 3) + 3}"
