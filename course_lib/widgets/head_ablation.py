"""Figure 5: what the heads of a decoder do, and how the loss changes when some are removed."""

from collections.abc import Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.accounting.effort import bar, loss_work
from course_lib.config import is_whole, require
from course_lib.figures import style
from course_lib.figures.all_heads import head_table
from course_lib.figures.inputs import as_layers, as_numpy, as_tokens
from course_lib.reference import head_scores
from course_lib.widgets import page
from course_lib.widgets.base import AskingFigure, packed, unpacked
from course_lib.widgets.choices import ChoiceError, Index, Name, Try, Walk

MAX_PERIOD, MAX_TOKENS = 64, 1024  # tokens of a piece, and of all texts: more would keep a reader waiting
MAX_HEADS = 144
COPIES = ("first copy", "second copy")
COSTS = tuple(f"cost on the {copy}" for copy in COPIES)
ROLES = ("on the previous token", "on what came next")
READING = (
    "Each piece is read twice. Loss: mean \u2212log p in nats after a copy's first token; cost: its rise without that "
    "head alone."
)


class HeadAblation(AskingFigure):
    """Remove heads of a decoder, and see its losses on pieces of text that it reads twice.

    model: a DecoderModel on the CPU, which is not changed. pieces: (b, period) token ids, an array or a tensor.
    tokens: the texts of the first piece's tokens. layers: the numbers of the layers shown, rising; default all.

    Chosen: `removed`, a list of heads counted through the layers shown, which the property `removed_heads` reads and
    sets as pairs (layer, head); `view`, the number that the heads show; `copy` and `position`, the token under the
    crosshair, where position 0 is the second token of the piece. All losses are in nats per token: `losses` on the
    first and the second copy without the removed heads, `all_heads` with all heads. `cost` (layers, heads, 2) is what
    each head costs alone on each copy, `alone` its sum over the removed heads. `role(name)` (layers, heads) are the
    mean weights by which heads are named.

    Raises TypeError for tokens that are no strings; ValueError for another model, for pieces of one token, for heads
    that do not exist, and above MAX_PERIOD tokens in a piece, MAX_TOKENS in all, or MAX_HEADS heads.
    """

    entry = "head_ablation"
    reading = READING
    asks = ("removed",)
    removed = traitlets.List(traitlets.Int()).tag(sync=True, chosen=True)
    view = Name(COSTS[1]).tag(sync=True, chosen=True)
    copy = Index(1).tag(sync=True, chosen=True)
    position = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Tab Enter Tab Tab Tab Control+Home ArrowRight Enter",
        chosen={"removed": [1]},
        said="removed: L0 H1",
    )

    def __init__(
        self,
        model,
        pieces,
        tokens: Sequence[str],
        *,
        layers: Sequence[int] | None = None,
        title: str = "Heads removed",
        caption: str = "",
    ):
        from course_lib.models.ablation import Ablation  # loads torch

        twice = read_twice(pieces)
        self._period = twice.shape[1] // 2
        self._ablation = Ablation(model, twice)
        self._layers = as_layers(layers, self._ablation.heads[0])
        self._shape = len(self._layers), self._ablation.heads[1]
        count = self._shape[0] * self._shape[1]
        require(count <= MAX_HEADS, f"layers must have at most {MAX_HEADS} heads together, got {count}; choose fewer")
        whole = self._copies([])
        self._whole = whole.mean((0, 2))
        heads = bar(range(count), loss_work(model.config, twice.shape[1], len(twice)), unit="head")
        self._costs = np.stack([self._copies([head]).mean((0, 2)) for head in heads]) - self._whole
        roles = self._roles(model, twice)
        views = dict(zip((*COSTS, *ROLES), (*self._costs.T, *roles), strict=True))
        data = {
            "shape": list(self._shape),
            "layers": self._layers,
            "views": [{"name": name, "values": packed(values, "<f8")} for name, values in views.items()],
            "best": [int(role.argmax()) for role in roles],
            "tokens": as_tokens(tokens, self._period, "tokens")[1:],
            "whole": {"tokens": packed(whole[0], "<f8"), "means": self._whole.tolist()},
        }
        opening = {"removed": [int(roles[1].argmax())], "position": self._most_changed(whole, int(roles[1].argmax()))}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "HeadAblation":
        import torch

        from course_lib.config import GroupedConfig, ModelConfig
        from course_lib.models import DecoderModel

        attention = GroupedConfig(d_model=48, n_heads=12)
        with torch.random.fork_rng():
            torch.manual_seed(6)
            model = DecoderModel(ModelConfig(vocab_size=50, n_layers=2, attention=attention, d_ff=64)).eval()
        text = " ".join(tokens)
        return cls(model, np.arange(len(tokens))[None] * 7 % 50, tokens, title=text, caption=text)

    @traitlets.validate("removed")
    def _in_order(self, proposal) -> list[int]:
        """The removed heads, sorted, each once. Raises ChoiceError for a head that the figure does not show."""
        heads = proposal["value"]
        if not self.data:
            return heads
        count = self._shape[0] * self._shape[1]
        bad = [head for head in heads if not is_whole(head, least=0) or head >= count]
        if bad:
            raise ChoiceError(f"removed must hold heads between 0 and {count - 1}, got {bad[0]!r}")
        return sorted(set(heads))

    def first_try(self) -> Try | None:
        named = sorted(set(self.data["best"]))
        if named == self.removed:
            return Try("put all heads back", {"removed": []})
        return Try("remove the heads with a role together", {"removed": named})

    def allowed(self) -> dict[str, range | list[str]]:
        names = [view["name"] for view in self.data["views"]]
        return {"view": names, "copy": range(2), "position": range(self._period - 1)}

    def compute(self, removed: list[int]) -> dict:
        copies = self._copies(removed)
        alone = self._costs[removed].sum(0)
        return {
            "tokens": packed(copies[0], "<f8"),
            "means": copies.mean((0, 2)).tolist(),
            "alone": alone.tolist(),
        }

    def foreseen(self) -> list[dict]:
        """The sets of removed heads that a page knows.

        They are: none, each single head, each whole layer, all, those with a role, and of the three heads that cost
        most each two and all three.
        """
        layers, heads = self._shape
        a, b, c = (np.argsort(-self._costs[:, 1], kind="stable").tolist() * 3)[:3]
        by_layer = [list(range(layer * heads, (layer + 1) * heads)) for layer in range(layers)]
        some = [self.data["best"], [a, b], [a, c], [b, c], [a, b, c], list(range(layers * heads))]
        sets = [[], *([head] for head in range(layers * heads)), *by_layer, *some]
        return [{"removed": sorted(set(heads))} for heads in sets]

    @property
    def removed_heads(self) -> list[tuple[int, int]]:
        """The removed heads as (layer, head)."""
        return [self._pair(head) for head in self.removed]

    @removed_heads.setter
    def removed_heads(self, pairs):
        places = {self._pair(head): head for head in range(self._shape[0] * self._shape[1])}
        good = all(pair in places for pair in pairs)
        rule = f"pairs of a layer in {self._layers} and a head below {self._shape[1]}"
        require(good, f"removed_heads must be {rule}, got {pairs!r}")
        self.removed = [places[pair] for pair in pairs]

    @property
    def losses(self) -> tuple[float, float]:
        """The loss on the first copy and on the second, without the removed heads."""
        return tuple(self.answer["means"])

    @property
    def all_heads(self) -> tuple[float, float]:
        """The loss on the first copy and on the second, with all heads."""
        return tuple(self.data["whole"]["means"])

    @property
    def alone(self) -> tuple[float, float]:
        """The sum of what each removed head costs alone, on the first copy and on the second."""
        return tuple(self.answer["alone"])

    @property
    def cost(self) -> np.ndarray:
        """The rise of the loss when one head is removed, (layers, heads, 2): on the first copy, on the second."""
        return self._costs.reshape(*self._shape, 2)

    def role(self, name: str) -> np.ndarray:
        """The mean weight of each head on the previous token or on what came next, (layers, heads).

        Raises ValueError for a name that is not in ROLES.
        """
        require(name in ROLES, f"name must be one of {', '.join(map(repr, ROLES))}, got {name!r}")
        return self._view(name)

    def drawing(self) -> Drawing:
        values = self._view(self.view)
        with style.context():
            fig = Drawing(figsize=(8.2, 3.2))
            heads, bars = fig.subplots(1, 2, width_ratios=(3, 2))
            removed = [divmod(head, self._shape[1]) for head in self.removed]
            head_table(heads, values, signed=self.view in COSTS, removed=removed)
            heads.set_yticks(range(self._shape[0]), self._layers)
            heads.set_title(self.view)
            bars.bar(range(2), self.losses, label="without the removed")
            bars.plot(range(2), self.all_heads, "D", color=style.PALETTE[1], label="all heads")
            bars.set(title="loss", ylabel="nats per token", xticks=range(2), xticklabels=COPIES)
            bars.set_ylim(0, 1.4 * max(*self.losses, *self.all_heads))
            bars.legend(loc="upper right")
        return fig

    def slide_drawing(self) -> Drawing:
        fig = super().slide_drawing()
        for text in fig.axes[0].texts:
            text.set_text(text.get_text().replace("removed", "off"))  # as in the live slide: the cells are narrow
        return fig

    def alt(self) -> str:
        names = ", ".join(f"L{layer} H{head}" for layer, head in self.removed_heads) or "no head"
        (before, later), (first, second) = self.all_heads, self.losses
        return (
            f"{self._shape[0]} layers of {self._shape[1]} heads, and the loss with {names} removed: "
            f"{first:.2f} nats on the first copy, {before:.2f} with all heads; {second:.2f} on the second, {later:.2f} "
            "with all heads."
        )

    def table(self) -> str:
        names = [view["name"] for view in self.data["views"]]
        columns = [self._view(name).ravel() for name in names]
        rows = [
            [
                "L{} H{}".format(*self._pair(head)),
                *(f"{round(float(column[head]), 2) + 0.0:.2f}" for column in columns),
                "removed" if head in self.removed else "",
            ]
            for head in range(len(columns[0]))
        ]
        return page.table(["layer and head", *names, ""], rows)

    def __repr__(self):
        return f"HeadAblation(layers={self._shape[0]}, heads={self._shape[1]}, period={self._period})"

    def _copies(self, removed: list[int]) -> np.ndarray:
        """The losses without these heads, (b, 2, period - 1), on all but the first token of each copy."""
        losses = self._ablation.losses(map(self._pair, removed)).double().cpu().numpy()
        return np.stack([losses[:, : self._period - 1], losses[:, self._period :]], axis=1)

    def _roles(self, model, twice) -> list[np.ndarray]:
        """The mean weights that name the heads, each (layers * heads,)."""
        weights = model.attention_weights(twice)
        P = np.concatenate([weights[layer].double().cpu().numpy().mean(0) for layer in self._layers])
        return [head_scores.previous_token(P), head_scores.induction(P, self._period)]

    def _pair(self, head: int) -> tuple[int, int]:
        """Layer and head, from the number of a head counted through the layers shown."""
        layer, head = divmod(head, self._shape[1])
        return self._layers[layer], head

    def _most_changed(self, whole: np.ndarray, head: int) -> int:
        """The position at which the second copy of the first piece changes most without that head."""
        return int((self._copies([head]) - whole)[0, 1].argmax())

    def _view(self, name: str) -> np.ndarray:
        values = next(view["values"] for view in self.data["views"] if view["name"] == name)
        return unpacked(values).reshape(self._shape)


def read_twice(pieces):
    """Write pieces (b, period) twice, as an int64 tensor (b, 2 period).

    Raises ValueError for other shapes, numbers that are not whole, and pieces that are too long.
    """
    import torch

    ids = as_numpy(pieces)
    whole = ids.ndim == 2 and ids.size and (ids == np.round(ids)).all()  # a tensor comes as float64
    require(bool(whole), f"pieces must be token ids of shape (b, period), got shape {ids.shape}, dtype {ids.dtype}")
    b, period = ids.shape
    require(2 <= period <= MAX_PERIOD, f"pieces must have 2 to {MAX_PERIOD} tokens each, got {period}")
    total = 2 * b * period
    require(total <= MAX_TOKENS, f"pieces must have at most {MAX_TOKENS} tokens when read twice, got {total}")
    return torch.from_numpy(np.concatenate([ids, ids], axis=1).astype(np.int64))
