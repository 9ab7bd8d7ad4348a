"""Figure 2: the anatomy of one score, from two rows of numbers to the output."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from course_lib.config import require
from course_lib.figures import style
from course_lib.figures.inputs import as_mask, as_matrix, pair_of_tokens
from course_lib.figures.motifs import METHODS, THINGS
from course_lib.reference.attention import attention_weights
from course_lib.widgets import page
from course_lib.widgets.base import InteractiveFigure, packed, unpacked
from course_lib.widgets.choices import Index, Try, Walk

MAX_TOKENS = 64  # queries and keys whose names can be read
MAX_WIDTH = 128  # d_QK and d_V
STAGES = ("score", "scale", "mask", "softmax", "sum of values")
READING = "Rows are queries, columns are keys. Numbers are rounded to four decimals, in cells to two."


class ScoreAnatomy(InteractiveFigure):
    """Follow one query and one key through attention: q.k, scale, mask, softmax, sum of values.

    Q: (n, d), K: (N, d), V: (N, v), arrays or torch tensors; the figure computes in float64.
    tokens: the N keys, and the n queries as well unless query_tokens gives these.
    mask: boolean (n, N), true where a query sees a key. scale: the factor of the inner products; default 1 / sqrt(d).

    Chosen: `query` and `key`, from 0, and `stage` (0 to 4), up to which the steps are shown. The figure shows the
    numbers `products` = Q K^T, `logits` = scale Q K^T, `weights` = P and `outputs` = P V.

    Raises TypeError for tokens that are no strings; ValueError for shapes that do not fit, numbers that are not finite,
    and above MAX_TOKENS tokens or MAX_WIDTH coordinates.
    """

    entry = "score_anatomy"
    reading = READING
    query = Index(0).tag(sync=True, chosen=True)
    key = Index(0).tag(sync=True, chosen=True)
    stage = Index(0).tag(sync=True, chosen=True)
    walk = Walk(
        keys="Tab Tab Tab Enter Tab Tab Enter Tab Control+Home ArrowDown ArrowDown ArrowRight",
        chosen={"stage": 1, "query": 2, "key": 1},
        said="logit",
    )

    def __init__(
        self,
        Q,
        K,
        V,
        tokens: Sequence[str],
        *,
        query_tokens: Sequence[str] | None = None,
        mask=None,
        scale: float | None = None,
        title: str = "Anatomy of one score",
        caption: str = "",
    ):
        Q, K, V = (as_matrix(values, name) for name, values in (("Q", Q), ("K", K), ("V", V)))
        require_fit(Q, K, V)
        scale = Q.shape[1] ** -0.5 if scale is None else float(scale)
        mask = None if mask is None else as_mask(mask, np.zeros((len(Q), len(K))))
        P = attention_weights(Q, K, mask, scale=scale)
        queries, keys = pair_of_tokens(tokens, query_tokens, P)
        data = {
            **{name: packed(array, "<f8") for name, array in steps_of(Q, K, V, P, scale, mask).items()},
            "mask": None if mask is None else packed(mask, "|u1"),
            "scale": scale,
            "stages": list(STAGES),
            "queries": queries,
            "keys": keys,
        }
        opening = {"query": len(queries) - 1, "key": int(P[-1].argmax())}
        super().__init__(data, title=title, caption=caption, **opening)

    @classmethod
    def example(cls, tokens: Sequence[str]) -> "ScoreAnatomy":
        rng, n = np.random.default_rng(3), len(tokens)
        Q, K, V = (rng.normal(size=(n, width)) for width in (16, 16, 5))
        text = " ".join(tokens)
        return cls(Q, K, V, tokens, mask=np.tri(n, dtype=bool), title=text, caption=text)

    def first_try(self) -> Try | None:
        return Try("see all five steps", {"stage": len(STAGES) - 1})

    def allowed(self) -> dict[str, range]:
        n, N = self.data["weights"]["shape"]
        return {"query": range(n), "key": range(N), "stage": range(len(STAGES))}

    @property
    def products(self) -> np.ndarray:
        """Q K^T, (n, N)."""
        return unpacked(self.data["products"])

    @property
    def logits(self) -> np.ndarray:
        """scale Q K^T, (n, N), before the mask."""
        return unpacked(self.data["logits"])

    @property
    def weights(self) -> np.ndarray:
        """P, (n, N)."""
        return unpacked(self.data["weights"])

    @property
    def outputs(self) -> np.ndarray:
        """P V, (n, v)."""
        return unpacked(self.data["outputs"])

    @property
    def visible(self) -> np.ndarray:
        """The mask, (n, N), true where a query sees a key; all true without a mask."""
        mask = self.data["mask"]
        return np.ones(self.weights.shape, bool) if mask is None else unpacked(mask).astype(bool)

    def drawing(self) -> Drawing:
        i, j = self.query, self.key
        terms = unpacked(self.data["Q"])[i] * unpacked(self.data["K"])[j]
        parts = self.weights[i][:, None] * unpacked(self.data["V"])
        with style.context():
            fig = Drawing(figsize=(8.2, 3.4))
            products, weights, output = fig.subplots(1, 3)
            for ax in (products, weights, output):
                ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            products.bar(range(len(terms)), terms, color=THINGS["learnt"].light)
            products.set(title=f"q·k = {self.products[i, j]:.2f}", xlabel="coordinate", ylabel="product")
            bars = weights.bar(range(len(parts)), self.weights[i], color=THINGS["K"].light)
            bars[j].set(edgecolor="black", linewidth=2.5)
            weights.set(title=f"weight {self.weights[i, j]:.2f}", xlabel=f"key (framed: number {j})", ylim=(0, 1))
            output.bar(
                np.arange(parts.shape[1]) - 0.2, self.outputs[i], 0.4, label="output y", color=METHODS["MHA"].light
            )
            output.bar(
                np.arange(parts.shape[1]) + 0.2, parts[j], 0.4, label=f"part of key {j}", color=THINGS["V"].light
            )
            output.set(title="sum of values", xlabel="coordinate")
            fig.legend(*output.get_legend_handles_labels(), loc="outside lower right", ncols=2)
        return fig

    def alt(self) -> str:
        i, j = self.query, self.key
        queries, keys = self.data["queries"], self.data["keys"]
        end = f"the weight is {self.weights[i, j]:.2f}"
        if not self.visible[i, j]:
            end = "the key is hidden by the mask, and its weight is zero"
        return (
            f"Query {queries[i]}, key {keys[j]}: the inner product is {self.products[i, j]:.2f}, "
            f"the logit {self.logits[i, j]:.2f}, {end}."
        )

    def table(self) -> str:
        i = self.query
        V = unpacked(self.data["V"])
        numbers = zip(self.products[i], self.logits[i], self.visible[i], self.weights[i], strict=True)
        rows = [
            [key, f"{p:.4f}", f"{s:.4f}" if seen else "hidden", f"{w:.4f}", listed(w * v)]
            for key, (p, s, seen, w), v in zip(self.data["keys"], numbers, V, strict=True)
        ]
        total = ["sum", "", "", f"{self.weights[i].sum():.4f}", listed(self.outputs[i])]
        head = [f"key, for query {self.data['queries'][i]}", "q·k", "logit", "weight", "weight × value"]
        return page.table(head, [*rows, total])

    def __repr__(self):
        (n, d), (N, v) = self.data["Q"]["shape"], self.data["V"]["shape"]
        return f"ScoreAnatomy(queries={n}, keys={N}, d_QK={d}, d_V={v})"


def require_fit(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> None:
    """Raise ValueError unless the shapes fit each other and are small enough to be read."""
    require(Q.shape[1] == K.shape[1], f"Q and K must have the same width d_QK, got shapes {Q.shape} and {K.shape}")
    require(len(K) == len(V), f"K and V must have the same number of rows, got shapes {K.shape} and {V.shape}")
    n, width = max(len(Q), len(K)), max(Q.shape[1], V.shape[1])
    require(n <= MAX_TOKENS, f"Q and K must have at most {MAX_TOKENS} rows, got {len(Q)} and {len(K)}; give a part")
    require(width <= MAX_WIDTH, f"Q and V must have at most {MAX_WIDTH} columns, got {Q.shape[1]} and {V.shape[1]}")


def steps_of(Q, K, V, P: np.ndarray, scale: float, mask: np.ndarray | None) -> dict[str, np.ndarray]:
    """All arrays that the figure shows, by their names in the JavaScript.

    `largest` (n, 1) is the largest visible logit of each row, 0 where nothing is visible; `powers` (n, N) are the
    exponentials of logit minus `largest`, 0 where hidden.
    """
    products = Q @ K.T
    logits = scale * products
    visible = np.where(True if mask is None else mask, logits, -np.inf)
    largest = visible.max(axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    steps = {"Q": Q, "K": K, "V": V, "products": products, "logits": logits, "largest": largest}
    return steps | {"powers": np.exp(visible - largest), "weights": P, "outputs": P @ V}


def listed(vector: np.ndarray, longest: int = 8) -> str:
    """A vector as text: "(1.00, -0.50, …)"."""
    return f"({', '.join(f'{x:.2f}' for x in vector[:longest])}{', …' if len(vector) > longest else ''})"
