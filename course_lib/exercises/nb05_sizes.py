"""Exercise 5.7: the parameters of a decoder-only model, by part."""

from course_lib.exercises.core import Exercise, Mistake, Stage


def count_by_part(d, n_heads, n_kv_heads, d_head, d_ff):
    return {
        "attention": 2 * d * n_heads * d_head + 2 * d * n_kv_heads * d_head,  # W_Q and W_O, W_K and W_V
        "feed-forward": 3 * d * d_ff,  # W_gate, W_up, W_down
        "norms": 2 * d,  # one gamma in front of each sublayer
    }


def _with(**changed):
    """`count_by_part` with other formulas for some parts."""

    def answer(d, n_heads, n_kv_heads, d_head, d_ff):
        right = count_by_part(d, n_heads, n_kv_heads, d_head, d_ff)
        sizes = {"d": d, "h": n_heads, "g": n_kv_heads, "e": d_head, "w": d_ff}
        return right | {name.replace("_", "-"): formula(**sizes) for name, formula in changed.items()}

    return answer


SIZES = Exercise(
    id="5.7",
    title="count a block by part",
    minutes=7,
    difficulty=1,
    solution=count_by_part,
    stages=(
        Stage((10, 6, 2, 3, 7), "d = 10, six query heads of width 3 share two key/value heads, d_ff = 7"),
        Stage((4096, 32, 8, 128, 14336), "Llama 3 8B: d = 4096, 32 heads, 8 for keys and values, d_ff = 14336"),
    ),
    mistakes=(
        Mistake(
            _with(feed_forward=lambda d, w, **_: 2 * d * w),
            "a gated network has three matrices: W_gate, W_up, and W_down",
        ),
        Mistake(
            _with(feed_forward=lambda d, w, **_: 2 * d * w + w + d),
            "this is a network with two matrices and biases; SwiGLU has three matrices and no biases",
        ),
        Mistake(
            _with(attention=lambda d, h, e, **_: 4 * d * h * e),
            "W_K and W_V have n_kv_heads heads only; W_Q and W_O have n_heads",
        ),
        Mistake(
            _with(attention=lambda d, **_: 4 * d * d),
            "4 d^2 holds only where n_heads d_head = n_kv_heads d_head = d; use the widths that are given",
        ),
        Mistake(
            _with(attention=lambda d, h, g, e, **_: d * h * e + 2 * d * g * e),
            "W_O is missing: n_heads d_head rows, d columns",
        ),
        Mistake(
            _with(attention=lambda d, h, g, e, **_: 2 * d * h * e + d * g * e),
            "keys and values have a weight each, W_K and W_V",
        ),
        Mistake(_with(norms=lambda d, **_: d), "there are two norms, one in front of each sublayer"),
        Mistake(_with(norms=lambda d, **_: 4 * d), "this counts a gamma and a beta for each norm; RMSNorm has no beta"),
        Mistake(
            lambda *sizes: sum(count_by_part(*sizes).values()),
            "this is the total; a dict with the three parts is asked for",
        ),
    ),
    hints=(
        "Write down the shape of each matrix: W_Q (d, n_heads d_head), W_K and W_V (d, n_kv_heads d_head), W_O "
        "(n_heads d_head, d).",
        "SwiGLU: W_gate and W_up are (d, d_ff), W_down is (d_ff, d). Two RMSNorms with one gamma (d,) each.",
    ),
)
