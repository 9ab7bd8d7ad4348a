"""Counts against loops over tokens, and the orders of growth of section 5."""

import pytest

from course_lib import accounting as A
from course_lib.config import GroupedConfig, LatentConfig

GROUPED = GroupedConfig(d_model=10, n_heads=6, n_kv_heads=2, d_head=7)
LOCAL = GroupedConfig(d_model=10, n_heads=6, n_kv_heads=2, d_head=7, window=5)
LATENT = LatentConfig(d_model=11, n_heads=3, d_latent=5, d_head=7, d_value=13, d_rope=2, d_latent_q=4, window=5)


@pytest.mark.parametrize("window", [None, 1, 4, 5, 40])
@pytest.mark.parametrize("new, past", [(1, 0), (7, 0), (1, 12), (3, 2), (6, 11)])
def test_pairs_and_rows_against_a_loop(new, past, window):
    seen = [[j for j in range(i + 1) if window is None or i - j < window] for i in range(past, past + new)]
    rows = len(set().union(*map(set, seen)))
    dense, visible = (A.count_call(new, past, window, pairs) for pairs in (A.dense_pairs, A.visible_pairs))
    assert dense == A.Counts(1, new, rows, new * rows)
    assert visible == A.Counts(1, new, rows, sum(map(len, seen)))


def test_decode_of_grouped_attention_by_hand():
    """d = 10, h = 6, g = 2, e = 7, eight cached tokens and the new one, float32."""
    step = A.decode(GROUPED, 8, dtype="float32")
    assert step.flops_by_part == {
        "project": 2 * 10 * 7 * (6 + 2 + 2 + 6),
        "expand": 0,
        "absorb": 0,
        "attend": 2 * 9 * 6 * (7 + 7),
    }
    assert step.bytes_by_part == {
        "weights": 4 * 10 * 7 * (6 + 2 + 2 + 6),
        "activations": 4 * (10 + 10),
        "cache": 4 * 28 * (1 + 9),
        "expanded": 0,
    }
    assert step.intensity == step.flops / step.bytes


def test_expanded_keys_and_values_are_written_and_read():
    """h (e + p + v) = 3 (7 + 2 + 13) numbers for each of the 4 + 1 rows in the window, twice, in bfloat16."""
    assert A.decode(A.expanded(LATENT), 9).bytes_by_part["expanded"] == 2 * 2 * 5 * 3 * (7 + 2 + 13)
    assert A.decode(A.absorbed(LATENT), 9).bytes_by_part["expanded"] == 0


def test_sharing_keys_saves_bytes_and_not_attention_flops():
    multi_head = GroupedConfig(d_model=10, n_heads=6, d_head=7)
    assert A.decode(multi_head, 50).flops_by_part["attend"] == A.decode(GROUPED, 50).flops_by_part["attend"]
    assert A.decode(multi_head, 50).bytes_by_part["cache"] == 3 * A.decode(GROUPED, 50).bytes_by_part["cache"]


def test_a_batch_shares_the_weights_only():
    one, seven = A.decode(GROUPED, 8), A.decode(GROUPED, 8, batch=7)
    assert seven.flops == 7 * one.flops
    assert seven.bytes == 7 * one.bytes - 6 * one.bytes_by_part["weights"]
    assert seven.intensity > one.intensity


def test_beyond_its_window_a_step_costs_the_same_at_any_length():
    assert A.decode(LOCAL, 4) == A.decode(LOCAL, 10**9)
    assert A.cache_floats(LOCAL, 4) == 4 * 28 and A.cache_floats(LOCAL, 10**9) == 5 * 28


@pytest.mark.parametrize("config", [GROUPED, LOCAL, LATENT], ids=["grouped", "local", "latent"])
def test_generation_is_the_sum_of_its_calls(config):
    prompt, new = 4, 6
    cached = [A.prefill(config, prompt)] + [A.decode(config, past) for past in range(prompt, prompt + new - 1)]
    fresh = [A.prefill(config, tokens) for tokens in range(prompt, prompt + new)]
    for whole, calls in (
        (A.generate_with_cache(config, prompt, new), cached),
        (A.generate_without_cache(config, prompt, new), fresh),
    ):
        assert whole.flops == sum(call.flops for call in calls)
        assert whole.bytes == sum(call.bytes for call in calls)


def test_one_generated_token_costs_the_same_with_and_without_cache():
    assert A.generate_with_cache(GROUPED, 9, 1) == A.generate_without_cache(GROUPED, 9, 1)


def test_orders_of_growth_n3_without_and_n2_with_cache():
    """Doubling N multiplies N^k by 2^k, up to a term of relative size 1/N: 1% at N = 400 and 800."""

    def growth(generate, part):
        short, long = (generate(GROUPED, 1, n).flops_by_part[part] for n in (400, 800))
        return long / short

    assert growth(A.generate_without_cache, "attend") == pytest.approx(8, rel=0.01)
    assert growth(A.generate_without_cache, "project") == pytest.approx(4, rel=0.01)
    assert growth(A.generate_with_cache, "attend") == pytest.approx(4, rel=0.01)
    assert growth(A.generate_with_cache, "project") == pytest.approx(2, rel=0.01)


def test_work_of_a_model_is_the_sum_over_its_layers():
    model = A.Model("two kinds", ((3, LOCAL), (2, GROUPED)))
    for whole, local, full in (
        (model.decode(20, batch=2), A.decode(LOCAL, 20, batch=2), A.decode(GROUPED, 20, batch=2)),
        (model.prefill(20), A.prefill(LOCAL, 20), A.prefill(GROUPED, 20)),
        (
            model.generate_with_cache(3, 8),
            A.generate_with_cache(LOCAL, 3, 8),
            A.generate_with_cache(GROUPED, 3, 8),
        ),
        (
            model.generate_without_cache(3, 8),
            A.generate_without_cache(LOCAL, 3, 8),
            A.generate_without_cache(GROUPED, 3, 8),
        ),
    ):
        assert whole.flops == 3 * local.flops + 2 * full.flops
        assert whole.bytes == 3 * local.bytes + 2 * full.bytes
    assert model.cache_bytes(20) == 2 * 28 * (3 * 5 + 2 * 20)
    assert model.cache_bytes_without_windows(20) == 2 * 28 * 5 * 20
    assert model.parameters == 5 * A.parameters(GROUPED)
