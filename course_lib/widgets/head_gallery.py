"""Figure 4: heads as small multiples, sorted by what they do, and two of them compared."""

from collections.abc import Mapping, Sequence

import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures.all_heads import small_maps
from course_lib.figures.inputs import as_layers, as_mask, as_matrix, as_tokens, as_weights
from course_lib.reference import head_scores
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Name, Try, Walk

MAX_TOKENS = 64  # more could not be told apart in a small picture
MAX_HEADS = 144  # as many as a model of twelve layers with twelve heads has
PLACE, ENTROPY, PREVIOUS, INDUCTION = "layer and head", "entropy, nats", "on the previous token", "on what came next"
SMALLEST_FIRST = (ENTROPY,)  # so the heads that look at one key come first; other scores are sorted largest first
DRAWN = 32  # heads in the static twin
READING = (
    "Rows are queries, columns are keys; layers (L) and heads (H) are numbered from 0. Scores are means over queries."
)


class HeadGallery(InteractiveFigure):
    """The weights of all heads on one text, sorted by a score, and two of them compared cell by cell.

    weights: (layers, heads, N, N), finite, in [0, 1]; an array or a torch tensor. tokens: the N tokens.
    period: the length of the piece, if the text is one piece read twice; heads are then scored for induction too.
    scores: further scores to sort by, name -> (layers, heads), finite; the largest come first.
    mask: boolean (N, N), true where a query sees a key. layers: the numbers of the layers shown, rising; default all.

    Chosen: `order`, the score to sort by; `first` and `second`, the heads compared, counted through the layers shown,
    which the property `heads` reads and sets as pairs (layer, head); `compared`, whether their large maps replace the
    small ones; `query` and `key`, the cell under the crosshair of the large maps; `scaled`, whether the small maps show
    each row in units of its largest weight. `ranked` lists the heads in the order shown, `score(name)` gives a score as
    (layers, heads), and `distance` is the share of weight that the two heads have on different keys.

    Raises TypeError for tokens or names that are no strings; ValueError for other shapes, weights outside [0, 1], a
    period that is not half the text, a name of a score that is taken, and above MAX_TOKENS tokens or MAX_HEADS heads.
    """

    entry = "head_gallery"
    reading = READING
    order = Name(PLACE).tag(sync=True, chosen=True)
    first = Index(0).tag(sync=True, chosen=True)
    second = Index(0).tag(sync=True, chosen=True)
    query = Index(0).tag(sync=True, chosen=True)
    key = Index(0).tag(sync=True, chosen=True)
    scaled = traitlets.Bool(False).tag(sync=True, chosen=True)
    compared = traitlets.Bool(False).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowLeft Tab Tab Tab Tab Tab Control+Home ArrowRight",
        chosen={"order": PLACE, "first": 1},
        said="head A L0 H1",
    )

    def __init__(
        self,
        weights,
        tokens: Sequence[str],
        *,
        period: int | None = None,
        scores: Mapping[str, object] | None = None,
        mask=None,
        layers: Sequence[int] | None = None,
        title: str = "Heads",
        caption: str = "",
    ):
        weights = as_weights(weights, rank=4)
        layers = as_layers(layers, len(weights))
        scores = further_scores(scores or {}, weights.shape[:2], layers)
        weights = weights[layers]
        require_limits(weights)
        mask = as_mask(mask, weights)
        one = mask is None or mask.shape[:2] == (1, 1)
        require(one, f"mask must be one for all heads, of shape (N, N), got shape {np.shape(mask)}")
        P = weights.reshape(-1, *weights.shape[2:]).astype(np.float64)
        values = own_scores(P, period) | scores
        orders = {PLACE: list(range(len(P)))} | {name: sort(score, name) for name, score in values.items()}
        data = {
            "weights": packed(weights),
            "mask": None if mask is None else packed(mask[0, 0], "|u1"),
            "tokens": as_tokens(tokens, weights.shape[-1], "tokens"),
            "layers": layers,
            "stripes": stripes(period),
            "scores": [{"name": name, "values": packed(score, "<f8")} for name, score in values.items()],
            "orders": [{"name": name, "heads": heads} for name, heads in orders.items()],
            "distances": packed(head_scores.distances(P), "<f4"),
        }
        # Open on the head with the least entropy or the most induction, beside the one most on the previous token.
        order = ENTROPY if period is None else INDUCTION
        first, previous = orders[order][0], orders[PREVIOUS][0]
        second = previous if previous != first else orders[order][min(1, len(P) - 1)]
        query, key = opening_cell(P[first], period)
        opening = {"order": order, "first": first, "second": second, "query": query, "key": key}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "HeadGallery":
        n, text = len(tokens), " ".join(tokens)
        mask = np.tri(n, dtype=bool)
        A = np.exp(2 * np.random.default_rng(5).normal(size=(3, 4, n, n))) * mask
        return cls(A / A.sum(-1, keepdims=True), tokens, mask=mask, title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("compare heads A and B", {"compared": True})

    def allowed(self) -> dict[str, range | list[str]]:
        layers, heads, N, _ = self.data["weights"]["shape"]
        names = [order["name"] for order in self.data["orders"]]
        count, places = range(layers * heads), range(N)
        return {"order": names, "first": count, "second": count, "query": places, "key": places}

    @property
    def weights(self) -> np.ndarray:
        """All weights shown, (layers, heads, N, N), float32."""
        return unpacked(self.data["weights"])

    @property
    def heads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The two heads compared, as (layer, head)."""
        return self._pair(self.first), self._pair(self.second)

    @heads.setter
    def heads(self, pairs):
        layers, heads = self.data["layers"], self.data["weights"]["shape"][1]
        places = {self._pair(head): head for head in range(len(layers) * heads)}
        good = len(pairs) == 2 and all(pair in places for pair in pairs)
        require(good, f"heads must be two pairs of a layer in {layers} and a head below {heads}, got {pairs!r}")
        self.first, self.second = (places[pair] for pair in pairs)

    @property
    def ranked(self) -> list[tuple[int, int]]:
        """The heads in the order shown, as (layer, head)."""
        return [self._pair(head) for head in self._order()]

    @property
    def distance(self) -> float:
        """The share of weight that the two heads have on different keys, in the mean over queries."""
        return float(unpacked(self.data["distances"])[self.first, self.second])

    def score(self, name: str) -> np.ndarray:
        """A score of the heads shown, (layers, heads), float64. Raises ValueError for a name that no score has."""
        values = {score["name"]: unpacked(score["values"]) for score in self.data["scores"]}
        require(name in values, f"name must be one of {', '.join(map(repr, values))}, got {name!r}")
        return values[name].reshape(self.data["weights"]["shape"][:2])

    def drawing(self) -> Drawing:
        heads = self._order()[:DRAWN]
        P = self.weights.reshape(-1, *self.weights.shape[2:])[heads]
        if self.scaled:
            P = P / np.maximum(P.max(-1, keepdims=True), 1e-30)
        mask = self.data["mask"]
        if mask is not None:
            P = np.where(unpacked(mask).astype(bool), P, np.nan)
        values = None if self.order == PLACE else self.score(self.order).ravel()
        titles = [self._name(head) + ("" if values is None else f"  {values[head]:.2f}") for head in heads]
        sorting = "" if values is None else f"Heads, sorted by: {self.order}"
        return small_maps(P, titles, sorting, "share of the row's largest" if self.scaled else "weight")

    def alt(self) -> str:
        first, second = map(self._name, (self.first, self.second))
        count = len(self._order())
        sorting = f"in the order of {self.order}"
        if self.order != PLACE:
            values, heads = self.score(self.order).ravel(), self._order()
            sorting = (
                f"sorted by their score {self.order}, from {self._name(heads[0])} with {values[heads[0]]:.2f} "
                f"to {self._name(heads[-1])} with {values[heads[-1]]:.2f}"
            )
        return (
            f"Small heat maps of {min(count, DRAWN)} of {count} heads, {sorting}. "
            f"{first} and {second} have {self.distance:.2f} of their weight on different keys."
        )

    def table(self) -> str:
        names = [score["name"] for score in self.data["scores"]]
        columns = [self.score(name).ravel() for name in names]
        rows = [[self._name(head), *(f"{column[head]:.2f}" for column in columns)] for head in self._order()]
        return page.table(["layer and head", *names], rows)

    def __repr__(self):
        layers, heads, N, _ = self.data["weights"]["shape"]
        return f"HeadGallery(layers={layers}, heads={heads}, tokens={N})"

    def _order(self) -> list[int]:
        return next(order["heads"] for order in self.data["orders"] if order["name"] == self.order)

    def _pair(self, head: int) -> tuple[int, int]:
        layer, head = divmod(head, self.data["weights"]["shape"][1])
        return self.data["layers"][layer], head

    def _name(self, head: int) -> str:
        return "L{} H{}".format(*self._pair(head))


def require_limits(weights: np.ndarray) -> None:
    """Raise ValueError unless the weights are square and no more than the figure shows well."""
    layers, heads, n, N = weights.shape
    require(n == N and n > 1, f"weights must be of a text on itself, (..., N, N) with N at least 2, got {n} x {N}")
    require(N <= MAX_TOKENS, f"weights must have at most {MAX_TOKENS} tokens, got {N}; give a part of them")
    require(
        layers * heads <= MAX_HEADS,
        f"weights must have at most {MAX_HEADS} heads, got {layers} layers of {heads}; choose fewer layers",
    )


def own_scores(P: np.ndarray, period: int | None) -> dict[str, np.ndarray]:
    """The scores that the figure computes from weights P (h, N, N), each (h,)."""
    scores = {ENTROPY: head_scores.entropy(P), PREVIOUS: head_scores.previous_token(P)}
    return scores if period is None else scores | {INDUCTION: head_scores.induction(P, period)}


def stripes(period: int | None) -> dict[str, list[int]]:
    """The diagonal on which a head with the largest score has its weights: name -> [key - query, first query]."""
    return {PREVIOUS: [-1, 1]} | ({} if period is None else {INDUCTION: [1 - period, period]})


def further_scores(scores: Mapping[str, object], shape: tuple[int, int], layers: list[int]) -> dict[str, np.ndarray]:
    """The caller's scores of the layers shown, each (h,).

    shape: (layers, heads) of all layers, which each score must have. Raises TypeError for a name that is no string,
    ValueError for a name that is taken, another shape, and numbers that are not finite.
    """
    checked = {}
    for name, values in scores.items():
        if not isinstance(name, str):
            raise TypeError(f"the names of scores must be text, got {name!r:.80}")
        require(name not in (PLACE, ENTROPY, PREVIOUS, INDUCTION), f"scores must have names of their own, got {name!r}")
        array = as_matrix(values, f"the score {name!r}")
        require(array.shape == shape, f"the score {name!r} must have shape {shape}, got {array.shape}")
        checked[name] = array[layers].ravel()
    return checked


def sort(score: np.ndarray, name: str) -> list[int]:
    """The heads (h,) in the order of a score; of equal ones the lower head comes first."""
    return np.argsort(score if name in SMALLEST_FIRST else -score, kind="stable").tolist()


def opening_cell(P: np.ndarray, period: int | None) -> tuple[int, int]:
    """The cell (query, key) to open on: the last query, and the key with its largest weight.

    In a text read twice it is the query with the most weight on what came next, and that key.
    """
    if period is None:
        return len(P) - 1, int(P[-1].argmax())
    query = period + int(P[period:].diagonal(offset=1).argmax())
    return query, query - period + 1
