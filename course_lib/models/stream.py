"""What sublayers add to the residual stream: in a trained decoder for one token, and in random stacks of any depth.

written(model, tokens)                        # the rows whose sum is the last token's row
Start.of(random_stack("pre", 24, seed=0))     # sizes of stream and gradients where training begins
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.config import GroupedConfig, ModelConfig, require
from course_lib.models.decoder import DecoderModel

VOCABULARY, BATCH, TOKENS = 64, 4, 24  # what random stacks read


@contextmanager
def watching(*pairs: tuple[nn.Module, Callable]) -> Iterator[None]:
    """Within this context, call each function with (input, output) whenever its module has run."""

    def note(module: nn.Module, inputs: tuple, output: Tensor, function: Callable) -> None:
        function(inputs[0].detach(), output.detach())

    handles = [module.register_forward_hook(partial(note, function=function)) for module, function in pairs]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def written(model: DecoderModel, tokens: Tensor) -> dict[str, Tensor]:
    """The rows (d,) that add up to the last row of the stream before the last norm: embedding, attention 0, ...

    tokens: (1, n). Raises ValueError for Post-LN, whose stream is not the sum of what sublayers add.
    """
    placement = model.config.placement
    require(placement != "post", f"model must have placement pre or peri, got {placement}")
    rows = {"embedding": model.embedding(tokens)[0, -1]}

    def add(X: Tensor, Y: Tensor, name: str) -> None:
        rows[name] = (Y - X)[0, -1]

    places = {}
    for number, block in enumerate(model.blocks):
        places |= {f"attention {number}": block.around_attention, f"feed-forward {number}": block.around_feed_forward}
    with watching(*((place, partial(add, name=name)) for name, place in places.items())):
        model.hidden(tokens)
    return rows


def random_stack(placement: str, n_layers: int, seed: int, width: int = 64) -> DecoderModel:
    """A decoder with ReLU, matrices of variance 1 / fan-in and embeddings of variance 1, whatever the placement."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": VOCABULARY, "n_layers": n_layers, "d_ff": 4 * width, "tied": False}
    heads = GroupedConfig(d_model=width, n_heads=4)
    stack = DecoderModel(ModelConfig(attention=heads, feedforward="relu", placement=placement, **sizes))
    with torch.no_grad():
        for name, weight in stack.named_parameters():
            if weight.ndim == 2:
                std = 1.0 if name == "embedding.W_E" else weight.shape[0] ** -0.5
                weight.copy_(std * torch.randn(weight.shape))
    return stack


@dataclass(frozen=True)
class Start:
    """A stack before its first training step, block by block."""

    size: np.ndarray  # (layers,) root mean square of the stream after each block
    attention: np.ndarray  # (layers,) mean square of the output of attention, before any norm on it
    feed_forward: np.ndarray  # (layers,) the same of the feed-forward network
    alike: np.ndarray  # (layers,) mean cosine between the rows that two tokens of a text bring to a block
    gradient: np.ndarray  # (layers,) Euclidean length of the loss's gradient in the block's matrices
    moved: float  # relative change of the output when noise of relative size eta is added to all blocks' matrices

    @classmethod
    def of(cls, stack: DecoderModel, eta: float = 0.01) -> "Start":
        """Measure a stack on random tokens from torch's generator. The noise that is added stays in its matrices."""
        tokens = torch.randint(VOCABULARY, (BATCH, TOKENS))
        notes: dict[str, list[float]] = {name: [] for name in ("size", "attention", "feed_forward", "alike")}

        def keep(X: Tensor, Y: Tensor, name: str) -> None:
            notes[name].append(mean_square(Y))

        def keep_block(X: Tensor, Y: Tensor) -> None:
            notes["size"].append(mean_square(Y) ** 0.5)
            notes["alike"].append(mean_cosine(X))

        parts = [
            (getattr(block, name), partial(keep, name=name))
            for block in stack.blocks
            for name in ("attention", "feed_forward")
        ]
        with watching(*parts, *((block, keep_block) for block in stack.blocks)):
            logits = stack(tokens)[:, :-1]
        F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        gradient = [sum(W.grad.square().sum().item() for W in matrices(block)) ** 0.5 for block in stack.blocks]
        arrays = {name: np.array(values) for name, values in notes.items()}
        return cls(**arrays, gradient=np.array(gradient), moved=movement(stack, tokens, eta))


def mean_square(X: Tensor) -> float:
    """The mean square of all entries."""
    return X.square().mean().item()


def mean_cosine(X: Tensor) -> float:
    """The mean cosine over all pairs of different rows of a text, for the texts in X (b, n, d)."""
    rows, n = F.normalize(X, dim=-1), X.shape[1]
    return ((rows.sum(1).square().sum(-1) - n) / (n * (n - 1))).mean().item()


def matrices(block: nn.Module) -> list[nn.Parameter]:
    """The weight matrices of a block, without biases and gains."""
    return [weight for weight in block.parameters() if weight.ndim == 2]


@torch.no_grad()
def movement(stack: DecoderModel, tokens: Tensor, eta: float) -> float:
    """How far noise of relative size eta in all blocks' matrices moves the output, relative to its length."""
    before = stack.hidden(tokens)
    for block in stack.blocks:
        for W in matrices(block):
            W += eta * W.std() * torch.randn(W.shape)
    return float((stack.hidden(tokens) - before).norm() / before.norm())
