"""Exercise 5.7: the parameters of a decoder-only model, by part."""

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def count_by_part(d, n_heads, n_kv_heads, d_head, d_ff):
    queries = 2 * d * n_heads * d_head  # W_Q and W_O
    keys = 2 * d * n_kv_heads * d_head  # W_K and W_V
    return {
        "attention": queries + keys,
        "feed-forward": 3 * d * d_ff,  # W_gate, W_up, W_down
        "norms": 2 * d,  # one gamma in front of each sublayer
    }


SIZES = Exercise(
    id="5.7",
    title="count a block by part",
    minutes=7,
    difficulty=1,
    solution=count_by_part,
    stages=(
        Stage((48, 12, 3, 7, 11), "d = 48, twelve query heads of width 7 share three key/value heads, d_ff = 11"),
        Stage((20, 5, 5, 3, 17), "d = 20, five heads of width 3, each with its own keys and values, d_ff = 17"),
        Stage((4096, 32, 8, 128, 14336), "Llama 3 8B: d = 4096, 32 heads, 8 for keys and values, d_ff = 14336"),
    ),
    mistakes=(
        *edits(
            count_by_part,
            """
        3 * d * d_ff -> 2 * d * d_ff | A gated network has three weight matrices, W_gate, W_up and W_down.
        3 * d * d_ff -> 2 * d * d_ff + d * d | One of the three matrices is counted with d * d numbers. W_gate and W_up
            have d rows and d_ff columns, W_down has d_ff rows and d columns.
        3 * d * d_ff -> 2 * d * d_ff + d_ff * d_ff | One of the three matrices is counted with d_ff * d_ff numbers. Each
            has d on one side and d_ff on the other.
        3 * d * d_ff -> 2 * d * d_ff + d | One of the three matrices is counted with d numbers, as a vector. Each has
            d * d_ff numbers.
        3 * d * d_ff -> 2 * d * d_ff + d_ff | One of the three matrices is counted with d_ff numbers, as a vector. Each
            has d * d_ff numbers.
        3 * d * d_ff -> 2 * d * d_ff + d * d_head | One of the three matrices is counted with d * d_head numbers. The
            feed-forward network has no heads, and its width is d_ff.
        3 * d * d_ff -> 2 * d * d_ff + d_ff * d_head | One of the three matrices is counted with d_head in place of d.
            Each has d * d_ff numbers.
        3 * d * d_ff -> d * d_ff | One weight matrix is counted. A gated network has three, W_gate, W_up and W_down.
        3 * d * d_ff -> 2 * d * d_ff + d_ff + d | This is a network with two weight matrices and biases. SwiGLU has
            three weight matrices and no biases.
        3 * d * d_ff -> 3 * d * d_ff + 2 * d_ff + d | Biases are counted. This block has none.
        3 * d * d_ff -> 3 * d * d | The feed-forward network has the width d. Its width is d_ff.
        3 * d * d_ff -> 8 * d * d | This is the plain network of width 4 d. Use the three weight matrices and d_ff.
        3 * d * d_ff -> 12 * d * d | The width is taken as 4 d. Use d_ff.
        2 * d * n_kv_heads * d_head -> 2 * d * n_heads * d_head | W_K and W_V have n_kv_heads heads. Only W_Q and W_O
            have n_heads.
        2 * d * n_heads * d_head -> 2 * d * n_kv_heads * d_head | W_Q and W_O have n_heads heads. Only W_K and W_V have
            n_kv_heads.
        2 * d * n_heads * d_head -> d * n_heads * d_head && 2 * d * n_kv_heads * d_head -> 3 * d * n_kv_heads * d_head |
            W_O is counted with n_kv_heads heads. It reads all n_heads heads.
        queries + keys -> 4 * d * d | 4 d^2 holds only if n_heads d_head = n_kv_heads d_head = d. Use the widths that
            are given.
        queries + keys -> 2 * d * d + keys | W_Q and W_O are counted with d * d numbers each. Their shapes are (d,
            n_heads d_head) and (n_heads d_head, d).
        queries + keys -> d * n_heads * d_head + d * d + keys | W_Q or W_O is counted with d * d numbers. One side
            has n_heads d_head numbers.
        queries + keys -> d * n_heads * d_head + keys | W_O is missing. It has n_heads d_head rows and d columns.
        queries + keys -> queries + keys // 2 | W_K or W_V is missing. Keys and values have a weight matrix each.
        2 * d * n_kv_heads * d_head -> 2 * d * (n_heads // n_kv_heads) * d_head | n_heads / n_kv_heads is
            how many query heads share a key. There are n_kv_heads heads of keys.
        2 * d * n_heads * d_head -> 2 * d * n_heads * n_kv_heads | n_kv_heads and d_head are exchanged. The n_heads
            heads of W_Q and W_O have the width d_head.
        "attention": queries + keys -> "attention": 2 * d && "norms": 2 * d -> "norms": queries + keys | The numbers of
            attention and norms are exchanged.
        queries + keys -> 3 * d * d | This is W_Q, W_K and W_V with d * d numbers each. Use the widths that are given,
            and count W_O.
        queries + keys -> 3 * d * n_heads * d_head | This is W_Q, W_K and W_V with n_heads heads each. W_K and W_V have
            n_kv_heads heads, and W_O has n_heads.
        queries + keys -> queries | W_K and W_V are missing. Each has d rows and n_kv_heads d_head columns.
        queries + keys -> (queries + keys) // n_heads | This is one head. Count all of them.
        2 * d * n_heads * d_head -> 2 * d * d_head && 2 * d * n_kv_heads * d_head -> 2 * d * d_head | The numbers of
            heads are missing. d_head is the width of one head.
        2 * d * n_heads * d_head -> 2 * d * n_heads && 2 * d * n_kv_heads * d_head -> 2 * d * n_kv_heads | The width of
            a head is missing. A head of W_Q has d_head columns.
        2 * d * n_heads * d_head -> 2 * d * n_heads * (d // n_heads) && 2 * d * n_kv_heads * d_head -> 2 * d *
            n_kv_heads * (d // n_heads) | d / n_heads is taken for the width of a head. Use d_head, which is given.
        queries + keys -> queries + keys + n_heads * d_head + 2 * n_kv_heads * d_head | The queries, keys and values
            have biases here. This block has none.
        queries + keys -> queries + keys + n_heads * d_head + 2 * n_kv_heads * d_head + d | All four matrices of
            attention have biases here. This block has none.
        queries + keys -> queries + keys + n_heads * d_head + 2 * n_kv_heads * d_head + d && 3 * d * d_ff -> 3 * d *
            d_ff + 2 * d_ff + d | All matrices of the block have biases here. This block has none.
        queries + keys -> 2 * (queries + keys) && 3 * d * d_ff -> 6 * d * d_ff | These are FLOPs for each token, two for
            each number of a matrix. Count the numbers.
        queries + keys -> d * n_heads * d_head + (n_heads * d_head) ** 2 + keys | W_O is counted with n_heads d_head
            columns. It leads back to width d.
        "norms": 2 * d -> "norms": d + d_ff | One norm is counted with d_ff numbers. Both stand in front of a sublayer,
            where rows have width d.
        "norms": 2 * d -> "norms": d + d_head | One norm is counted with d_head numbers. Both stand in front of a
            sublayer, where rows have width d.
        "norms": 2 * d -> "norms": d | One norm is counted. There are two, one in front of each sublayer.
        "norms": 2 * d -> "norms": 4 * d | Each norm has a gamma and a beta here, or four norms are counted. There
            are two norms, and an RMSNorm has no beta.
        "norms": 2 * d -> "norms": 3 * d | Three norms are counted. A block has two, and the final norm of the model is
            not in the block.
        "norms": 2 * d -> "norms": 2 | Each norm has a vector gamma of d numbers, one for each feature.
        """,
        ),
        Mistake(
            lambda *sizes: sum(count_by_part(*sizes).values()), "This is the total. Return a dict with the three parts."
        ),
    ),
    hints=(
        "Write down the shape of each matrix: W_Q (d, n_heads d_head), W_K and W_V (d, n_kv_heads d_head), W_O "
        "(n_heads d_head, d).",
        "SwiGLU: W_gate and W_up are (d, d_ff), W_down is (d_ff, d). There are two RMSNorms with one gamma (d,) each.",
    ),
)
