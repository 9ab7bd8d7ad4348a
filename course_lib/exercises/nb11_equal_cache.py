"""Exercise 11.2: sizes of other layers with as large a cache as a grouped one, and their FLOPs for a cached token."""

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def same_cache(n_heads, d_head, n_kv_heads, d_rope):
    cached = 2 * n_kv_heads * d_head  # numbers per token and layer: keys and values
    d_latent = cached - d_rope
    return {
        "multi-query": (n_heads // n_kv_heads, n_kv_heads * d_head),
        "d_latent": d_latent,
        "grouped FLOPs": 4 * n_heads * d_head,
        "latent FLOPs": 2 * n_heads * (d_latent + d_rope + d_latent),  # the row is the key, its part L the value
    }


EQUAL_CACHE = Exercise(
    id="11.2",
    title="different layers, one size of the cache",
    minutes=7,
    difficulty=2,
    solution=same_cache,
    stages=(
        Stage((15, 11, 3, 6), "15 heads of width 11 on three KV heads; d_R = 6"),
        Stage((6, 7, 2, 0), "six heads of width 7 on two KV heads; a latent layer without rotary key"),
        Stage((17, 4, 1, 6), "17 heads of width 4 on one KV head; d_R = 6"),
        Stage((5, 3, 5, 6), "five heads of width 3, each with its own keys and values; d_R = 6"),
        Stage((8, 32, 2, 16), "the arms GQA2, MQA-64 and MLA-16 of the experiments"),
    ),
    mistakes=(
        *edits(
            same_cache,
            """
        d_latent = cached - d_rope -> d_latent = cached | The rotary key is cached, too. A token leaves d_L + d_R
          numbers in the cache.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads, n_kv_heads * d_head) | This multi-query layer caches
          the same, but its W_Q and W_O have more parameters. Heads times width must stay n_heads d_head.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * (2 * d_head + d_rope) | These are the FLOPs of the
          expanded form. A decode step uses the absorbed form, so the key is the row of d_L + d_R numbers.
        cached = 2 * n_kv_heads -> cached = n_kv_heads | The grouped layer leaves twice as many numbers, a key and a
          value in each KV head. L is cached once, so its width is not halved.
        cached = 2 * n_kv_heads -> cached = 2 * n_heads | This is the cache of MHA. A token leaves n_kv_heads keys and
          values.
        cached = 2 * n_kv_heads * d_head -> cached = 2 * d_head | One KV head is counted in the cache. There are
          n_kv_heads.
        cached = 2 * n_kv_heads * d_head -> cached = 2 * (n_heads // n_kv_heads) * d_head | n_heads / n_kv_heads heads
          share a KV head. What is cached has n_kv_heads heads.
        d_latent = cached - d_rope -> d_latent = cached + d_rope | The rotary key is added. A token leaves d_L + d_R
          numbers in the cache, so d_L is smaller.
        d_latent = cached - d_rope -> d_latent = cached - 2 * d_rope | d_R is subtracted twice. The rotary part belongs
          to the key alone, and it is cached once.
        d_latent = cached - d_rope -> d_latent = cached - n_heads * d_rope | Each head has a rotary key here. All heads
          share one, so d_R numbers are cached.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads, d_head) | This multi-query layer caches less. One KV
          head must be as wide as the n_kv_heads together.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads // n_kv_heads, 2 * n_kv_heads * d_head) | This KV head
          is twice as wide as it should be. Its key has n_kv_heads d_head numbers, and so has its value.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads // n_kv_heads, d_head) | The heads are as narrow as
          before, so that this layer caches less. One KV head must be as wide as the n_kv_heads together.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_kv_heads, (n_heads // n_kv_heads) * d_head) | n_kv_heads and
          n_heads / n_kv_heads are exchanged. The single key has n_kv_heads d_head numbers.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_kv_heads * d_head, n_heads // n_kv_heads) | The two numbers
          are exchanged. The number of heads comes first, then their width.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads // n_kv_heads, n_heads * d_head) | This is the width of
          all query heads together. The single key is as wide as n_kv_heads keys.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads // n_kv_heads, n_heads // n_kv_heads * d_head) | The
          single key is as wide as n_heads / n_kv_heads heads here. It is as wide as n_kv_heads.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_kv_heads, n_kv_heads * d_head) | There are n_kv_heads query
          heads here. Heads times width must stay n_heads d_head.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads // n_kv_heads, n_kv_heads) | d_head is missing in the
          width of the single key. It is as wide as n_kv_heads keys of width d_head.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (1, n_heads * d_head) | One query head is left, and it is too
          wide. The single key is as wide as n_kv_heads keys.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (n_heads, 2 * n_kv_heads * d_head) | The width is that of
          a key and a value together. It is half of that. With wider heads there are fewer of them.
        (n_heads // n_kv_heads, n_kv_heads * d_head) -> (1, n_kv_heads * d_head) | One query head is left. One KV head
          is shared by several query heads, so that heads times width stays n_heads d_head.
        "grouped FLOPs": 4 * n_heads -> "grouped FLOPs": 2 * n_heads | Half of the FLOPs of the grouped layer are
          missing. Score and mix take d_head multiply-adds each, and a multiply-add is two FLOPs.
        "grouped FLOPs": 4 * n_heads -> "grouped FLOPs": n_heads | These are a quarter of the FLOPs of the grouped
          layer. Score and mix take d_head multiply-adds each, and a multiply-add is two FLOPs.
        "grouped FLOPs": 4 * n_heads -> "grouped FLOPs": 4 * n_kv_heads | The grouped layer is counted with n_kv_heads
          heads. Sharing saves numbers, but each query head has its own score and mix.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * (d_latent + d_rope) | The mix of the latent layer
          is missing. It takes d_L multiply-adds in each head.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * (d_latent + d_latent) | The score of the latent
          layer also runs over the d_R rotary coordinates.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 4 * n_heads * (d_latent + d_rope) | The rotary coordinates are
          mixed, too. The value is the part L of the row, d_L numbers.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * (d_latent + d_rope + d_head) | The mix of the
          latent layer is counted with d_head numbers. Absorbed, it runs over L, and W_LV acts afterwards.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * d_latent | The scores of the latent layer are
          missing. Each takes d_L + d_R multiply-adds.
        2 * n_heads * (d_latent -> 2 * (d_latent | The latent layer is counted with one head. All heads read one row,
          but each has its own score and mix.
        2 * n_heads * (d_latent -> n_heads * (d_latent | These are the multiply-adds of the latent layer. Each is two
          FLOPs.
        2 * n_heads * (d_latent -> 2 * n_kv_heads * (d_latent | The latent layer is counted with n_kv_heads heads. It
          has n_heads, which share one row.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 4 * n_heads * d_head | Equal caches do not make FLOPs equal. The
          latent layer's score runs over d_L + d_R numbers, its mix over d_L.
        2 * n_heads * (d_latent + d_rope + d_latent) -> 2 * n_heads * (d_latent + d_rope + d_latent) + 2 * n_heads *
          d_latent * 2 * d_head | The products with W_LK and W_LV are counted, too. A decode step has them once, not for
          each cached token.
        "grouped FLOPs": 4 * n_heads * d_head, -> "grouped FLOPs": 2 * n_heads * (d_latent + d_rope + d_latent), &&
          "latent FLOPs": 2 * n_heads * (d_latent + d_rope + d_latent) -> "latent FLOPs": 4 * n_heads * d_head | The
          FLOPs of the two layers are exchanged.
        "grouped FLOPs": 4 * n_heads * d_head, -> "grouped FLOPs": 2 * n_heads * d_head, && 2 * n_heads * (d_latent ->
          n_heads * (d_latent | Multiply-adds are counted in both layers. Each is two FLOPs.
        """,
        ),
        Mistake(
            lambda *sizes: same_cache(*sizes)["d_latent"],
            "This is d_L alone. Return a dict with the four keys of the text.",
        ),
    ),
    hints=(
        "A grouped layer leaves 2 n_kv_heads d_head numbers, a latent one d_L + d_R.",
        "One KV head that leaves as much has the width n_kv_heads d_head. How many query heads of this width have as "
        "many coordinates as n_heads heads of width d_head?",
        "For each cached token, a head spends 2 FLOPs on each coordinate of the key and 2 on each of the value. "
        "Absorbed, the key has d_L + d_R coordinates and the value d_L.",
    ),
)
