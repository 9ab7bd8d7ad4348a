"""Where the norm stands around a sublayer: on the skip connection, in front of the sublayer, or on both its sides."""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.config import ModelConfig
from course_lib.layers import LayerNorm, RMSNorm

Rows = Callable[[Tensor], Tensor]


def all_rows(X: Tensor) -> Tensor:
    """X as it is."""
    return X


def new_norm(config: ModelConfig) -> LayerNorm | RMSNorm:
    """A norm of the config's kind, of the width of the residual stream."""
    return (LayerNorm if config.norm == "layer" else RMSNorm)(config.d_model, config.norm_eps)


def new_dropout(config: ModelConfig) -> nn.Module:
    """Dropout at the config's rate; nothing is called for a rate of 0."""
    return nn.Dropout(config.dropout) if config.dropout else nn.Identity()


class PostLN(nn.Module):
    """norm(X + sublayer(X)): the original.

    In all three, `asking` takes from X the rows that the sublayer answers, for one that does not answer all it reads.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Rows, asking: Rows = all_rows) -> Tensor:
        return self.norm(asking(X) + self.dropout(sublayer(X)))


class PreLN(nn.Module):
    """X + sublayer(norm(X)): the skip connection runs free from the first layer to the last."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Rows, asking: Rows = all_rows) -> Tensor:
        return asking(X) + self.dropout(sublayer(self.norm(X)))


class PeriLN(nn.Module):
    """X + after(sublayer(before(X))): also what a sublayer adds has a known size."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.before, self.after, self.dropout = new_norm(config), new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Rows, asking: Rows = all_rows) -> Tensor:
        return asking(X) + self.dropout(self.after(sublayer(self.before(X))))


AROUND = {"post": PostLN, "pre": PreLN, "peri": PeriLN}


def new_around(config: ModelConfig) -> PostLN | PreLN | PeriLN:
    """What stands around one sublayer."""
    return AROUND[config.placement](config)


def new_final_norm(config: ModelConfig) -> nn.Module:
    """A norm behind the last layer; Post-LN ends with one already."""
    return nn.Identity() if config.placement == "post" else new_norm(config)
