"""Checks of notebook 13: solutions against the randomised package, right answers in any style, other wrong answers."""

import numpy as np
import pytest
import torch
from scipy import linalg

from course_lib import randomised
from course_lib.exercises import of_notebook
from course_lib.exercises.core import randn
from course_lib.exercises.grading import grade
from course_lib.exercises.nb13_features import features
from course_lib.exercises.nb13_landmarks import through_landmarks
from course_lib.exercises.nb13_leverage import leverage
from course_lib.exercises.nb13_pivots import PIVOTED, pivoted
from course_lib.exercises.nb13_running_state import recurrence
from course_lib.exercises.nb13_sampled_columns import sampled
from course_lib.exercises.nb13_sketched_svd import sketched_svd
from course_lib.randomised.column_sampling import draw_columns
from course_lib.reference.attention import attention

EXERCISES = {exercise.id: exercise for exercise in of_notebook("13")}


def generators(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Two generators of the same numbers: one for the package, one for what is given to the exercise."""
    return np.random.default_rng(seed), np.random.default_rng(seed)


# Solutions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m, n, k, oversampling, powers", [(9, 7, 2, 3, 0), (6, 11, 3, 2, 1), (8, 8, 1, 4, 2)])
def test_the_svd_is_that_of_the_package(m, n, k, oversampling, powers):
    M, (random, same) = randn(m, n), generators(1)
    want = randomised.randomized_svd(M, k, oversampling, powers, random)
    sigma, matrix = sketched_svd(M, same.standard_normal((n, k + oversampling)), k, powers)
    np.testing.assert_allclose(sigma, want.sigma, rtol=1e-10)
    np.testing.assert_allclose(matrix, want.matrix(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("n, k, seed", [(9, 3, 0), (20, 8, 1), (13, 5, 2)])
def test_pivots_are_those_that_the_package_draws(n, k, seed):
    """`Generator.choice` finds its uniform number among cumulative sums, as the exercise does."""
    K, (random, same) = 0.7 * randn(n, 3, seed=seed), generators(seed)
    H = randomised.PsdMatrix.of_matrix(np.exp(K @ K.T))
    want = randomised.randomly_pivoted_cholesky(H, k, random)
    F, pivots = pivoted(K, same.random(k))
    assert pivots == want.pivots.tolist() and len(set(pivots)) == k
    np.testing.assert_allclose(F, want.F, rtol=0, atol=1e-10)


def test_no_random_number_lies_near_a_border():
    """Answers that sum in another order choose the same pivots: all borders are at least 0.03 away."""
    for stage in PIVOTED.stages:
        K, u = stage.inputs
        F, pivots = pivoted(K, u)
        H, steps = np.exp(K @ K.T), np.arange(len(u))
        left = [np.diag(H - F[:, :t] @ F[:, :t].T) for t in steps]
        shares = np.stack([np.cumsum(residual) / residual.sum() for residual in left])
        assert np.abs(shares - u[:, None]).min() > 0.03
        np.testing.assert_allclose((H - F @ F.T)[pivots], 0, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_features_are_those_of_the_package(scale):
    Q, K, W = randn(4, 3), randn(5, 3, seed=1), randn(7, 3, seed=2)
    want = (randomised.positive_features(X, W) for X in randomised.share_scale(Q, K, scale))
    for got, right in zip(features(Q, K, W, scale), want, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-12)


def test_products_of_features_have_the_kernel_as_their_mean():
    """Within four standard errors of the mean over directions."""
    q, k, scale = randn(1, 3), randn(1, 3, seed=1), 0.4
    of_q, of_k = features(q, k, randn(100_000, 3, seed=2), scale)
    products = (of_q * of_k).ravel() * of_q.size
    error = products.std() / products.size**0.5
    assert abs(products.mean() - np.exp(scale * q @ k.T).item()) < 4 * error


def weights(n: int, N: int) -> np.ndarray:
    A = np.exp(randn(n, N))
    return A / A.sum(1, keepdims=True)


@pytest.mark.parametrize("n, N, d_V, m", [(3, 7, 2, 5), (6, 4, 5, 9)])
def test_the_sampled_product_is_that_of_the_package(n, N, d_V, m):
    P, V = weights(n, N), randn(N, d_V, seed=1)
    for p in (np.full(N, 1 / N), randomised.optimal_probabilities(P, V)):
        random, same = generators(3)
        want = randomised.sampled_product(P, V, p, m, random)
        estimate, error = sampled(P, V, p, draw_columns(p, N, m, same))
        np.testing.assert_allclose(estimate, want, rtol=0, atol=1e-12)
        assert error == pytest.approx(randomised.expected_squared_error(P, V, p, m), rel=1e-10)


def test_the_error_is_the_mean_over_all_draws():
    """All 3^2 pairs of draws, weighted with their probabilities."""
    P, V, p = weights(4, 3), randn(3, 2, seed=1), np.array([0.5, 0.2, 0.3])
    mean = 0.0
    for i in range(3):
        for j in range(3):
            estimate, error = sampled(P, V, p, np.array([i, j]))
            mean += p[i] * p[j] * np.sum((estimate - P @ V) ** 2)
    assert error == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("n, m, d_V", [(1, 3, 2), (9, 4, 5)])
def test_outputs_and_states_are_those_of_the_package(n, m, d_V):
    Phi_Q, Phi_K, V = np.exp(randn(n, m)), np.exp(randn(n, m, seed=1)), randn(n, d_V, seed=2)
    outputs, states = recurrence(Phi_Q, Phi_K, V)
    want, last = randomised.causal_linear_attention(Phi_Q, Phi_K, V, chunk=3)
    np.testing.assert_allclose(outputs, want, rtol=0, atol=1e-12)
    np.testing.assert_allclose(states[-1], np.column_stack([last.S, last.z]), rtol=1e-12)
    state = randomised.RecurrentState.empty(m, d_V)
    for i in range(n):
        state = state.append(Phi_K[i : i + 1], V[i : i + 1])
        np.testing.assert_allclose(states[i], np.column_stack([state.S, state.z]), rtol=1e-12)


@pytest.mark.parametrize("pivots", [[2, 5], [6, 0, 3], [4, 1, 7, 2, 0]])
def test_attention_through_landmarks_is_that_of_the_package(pivots):
    Q, K, V, scale = randn(5, 3), randn(8, 3, seed=1), randn(8, 2, seed=2), 0.5
    small, Y = through_landmarks(Q, K, V, np.array(pivots), scale)
    np.testing.assert_allclose(Y, randomised.landmark_attention(Q, K, V, K[pivots], scale), rtol=0, atol=1e-9)
    coefficients = randomised.landmark_coefficients(K, K[pivots], scale)
    np.testing.assert_allclose(small, coefficients @ np.column_stack([V, np.ones(8)]), rtol=0, atol=1e-9)


def test_all_keys_as_landmarks_give_exact_attention():
    Q, K, V, scale = randn(5, 3), randn(6, 3, seed=1), randn(6, 2, seed=2), 3**-0.5
    _, Y = through_landmarks(Q, K, V, np.array([4, 0, 5, 1, 3, 2]), scale)
    np.testing.assert_allclose(Y, attention(Q, K, V), rtol=0, atol=1e-9)


@pytest.mark.parametrize("N, d, rank", [(9, 4, 4), (9, 4, 2), (3, 6, 3), (5, 5, 1)])
def test_leverage_is_that_of_the_package(N, d, rank):
    K = randn(N, rank) @ randn(rank, d, seed=1)
    scores = leverage(K)
    np.testing.assert_allclose(scores, randomised.leverage_scores(K), rtol=0, atol=1e-12)
    assert scores.sum() == pytest.approx(rank)


# Right answers in other styles ----------------------------------------------------------------------------------------


def svd_with_a_basis_at_each_step(M, Omega, k, powers):
    Q = np.linalg.qr(M @ Omega).Q
    for _ in range(powers):
        W = np.linalg.qr(M.T @ Q).Q
        Q = np.linalg.qr(M @ W).Q
    U, sigma, Vt = np.linalg.svd(Q.T @ M, full_matrices=False)
    return sigma[:k], Q @ U[:, :k] @ np.diag(sigma[:k]) @ Vt[:k]


def svd_by_eigenvalues(M, Omega, k, powers):
    Y = np.linalg.matrix_power(M @ M.T, powers) @ M @ Omega
    Q = np.linalg.svd(Y, full_matrices=False)[0]
    B = Q.T @ M
    squares, U = np.linalg.eigh(B @ B.T)
    U = U[:, ::-1][:, :k]
    return np.sqrt(squares[::-1][:k]), Q @ U @ U.T @ B


def svd_in_torch(M, Omega, k, powers):
    M, Y = torch.from_numpy(M), torch.from_numpy(M @ Omega)
    for _ in range(powers):
        Y = M @ (M.mT @ Y)
    Q, _ = torch.linalg.qr(Y)
    U, sigma, Vh = torch.linalg.svd(Q.mT @ M, full_matrices=False)
    return [sigma[:k], torch.einsum("ml,lk,k,kn->mn", Q, U[:, :k], sigma[:k], Vh[:k])]


def pivots_from_the_whole_residual(K, u):
    R = np.exp(K @ K.T)
    F, pivots = [], []
    for number in u:
        d = np.diagonal(R)
        s = int(np.searchsorted(np.cumsum(d) / d.sum(), number, side="right"))
        f = R[:, s] / R[s, s] ** 0.5
        R = R - np.outer(f, f)
        F.append(f)
        pivots.append(s)
    return np.stack(F, axis=1), np.array(pivots)


def pivots_in_torch(K, u):
    K, residual = torch.from_numpy(K), torch.from_numpy(np.exp(np.square(K).sum(1)))
    F, pivots = torch.zeros(len(K), 0, dtype=torch.float64), []
    for number in torch.from_numpy(u):
        s = int(torch.argmax((residual.cumsum(0) > number * residual.sum()).int()))
        column = torch.exp(K @ K[s]) - F @ F[s]
        F = torch.cat([F, (column / column[s].sqrt())[:, None]], dim=1)
        residual = residual - F[:, -1] ** 2
        pivots.append(s)
    return F, pivots


def features_one_by_one(Q, K, W, scale):
    def phi(x):
        x = x * scale**0.5
        return [np.exp(w @ x - x @ x / 2) / len(W) ** 0.5 for w in W]

    return [phi(q) for q in Q], [phi(k) for k in K]


def features_in_torch(Q, K, W, scale):
    X = torch.from_numpy(np.vstack([Q, K])) * scale**0.5
    exponents = X @ torch.from_numpy(W).mT - X.square().sum(1, keepdim=True) / 2
    Phi = torch.exp(exponents - np.log(len(W)) / 2)
    return Phi[: len(Q)], Phi[len(Q) :]


def sampled_in_a_loop(P, V, p, drawn):
    estimate = 0
    for j in drawn:
        estimate = estimate + np.outer(P[:, j], V[j]) / p[j] / len(drawn)
    error = -np.sum((P @ V) ** 2)
    for j in range(len(p)):
        error += np.sum(P[:, j] ** 2) * np.sum(V[j] ** 2) / p[j]
    return estimate, error / len(drawn)


def sampled_by_counts(P, V, p, drawn):
    counts = np.bincount(drawn, minlength=len(p))
    estimate = P @ np.diag(counts / p / len(drawn)) @ V
    terms = np.einsum("ij,jv->jiv", P, V)
    mean = np.sum(terms**2 / p[:, None, None]) - np.sum(terms.sum(0) ** 2)
    return [estimate, mean / len(drawn)]


def recurrence_as_a_quadratic(Phi_Q, Phi_K, V):
    A = np.tril(Phi_Q @ Phi_K.T)
    U = np.column_stack([V, np.ones(len(V))])
    states = [Phi_K[: i + 1].T @ U[: i + 1] for i in range(len(V))]
    return A @ V / A.sum(1, keepdims=True), states


def recurrence_by_sums(Phi_Q, Phi_K, V):
    states = np.cumsum(np.einsum("im,iv->imv", Phi_K, np.column_stack([V, np.ones(len(V))])), axis=0)
    read = np.einsum("im,imv->iv", Phi_Q, states)
    return read[:, :-1] / read[:, -1:], states


def recurrence_in_torch(Phi_Q, Phi_K, V):
    Phi_Q, Phi_K, V = map(torch.from_numpy, (Phi_Q, Phi_K, V))
    states = (Phi_K[:, :, None] * torch.cat([V, torch.ones(len(V), 1)], 1)[:, None]).cumsum(0)
    read = (Phi_Q[:, None] @ states)[:, 0]
    return read[:, :-1] / read[:, -1, None], states


def landmarks_by_the_whole_matrix(Q, K, V, pivots, scale):
    T = K[pivots]
    W = np.linalg.inv(np.exp(scale * (T @ T.T))) @ np.exp(scale * (T @ K.T))
    A = np.exp(scale * (Q @ T.T)) @ W
    return np.hstack([W @ V, W.sum(1, keepdims=True)]), A @ V / A.sum(1, keepdims=True)


def landmarks_by_cholesky(Q, K, V, pivots, scale):
    T, U = K[pivots], np.hstack([V, np.ones((len(V), 1))])
    small = linalg.cho_solve(linalg.cho_factor(np.exp(scale * T @ T.T)), np.exp(scale * T @ K.T) @ U)
    read = np.exp(scale * Q @ T.T) @ small
    return small, read[:, :-1] / read[:, -1:]


def landmarks_in_torch(Q, K, V, pivots, scale):
    Q, K, V = map(torch.from_numpy, (Q, K, V))
    T, U = K[torch.from_numpy(pivots)], torch.cat([V, torch.ones(len(V), 1, dtype=V.dtype)], dim=1)
    small = torch.linalg.pinv((scale * T @ T.mT).exp()) @ ((scale * T @ K.mT).exp() @ U)
    read = (scale * Q @ T.mT).exp() @ small
    return small, read[:, :-1] / read[:, -1:]


def leverage_by_pinv(K):
    return np.einsum("nd,dn->n", K, np.linalg.pinv(K, rcond=1e-10))


def leverage_by_two_factors(K):
    """QR first, then the SVD of the small factor."""
    Q, R = np.linalg.qr(K)
    U, sigma, _ = np.linalg.svd(R, full_matrices=False)
    return np.linalg.norm(Q @ U[:, : np.count_nonzero(sigma > 1e-10 * sigma[0])], axis=1) ** 2


def leverage_by_pivoted_qr(K):
    Q, R, _ = linalg.qr(K, mode="economic", pivoting=True)
    d = np.abs(np.diag(R))
    return (Q[:, d > 1e-10 * d[0]] ** 2).sum(1)


def leverage_by_scipy(K):
    return np.square(linalg.orth(K, rcond=1e-10)).sum(1)


def leverage_in_torch(K):
    U, sigma, _ = torch.linalg.svd(torch.from_numpy(K), full_matrices=False)
    return (U * (sigma > 1e-10 * sigma.max())).square().sum(1)


RIGHT = [
    ("13.1", svd_with_a_basis_at_each_step),
    ("13.1", svd_by_eigenvalues),
    ("13.1", svd_in_torch),
    ("13.2", pivots_from_the_whole_residual),
    ("13.2", pivots_in_torch),
    ("13.4", features_one_by_one),
    ("13.4", features_in_torch),
    ("13.6", sampled_in_a_loop),
    ("13.6", sampled_by_counts),
    ("13.5", recurrence_as_a_quadratic),
    ("13.5", recurrence_by_sums),
    ("13.5", recurrence_in_torch),
    ("13.3", landmarks_by_the_whole_matrix),
    ("13.3", landmarks_by_cholesky),
    ("13.3", landmarks_in_torch),
    ("13.7", leverage_by_pinv),
    ("13.7", leverage_by_two_factors),
    ("13.7", leverage_by_pivoted_qr),
    ("13.7", leverage_by_scipy),
    ("13.7", leverage_in_torch),
]


@pytest.mark.parametrize("number, answer", RIGHT)
def test_right_answers_in_other_styles_pass(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


# Other wrong answers --------------------------------------------------------------------------------------------------


def svd(sketch=lambda M, Omega: M @ Omega, power=lambda M, Y: M @ (M.T @ Y), basis=np.linalg.qr, rank=lambda k: k):
    """Exercise 13.1 with another sketch, power, basis or rank."""

    def answer(M, Omega, k, powers):
        Y = sketch(M, Omega)
        for _ in range(powers):
            Y = power(M, Y)
        Q = basis(Y)[0]
        U, sigma, Vt = np.linalg.svd(Q.T @ M)
        U, sigma, Vt = U[:, : rank(k)], sigma[: rank(k)], Vt[: rank(k)]
        return sigma, Q @ U @ np.diag(sigma) @ Vt[: len(sigma)]

    return answer


def without_lifting(M, Omega, k, powers):
    Q = np.linalg.qr(np.linalg.matrix_power(M @ M.T, powers) @ M @ Omega)[0]
    U, sigma, Vt = np.linalg.svd(Q.T @ M, full_matrices=False)
    return sigma[:k], np.einsum("lk,k,kn->ln", U[:, :k], sigma[:k], Vt[:k])


def svd_of_sketch(power):
    """Exercise 13.1 without a loop over powers."""
    return lambda M, Omega, k, powers: svd(sketch=lambda *_: power(M, powers) @ M @ Omega)(M, Omega, k, 0)


def svd_with_k_basis_vectors(M, Omega, k, powers):
    Q = np.linalg.svd(np.linalg.matrix_power(M @ M.T, powers) @ M @ Omega)[0][:, :k]
    return np.linalg.svd(Q.T @ M)[1], Q @ Q.T @ M


def svd_of_the_projected_sketch(M, Omega, k, powers):
    Y = np.linalg.matrix_power(M @ M.T, powers) @ M @ Omega
    Q = np.linalg.qr(Y)[0]
    U, sigma, Vt = np.linalg.svd(Q.T @ Y)
    return sigma[:k], Q @ U[:, :k] @ np.diag(sigma[:k]) @ Vt[:k]


def pivots_among_the_others(K, u):
    R, others, columns, pivots = np.exp(K @ K.T), np.arange(len(K)), [], []
    for number in u:
        d = np.diag(R)[others]
        s = int(np.searchsorted(np.cumsum(d) / d.sum(), number, side="right"))
        columns.append(R[:, others[s]] / R[others[s], others[s]] ** 0.5)
        R, others = R - np.outer(columns[-1], columns[-1]), np.delete(others, s)
        pivots.append(s)
    return np.array(columns).T, pivots


def cholesky(
    draw=lambda d, number, first: np.searchsorted(np.cumsum(d) / d.sum(), number, side="right"),
    divide=lambda column, s: column / column[s] ** 0.5,
    update=lambda R, f, s: R - np.outer(f, f),
    result=lambda F, pivots: (F, pivots),
):
    """Exercise 13.2, on the whole residual, with another draw, division, update or result."""

    def answer(K, u):
        R = np.exp(K @ K.T)
        first, columns, pivots = np.diag(R), [], []
        for number in u:
            s = int(draw(np.diag(R), number, first))
            columns.append(divide(R[:, s], s))
            R = update(R, R[:, s] / R[s, s] ** 0.5, s)
            pivots.append(s)
        return result(np.array(columns).T, pivots)

    return answer


def first_above(d, number, first):
    return np.flatnonzero(np.cumsum(d) > number * d.sum())[0]


def one_too_late(d, number, first):
    return 1 + np.searchsorted(np.cumsum(d) / d.sum(), number, side="right")


def of_columns_of_H(updated: bool):
    """Exercise 13.2 with columns of H; the diagonal of the residual is updated or not."""

    def answer(K, u):
        H = np.exp(K @ K.T)
        diagonal, columns, pivots = np.diag(H), [], []
        for number in u:
            pivots.append(int(np.searchsorted(np.cumsum(diagonal) / diagonal.sum(), number, side="right")))
            columns.append(H[:, pivots[-1]] / diagonal[pivots[-1]] ** 0.5)
            diagonal = diagonal - columns[-1] ** 2 if updated else diagonal
        return np.column_stack(columns), pivots

    return answer


def leverage_by_eigenvalues(K):
    """Exercise 13.7 by squared singular values, with the threshold for singular values."""
    squares, V = np.linalg.eigh(K.T @ K)
    kept = squares > 1e-10 * squares[-1]
    return ((K @ V[:, kept]) ** 2 / squares[kept]).sum(1)


def leverage_by_squares(K):
    """Exercise 13.7 by the singular values of K K^T."""
    U, squares, _ = np.linalg.svd(K @ K.T)
    return np.square(U[:, squares > 1e-14 * squares[0]]).sum(1)


def leverage_with_a_ridge(K):
    return np.diag(K @ np.linalg.inv(K.T @ K + 1e-8 * np.eye(K.shape[1])) @ K.T)


def leverage_above(threshold):
    def answer(K):
        U, sigma, _ = np.linalg.svd(K, full_matrices=False)
        return np.square(U[:, sigma > threshold * sigma[0]]).sum(1)

    return answer


def phi(exponent, of_queries=lambda s: s**0.5, of_keys=lambda s: s**0.5, factor=lambda m: m**-0.5, f=np.exp):
    """Exercise 13.4 with another exponent, scale, factor or function."""

    def answer(Q, K, W, scale):
        parts = (Q * of_queries(scale), K * of_keys(scale))
        return tuple(f(exponent(X @ W.T, np.square(X).sum(1)[:, None])) * factor(len(W)) for X in parts)

    return answer


def positive(products, squares):
    return products - squares / 2


def sample(weights=lambda m, p: 1 / (m * p), error=None, draws=lambda drawn: drawn, normalised=False):
    """Exercise 13.6 with other weights, draws or error."""

    def answer(P, V, p, drawn):
        J = draws(drawn)
        A = P[:, J] * weights(len(drawn), p[J])
        estimate = (A / A.sum(1, keepdims=True) if normalised else A) @ V[J]
        column, row, exact = np.square(P).sum(0), np.square(V).sum(1), np.square(P @ V).sum()
        right = ((column * row / p).sum() - exact) / len(drawn)
        return estimate, error(column * row, exact, p, len(drawn)) if error else right

    return answer


def running(mask=np.tril, normaliser=None, state=lambda Phi_K, U, i: Phi_K[: i + 1].T @ U[: i + 1]):
    """Exercise 13.5 as a quadratic form, with another mask, normaliser or state."""

    def answer(Phi_Q, Phi_K, V):
        A, U = mask(Phi_Q @ Phi_K.T), np.column_stack([V, np.ones(len(V))])
        Z = normaliser(Phi_Q, Phi_K, A) if normaliser else A.sum(1)
        return A @ V / Z[:, None], np.array([state(Phi_K, U, i) for i in range(len(V))])

    return answer


def before(A):
    return np.tril(A, -1)


def nystrom(middle=np.linalg.inv, kernel=np.exp, normaliser=lambda A, exact: A.sum(1), kept=lambda small: small):
    """Exercise 13.3 with another middle factor, kernel, normaliser or sums."""

    def answer(Q, K, V, pivots, scale):
        T = K[pivots]
        W = middle(np.exp(scale * (T @ T.T))) @ kernel(scale * (T @ K.T))
        A, exact = np.exp(scale * (Q @ T.T)) @ W, np.exp(scale * (Q @ K.T))
        return kept(W @ np.column_stack([V, np.ones(len(V))])), A @ V / normaliser(A, exact)[:, None]

    return answer


@pytest.mark.parametrize(
    "number, answer, said",
    [
        ("13.1", svd(power=lambda M, Y: M @ (M.T @ M) @ (M.T @ Y)), "Each power counts twice"),
        ("13.1", svd(power=lambda M, Y: M @ M @ Y), "multiplies by M M here"),
        ("13.1", svd(power=lambda M, Y: M.T @ M @ Y), "multiplies by M^T M here"),
        ("13.1", svd(basis=lambda Y: np.linalg.qr(Y, mode="complete")), "truncated SVD of M itself"),
        ("13.1", svd(basis=lambda Y: (Y,)), "no projection"),
        ("13.1", svd(rank=lambda k: 99), "Nothing is truncated"),
        ("13.1", without_lifting, "Multiply them by Q"),
        ("13.1", lambda M, Omega, k, powers: svd()(M, Omega, k, 0), "is not used"),
        ("13.1", lambda M, *given: svd()(M - M.mean(0), *given), "The mean of the rows of M"),
        ("13.1", lambda M, *given: svd()(M - M.mean(1)[:, None], *given), "The mean of the columns of M"),
        ("13.1", lambda M, *given: svd()(M - M.mean(), *given), "The mean of all entries"),
        ("13.1", svd_of_sketch(lambda M, powers: (M @ M.T) ** powers), "The entries of M M^T are raised"),
        (
            "13.1",
            svd_of_sketch(lambda M, powers: (M @ M.T) ** powers if powers else np.eye(len(M))),
            "The power is taken of each entry",
        ),
        ("13.1", svd_with_k_basis_vectors, "The basis has k columns"),
        ("13.1", svd_of_the_projected_sketch, "the SVD is that of Q^T Y"),
        ("13.2", lambda K, u: (np.linalg.cholesky(np.exp(K @ K.T))[:, : len(u)], [*range(len(u))]), "without a draw"),
        (
            "13.2",
            cholesky(draw=first_above, update=lambda R, f, s: R - np.outer(R[:, s], R[:, s])),
            "without a division",
        ),
        ("13.2", lambda K, u: pivoted(K - K.mean(0), u), "The mean of the keys is subtracted"),
        ("13.2", pivots_among_the_others, "counted among the keys that are left"),
        ("13.2", cholesky(draw=lambda d, number, first: np.argmax(d)), "greedy pivoting"),
        (
            "13.2",
            cholesky(draw=lambda d, number, first: np.searchsorted(np.cumsum(first), number * first.sum())),
            "drawn from the diagonal of H",
        ),
        ("13.2", cholesky(draw=lambda d, number, first: int(number * len(d))), "equally likely"),
        ("13.2", cholesky(divide=lambda column, s: column / column[s]), "times the expected one"),
        ("13.2", cholesky(divide=lambda column, s: column), "times the expected one"),
        ("13.2", cholesky(result=lambda F, pivots: (F @ F.T, pivots)), "Return the factor F"),
        ("13.2", cholesky(result=lambda F, pivots: (F, [s + 1 for s in pivots])), "counted from 1"),
        ("13.2", of_columns_of_H(updated=True), "column of H, divided by R_ss^(1/2)"),
        ("13.2", of_columns_of_H(updated=False), "as if R were never updated"),
        ("13.2", cholesky(draw=one_too_late), "one row too late"),
        ("13.4", phi(positive, factor=lambda m: 1), "1/sqrt(m) is missing"),
        ("13.4", phi(positive, factor=lambda m: 1 / m), "divided by m"),
        ("13.4", phi(lambda products, squares: products), "The term with the norm is missing"),
        ("13.4", phi(lambda products, squares: products + squares / 2), "wrong sign"),
        ("13.4", phi(lambda products, squares: products - squares), "not halved"),
        ("13.4", phi(positive, of_queries=lambda s: s, of_keys=lambda s: s), "products have its square"),
        ("13.4", phi(positive, of_keys=lambda s: 1), "Only the queries are multiplied by the root"),
        ("13.4", phi(positive, of_queries=lambda s: s, of_keys=lambda s: 1), "multiplies the queries alone"),
        ("13.4", phi(positive, of_queries=lambda s: 1, of_keys=lambda s: 1), "The scale is missing"),
        ("13.4", phi(lambda products, squares: products, f=np.cos), "cosines"),
        ("13.6", sample(weights=lambda m, p: 1 / p), "1/m is missing in the estimate"),
        ("13.6", sample(weights=lambda m, p: 1 / m), "1/p_j is missing in the estimate"),
        ("13.6", sample(weights=lambda m, p: 1.0), "without factors"),
        ("13.6", sample(draws=np.unique), "as often as it was drawn"),
        ("13.6", sample(weights=lambda m, p: 1.0, normalised=True), "normalised to the sum 1"),
        ("13.6", sample(normalised=True), "rows are normalised after that"),
        ("13.6", sample(error=lambda squares, exact, p, m: (squares / p).sum() / m), "before you divide by m"),
        ("13.6", sample(error=lambda squares, exact, p, m: (squares / p).sum()), "as in a variance, and divide by m"),
        (
            "13.6",
            sample(error=lambda squares, exact, p, m: ((squares / p).sum() + (m - 1) * exact) / m),
            "the mean of ||X||^2 for m draws",
        ),
        ("13.6", sample(error=lambda squares, exact, p, m: (len(p) * squares.sum() - exact) / m), "that of uniform"),
        ("13.6", lambda P, V, p, drawn: sampled(P, V, np.ones(len(p)) / len(p), drawn), "Both results are those"),
        (
            "13.6",
            lambda P, V, p, drawn: (sampled(P, V, p, drawn)[0], sampled(P, V, p, np.unique(drawn))[1]),
            "the number of distinct keys",
        ),
        ("13.6", sample(error=lambda squares, exact, p, m: (squares / p).sum() - exact), "mean error of one draw"),
        (
            "13.6",
            sample(error=lambda squares, exact, p, m: (squares.sum() - exact) / m),
            "1/p_j is missing in the error",
        ),
        ("13.5", running(mask=np.triu), "as `np.triu` leaves them"),
        ("13.5", running(normaliser=lambda Phi_Q, Phi_K, A: A.sum(0)), "sums over queries"),
        (
            "13.5",
            running(state=lambda Phi_K, U, i: np.column_stack([Phi_K[: i + 1].T @ U[: i + 1, :-1], Phi_K[i]])),
            "the features of the last key alone",
        ),
        ("13.5", running(mask=lambda A: A), "All outputs read the last state"),
        ("13.5", running(mask=before), "read before it has the new key"),
        ("13.5", running(before, lambda Phi_Q, Phi_K, A: np.maximum(A.sum(1), 1e-9)), "so the first output is 0"),
        ("13.5", running(normaliser=lambda Phi_Q, Phi_K, A: A.sum(1) + 1e-6), "A small number is added"),
        ("13.5", running(normaliser=lambda Phi_Q, Phi_K, A: np.ones(len(A))), "not normalised"),
        ("13.5", running(normaliser=lambda Phi_Q, Phi_K, A: Phi_Q @ Phi_K.sum(0)), "sums over all keys"),
        ("13.5", running(state=lambda Phi_K, U, i: Phi_K[:i].T @ U[:i]), "those before each token"),
        ("13.5", running(state=lambda Phi_K, U, i: Phi_K.T @ U), "All states are the last one"),
        ("13.5", running(state=lambda Phi_K, U, i: np.outer(Phi_K[i], U[i])), "terms of the tokens"),
        ("13.5", running(state=lambda Phi_K, U, i: Phi_K[: i + 1].T @ U[: i + 1, :-1]), "z is missing in the states"),
        ("13.3", nystrom(middle=lambda H: np.eye(len(H))), "H_TT^-1 is missing"),
        ("13.3", nystrom(middle=lambda H: H), "Multiply by its inverse"),
        ("13.3", nystrom(middle=lambda H: np.diag(1 / np.diag(H))), "Only the diagonal"),
        ("13.3", nystrom(middle=lambda H: np.linalg.inv(H + 1e-6 * np.eye(len(H)))), "A multiple of the identity"),
        ("13.3", nystrom(middle=lambda H: 1 / H), "inverted one by one"),
        ("13.3", nystrom(kernel=lambda S: S), "The exponential is missing in H_TK"),
        ("13.3", nystrom(normaliser=lambda A, exact: exact.sum(1)), "row sums of the exact A"),
        ("13.3", nystrom(normaliser=lambda A, exact: np.ones(len(A))), "not normalised"),
        ("13.3", nystrom(kept=lambda small: small[:, :-1]), "last column of B is missing"),
        ("13.3", nystrom(kept=lambda small: np.hstack([small[:, -1:], small[:, :-1]])), "so its part of B comes first"),
        ("13.3", nystrom(middle=lambda H: np.linalg.pinv(H, rcond=1e-3)), "A small eigenvalue of H_TT is taken for 0"),
        ("13.3", nystrom(middle=lambda H: np.linalg.pinv(H, rcond=1e-6)), "A small eigenvalue of H_TT is taken for 0"),
        ("13.3", nystrom(middle=lambda H: np.linalg.inv(H + 1e-7 * np.eye(len(H)))), "a small number added to H_TT"),
        (
            "13.3",
            nystrom(middle=lambda H: np.linalg.inv(H + 1e-8 * np.eye(len(H)))),
            "A small multiple of the identity",
        ),
        ("13.3", nystrom(normaliser=lambda A, exact: np.maximum(A.sum(1), 1)), "Row sums of A_T below 1"),
        ("13.3", nystrom(normaliser=lambda A, exact: A.sum(1) + 1e-6), "A small number is added to the row sums"),
        ("13.7", lambda K: np.square(K).sum(1), "squared norms of the keys"),
        ("13.7", lambda K: np.square(K).sum(1) / np.square(K).sum(), "shares of the squared norms"),
        ("13.7", lambda K: np.square(np.linalg.qr(K)[0]).sum(1), "All columns of U, or of Q"),
        ("13.7", lambda K: np.square(np.linalg.svd(K, full_matrices=False)[0]).sum(1), "All columns of U, or of Q"),
        ("13.7", lambda K: np.square(np.linalg.svd(K, full_matrices=False)[0]).sum(0), "the expected shape is (7,)"),
        ("13.7", lambda K: np.square(np.linalg.svd(K)[0]).sum(1), "take the thin SVD"),
        ("13.7", leverage_above(1e-2), "3e-3 and 8e-10 times the largest are missing"),
        *(
            ("13.7", leverage_above(threshold), "Count all singular values above 1e-10 times")
            for threshold in (1e-3, 1e-6, 1e-8, 5e-9)
        ),
        *(
            ("13.7", leverage_above(threshold), "3e-11 times the largest counts here")
            for threshold in (1e-11, 2e-12, 1e-15)
        ),
        ("13.7", leverage_by_eigenvalues, "squares, in which it is lost"),
        ("13.7", lambda K: np.diag(K @ np.linalg.pinv(K)), "count it, too, if no bound is given"),
        ("13.7", lambda K: np.diag(K @ linalg.pinv(K)), "count it, too, if no bound is given"),
        (
            "13.7",
            lambda K: np.diag(K @ np.linalg.lstsq(K, np.eye(len(K)), rcond=None)[0]),
            "count it, too, if no bound is given",
        ),
        ("13.7", leverage_by_squares, "squares lose the last one"),
        ("13.7", lambda K: np.diag(K @ np.linalg.inv(K.T @ K) @ K.T), "K^T K has no inverse"),
        ("13.7", lambda K: np.diag(K @ np.linalg.solve(K.T @ K, K.T)), "K^T K has no inverse"),
        ("13.7", leverage_with_a_ridge, "a multiple of the identity in K^T K"),
        ("13.7", lambda K: leverage(K.astype(np.float32)), "or float32 does not shrink"),
        ("13.7", lambda K: leverage(K) / len(K), "divided by the number of keys"),
        ("13.7", lambda K: leverage(K) ** 0.5, "norms of the rows of U"),
        ("13.7", lambda K: leverage(K - K.mean(0)), "do not centre"),
    ],
)
def test_other_wrong_answers_hear_something_true(number, answer, said):
    result = grade(EXERCISES[number], answer)
    assert not result.passed and said.lower() in result.message.lower(), result.message


def test_the_helpers_of_wrong_answers_are_right_without_a_mistake():
    right = {"13.1": svd(), "13.2": cholesky(), "13.4": phi(positive), "13.6": sample(), "13.5": running()}
    for number, answer in (right | {"13.3": nystrom()}).items():
        assert grade(EXERCISES[number], answer).passed


def test_minutes_and_number_of_exercises():
    assert list(EXERCISES) == ["13.1", "13.2", "13.3", "13.4", "13.5", "13.6", "13.7"]
    assert sum(exercise.minutes for exercise in EXERCISES.values()) == 62
    assert all(len(exercise.mistakes) >= 8 for exercise in EXERCISES.values())
