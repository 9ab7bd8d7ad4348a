"""FLOPs and bytes moved of a whole decoder: attention, feed-forward networks, embedding and output.

The conventions are those of `work`. Of the embedding, one row is read for each token. A prefill computes the logits of
the last token only, which is all that generation needs. The last layer counts fully, although `DecoderModel.prefill`
skips a part of it.
"""

from functools import reduce
from operator import add

from course_lib.accounting.counts import Pairs, dense_pairs
from course_lib.accounting.forms import Form
from course_lib.accounting.storage import Config
from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work, decode, prefill
from course_lib.config import GATED, ModelConfig, require


def model_decode(
    config: ModelConfig, cached: int, *, form: Form | None = None, batch: int = 1, dtype: str = "bfloat16"
) -> Work:
    """The work of a whole decoder for one new token after `cached` tokens, in each of `batch` sequences.

    form: how attention reads its cache, such as `absorbed(config.attention)`; None takes the usual one for decoding.
    """
    layers = [decode(each, cached, batch=batch, dtype=dtype).times(count) for count, each in kinds(config, form)]
    return reduce(add, [*layers, *around(config, 1, batch, dtype)])


def model_prefill(
    config: ModelConfig,
    tokens: int,
    *,
    form: Form | None = None,
    batch: int = 1,
    dtype: str = "bfloat16",
    pairs: Pairs = dense_pairs,
) -> Work:
    """The work of a whole decoder for `tokens` new tokens, with empty caches, and for the logits after the last one.

    form: as in `model_decode`; None takes the usual one for prefill. pairs: `dense_pairs` or `visible_pairs`.
    """
    how = dict(batch=batch, dtype=dtype, pairs=pairs)
    layers = [prefill(each, tokens, **how).times(count) for count, each in kinds(config, form)]
    return reduce(add, [*layers, *around(config, tokens, batch, dtype)])


def kinds(config: ModelConfig, form: Form | None) -> tuple[tuple[int, Config | Form], ...]:
    """The kinds of layers, each with their number. Raises ValueError for a form when there are two kinds."""
    if form is None:
        return config.attention_counts
    require(config.local is None, "form must be None for a model with local layers: one form fits one kind of layer")
    return ((config.n_layers, form),)


def around(config: ModelConfig, tokens: int, batch: int, dtype: str) -> tuple[Work, Work]:
    """The work of all feed-forward networks, and of embedding and output, for `tokens` tokens in each sequence."""
    feed_forward = feed_forward_weights(config) * config.n_layers
    output = config.vocab_size * config.d_model
    rows = config.n_layers * 2 * tokens * config.d_model  # inputs and outputs of each network
    return (
        dense("feed_forward", feed_forward, batch * tokens, batch * rows, dtype),
        dense("output", output, batch, batch * (tokens * config.d_model + config.vocab_size), dtype),
    )


def feed_forward_weights(config: ModelConfig) -> int:
    """Numbers in the matrices of one feed-forward network: two matrices, or three with a gate."""
    return (3 if config.feedforward in GATED else 2) * config.d_model * config.d_ff


def dense(part: str, weights: int, rows: int, activations: int, dtype: str) -> Work:
    """The work of matrices with `weights` numbers together, each read once and applied to `rows` rows."""
    size = itemsize(dtype)
    return Work({part: 2 * rows * weights}, {"weights": weights * size, "activations": activations * size})
