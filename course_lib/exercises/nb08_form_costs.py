"""Exercise 8.4: what a new token pays for each cached token, in both forms of latent attention."""

from course_lib.exercises.core import Exercise, Stage, edits


def per_cached_token(n_heads, d_head, d_value, d_latent, d_rope, absorbed):
    if absorbed:  # one shared row [L, K_R] is the key, and its part L the value
        key, value = d_latent + d_rope, d_latent
        numbers = d_latent + d_rope
    else:
        key, value = d_head + d_rope, d_value
        numbers = n_heads * (key + value)
    flops = 2 * n_heads * (key + value)
    return {"flops": flops, "numbers": numbers}


COSTS = Exercise(
    id="8.4",
    title="what a cached token costs",
    minutes=8,
    difficulty=2,
    solution=per_cached_token,
    stages=(
        Stage((1, 9, 5, 13, 2, True), "absorbed, one head, d_R = 2", case="absorbed"),
        Stage((5, 7, 3, 13, 4, True), "absorbed, five heads, d_R = 4", case="absorbed"),
        Stage((3, 7, 11, 17, 10, True), "absorbed, three heads, d_R = 10", case="absorbed"),
        Stage((5, 7, 4, 13, 0, False), "expanded, five heads without rotary coordinates", case="expanded"),
        Stage((5, 7, 3, 13, 4, False), "expanded, five heads, d_R = 4", case="expanded"),
        Stage((7, 3, 5, 11, 8, False), "expanded, seven heads, d_R = 8", case="expanded"),
        Stage((128, 128, 128, 512, 64, True), "absorbed, the sizes of DeepSeek-V2", case="absorbed"),
    ),
    mistakes=edits(
        per_cached_token,
        """
        flops = 2 * n_heads -> flops = n_heads | These are multiply-adds. Each is two operations, one
            multiplication and one addition.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * key | This is 2 FLOPs for each coordinate of the
            key, as the score takes them alone. The mix takes 2 for each coordinate of the value.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value - d_rope) | The score also runs over
            the d_R rotary coordinates.
        flops = 2 * n_heads * (key + value) -> flops = n_heads * (2 * (key + value) - 1) | The score of k products is
            counted with k - 1 additions. A multiply-add is 2 FLOPs, so k products are 2 k FLOPs.
        flops = 2 * n_heads * (key + value) -> flops = 2 * (n_heads * (key + value - d_rope) + d_rope) | The FLOPs of
            the rotary part are those of one head. Each head has its own rotary query.
        flops = 2 * n_heads * -> flops = 2 * | These are the FLOPs of one head. The row may be shared, but each head has
            its own query, so all h of them compute.
        "numbers": numbers -> "numbers": 2 * numbers | These are twice as many numbers as are read. The row is key and
            value at once, so it is read once. Count numbers, not bytes.
        "numbers": numbers -> "numbers": numbers - (d_rope if absorbed else n_heads * d_rope) | The d_R rotary
            coordinates are read, too.
        if absorbed: -> if not absorbed: | These are the FLOPs and numbers of the expanded form. Here `absorbed` is
            True.
        key, value = d_latent + d_rope -> key, value = d_latent && numbers = d_latent + d_rope -> numbers = d_latent |
            The rotary coordinates are missing. Each score also runs over d_R of them, and they are read.
        d_rope, d_latent -> d_rope, d_latent + d_rope | The mix runs over L alone, d_L numbers. The rotary coordinates
            belong to the score only.
        d_rope, d_latent -> d_rope, d_value | Absorbed, the mix runs over L, d_L numbers. The way to d_V follows once
            per new token, not per cached one.
        key, value = d_latent -> key, value = d_head | Absorbed, the key is the row [L, K_R], of width d_L + d_R. The
            query was brought to it before.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value + (d_latent * d_head if absorbed else
            0)) | The absorption of the query is counted. It is paid once for a new token, not for each cached one.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value + (d_latent * (d_head + d_value) if
            absorbed else 0)) | The absorption of keys and values is counted. It is paid once for a new token, not for
            each cached one.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value + (d_latent * d_value if absorbed else
            0)) | The way from the mixed L to d_V is counted. It is paid once for a new token, not for each cached one.
        numbers = d_latent + d_rope -> numbers = n_heads * (d_latent + d_rope) | Absorbed, all heads read the same row
            [L, K_R]. It is read once, not once for each head.
        numbers = d_latent + d_rope -> numbers = 2 * d_latent + d_rope | The value is a part of the row that serves as
            key, so L is not read a second time.
        numbers = d_latent + d_rope -> numbers = d_latent + n_heads * d_rope | Absorbed, K_R is shared by all heads like
            L. Its d_R numbers are read once.
        if absorbed: -> if True: | These are the FLOPs and numbers of the absorbed form. Here `absorbed` is False.
        d_rope, d_value -> d_rope, d_head | The mix runs over the value, d_V numbers. This takes d_QK for it.
        d_rope, d_value -> d_rope, d_latent | Expanded, the mix runs
            over the values of the head, d_V numbers, not over L.
        d_head + d_rope -> d_head | Expanded, the rotary coordinates are missing. Each head's key has a copy of them.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value - (0 if absorbed else d_rope)) | In
            the expanded form too each score runs over the d_R rotary coordinates.
        flops = 2 * n_heads * (key + value) -> flops = (2 if absorbed else 1) * n_heads * (key + value) | In the
            expanded form these are multiply-adds. Each is two operations.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + (value if absorbed else 0)) | In the
            expanded form the mix is missing. It takes one multiply-add for each coordinate of the value.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (2 * d_latent + d_rope) | These are the FLOPs of
            the absorbed form in either form. Expanded, keys have width d_QK + d_R and values d_V.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + (value if absorbed else d_head)) | The FLOPs
            of the mix take d_QK for the width of the value. It is d_V.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value) - (0 if absorbed else 2 * (n_heads -
            1) * d_rope) | Expanded, the rotary part of the FLOPs is counted for one head. Each head has its own rotary
            query.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value + (0 if absorbed else d_rope)) | The
            rotary coordinates are counted twice. They belong to the keys, not to the values.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (key + value + (0 if absorbed else d_latent *
            (d_head + d_value))) | The making of keys and values from L is counted. Count only what meets them.
        numbers = n_heads * (key + value) -> numbers = n_heads * (d_head + value) | In the expanded form the rotary
            coordinates of the keys are not counted. They are read, too.
        numbers = n_heads * (key + value) -> numbers = n_heads * (key + d_head) | The numbers that are read take d_QK
            for the width of the value. It is d_V.
        numbers = n_heads * (key + value) -> numbers = n_heads * key | In the expanded form keys alone are counted.
            Values are read, too.
        numbers = n_heads * (key + value) -> numbers = key + value | Expanded, each head has a key and a value of its
            own, so there are h times as many numbers.
        numbers = n_heads * (key + value) -> numbers = n_heads * (d_head + value) + d_rope | In the expanded keys every
            head has its own copy of K_R, so d_R counts h times.
        numbers = n_heads * (key + value) -> numbers = n_heads * (d_head + value) + d_rope && flops = 2 * n_heads *
            (key + value) -> flops = 2 * n_heads * (key + value) - (0 if absorbed else 2 * (n_heads - 1) * d_rope) | The
            rotary part is counted for one head. Each has its own rotary query, and in the expanded keys its own copy of
            K_R.
        numbers = n_heads * (key + value) -> numbers = n_heads * (key + value) + d_latent + d_rope | The row [L, K_R] is
            counted, too. Expanded, attention reads the keys and values alone.
        numbers = n_heads * (key + value) -> numbers = d_latent + d_rope | In both forms the cache holds d_L + d_R
            numbers. Expanded, attention reads the keys and values made from them.
        flops = 2 * n_heads * (key + value) -> flops = 2 * n_heads * (d_head + d_rope + d_value) | These are the FLOPs
            of the expanded form in either form. Absorbed, the key has width d_L + d_R and the value d_L.
        """,
    ),
    hints=(
        "One new token, one cached one. A score is an inner product, and the mix adds a multiple of one value.",
        "Per head there are 2 (width of the key) FLOPs for the score, 2 (width of the value) for the mix.",
        "Absorbed, the key is [L, K_R] of width d_L + d_R and the value is L. Both are the same row for all heads.",
    ),
)
