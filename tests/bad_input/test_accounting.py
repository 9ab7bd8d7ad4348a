"""Each bad input of course_lib.accounting raises ValueError and names argument, value and rule."""

import pytest

from course_lib import accounting as A
from course_lib.accounting.effort import largest_within
from course_lib.config import GroupedConfig, LatentConfig

GROUPED = GroupedConfig(d_model=12, n_heads=4)
LATENT = LatentConfig(d_model=12, n_heads=4, d_latent=5, d_head=3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: largest_within(60, [], lambda n: n), "sizes must hold at least one size, got none"),
        (lambda: A.itemsize("bf16"), "dtype must be one of .*bfloat16.*, got 'bf16'"),
        (lambda: A.in_binary_units(1.5), "size must be an integer of at least 0, got 1.5"),
        (lambda: A.in_decimal_units(-1), "size must be an integer of at least 0, got -1"),
        (lambda: A.cache_rows("gpt2", 3), "config must be a GroupedConfig or a LatentConfig, got str"),
        (lambda: A.weights(None), "config must be a GroupedConfig or a LatentConfig, got NoneType"),
        (lambda: A.cache_rows(GROUPED, -3), "tokens must be an integer of at least 0, got -3"),
        (lambda: A.cache_rows(GROUPED, True), "tokens must be an integer of at least 0, got True"),
        (lambda: A.cache_floats(GROUPED, 3, batch=0), "batch must be an integer of at least 1, got 0"),
        (lambda: A.cache_bytes(GROUPED, 3, dtype="float3"), "dtype must be one of .*, got 'float3'"),
        (lambda: A.count_call(0, 3), "new must be an integer of at least 1, got 0"),
        (lambda: A.count_call(1, -1), "past must be an integer of at least 0, got -1"),
        (lambda: A.count_call(1, 2, window=0), "window must be an integer of at least 1, got 0"),
        (lambda: A.grouped(LATENT), "config of attention 'grouped' must be a GroupedConfig, got LatentConfig"),
        (lambda: A.expanded(GROUPED), "config of attention 'expanded' must be a LatentConfig, got GroupedConfig"),
        (lambda: A.absorbed(GROUPED), "config of attention 'absorbed' must be a LatentConfig, got GroupedConfig"),
        (lambda: A.prefill(GROUPED, 0), "tokens must be an integer of at least 1, got 0"),
        (lambda: A.prefill("gpt2", 3), "config must be a GroupedConfig or a LatentConfig, got str"),
        (lambda: A.decode(GROUPED, 2.0), "cached must be an integer of at least 0, got 2.0"),
        (lambda: A.decode(GROUPED, 2, batch=-1), "batch must be an integer of at least 1, got -1"),
        (lambda: A.generate_with_cache(GROUPED, 0, 3), "prompt must be an integer of at least 1, got 0"),
        (lambda: A.generate_without_cache(GROUPED, 2, 0), "new must be an integer of at least 1, got 0"),
        (lambda: A.grouped_storage(LATENT, 1), "config of grouped storage must be a GroupedConfig, got LatentConfig"),
        (lambda: A.grouped_storage(GROUPED, -1), "tokens must be an integer of at least 0, got -1"),
        (lambda: A.merged_storage(GROUPED, 1), "config of merged storage must be a LatentConfig, got GroupedConfig"),
        (lambda: A.factored_storage(GROUPED, 1), "config of factored storage must be a LatentConfig"),
        (lambda: A.merging_ratios(GROUPED), "config of factored storage must be a LatentConfig, got GroupedConfig"),
        (lambda: A.Machine("m", 0.0, 1.0), "bandwidth must be a positive finite number per second, got 0.0"),
        (lambda: A.Machine("m", 1.0, float("nan")), "flops must be a positive finite number per second, got nan"),
        (lambda: A.Machine("m", 1.0, 1.0).attainable(0), "intensity must be a positive number of FLOPs per byte, got"),
        (lambda: A.model("GPT-5"), "name must be one of GPT-2 124M, .*, got 'GPT-5'"),
        (lambda: A.Model("empty", ()), "layers of 'empty' must hold at least one .*, got none"),
        (lambda: A.Model("m", ((0, GROUPED),)), "count of layers must be an integer of at least 1, got 0"),
        (lambda: A.model("GPT-2 124M").cache_bytes_without_windows(-1), "tokens must be an integer .*, got -1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_crossover_of_caches_that_never_cross():
    def storage(tokens):
        return A.grouped_storage(GROUPED, tokens)

    with pytest.raises(ValueError, match="small_cache must grow more slowly .* it saves 0 numbers"):
        A.crossover(storage, storage)
