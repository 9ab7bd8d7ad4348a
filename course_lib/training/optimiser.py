"""AdamW (Loshchilov, Hutter, "Decoupled Weight Decay Regularization", arXiv 1711.05101); which parameters decay."""

from collections.abc import Iterator

import torch
from torch import nn

from course_lib.config import require
from course_lib.models.embeddings import Embedding
from course_lib.training.recipe import Recipe
from course_lib.training.strides import laid_out, strides_of

EMBEDDINGS = (Embedding, nn.Embedding)  # the course's; torch's, in models from elsewhere


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups of parameters for an optimiser: weight matrices, which decay, and all others, which do not.

    The others are vectors (gains and shifts of norms, biases) and embeddings of tokens and positions. Decay would pull
    the gain of a norm from 1 to 0. It would also pull every embedding row at every step, although only the tokens of
    the batch get a gradient, so that rows of rare tokens would shrink. Output weights tied to an embedding count as the
    embedding. Parameters that require no gradient are left out.
    """
    spared = {id(p) for module in model.modules() if isinstance(module, EMBEDDINGS) for p in own(module)}
    parameters = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in parameters if p.ndim >= 2 and id(p) not in spared]
    rest = [p for p in parameters if p.ndim < 2 or id(p) in spared]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def own(module: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of the module itself, without those of its submodules."""
    return module.parameters(recurse=False)


def adamw(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """torch's fused AdamW, which updates all parameters in one call, with the settings of `recipe`.

    It reads a weight, its gradient and its moments in the order of memory and ignores their strides, which may differ
    for assigned weights and loaded moments. So `lay_alike` makes the strides equal before each step.

    Raises ValueError when no parameter of the model requires a gradient.
    """
    groups = decay_groups(model, recipe.weight_decay)
    require(len(groups) > 0, f"model must have parameters that require gradients, {type(model).__name__} has none")
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, eps=1e-8, fused=True)
    optimiser.register_step_pre_hook(lay_alike)
    lay_alike(optimiser)  # before the first backward pass: gradients take the strides of their parameters
    return optimiser


@torch.no_grad()
def lay_alike(optimiser: torch.optim.Optimizer, *_) -> None:
    """Put each parameter into one piece of memory, and its gradient and moments into the same order."""
    for p in (p for group in optimiser.param_groups for p in group["params"]):
        strides, state = strides_of(p), optimiser.state.get(p, {})
        if p.stride() != strides:
            p.data = laid_out(p, strides)
        if p.grad is not None and p.grad.stride() != strides:
            p.grad = laid_out(p.grad, strides)
        state |= {k: laid_out(x, strides) for k, x in state.items() if x.shape == p.shape and x.stride() != strides}


def named(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
    """The optimiser's parameters by their names in the model, in the optimiser's order."""
    names = {id(p): name for name, p in model.named_parameters()}
    return {names[id(p)]: p for group in optimiser.param_groups for p in group["params"]}
