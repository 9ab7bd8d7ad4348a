"""From which length on is an approximation faster than exact attention, at a given error? Measured on this machine.

    rows = measure(model, ids, [256, 1024, 4096], {"landmarks": 48, "keys": 64}, np.random.default_rng(0))
    faster_from(rows, "keys", layer=0)          # a length, or None

A block of length N has N / 2 queries and N / 2 keys of one head. Exact attention is torch's fused kernel in float32.
The approximations run in torch as well, and their time includes everything: pivots, factorisation, random numbers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.bench.timing import time_calls
from course_lib.config import require
from course_lib.models.decoder import DecoderModel
from course_lib.randomised.checks import check_positive, check_whole
from course_lib.randomised.given_weights import HeadsOnTexts
from course_lib.randomised.timed_methods import fused, keys, outputs, reader

TEXT = 256  # tokens that docs-mha was trained on
MOST = {"keys": 2**19, "landmarks": 512, "features": 4096}  # settings that are tried
SOME = 512  # queries on which an error is measured
AT_256 = {"keys": 64, "landmarks": 48}  # settings with a loss at most 1 % above exact attention's (notebook 13)


class FarBlock(NamedTuple):
    """Queries, keys and values of some heads of a layer, in float32 and with the scale in the rows: (h, n, e)."""

    Q: Float[Tensor, "h n e"]
    K: Float[Tensor, "h n e"]
    V: Float[Tensor, "h n v"]


class Row(NamedTuple):
    """One measurement: the method, its layer, the error to keep, the length, the least m, and two times."""

    method: str
    layer: int
    error: float
    N: int
    m: int | None  # None if no m that was tried has a small enough error
    ms: float | None
    exact_ms: float


def far_blocks(model: DecoderModel, ids: Tensor, N: int, heads: tuple[int, ...] = (0, 4)) -> list[FarBlock]:
    """Of each layer: the queries of the second halves and the keys of the first halves of N / 256 texts, pooled.

    So all distances between positions are such that the model was trained on. Each text alone is one of 256 tokens.
    Raises ValueError unless N is a multiple of 256 and there are N + 1 ids.
    """
    check_whole("N", N, TEXT)
    require(N % TEXT == 0 and len(ids) > N, f"N must be a multiple of {TEXT} below {len(ids)} ids, got {N}")
    texts = torch.stack([ids[start : start + TEXT + 1] for start in range(0, N, TEXT)])
    found = [HeadsOnTexts(model, some).heads for some in texts.split(32)]
    scale, half = found[0][0].scale ** 0.5, TEXT // 2

    def pooled(parts: list[np.ndarray], factor: float) -> Tensor:
        rows = np.concatenate([part[:, heads] for part in parts]).swapaxes(0, 1)
        return torch.from_numpy(factor * rows.reshape(len(heads), -1, rows.shape[-1])).float()

    return [
        FarBlock(
            pooled([layers[i].Q[:, :, half:] for layers in found], scale),
            pooled([layers[i].K[:, :, :half] for layers in found], scale),
            pooled([layers[i].V[:, :, :half] for layers in found], 1.0),
        )
        for i in range(len(found[0]))
    ]


def sums_error(name: str, block: FarBlock, m: int, random: np.random.Generator) -> float:
    """||Z^{-1} (A_hat - A) U||_F / ||Z^{-1} A U||_F on SOME queries of all heads, with U = [V, 1]."""
    squares = np.zeros(2)
    for Q, K, V in zip(*block, strict=True):
        read = reader(name)(Q, K, V, m, random)
        few = Q[torch.linspace(0, len(Q) - 1, min(SOME, len(Q))).long()]
        exact = keys(few, K, V, len(K), random)(few).double()
        off = (read(few).double() - exact) / exact[:, -1:]
        squares += [off.square().sum(), (exact / exact[:, -1:]).square().sum()]
    return float(np.sqrt(squares[0] / squares[1]))


def least_setting(name: str, block: FarBlock, error: float, random: np.random.Generator) -> int | None:
    """The least m among 16, 32, ... with a `sums_error` of at most `error`, or None.

    m stays below the number of keys and at most MOST. Landmarks have few, since they are chosen one after
    the other: on an AMD EPYC more than 512 took longer than exact attention at all lengths.
    """
    check_positive("error", error)
    settings = [2**power for power in range(4, 20) if 2**power < block.K.shape[1] and 2**power <= MOST[name]]
    return next((m for m in settings if sums_error(name, block, m, random) <= error), None)


def ms(name: str, block: FarBlock, m: int, random: np.random.Generator, repeats: int = 5) -> float:
    """Milliseconds of outputs by this method for the first head of the block: the least of several times."""
    Q, K, V = (rows[0] for rows in block)
    return 1e3 * time_calls(lambda: outputs(name, Q, K, V, m, random), repeats, warm_up=1).best


def exact_ms(block: FarBlock, repeats: int = 5) -> float:
    """Milliseconds of exact attention for the same head, by torch's fused kernel: the least of several times."""
    Q, K, V = (rows[:1] for rows in block)
    return 1e3 * time_calls(lambda: fused(Q, K, V), repeats, warm_up=1).best


def measure(
    model: DecoderModel, ids: Tensor, lengths: Sequence[int], settings: Mapping[str, int], random: np.random.Generator
) -> list[Row]:
    """Time each method of `settings` in each layer at each length, with the least m that keeps the error.

    settings: method -> its m for texts of 256 tokens. The error to keep is the median of that m over single texts.
    Raises ValueError unless the lengths rise from 256 on, and as `far_blocks`.
    """
    rising = len(lengths) > 0 and list(lengths) == sorted(set(lengths)) and lengths[0] >= TEXT
    require(rising, f"lengths must rise from at least {TEXT}, got {list(lengths)}")
    longest, rows = far_blocks(model, ids, lengths[-1]), []
    for layer, whole in enumerate(longest):
        single = [_part(whole, start, TEXT // 2) for start in range(0, min(lengths[-1], 32 * TEXT) // 2, TEXT // 2)]
        for name, m in settings.items():
            error = float(np.median([sums_error(name, block, m, random) for block in single]))
            for N in lengths:
                block = _part(whole, 0, N // 2)
                least = least_setting(name, block, error, random)
                taken = None if least is None else ms(name, block, least, random)
                rows.append(Row(name, layer, error, N, least, taken, exact_ms(block)))
    return rows


def faster_from(rows: Sequence[Row], name: str, layer: int) -> int | None:
    """The least measured length from which on the method is faster in this layer at all longer ones, or None."""
    found = None
    for row in sorted((row for row in rows if (row.method, row.layer) == (name, layer)), key=lambda row: -row.N):
        if row.ms is None or row.ms >= row.exact_ms:
            break
        found = row.N
    return found


def _part(block: FarBlock, start: int, count: int) -> FarBlock:
    return FarBlock(*(rows[:, start : start + count] for rows in block))
