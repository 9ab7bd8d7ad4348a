"""Products of rows and weights, and what is computed from them; `test_cpu` has the ways one by one."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from course_lib.kernels.attention import attention_weights, mix
from course_lib.kernels.cpu import FEW, SMALL, by_columns
from course_lib.kernels.rowwise import new_weight, project, project_heads
from course_lib.layers import LayerNorm, RMSNorm, Seen, attend

# Both sides are sums of up to 560 products of size 1 in float64, in another order: 1e-16 times about 560.
EXACT = dict(rtol=0, atol=1e-12)


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows", [(1,), (1, 1), (2, 3), (FEW,), (FEW + 1,)])
@pytest.mark.parametrize("width", [480, 481, 487])
def test_rows_times_a_large_weight(rows, width):
    """However this processor takes them, for weights that lie by rows and by columns, with gradients and without."""
    inner = SMALL // width + 7
    X, W, b = random(*rows, inner), random(inner, width, seed=1), random(width, seed=2)
    want = torch.einsum("...i,io->...o", X, W)
    for weight in (W, by_columns(W)):
        for mode in (torch.enable_grad, torch.no_grad):
            with mode():
                torch.testing.assert_close(project(X, weight), want, **EXACT)
                torch.testing.assert_close(project(X, weight, b), want + b, **EXACT)


def test_gradients_of_few_rows_and_a_large_weight():
    X, W = random(3, 280), by_columns(random(280, 241, seed=1))
    for leaf in (X, W):
        leaf.requires_grad_()
    got = torch.autograd.grad(project(X, W).square().sum(), (X, W))
    want = torch.autograd.grad((X @ W).square().sum(), (X, W))
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-11)  # entries of size 100


@pytest.mark.parametrize("b, n", [(1, 1), (2, 1), (2, 5)])
def test_a_weight_for_each_head(b, n):
    Y, W = random(b, 3, n, 7), random(3, 7, 11, seed=1)
    torch.testing.assert_close(project_heads(Y, W), torch.einsum("bhna,hac->bhnc", Y, W), **EXACT)


def test_scores_of_a_long_latent_are_not_rounded_to_bfloat16():
    """Scores near 100, where bfloat16 has steps of 0.5."""
    Q, K, V = 40 * random(1, 6, 1, 7), random(1, 1, 1024, 7, seed=1), random(1, 1, 1024, 5, seed=2)
    low = [x.bfloat16() for x in (Q, K, V)]
    want = attend(*(x.double() for x in low), Seen(), 0.9)
    # The weights and the result are rounded to 8 bits, values are of size 1; scores in bfloat16 miss by 0.5 and more.
    torch.testing.assert_close(attend(*low, Seen(), 0.9).double(), want, rtol=0, atol=0.02)


@pytest.mark.parametrize("g", [1, 2, 3])
def test_few_queries_and_many_keys(g):
    """Query head i reads key head i // (6 / g), whichever factor stands first."""
    Q, K = random(2, 6, 1, 7), random(2, g, 1029, 7, seed=1)
    P = torch.einsum("bhne,bhNe->bhnN", Q, K.repeat_interleave(6 // g, 1)).mul(0.3).softmax(-1)
    torch.testing.assert_close(attention_weights(Q, K, Seen(), 0.3), P, **EXACT)
    V = random(2, g, 1029, 5, seed=2)
    want = torch.einsum("bhnN,bhNv->bhnv", P, V.repeat_interleave(6 // g, 1))
    torch.testing.assert_close(attend(Q, K, V, Seen(), 0.3), want, **EXACT)


@pytest.mark.parametrize("n", [1, 5, 17])
@pytest.mark.parametrize("e, v", [(6, 4), (4, 6), (5, 5)])
@pytest.mark.parametrize("g", [1, 2, 6])
def test_the_fast_kernels_have_the_values_of_the_readable_one(n, e, v, g):
    """One query, a few and several, keys wider and narrower than values, shared and not; values by rows and turned.

    Turned values are copied for the fused kernel when there are more scores than numbers in them, h n > g v.
    """
    N = 21
    Q, K, V = random(2, 6, n, e), random(2, g, N, e, seed=1), random(2, g, N, v, seed=2)
    for seen in (Seen(), Seen(torch.arange(N) <= torch.arange(N - n, N)[:, None])):
        want = mix(attention_weights(Q, K, seen, 0.3), V)
        for values in (V, V.mT.contiguous().mT):
            torch.testing.assert_close(attend(Q, K, values, seen, 0.3), want, **EXACT)


@pytest.mark.parametrize("dtype, atol", [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize("kind", [RMSNorm, LayerNorm])
def test_norms_add_their_eps_in_every_precision(kind, dtype, atol):
    """Rows of size 0.01 and eps = 1e-4: without eps they would become 1.4 times as large. Entries are of size 2.

    Parameters have the precision of the rows, or float32, in which eps is then added.
    """
    x = 0.01 * random(5, 70).to(dtype)
    centred = x.double() - (x.double().mean(-1, keepdim=True) if kind is LayerNorm else 0)
    want = centred / (centred.square().mean(-1, keepdim=True) + 1e-4).sqrt()
    for norm in (kind(70, eps=1e-4).to(dtype), kind(70, eps=1e-4)):
        torch.testing.assert_close(norm(x).double(), want, rtol=0, atol=atol)


def test_new_weights_keep_the_variance_of_their_input():
    """40,000 normal numbers: their mean square is off by 0.7 %, one standard deviation."""
    torch.manual_seed(0)
    assert new_weight(400, 100).square().mean().item() == pytest.approx(1 / 400, rel=0.03)


def test_a_chunk_reads_shared_keys_without_repeating_them():
    """As in the absorbed form: keys of 1.9 MB for 8 heads, and 0.6 MB of scores for 4 queries of each."""
    Q, K, V = (random(1, h, n, w).float() for h, n, w in ((8, 4, 96), (1, 5000, 96), (1, 5000, 80)))
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measured:
        attend(Q, K, V, Seen(), 0.3)
    assert max(event.self_cpu_memory_usage for event in measured.key_averages()) < K.nbytes
