"""Exercise 5.5: a decoder block, assembled from its parts."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw
from course_lib.reference.multi_head import MultiHeadAttention

N, N_E, D, H, D_HEAD, D_FF = 5, 4, 7, 3, 2, 11


def decoder_block(X, E, norms, self_attention, cross_attention, feed_forward):
    causal = np.tri(len(X), dtype=bool)
    normed = norms[0](X)
    X = X + self_attention(normed, normed, causal)
    X = X + cross_attention(norms[1](X), E)  # E comes normalised from the encoder
    return X + feed_forward(norms[2](X))


def _assembled(
    *,
    post=False,
    skip=lambda X, normed: X,
    mask=lambda n: np.tri(n, dtype=bool),
    memory=lambda X, E, norm: E,
    order=(0, 1, 2),
    which_norm=(0, 1, 2),
):
    """The block with one thing changed."""

    def answer(X, E, norms, self_attention, cross_attention, feed_forward):
        sublayers = (
            lambda Z: self_attention(Z, Z, mask(len(Z))),
            lambda Z: cross_attention(Z, memory(Z, E, norms[1])),
            feed_forward,
        )
        for i in order:
            norm = norms[which_norm[i]]
            X = norm(X + sublayers[i](X)) if post else skip(X, norm(X)) + sublayers[i](norm(X))
        return X

    return answer


def _queries_alone(X, E, norms, self_attention, cross_attention, feed_forward):
    X = X + self_attention(norms[0](X), X, np.tri(len(X), dtype=bool))
    X = X + cross_attention(norms[1](X), E)
    return X + feed_forward(norms[2](X))


def _parallel(X, E, norms, self_attention, cross_attention, feed_forward):
    normed = norms[0](X)
    read = self_attention(normed, normed, np.tri(len(X), dtype=bool))
    return X + read + cross_attention(norms[1](X), E) + feed_forward(norms[2](X))


def _memory_asks(X, E, norms, self_attention, cross_attention, feed_forward):
    """Queries and memory exchanged; the result has the memory's rows, so it fits equal lengths only."""
    X = _assembled(order=(0,))(X, E, norms, self_attention, cross_attention, feed_forward)
    X = X + cross_attention(E, norms[1](X))
    return X + feed_forward(norms[2](X))


def _masked_memory(X, E, norms, self_attention, cross_attention, feed_forward):
    X = _assembled(order=(0,))(X, E, norms, self_attention, cross_attention, feed_forward)
    X = X + cross_attention(norms[1](X), E, np.tri(len(X), len(E), dtype=bool))
    return X + feed_forward(norms[2](X))


def _without_norms(X, E, norms, *sublayers):
    return decoder_block(X, E, [lambda X: X] * 3, *sublayers)


def _norms_behind(X, E, norms, self_attention, cross_attention, feed_forward):
    X = X + norms[0](self_attention(X, X, np.tri(len(X), dtype=bool)))
    X = X + norms[1](cross_attention(X, E))
    return X + norms[2](feed_forward(X))


def _norm_at_the_end(X, E, norms, *sublayers):
    return norms[2](decoder_block(X, E, norms, *sublayers))


def _attention(seed):
    """As a function, so that it can be copied and compared."""
    W_Q, W_K, W_V = (draw(H, D, D_HEAD, seed=seed + i) for i in range(3))
    layer = MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=draw(H, D_HEAD, D, seed=seed + 3) / 2)
    return lambda X_Q, X_KV, mask=None: layer(X_Q, X_KV, mask)


def _norm(seed):
    gamma, beta = 1 + 0.3 * draw(D, seed=seed), 0.3 * draw(D, seed=seed + 1)

    def norm(X):
        centred = X - X.mean(-1, keepdims=True)
        return gamma * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) + beta

    return norm


def _silent(X_Q, X_KV=None, mask=None):
    return np.zeros(X_Q.shape)


def _parts(writing=("self", "cross", "feed_forward"), n_memory=N):
    W_1, W_2 = draw(D, D_FF, seed=40) / 2, draw(D_FF, D, seed=41) / 2
    parts = {
        "self": _attention(20),
        "cross": _attention(30),
        "feed_forward": lambda X: np.maximum(X @ W_1, 0) @ W_2,
    }
    functions = [part if name in writing else _silent for name, part in parts.items()]
    return 2 * draw(N, D, seed=10), draw(n_memory, D, seed=11), (_norm(12), _norm(14), _norm(16)), *functions


