"""Where the norm stands around a sublayer: on the skip connection, in front of the sublayer, or on both its sides."""

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.config import ModelConfig
from course_lib.layers import LayerNorm, RMSNorm
from course_lib.layers.step import Step

Sublayer = Callable[[Tensor], Tensor]


def new_norm(config: ModelConfig) -> LayerNorm | RMSNorm:
    """A norm of the config's kind, of the width of the residual stream."""
    return (LayerNorm if config.norm == "layer" else RMSNorm)(config.d_model, config.norm_eps)


def new_dropout(config: ModelConfig) -> nn.Module:
    """Dropout at the config's rate, or the identity for a rate of 0."""
    return nn.Dropout(config.dropout) if config.dropout else nn.Identity()


class PostLN(nn.Module):
    """norm(X + sublayer(X)), as in the original Transformer: the norm stands on the skip connection.

    In all three classes, a sublayer reads all rows of X (b, n, d). With a step it returns only those of the tokens that
    ask (see `Step`), and they are added to the same rows of X.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return self.norm((X if step is None else step.asking(X)) + self.dropout(sublayer(X)))


class PreLN(nn.Module):
    """X + sublayer(norm(X)): no norm stands on the skip connection, from the first layer to the last."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.norm, self.dropout = new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return (X if step is None else step.asking(X)) + self.dropout(sublayer(self.norm(X)))


class PeriLN(nn.Module):
    """X + after(sublayer(before(X))): as `PreLN`, and the second norm fixes the size of what a sublayer adds."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.before, self.after, self.dropout = new_norm(config), new_norm(config), new_dropout(config)

    def forward(self, X: Tensor, sublayer: Sublayer, step: Step | None = None) -> Tensor:
        return (X if step is None else step.asking(X)) + self.dropout(self.after(sublayer(self.before(X))))


AROUND = {"post": PostLN, "pre": PreLN, "peri": PeriLN}


def new_around(config: ModelConfig) -> PostLN | PreLN | PeriLN:
    """The skip connection and norms around one sublayer, placed as the config says."""
    return AROUND[config.placement](config)


def new_final_norm(config: ModelConfig) -> nn.Module:
    """The norm behind the last layer; the identity for Post-LN, whose layers end with a norm."""
    return nn.Identity() if config.placement == "post" else new_norm(config)
