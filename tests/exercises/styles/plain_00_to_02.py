"""Right answers of notebooks 00 to 02 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e2_3_in_steps`. test_nbNN.py holds answers in further styles.
"""

import numpy as np


def e0_1_in_loops(A):
    B = np.zeros(A.shape)
    for i in range(A.shape[0]):
        total = 0
        for j in range(A.shape[1]):
            total += A[i, j]
        B[i] = A[i] / total
    return B


def e0_1_with_sums(A):
    sums = np.sum(A, axis=1)
    return A / sums[:, None]


def e1_3_in_loops(ids, n_tokens):
    S = np.zeros((len(ids), n_tokens))
    for i in range(len(ids)):
        S[i, ids[i]] = 1.0
    return S


def e1_3_of_identity(ids, n_tokens):
    identity = np.eye(n_tokens)
    return identity[ids]


def e1_4_in_loops(ids, G, n_tokens):
    dE = np.zeros((n_tokens, G.shape[1]))
    for i in range(len(ids)):
        dE[ids[i]] += G[i]
    return dE


def e1_4_as_product(ids, G, n_tokens):
    S = np.eye(n_tokens)[ids]
    return S.T @ G


def e1_5_with_masks(C):
    total = C.sum()
    rows = C.sum(axis=1)
    columns = C.sum(axis=0)
    out = np.zeros(C.shape)
    seen = C > 0
    out[seen] = np.log(C[seen] * total / np.outer(rows, columns)[seen])
    out[out < 0] = 0
    return out


def e1_6_in_steps(n_tokens, d, bytes_per_number):
    numbers = n_tokens * d
    in_bytes = numbers * bytes_per_number
    return {"GB": in_bytes / 1e9, "GiB": in_bytes / 1024**3}


def e2_1_in_steps(Q, K, V):
    d = Q.shape[1]
    scores = np.dot(Q, K.T) / d**0.5
    weights = np.exp(scores)
    weights = weights / weights.sum(axis=1)[:, None]
    return weights @ V


def e2_1_row_by_row(Q, K, V):
    Y = np.zeros((Q.shape[0], V.shape[1]))
    for i in range(Q.shape[0]):
        a = np.exp(K @ Q[i] / np.sqrt(K.shape[1]))
        Y[i] = a @ V / a.sum()
    return Y


def e2_2_point_by_point(x, x_data, y_data, bandwidth):
    out = np.zeros(len(x))
    for i in range(len(x)):
        weights = np.exp(-0.5 * ((x[i] - x_data) / bandwidth) ** 2)
        out[i] = np.sum(weights * y_data) / np.sum(weights)
    return out


def e2_3_row_by_row(S):
    P = np.zeros(S.shape)
    for i in range(len(S)):
        shifted = S[i] - np.max(S[i])
        P[i] = np.exp(shifted) / np.sum(np.exp(shifted))
    return P


def e2_3_in_steps(S):
    m = np.max(S, axis=1)[:, None]
    E = np.exp(S - m)
    Z = np.sum(E, axis=1)
    return E / Z[:, None]


def e2_4_in_loops(n_queries, n_keys):
    mask = np.zeros((n_queries, n_keys), dtype=bool)
    for i in range(n_queries):
        for j in range(n_keys):
            mask[i, j] = j <= n_keys - n_queries + i
    return mask


def e2_4_of_all(n_queries, n_keys):
    whole = np.tril(np.ones((n_keys, n_keys), dtype=bool))
    return whole[n_keys - n_queries :]


def e2_5_row_by_row(Q, K, V, mask):
    Y = np.zeros((len(Q), V.shape[1]))
    for i in range(len(Q)):
        if not mask[i].any():
            continue
        s = Q[i] @ K[mask[i]].T / np.sqrt(Q.shape[1])
        a = np.exp(s - s.max())
        Y[i] = a / a.sum() @ V[mask[i]]
    return Y


def e2_6_in_steps(x, W_Q, W_K, W_V, K, V):
    q, k, v = x @ W_Q, x @ W_K, x @ W_V
    K = np.concatenate([K, k[None]])
    V = np.concatenate([V, v[None]])
    logits = q @ K.T / np.sqrt(len(q))
    weights = np.exp(logits - np.max(logits))
    weights = weights / np.sum(weights)
    return weights @ V, K, V


def e2_7_in_loops(P, words):
    best, place = -1.0, (0, 0)
    for i in range(len(words)):
        for j in range(len(words)):
            if words[i] != words[j] and P[i, j] > best:
                best, place = P[i, j], (i, j)
    return place
