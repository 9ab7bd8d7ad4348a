"""Exercise 5.5: a decoder block, assembled from its parts."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn
from course_lib.reference.multi_head import MultiHeadAttention

N, N_H, D, HEADS, D_HEAD, D_FF = 5, 4, 7, 3, 2, 11


def decoder_block(X, H, norms, self_attention, cross_attention, feed_forward):
    causal = np.tri(len(X), dtype=bool)
    normed = norms[0](X)
    X = X + self_attention(normed, normed, causal)
    X = X + cross_attention(norms[1](X), H)  # the encoder has normalised H
    return X + feed_forward(norms[2](X))


def _attention(seed):
    """A random attention layer, wrapped in a function, which the grader can copy and compare."""
    W_Q, W_K, W_V = (randn(HEADS, D, D_HEAD, seed=seed + i) for i in range(3))
    layer = MultiHeadAttention(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=randn(HEADS, D_HEAD, D, seed=seed + 3) / 2)
    return lambda X_Q, X_KV, mask=None: layer(X_Q, X_KV, None if mask is None else np.asarray(mask))


def _norm(seed):
    gamma, beta = 1 + 0.3 * randn(D, seed=seed), 0.3 * randn(D, seed=seed + 1)

    def norm(X):
        centred = X - X.mean(-1, keepdims=True)
        return gamma * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) + beta

    return norm


def _silent(X_Q, X_KV=None, mask=None):
    return np.zeros(X_Q.shape)


def _simple():
    zero, one = np.zeros((1, D, 1)), np.eye(D)[None]
    layer = MultiHeadAttention(W_Q=zero, W_K=zero, W_V=one, W_O=one)
    return lambda X_Q, X_KV, mask=None: (X_Q + layer(X_Q, X_KV, None if mask is None else np.asarray(mask))) / 10


def _parts(*, others=_silent, writing=("self", "cross", "feed_forward"), n_source=N):
    W_1, W_2 = randn(D, D_FF, seed=40) / 2, randn(D_FF, D, seed=41) / 2
    parts = {
        "self": _attention(20),
        "cross": _attention(30),
        "feed_forward": lambda X: np.maximum(X @ W_1, 0) @ W_2,
    }
    functions = [part if name in writing else others for name, part in parts.items()]
    return 2 * randn(N, D, seed=10), randn(n_source, D, seed=11), (_norm(12), _norm(14), _norm(16)), *functions


BLOCK = Exercise(
    id="5.5",
    title="assemble a decoder block",
    minutes=15,
    difficulty=3,
    solution=decoder_block,
    stages=(
        Stage(
            _parts(others=_simple(), writing=("feed_forward",)),
            "simple attentions, which write a tenth of (X_Q + the mean of the visible rows of X_KV)",
        ),
        Stage(_parts(writing=("self",)), "five tokens, only self-attention writes"),
        Stage(_parts(writing=("cross",)), "only cross-attention writes; X and H have five rows each"),
        Stage(_parts(), "all three sublayers write; X and H have five rows each"),
        Stage(_parts(n_source=N_H), "all three sublayers write; X has five rows, H has four"),
    ),
    mistakes=edits(
        decoder_block,
        """
        normed = norms[0](X) -> normed = X && X + self_attention(normed, normed, causal) -> norms[0](X +
            self_attention(normed, normed, causal)) && X + cross_attention(norms[1](X), H) -> norms[1](X +
            cross_attention(X, H)) && X + feed_forward(norms[2](X)) -> norms[2](X + feed_forward(X)) | This is Post-LN,
            which normalises the sum. Put each norm on its sublayer's input, and add X itself.
        normed = norms[0](X) -> normed = X && X + self_attention(normed, normed, causal) -> X +
            norms[0](self_attention(normed, normed, causal)) && X + cross_attention(norms[1](X), H) -> X +
            norms[1](cross_attention(X, H)) && X + feed_forward(norms[2](X)) -> X + norms[2](feed_forward(X)) | Each
            norm acts on its sublayer's output, X + norm(sublayer(X)). Put it on the sublayer's input.
        X + self_attention(normed, normed, causal) -> X + norms[0](self_attention(normed, normed, causal)) &&
            X + cross_attention(norms[1](X), H) -> X + norms[1](cross_attention(norms[1](X), H)) && X +
            feed_forward(norms[2](X)) -> X + norms[2](feed_forward(norms[2](X))) | This is Peri-LN. Pre-LN normalises
            the sublayer's input alone.
        normed = norms[0](X) -> normed = X && norms[1](X) -> X && norms[2](X) -> X | The norms are missing. Each
            sublayer sees norm(X).
        X + self_attention -> self_attention && X + cross_attention -> cross_attention && X + feed_forward ->
            feed_forward | The skip connections are missing. Add each sublayer's output to X.
        X + feed_forward -> norms[2](X) + feed_forward && X + cross_attention -> norms[1](X) + cross_attention &&
            X + self_attention -> normed + self_attention | The skip connections carry norm(X). They carry X itself, and
            only the sublayer sees norm(X).
        X = X + self_attention(normed, normed, causal) -> pass | Self-attention is missing.
        X = X + cross_attention(norms[1](X), H) -> pass | Cross-attention is missing, so the output does not depend on
            the source.
        X = X + cross_attention(norms[1](X), H) -> pass && norms[2] -> norms[1] | This is a block without
            cross-attention, with two norms. The three sublayers have a norm each.
        X + feed_forward(norms[2](X)) -> X | The feed-forward network is missing.
        X + feed_forward(norms[2](X)) -> feed_forward(norms[2](X)) | The last skip connection is missing. Add X to what
            the feed-forward network returns.
        X + feed_forward(norms[2](X)) -> X + feed_forward(X) | The feed-forward network sees X. It sees norms[2](X).
        X + feed_forward(norms[2](X)) -> norms[2](X + feed_forward(norms[2](X))) | The block's output is normalised once
            more. The stream leaves the block as it is, and the next block adds to it.
        X + feed_forward(norms[2](X)) -> X + norms[2](feed_forward(X)) | The last norm acts on what the feed-forward
            network returns. It acts on what the network sees.
        X + feed_forward(norms[2](X)) -> norms[2](X + feed_forward(X)) | The last sublayer is Post-LN, which normalises
            the sum. Put norms[2] on its input, and add X itself.
        X + feed_forward(norms[2](X)) -> norms[2](X) + feed_forward(norms[2](X)) | The last skip connection carries
            norm(X). It carries X itself.
        X + self_attention(normed, normed, causal) -> self_attention(normed, normed, causal) | The first skip connection
            is missing. Add X to what self-attention returns.
        X + cross_attention(norms[1](X), H) -> cross_attention(norms[1](X), H) | The second skip connection is missing.
            Add X to what cross-attention returns.
        X + self_attention -> self_attention && X + cross_attention -> cross_attention | The first two skip connections
            are missing. Add X to what each sublayer returns.
        X + cross_attention -> cross_attention && X + feed_forward -> feed_forward | The last two skip connections are
            missing. Add X to what each sublayer returns.
        X + self_attention -> self_attention && X + feed_forward -> feed_forward | The first and the last skip
            connection are missing. Add X to what each sublayer returns.
        X = X + self_attention -> X = normed + self_attention | The first skip connection carries norm(X). It carries X
            itself.
        X = X + cross_attention(norms[1](X) -> X = norms[1](X) + cross_attention(norms[1](X) | The second skip
            connection carries norm(X). It carries X itself.
        (normed, normed, causal) -> (normed, normed) | Self-attention has no mask, so a token sees the later ones. Let
            token i see the tokens j <= i.
        np.tri(len(X), dtype=bool) -> ~np.tri(len(X), dtype=bool) | The mask is inverted. In this course True means
            visible. In nn.Transformer of torch a boolean mask is True where hidden.
        np.tri(len(X), dtype=bool) -> np.tri(len(X), k=-1, dtype=bool) | A token does not see itself. Token i sees the
            tokens j <= i, and i is one of them.
        np.tri(len(X), dtype=bool) -> np.tri(len(X), k=1, dtype=bool) | A token sees the one after it. Token i sees the
            tokens j <= i.
        np.tri(len(X), dtype=bool) -> np.tri(len(X), dtype=bool).T | The mask is transposed. Row i belongs to query i
            and is True up to column i.
        np.tri(len(X), dtype=bool) -> np.eye(len(X), dtype=bool) | Each token sees itself alone. Token i sees the tokens
            j <= i.
        (normed, normed, causal) -> (normed, X, causal) | Queries of self-attention come from norm(X), but keys and
            values from X. All three come from norm(X).
        (normed, normed, causal) -> (X, normed, causal) | Keys and values of self-attention come from norm(X), but
            queries from X. All three come from norm(X).
        (normed, normed, causal) -> (normed, H) | Self-attention reads the source H. Its queries,
            keys and values come from norm(X).
        (normed, normed, causal) -> (normed, H, causal) | Self-attention reads the source H, with a causal mask. Its
            queries, keys and values come from norm(X).
        (normed, normed, causal) -> (X, X, causal) | The norm of self-attention is missing. It sees norms[0](X).
        cross_attention(norms[1](X), H) -> cross_attention(X, H) | The norm of cross-attention is missing. Its queries
            come from norms[1](X).
        cross_attention(norms[1](X), H) -> cross_attention(norms[1](X), norms[1](X)) | Cross-attention reads the target.
            Its queries come from norms[1](X), its keys and values from H.
        cross_attention(norms[1](X), H) -> cross_attention(norms[1](X), X) | Cross-attention reads the stream itself.
            Its keys and values come from H.
        X = X + self -> Y = X + self && X = X + cross_attention(norms[1](X), H) -> X = Y + cross_attention(norms[1](Y),
            X) | Cross-attention reads the X that enters the block. Its keys and values come from H.
        cross_attention(norms[1](X), H) -> cross_attention(norms[1](X), norms[1](H)) | H is normalised again. The
            encoder's final norm has normalised it already.
        cross_attention(norms[1](X), H) -> cross_attention(norms[1](X), H, np.tri(len(X), len(H), dtype=bool)) |
            Cross-attention has a causal mask. The whole source is known, so each target token sees every row of H.
        cross_attention(norms[1](X), H) -> cross_attention(H, norms[1](X)) | Queries and source of cross-attention are
            exchanged. The target asks, so call cross_attention(norms[1](X), H).
        cross_attention(norms[1](X), H) -> cross_attention(H, H) | Cross-attention has queries from the source. They
            come from norms[1](X).
        norms[0] -> norms[1] | Self-attention has the norm of cross-attention, norms[1]. Its own is norms[0].
        norms[1] -> norms[2] | Cross-attention has the norm of the feed-forward network, norms[2]. Its own is norms[1].
        cross_attention(norms[1](X), H) -> cross_attention(norms[0](X), H) | Cross-attention has the norm of
            self-attention, norms[0]. Its own is norms[1].
        feed_forward(norms[2](X)) -> feed_forward(norms[0](X)) | The feed-forward network has the norm of
            self-attention, norms[0]. Its own is norms[2].
        feed_forward(norms[2](X)) -> feed_forward(norms[1](X)) | The feed-forward network has the norm of
            cross-attention, norms[1]. Its own is norms[2].
        cross_attention(norms[1](X), H) -> cross_attention(normed, H) | Cross-attention asks with the input of
            self-attention, norms[0](X). Its queries come from norms[1] of the X that self-attention has changed.
        X = X + self_attention -> Y = X + self_attention && X + cross_attention -> Y + cross_attention | Cross-attention
            asks with the X from before self-attention. Its queries come from norms[1] of the X that self-attention has
            changed.
        X = X + self -> Y = self && X = X + cross_attention(norms[1](X), H) -> X = X + Y + cross_attention(norms[1](Y),
            H) | Cross-attention asks with what self-attention returns. Its queries come from norms[1] of the stream, to
            which that is added.
        X = X + cross -> Y = cross && X + feed_forward(norms[2](X)) -> X + Y + feed_forward(norms[2](Y)) | The
            feed-forward network sees what cross-attention returns. It sees norms[2] of the stream, to which that is
            added.
        X = X + cross_attention(norms[1](X), H) -> pass && normed = norms[0](X) -> X = X + cross_attention(norms[1](X),
            H); normed = norms[0](X) | Cross-attention comes before self-attention. Self-attention is first.
        X = X + cross_attention(norms[1](X), H) -> pass && normed = norms[0](X) -> X = X + cross_attention(norms[0](X),
            H); normed = norms[1](X) | Cross-attention comes first, with norms[0]. Self-attention is first, and the
            norms stand in the order of the sublayers.
        return X + feed_forward(norms[2](X)) -> return X + cross_attention(norms[1](X), H) && X = X +
            cross_attention(norms[1](X), H) -> X = X + feed_forward(norms[2](X)) | The feed-forward network comes before
            cross-attention. It comes last.
        X = X + self_attention -> Y = X + self_attention && X = X + cross_attention -> Y = Y + cross_attention && return
            X + feed_forward -> return Y + feed_forward | All sublayers see the same X. Each sees what the one before it
            has left in the stream.
        X = X + self_attention -> Y = X + self_attention && X = X + cross_attention(norms[1](X), H) -> Y = X +
            cross_attention(norms[1](Y), H) && feed_forward(norms[2](X)) -> feed_forward(norms[2](Y)) | All skip
            connections carry the X that enters the block. Each carries the stream as the sublayer before has left it.
        X = X + self_attention -> Y = X + self_attention && cross_attention(norms[1](X), H) ->
            cross_attention(norms[1](Y), H) | The second skip connection carries the X from before self-attention. Add
            to the X that self-attention has changed.
        X = X + cross_attention -> Y = X + cross_attention && return X + feed_forward -> return Y + feed_forward | The
            feed-forward network sees the X from before cross-attention. It sees what cross-attention has added, too.
        X = X + cross_attention -> Y = X + cross_attention && feed_forward(norms[2](X)) -> feed_forward(norms[2](Y)) |
            The last skip connection carries the X from before cross-attention. Add to the X that cross-attention has
            changed.
        norms[1] -> norms[0] && norms[2] -> norms[0] | All sublayers have the same norm, norms[0]. Each has its own.
        norms[1] -> norms[3] && norms[2] -> norms[1] && norms[3] -> norms[2] | The norms of cross-attention and
            feed-forward network are exchanged. Theirs are norms[1] and norms[2].
        norms[1] -> norms[3] && norms[0] -> norms[1] && norms[3] -> norms[0] | The norms of the two attentions are
            exchanged. Self-attention has norms[0], cross-attention has norms[1].
        norms[0] -> norms[3] && norms[2] -> norms[0] && norms[3] -> norms[2] | The norms of self-attention and
            feed-forward network are exchanged. Theirs are norms[0] and norms[2].
        """,
    ),
    hints=(
        "Write three lines of one form: X = X + sublayer(norm(X)). The names of the arguments give the order.",
        "Self-attention: `Z = norms[0](X)`, then `self_attention(Z, Z, mask)` with a lower triangular boolean mask "
        "(`np.tri(n, dtype=bool)`).",
        "Cross-attention: `cross_attention(norms[1](X), H)`, without a mask, since the whole source may be seen.",
    ),
)
