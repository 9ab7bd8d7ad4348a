"""Four variants of latent attention without a rotary key: three bring positions into the scores in another way.

    RotaryLatent          the latent rows themselves turn with their position, whole or in part
    RotatedKeysLatent     queries and up-projected keys turn, as in grouped attention; there is no absorbed form
    Alibi                 nothing turns; logits fall in proportion to the distance
    NormalisedKeysLatent  no positions; the up-projected keys are normalised, and a cached number per head keeps
                          absorption exact

The formulas stand in `course_lib.reference.rotary_latent`, `normalised_keys` and `biases`. Letters as in `latent`;
here p is the number of latent coordinates that turn, since there is no rotary key. A rotation R_i acts on rows from
their right.
"""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.config import NormalisedKeysConfig, RotaryLatentConfig
from course_lib.kernels.attention import Seen
from course_lib.kernels.rowwise import project, project_heads, split_heads, up_by_head
from course_lib.layers.base import Causal, Verbs
from course_lib.layers.cache import AllRows, Rows
from course_lib.layers.latent import Absorbed, Latent
from course_lib.layers.positions import At
from course_lib.layers.step import Step


class RotaryLatent(Latent):
    """Abstract: the last p coordinates of a latent row turn by its position before it is cached.

    With W_LK_h = [A; B] and W_LV_h = [C; D], split after r - p rows, and a cached row (c, t), t turned, a score is
    <q, c A> + <q B^T R_i, t>, and the values (c C, t) are mixed; the mix of t turns back by R_{-i} before D acts on it.
    So keys are e + p wide and values v + p: this is the expanded form. Scores and values depend on i - j only.
    """

    config: RotaryLatentConfig

    def verbs(self, form: str | None, m: int, N: int) -> Verbs:
        """As `Latent.verbs`. If the whole row turns, expanding saves nothing, and None means absorbed."""
        if form is None and self.config.turned == self.config.d_latent:
            form = "absorbed"
        return super().verbs(form, m, N)

    def absorbs(self, m: int, N: int) -> bool:
        """As `Latent.absorbs`; expanded keys and values are made of r - p coordinates and wider by p."""
        r, p, e, v = self.config.d_latent, self.config.turned, self.config.d_head, self.config.d_value
        expanded = (N * (r - p) + m * p) * (e + v) + m * N * (e + v + 2 * p)
        return m * r * (e + v) + 2 * m * N * r < expanded

    def absorbed(self) -> Absorbed:
        return AbsorbedRotary(self)

    def turn(self, x: Tensor, positions: At) -> Tensor:
        """x (..., n, r), its last p coordinates turned by position."""
        still, turning = self.split(x)
        return x if self.rotary is None else torch.cat([still, self.rotary.rotate(turning, positions)], -1)

    def turn_back(self, x: Tensor, positions: At) -> Tensor:
        """The inverse of `turn`."""
        still, turning = self.split(x)
        return x if self.rotary is None else torch.cat([still, self.rotary.rotate_back(turning, positions)], -1)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., w) -> its first w - p coordinates and its last p."""
        return x.split([x.shape[-1] - self.config.turned, self.config.turned], -1)

    def compress(self, X: Float[Tensor, "b n d"], positions: At) -> Rows:
        """L, turned."""
        return {"L": self.turn(super().compress(X, positions)["L"], positions)}

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n _"]:
        """[Q_h, Q_h B^T], the second part turned, of width e + p."""
        Q = super().queries(X, positions)
        if self.rotary is None:
            return Q
        _, turning = self.split(up_by_head(self.W_LK, self.config.n_heads).mT)  # (h, e, p)
        return torch.cat([Q, self.rotary.rotate(project_heads(Q, turning), positions)], -1)

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N _"], Float[Tensor, "b h N _"]]:
        """Keys (c A, t) and values (c C, t) of each head."""
        h, still = self.config.n_heads, self.config.d_latent - self.config.turned
        c, t = self.split(rows["L"])
        t = t.expand(-1, h, -1, -1)
        K, V = (split_heads(project(c[:, 0], W[:still]), h) for W in (self.W_LK, self.W_LV))
        return torch.cat([K, t], -1), torch.cat([V, t], -1)

    def output(self, Y: Float[Tensor, "b h n _"], positions: At) -> Float[Tensor, "b n d"]:
        """Each head's mix of values, and that of t, turned back, times D; then W_O."""
        content, turning = self.split(self.turn_back(Y, positions))
        back = up_by_head(self.W_LV[self.config.d_latent - self.config.turned :], self.config.n_heads)
        return super().output(content + project_heads(turning, back), positions)


class AbsorbedRotary(Absorbed):
    """The absorbed form of `RotaryLatent`: queries turn as the rows do, and mixed rows turn back."""

    layer: RotaryLatent

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n r"]:
        """Q_h W_LK_h^T, turned."""
        Q = Latent.queries(self.layer, X, positions)
        W_LK = up_by_head(self.layer.W_LK, self.layer.config.n_heads)
        return self.layer.turn(project_heads(Q, W_LK.mT), positions)

    def output(self, Y: Float[Tensor, "b h n r"], positions: At) -> Float[Tensor, "b n d"]:
        """As `Absorbed.output`, after turning back."""
        return super().output(self.layer.turn_back(Y, positions), positions)


