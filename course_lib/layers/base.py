"""The one computation behind every variant: queries, compress, read, attend, output (paper, sections 2 to 7)."""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from course_lib.config import GroupedConfig, LatentConfig, require
from course_lib.layers.cache import Cache, Held, Rows
from course_lib.layers.checks import check_finite, check_input, check_lengths, check_mask
from course_lib.layers.kernel import Seen, attend, attention_weights, mix
from course_lib.layers.window import WindowCache

Output = Float[Tensor, "b n d"] | tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n N"]]


@runtime_checkable
class Reading(Protocol):
    """How new tokens ask, how what is cached is read back, and how heads become the output."""

    def queries(self, X: Tensor, positions: Tensor) -> Tensor:
        """X (b, n, d) -> Q (b, h, n, e)."""

    def read(self, rows: Held) -> tuple[Tensor, Tensor]:
        """What is cached -> K (b, g, N, e), V (b, g, N, v)."""

    def output(self, Y: Tensor, positions: Tensor) -> Tensor:
        """Y (b, h, n, v) -> (b, n, d)."""


class CausalAttention(nn.Module):
    """What the variants share. A subclass has the verbs of Reading, `compress`, which makes what is cached, and W_O."""

    def __init__(self, config: GroupedConfig | LatentConfig):
        super().__init__()
        self.config = config
        self.checks_values = True  # a model turns it off: NaN then reaches its loss, where training looks for it

    def compress(self, X: Tensor, positions: Tensor) -> Rows:
        """X (b, n, d) -> named rows (b, ..., n, width): what a token leaves in the cache."""
        raise NotImplementedError

    def new_cache(self, capacity: int | None = None) -> Cache:
        """An empty cache that suits this layer; with a window it keeps that many rows, whatever the capacity."""
        return Cache(capacity) if self.config.window is None else WindowCache(self.config.window)

    def visible(self, queries: Int[Tensor, "*b n"], keys: Int[Tensor, "*c N"]) -> Bool[Tensor, "..."]:
        """The visible sets (..., n, N) by position: keys at or before the query, and within its window."""
        distance = queries[..., :, None] - keys[..., None, :]
        seen = (distance >= 0) & (keys >= 0)[..., None, :]  # position -1: nothing stands there
        return seen if self.config.window is None else seen & (distance < self.config.window)

    def shortcut(self, n: int, N: int) -> Seen | None:
        """The visible sets of the last n of N tokens, where no mask need be made to say them."""
        if self.config.window is not None and N > self.config.window:
            return None
        return Seen(causal=True) if n == N else Seen() if n == 1 else None

    def run(
        self,
        reading: Reading,
        X: Float[Tensor, "b n d"],
        cache: Cache | None,
        lengths: Int[Tensor, "b"] | None,
        mask: Bool[Tensor, "..."] | None,
        return_weights: bool,
    ) -> Output:
        """Training, prefill, chunked prefill and decode are this one function; `forward` documents the arguments."""
        self.check(X, cache, lengths, mask)
        with torch.set_grad_enabled(torch.is_grad_enabled() and cache is None):
            X = X if lengths is None else X.masked_fill(~real(X, lengths)[..., None], 0.0)
            self.check_values(X)
            positions = self.positions(X, cache)
            places = for_heads(positions if lengths is None else unpadded(positions, lengths))
            rows = self.compress(X, places)
            rows, keys = without_cache(rows, lengths) if cache is None else cache.append(rows, lengths)
            seen = self.seen(X, (positions, keys), lengths, mask)
            Y, P = self.answer(reading, (X, places), rows, seen, return_weights)
            if lengths is not None:
                Y = Y.masked_fill(~real(X, lengths)[..., None], 0.0)  # b_O would stand there
            return Y if P is None else (Y, P)

    @torch.no_grad()
    def remember(self, X: Float[Tensor, "b n d"], cache: Cache) -> None:
        """Leave in the cache what `run` would, and answer nothing: of tokens whose output nobody reads."""
        self.check(X, cache, None, None)
        self.check_values(X)
        cache.append(self.compress(X, for_heads(self.positions(X, cache))))

    def answer(
        self, reading: Reading, asking: tuple[Tensor, Tensor], rows: Held, seen: Seen, return_weights: bool
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n N"] | None]:
        """(Y, P) of the tokens that ask, given as X (b, n, d) and their positions; P is None unless wanted."""
        X, places = asking
        Q, (K, V) = reading.queries(X, places), reading.read(rows)
        dropout = self.config.dropout if self.training else 0.0
        P = attention_weights(Q, K, seen, self.config.scale) if return_weights else None
        heads = attend(Q, K, V, seen, self.config.scale, dropout) if P is None else mix(F.dropout(P, dropout), V)
        return reading.output(heads, places), P

    def check(self, X: Tensor, cache: Cache | None, lengths: Tensor | None, mask: Tensor | None) -> None:
        """What can be wrong is found before the cache is touched."""
        check_input(X, self.config.d_model, self.W_O)
        batch, n = X.shape[:2]
        check_lengths(lengths, (batch, n))
        if mask is not None:
            starts = torch.zeros(batch, dtype=torch.long) if cache is None else cache.starts(batch)
            new = n if cache is None or lengths is None else lengths.cpu()
            check_mask(mask, batch, n, int((starts + new).max()))
        if isinstance(cache, WindowCache):
            window = self.config.window
            require(
                window is not None and window <= cache.window,
                f"cache keeps the last {cache.window} rows, so the layer must see no further, got window = {window}",
            )

    def check_values(self, X: Tensor) -> None:
        """No NaN or infinity in what a caller hands in."""
        if self.checks_values:
            check_finite(X)

    def positions(self, X: Float[Tensor, "b n d"], cache: Cache | None) -> Int[Tensor, "*b n"]:
        """Positions of the new tokens, on the CPU: (n,) when the same for every sequence, else (b, n)."""
        batch, n = X.shape[:2]
        return torch.arange(n) if cache is None else cache.next_positions(batch, n)

    def seen(
        self,
        X: Float[Tensor, "b n d"],
        positions: tuple[Int[Tensor, "*b n"], Int[Tensor, "*c N"]],
        lengths: Int[Tensor, "b"] | None,
        mask: Bool[Tensor, "..."] | None,
    ) -> Seen:
        """The visible sets, from the positions of (queries, keys), the padding and the caller's mask."""
        queries, keys = (p.to(X.device) for p in positions)
        if lengths is None and mask is None and queries.ndim == keys.ndim == 1:
            short = self.shortcut(len(queries), len(keys))
            if short is not None:
                return short
        seen = self.visible(queries, keys)
        if lengths is not None:
            seen = seen & real(X, lengths)[..., None]  # padding asks nothing: its rows of P are zero
        if mask is not None:
            seen = seen & at_positions(mask.to(X.device), keys)
        return Seen(seen)


def for_heads(positions: Int[Tensor, "*b n"]) -> Int[Tensor, "..."]:
    """(n,), or (b, 1, n) with an axis for the heads."""
    return positions if positions.ndim == 1 else positions[:, None]


def unpadded(positions: Int[Tensor, "*b n"], lengths: Int[Tensor, "b"]) -> Int[Tensor, "*b n"]:
    """The positions, at most that of the last token: dynamic scaling depends on a text's length, without padding."""
    tokens = torch.arange(positions.shape[-1]) < lengths.cpu()[:, None]
    return positions.clamp(max=int((positions * tokens).max()))


def real(X: Shaped[Tensor, "b n *d"], lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b n"]:
    """True at the tokens of X, rows or numbers, false at the padding to their right."""
    return torch.arange(X.shape[1], device=X.device) < lengths.to(X.device)[:, None]


def without_cache(rows: Rows, lengths: Int[Tensor, "b"] | None) -> tuple[Rows, Int[Tensor, "*b N"]]:
    """What a fresh cache's `append` returns, with gradients; padding stands at position -1."""
    n = next(iter(rows.values())).shape[-2]
    keys = torch.arange(n)
    if lengths is not None:
        keys = torch.where(keys < lengths.cpu()[:, None], keys, -1)
    return rows, keys


def at_positions(mask: Bool[Tensor, "*b n N"], keys: Int[Tensor, "*c M"]) -> Bool[Tensor, "*d n M"]:
    """The columns of the mask, which stand for positions, in the order in which the keys are stored."""
    columns = keys.clamp(min=0)
    if keys.ndim == 1:
        return mask[..., columns]
    n = mask.shape[-2]
    columns = columns[:, None].expand(-1, n, -1)
    return mask.expand(len(columns), n, -1).gather(-1, columns)
