"""Figure 8: how a cache grows with the text, in five kinds of attention, against the memory of accelerators."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.accounting import Model, in_binary_units, itemsize, model
from course_lib.config import require
from course_lib.figures import plots, style
from course_lib.figures.inputs import shown
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk
from course_lib.widgets.numbers.cache_tables import (
    BATCHES,
    CONTEXTS,
    DTYPES,
    axis,
    counted,
    rows_of_layers,
    terms,
)
from course_lib.widgets.numbers.cache_variants import ACCELERATORS, describe, variants

MAX_MODELS = 6
MHA, MLA = 0, 3  # positions in `kinds`
READING = (
    "Caches of all layers; GiB are 2³⁰ bytes. Level lines say how many texts an empty accelerator holds. Kinds that a "
    "model lacks: MLA as in DeepSeek-V2, windows of 1,024 tokens in five of six layers as in Gemma 3."
)


class CacheGrowth(InteractiveFigure):
    """Bytes of a model's cache over the length of the text, for the model as it is and with other kinds of attention.

    models: `accounting.Model`s, published or your own. Each has five `kinds`: MHA, GQA, MQA, MLA, windows.

    Chosen: `model` and `variant`, positions in `models` and `kinds`; `context` and `batch`, positions in CONTEXTS and
    BATCHES; `dtype`, one of DTYPES; `new`, the number of tokens decoded after the context (0 to 4).
    `choose(tokens=..., texts=..., name=...)` chooses by value. `tokens` is the context plus `new`; `bytes` (5,) are
    whole numbers, the cache of each kind; `texts_that_fit` (4,) says how many texts of the context's length, with the
    chosen kind and dtype, fit into the empty memory of each of ACCELERATORS.

    Raises ValueError for no models, more than MAX_MODELS, or two of one name; TypeError for other objects.
    """

    entry = "cache_growth"
    reading = READING
    model = Index(0).tag(sync=True, chosen=True)
    variant = Index(0).tag(sync=True, chosen=True)
    context = Index(0).tag(sync=True, chosen=True)
    batch = Index(0).tag(sync=True, chosen=True)
    dtype = Name("bfloat16").tag(sync=True, chosen=True)
    new = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Tab ArrowRight ArrowRight Tab ArrowLeft Tab Tab Tab Tab Tab Enter",
        chosen={"variant": 3, "context": 6, "new": 1},
        said="MLA",
    )

    def __init__(self, models: Sequence[Model], *, title: str = "Growth of the cache", caption: str = ""):
        require_models(models)
        kinds = [variants(each) for each in models]
        numbers = np.array([[counted(each.model) for each in of] for of in kinds])  # (model, kind, context, new)
        units = sorted({batch * itemsize(dtype) for batch in BATCHES for dtype in DTYPES})
        one_text = numbers[..., 0] * np.array([itemsize(dtype) for dtype in DTYPES])[:, None, None, None]
        memory = np.array([each.memory for each in ACCELERATORS])
        data = {
            "bytes": packed(np.multiply.outer(units, numbers), "<f8"),  # whole numbers, exact below 2^53
            "written": packed(
                np.multiply.outer(units, [[each.model.floats_per_token for each in of] for of in kinds]), "<f8"
            ),
            "unit": [[units.index(batch * itemsize(dtype)) for dtype in DTYPES] for batch in BATCHES],
            "texts": packed(memory // one_text[..., None], "<i4"),
            "rows": packed(rows_of_layers(kinds), "<i4"),
            "models": [shown(each.name).replace("␣", " ") for each in models],
            "kinds": [[describe(variant) for variant in of] for of in kinds],
            "own": [[variant.published for variant in of].index(True) for of in kinds],
            "layers": [[terms(variant.model) for variant in of] for of in kinds],
            "devices": [{"name": each.name, "memory": each.memory} for each in ACCELERATORS],
            "plot": described([variant.kind for variant in kinds[0]]),
            "sizes": [axis(np.multiply.outer(units, of)) for of in numbers],  # the axis of each model's plot
            "contexts": CONTEXTS,
            "batches": BATCHES,
            "dtypes": [[dtype, itemsize(dtype)] for dtype in DTYPES],
        }
        opening = {"context": CONTEXTS.index(2**15), "batch": BATCHES.index(16), "variant": data["own"][0]}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "CacheGrowth":
        text, real = " ".join(tokens), ("Llama-3-70B", "Gemma-3-27B", "DeepSeek-V3", "Llama-2-7B", "GPT-OSS-120B")
        names = [token if token else "(empty)" for token in tokens[:MAX_MODELS]]
        names = [name if name not in names[:i] else f"{name} {i}" for i, name in enumerate(names)]
        models = [Model(name, model(real[i % len(real)]).layers) for i, name in enumerate(names)]
        return cls(models, title=text, caption=text)

    def first_try(self) -> Try | None:
        other = MLA if self.variant == MHA else MHA
        return Try(f"{self.data['plot']['series'][other]['name']} instead", {"variant": other})

    def allowed(self) -> dict[str, range | Sequence[str]]:
        _, models, kinds, contexts, new = self.data["bytes"]["shape"]
        sizes = {"model": models, "variant": kinds, "context": contexts, "batch": len(BATCHES), "new": new}
        return {name: range(size) for name, size in sizes.items()} | {"dtype": DTYPES}

    def choose(self, *, tokens: int | None = None, texts: int | None = None, name: str | None = None) -> None:
        """Choose by value: the context in tokens, the batch in texts, the model by name.

        A model comes with its own kind of attention.

        Raises ValueError for a value that cannot be chosen.
        """
        wanted = (("context", tokens, CONTEXTS), ("batch", texts, BATCHES), ("model", name, self.models))
        for trait, value, among in wanted:
            require(value is None or value in among, f"{trait} must be one of {list(among)}, got {value!r}")
            if value is not None:
                setattr(self, trait, among.index(value))
        if name is not None:
            self.variant = self.data["own"][self.model]

    @property
    def models(self) -> list[str]:
        """The names of the models that can be chosen."""
        return self.data["models"]

    @property
    def kinds(self) -> list[str]:
        """The five kinds of attention at the chosen model's sizes."""
        return self.data["kinds"][self.model]

    @property
    def tokens(self) -> int:
        """The length of each text: the chosen context and the new tokens."""
        return CONTEXTS[self.context] + self.new

    @property
    def bytes(self) -> np.ndarray:
        """The cache of each kind, for the chosen model, tokens, batch and dtype; (5,) whole numbers."""
        return self._bytes()[:, self.context, self.new].astype(np.int64)

    @property
    def texts_that_fit(self) -> np.ndarray:
        """How many texts of the context's length, kind and dtype as chosen, fit into each of ACCELERATORS; (4,)."""
        texts = unpacked(self.data["texts"])
        return texts[DTYPES.index(self.dtype), self.model, self.variant, self.context].astype(np.int64)

    def _bytes(self) -> np.ndarray:
        """Bytes (kind, context, new) for the chosen model, batch and dtype."""
        unit = self.data["unit"][self.batch][DTYPES.index(self.dtype)]
        return unpacked(self.data["bytes"])[unit, self.model]

    def drawing(self) -> Drawing:
        sizes = self.data["sizes"][self.model]
        series = [
            {"name": name, "x": CONTEXTS, "y": curve, "chosen": i == self.variant}
            for i, (name, curve) in enumerate(zip(self.kinds, self._bytes()[..., 0], strict=True))
        ]
        chosen = {"x": [self.tokens], "y": [self.bytes[self.variant]]}
        with style.context():
            fig = Drawing(figsize=(8.2, 4.4))
            ax = fig.add_subplot()
            plots.draw_plot(ax, self.data["plot"], [*series, chosen], [*self._memories(), {"x": self.tokens}], y=sizes)
            ax.set_title(f"Cache of {self.models[self.model]}, {texts(BATCHES[self.batch])}, {self.dtype}")
        return fig

    def _memories(self) -> list[dict]:
        """A horizontal line for each accelerator within the plot's limits, with the number of texts that it holds."""
        low, high = self.data["sizes"][self.model]["domain"]
        return [
            {"y": each.memory, "label": f"{each.name}, {each.memory / 1e9:g} GB: {texts(count)}"}
            for each, count in zip(ACCELERATORS, self.texts_that_fit, strict=True)
            if low < each.memory < high
        ]

    def alt(self) -> str:
        sizes = [f"{kind}: {in_binary_units(int(n))}" for kind, n in zip(self.kinds, self.bytes, strict=True)]
        return (
            f"Cache against tokens, both logarithmic, for {self.models[self.model]} with five kinds of attention, "
            f"{BATCHES[self.batch]} at a time, {self.dtype}. At {self.tokens:,} tokens, {'; '.join(sizes)}. "
            "All lines rise in proportion, but where layers have windows."
        )

    def table(self) -> str:
        texts = unpacked(self.data["texts"])[DTYPES.index(self.dtype), self.model, :, self.context]
        rows = [
            [kind, f"{n:,}", in_binary_units(int(n)), *(f"{count:,}" for count in fit)]
            for kind, n, fit in zip(self.kinds, self.bytes, texts, strict=True)
        ]
        fit = [f"texts in {each.memory / 1e9:g} GB" for each in ACCELERATORS]
        return page.table([f"{self.tokens:,} tokens, {BATCHES[self.batch]} at a time", "bytes", "", *fit], rows)

    def __repr__(self):
        return f"CacheGrowth(models={self.models})"


