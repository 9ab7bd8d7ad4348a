"""Exercise 8.5: up to how many new tokens the absorbed form of latent attention takes fewer FLOPs, after a long cache.

After a long cache only the work that grows with the cached tokens counts.
"""

from course_lib.exercises.core import Exercise, Stage, edits


def most_absorbed(d_head, d_value, d_latent, d_rope):
    made = d_latent * (d_head + d_value)  # expanded: a key and a value from L, once for all new tokens
    expanded = d_head + d_rope + d_value  # each new token: a score and a mix
    absorbed = d_latent + d_rope + d_latent  # the same over the row (L, K_R), of which L is the value
    return (made - 1) // (absorbed - expanded)  # the largest n for which n times the difference is below made


FORM_CHOICE = Exercise(
    id="8.5",
    title="up to how many new tokens is absorbed cheaper?",
    minutes=8,
    difficulty=2,
    solution=most_absorbed,
    stages=(
        Stage((11, 69, 49, 0), "d_QK = 11, d_V = 69, d_L = 49, without rotary coordinates"),
        Stage((7, 37, 31, 10), "d_QK = 7, d_V = 37, d_L = 31, d_R = 10"),
        Stage((11, 13, 21, 8), "d_QK = 11, d_V = 13, d_L = 21, d_R = 8: 28 new tokens cost the same in both forms"),
        Stage((8, 23, 19, 6), "d_QK = 8, d_V = 23, d_L = 19, d_R = 6"),
        Stage((128, 128, 512, 64), "the widths of DeepSeek-V2"),
        # Last, because an answer that searches tries more than 6000 numbers here.
        Stage((127, 130, 131, 64), "d_QK = 127, d_V = 130, d_L = 131, d_R = 64, with a border far away"),
    ),
    mistakes=edits(
        most_absorbed,
        """
        (made - 1) -> made | At this n both forms take equally many FLOPs. Absorbed takes fewer one token earlier.
        return (made - 1) // (absorbed - expanded) -> return made // (absorbed - expanded) - 1 | The border is rounded
            down, and then 1 is subtracted. Subtract 1 only where both forms take equally many FLOPs, as (a - 1) // b
            does.
        return (made - 1) // (absorbed - expanded) -> return made / (absorbed - expanded) - 1 | This is the border less
            1, with its fraction. Return the largest whole number below the border.
        (made - 1) // -> made / | This is the place where both forms take equally many FLOPs. Return the largest whole
            number below it.
        (made - 1) // ( -> 1 + (made - 1) // ( | For this n the absorbed form no longer takes fewer FLOPs. Return the n
            before it.
        return (made - 1) // (absorbed - expanded) -> return 0 | One new token costs less absorbed. For each cached
            token the expanded form makes a key and a value, d_L (d_QK + d_V) multiply-adds, and what is paid for a new
            token alone does not grow with the cache.
        return (made - 1) // (absorbed - expanded) -> return (d_head + d_value) // 2 | Up to this n absorbed takes fewer
            FLOPs for every d_L. For this d_L it goes on beyond it, so compare the two costs.
        (absorbed - expanded) -> (absorbed - expanded + d_latent * d_head) | The absorption of the queries is counted.
            It is paid once for each new token and does not grow with the cached tokens.
        (made - 1) // -> made - 1 // | The division comes before the subtraction. Put the difference in parentheses.
        (absorbed - expanded) -> absorbed - expanded | Only a part of the difference divides. Put it in parentheses,
            because a // b - c is (a // b) - c.
        d_latent * (d_head + d_value) -> d_latent * d_head + d_value | d_L multiplies the key alone. Put d_QK + d_V in
            parentheses.
        (absorbed - expanded) -> (absorbed + expanded) | The two costs of a new token are added. What counts is
            their difference.
        d_head + d_rope + d_value -> d_head + d_rope - d_value | d_V has the wrong sign. Score and mix are added in each
            form, and the one sum is subtracted from the other.
        (d_head + d_value) -> d_head | The expanded form makes a value from L too, not the key alone.
        (d_head + d_value) -> d_value | The expanded form makes a key from L too, not the value alone.
        (d_head + d_value) -> (d_head + d_rope + d_value) | The rotary coordinates are not made from L: K_R is in the
            cache as it is.
        d_latent * ( -> 2 * d_latent * ( | What is made from L is counted in FLOPs, and the rest in multiply-adds.
            Count both in the same unit.
        d_head + d_rope + d_value -> d_head + d_value | The rotary coordinates weigh too much for the absorbed form. In
            both forms the score runs over them once, and the mix does not.
        d_latent + d_rope + d_latent -> d_latent + d_latent | In the absorbed form too the score runs over the rotary
            coordinates.
        d_latent + d_rope + d_latent -> d_latent + d_rope | The absorbed form also mixes: d_L multiply-adds for each new
            token.
        d_latent + d_rope + d_latent -> d_latent + d_rope + d_value | The two mixes differ in width. It is d_V
            expanded and d_L absorbed, because W_LV acts after the mix, once for each new token.
        d_head + d_rope + d_value -> d_head + d_rope | The expanded form also mixes: d_V multiply-adds for each new
            token.
        absorbed - expanded -> absorbed | The expanded form pays for each new token too: d_QK + d_R + d_V multiply-adds.
        d_latent * (d_head + d_value) -> d_latent * 2 * d_head && d_rope + d_value -> d_rope + d_head | The value is
            missing, or has the width of a key. It has a width of its own, d_V.
        (absorbed - expanded) -> (absorbed - expanded - made) | Keys and values are made once for all n new tokens, not
            again for each.
        d_latent * (d_head + d_value) -> d_latent * d_head * d_value | The widths of key and value are multiplied. L
            makes d_QK + d_V numbers.
        d_latent * (d_head + d_value) -> d_latent * (d_head - d_rope + d_value) && d_head + d_rope + d_value -> d_head +
            d_value | d_R is taken for a part of d_QK. A key has d_QK + d_R coordinates, and d_QK of them are made from
            L.
        """,
    ),
    hints=(
        "Write the cost of each form for one cached token as a + b n: a is paid once, b for each new token.",
        "Expanded: a = d_L (d_QK + d_V), b = d_QK + d_R + d_V. Absorbed: a = 0, b = 2 d_L + d_R. When is one smaller?",
        "The largest whole n with n b < a is (a - 1) // b.",
    ),
)
