"""Costs against the FLOPs of the products that the functions really compute, counted as NumPy runs them."""

import numpy as np
import pytest

from course_lib.randomised import attention_costs as costs
from course_lib.randomised.column_sampling import proportional_to, sampled_product
from course_lib.randomised.feature_attention import RecurrentState, causal_linear_attention, linear_attention
from course_lib.randomised.lsh import hash_codes, hyperplanes
from course_lib.randomised.random_features import gaussian_directions, positive_features
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
        (lambda: attention(Q, K, V), costs.exact_attention_work(N, N, D, WIDTH)),
        (lambda: attention(Q[:1], K, V), costs.exact_attention_work(1, N, D, WIDTH)),
        (lambda: linear_attention(*features(), V), costs.linear_attention_work(N, D, WIDTH, M)),
        (
            lambda: causal_linear_attention(*features(), V, chunk=8),
            costs.causal_linear_attention_work(N, D, WIDTH, M, 8),
        ),
        (
            lambda: causal_linear_attention(*features(), V, chunk=1),
            costs.causal_linear_attention_work(N, D, WIDTH, M, 1),
        ),
        (step, costs.recurrent_step_work(D, WIDTH, M)),
        (
            lambda: self_normalised_attention(Q, K, V, P_UNIFORM, M, np.random.default_rng(2)),
            costs.self_normalised_attention_work(N, D, WIDTH, M),
        ),
    ],
)
def test_flops_are_those_of_the_products(call, work):
    assert counted(call) == work.flops > 0


def test_sampling_by_optimal_probabilities_pays_for_all_scores():
    def call():
        P = attention_weights(Q, K).view(Counted)
        sampled_product(P, V, P_UNIFORM, M, np.random.default_rng(2))

    assert counted(call) == costs.sampled_product_work(N, D, WIDTH, M).flops
    exact = costs.exact_attention_work(N, N, D, WIDTH)
    assert costs.sampled_product_work(N, D, WIDTH, 1).flops > exact.flops_by_part["scores"]


def test_hashing_pays_for_codes_and_for_the_pairs_that_are_found():
    H = hyperplanes(3, 4, D, np.random.default_rng(3))
    work = costs.lsh_attention_work(N, D, WIDTH, 3, 4, pairs=50)
    assert counted(lambda: [hash_codes(X, H) for X in (Q, K)]) == work.flops_by_part["codes"]
    assert work.flops - work.flops_by_part["codes"] == 50 * 2 * (D + WIDTH)
    exact = costs.exact_attention_work(N, N, D, WIDTH)
    assert costs.lsh_attention_work(N, D, WIDTH, 3, 4, pairs=N * N).flops > exact.flops


def test_orders_of_growth():
    """Twice the tokens: four times the FLOPs of exact attention, and twice those of a step and of other methods."""
    growth = {
        4: (lambda N: costs.exact_attention_work(N, N, D, WIDTH).flops,),
        2: (
            lambda N: costs.exact_attention_work(1, N, D, WIDTH).flops,
            lambda N: costs.linear_attention_work(N, D, WIDTH, M).flops,
            lambda N: costs.self_normalised_attention_work(N, D, WIDTH, M).flops,
            lambda N: costs.tensor_sketch_flops(N, D, 16, 3),
        ),
    }
    for factor, methods in growth.items():
        assert all(flops(2 * N) == factor * flops(N) for flops in methods)


@pytest.mark.parametrize("d, v, m", [(5, 3, 7), (32, 32, 256), (128, 128, 1), (64, 1, 1000)])
def test_the_state_moves_fewer_bytes_from_some_length_on(d, v, m):
    length, state = costs.longer_than(d, v, m), costs.recurrent_step_work(d, v, m).bytes
    assert costs.exact_attention_work(1, length, d, v).bytes > state
    assert length == 1 or costs.exact_attention_work(1, length - 1, d, v).bytes <= state


def test_bytes_by_hand():
    """N = 10, d = 4, v = 2, m = 3, float32: Q, K, V and Y once, and 3 directions of 4 numbers."""
    assert costs.exact_attention_work(10, 10, 4, 2, "float32").bytes == 4 * 10 * (4 + 4 + 2 + 2)
    assert costs.linear_attention_work(10, 4, 2, 3, "float32").bytes == 4 * (10 * (4 + 4 + 2 + 2) + 3 * 4)
    assert costs.recurrent_step_work(4, 2, 3, "float32").bytes == 4 * (2 * 3 * (2 + 1) + 3 * 4)
    assert costs.exact_attention_work(1, 10, 4, 2, "float32").bytes == 4 * (10 + 1) * (4 + 2)


def test_sketch_and_leverage_by_hand():
    assert costs.tensor_sketch_flops(10, 4, 8, 2) == 10 * (2 * 2 * 4 + 3 * 2.5 * 8 * 3 + 3 * 8)
    assert costs.leverage_scores_work(10, 4).flops == 6 * 10 * 16 + 20 * 64


def test_landmarks_by_hand():
    """n = 5 queries, N = 7 keys, d = 3, v = 2, m = 4 landmarks, in bfloat16."""
    found = costs.landmark_attention_work(5, 7, 3, 2, 4, "bfloat16")
    assert found.flops_by_part == {
        "kernels": 2 * 3 * (4 * 4 + 4 * 7 + 5 * 4),
        "factorise": 21 + 2 * 4 * 4 * 7,
        "attend": 2 * (4 * 7 * 3 + 5 * 4 * 3),
    }
    assert found.bytes_by_part == {
        "inputs": 2 * (5 * 3 + 7 * 3 + 7 * 2),
        "outputs": 2 * 5 * 2,
        "landmarks": 2 * 4 * 3,
        "coefficients": 2 * (2 * 4 * 7 + 2 * 4 * 3),
    }


def test_landmarks_are_linear_in_the_text_and_attention_quadratic():
    def exact(n):
        return costs.exact_attention_work(n, n, 64, 64).flops

    def through_landmarks(n):
        return costs.landmark_attention_work(n, n, 64, 64, 128).flops

    assert exact(5) == 2 * 25 * 128
    assert exact(2**14) == 4 * exact(2**13)
    assert through_landmarks(2**14) < 2 * through_landmarks(2**13)
    assert exact(256) < through_landmarks(256) and exact(2**14) > 10 * through_landmarks(2**14)
