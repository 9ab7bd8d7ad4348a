"""The classes that attention layers inherit from, and the order in which a self-attention layer runs.

    Attention              the computation that all variants share (paper, sections 2 to 7)
        Grouped, Latent    a variant: its weight matrices and verbs                     grouped.py, latent.py
        SelfAttention      queries, keys and values from one sequence
            Causal         a query sees keys up to its own position: a cache is exact
            Bidirectional  a query sees keys on both sides                              bidirectional.py
        Cross              queries from one sequence, keys and values from another      cross.py

A layer inherits from Causal, Bidirectional or Cross, and from a variant: `GroupedQueryAttention(Causal, Grouped)`.
One call of self-attention runs as follows. `forward` checks the arguments and makes a `Step`, which holds positions,
lengths and mask of the new tokens. Then `respond` calls, in this order:

    compress               X -> the rows that the new tokens leave; the cache appends them and returns all rows
    verbs                  what has queries, read and output: the layer, or the other form of latent attention
    seen                   the keys that each query sees: found once for all layers of a kind, by
        visible_sets       from positions, padding and the caller's mask:
            shortcut       where torch's kernel needs no explicit mask, else
            visible        a mask, from `reaches`: whether a query sees a key at this distance
    answer
        queries, read      X -> Q, and all rows -> K, V
        attend_by_case     Q, K, V -> heads over the keys that are seen              kernels/attention.py
        output             heads -> Y
"""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.checks import check_finite, check_input, check_lengths, check_mask
from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.kernels.attention import Seen, attend_by_case, attention_weights, mix
from course_lib.kernels.rowwise import new_weight
from course_lib.layers.cache import AllRows, Cache, Rows
from course_lib.layers.positions import At
from course_lib.layers.step import Step, real, rows_that_ask, without_padding
from course_lib.layers.window import WindowCache

Output = Float[Tensor, "b m d"] | tuple[Float[Tensor, "b m d"], Float[Tensor, "b h m N"]]  # m tokens ask: m = n, or 1


@runtime_checkable
class Verbs(Protocol):
    """The verbs that depend on how cached rows are read; e and v are the widths of keys and values.

    A layer has these methods itself, for its usual form. `Absorbed` has those of latent attention's other form.
    positions: of the tokens of X, or of the queries behind Y (see `At`). A step gives its `Rotations`.
    """

    def queries(self, X: Tensor, positions: At) -> Tensor:
        """X (b, n, d) -> Q (b, h, n, e)."""

    def read(self, rows: AllRows) -> tuple[Tensor, Tensor]:
        """Cached rows -> K (b, g, N, e), V (b, g, N, v)."""

    def output(self, Y: Tensor, positions: At) -> Tensor:
        """Heads Y (b, h, n, v) -> rows (b, n, d). Only a rotary latent uses the positions: its mixed rows turn back."""


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
        self, verbs: Verbs, X: Float[Tensor, "b m d"], positions: At, rows: AllRows, seen: Seen, return_weights: bool
    ) -> Output:
        """Y (b, m, d) of the m tokens that ask (see `Step`), and with `return_weights` the pair (Y, P), P (b, h, m, N).

        X, positions: those of the tokens that ask. rows: all rows that they read, N of each sequence.
        """
        Q, (K, V) = verbs.queries(X, positions), verbs.read(rows)
        scale, dropout = self.config.scale, self.config.dropout if self.training else 0.0
        if not return_weights:
            return verbs.output(attend_by_case((Q, K, V), seen, scale, dropout), positions)
        P = attention_weights(Q, K, seen, scale)
        return verbs.output(mix(F.dropout(P, dropout), V), positions), P


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
            check_finite(without_padding(X, lengths))
            found = self.respond(X, cache, step, return_weights, form)
            if not return_weights:
                return without_padding(found, lengths)
            Y, P = found
            return without_padding(Y, lengths), P

    def respond(self, X: Tensor, cache: Cache | None, step: Step, return_weights: bool, form: str | None) -> Output:
        """The call for a given step: all tokens leave rows in the cache, and those that ask get an output."""
        X = without_padding(X, step.lengths)
        rows = self.compress(X, step.rotations)
        rows, key_positions = (rows, step.own_positions()) if cache is None else cache.append(rows, step.lengths)
        X = rows_that_ask(X, step)
        # A token sees at most window - 1 rows of the past. We count no more, however many the cache shows, so that the
        # form does not depend on the kind of cache.
        window = self.config.window
        past = step.past if window is None else min(step.past, window - 1)
        verbs = self.verbs(form, X.shape[1], past + step.n)
        return self.answer(verbs, X, step.query_rotations, rows, self.seen(step, key_positions), return_weights)

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

    def seen(self, step: Step, key_positions: Int[Tensor, "*c N"]) -> Seen:
        """The visible sets of the tokens that ask. Layers of a kind share them if their caches store keys alike.

        key_positions: as `Cache.append` returns them. Those of one axis are always 0 ... N - 1.
        """
        kind = type(self), self.config.window, key_positions.shape
        stored, found = step.shared_sets.get(kind, (None, None))
        if stored is None or (key_positions.ndim > 1 and not torch.equal(stored, key_positions)):
            found = self.visible_sets(step, key_positions)
            step.shared_sets[kind] = key_positions, found
        return found

    def visible_sets(self, step: Step, key_positions: Int[Tensor, "*c N"]) -> Seen:
        """Compute `seen` from the positions of the keys, the padding and the caller's mask."""
        i, j = step.query_positions, key_positions
        if step.lengths is None and step.mask is None and i.ndim == j.ndim == 1:
            short = self.shortcut(len(i), len(j))
            if short is not None:
                return short
        i, j = i.to(step.device), j.to(step.device)
        visible = self.visible(i, j)
        if step.lengths is not None and step.asking is None:  # rows of P at padding are zero
            visible = visible & real(i.expand(len(step.lengths), -1), step.lengths)[..., None]
        if step.mask is not None:
            visible = visible & at_positions(step.mask.to(step.device), j)
        return Seen(visible)

    def visible(self, i: Int[Tensor, "*b n"], j: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """(..., n, N), true where a query at position i sees a key at j; j = -1 marks a row without a token."""
        return self.reaches(i[..., :, None] - j[..., None, :]) & (j >= 0)[..., None, :]

    @abstractmethod
    def reaches(self, distance: Int[Tensor, "..."]) -> Bool[Tensor, "..."]:
        """Whether a query at position i sees the key of a token at i - distance."""

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

    def reaches(self, distance: Int[Tensor, "..."]) -> Bool[Tensor, "..."]:
        window = self.config.window
        return distance >= 0 if window is None else (distance >= 0) & (distance < window)

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


def at_positions(mask: Bool[Tensor, "*b n N"], key_positions: Int[Tensor, "*c M"]) -> Bool[Tensor, "*d n M"]:
    """The mask's columns, one for each position, in the order in which the cache stores the keys."""
    columns = key_positions.clamp(min=0)
    if columns.ndim == 1:
        return mask[..., columns]
    n = mask.shape[-2]
    columns = columns[:, None].expand(-1, n, -1)
    return mask.expand(len(columns), n, -1).gather(-1, columns)
