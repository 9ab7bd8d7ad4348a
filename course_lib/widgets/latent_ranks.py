"""Figure 11: a trained model's keys and values from a latent of rank r, with the rotary slice apart."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.accounting import itemsize
from course_lib.config import require
from course_lib.figures import plots, style
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk
from course_lib.widgets.numbers.rank_tables import layer_tables, require_model

DTYPE = "bfloat16"  # in which bytes are counted
TURNED, DECOUPLED = POSITIONS = ("keys formed, then turned", "rotary slice apart")
MAX_NUMBERS = 2**16  # in each of the tables that are sent
PARTS = ("turned", "content", "lost")
CURVES = ("keys", "values", "both", "by_weights")  # of the errors, as they are drawn
SMALLEST_SHOWN = 0.1  # % of the largest singular value
READING = (
    "Missed is a share of the Frobenius norm on the calibration text. For keys it includes the lost rotation, in the "
    "mean square over the distances that the layer looks back. Bytes are per token and layer, in bfloat16."
)


class LatentRanks(InteractiveFigure):
    """The errors of keys and values from a latent of rank r, and its size, for each layer of a rotary model.

    model: a DecoderModel with grouped or multi-head attention. layers: what `surgery.calibration.calibrate` returns.
    rises: (rank, pairs) -> the measured rise of the whole model's loss, in nats per token; pairs = 0 for keys that are
    formed and then turned.

    The factors are those of `surgery.latent.truncate` and `surgery.latent.decouple(..., kept=range(pairs))`.

    Chosen: `layer`; `rank`, from 1; `positions`, "keys formed, then turned" or "rotary slice apart"; `pairs`, from 1,
    how many rotary pairs keep their rotation in the slice, the fastest first. `numbers_per_token`, `bytes_per_token`,
    `missed` (for "keys" and "values"), `singular_values` and `energy` belong to what is chosen.

    Raises ValueError for a model without rotary positions or with biases or QK-norm, for layers that do not fit, and
    when a table would have more than MAX_NUMBERS numbers.
    """

    entry = "latent_ranks"
    reading = READING
    layer = Index(0).tag(sync=True, chosen=True)
    rank = Index(1).tag(sync=True, chosen=True)
    positions = Name(TURNED).tag(sync=True, chosen=True)
    pairs = Index(1).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowDown Tab ArrowUp Tab End ArrowLeft",
        chosen={"layer": 2, "positions": TURNED, "rank": 35},
        said="keys miss",
    )

    def __init__(
        self,
        model,
        layers: Sequence,
        *,
        rises: Mapping[tuple[int, int], float] | None = None,
        title: str = "Keys and values from a latent",
        caption: str = "",
    ):
        config = require_model(model, layers)
        pairs, ranks = config.d_head // 2, min(config.d_model, 2 * config.n_kv_heads * config.d_head)
        size = len(layers) * (pairs + 1) * ranks
        require(size <= MAX_NUMBERS, f"layers must lead to at most {MAX_NUMBERS:,} numbers a table, got {size:,}")
        tables = [layer_tables(b.attention, seen) for b, seen in zip(model.blocks, layers, strict=True)]
        data = {name: packed(np.stack([table[name] for table in tables])) for name in tables[0]}
        data |= {
            "plots": described(ranks, pairs, unpacked(data["energy"])),
            "positions": list(POSITIONS),
            "itemsize": itemsize(DTYPE),
            "sizes": {"keys": config.n_kv_heads * config.d_head, "full": config.floats_per_token},
            "rises": measured(rises or {}, ranks, pairs),
        }
        opening = {"layer": len(layers) // 2, "rank": max(1, ranks // 2), "pairs": max(1, pairs * 5 // 8)}
        super().__init__(data, title=title, caption=caption, positions=DECOUPLED, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "LatentRanks":
        import torch

        from course_lib.config import GroupedConfig, ModelConfig, Rope
        from course_lib.models import DecoderModel
        from course_lib.surgery.calibration import calibrate

        text = " ".join(tokens)
        attention = GroupedConfig(d_model=36, n_heads=12, d_head=6, rope=Rope())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            model = DecoderModel(ModelConfig(vocab_size=31, n_layers=3, attention=attention, d_ff=8, norm="rms"))
            ids = torch.randint(31, (6, len(tokens)))
        rises = {(12, 0): 0.31, (24, 0): 0.02, (24, 2): 0.44}
        return cls(model, calibrate(model, [ids]), rises=rises, title=text, caption=text)

    def first_try(self) -> Try | None:
        ranks, half = len(self.singular_values), max(1, self.rank // 2)
        if self.slot and self.rank < ranks:
            return Try(f"full rank, {ranks}", {"rank": ranks})
        return Try(f"half the rank, {half}", {"rank": half})

    def allowed(self) -> dict[str, range | Sequence[str]]:
        layers, slots, ranks = self.data["singular"]["shape"]
        return {
            "layer": range(layers),
            "rank": range(1, ranks + 1),
            "positions": POSITIONS,
            "pairs": range(1, slots),
        }

    @property
    def slot(self) -> int:
        """The number of pairs in the slice, 0 without a slice: an index of the tables."""
        return self.pairs if self.positions == DECOUPLED else 0

    @property
    def numbers_per_token(self) -> int:
        """The numbers that each layer caches per token, r + d_R."""
        return self.rank + 2 * self.slot

    @property
    def bytes_per_token(self) -> int:
        """The bytes that each layer caches per token, in bfloat16."""
        return self.numbers_per_token * self.data["itemsize"]

    @property
    def singular_values(self) -> np.ndarray:
        """The singular values of X [alpha W_K | W_V], falling, for the calibration rows X.

        alpha balances keys and values. With a slice, W_K is without the slice and times the mean rotation.
        """
        return unpacked(self.data["singular"])[self.layer, self.slot]

    @property
    def missed(self) -> dict[str, float]:
        """The part of the Frobenius norm of X W_K ("keys") and of X W_V ("values") that is lost."""
        return {name: float(self._curve(name)[self.rank - 1]) for name in ("keys", "values")}

    @property
    def energy(self) -> dict[str, np.ndarray]:
        """The shares of the keys' energy, for each rotary pair: still turned, content without rotation, and lost."""
        return dict(zip(PARTS, unpacked(self.data["energy"])[self.layer, self.slot], strict=True))

    def _curve(self, name: str) -> np.ndarray:
        return unpacked(self.data[name])[self.layer, self.slot]

    def drawing(self) -> Drawing:
        ranks, r = np.arange(1, len(self.singular_values) + 1), self.rank
        shares = np.maximum(100 * self.singular_values / self.singular_values[0], SMALLEST_SHOWN)
        size = self.data["itemsize"] * (ranks + 2 * self.slot)
        stacked = 100 * np.cumsum([self.energy[name] for name in PARTS], axis=0)[::-1]
        series = {
            "values": [{"x": ranks[:r], "y": shares[:r]}, {"x": ranks[r - 1 :], "y": shares[r - 1 :]}],
            "errors": [{"x": size, "y": 100 * self._curve(name)} for name in CURVES],
            "energy": [{"x": range(stacked.shape[1]), "y": heights} for heights in stacked],
        }
        rules = {"values": {"x": r, "label": f"r = {r}"}, "errors": {"x": size[r - 1], "label": f"{size[r - 1]} bytes"}}
        with style.context():
            fig = Drawing(figsize=(8.2, 3.2))
            for ax, (name, plot) in zip(fig.subplots(1, 3), self.data["plots"].items(), strict=True):
                plots.draw_plot(ax, plot, series[name], [rules[name]] if name in rules else [])
            fig.suptitle(f"layer {self.layer}", fontsize=10)
        return fig

    def alt(self) -> str:
        missed, full = self.missed, self.data["sizes"]["full"]
        slice_ = f" and a rotary slice of {2 * self.slot}" if self.slot else ", keys formed and then turned"
        return (
            f"Layer {self.layer}, rank {self.rank}{slice_}: {self.numbers_per_token} of {full} numbers per token. Keys "
            f"miss {100 * missed['keys']:.0f} % and values {100 * missed['values']:.0f} % of their norm; "
            f"{100 * self.energy['lost'].sum():.0f} % of the keys' energy is lost with the rotation."
        )

    def table(self) -> str:
        some = sorted({1, *range(8, len(self.singular_values) + 1, 8), self.rank})
        rows = [
            [
                f"rank {r}",
                f"{(r + 2 * self.slot) * self.data['itemsize']}",
                *(f"{100 * self._curve(name)[r - 1]:.0f}" for name in ("both", "by_weights", "keys", "values")),
            ]
            for r in some
        ]
        rises = [[where(rise), "", f"loss {rise['rise']:+.1f}", "", "", ""] for rise in self.data["rises"]]
        head = [
            f"layer {self.layer}, {self.positions}",
            "bytes",
            "both miss, %",
            "by matrices only, %",
            "keys, %",
            "values, %",
        ]
        return page.table(head, rows + rises)

    def __repr__(self):
        layers, slots, ranks = self.data["singular"]["shape"]
        return f"LatentRanks(layers={layers}, ranks=1..{ranks}, pairs=1..{slots - 1})"


