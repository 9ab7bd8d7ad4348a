"""Right answers of notebook 12 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e12_3_row_by_row`. test_nb12.py holds answers in further styles.
"""

import numpy as np


def e12_1_in_a_loop(sigma, eps):
    total = np.sum(sigma**2)
    for r in range(len(sigma) + 1):
        left = np.sum(sigma[r:] ** 2)
        if left <= eps**2 * total:
            return {"rank": r, "tail": np.sqrt(left)}


def e12_2_in_steps(Q, K, V, r):
    q, a = np.linalg.qr(Q)
    k, b = np.linalg.qr(K)
    u, s, wt = np.linalg.svd(a @ b.T)
    compressed = np.diag(s[:r]) @ wt[:r]
    Y = q @ (u[:, :r] @ (compressed @ (k.T @ V)))
    return {"sigma": s, "Y": Y}


def e12_3_row_by_row(Q, K, scale, mask):
    A = np.zeros(mask.shape)
    P = np.zeros(mask.shape)
    log_Z = np.zeros(len(Q))
    for i in range(len(Q)):
        s = scale * K[mask[i]] @ Q[i]
        a = np.exp(s - s.max())
        A[i, mask[i]] = a
        P[i, mask[i]] = a / a.sum()
        log_Z[i] = s.max() + np.log(a.sum())
    return {"A": A, "P": P, "log_Z": log_Z}


def e12_4_in_a_loop(P, level, r):
    b = len(P) // 2**level
    blocks = []
    errors = []
    for i in range(2 ** (level - 1)):
        row = (2 * i + 1) * b
        block = P[row : row + b, row - b : row]
        s = np.linalg.svd(block)[1]
        blocks.append(block)
        errors.append(np.sqrt(np.sum(s[r:] ** 2)))
    return {"blocks": np.array(blocks), "errors": np.array(errors)}


def e12_6_column_by_column(M, Y):
    Q = np.linalg.qr(Y)[0]
    left = np.sum(M**2)
    errors = [np.sqrt(left)]
    for q in Q.T:
        left = left - np.sum((q @ M) ** 2)
        errors.append(np.sqrt(max(left, 0)))
    return np.array(errors)


def e12_5_level_by_level(N, leaf, r):
    triangles = (N // leaf) * leaf * (leaf + 1) // 2
    blocks = 0
    b = N
    count = 1
    while b > leaf:
        b = b // 2
        blocks = blocks + count * 2 * r * b
        count = 2 * count
    rank = (triangles + blocks) // (2 * N)
    return {"triangles": triangles, "blocks": blocks, "dense": N * (N + 1) // 2, "rank": rank}
