"""Right answers of notebook 13 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e13_4_in_steps`. test_nb13.py holds answers in further styles.
"""

import numpy as np


def e13_1_in_steps(M, Omega, k, powers):
    Y = np.dot(M, Omega)
    for _ in range(powers):
        Z = np.dot(M.T, Y)
        Y = np.dot(M, Z)
    Q = np.linalg.qr(Y)[0]
    B = np.dot(Q.T, M)
    U, s, Vt = np.linalg.svd(B, full_matrices=False)
    left = np.dot(Q, U)
    out = np.zeros(M.shape)
    for j in range(k):
        out += s[j] * np.outer(left[:, j], Vt[j])
    return s[:k], out


def e13_2_in_loops(K, u):
    n = len(K)
    diagonal = np.array([np.exp(x @ x) for x in K])
    columns = []
    pivots = []
    for number in u:
        total = 0.0
        s = 0
        for i in range(n):
            total += diagonal[i]
            if total > number * np.sum(diagonal):
                s = i
                break
        column = np.exp(K @ K[s])
        for f in columns:
            column = column - f * f[s]
        f = column / np.sqrt(column[s])
        diagonal = diagonal - f * f
        columns.append(f)
        pivots.append(s)
    return np.array(columns).T, pivots


def e13_4_in_steps(Q, K, W, scale):
    m = W.shape[0]
    root = np.sqrt(scale)
    Q = root * Q
    K = root * K
    norms_Q = np.sum(Q**2, axis=1)
    norms_K = np.sum(K**2, axis=1)
    Phi_Q = np.exp(Q @ W.T - norms_Q[:, None] / 2) / np.sqrt(m)
    Phi_K = np.exp(K @ W.T - norms_K[:, None] / 2) / np.sqrt(m)
    return Phi_Q, Phi_K


def e13_6_in_loops(P, V, p, drawn):
    m = len(drawn)
    estimate = np.zeros((P.shape[0], V.shape[1]))
    for j in drawn:
        estimate += np.outer(P[:, j], V[j]) / (m * p[j])
    total = 0.0
    for j in range(len(p)):
        total += np.sum(np.outer(P[:, j], V[j]) ** 2) / p[j]
    exact = P @ V
    return estimate, (total - np.sum(exact**2)) / m


def e13_5_in_place(Phi_Q, Phi_K, V):
    n, m = Phi_K.shape
    d_V = V.shape[1]
    state = np.zeros((m, d_V + 1))
    Y = np.zeros((n, d_V))
    states = np.zeros((n, m, d_V + 1))
    for i in range(n):
        state[:, :d_V] += np.outer(Phi_K[i], V[i])
        state[:, d_V] += Phi_K[i]
        states[i] = state
        read = Phi_Q[i] @ state
        Y[i] = read[:d_V] / read[d_V]
    return Y, states


def e13_3_in_steps(Q, K, V, pivots, scale):
    T = K[pivots]
    A = np.exp(scale * np.dot(Q, T.T))
    H = np.exp(scale * np.dot(T, T.T))
    C = np.exp(scale * np.dot(T, K.T))
    values = np.linalg.inv(H) @ C @ V
    ones = np.linalg.inv(H) @ C.sum(axis=1)
    Y = (A @ values) / (A @ ones)[:, None]
    return np.hstack([values, ones[:, None]]), Y


def e13_7_in_loops(K):
    U, s, Vt = np.linalg.svd(K, full_matrices=False)
    scores = np.zeros(len(K))
    for j in range(len(K)):
        for i in range(len(s)):
            if s[i] > 1e-10 * s[0]:
                scores[j] += U[j, i] ** 2
    return scores