def described(ranks: int, pairs: int, energy: np.ndarray) -> dict[str, dict]:
    """Describe three plots: singular values, errors over bytes, and the energy of each pair in its parts."""
    size, most = itemsize(DTYPE) * (ranks + 2 * pairs), float(energy[:, 0].sum(axis=1).max())
    share = plots.axis("% of the largest", SMALLEST_SHOWN, 100, log=10)
    kept = (plots.line("kept", "l"), plots.line("dropped", "l", "dotted"))
    curves = [
        plots.line("keys", "k", "dashed"),
        plots.line("values", "v", "dotted"),
        plots.line("both", "l"),
        plots.line("both, matrices only", "learnt", "dashdot"),
    ]
    pair = plots.axis("pair, fast to slow", -0.6, pairs - 0.4, whole=True)
    parts = [plots.bars("lost", "k", "hollow"), plots.bars("content", "k"), plots.bars("still turns", "k", "hatched")]
    missed, part = plots.axis("% missed", 0, 100), plots.axis("% of key energy", 0, 105 * most)
    return {
        "values": plots.plot("Singular values", plots.axis("direction", 1, ranks), share, *kept),
        "errors": plots.plot("Error against bytes", plots.axis("bytes per token", 0, size), missed, *curves),
        "energy": plots.plot("Energy of the keys", pair, part, *parts),
    }


def measured(rises: Mapping, ranks: int, pairs: int) -> list[dict]:
    """The measured rises, sorted by numbers per token.

    Raises ValueError for a rank or a number of pairs that cannot be chosen, and for a rise that is not finite.
    """
    for of, rise in rises.items():
        good = isinstance(of, tuple) and len(of) == 2 and of[0] in range(1, ranks + 1) and of[1] in range(pairs + 1)
        require(good, f"rises must be of (rank 1 to {ranks}, pairs 0 to {pairs}), got {of!r}")
        require(bool(np.isfinite(rise)), f"rises must be finite numbers of nats, got {rise} for {of}")
    found = [{"rank": int(r), "pairs": int(s), "rise": float(rise)} for (r, s), rise in rises.items()]
    return sorted(found, key=lambda one: (one["rank"] + 2 * one["pairs"], one["pairs"]))


def where(rise: Mapping) -> str:
    """The choice at which a rise was measured, in words: "rank 24, slice of 4"."""
    return f"rank {rise['rank']}, " + (f"slice of {2 * rise['pairs']}" if rise["pairs"] else TURNED)
