"""A generation is the sum of its steps, and attention overtakes the rest where the sums say so."""

import pytest

from course_lib.accounting import model_decode, model_prefill
from course_lib.accounting.generation import generation, overtakes
from course_lib.config import GroupedConfig, ModelConfig

ATTENTION = GroupedConfig(d_model=12, n_heads=3, n_kv_heads=1, d_head=6)
SMALL = ModelConfig(vocab_size=17, n_layers=2, attention=ATTENTION, d_ff=20)


@pytest.mark.parametrize("tokens", [1, 2, 13])
def test_the_parts_add_up_to_the_steps(tokens):
    cached = [model_decode(SMALL, past) for past in range(tokens)]
    afresh = [model_prefill(SMALL, n) for n in range(1, tokens + 1)]
    for steps, found in (
        (cached, generation(SMALL, tokens, cached=True)),
        (afresh, generation(SMALL, tokens, cached=False)),
    ):
        assert sum(found) == sum(step.flops for step in steps)
        assert found.attention == sum(step.flops_by_part["attend"] for step in steps)


@pytest.mark.parametrize("cached", [True, False])
def test_attention_overtakes_at_the_first_such_length(cached):
    n = overtakes(SMALL, cached=cached)
    more = [a > rest for a, rest in (generation(SMALL, tokens, cached=cached) for tokens in (n - 1, n))]
    assert more == [False, True]


@pytest.mark.parametrize(("cached", "times"), [(False, 9), (True, 12)])
def test_a_block_of_12_d_squared_is_overtaken_at_9_d_and_12_d(cached, times):
    """With d weights' worth of nothing else: one vocabulary entry, feed-forward of width 4 d."""
    d = 512
    plain = ModelConfig(vocab_size=1, n_layers=1, attention=GroupedConfig(d_model=d, n_heads=8), d_ff=4 * d)
    assert overtakes(plain, cached=cached) == pytest.approx(times * d, rel=1e-3)


def test_bad_lengths():
    with pytest.raises(ValueError, match="tokens must be"):
        generation(SMALL, 0, cached=True)
