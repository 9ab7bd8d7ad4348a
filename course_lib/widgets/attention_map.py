"""Figure 1: the attention-map explorer."""

from collections.abc import Sequence
from html import escape

import numpy as np
import traitlets
from matplotlib.figure import Figure as Drawing

from course_lib.config import require
from course_lib.figures.attention import attention_map
from course_lib.figures.inputs import as_mask, as_weights, pair_of_tokens
from course_lib.widgets.base import ChoiceError, Index, InteractiveFigure

MAX_TOKENS = 256  # more would be smaller than can be pointed at or read
MAX_BYTES = 8 * 2**20  # of weights, which also go into every exported page
WHOLE_TABLE = 16  # tokens up to which the table holds every weight; above it, each query's three largest
READING = "Rows are queries, columns are keys; layers and heads are numbered from 0."


class AttentionMap(InteractiveFigure):
    """Explore attention weights by layer, head, query and key.

    weights: (layers, heads, n, N), (heads, n, N) or (n, N), finite, in [0, 1]; an array or a torch tensor.
    tokens: the N keys, and the n queries as well unless query_tokens gives these.
    mask: boolean, true where seen, of shape (n, N) or the weights'. Hidden cells are hatched.
    title, caption: plain text above and below the map.

    What is chosen can be read and set: `layer`, `head`, `query`, `key` (the cell under the crosshair, from 0), and
    `pinned` (the query that stays on show, or None).

    Raises ValueError (TypeError for what is no text) for other shapes, for weights outside [0, 1], above MAX_TOKENS
    tokens or MAX_BYTES bytes, and for a mask that hides a key with weight.
    """

    sources = ("heat_map", "attention_map")
    layer = Index(0).tag(sync=True, chosen=True)
    head = Index(0).tag(sync=True, chosen=True)
    query = Index(0).tag(sync=True, chosen=True)
    key = Index(0).tag(sync=True, chosen=True)
    pinned = Index(None, allow_none=True).tag(sync=True, chosen=True)

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
        for name, text in (("title", title), ("caption", caption)):
            if not isinstance(text, str):
                raise TypeError(f"{name} must be text, got {text!r:.80}")
        data = {
            "shape": list(weights.shape),
            "weights": weights.astype("<f4").tobytes(),
            "mask": None if mask is None else mask.tobytes(),
            "mask_shape": None if mask is None else list(mask.shape),
            "queries": queries,
            "keys": keys,
            "title": title,
            "caption": f"{caption} {READING}".strip(),
        }
        # Open on the last query and the key it weighs most: what the newest token looks at.
        super().__init__(data, query=len(queries) - 1, key=int(weights[0, 0, -1].argmax()))

    @property
    def weights(self) -> np.ndarray:
        """The weights of the chosen layer and head, (n, N), float32."""
        return self._plane("weights", "<f4", self.data["shape"])

    @property
    def mask(self) -> np.ndarray | None:
        """The mask of the chosen layer and head, (n, N), true where seen, or None."""
        return None if self.data["mask"] is None else self._plane("mask", bool, self.data["mask_shape"])

    def _plane(self, name: str, dtype, shape: list[int]) -> np.ndarray:
        layers, heads, *plane = shape
        index = (min(self.layer, layers - 1) * heads + min(self.head, heads - 1)) * plane[0] * plane[1]
        return np.frombuffer(self.data[name], dtype)[index : index + plane[0] * plane[1]].reshape(plane)

    @traitlets.validate("layer", "head", "query", "key", "pinned")
    def _check(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        size = self.data["shape"][("layer", "head", "query", "key").index("query" if name == "pinned" else name)]
        if value is not None and not 0 <= value < size:
            raise ChoiceError(f"{name} must lie between 0 and {size - 1}, got {value}")
        return value

    def drawing(self) -> Drawing:
        queries = self.data["queries"]
        title = f"{self.data['title']}: layer {self.layer}, head {self.head}"
        return attention_map(self.weights, self.data["keys"], query_tokens=queries, mask=self.mask, title=title)

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
        body = zip(self.data["queries"], rows, strict=True)
        lines = [f"<tr><th>{escape(query)}</th>{row}</tr>" for query, row in body]
        return f"<table><thead><tr><th>query</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"

    def __repr__(self):
        layers, heads, n, N = self.data["shape"] if self.data else (0, 0, 0, 0)
        return f"AttentionMap(layers={layers}, heads={heads}, queries={n}, keys={N})"


def require_limits(weights: np.ndarray) -> None:
    """Raise ValueError for more than the figure shows well."""
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


def whole_table(weights: np.ndarray, keys: list[str], mask: np.ndarray | None) -> tuple[str, list[str]]:
    """Head and rows of the table with every weight (n, N); hidden cells hold a dash."""
    seen = np.ones(weights.shape, bool) if mask is None else mask
    rows = [
        "".join(f"<td>{w:.2f}</td>" if s else "<td>–</td>" for w, s in zip(weights[i], seen[i], strict=True))
        for i in range(len(weights))
    ]
    return "".join(f"<th>{escape(key)}</th>" for key in keys), rows


def largest_table(weights: np.ndarray, keys: list[str], mask: np.ndarray | None) -> tuple[str, list[str]]:
    """Head and rows of the table with each query's three largest weights; hidden keys are left out."""
    best = np.argsort(-weights, axis=1, kind="stable")[:, :3]
    rows = [
        "".join(f"<td>{escape(keys[j])} {weights[i, j]:.2f}</td>" for j in best[i] if mask is None or mask[i, j])
        for i in range(len(weights))
    ]
    return "<th>largest weight</th><th>second</th><th>third</th>", rows
