"""Figure 7: a text grows token by token, and the figure shows what each step makes and what the cache saves."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.accounting import Work, cache_bytes, model_decode, model_prefill
from course_lib.config import GroupedConfig, ModelConfig, require
from course_lib.figures import plots, style
from course_lib.figures.decoding import draw_rows, draw_shares
from course_lib.figures.inputs import as_tokens
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk

MAX_TOKENS = 64  # rows whose names can be read
MAX_NUMBERS = 50_000  # in the caches, 200 kB
CANDIDATES = 5  # next tokens whose logits are shown
WAYS = ("recomputed", "with a cache")
TOLERANCE = 1e-4  # relative to the largest logit: both ways add up hundreds of products in float32, in other orders
READING = (
    "Rows are tokens, columns are the coordinates of one head. Without a cache a step makes all rows anew, and they "
    "are equal. FLOPs (of matrix products) and bytes (that must be moved at least) are those of the whole model."
)


class DecodeStepper(InteractiveFigure):
    """Greedy generation by one model, done twice: everything recomputed at each step, and with a cache.

    model: a `course_lib.models.DecoderModel` without windows. prompt: the ids of the first tokens. steps: how many
    times the model runs; step 0 reads the prompt, each later step the token chosen before. text_of: id -> text.

    Chosen: `step`; `layer`, `head` and `tensor` ("K" or "V"; "L" of a latent model), whose rows are drawn. `tokens` are
    the texts of all tokens. Each of these belongs to what is chosen: `logits` (2, vocab_size), recomputed and with a
    cache; `difference`, the largest one between the two; `works`, the `accounting.Work` of the step done either way;
    `rows` (N, width).

    Raises ValueError for a bad prompt or number of steps, a model with windows, more than MAX_TOKENS tokens or
    MAX_NUMBERS numbers in the caches, and if both ways differ by more than rounding; TypeError if text_of gives no
    string.
    """

    entry = "decode_stepper"
    reading = READING
    step = Index(0).tag(sync=True, chosen=True)
    layer = Index(0).tag(sync=True, chosen=True)
    head = Index(0).tag(sync=True, chosen=True)
    tensor = Name("").tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Tab Tab Tab Enter Tab ArrowRight Tab ArrowRight Tab ArrowRight",
        chosen={"step": 3, "tensor": "V", "layer": 1, "head": 1},
        said="head 1",
    )

    def __init__(
        self,
        model,
        prompt: Sequence[int],
        *,
        steps: int,
        text_of: Callable[[int], str],
        title: str = "Decode, step by step",
        caption: str = "",
    ):
        from course_lib.models.both_ways import decode_both_ways  # loads torch, which a caller with a model has

        prompt = [int(token) for token in prompt]
        require_size(model.config, len(prompt), steps)
        both = decode_both_ways(model, prompt, steps)
        logits = np.stack([both.recomputed, both.cached])
        differences = np.abs(logits[0] - logits[1]).max(axis=1)
        require_equal(differences, np.abs(logits[1]).max(axis=1))
        best = np.argsort(-both.cached, axis=1, kind="stable")[:, :CANDIDATES]
        dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
        self._logits = logits
        self._works = [costs(model.config, len(prompt) + step, step, dtype) for step in range(steps)]
        flops, moved = (
            np.array([[getattr(w, of) for w in both] for both in self._works]).T for of in ("flops", "bytes")
        )
        data = {
            "rows": {name: packed(rows) for name, rows in both.rows.items()},
            "candidates": [[as_tokens([text_of(int(i))], 1, "text_of")[0] for i in row] for row in best],
            "logits": packed(np.take_along_axis(logits, best[None], axis=2), "<f8"),
            "differences": packed([differences, both.gaps], "<f8"),
            "flops": packed([flops, flops.cumsum(axis=1)], "<f8"),
            "bytes": packed([moved, moved.cumsum(axis=1)], "<f8"),
            "held": [kept_bytes(model.config, len(prompt) + step, dtype) for step in range(steps)],
            "tokens": as_tokens([text_of(token) for token in both.tokens], len(both.tokens), "text_of"),
            "prompt": len(prompt),
            "dtype": dtype,
            "ways": list(WAYS),
            "plot": described(len(prompt), flops / 1e6),
        }
        opening = {"step": min(steps - 1, steps // 2), "tensor": next(iter(both.rows))}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "DecodeStepper":
        import torch

        from course_lib.models import DecoderModel

        text, n = " ".join(tokens), len(tokens)
        with torch.random.fork_rng():
            torch.manual_seed(5)
            attention = GroupedConfig(d_model=48, n_heads=12, d_head=8)
            model = DecoderModel(ModelConfig(vocab_size=n, n_layers=2, attention=attention, d_ff=40)).double()
        prompt = range(max(1, n - 4))
        return cls(model, prompt, steps=min(n, 5), text_of=lambda i: tokens[i], title=text, caption=text)

    def first_try(self) -> Try | None:
        last = len(self.data["held"]) - 1
        return (
            Try("the prompt only", {"step": 0}) if self.step == last else Try("one more token", {"step": self.step + 1})
        )

    def allowed(self) -> dict[str, range | Sequence[str]]:
        rows = self.data["rows"]
        layers = next(iter(rows.values()))["shape"][0]
        heads = max(each["shape"][1] for each in rows.values())
        steps = len(self.data["held"])
        return {"step": range(steps), "layer": range(layers), "head": range(heads), "tensor": list(rows)}

    @property
    def tokens(self) -> list[str]:
        """The texts of all tokens that were read after the last step."""
        return self.data["tokens"]

    @property
    def length(self) -> int:
        """How many tokens the chosen step has read."""
        return self.data["prompt"] + self.step

    @property
    def logits(self) -> np.ndarray:
        """The logits that the chosen step gives for the next token, recomputed and with a cache: (2, vocab_size)."""
        return self._logits[:, self.step]

    @property
    def difference(self) -> float:
        """The largest absolute difference between the two logits of the chosen step."""
        return float(unpacked(self.data["differences"])[0, self.step])

    @property
    def works(self) -> tuple[Work, Work]:
        """The work of the chosen step, recomputed and with a cache."""
        return self._works[self.step]

    @property
    def rows(self) -> np.ndarray:
        """The rows that the cache holds of the chosen tensor, layer and head after the step: (length, width)."""
        rows = unpacked(self.data["rows"][self.tensor])[self.layer]
        return rows[min(self.head, len(rows) - 1), : self.length]

    def drawing(self) -> Drawing:
        with style.context():
            fig = Drawing(figsize=(8.2, 4.4))
            left, right = fig.subfigures(1, 2, width_ratios=(1.1, 1))
            draw_rows(left.add_subplot(), self.rows, self._first_computed(), self.tensor)
            shares, steps = right.subplots(2, 1, height_ratios=(1, 1.5))
            recomputed, cached = self.works
            ratios = {"FLOPs": recomputed.flops / cached.flops, "bytes": recomputed.bytes / cached.bytes}
            draw_shares(shares, ratios)
            plots.draw_plot(steps, self.data["plot"], rules=[{"x": self.length}])
        return fig

    def _first_computed(self) -> int:
        """The first row that the step with a cache computes."""
        return self.length - 1 if self.step else 0

    def alt(self) -> str:
        recomputed, cached = self.works
        computed = self.length - self._first_computed()
        return (
            f"{self.tensor} of {self.length} tokens, layer {self.layer}, head {self.head}. The step makes "
            f"{self.length} rows anew, or {computed} with a cache, for the same logits; without a cache it takes "
            f"{recomputed.flops / cached.flops:.3g} times the FLOPs and {recomputed.bytes / cached.bytes:.3g} times "
            "the bytes. The FLOPs of a step rise without a cache; with one, the prompt read, they stay nearly level."
        )

    def table(self) -> str:
        totals = {name: unpacked(self.data[name])[:, :, self.step] for name in ("flops", "bytes")}
        rows = [["rows computed", str(self.length), str(self.length - self._first_computed())]]
        for name, unit in (("flops", "FLOPs"), ("bytes", "bytes moved")):
            for values, when in zip(totals[name], ("this step", "so far"), strict=True):
                rows.append([f"{unit}, {when}", *(f"{int(value):,}" for value in values)])
        rows.append(["bytes kept", "0", f"{self.data['held'][self.step]:,}"])
        shown = unpacked(self.data["logits"])[:, self.step].T
        for token, pair in zip(self.data["candidates"][self.step], shown, strict=True):
            rows.append([f"logit of {token}", *(f"{value:.2f}" for value in pair)])
        return page.table([f"step {self.step}, {self.length} tokens", *WAYS], rows)

    def __repr__(self):
        return f"DecodeStepper(tokens={len(self.tokens)}, steps={len(self.data['held'])})"


def described(first: int, flops: np.ndarray) -> dict:
    """Describe the plot: the MFLOPs (2, steps) of both ways as named lines; the first step reads `first` tokens."""
    read = list(range(first, first + flops.shape[1]))
    x = plots.axis("tokens read", first, max(first + 1, read[-1]), ticks=read[:: -(-len(read) // 4)], room=92)
    looks = zip(WAYS, ("dashed", "solid"), flops.tolist(), strict=True)
    ways = (plots.line(way, "ink", dash, end=way, x=read, y=y) for way, dash, y in looks)
    return plots.plot("MFLOPs of each step", x, plots.axis("MFLOPs", 0, 1.08 * float(flops.max())), *ways)


def costs(config: ModelConfig, length: int, step: int, dtype: str) -> tuple[Work, Work]:
    """The work of the step after which `length` tokens are read: recomputed, and with a cache, which step 0 fills."""
    everything = model_prefill(config, length, dtype=dtype)
    return everything, model_decode(config, length - 1, dtype=dtype) if step else everything


def kept_bytes(config: ModelConfig, tokens: int, dtype: str) -> int:
    """The bytes that the caches of all layers hold after so many tokens."""
    return config.n_layers * cache_bytes(config.attention, tokens, dtype=dtype)


def require_size(config: ModelConfig, prompt: int, steps: int) -> None:
    """Raise ValueError for more tokens or numbers than the figure shows well, before anything is computed."""
    tokens = prompt + steps - 1
    require(tokens <= MAX_TOKENS, f"prompt and steps must come to at most {MAX_TOKENS} tokens, got {tokens}")
    numbers = config.n_layers * config.attention.floats_per_token * tokens
    require(numbers <= MAX_NUMBERS, f"the caches must hold at most {MAX_NUMBERS:,} numbers, got {numbers:,}")


def require_equal(differences: np.ndarray, largest: np.ndarray) -> None:
    """Raise ValueError unless both ways give the same logits, as the figure says.

    differences, largest: (steps,), the largest difference and the largest logit of each step.
    """
    gap = float((differences / largest).max())
    require(gap < TOLERANCE, f"both ways must give the same logits to {TOLERANCE} of the largest, got {gap:.1e}")