class RotatedKeysLatent(Latent):
    """Abstract: queries and up-projected keys turn, as in grouped attention.

    <R_i q, R_j W_LK^T l> = <q, R_{j-i} W_LK^T l>, and R_{j-i} differs for each pair: no weight can take it in. So each
    call makes and turns all keys again. Values can be absorbed.
    """

    def verbs(self, form: str | None, m: int, N: int) -> Verbs:
        """As `Latent.verbs`, but where it would absorb, the values alone stay absorbed.

        Raises ValueError for the absorbed form, which does not exist.
        """
        if form not in (None, "expanded"):
            raise ValueError(
                f'form must be "expanded" or None, got {form!r}: rotated keys have no absorbed form, since '
                "R_{j-i} stands between W_Q and W_LK^T and differs for each pair"
            )
        return super().verbs(form, m, N)

    def absorbs(self, m: int, N: int) -> bool:
        """Whether absorbed values take fewer FLOPs; keys are made in either case.

        Multiply-adds per head. Expanded: N r v to make values, m N v to mix them. Absorbed: m N r to mix the rows,
        m r v to take the mixed rows to values.
        """
        r, v = self.config.d_latent, self.config.d_value
        return m * N * r + m * r * v < N * r * v + m * N * v

    def absorbed(self) -> Absorbed:
        """The verbs with absorbed values; the keys cannot be absorbed."""
        return AbsorbedValues(self)

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n e"]:
        return self.rotary.rotate(super().queries(X, positions), positions)

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N e"], Float[Tensor, "b h N v"]]:
        """K_h = R L W_LK_h and V_h = L W_LV_h."""
        return self.keys(rows), split_heads(project(rows["L"][:, 0], self.W_LV), self.config.n_heads)

    def keys(self, rows: AllRows) -> Float[Tensor, "b h N e"]:
        """R L W_LK_h: the row of token t stands at position t."""
        K = split_heads(project(rows["L"][:, 0], self.W_LK), self.config.n_heads)
        return self.rotary.rotate(K, torch.arange(K.shape[-2]))


class AbsorbedValues(Absorbed):
    """`RotatedKeysLatent` with absorbed values: keys of each head, and L as the value that all heads share."""

    layer: RotatedKeysLatent

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n e"]:
        return self.layer.queries(X, positions)

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N e"], Float[Tensor, "b 1 N r"]]:
        return self.layer.keys(rows), rows["L"]


class NormalisedKeysLatent(Latent):
    """Abstract: keys norm_K(L W_LK_h). Beside L, a token caches sigma (h), the inverse root mean squares of its keys.

    A normalised key is linear in L up to sigma: the score is sigma <(gamma * q) W_LK_h^T, l>. Absorption stays exact.
    """

    config: NormalisedKeysConfig

    def absorbed(self) -> Absorbed:
        return AbsorbedNormalised(self)

    def compress(self, X: Float[Tensor, "b n d"], positions: At) -> Rows:
        rows = super().compress(X, positions)
        K = split_heads(project(rows["L"][:, 0], self.W_LK), self.config.n_heads)
        return rows | {"sigma": (K.square().mean(-1, keepdim=True) + self.norm_K.eps).rsqrt()}

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N e"], Float[Tensor, "b h N v"]]:
        K, V = super().read(rows)
        return self.norm_K(K), V


class AbsorbedNormalised(Absorbed):
    """The absorbed form of `NormalisedKeysLatent`. Each head's keys sigma L are made: h r products per token."""

    layer: NormalisedKeysLatent

    def queries(self, X: Float[Tensor, "b n d"], positions: At) -> Float[Tensor, "b h n r"]:
        """(gamma * Q_h) W_LK_h^T."""
        Q = self.layer.queries(X, positions) * self.layer.norm_K.gamma
        return project_heads(Q, up_by_head(self.layer.W_LK, self.layer.config.n_heads).mT)

    def read(self, rows: AllRows) -> tuple[Float[Tensor, "b h N r"], Float[Tensor, "b 1 N r"]]:
        """Keys sigma L of each head, and L as the value that all heads share."""
        return rows["sigma"] * rows["L"], rows["L"]


class Alibi(Causal):
    """Abstract: causal attention with the bias -m_h (i - j) on the logit of query i and key j; m_h from `slopes`.

    Nothing is cached for it, and both forms have it, since it is added to logits.
    """

    def visible_sets(self, step: Step, key_positions: Int[Tensor, "*c N"]) -> Seen:
        distance = step.query_positions[..., :, None] - key_positions[..., None, :]
        bias = -slopes(self.config.n_heads)[:, None, None] * distance.unsqueeze(-3).clamp(min=0)
        return replace(super().visible_sets(step, key_positions), bias=bias.to(step.device))


def slopes(n_heads: int) -> Float[Tensor, "h"]:
    """ALiBi's slopes m_h = 2^{-8 (h + 1) / n_heads} for h = 0 ... n_heads - 1, in float64."""
    return 2.0 ** (-8 * torch.arange(1, n_heads + 1, dtype=torch.float64) / n_heads)


class RotaryLatentAttention(Causal, RotaryLatent):
    """Causal self-attention on latent rows that turn, whole or in part; see `RotaryLatent`."""


class RotatedKeysLatentAttention(Causal, RotatedKeysLatent):
    """Causal latent self-attention with rotary positions on up-projected keys; see `RotatedKeysLatent`."""


class NormalisedKeysLatentAttention(Causal, NormalisedKeysLatent):
    """Causal latent self-attention with QK-norm on its keys; see `NormalisedKeysLatent`."""


class AlibiLatentAttention(Alibi, Latent):
    """Causal latent self-attention with biases by distance; see `Alibi`."""
