"""Exercise 8.5: the border of the solution is that of the layer and of the accounting; answers in other styles."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from course_lib import accounting
from course_lib.config import LatentConfig
from course_lib.exercises.grading import grade
from course_lib.exercises.nb08_form_choice import FORM_CHOICE, most_absorbed
from course_lib.exercises.watchdog import Limit
from course_lib.layers import LatentAttention

WIDTHS = [(11, 69, 49, 0), (7, 37, 31, 10), (11, 13, 21, 8), (8, 23, 19, 6), (128, 128, 512, 64)]


def config_of(d_head, d_value, d_latent, d_rope) -> LatentConfig:
    return LatentConfig(d_model=8, n_heads=3, d_latent=d_latent, d_head=d_head, d_value=d_value, d_rope=d_rope)


@pytest.mark.parametrize("widths", WIDTHS)
def test_the_layer_changes_its_form_at_this_border(widths):
    """After a long cache; after a short one the layer changes earlier, and in a prefill it never absorbs."""
    absorbs, most = LatentAttention(config_of(*widths)).absorbs, most_absorbed(*widths)
    assert [absorbs(n, 10**9 + n) for n in (1, most, most + 1)] == [True, True, False]
    assert absorbs(1, 2) and not absorbs(most, 3 + most) and not absorbs(1, 1)


@pytest.mark.parametrize("widths", WIDTHS)
def test_per_cached_token_the_border_is_that_of_accounting(widths):
    """Two caches of different length: what grows with the cached tokens alone."""
    config, most = config_of(*widths), most_absorbed(*widths)

    def growth(form, n):
        return accounting.chunk(form(config), n, 2000).flops - accounting.chunk(form(config), n, 1000).flops

    def absorbed_takes_fewer(n):
        return growth(accounting.absorbed, n) < growth(accounting.expanded, n)

    assert all(absorbed_takes_fewer(n) for n in (1, (most + 1) // 2, most))
    assert not absorbed_takes_fewer(most + 1)


def test_a_narrow_latent_has_no_border():
    """The notebook excludes 2 d_L <= d_QK + d_V from the exercise and says that absorbed takes fewer for every n."""
    for d_latent in (5, 7):
        assert LatentAttention(config_of(8, 6, d_latent, 2)).absorbs(10**6, 10**6 + 1)


@pytest.mark.parametrize("widths", WIDTHS)
def test_one_new_token_and_up_to_half_a_key_and_a_value(widths):
    """What the notebook proves: absorbed takes fewer FLOPs for each n up to (d_QK + d_V) / 2."""
    d_head, d_value, *_ = widths
    assert most_absorbed(*widths) >= (d_head + d_value) // 2


def by_search(d_head, d_value, d_latent, d_rope):
    n = 0
    while (n + 1) * (2 * d_latent + d_rope) < d_latent * (d_head + d_value) + (n + 1) * (d_head + d_rope + d_value):
        n += 1
    return n


def by_rounding_up(e, v, r, p):
    return math.ceil(r * (e + v) / (2 * r - e - v)) - 1


def in_torch(e, v, r, p):
    e, v, r = torch.tensor([e, v, r])
    return (r * (e + v) - 1) // (2 * r - e - v)


def in_floats(e, v, r, p):
    return np.float64(most_absorbed(e, v, r, p))


def in_fractions(e, v, r, p):
    border = Fraction(r * (e + v), 2 * r - e - v)
    return border - 1 if border.denominator == 1 else Fraction(math.floor(border))


@pytest.mark.parametrize("answer", [by_search, by_rounding_up, in_torch, in_floats, in_fractions])
def test_right_answers_pass_in_any_style(answer):
    result = grade(FORM_CHOICE, answer)
    assert result.passed is True, result.message


def searched(cheaper):
    """The last n for which cheaper(n, e, v, r, p) holds from 1 on."""

    def answer(*widths):
        n = 0
        while cheaper(n + 1, *widths):
            n += 1
        return n

    return answer


@pytest.mark.parametrize(
    "answer, message",
    [
        (searched(lambda n, e, v, r, p: n * (2 * r + p) <= r * (e + v) + n * (e + p + v)), "equally many FLOPs"),
        (searched(lambda n, e, v, r, p: n * (2 * r + 2 * p) < r * (e + v) + n * (e + p + v)), "weigh too much"),
        (searched(lambda n, e, v, r, p: n * 2 * r < r * (e + v) + n * (e + p + v)), "the score runs over the rotary"),
        (searched(lambda n, e, v, r, p: n * (2 * r + p) < r * (e + p + v) + n * (e + p + v)), "K_R is in the cache"),
        (searched(lambda n, e, v, r, p: n * (2 * r + p) < n * (e + p + v)), "does not grow with the cache"),
        (
            searched(lambda n, e, v, r, p: n * (2 * r + p) + n * r * (e + v) < r * (e + v) + n * (e + p + v)),
            "does not grow with the cache",
        ),
        (
            searched(lambda n, e, v, r, p: n * (2 * r + p) + n * r * e < r * (e + v) + n * (e + p + v)),
            "The absorption of the queries is counted",
        ),
        (lambda e, v, r, p: (e + v) // 2, "For this d_L it goes on beyond it"),
        (lambda e, v, r, p: (e + v) / 2, "For this d_L it goes on beyond it"),
        (searched(lambda n, e, v, r, p: n * (r + p) < r * (e + v) + n * (e + p)), "The two mixes differ in width"),
        (searched(lambda n, e, v, r, p: n * (r + p + v) < r * (e + v) + n * (e + p + v)), "W_LV acts after the mix"),
        (lambda e, v, r, p: (r * (e + v) - 1) // (2 * r - e - v - r * (e + v)), "made once for all n"),
        (lambda e, v, r, p: r * (e + v) / (2 * r - e - v), "Return the largest whole number"),
        (lambda e, v, r, p: (r * (e + v) - 1) // (2 * r + p), "pays for each new token too"),
        (lambda e, v, r, p: r * (e + v) - 1 // (2 * r - e - v), "The division comes before the subtraction"),
        (lambda e, v, r, p: (r * e + v - 1) // (2 * r - e - v), "d_L multiplies the key alone"),
        (lambda e, v, r, p: round(r * (e + v) / (2 * r - e - v)), "Return the n before it"),
        (lambda *widths: {"most": most_absorbed(*widths)}, "without rotary"),
        (lambda *widths: min(most_absorbed(*widths), 1000), "with a border far away"),  # a search up to 1,000
        (lambda e, v, r, p: (r * e * v - 1) // (2 * r - e - v), "are multiplied"),
        (lambda e, v, r, p: most_absorbed(e - p, v, r, p), "taken for a part of d_QK"),
    ],
)
def test_likely_wrong_answers_hear_their_reason(answer, message):
    result = grade(FORM_CHOICE, answer)
    assert result.passed is False and message in result.message, result.message


def test_a_search_without_end_is_stopped():
    """If making keys and values is counted for each new token, absorbed takes fewer for every n."""
    endless = searched(lambda n, e, v, r, p: n * (2 * r + p) < n * (r * (e + v) + e + p + v))
    result = grade(FORM_CHOICE, endless, Limit(cpu=0.3, wall=1e6))
    assert result.passed is False and "stopped" in result.message