def described(kinds: Sequence[str]) -> dict:
    """Describe the plot: a named line for each kind, and a point for the chosen text.

    Windows have the colour of GQA, since their layers have grouped heads.
    """
    x = {"log": 2, "room": 72, "ticks": CONTEXTS[::4], "texts": [f"{n:,}" for n in CONTEXTS[::4]]}
    looks = [*((kind.lower(), "solid") for kind in kinds[:-1]), ("gqa", "dotted")]
    lines = [plots.line(kind, *look, end=kind) for kind, look in zip(kinds, looks, strict=True)]
    tokens = plots.axis("tokens in each text", CONTEXTS[0], CONTEXTS[-1], **x)
    cache = {"label": "", "log": 2}
    return plots.plot("Cache against the length of a text", tokens, cache, *lines, plots.points("chosen", "ink"))


def texts(count: int) -> str:
    """The count with its noun: "1 text", "2 texts"."""
    return f"{count:,} text{'' if count == 1 else 's'}"


def require_models(models) -> None:
    """Raise TypeError or ValueError unless there are one to MAX_MODELS models with different names."""
    if isinstance(models, Model | str):
        raise TypeError(f"models must be a sequence of accounting.Models, got {type(models).__name__}")
    for each in models:
        if not isinstance(each, Model):
            raise TypeError(f"models must be accounting.Models, got {each!r:.80}")
    names = [each.name for each in models]
    require(1 <= len(models) <= MAX_MODELS, f"models must be 1 to {MAX_MODELS}, got {len(models)}")
    require(len(set(names)) == len(names), f"models must have different names, got {names}")
