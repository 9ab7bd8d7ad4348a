"""Replace the attention layers of a trained decoder by approximations of them that have the same weights."""

import copy
from collections.abc import Callable

from course_lib.config import GroupedConfig, require
from course_lib.layers.grouped import Grouped, GroupedQueryAttention
from course_lib.models.decoder import DecoderModel

Make = Callable[[GroupedConfig], Grouped]


def in_place_of(layer: GroupedQueryAttention, make: Make) -> Grouped:
    """The new layer `make(config)` with copies of the weights of `layer`, and its dtype, device and mode.

    Raises ValueError unless the layer is a GroupedQueryAttention, and as `make` for its config.
    """
    kind = type(layer)
    require(kind is GroupedQueryAttention, f"layer must be a GroupedQueryAttention, got {kind.__name__}")
    new = make(layer.config).to(layer.W_O)
    new.load_state_dict(new.state_dict() | layer.state_dict())
    return new.train(layer.training)


def with_layers(model: DecoderModel, make: Make) -> DecoderModel:
    """A copy of the model in which each attention layer is replaced as by `in_place_of`. Raises ValueError as that."""
    require(isinstance(model, DecoderModel), f"model must be a DecoderModel, got {type(model).__name__}")
    model = copy.deepcopy(model)
    for block in model.blocks:
        block.attention = in_place_of(block.attention, make)
    return model
