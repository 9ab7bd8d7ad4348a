"""Costs against the FLOPs of the products that the functions really compute, counted as NumPy runs them."""

import numpy as np
import pytest

from course_lib.randomised import attention_costs as costs
from course_lib.randomised.column_sampling import proportional_to, sampled_product
from course_lib.randomised.linear_attention import linear_attention
from course_lib.randomised.lsh import hash_codes, hyperplanes
from course_lib.randomised.positive_features import gaussian_directions, positive_features
from course_lib.randomised.recurrent import RecurrentState, causal_linear_attention
from course_lib.randomised.self_normalised import self_normalised_attention
from course_lib.reference.attention import attention, attention_weights

N, D, WIDTH, M = 26, 5, 3, 7


class Counted(np.ndarray):
    """An array that adds the FLOPs of each matrix product in which it takes part to `flops`."""

    flops = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(x) if isinstance(x, Counted) else x for x in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(x) if isinstance(x, Counted) else x for x in out)
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.matmul:
            Counted.flops += 2 * np.size(result) * np.shape(plain[0])[-1]
        return np.asarray(result).view(Counted) if np.ndim(result) else result


rng = np.random.default_rng(0)
Q, K, V = (rng.normal(size=(N, width)).view(Counted) for width in (D, D, WIDTH))
W = gaussian_directions(M, D, np.random.default_rng(1))
P_UNIFORM = proportional_to(np.ones(N))


def counted(call) -> int:
    Counted.flops = 0
    call()
    return Counted.flops


def features():
    return positive_features(Q, W).view(Counted), positive_features(K, W).view(Counted)


def step():
    phi_q, phi_k = (positive_features(X[:1], W) for X in (Q, K))
    RecurrentState.empty(M, WIDTH).append(phi_k, V[:1]).read(phi_q)


@pytest.mark.parametrize(
    "call, work",
    [
        (lambda: attention(Q, K, V), costs.exact(N, D, WIDTH)),
        (lambda: attention(Q[:1], K, V), costs.exact_step(N, D, WIDTH)),
        (lambda: linear_attention(*features(), V), costs.linear(N, D, WIDTH, M)),
        (lambda: causal_linear_attention(*features(), V, chunk=8), costs.causal_linear(N, D, WIDTH, M, 8)),
        (lambda: causal_linear_attention(*features(), V, chunk=1), costs.causal_linear(N, D, WIDTH, M, 1)),
        (step, costs.linear_step(D, WIDTH, M)),
        (
            lambda: self_normalised_attention(Q, K, V, P_UNIFORM, M, np.random.default_rng(2)),
            costs.column_sampling(N, D, WIDTH, M),
        ),
    ],
)
def test_flops_are_those_of_the_products(call, work):
    assert counted(call) == work.flops > 0


def test_sampling_by_optimal_probabilities_pays_for_all_scores():
    def call():
        P = attention_weights(Q, K).view(Counted)
        sampled_product(P, V, P_UNIFORM, M, np.random.default_rng(2))

    assert counted(call) == costs.optimal_column_sampling(N, D, WIDTH, M).flops
    assert costs.optimal_column_sampling(N, D, WIDTH, 1).flops > D / (D + WIDTH) * costs.exact(N, D, WIDTH).flops


def test_hashing_pays_for_codes_and_for_the_pairs_that_are_found():
    H = hyperplanes(3, 4, D, np.random.default_rng(3))
    work = costs.lsh(N, D, WIDTH, 3, 4, pairs=50)
    assert counted(lambda: [hash_codes(X, H) for X in (Q, K)]) == work.flops_by_part["codes"]
    assert work.flops - work.flops_by_part["codes"] == 50 * 2 * (D + WIDTH)
    assert costs.lsh(N, D, WIDTH, 3, 4, pairs=N * N).flops > costs.exact(N, D, WIDTH).flops


def test_orders_of_growth():
    """Twice the tokens: four times the FLOPs of exact attention, twice those of the others, none more in a step."""
    assert costs.exact(2 * N, D, WIDTH).flops == 4 * costs.exact(N, D, WIDTH).flops
    assert costs.linear(2 * N, D, WIDTH, M).flops == 2 * costs.linear(N, D, WIDTH, M).flops
    assert costs.column_sampling(2 * N, D, WIDTH, M).flops == 2 * costs.column_sampling(N, D, WIDTH, M).flops
    assert costs.tensor_sketch(2 * N, D, 16, 3) == 2 * costs.tensor_sketch(N, D, 16, 3)
    assert costs.exact_step(2 * N, D, WIDTH).flops == 2 * costs.exact_step(N, D, WIDTH).flops


@pytest.mark.parametrize("d, v, m", [(5, 3, 7), (32, 32, 256), (128, 128, 1), (64, 1, 1000)])
def test_the_state_moves_fewer_bytes_from_some_length_on(d, v, m):
    length, state = costs.longer_than(d, v, m), costs.linear_step(d, v, m).bytes
    assert costs.exact_step(length, d, v).bytes > state
    assert length == 1 or costs.exact_step(length - 1, d, v).bytes <= state


def test_bytes_by_hand():
    """N = 10, d = 4, v = 2, m = 3, float32: Q, K, V and Y once, and 3 directions of 4 numbers."""
    assert costs.exact(10, 4, 2, "float32").bytes == 4 * 10 * (4 + 4 + 2 + 2)
    assert costs.linear(10, 4, 2, 3, "float32").bytes == 4 * (10 * (4 + 4 + 2 + 2) + 3 * 4)
    assert costs.linear_step(4, 2, 3, "float32").bytes == 4 * (2 * 3 * (2 + 1) + 3 * 4)
    assert costs.exact_step(10, 4, 2, "float32").bytes == 4 * (10 + 1) * (4 + 2)


def test_sketch_and_leverage_by_hand():
    assert costs.tensor_sketch(10, 4, 8, 2) == 10 * (2 * 2 * 4 + 3 * 2.5 * 8 * 3 + 3 * 8)
    assert costs.leverage(10, 4).flops == 6 * 10 * 16 + 20 * 64
