"""Exercise 8.5: up to how many new tokens the absorbed form of latent attention takes fewer FLOPs."""

import math

from course_lib.exercises.core import Exercise, Stage


def most_absorbed(d_head, d_value, d_latent, d_rope):
    made = d_latent * (d_head + d_value)  # expanded: a key and a value from L, once for all new tokens
    expanded = (d_head + d_rope) + d_value  # one new token: the score and the mix
    absorbed = (d_latent + d_rope) + d_latent  # the same over the row (L, K_R), of which L is the value
    if absorbed <= expanded:
        return math.inf
    return (made - 1) // (absorbed - expanded)  # the largest n with n (absorbed - expanded) < made


FORM_CHOICE = Exercise(
    id="8.5",
    title="up to how many new tokens is absorbed cheaper?",
    minutes=8,
    difficulty=2,
    solution=most_absorbed,
    stages=(Stage(lambda: (3, 4, 9, 0), "without rotary coordinates"),),
    mistakes=(),
    hints=("?",),
)
