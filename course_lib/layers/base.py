"""The classes that attention layers inherit from, and the order in which a self-attention layer runs.

    Attention              the computation that all variants share (paper, sections 2 to 7)
        Grouped, Latent    a variant: its weight matrices and verbs                     grouped.py, latent.py
        SelfAttention      queries, keys and values from one sequence
            Causal         a query sees keys up to its own position: a cache is exact
            Bidirectional  a query sees keys on both sides                              bidirectional.py
        Cross              queries from one sequence, keys and values from another      cross.py

A layer inherits from Causal, Bidirectional or Cross, and from a variant: `GroupedQueryAttention(Causal, Grouped)`.
One call of self-attention runs as follows. Its `Step` holds positions, lengths and mask of the new tokens; compress,
queries, read and output are the verbs of the variant, and latent attention has the last three for each of its forms:

    compress               X -> the rows that the new tokens leave; the cache appends them and returns all rows
    queries, read          X -> Q, and all rows -> K, V
    attend, output         Q, K, V -> heads over the keys in visible_sets, and heads -> Y
"""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.checks import check_finite, check_input, check_lengths, check_mask
from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.kernels.attention import Seen, attend_unchecked, attention_weights, mix
from course_lib.kernels.rowwise import new_weight
from course_lib.layers.cache import AllRows, Cache, Rows
from course_lib.layers.positions import At
from course_lib.layers.step import Step, real
from course_lib.layers.window import WindowCache

Output = Float[Tensor, "b m d"] | tuple[Float[Tensor, "b m d"], Float[Tensor, "b h m N"]]  # m tokens ask: m = n, or 1


@runtime_checkable
class Verbs(Protocol):
    """The verbs that depend on how cached rows are read; e and v are the widths of keys and values.

    A layer has these methods itself, for its usual form. `Absorbed` has those of latent attention's other form.
    """

    def queries(self, X: Tensor, positions: At) -> Tensor:
        """X (b, n, d) -> Q (b, h, n, e)."""

    def read(self, rows: AllRows) -> tuple[Tensor, Tensor]:
        """Cached rows -> K (b, g, N, e), V (b, g, N, v)."""

    def output(self, Y: Tensor, positions: At) -> Tensor:
        """Heads Y (b, h, n, v) -> rows (b, n, d)."""


