"""A whole decoder: attention as in `work`, and what stands around it, the feed-forward networks and the output.

The conventions are those of `work`; of the embedding, one row is read for each token. Of a prefill, only the last
token's logits are computed, as generation needs them. The last layer counts whole: what `DecoderModel.prefill` saves
there is not taken off.
"""

from functools import reduce
from operator import add

from course_lib.accounting.counts import Pairs, dense_pairs
from course_lib.accounting.readings import Reading
from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work, decode, prefill
from course_lib.config import ModelConfig


def model_decode(
    config: ModelConfig, cached: int, *, reading: Reading | None = None, batch: int = 1, dtype: str = "bfloat16"
) -> Work:
    """One new token after `cached` tokens. `reading`: of its attention, as `readings` makes them."""
    attention = decode(reading or config.attention, cached, batch=batch, dtype=dtype)
    return reduce(add, [attention.times(config.n_layers), *around(config, 1, batch, dtype)])


def model_prefill(
    config: ModelConfig,
    tokens: int,
    *,
    reading: Reading | None = None,
    batch: int = 1,
    dtype: str = "bfloat16",
    pairs: Pairs = dense_pairs,
) -> Work:
    """`tokens` new tokens into empty caches, and the logits of the token that follows them."""
    attention = prefill(reading or config.attention, tokens, batch=batch, dtype=dtype, pairs=pairs)
    return reduce(add, [attention.times(config.n_layers), *around(config, tokens, batch, dtype)])


def around(config: ModelConfig, tokens: int, batch: int, dtype: str) -> tuple[Work, Work]:
    """Feed-forward networks of all layers for `tokens` tokens, and embedding and output; each of `batch` sequences."""
    feed_forward = feed_forward_weights(config) * config.n_layers
    output = config.vocab_size * config.d_model
    rows = config.n_layers * 2 * tokens * config.d_model  # in and out of each network
    return (
        dense("feed_forward", feed_forward, batch * tokens, batch * rows, dtype),
        dense("output", output, batch, batch * (tokens * config.d_model + config.vocab_size), dtype),
    )


def feed_forward_weights(config: ModelConfig) -> int:
    """Numbers in the matrices of one network: two, or three with a gate."""
    return (3 if config.feedforward == "swiglu" else 2) * config.d_model * config.d_ff


def dense(part: str, weights: int, rows: int, activations: int, dtype: str) -> Work:
    """Matrices of `weights` numbers, read once and applied to `rows` rows."""
    size = itemsize(dtype)
    return Work({part: 2 * rows * weights}, {"weights": weights * size, "activations": activations * size})
