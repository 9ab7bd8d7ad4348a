"""Mixture of experts: a router sends each token to a few of many small feed-forward networks (not in the paper).

The parameters grow with the number of experts, and the work of a token does not.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.experts_config import ExpertsConfig, SigmoidExperts, SoftmaxExperts
from course_lib.kernels.rowwise import SwiGLU, new_weight, project


class Router(nn.Module, ABC):
    """Abstract: W_R (d, E) gives each of E experts a score. Computed in float32 at least."""

    counted = 1  # of the largest scores in a group, whose sum is the group's score

    def __init__(self, d_model: int, config: ExpertsConfig):
        super().__init__()
        self.config = config
        self.W_R = new_weight(d_model, config.routed)

    def forward(self, rows: Float[Tensor, "t d"]) -> tuple[Float[Tensor, "t k"], Int[Tensor, "t k"]]:
        """The weights and the numbers of the k experts of each token."""
        wide = torch.promote_types(rows.dtype, torch.float32)
        scores = self.scores(project(rows.to(wide), self.W_R.to(wide)))
        chosen = self.within_groups(self.asked(scores)).topk(self.config.chosen, -1).indices
        return self.config.scale * self.weights(scores.gather(-1, chosen)), chosen

    def within_groups(self, asked: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        """The scores, with -inf in the groups that a token does not choose."""
        if self.config.chosen_groups == self.config.groups:
            return asked
        by_group = asked.unflatten(-1, (self.config.groups, -1))
        of_group = by_group.topk(self.counted, -1).values.sum(-1)
        best = of_group.topk(self.config.chosen_groups, -1).indices
        seen = torch.zeros_like(of_group, dtype=torch.bool).scatter(-1, best, True)
        return by_group.masked_fill(~seen[..., None], -torch.inf).flatten(-2)

    @abstractmethod
    def scores(self, logits: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        """From logits to positive scores."""

    def asked(self, scores: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        """The scores by which groups and experts are chosen."""
        return scores

    def weights(self, scores: Float[Tensor, "t k"]) -> Float[Tensor, "t k"]:
        """The weights of the chosen experts, from their scores."""
        return scores


class SoftmaxRouter(Router):
    """The router of DeepSeek-V2: see `SoftmaxExperts`."""

    def scores(self, logits: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        return logits.softmax(-1)


class SigmoidRouter(Router):
    """The router of DeepSeek-V3: see `SigmoidExperts`. b_R (E,) is set by hand in training and has no gradient."""

    counted = 2

    def __init__(self, d_model: int, config: SigmoidExperts):
        super().__init__(d_model, config)
        self.b_R = nn.Buffer(torch.zeros(config.routed))

    def scores(self, logits: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        return logits.sigmoid()

    def asked(self, scores: Float[Tensor, "t E"]) -> Float[Tensor, "t E"]:
        return scores + self.b_R

    def weights(self, scores: Float[Tensor, "t k"]) -> Float[Tensor, "t k"]:
        return scores / scores.sum(-1, keepdim=True) if self.config.normalised else scores


ROUTERS = {SoftmaxExperts: SoftmaxRouter, SigmoidExperts: SigmoidRouter}


class Experts(nn.Module):
    """shared(x) + sum_j w_j(x) expert_j(x) over the experts that the router chooses for x; each is a `SwiGLU`."""

    def __init__(self, d_model: int, config: ExpertsConfig):
        super().__init__()
        self.router = ROUTERS[type(config)](d_model, config)
        self.experts = nn.ModuleList(SwiGLU(d_model, config.d_ff) for _ in range(config.routed))
        self.shared = SwiGLU(d_model, config.shared * config.d_ff) if config.shared else None

    def forward(self, X: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        rows = X.reshape(-1, X.shape[-1])
        weights, chosen = self.router(rows)
        Y = torch.zeros_like(rows) if self.shared is None else self.shared(rows)
        for j in chosen.unique().tolist():
            token, place = (chosen == j).nonzero(as_tuple=True)
            Y.index_add_(0, token, weights[token, place, None].to(X.dtype) * self.experts[j](rows[token]))
        return Y.view(X.shape)