BLOCK = Exercise(
    id="5.5",
    title="assemble a decoder block",
    minutes=15,
    difficulty=3,
    solution=decoder_block,
    stages=(
        Stage(_parts(writing=("feed_forward",)), "attention writes zeros, only the feed-forward network writes"),
        Stage(_parts(writing=("self",)), "five tokens, only self-attention writes"),
        Stage(_parts(writing=("cross",)), "only cross-attention writes; target and memory have five tokens each"),
        Stage(_parts(n_memory=N_E), "all three sublayers write; five target tokens, four in the memory"),
    ),
    mistakes=(
        Mistake(
            _assembled(post=True),
            "this is Post-LN, which normalises the sum; here each norm stands in front of its sublayer, and X itself "
            "is added",
        ),
        Mistake(
            _assembled(skip=lambda X, normed: 0.0),
            "the skip connections are missing: each sublayer's output is added to X",
        ),
        Mistake(
            _assembled(skip=lambda X, normed: normed),
            "the skip connections carry norm(X); they carry X itself, and only the sublayer sees norm(X)",
        ),
        Mistake(_assembled(order=(0, 1)), "the feed-forward network is missing"),
        Mistake(_assembled(order=(1, 2)), "self-attention is missing: nothing of it is left in the output"),
        Mistake(_assembled(order=(0, 2)), "cross-attention is missing, so nothing of the source gets through"),
        Mistake(
            _assembled(mask=lambda n: None),
            "self-attention has no mask, so a token sees the ones that it is to predict; let token i see j <= i",
        ),
        Mistake(
            _assembled(mask=lambda n: ~np.tri(n, dtype=bool)),
            "the mask is inverted: here True means visible (torch's bool masks in nn.Transformer mean hidden)",
        ),
        Mistake(
            _assembled(mask=lambda n: np.tri(n, k=-1, dtype=bool)),
            "a token does not see itself; the visible set {j <= i} contains i",
        ),
        Mistake(
            _assembled(mask=lambda n: np.tri(n, dtype=bool).T),
            "the mask is transposed: rows are queries, so row i is true up to column i",
        ),
        Mistake(
            _queries_alone,
            "queries of self-attention come from norm(X), but keys and values from X; all three come from norm(X)",
        ),
        Mistake(
            _assembled(memory=lambda Z, E, norm: Z),
            "cross-attention reads the target; its queries come from X, its keys and values from the memory E",
        ),
        Mistake(
            _assembled(memory=lambda Z, E, norm: norm(E)),
            "E is normalised again; it comes as the encoder's final norm left it, and is read as it is",
        ),
        Mistake(
            _masked_memory,
            "cross-attention has a causal mask; the source is known as a whole, so every target token may see all of E",
        ),
        Mistake(
            _memory_asks,
            "queries and memory of cross-attention are exchanged: the target asks, cross_attention(norm(X), E)",
        ),
        Mistake(
            _assembled(order=(1, 0, 2)),
            "cross-attention comes before self-attention; the target first looks at itself, then at the source",
        ),
        Mistake(_assembled(order=(0, 2, 1)), "the feed-forward network comes before cross-attention; it comes last"),
        Mistake(
            _assembled(which_norm=(0, 0, 0)),
            "the feed-forward network has the norm of self-attention, norms[0]; each sublayer has its own",
        ),
        Mistake(
            _assembled(which_norm=(0, 2, 1)),
            "the feed-forward network has the norm of cross-attention, norms[1]; its own is norms[2]",
        ),
        Mistake(
            _assembled(which_norm=(1, 0, 2)),
            "self-attention has the norm of cross-attention, norms[1]; its own is norms[0]",
        ),
        Mistake(_without_norms, "the norms are missing: each sublayer sees norm(X), not X"),
        Mistake(
            _norms_behind,
            "each norm stands behind its sublayer, X + norm(sublayer(X)); here it stands in front of it",
        ),
        Mistake(
            _norm_at_the_end,
            "the block's output is normalised once more; the stream leaves it as it is, for the next block to add to",
        ),
        Mistake(
            _parallel,
            "all sublayers read the same X; each reads what the one before it has left in the stream",
        ),
    ),
    hints=(
        "Three lines of one form: X = X + sublayer(norm(X)). The names of the arguments give the order.",
        "Self-attention: `Z = norms[0](X)`, then `self_attention(Z, Z, mask)` with a lower triangular boolean mask "
        "(`np.tri(n, dtype=bool)`).",
        "Cross-attention: `cross_attention(norms[1](X), E)`, without a mask: all of the source may be seen.",
    ),
)
