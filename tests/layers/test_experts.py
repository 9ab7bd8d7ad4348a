"""Mixtures of experts: the layer is the reference's formula, and a token computes with its own experts only."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import SigmoidExperts, SoftmaxExperts
from course_lib.kernels.rowwise import SwiGLU
from course_lib.layers.experts import Experts
from course_lib.reference.experts import Experts as Reference
from course_lib.reference.experts import route
from course_lib.reference.feedforward import SwiGLU as Network

EXACT = dict(rtol=0, atol=1e-12)  # float64, sums of tens of terms of size 1
D, N = 7, 23
CONFIGS = {
    "softmax": SoftmaxExperts(routed=6, chosen=2, d_ff=5, scale=1.5),
    "softmax, groups": SoftmaxExperts(routed=12, chosen=3, d_ff=5, shared=2, groups=4, chosen_groups=2),
    "sigmoid": SigmoidExperts(routed=6, chosen=2, d_ff=5, shared=1, scale=2.5),
    "sigmoid, groups": SigmoidExperts(routed=12, chosen=4, d_ff=5, shared=1, groups=4, chosen_groups=2),
    "sigmoid, plain": SigmoidExperts(routed=6, chosen=6, d_ff=5, normalised=False),
}


def make(config):
    """The layer in float64, with a bias that changes which experts are chosen."""
    torch.manual_seed(0)
    layer = Experts(D, config).double()
    if isinstance(config, SigmoidExperts):
        layer.router.b_R.normal_(std=0.3)
    return layer


def rows():
    return torch.randn(N, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def network(module):
    return Network(**{name: p.detach().numpy() for name, p in module.named_parameters()})


def reference(layer, config):
    b_R = layer.router.b_R.numpy() if isinstance(config, SigmoidExperts) else None
    return Reference(
        config=config, W_R=layer.router.W_R.detach().numpy(), b_R=b_R, experts=[network(e) for e in layer.experts],
        shared=None if layer.shared is None else network(layer.shared),
    )  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_layer_equals_reference(name):
    layer, X = make(CONFIGS[name]), rows()
    want = torch.from_numpy(reference(layer, CONFIGS[name])(X.numpy()))
    torch.testing.assert_close(layer(X).detach(), want, **EXACT)
    torch.testing.assert_close(layer(X[:22].view(2, 11, D)).detach().flatten(0, 1), want[:22], **EXACT)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_token_computes_with_its_own_experts_only(name):
    """As many rows pass the experts as there are tokens times chosen experts, in groups that the token chose."""
    config, X = CONFIGS[name], rows()
    layer, passed = make(config), []
    for expert in layer.experts:
        expert.register_forward_hook(lambda module, inputs, output: passed.append(len(inputs[0])))
    layer(X)
    assert sum(passed) == N * config.chosen and len(passed) <= config.routed
    weights, chosen = layer.router(X)
    groups = [set((row // config.in_group).tolist()) for row in chosen]
    assert max(map(len, groups)) <= config.chosen_groups
    if isinstance(config, SigmoidExperts) and config.normalised:
        torch.testing.assert_close(weights.sum(-1), torch.full((N,), config.scale, dtype=torch.float64), **EXACT)


def test_one_expert_that_is_always_chosen_is_a_feed_forward_network():
    """With a softmax over one expert the weight is 1."""
    layer = make(SoftmaxExperts(routed=1, chosen=1, d_ff=5))
    torch.testing.assert_close(layer(rows()), layer.experts[0](rows()), **EXACT)
    assert type(layer.experts[0]) is SwiGLU and layer.shared is None


def test_the_bias_moves_the_choice_and_not_the_weights():
    config = replace(CONFIGS["sigmoid, plain"], chosen=2)
    rng = np.random.default_rng(0)
    x, W_R = rng.normal(size=D), rng.normal(size=(D, 6))
    plain = route(x, W_R, np.zeros(6), config)
    worst = int(np.argmin(1 / (1 + np.exp(-x @ W_R))))
    moved = route(x, W_R, 10.0 * np.eye(6)[worst], config)
    assert plain[worst] == 0 and moved[worst] == 1 / (1 + np.exp(-(x @ W_R)[worst]))
    both = (plain > 0) & (moved > 0)
    assert both.sum() == 1 and np.array_equal(plain[both], moved[both])


def test_the_experts_chosen_and_the_router_get_gradients():
    layer = make(CONFIGS["sigmoid, groups"])
    layer(rows()[:1]).square().sum().backward()
    _, chosen = layer.router(rows()[:1])
    trained = {j for j, expert in enumerate(layer.experts) if expert.W_up.grad is not None}
    assert trained == set(chosen[0].tolist()) and layer.router.W_R.grad.abs().max() > 0


def test_half_precision_is_routed_in_single():
    """Weights are those of the same numbers in float64; with scores in bfloat16 they would differ by 1e-3."""
    layer = make(CONFIGS["sigmoid"]).bfloat16()
    assert layer(rows().bfloat16()).dtype == torch.bfloat16
    weights, chosen = layer.router(rows().bfloat16())
    wanted, same = layer.router.double()(rows().bfloat16().double())
    assert weights.dtype == torch.float32 and torch.equal(chosen, same)
    torch.testing.assert_close(weights.double(), wanted, rtol=0, atol=1e-6)
