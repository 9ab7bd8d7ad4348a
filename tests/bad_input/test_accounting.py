"""Bad input of course_lib.accounting."""

import pytest

from course_lib import accounting as A
from course_lib.accounting.effort import largest_within
from course_lib.accounting.generation import LONGEST, overtakes
from course_lib.accounting.positions import schemes
from course_lib.config import GroupedConfig, LatentConfig, LocalLayers, ModelConfig

GROUPED = GroupedConfig(d_model=12, n_heads=4)
LATENT = LatentConfig(d_model=12, n_heads=4, d_latent=5, d_head=3)
WIDE = ModelConfig(vocab_size=2, n_layers=1, attention=GROUPED, d_ff=10**9)
NEAR = LocalLayers(attention=GroupedConfig(d_model=12, n_heads=4, window=2), layers=[1])
TWO_KINDS = ModelConfig(vocab_size=2, n_layers=2, attention=GROUPED, local=NEAR, d_ff=3)
BOTH = ("GroupedConfig", "LatentConfig")


def storage(tokens):
    return A.grouped_storage(GROUPED, tokens)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: A.cache_rows(GROUPED, -3), "tokens", "-3", ("integer", "0")),
        (lambda: A.cache_rows(GROUPED, True), "tokens", "True", ("integer", "0")),
        (lambda: A.in_binary_units(1.5), "size", "1.5", ("integer", "0")),
        (lambda: A.in_decimal_units(-1), "size", "-1", ("integer", "0")),
        (lambda: A.cache_floats(GROUPED, 3, batch=0), "batch", "0", ("integer", "1")),
        (lambda: A.count_call(0, 3), "new", "0", ("integer", "1")),
        (lambda: A.count_call(1, -1), "past", "-1", ("integer", "0")),
        (lambda: A.count_call(1, 2, window=0), "window", "0", ("integer", "1")),
        (lambda: A.prefill(GROUPED, 0), "tokens", "0", ("integer", "1")),
        (lambda: A.decode(GROUPED, 2.0), "cached", "2.0", ("integer", "0")),
        (lambda: A.decode(GROUPED, 2, batch=-1), "batch", "-1", ("integer", "1")),
        (lambda: A.generate_with_cache(GROUPED, 0, 3), "prompt", "0", ("integer", "1")),
        (lambda: A.generate_without_cache(GROUPED, 2, 0), "new", "0", ("integer", "1")),
        (lambda: A.grouped_storage(GROUPED, -1), "tokens", "-1", ("integer", "0")),
        (lambda: A.model("GPT-2 124M").cache_bytes_without_windows(-1), "tokens", "-1", ("integer", "0")),
        (lambda: A.Model("m", ((0, GROUPED),)), "count", "0", ("integer", "1")),
        (lambda: A.Model("empty", ()), "layers", "none", "(count, config)"),
        (lambda: largest_within(60, [], lambda n: n), "sizes", "none", "one"),
        (lambda: A.itemsize("bf16"), "dtype", "'bf16'", ("float32", "bfloat16")),
        (lambda: A.cache_bytes(GROUPED, 3, dtype="float3"), "dtype", "'float3'", ("float32", "bfloat16")),
        (lambda: A.model("GPT-5"), "name", "'GPT-5'", "GPT-2 124M"),
        (lambda: A.cache_rows("gpt2", 3), "config", "str", BOTH),
        (lambda: A.weights(None), "config", "NoneType", BOTH),
        (lambda: A.prefill("gpt2", 3), "config", "str", BOTH),
        (lambda: A.grouped(LATENT), "config", "LatentConfig", ("'grouped'", "GroupedConfig")),
        (lambda: A.expanded(GROUPED), "config", "GroupedConfig", ("'expanded'", "LatentConfig")),
        (lambda: A.absorbed(GROUPED), "config", "GroupedConfig", ("'absorbed'", "LatentConfig")),
        (lambda: A.grouped_storage(LATENT, 1), "config", "LatentConfig", ("grouped", "GroupedConfig")),
        (lambda: A.merged_storage(GROUPED, 1), "config", "GroupedConfig", ("merged", "LatentConfig")),
        (lambda: A.factored_storage(GROUPED, 1), "config", "GroupedConfig", ("factored", "LatentConfig")),
        (lambda: A.merging_ratios(GROUPED), "config", "GroupedConfig", ("factored", "LatentConfig")),
        (lambda: A.Machine("m", 0.0, 1.0), "bandwidth", "0.0", ("positive", "finite")),
        (lambda: A.Machine("m", 1.0, float("nan")), "flops", "nan", ("positive", "finite")),
        (lambda: A.Machine("m", 1.0, 1.0).attainable(0), "intensity", "0", "positive"),
        (lambda: A.crossover(storage, storage), "small_cache", "0", "large_cache"),
        (lambda: overtakes(WIDE, cached=True), "config", "ModelConfig", f"{LONGEST:,}"),
        (lambda: schemes(LATENT), "d_rope", "0", "d_latent = 5"),
        (lambda: A.model_decode(TWO_KINDS, 3, form=A.grouped(GROUPED)), "form", (), ("None", "local")),
    ],
)
def test_accounting(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)
