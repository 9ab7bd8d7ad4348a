"""FLOPs and bytes moved by prefill, by a decode step and by a whole generation, for one attention layer.

Conventions, stated once:
- A multiply-add is 2 FLOPs. Only matrix products count. Softmax, scaling, masks, norms, rotations, dropout and biases
  do not: they are linear in the number of tokens, or smaller than the products around them by a factor of d_head.
- Scores of hidden pairs count unless `pairs=visible_pairs`: `dense_pairs` is what a matrix product with a mask does,
  and what torch's FlopCounterMode counts for scaled_dot_product_attention.
- Bytes are those that an ideal kernel must move through main memory: every weight once per call, inputs X and outputs Y
  once, each new row written to the cache once, each visible row read once per call and sequence, and keys and values
  expanded from a latent written and read once. Queries, scores and outputs of heads stay on the chip. Real kernels move
  more, never less, so the intensity given here is an upper bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from course_lib.accounting.counts import Counts, Pairs, count_call, dense_pairs
from course_lib.accounting.forms import Form, form_for_decode, form_for_prefill
from course_lib.accounting.storage import Config
from course_lib.accounting.units import itemsize, require_count


@dataclass(frozen=True)
class Work:
    """FLOPs and bytes moved, each as a dict by purpose."""

    flops_by_part: dict[str, int]  # project, expand, absorb, attend; of a model also feed_forward, output
    bytes_by_part: dict[str, int]  # weights, activations, cache, expanded

    @property
    def flops(self) -> int:
        return sum(self.flops_by_part.values())

    @property
    def bytes(self) -> int:
        return sum(self.bytes_by_part.values())

    @property
    def intensity(self) -> float:
        """FLOPs per byte moved. Above the ridge of a machine arithmetic limits the work, below it memory does."""
        return self.flops / self.bytes

    def __add__(self, other: "Work") -> "Work":
        return Work(
            _sums(self.flops_by_part, other.flops_by_part),
            _sums(self.bytes_by_part, other.bytes_by_part),
        )

    def times(self, count: int) -> "Work":
        """The work of `count` equal layers."""
        return Work(
            {part: count * flops for part, flops in self.flops_by_part.items()},
            {part: count * size for part, size in self.bytes_by_part.items()},
        )


def _sums(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """The sums of equal keys; a key that one dict lacks counts 0 there."""
    return {part: first.get(part, 0) + second.get(part, 0) for part in first | second}


def work(form: Form, counts: Counts, batch: int = 1, dtype: str = "bfloat16") -> Work:
    """The work of one layer for `counts` in each of `batch` sequences; only reading the weights is shared by the batch.

    dtype: of all numbers, for bytes. Raises ValueError for a batch below 1 and an unknown dtype.
    """
    require_count("batch", batch, least=1)
    config, size = form.config, itemsize(dtype)
    multiply_adds = {
        "project": counts.tokens * form.project,
        "expand": counts.rows * form.expand,
        "absorb": counts.tokens * form.absorb,
        "attend": counts.pairs * form.attend,
    }
    floats = {
        "activations": counts.tokens * 2 * config.d_model,
        "cache": (counts.tokens + counts.rows) * config.floats_per_token,
        "expanded": counts.rows * 2 * form.materialised,
    }
    return Work(
        {part: 2 * batch * count for part, count in multiply_adds.items()},
        {"weights": counts.calls * form.parameters * size}
        | {part: batch * count * size for part, count in floats.items()},
    )


def chunk(
    form: Form, new: int, past: int, *, batch: int = 1, dtype: str = "bfloat16", pairs: Pairs = dense_pairs
) -> Work:
    """The work of one call with `new` tokens after `past` cached ones: prefill has past = 0, decode new = 1."""
    return work(form, count_call(new, past, form.config.window, pairs), batch, dtype)


def prefill(
    layer: Config | Form, tokens: int, *, batch: int = 1, dtype: str = "bfloat16", pairs: Pairs = dense_pairs
) -> Work:
    """The work of one layer for `tokens` new tokens with an empty cache; a LatentConfig in the expanded form.

    pairs: `dense_pairs` or `visible_pairs`. Raises ValueError unless `tokens` is an integer of at least 1.
    """
    require_count("tokens", tokens, least=1)
    return chunk(form_for_prefill(layer), tokens, 0, batch=batch, dtype=dtype, pairs=pairs)


def decode(layer: Config | Form, cached: int, *, batch: int = 1, dtype: str = "bfloat16") -> Work:
    """The work of one layer for one new token after `cached` tokens; a LatentConfig in the absorbed form.

    The new token also sees itself, so it reads cached + 1 rows, or at most `window`.
    """
    require_count("cached", cached)
    return chunk(form_for_decode(layer), 1, cached, batch=batch, dtype=dtype)


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of the counts; all zero for an empty iterable."""
    return sum(counts, Counts())


def generate_with_cache(
    layer: Config | Form,
    prompt: int,
    new: int,
    *,
    batch: int = 1,
    dtype: str = "bfloat16",
    pairs: Pairs = dense_pairs,
) -> Work:
    """The work of one layer to generate `new` tokens after `prompt` tokens, with a cache.

    The prefill of the prompt gives the first new token, new - 1 decode steps give the others: O(N^2) pairs and O(N)
    projections for N = prompt + new (paper, section 5). Raises ValueError unless both are integers of at least 1.
    """
    _require_generation(prompt, new)
    steps = form_for_decode(layer)
    window = steps.config.window
    decoding = total(count_call(1, past, window, pairs) for past in range(prompt, prompt + new - 1))
    return prefill(layer, prompt, batch=batch, dtype=dtype, pairs=pairs) + work(steps, decoding, batch, dtype)


def generate_without_cache(
    layer: Config | Form,
    prompt: int,
    new: int,
    *,
    batch: int = 1,
    dtype: str = "bfloat16",
    pairs: Pairs = dense_pairs,
) -> Work:
    """The work of one layer to generate `new` tokens after `prompt` tokens, without a cache.

    Each token needs a new call on all tokens before it: O(N^3) pairs and O(N^2) projections for N = prompt + new.
    Raises ValueError unless both are integers of at least 1.
    """
    _require_generation(prompt, new)
    form = form_for_prefill(layer)
    window = form.config.window
    counts = total(count_call(tokens, 0, window, pairs) for tokens in range(prompt, prompt + new))
    return work(form, counts, batch, dtype)


def _require_generation(prompt: int, new: int) -> None:
    require_count("prompt", prompt, least=1)
    require_count("new", new, least=1)
