"""The heads of a decoder on given texts, and its loss when one layer has other weights P.

    texts = HeadsOnTexts(model, tokens)
    P = texts.heads[2].P                        # of layer 2: (b, h, n, n), NumPy, float64
    rise = texts.losses(2, P_hat) - texts.losses()

The layers before the changed one are not run again, and one SVD of P serves for all ranks. So one point of a picture
takes little time. `method_layer` computes the same loss for a method in all layers.
"""

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_lib.config import require
from course_lib.kernels import cpu
from course_lib.layers.base import Attention
from course_lib.models.decoder import DecoderModel
from course_lib.models.inference import check_texts
from course_lib.randomised.checks import check_whole
from course_lib.reference.attention import attention_weights, causal_mask


@dataclass(frozen=True, eq=False)
class Heads:
    """The heads of one layer on b texts of n tokens. Keys and values that heads share are repeated."""

    Q: Float[np.ndarray, "b h n e"]  # with positions, as K
    K: Float[np.ndarray, "b h n e"]
    V: Float[np.ndarray, "b h n v"]
    scale: float

    @cached_property
    def S(self) -> Float[np.ndarray, "b h n n"]:
        """The logits, before the mask."""
        return self.scale * self.Q @ self.K.swapaxes(-1, -2)

    @cached_property
    def P(self) -> Float[np.ndarray, "b h n n"]:
        """The weights under the causal mask."""
        n = self.Q.shape[-2]
        return attention_weights(self.Q, self.K, causal_mask(n, n), scale=self.scale)


class HeadsOnTexts:
    """The heads of each layer on texts of equal length, in float64, and losses with other weights in one layer.

    tokens: (b, n + 1) ids. The model reads the first n and predicts the last n. It is copied and left as it is.
    Raises ValueError for another model, for other tokens and for a layer with a window.
    """

    @cpu.plain()
    @torch.no_grad()
    def __init__(self, model: DecoderModel, tokens: Tensor):
        require(isinstance(model, DecoderModel), f"model must be a DecoderModel, got {type(model).__name__}")
        check_texts(tokens)
        windows = {window for _, each in model.config.attention_counts if (window := getattr(each, "window", None))}
        require(not windows, f"the window of the layers must be None, got {sorted(windows)}")
        self.model, self.following = copy.deepcopy(model).double().eval(), tokens[:, 1:]
        self.positions = torch.arange(tokens.shape[1] - 1)
        self.inputs, self.heads = [], []  # of each attention layer: X (b, n, d) in NumPy, and its `Heads`
        X, self.streams = self.model.embedding(tokens[:, :-1]), []  # what each block reads, and the last one writes
        for block in self.model.blocks:
            listener = block.attention.register_forward_pre_hook(self._listen)
            self.streams.append(X)
            X = block(X)
            listener.remove()
        self.streams.append(X)

    def losses(self, layer: int = 0, P: Float[np.ndarray, "b h n n"] | None = None) -> Float[np.ndarray, "b n"]:
        """-log p of tokens 1, 2, ..., n of each text, in nats, with the weights P in place of those of one layer.

        Without P the model is as it is. Rows of P need not sum to 1, and entries may be negative or above the diagonal.
        Raises ValueError for a layer that is not there, and for weights of another shape or not finite.
        """
        check_whole("layer", layer, 0, len(self.heads) - 1)
        return self._losses_of(self.streams[-1]) if P is None else self.losses_from(layer, self.outputs(layer, P))

    @cpu.plain()
    @torch.no_grad()
    def losses_from(self, layer: int, Y: Float[np.ndarray, "b n d"]) -> Float[np.ndarray, "b n"]:
        """`losses` when one attention layer adds Y to the stream, for instance `outputs` of other weights.

        Raises ValueError for a layer that is not there, and for a Y of another shape.
        """
        check_whole("layer", layer, 0, len(self.heads) - 1)
        block, X = self.model.blocks[layer], self.streams[layer]
        require(np.shape(Y) == tuple(X.shape), f"Y must have shape {tuple(X.shape)}, got {np.shape(Y)}")
        attention, block.attention = block.attention, _Given(torch.from_numpy(Y))
        try:
            X = block(X)
        finally:
            block.attention = attention
        for later in self.model.blocks[layer + 1 :]:
            X = later(X)
        return self._losses_of(X)

    @cpu.plain()
    @torch.no_grad()
    def outputs(self, layer: int, P: Float[np.ndarray, "b h n n"]) -> Float[np.ndarray, "b n d"]:
        """What one attention layer adds to the stream with the weights P, sum_h P_h V_h W_O_h. Raises as `losses`."""
        check_whole("layer", layer, 0, len(self.heads) - 1)
        want, attention = self.heads[layer].P.shape, self.model.blocks[layer].attention
        require(np.shape(P) == want, f"P must have shape {want}, got {np.shape(P)}")
        require(bool(np.isfinite(P).all()), "P must be finite, got NaN or infinity")
        Y = torch.from_numpy(P @ self.heads[layer].V)
        return _verbs(attention, len(self.positions)).output(Y, self.positions).numpy()

    @cpu.plain()
    @torch.no_grad()
    def _losses_of(self, X: Tensor) -> Float[np.ndarray, "b n"]:
        """The losses when the last block writes X."""
        logits = self.model.logits(self.model.norm(X))
        loss = F.cross_entropy(logits.flatten(0, 1), self.following.flatten(), reduction="none")
        return loss.view(self.following.shape).numpy()

    def _listen(self, attention: Attention, arguments: tuple) -> None:
        """Keep the inputs and heads of a layer; a forward pre-hook of torch."""
        X, config = arguments[0], attention.config
        self.inputs.append(X.numpy())
        verbs = _verbs(attention, X.shape[1])
        Q, (K, V) = verbs.queries(X, self.positions), verbs.read(attention.compress(X, self.positions))
        K, V = (part.repeat_interleave(config.n_heads // part.shape[1], dim=1) for part in (K, V))
        self.heads.append(Heads(Q.numpy(), K.numpy(), V.numpy(), config.scale))


class _Given(torch.nn.Module):
    """In place of an attention layer: its output is given, so that the layer itself is not computed."""

    def __init__(self, output: Tensor):
        super().__init__()
        self.output = output

    def forward(self, *_, **__) -> Tensor:
        return self.output


def _verbs(attention: Attention, n: int):
    """How the layer reads the rows of n tokens."""
    return attention.verbs(None, n, n)