class Attention(nn.Module, ABC):
    """Abstract: the weight matrices of a variant, among them W_O, and the computation that all variants share."""

    W_O: nn.Parameter

    def __init__(self, config: GroupedConfig | LatentConfig):
        super().__init__()
        self.config = config
        for name, weight in config.weights.items():
            setattr(self, name, new_weight(weight.rows, weight.columns))

    @abstractmethod
    def compress(self, X: Tensor, positions: At) -> Rows:
        """X (b, n, d) -> the rows that its tokens leave in the cache: tensors (b, ..., n, width) by name."""

    @abstractmethod
    def verbs(self, form: str | None, m: int, N: int) -> Verbs:
        """The verbs with which m tokens that ask read N rows; for the form None the variant chooses.

        Raises ValueError for a form that this variant does not have.
        """

    def answer(
        self, verbs: Verbs, asking: tuple[Tensor, At], rows: AllRows, seen: Seen, return_weights: bool
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n N"] | None]:
        """Output Y and weights P of the tokens that ask (see `Step`); P is None without `return_weights`.

        asking: X (b, n, d) of these tokens and their positions. rows: all rows that they read.
        """
        X, positions = asking
        Q, (K, V) = verbs.queries(X, positions), verbs.read(rows)
        dropout = self.config.dropout if self.training else 0.0
        P = attention_weights(Q, K, seen, self.config.scale) if return_weights else None
        if P is None:
            heads = attend_unchecked((Q, K, V), seen, self.config.scale, dropout)
        else:
            heads = mix(F.dropout(P, dropout), V)
        return verbs.output(heads, positions), P


class SelfAttention(Attention):
    """Abstract: queries, keys and values from one sequence.

    A subclass states which keys are visible, and which cache it can use.
    """

    def forward(
        self,
        X: Float[Tensor, "b n d"],
        cache: Cache | None = None,
        lengths: Int[Tensor, "b"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        return_weights: bool = False,
        form: str | None = None,
        step: Step | None = None,
    ) -> Output:
        """New tokens X (b, n, d) -> Y (b, n, d), and with `return_weights` the pair (Y, P), P (b, h, n, N).

        Training, prefill, a prefill in chunks, and a decode step are all this one function.

        cache: the rows that earlier calls left. The new rows are appended, and no gradients are recorded.
        lengths: (b,) tokens of each sequence in X, with padding on the right. Padding is not seen, not cached, and
        its output is zero; the next call continues each sequence at its own position.
        mask: (n, N) or (b, n, N), true where a new token may see the token at a position from 0 to N - 1. It only
        removes keys from the layer's visible sets.
        return_weights: P is returned without dropout. Its columns are positions, and with a `WindowCache` the rows
        in the order of the cache.
        form: "expanded", "absorbed" or None, of latent attention alone; see `LatentAttention`.
        step: given by a model in place of lengths and mask. Then X is not checked, and Y and P have the rows of the
        tokens that ask (see `Step`).
        Raises ValueError for arguments of a wrong shape, dtype, device or batch, and for NaN or infinity in X.
        """
        if step is not None:
            return self.respond(X, cache, step, return_weights, form)
        self.check(X, cache, lengths, mask)
        with torch.set_grad_enabled(torch.is_grad_enabled() and cache is None):
            step = Step(X.shape[:2], X.device, cache, lengths, mask)
            check_finite(step.without_padding(X))
            found = self.respond(X, cache, step, return_weights, form)
            return (step.without_padding(found[0]), found[1]) if return_weights else step.without_padding(found)

    def respond(self, X: Tensor, cache: Cache | None, step: Step, return_weights: bool, form: str | None) -> Output:
        """The call for a given step: all tokens leave rows in the cache, and those that ask get an output."""
        X = step.without_padding(X)
        rows = self.compress(X, step.rotations)
        rows, keys = step.without_cache(rows) if cache is None else cache.append(rows, step.lengths)
        X = step.asking(X)
        # With a window, as many rows of the past as a full `WindowCache` shows: the form does not depend on the cache.
        window = self.config.window
        past = step.past if window is None else min(step.past, window - 1)
        verbs = self.verbs(form, X.shape[1], past + step.n)
        Y, P = self.answer(verbs, (X, step.asking_rotations), rows, self.seen(step, keys), return_weights)
        return Y if P is None else (Y, P)

    def check(self, X: Tensor, cache: Cache | None, lengths: Tensor | None, mask: Tensor | None) -> None:
        """Raises ValueError for arguments that do not fit, before the cache is changed."""
        check_input(X, self.config.d_model, self.W_O)
        batch, n = X.shape[:2]
        check_lengths(lengths, (batch, n))
        if mask is not None:
            starts = torch.zeros(batch, dtype=torch.long) if cache is None else cache.starts(batch)
            new = n if cache is None or lengths is None else lengths.cpu()
            check_mask(mask, batch, n, int((starts + new).max()))
        self.check_cache(cache)

    def seen(self, step: Step, keys: Int[Tensor, "*c N"]) -> Seen:
        """The visible sets of the tokens that ask. Layers of a kind share them if their caches store keys alike.

        keys: positions, as `Cache.append` returns them. Those of one axis are always 0 ... N - 1.
        """
        kind = type(self), self.config.window, keys.shape
        stored, found = step.seen.get(kind, (None, None))
        if stored is None or (keys.ndim > 1 and not torch.equal(stored, keys)):
            found = self.visible_sets(step, keys)
            step.seen[kind] = keys, found
        return found

    def visible_sets(self, step: Step, keys: Int[Tensor, "*c N"]) -> Seen:
        """Compute `seen` from the positions of the keys, the padding and the caller's mask."""
        queries = step.asking_positions
        if step.lengths is None and step.mask is None and queries.ndim == keys.ndim == 1:
            short = self.shortcut(len(queries), len(keys))
            if short is not None:
                return short
        queries, keys = queries.to(step.device), keys.to(step.device)
        visible = self.visible(queries, keys)
        if step.lengths is not None and step.asking_rows is None:  # padding asks nothing: its rows of P are zero
            visible = visible & real(queries.expand(len(step.lengths), -1), step.lengths)[..., None]
        if step.mask is not None:
            visible = visible & at_positions(step.mask.to(step.device), keys)
        return Seen(visible)

    @abstractmethod
    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """(..., n, N), true where a query sees a key. Position -1 marks a row without a token, which is never seen."""

    @abstractmethod
    def shortcut(self, n: int, N: int) -> Seen | None:
        """The visible sets of the last n of N tokens when torch's kernel needs no explicit mask, else None."""

    @abstractmethod
    def check_cache(self, cache: Cache | None) -> None:
        """Raises ValueError for a cache that this layer cannot use."""


class Causal(SelfAttention):
    """Abstract: a token sees itself and the tokens before it, with a window only the nearest of them.

    A cache is exact, because no row in it depends on a later token.
    """

    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """The visible sets (..., n, N), from positions: keys at or before the query, and within its window."""
        distance = queries[..., :, None] - keys[..., None, :]
        visible = (distance >= 0) & (keys >= 0)[..., None, :]  # position -1 marks a row without a token
        return visible if self.config.window is None else visible & (distance < self.config.window)

    def shortcut(self, n: int, N: int) -> Seen | None:
        """The visible sets of the last n of N tokens when torch's kernel needs no explicit mask, else None."""
        if self.config.window is not None and N > self.config.window:
            return None
        return Seen(causal=True) if n == N else Seen() if n == 1 else None

    def new_cache(self, capacity: int | None = None) -> Cache:
        """An empty cache for this layer. With a window it keeps `window` rows, and `capacity` has no effect."""
        return Cache(capacity) if self.config.window is None else WindowCache(self.config.window)

    def check_cache(self, cache: Cache | None) -> None:
        if isinstance(cache, WindowCache):
            require(
                self.config.window is not None and self.config.window <= cache.window,
                f"cache keeps the last {cache.window} rows, so the layer must see no further, "
                f"got window = {self.config.window}",
            )


def at_positions(mask: Bool[Tensor, "*b n N"], keys: Int[Tensor, "*c M"]) -> Bool[Tensor, "*d n M"]:
    """The mask's columns, one for each position, in the order in which the cache stores the keys."""
    columns = keys.clamp(min=0)
    if keys.ndim == 1:
        return mask[..., columns]
    n = mask.shape[-2]
    columns = columns[:, None].expand(-1, n, -1)
    return mask.expand(len(columns), n, -1).gather(-1, columns)
