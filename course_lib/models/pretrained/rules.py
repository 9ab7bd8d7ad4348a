"""Rules that make a model's parameters from the tensors of a file. A family of checkpoints is a list of rules.

torch's Linear keeps (outputs, inputs) and multiplies by the transpose; the course keeps W (inputs, outputs). Hugging
Face turns coordinate i of a head together with i + width / 2, the course 2 i together with 2 i + 1: this is the same
rotation with the coordinates in another order. The products of queries and keys do not depend on a common order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from course_lib.config import ModelConfig
from course_lib.models.pretrained.files import Shape


@dataclass(frozen=True)
class Rule:
    """convert(*sources) gives the targets, parameters of the model by name.

    Sources are tensors as the file holds them, maybe in half precision: what computes with them turns them into float32
    before. Where numbers of one tensor are only moved, `place` gives the view of the parameter that has the tensor's
    shape, so that a large tensor can be read in pieces.
    """

    sources: dict[str, Shape]
    targets: tuple[str, ...]
    convert: Callable[..., tuple[Tensor, ...]]
    place: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class Family:
    """A kind of checkpoint: the model that it becomes, and where each parameter comes from."""

    model: type[nn.Module]
    config: ModelConfig
    rules: list[Rule]
    prefix: str  # of all names that do not begin with one of `heads`; a file may leave it out
    heads: tuple[str, ...]
    copies: dict[str, str] = field(default_factory=dict)  # tensors that a file may hold twice: copy -> original
    unused: str = "(?!)"  # a pattern of tensors that take no part in the logits; this one matches nothing
    renamed: tuple[tuple[str, str], ...] = ()  # patterns at the beginning of names, and what stands there instead
    bare: "Family | None" = None  # the family without a head, for files in which no name begins with `head`
    head: str = ""

    def of_file(self, names: Iterable[str]) -> "Family":
        """The family of a file that holds tensors of these names."""
        return self if self.bare is None or any(name.startswith(self.head) for name in names) else self.bare


Order = Callable[[Tensor], Tensor]  # the same rows in another order


def same(x: Tensor) -> Tensor:
    """The rows in their order."""
    return x


def copied(source: str, shape: Shape, target: str, order: Order = same) -> Rule:
    """A parameter that is a tensor of the file, up to the order of its rows."""
    return Rule({source: shape}, (target,), lambda x: (order(x),), same if order is same else None)


def linear(source: str, shape: Shape, target: str, order: Order = same) -> Rule:
    """W (inputs, outputs) from the weight (outputs, inputs) of a Linear; `order` rearranges the outputs."""
    return Rule({source: shape}, (target,), lambda W: (order(W).T,), torch.t if order is same else None)


def norm(source: str, width: int, target: str, shift: bool) -> list[Rule]:
    """The rules for gamma of a norm, and with `shift` for beta."""
    rules = [copied(f"{source}.weight", (width,), f"{target}.gamma")]
    return [*rules, copied(f"{source}.bias", (width,), f"{target}.beta")] if shift else rules


def plus_one(x: Tensor) -> Tensor:
    """The gains of a norm that multiplies by 1 + weight, as in Gemma."""
    return 1 + x.float()


def neighbours(x: Tensor, heads: int) -> Tensor:
    """Rows of each head from halves (0, 2, 4, ..., 1, 3, 5, ...) to pairs (0, 1, 2, 3, ...); x (heads width, ...)."""
    return x.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
