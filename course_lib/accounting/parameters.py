"""How many parameters a model has, and how many of them one token uses: fewer in a mixture of experts."""

from typing import NamedTuple

from course_lib.accounting.storage import parameters
from course_lib.config import GATED, ModelConfig


class Parameters(NamedTuple):
    """All parameters of a model, and those that a token passes; both include the whole embedding and output."""

    total: int
    active: int


def model_parameters(config: ModelConfig) -> Parameters:
    """The parameters of a decoder or encoder with this config."""
    d, norms = config.d_model, norm_parameters(config)
    attention = sum(count * parameters(each) for count, each in config.attention_counts)
    table = config.vocab_size * d + (config.max_length * d if config.positions == "learned" else 0)
    output = (0 if config.tied else config.vocab_size * d) + (config.vocab_size if config.output_bias else 0)
    biases = 0
    if config.ff_bias and config.feedforward not in GATED:
        biases = config.n_layers * (config.d_ff + d)
    shared = attention + norms + table + output + biases
    routed, chosen = (0, 0) if config.experts is None else (config.experts.routed, config.experts.chosen)
    return Parameters(shared + feed_forward_weights(config, routed), shared + feed_forward_weights(config, chosen))


def norm_parameters(config: ModelConfig) -> int:
    """Gains, and shifts if there are any, of all norms outside of attention."""
    in_layers = config.n_layers * 2 * (2 if config.placement == "peri" else 1)
    count = in_layers + (config.placement != "post") + config.embedding_norm
    return count * config.d_model * (2 if config.norm == "layer" else 1)


def feed_forward_weights(config: ModelConfig, used: int) -> int:
    """Numbers in the matrices of all feed-forward networks; of each mixture, router, shared and `used` routed experts.

    A network has two matrices, or three with a gate.
    """
    wide, mixed = (3 if config.feedforward in GATED else 2) * config.d_model * config.d_ff, config.experts
    if mixed is None:
        return config.n_layers * wide
    mixture = config.d_model * (mixed.routed + 3 * mixed.d_ff * (mixed.shared + used))
    return mixed.first * wide + (config.n_layers - mixed.first) * mixture
