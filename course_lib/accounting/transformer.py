"""FLOPs and bytes moved of a whole decoder: attention, feed-forward networks, embedding and output.

The conventions are those of `work`. Of the embedding, one row is read for each token. A prefill computes the logits of
the last token only, which is all that generation needs. In a mixture of experts, tokens are taken to choose different
experts, as long as there are enough: then most weights are read. The last layer counts fully, although
`DecoderModel.prefill` skips a part of it.
"""

from functools import reduce
from operator import add

from course_lib.accounting.counts import Pairs, dense_pairs
from course_lib.accounting.forms import Form
from course_lib.accounting.parameters import feed_forward_weights
from course_lib.accounting.storage import Config
from course_lib.accounting.units import itemsize
from course_lib.accounting.work import Work, decode, prefill
from course_lib.config import ModelConfig, require


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
    experts, output = config.experts, config.vocab_size * config.d_model
    passed = feed_forward_weights(config, 0 if experts is None else experts.chosen)
    read = passed
    if experts is not None:
        read = feed_forward_weights(config, min(experts.routed, batch * tokens * experts.chosen))
    rows = config.n_layers * 2 * tokens * config.d_model  # inputs and outputs of each network
    return (
        dense("feed_forward", passed, read, batch * tokens, batch * rows, dtype),
        dense("output", output, output, batch, batch * (tokens * config.d_model + config.vocab_size), dtype),
    )


def dense(part: str, passed: int, read: int, rows: int, activations: int, dtype: str) -> Work:
    """The work of matrices of which each of `rows` rows passes `passed` numbers, and `read` numbers are read once."""
    size = itemsize(dtype)
    return Work({part: 2 * rows * passed}, {"weights": read * size, "activations": activations * size})
