"""Figure 1: explore attention maps by layer, head, query and key."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures import style
from course_lib.figures.attention import attention_map, clipped
from course_lib.figures.inputs import as_mask, as_weights, pair_of_tokens
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk

MAX_TOKENS = 256  # more would be smaller than can be pointed at or read
MAX_BYTES = 8 * 2**20  # of weights, which also go into every exported page
# In a slide: inches, and tokens up to which numbers have room in their cells.
SLIDE_WIDTH, PRINTED_IN_SLIDE = 6.2, 8
WHOLE_TABLE = 16  # tokens up to which the table holds every weight; above it, each query's three largest
READING = "Layers and heads are numbered from 0."


class AttentionMap(InteractiveFigure):
    """Explore attention weights by layer, head, query and key.

    weights: (layers, heads, n, N), (heads, n, N) or (n, N), finite, in [0, 1]; an array or a torch tensor.
    tokens: the N keys, and the n queries as well unless query_tokens gives these.
    mask: boolean, true where a query sees a key, of shape (n, N) or the weights'. Hidden cells are hatched.
    title, caption: plain text above and below the map.

    Chosen, all from 0: `layer`, `head`, `query`; `picked`, the key under the crosshair, or None for the key with the
    largest weight; `pinned`, a query that stays on show, or None. Each can be read and set. `key` is the key under the
    crosshair, picked or not; setting it picks that key.

    Raises TypeError for tokens that are no strings; ValueError for other shapes, for weights outside [0, 1], above
    MAX_TOKENS tokens or MAX_BYTES bytes, and for a mask that hides a key with weight.
    """

    entry = "attention_map"
    reading = READING
    layer = Index(0).tag(sync=True, chosen=True)
    head = Index(0).tag(sync=True, chosen=True)
    query = Index(0).tag(sync=True, chosen=True)
    picked = Index(None, allow_none=True).tag(sync=True, chosen=True)
    pinned = Index(None, allow_none=True).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab ArrowRight Tab Control+Home ArrowDown ArrowDown Enter ArrowRight ArrowRight ArrowRight",
        chosen={"head": 1, "query": 2, "picked": 3, "pinned": 2},
        said="hidden by the mask, head 1",
    )

    def __init__(
        self,
        weights,
        tokens: Sequence[str],
        *,
        query_tokens: Sequence[str] | None = None,
        mask=None,
        title: str = "Attention map",
        caption: str = "",
    ):
        weights = as_weights(weights, rank=4)
        require_limits(weights)
        mask = as_mask(mask, weights)
        queries, keys = pair_of_tokens(tokens, query_tokens, weights)
        data = {
            "weights": packed(weights),
            "mask": None if mask is None else packed(mask, "|u1"),
            "queries": queries,
            "keys": keys,
        }
        # Open on the last query: a reader first sees what the newest token attends to.
        super().__init__(data, title=title, caption=caption, query=len(queries) - 1)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "AttentionMap":
        n = len(tokens)
        mask = np.tri(n, dtype=bool)
        A = np.exp(2 * np.random.default_rng(7).normal(size=(12, n, n))) * mask
        text = " ".join(tokens)
        return cls(A / A.sum(-1, keepdims=True), tokens, mask=mask, title=text, caption=text)

    def first_try(self) -> Try | None:
        others = unpacked(self.data["weights"])[self.layer]
        unlike = int(np.abs(others - others[self.head]).sum(axis=(1, 2)).argmax())
        return Try(f"head {unlike}, the most unlike this one", {"head": unlike})

    def allowed(self) -> dict[str, range]:
        sizes = dict(zip(("layer", "head", "query", "picked"), self.data["weights"]["shape"], strict=True))
        return {name: range(size) for name, size in (sizes | {"pinned": sizes["query"]}).items()}

    @property
    def weights(self) -> np.ndarray:
        """The weights of the chosen layer and head, (n, N), float32."""
        return unpacked(self.data["weights"])[self.layer, self.head]

    @property
    def key(self) -> int:
        """The key under the crosshair: the one picked, or the one with the largest weight for the chosen query."""
        return int(self.weights[self.query].argmax()) if self.picked is None else self.picked

    @key.setter
    def key(self, value: int):
        self.picked = value

    @property
    def mask(self) -> np.ndarray | None:
        """The mask of the chosen layer and head, (n, N), true where a query sees a key; None without a mask."""
        if self.data["mask"] is None:
            return None
        mask = unpacked(self.data["mask"]).astype(bool)
        return mask[min(self.layer, len(mask) - 1), min(self.head, mask.shape[1] - 1)]

    def drawing(self) -> Drawing:
        queries = self.data["queries"]
        title = f"{clipped(self.data['title'], 40)}: layer {self.layer}, head {self.head}"
        return attention_map(self.weights, self.data["keys"], query_tokens=queries, mask=self.mask, title=title)

    def slide_drawing(self) -> Drawing:
        fig = super().slide_drawing()
        fig.set_figwidth(SLIDE_WIDTH)
        ax = fig.axes[0]
        if max(self.weights.shape) > PRINTED_IN_SLIDE:
            for number in list(ax.texts):
                number.remove()
        with style.context():
            fig.suptitle(ax.get_title(loc="left"), x=0.01, ha="left", fontsize=11, fontweight="bold", parse_math=False)
        ax.set_title("", loc="left")  # it is wider than the map
        return fig

    def alt(self) -> str:
        weights, queries, keys = self.weights, self.data["queries"], self.data["keys"]
        query = self.query if self.pinned is None else self.pinned
        n, N = weights.shape
        key = int(weights[query].argmax())
        finding = f"gives its largest weight, {weights[query, key]:.2f}, to {keys[key]}"
        if self.mask is not None and not self.mask[query].any():
            finding = "sees no key"
        where = f"layer {self.layer}, head {self.head}"
        return f"Heat map of {n} queries by {N} keys, {where}. Query {queries[query]} {finding}."

    def table(self) -> str:
        whole = max(self.weights.shape) <= WHOLE_TABLE
        head, rows = (whole_table if whole else largest_table)(self.weights, self.data["keys"], self.mask)
        return page.table(["query", *head], ([q, *row] for q, row in zip(self.data["queries"], rows, strict=True)))

    def __repr__(self):
        layers, heads, n, N = self.data["weights"]["shape"]
        return f"AttentionMap(layers={layers}, heads={heads}, queries={n}, keys={N})"


def require_limits(weights: np.ndarray) -> None:
    """Raise ValueError for more tokens or bytes than the figure shows well."""
    n, N = weights.shape[-2:]
    require(
        max(n, N) <= MAX_TOKENS,
        f"weights must have at most {MAX_TOKENS} queries and keys, got {n} x {N}; give a part of them",
    )
    require(
        weights.nbytes <= MAX_BYTES,
        f"weights must take at most {MAX_BYTES // 2**20} MiB as float32, got {weights.nbytes / 2**20:.1f} MiB; "
        "give fewer layers or heads",
    )


def whole_table(weights: np.ndarray, keys: list[str], mask: np.ndarray | None) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table with every weight (n, N); hidden cells hold a dash."""
    seen = np.ones(weights.shape, bool) if mask is None else mask
    return keys, [
        [f"{w:.2f}" if s else "–" for w, s in zip(weights[i], seen[i], strict=True)] for i in range(len(weights))
    ]


def largest_table(weights: np.ndarray, keys: list[str], mask: np.ndarray | None) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table with each query's three largest weights; hidden keys are left out."""
    best = np.argsort(-weights, axis=1, kind="stable")[:, :3]
    return ["largest weight", "second", "third"], [
        [f"{keys[j]} {weights[i, j]:.2f}" for j in best[i] if mask is None or mask[i, j]] for i in range(len(weights))
    ]
