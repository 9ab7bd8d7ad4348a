"""A decoder with heads removed: their summands P_h V_h W_O_h are left out of the outputs (paper, section 3)."""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from course_lib.config import is_whole, require
from course_lib.kernels import cpu
from course_lib.models.decoder import DecoderModel
from course_lib.models.inference import check_texts, evaluating

Head = tuple[int, int]  # layer and head, from 0


class Ablation:
    """Losses of a decoder on texts of equal length with any of its heads removed. The model is left as it is.

    The rows that each block reads are computed once, here, so that `losses` does not run the layers below the first
    removed head again. Biases stay; dropout is off.

    tokens: (b, n) int64 with n >= 2. Raises ValueError for another model or other tokens.
    """

    @cpu.plain()
    def __init__(self, model: DecoderModel, tokens: Tensor):
        require(isinstance(model, DecoderModel), f"model must be a DecoderModel, got {type(model).__name__}")
        check_texts(tokens)
        self._model, self._following = model, tokens[:, 1:]
        with evaluating(model):
            self._streams = [model.embedding(tokens[:, :-1])]  # what each block reads
            for block in model.blocks[:-1]:
                self._streams.append(block(self._streams[-1]))

    @property
    def heads(self) -> tuple[int, int]:
        """The numbers of layers, and of heads in each."""
        return len(self._model.blocks), self._model.config.attention.n_heads

    @cpu.plain()
    def losses(self, removed: Iterable[Head] = ()) -> Tensor:
        """-log p of tokens 1, 2, ... of each text, in nats, (b, n - 1).

        removed: pairs (layer, head), counted from 0. Raises ValueError for a head that the model does not have.
        """
        removed = [self._checked(head) for head in removed]
        first = min((layer for layer, _ in removed), default=len(self._streams) - 1)
        X = self._streams[first]
        with evaluating(self._model):
            for layer, block in enumerate(self._model.blocks[first:], start=first):
                heads = [head for at, head in removed if at == layer]
                W_O = without_rows(block.attention.W_O, heads, self.heads[1])
                X = functional_call(block, {"attention.W_O": W_O}, (X,))
            logits = self._model.logits(self._model.norm(X))
        loss = F.cross_entropy(logits.flatten(0, 1), self._following.flatten(), reduction="none")
        return loss.view(self._following.shape)

    def _checked(self, head: Head) -> Head:
        layers, heads = self.heads
        whole = isinstance(head, tuple) and len(head) == 2 and all(is_whole(i, least=0) for i in head)
        require(
            whole and head[0] < layers and head[1] < heads,
            f"removed must hold pairs (layer, head) below ({layers}, {heads}), got {head!r}",
        )
        return head


def without_rows(W_O: Tensor, heads: list[int], n_heads: int) -> Tensor:
    """W_O (h v, d) with the rows of these heads zero; W_O itself if there are none."""
    if not heads:
        return W_O
    W_O = W_O.clone()
    W_O.unflatten(0, (n_heads, -1))[heads] = 0
    return W_O
