"""Right answers of notebooks 07 to 10 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e2_3_in_steps`. test_nbNN.py holds answers in further styles.
"""

import numpy as np


def e7_1_in_loops(n_heads, n_kv_heads):
    size = n_heads // n_kv_heads
    out = []
    for i in range(n_heads):
        out.append(i // size)
    return out


def e7_1_group_by_group(n_heads, n_kv_heads):
    out = []
    for k in range(n_kv_heads):
        for _ in range(n_heads // n_kv_heads):
            out.append(k)
    return out


def e7_2_head_by_head(Q, K, V):
    q = len(Q) // len(K)
    Y = np.zeros((Q.shape[0], Q.shape[1], V.shape[2]))
    for i in range(len(Q)):
        S = Q[i] @ K[i // q].T / np.sqrt(Q.shape[2])
        A = np.exp(S - S.max(axis=1, keepdims=True))
        Y[i] = A / A.sum(axis=1, keepdims=True) @ V[i // q]
    return Y


def e7_3_in_steps(n_layers, n_heads, n_kv_heads, d_head, itemsize):
    per_layer = 2 * n_kv_heads * d_head
    own = n_layers * per_layer * itemsize
    full = n_layers * 2 * n_heads * d_head * itemsize
    return {"bytes": own, "saving": full / own}


def e7_4_in_steps(n_heads, n_kv_heads, d_head, N):
    scores = 2 * d_head * N
    mix = 2 * N * d_head
    flops = n_heads * (scores + mix)
    keys = n_kv_heads * N * d_head
    numbers = keys + keys
    return {"flops": flops, "numbers": numbers, "flops per number": flops / numbers}


def e7_5_in_steps(memory, weights, bytes_per_token, batch):
    free = memory - weights
    per_step = bytes_per_token * batch
    return free // per_step


def e7_6_group_by_group(W_K, n_heads, n_kv_heads):
    e = W_K.shape[1] // n_heads
    q = n_heads // n_kv_heads
    out = np.zeros((W_K.shape[0], n_kv_heads * e))
    for k in range(n_kv_heads):
        for i in range(q):
            j = k * q + i
            out[:, k * e : (k + 1) * e] += W_K[:, j * e : (j + 1) * e] / q
    return out


def e7_7_by_norms(heads):
    q = len(heads)
    mean = sum(heads) / q
    kept = q * np.linalg.norm(mean) ** 2
    return kept / np.sum(heads**2)


def e7_7_by_what_is_lost(heads):
    mean = np.mean(heads, axis=0)
    lost = np.sum((heads - mean) ** 2)
    return 1 - lost / np.sum(heads**2)


def e8_1_by_columns(n_heads, n_kv_heads, d_head):
    width = 2 * n_kv_heads * d_head
    W_LK = np.zeros((n_heads, width, d_head))
    W_LV = np.zeros((n_heads, width, d_head))
    for i in range(n_heads):
        q = i // (n_heads // n_kv_heads)
        W_LK[i, q * d_head : (q + 1) * d_head] = np.eye(d_head)
        start = (n_kv_heads + q) * d_head
        W_LV[i, start : start + d_head] = np.eye(d_head)
    return W_LK, W_LV


def e8_2_head_by_head(Q, W_LK, L):
    absorbed = np.stack([Q[i] @ W_LK[i].T for i in range(len(Q))])
    S = absorbed @ L.T
    return absorbed, S / np.sqrt(Q.shape[2])


def e8_3_by_blocks(W_LV, W_O):
    h, r, v = W_LV.shape
    out = np.zeros((h * r, W_O.shape[1]))
    for i in range(h):
        out[i * r : (i + 1) * r] = W_LV[i] @ W_O[i * v : (i + 1) * v]
    return out


def e9_1_in_steps(slopes, n, N):
    out = np.zeros((len(slopes), n, N))
    for h in range(len(slopes)):
        for a in range(n):
            for j in range(N):
                out[h, a, j] = -slopes[h] * (N - n + a - j)
    return out


def e10_2_by_columns(gram, W_K, W_V):
    keys = sum(w @ gram @ w for w in W_K.T)
    values = sum(w @ gram @ w for w in W_V.T)
    return (values / keys) ** 0.5


def e10_3_by_sorting(singular_values, budget):
    gains = []
    for layer, s in enumerate(singular_values):
        for value in s:
            gains.append((value**2 / np.sum(s**2), layer))
    gains.sort(reverse=True)
    ranks = [0] * len(singular_values)
    for _, layer in gains[:budget]:
        ranks[layer] += 1
    return ranks


def e10_4_head_by_head(q, mixed, U):
    scores = []
    for h in range(len(U)):
        asking = np.outer(q[:, h], U[h])
        scores.append(np.real(np.conj(asking) @ mixed.T))
    return np.stack(scores)


def e10_5_in_loops(shares, theta):
    constants = np.zeros(len(theta), dtype=complex)
    for s in range(len(shares)):
        constants += shares[s] * np.exp(-1j * s * theta)
    errors = 1 - np.abs(constants) ** 2
    return constants, errors
