"""The figures that the course prints where the paper is silent or imprecise, each as a named test."""

import pytest

from course_lib import accounting as A
from course_lib.config import GroupedConfig, LatentConfig

MILLION = 10**6


@pytest.fixture
def deepseek() -> LatentConfig:
    """One layer of DeepSeek-V2, its two small norms left out as in the printed counts."""
    return LatentConfig(d_model=5120, n_heads=128, d_latent=512, d_head=128, d_value=128, d_rope=64, d_latent_q=1536)


@pytest.fixture
def same_heads() -> GroupedConfig:
    return GroupedConfig(d_model=5120, n_heads=128, d_head=128)


def test_merging_makes_weights_3_and_3_64_times_their_factors(deepseek):
    ratios = A.merging_ratios(deepseek)
    assert ratios["W_LQK"] == 3.0
    assert round(ratios["W_LO"], 2) == 3.64


def test_weights_per_layer_149_2_factored_459_6_merged_335_5_multi_head_millions(deepseek, same_heads):
    assert round(A.parameters(deepseek) / MILLION, 1) == 149.2
    assert round(sum(A.merged_storage(deepseek, 0).values()) / MILLION, 1) == 459.6
    assert round(A.parameters(same_heads) / MILLION, 1) == 335.5


def test_by_the_printed_tables_merged_latent_stores_less_beyond_10_5_thousand_tokens(deepseek, same_heads):
    def merged(tokens):
        return A.merged_storage_printed(deepseek, tokens)

    def multi_head(tokens):
        return A.grouped_storage(same_heads, tokens)

    tokens = A.crossover(merged, multi_head)
    assert tokens == 10_484
    assert sum(merged(tokens).values()) < sum(multi_head(tokens).values())
    assert sum(merged(tokens - 1).values()) >= sum(multi_head(tokens - 1).values())


def test_with_the_query_latent_the_crossover_comes_earlier_and_factored_weights_have_none(deepseek, same_heads):
    def multi_head(tokens):
        return A.grouped_storage(same_heads, tokens)

    assert 3_000 < A.crossover(lambda t: A.merged_storage(deepseek, t), multi_head) < 10_484
    assert A.crossover(lambda t: A.factored_storage(deepseek, t), multi_head) == 0


def test_printed_latent_table_against_its_formula():
    config = LatentConfig(d_model=11, n_heads=3, d_latent=5, d_head=7, d_latent_q=2)
    tokens = 13
    assert sum(A.merged_storage_printed(config, tokens).values()) == tokens * 5 + 11 * 5 + 3 * 5 * (11 + 11)
    assert sum(A.merged_storage(config, tokens).values()) == tokens * 5 + 11 * 5 + 11 * 2 + 3 * 2 * 5 + 3 * 5 * 11


@pytest.mark.parametrize("g", [1, 3, 6])
def test_grouped_table_against_its_formula_and_the_layer(g):
    config, tokens = GroupedConfig(d_model=11, n_heads=6, n_kv_heads=g, d_head=7), 13
    total = sum(A.grouped_storage(config, tokens).values())
    assert total == g * tokens * (7 + 7) + (6 + g) * 11 * 7 + (6 + g) * 7 * 11
    assert total == A.cache_floats(config, tokens) + A.parameters(config)


def test_per_cached_token_81_920_flops_and_40_960_numbers_materialised(deepseek):
    form = A.expanded(deepseek)
    assert 2 * form.attend == 81_920
    assert form.floats_per_row == 40_960


def test_per_cached_token_278_528_flops_and_576_numbers_absorbed(deepseek):
    form = A.absorbed(deepseek)
    more = A.decode(form, 1001).flops - A.decode(form, 1000).flops
    assert more == 2 * form.attend == 278_528
    assert form.floats_per_row == 576
    wider = A.decode(form, 1001, dtype="float8").bytes - A.decode(form, 1000, dtype="float8").bytes
    assert wider == 576


def test_materialising_from_the_latent_at_each_step_costs_33_6_million_flops_more_per_cached_token(deepseek):
    """The 81,920 hold for keys and values kept expanded; a cache of L alone has to expand them again."""
    form = A.expanded(deepseek)
    more = A.decode(form, 1001).flops - A.decode(form, 1000).flops
    assert more == 81_920 + 2 * 128 * 512 * (128 + 128)
    assert round((more - 81_920) / MILLION, 1) == 33.6


def test_absorb_when_decoding_materialise_when_prefilling(deepseek):
    assert A.decode(A.absorbed(deepseek), 4096).flops < A.decode(A.expanded(deepseek), 4096).flops
    assert A.decode(A.absorbed(deepseek), 4096).bytes < A.decode(A.expanded(deepseek), 4096).bytes
    assert A.prefill(A.expanded(deepseek), 4096).flops < A.prefill(A.absorbed(deepseek), 4096).flops


def test_cache_of_deepseek_v2_is_67_5_kib_per_token():
    model = A.model("DeepSeek-V2")
    assert model.floats_per_token == 60 * (512 + 64)
    assert model.bytes_per_token() == 69_120
    assert A.in_binary_units(model.bytes_per_token()) == "67.5 KiB"
    assert A.in_decimal_units(model.bytes_per_token()) == "69.1 kB"


def test_gemma_3_27b_needs_62_gib_counted_naively_and_10_4_with_windows():
    model, tokens = A.model("Gemma-3-27B"), 128 * 1024
    assert [(count, config.window) for count, config in model.layers] == [(52, 1024), (10, None)]
    assert A.in_binary_units(model.cache_bytes_without_windows(tokens)) == "62 GiB"
    assert A.in_binary_units(model.cache_bytes(tokens)) == "10.4 GiB"
    assert all(config.scale == pytest.approx(168**-0.5, rel=1e-15) for _, config in model.layers)  # last digit


def test_latent_cache_equals_that_of_grouped_attention_with_2_25_groups(deepseek):
    """DeepSeek-V2 (arXiv 2405.04434), Table 1: (d_c + d_R) l is (9/2) d_h l, and a group has 2 d_h l."""
    one_group = GroupedConfig(d_model=5120, n_heads=128, n_kv_heads=1, d_head=128)
    assert deepseek.floats_per_token / one_group.floats_per_token == 2.25


def test_memory_of_a_multi_head_cache_is_2_layers_heads_tokens_d_head():
    """Section 5: 2 N_L N_h N_KV d_head numbers, in GPT-2 for 1024 tokens."""
    assert A.model("GPT-2 124M").cache_bytes(1024, dtype="float8") == 2 * 12 * 12 * 1024 * 64
