"""Exercise 11.1: the width of the feed-forward layers that makes the parameters of two kinds of attention equal."""

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def matched_d_ff(d, n_heads, d_head, d_ff, n_kv_heads, d_latent, d_rope):
    queries = 2 * d * n_heads * d_head  # W_Q and W_O
    keys = 2 * d * n_kv_heads * d_head  # W_K and W_V
    down = d * d_latent + d_latent  # W_L, and the gamma of the norm on its rows
    up = 2 * d_latent * n_heads * d_head  # W_LK and W_LV
    rotary = d * n_heads * d_rope + d * d_rope  # W_QR and W_KR
    attention = queries + keys + down + up + rotary
    spare = 4 * d * n_heads * d_head - attention  # MHA has four matrices
    return {"attention": attention, "spare": spare, "d_ff": d_ff + round(spare / (3 * d))}


EQUAL_PARAMETERS = Exercise(
    id="11.1",
    title="the width that makes parameters equal",
    minutes=8,
    difficulty=2,
    solution=matched_d_ff,
    stages=(
        Stage((24, 10, 4, 37, 5, 0, 0), "grouped: ten heads of width 4 share five KV heads, d = 24", case="grouped"),
        Stage((22, 9, 4, 43, 1, 0, 0), "grouped: nine heads of width 4 share one KV head, d = 22", case="grouped"),
        Stage((21, 5, 6, 47, 0, 9, 0), "latent: d_L = 9, no rotary key, five heads of width 6", case="latent"),
        Stage((32, 7, 3, 150, 0, 29, 10), "latent: d_L = 29, d_R = 10, more parameters than MHA", case="latent"),
        Stage((19, 3, 11, 190, 0, 25, 6), "latent: d_L = 25, d_R = 6, three heads of width 11", case="latent"),
        Stage((128, 8, 32, 344, 0, 96, 32), "latent: the arm MLA-32 of the experiments", case="latent"),
        Stage((128, 8, 32, 344, 2, 0, 0), "grouped: the arm GQA2 of the experiments", case="grouped"),
        Stage((20, 8, 4, 31, 4, 0, 0), "grouped: eight heads of width 4 share four KV heads, d = 20", case="grouped"),
    ),
    mistakes=(
        *edits(
            matched_d_ff,
            """
        spare / (3 * d) -> spare / (2 * d) | A SwiGLU network has three matrices. One more in d_ff costs 3 d parameters.
        d * n_heads * d_rope + d * d_rope -> d * d_rope + d * d_rope | W_QR is counted for one head. The rotary key is
          shared, but each head has a rotary query.
        keys = 2 * d * n_kv_heads -> keys = 2 * d * n_heads * (n_kv_heads > 0) | W_K and W_V are counted with n_heads
          heads. They have n_kv_heads.
        spare / (3 * d) -> spare / d | One more in d_ff costs d parameters in each of the three matrices, 3 d in all.
        spare / (3 * d) -> spare / (4 * d) | One more in d_ff costs 3 d parameters, d in each of the three matrices.
        spare / (3 * d) -> spare / (3 * d_ff) | The spare parameters are divided by 3 d_ff. One more in d_ff costs 3 d
          parameters.
        d_ff + round(spare / (3 * d)) -> d_ff + int(spare / (3 * d)) | The quotient is cut towards 0. Round it to the
          nearest whole number.
        d_ff + round(spare / (3 * d)) -> d_ff + spare // (3 * d) | The quotient is rounded down. Round it to the nearest
          whole number.
        round(spare / (3 * d)) -> int(spare / (3 * d) + 0.5) | `int(x + 0.5)` rounds negative numbers wrongly. Use
          `round`.
        round(spare / (3 * d)) -> max(0, round(spare / (3 * d))) | d_ff stays the same here. Where the attention has
          more parameters than MHA, d_ff must fall.
        d_ff + round(spare / (3 * d)) -> d_ff - (-spare // (3 * d)) | The quotient is rounded up. Round it to the
          nearest whole number.
        d_ff + round(spare / (3 * d)) -> d_ff + spare / (3 * d) | This width is no whole number. Round it to the nearest
          one.
        d_ff + round -> d_ff - round | The spare parameters are taken from d_ff. The feed-forward layers
          get them, so they are added.
        d_ff + round -> round | This is the change of d_ff. Add it to the d_ff of MHA.
        4 * d * n_heads * d_head - attention -> attention - 4 * d * n_heads * d_head | The difference has the wrong
          sign. Spare are the parameters of MHA minus those of the other attention.
        4 * d * n_heads * d_head - attention -> attention - 4 * d * n_heads * d_head && d_ff + round -> d_ff - round |
          `spare` has the wrong sign. It is positive where the other attention has fewer parameters than MHA.
        4 * d * n_heads * d_head - attention -> abs(4 * d * n_heads * d_head - attention) | The sign of the difference
          is lost. An attention with more parameters than MHA has a negative spare.
        4 * d * n_heads * d_head - attention -> max(0, 4 * d * n_heads * d_head - attention) | A negative spare is set
          to 0. Where the attention has more parameters than MHA, d_ff must fall.
        spare = 4 * d * n_heads * d_head -> spare = 3 * d * n_heads * d_head | W_O of MHA is missing. MHA has four
          matrices of this size.
        spare = 4 * d * n_heads * d_head -> spare = 4 * d * d | MHA is counted with matrices of d * d numbers. They are
          d wide on one side and n_heads d_head on the other.
        queries = 2 * d -> queries = d | W_Q or W_O is missing. Both attentions have the two.
        queries = 2 * d -> queries = 0 * d | W_Q and W_O are missing. Every kind of attention here has both.
        queries = 2 * d -> queries = (2 if n_kv_heads else 1) * d | W_Q or W_O of the latent layer is missing. It has
          both.
        queries = 2 * d -> queries = (2 if n_kv_heads else 0) * d | W_Q and W_O of the latent layer are missing. Its
          queries come from the token itself, and heads are joined as elsewhere.
        keys = 2 * d -> keys = d | W_K or W_V is missing. Keys and values have a matrix each.
        keys = 2 * d * n_kv_heads -> keys = 2 * d * (n_kv_heads and n_heads // n_kv_heads) | n_heads / n_kv_heads heads
          share a key. W_K and W_V have n_kv_heads heads.
        keys = 2 * d * n_kv_heads * d_head -> keys = 2 * d * n_kv_heads | The width of a head is missing in W_K and W_V.
          Each of their heads has d_head columns.
        queries + keys + down + up + rotary -> queries + keys + down + up + rotary + 3 * d * d_ff | The feed-forward
          layer is counted, too. `attention` counts the attention layer alone.
        d * d_latent + d_latent -> d * d_latent | The norm on the latent rows is missing. Its gamma has d_L numbers.
        d * d_latent + d_latent -> d * d_latent + 2 * d_latent | The norm on the latent rows has 2 d_L parameters
          here. An RMSNorm has a gamma of d_L numbers, and nothing else.
        d * d_latent + d_latent -> d * d_latent + (d if d_latent else 0) | The gamma of the norm has d numbers here. It
          acts on latent rows, which have d_L.
        d * d_latent + d_latent -> 2 * d * d_latent + d_latent | W_L is counted twice. Keys and values are made from the
          same latent row.
        d * d_latent + d_latent -> d_latent | W_L is missing. It has d rows and d_L columns.
        d * d_latent + d_latent -> d * n_heads * d_latent + d_latent | Each head has a latent row here. One row serves
          all heads, so W_L has d_L columns.
        d * d_latent + d_latent -> d * d_latent + d_latent + d_rope | The gamma of the norm has d_L + d_R numbers here.
          The rotary key has no norm.
        up = 2 * d_latent -> up = 2 * (d_latent + d_rope) | W_LK and W_LV are counted with d_L + d_R rows. They act on
          the latent rows alone.
        d * n_heads * d_rope + d * d_rope -> 2 * d * n_heads * d_rope + d * d_rope | W_O is counted with rotary
          coordinates. It joins values, which have none.
        up = 2 * d_latent -> up = d_latent | W_LK or W_LV is missing. Keys and values are made by a matrix each.
        up = 2 * d_latent * n_heads * d_head -> up = 2 * d_latent * d_head | W_LK and W_LV are counted for one head.
          Each head has its own.
        up = 2 * d_latent * n_heads * d_head -> up = 2 * d * n_heads * d_head * (d_latent > 0) | W_LK and W_LV are
          counted with d rows. They act on latent rows, so they have d_L.
        up = 2 * d_latent * n_heads * d_head -> up = 2 * d_latent * d | W_LK and W_LV are counted with d columns. They
          have n_heads d_head.
        up = 2 * d_latent * n_heads * d_head -> up = 2 * d_latent * n_heads * (d_head + d_rope) | The rotary coordinates
          of the keys are made from L here. They come from the token itself, by W_KR.
        up = 2 * d_latent * n_heads * d_head -> up = 0 | W_LK and W_LV are missing. They are parameters, though a decode
          step absorbs them.
        d * n_heads * d_rope + d * d_rope -> 2 * d * n_heads * d_rope | W_KR is counted for all heads. They share one
          rotary key.
        d * n_heads * d_rope + d * d_rope -> d * d_rope | W_QR is missing. Each head has a rotary query of d_R
          coordinates.
        d * n_heads * d_rope + d * d_rope -> d * n_heads * d_rope | W_KR is missing. It makes the d_R coordinates of the
          rotary key.
        d * n_heads * d_rope + d * d_rope -> d * n_heads * d_rope + d_latent * d_rope | W_KR is counted with d_L rows.
          It acts on the token's row of width d.
        d * n_heads * d_rope + d * d_rope -> 0 | W_QR and W_KR are missing. Rotary queries and the rotary key have a
          matrix each.
        d_ff + round(spare / (3 * d)) -> round(d_ff * 4 * d * n_heads * d_head / attention) | d_ff is multiplied by the
          ratio of the attentions. What counts is their difference, divided by 3 d.
        """,
        ),
        Mistake(
            lambda *sizes: matched_d_ff(*sizes)["d_ff"],
            "Return a dict with the keys `attention`, `spare` and `d_ff`.",
        ),
    ),
    hints=(
        "Write down the shape of each matrix. Grouped: W_Q, W_K, W_V, W_O. Latent: W_Q, W_O, W_L, W_LK, W_LV, W_QR, "
        "W_KR, and a gamma of d_L numbers. Sizes of 0 drop out by themselves.",
        "W_LK and W_LV are (d_L, n_heads d_head) each, W_QR is (d, n_heads d_R), and W_KR is (d, d_R).",
        "MHA has 4 d n_heads d_head parameters. One more in d_ff costs d parameters in each of the three matrices of "
        "SwiGLU. `round` gives the nearest whole number.",
    ),
)
