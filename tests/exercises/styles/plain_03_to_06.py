"""Right answers of notebooks 03 to 06 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e2_3_in_steps`. test_nbNN.py holds answers in further styles.
"""

import math

import numpy as np


def e3_1_in_loops(Q, n_heads):
    n, width = Q.shape
    e = width // n_heads
    heads = np.zeros((n_heads, n, e))
    for h in range(n_heads):
        heads[h] = Q[:, h * e : (h + 1) * e]
    return heads


def e3_1_split(Q, n_heads):
    return np.array(np.split(Q, n_heads, axis=1))


def e3_2_head_by_head(X, W_Q, W_K, W_V, W_O):
    outputs = []
    for h in range(len(W_Q)):
        Q, K, V = X @ W_Q[h], X @ W_K[h], X @ W_V[h]
        S = Q @ K.T / np.sqrt(Q.shape[1])
        A = np.exp(S - S.max(axis=1, keepdims=True))
        P = A / A.sum(axis=1, keepdims=True)
        outputs.append(P @ V)
    return np.concatenate(outputs, axis=1) @ W_O


def e3_3_in_loops(Y, W_O):
    h, n, v = Y.shape
    out = np.zeros((h, n, W_O.shape[1]))
    for i in range(h):
        out[i] = Y[i] @ W_O[i * v : (i + 1) * v]
    return out


def e3_4_in_cases(N, d_qk):
    if N < d_qk:
        logits = N
    else:
        logits = d_qk
    return {"logits": logits, "weights": N}


def e3_5_by_matrix(d_in, d_out, n_heads, d_qk, d_v):
    queries = d_in * n_heads * d_qk
    keys = d_in * n_heads * d_qk
    values = d_in * n_heads * d_v
    outputs = n_heads * d_v * d_out
    return queries + keys + values + outputs


def e3_6_in_loops(P):
    h, n, _ = P.shape
    scores = np.zeros(h)
    for head in range(h):
        total = 0.0
        for i in range(1, n):
            total += P[head, i, i - 1]
        scores[head] = total / (n - 1)
    return scores


def e3_6_by_index(P):
    i = np.arange(1, P.shape[1])
    return P[:, i, i - 1].mean(axis=1)


def e3_7_in_loops(P, period):
    scores = []
    for p in P:
        total = 0.0
        for i in range(period, 2 * period):
            total += p[i, i - period + 1]
        scores.append(total / period)
    return np.array(scores)


def e3_7_by_index(P, period):
    i = np.arange(period, 2 * period)
    return P[:, i, i - period + 1].mean(axis=1)


def e4_1_by_columns(positions, d, base):
    P = np.zeros((len(positions), d))
    i = np.arange(d // 2)
    angles = np.outer(positions, base ** (-2 * i / d))
    P[:, 0::2] = np.sin(angles)
    P[:, 1::2] = np.cos(angles)
    return P


def e4_3_by_columns(X, positions, base):
    p = X.shape[1]
    theta = base ** (-np.arange(0, p, 2) / p)
    a = positions[:, None] * theta
    Y = np.zeros(X.shape)
    Y[:, 0::2] = np.cos(a) * X[:, 0::2] - np.sin(a) * X[:, 1::2]
    Y[:, 1::2] = np.sin(a) * X[:, 0::2] + np.cos(a) * X[:, 1::2]
    return Y


def e4_4_head_by_head(W, n_heads):
    p = W.shape[1] // n_heads
    parts = []
    for h in range(n_heads):
        head = W[:, h * p : (h + 1) * p]
        parts.append(head[:, 0::2])
        parts.append(head[:, 1::2])
    return np.hstack(parts)


def e4_5_by_logarithms(p, N):
    exponent = (p - 2) / p
    return math.exp(math.log(N / (2 * math.pi)) / exponent)


def e4_5_by_root(p, N):
    turns = N / (2 * np.pi)
    return turns ** (1 / (1 - 2 / p))


def e5_5_in_steps(X, E, norms, self_attention, cross_attention, feed_forward):
    n = X.shape[0]
    mask = np.tril(np.ones((n, n), dtype=bool))
    first = norms[0](X)
    Y = X + self_attention(first, first, mask)
    second = norms[1](Y)
    Y = Y + cross_attention(second, E, np.ones((n, len(E)), dtype=bool))
    third = norms[2](Y)
    return Y + feed_forward(third)


def e6_4_layer_by_layer(layers, tokens, batch, itemsize):
    total = 0
    for count, heads, width, window in layers:
        if window is not None and window < tokens:
            rows = window
        else:
            rows = tokens
        total += 2 * count * heads * width * rows * itemsize
    return total * batch


def e6_6_in_steps(batch, weights, cache, group, itemsize):
    per_sequence = 2 * weights + 2 * group * cache
    flops = batch * per_sequence
    read = weights * itemsize + batch * cache * itemsize
    return flops / read
