"""Checks of notebook 10: solutions against the package, right answers in any style, other wrong answers."""

import itertools

import numpy as np
import pytest
import torch

from course_lib.config import Rope
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.exercises.nb10_balance import balance
from course_lib.exercises.nb10_best_constants import best_constants
from course_lib.exercises.nb10_budget import ranks_for_budget
from course_lib.exercises.nb10_low_rank import low_rank
from course_lib.exercises.nb10_mixed_heads import scores_from_mixed
from course_lib.reference.positions import frequencies
from course_lib.surgery.calibration import mean_rotation
from course_lib.surgery.factors import joint_factors

EXERCISES = {exercise.id: exercise for exercise in of_notebook("10")}


@pytest.mark.parametrize("rank, alpha", [(1, 1.0), (3, 0.4), (7, 2.5)])
def test_the_solution_is_that_of_the_package(rank, alpha):
    """Tolerance 1e-8: the package works from X^T X, whose condition number is the square of that of X."""
    rng = np.random.default_rng(0)
    X, W_K, W_V = rng.normal(size=(23, 7)), rng.normal(size=(7, 5)), rng.normal(size=(7, 4))
    found = joint_factors(W_K, W_V, rank, X.T @ X, alpha)
    for got, want in zip(
        low_rank(X, W_K, W_V, rank, alpha), (found.W_L @ found.W_LK, found.W_L @ found.W_LV), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-8)


def by_eigenvectors(X, W_K, W_V, rank, alpha):
    C = np.concatenate((W_K * alpha, W_V), 1)
    P = np.linalg.eigh((X @ C).T @ (X @ C))[1][:, ::-1][:, :rank]
    W = C @ P @ P.T
    return [W[:, : W_K.shape[1]] / alpha, W[:, W_K.shape[1] :]]


def in_torch(X, W_K, W_V, rank, alpha):
    X, W_K, W_V = map(torch.from_numpy, (X, W_K, W_V))
    C = torch.cat([alpha * W_K, W_V], dim=1)
    P = torch.linalg.svd(X @ C, full_matrices=False).Vh.mT[:, :rank]
    W = torch.einsum("dc,cr,er->de", C, P, P)
    return W[:, : W_K.shape[1]] / alpha, W[:, W_K.shape[1] :]


def by_deflation(X, W_K, W_V, rank, alpha):
    """One direction after the other, each by power iteration on what is left."""
    C = np.hstack([alpha * W_K, W_V])
    Y, rebuilt = X @ C, np.zeros_like(C)
    for _ in range(rank):
        p = Y[np.abs(Y).sum(1).argmax()]
        for _ in range(3000):
            p = Y.T @ (Y @ p)
            p /= np.linalg.norm(p)
        rebuilt, Y = rebuilt + np.outer(C @ p, p), Y - np.outer(Y @ p, p)
    return rebuilt[:, : len(W_K[0])] / alpha, rebuilt[:, len(W_K[0]) :]


def test_balance_is_that_of_the_package():
    rng = np.random.default_rng(1)
    X, W_K, W_V = rng.normal(size=(23, 7)), rng.normal(size=(7, 5)), rng.normal(size=(7, 4))
    want = joint_factors(W_K, W_V, 3, X.T @ X).balance
    assert balance(X.T @ X, W_K, W_V) == pytest.approx(want, rel=1e-10)
    assert np.linalg.norm(want * X @ W_K) == pytest.approx(np.linalg.norm(X @ W_V), rel=1e-10)


def by_trying_all(singular_values, budget):
    """The smallest sum of relative errors among all ranks with that sum."""

    def error(ranks):
        return sum((s[r:] ** 2).sum() / (s**2).sum() for s, r in zip(singular_values, ranks, strict=True))

    every = itertools.product(*(range(len(s) + 1) for s in singular_values))
    return list(min((ranks for ranks in every if sum(ranks) == budget), key=error))


def one_after_the_other(singular_values, budget):
    """Greedy: the next number goes where it saves most."""
    ranks = [0] * len(singular_values)
    for _ in range(budget):
        gains = [s[r] ** 2 / (s @ s) if r < len(s) else -1 for s, r in zip(singular_values, ranks, strict=True)]
        ranks[int(np.argmax(gains))] += 1
    return tuple(ranks)


def test_the_budget_is_the_best_of_all():
    rng = np.random.default_rng(2)
    for budget in range(1, 10):
        values = [np.sort(rng.exponential(size=n))[::-1] for n in (3, 5, 2)]
        assert ranks_for_budget(values, budget) == by_trying_all(values, budget)


def test_mixed_scores_are_those_of_the_heads_at_every_shift():
    rng = np.random.default_rng(3)
    q, k, A = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in ((4, 3), (6, 3), (3, 3)))
    U, turns = np.linalg.qr(A)[0], np.exp(0.3j * np.arange(6))[:, None]
    want = np.einsum("ah,bh->hab", q.conj(), turns * k).real
    for mixed in (turns * (k @ U), (turns * k) @ U):
        np.testing.assert_allclose(scores_from_mixed(q, mixed, U), want, rtol=0, atol=1e-13)


def test_constants_are_the_conjugate_means_of_the_package():
    shares = np.random.default_rng(4).dirichlet(np.ones(12))
    constants, errors = best_constants(shares, frequencies(8, 50.0))
    np.testing.assert_allclose(constants.conj(), mean_rotation(shares, Rope(base=50.0), 8), rtol=0, atol=1e-6)
    for c in (constants, constants + 0.1, constants * 1j):  # nothing does better, and the error is what is said
        factors = np.exp(-1j * np.arange(12)[:, None] * frequencies(8, 50.0))
        missed = shares @ np.abs(factors - c) ** 2
        assert np.all(missed >= errors - 1e-14)
        np.testing.assert_allclose(missed, errors + np.abs(c - constants) ** 2, rtol=0, atol=1e-13)


def balance_by_root(gram, W_K, W_V):
    root = torch.linalg.cholesky(torch.from_numpy(gram)).mT
    norms = [torch.linalg.norm(root @ torch.from_numpy(W)) for W in (W_K, W_V)]
    return norms[1] / norms[0]


def mixed_in_loops(q, mixed, U):
    S = np.zeros((len(U), len(q), len(mixed)))
    for h, a, b in np.ndindex(S.shape):
        S[h, a, b] = np.vdot(q[a, h] * U[h], mixed[b]).real
    return S


def by_unmixing(q, mixed, U):
    return np.einsum("ah,bh->hab", q.conj(), mixed @ U.conj().T).real


def constants_by_cosines(shares, theta):
    angles = np.multiply.outer(theta, np.arange(len(shares)))
    real, imaginary = np.cos(angles) @ shares, -np.sin(angles) @ shares
    return [real + 1j * imaginary, 1 - real**2 - imaginary**2]


@pytest.mark.parametrize(
    "number, answer",
    [
        ("10.1", by_eigenvectors),
        ("10.1", in_torch),
        ("10.1", by_deflation),
        ("10.2", balance_by_root),
        ("10.2", lambda G, W_K, W_V: float(np.sqrt(np.sum(W_V * (G @ W_V)) / np.einsum("dk,de,ek", W_K, G, W_K)))),
        ("10.3", by_trying_all),
        ("10.3", one_after_the_other),
        ("10.4", mixed_in_loops),
        ("10.4", by_unmixing),
        ("10.5", constants_by_cosines),
    ],
)
def test_right_answers_in_other_styles_pass(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def svd_of_the_weights_by_their_factors(X, W_K, W_V, rank, alpha):
    U, s, Vt = np.linalg.svd(np.hstack([alpha * W_K, W_V]), full_matrices=False)
    W = (U[:, :rank] * s[:rank]) @ Vt[:rank]
    return W[:, : W_K.shape[1]] / alpha, W[:, W_K.shape[1] :]


def svd_of_the_gram(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    P = np.linalg.svd((X.T @ X) @ C, full_matrices=False)[2][:rank]
    W = np.einsum("dc,rc,re->de", C, P, P)
    return W[:, : W_K.shape[1]] / alpha, W[:, W_K.shape[1] :]


def the_latent_and_its_reading(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    P = np.linalg.svd(X @ C)[2][:rank].T
    return C @ P, P.T


def values_divided_too(X, W_K, W_V, rank, alpha):
    return tuple(W / (1, alpha)[i] for i, W in enumerate(low_rank(X, W_K, W_V, rank, alpha)))


def one_too_few(X, W_K, W_V, rank, alpha):
    return low_rank(X, W_K, W_V, rank - 1, alpha)


def one_too_many(X, W_K, W_V, rank, alpha):
    return by_eigenvectors(X, W_K, W_V, rank + 1, alpha)


def the_factors_apart(X, W_K, W_V, rank, alpha):
    found = joint_factors(W_K, W_V, rank, X.T @ X, alpha)
    turn = np.linalg.svd(X @ np.hstack([alpha * W_K, W_V]))[2][:rank] @ np.vstack([alpha * found.W_LK.T, found.W_LV.T])
    return found.W_L @ turn.T, turn @ found.W_LK, turn @ found.W_LV  # each singular vector has two signs


def the_latent_cut(X, W_K, W_V, rank, alpha):
    W_L = np.hstack([alpha * W_K, W_V]) @ np.linalg.svd(X @ np.hstack([alpha * W_K, W_V]))[2].T[:, :rank]
    return W_L[:, : W_K.shape[1]] / alpha, W_L[:, W_K.shape[1] :]


def with_another_C(X, W_K, W_V, rank, alpha):
    P = np.linalg.svd(X @ np.hstack([alpha * W_K, W_V]))[2][:rank]
    W = np.einsum("dc,rc,re->de", np.hstack([W_K, W_V]), P, P)
    return W[:, : W_K.shape[1]], W[:, W_K.shape[1] :]


def cut_in_the_middle(X, W_K, W_V, rank, alpha):
    W = np.hstack(low_rank(X, W_K, W_V, rank, alpha)) * np.repeat([alpha, 1], [W_K.shape[1], W_V.shape[1]])
    m = W.shape[1] // 2
    return W[:, :m] / alpha, W[:, m:]


def up_projections(X, W_K, W_V, rank, alpha):
    B = np.linalg.svd(X @ np.hstack([alpha * W_K, W_V]))[2][:rank]
    return B[:, : W_K.shape[1]] / alpha, B[:, W_K.shape[1] :]


def half_the_rank_each(X, W_K, W_V, rank, alpha):
    def best(W):
        U, s, Vt = np.linalg.svd(X @ W, full_matrices=False)
        s[rank // 2 :] = 0
        return np.linalg.lstsq(X, U * s @ Vt, rcond=None)[0]

    return best(W_K), best(W_V)


def by_energy(values, budget):
    energies = np.array([np.sum(s**2) for s in values])
    return [round(budget * share) for share in energies / energies.sum()]


def by_running_sums(values, budget):
    gains = sorted(
        ((a**2 / np.sum(s[: n + 1] ** 2), i) for i, s in enumerate(values) for n, a in enumerate(s)),
        key=lambda g: -g[0],
    )
    return [sum(i == layer for _, layer in gains[:budget]) for i in range(len(values))]


def where_most_is_missed(values, budget):
    ranks = [0] * len(values)
    for _ in range(budget):
        left = [np.sum(s[r:] ** 2) / np.sum(s**2) for s, r in zip(values, ranks, strict=True)]
        ranks[left.index(max(left))] += 1
    return ranks


def all_above_a_threshold(values, budget):
    gains = [s**2 / np.sum(s**2) for s in values]
    least = sorted(np.concatenate(gains), reverse=True)[budget - 1]
    return [int(np.sum(g >= least)) for g in gains]


def mixed_without_U(q, mixed, U):
    return np.einsum("ah,bh->hab", q.conj(), mixed).real


def constants_and(squares):
    """Right constants, with other mean squares made of shares, factors and constants."""

    def answer(shares, theta):
        factors = np.exp(-1j * np.outer(np.arange(len(shares)), theta))
        return shares @ factors, squares(shares, factors, shares @ factors)

    return answer


def alpha_at_the_end_alone(X, W_K, W_V, rank, alpha):
    K, V = in_torch(X, W_K, W_V, rank, 1.0)
    return K / alpha, V


def smallest_directions(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    B = np.linalg.svd(X @ C, full_matrices=False)[2][-rank:]
    W = np.einsum("dc,rc,re->de", C, B, B)
    return W[:, : W_K.shape[1]] / alpha, W[:, W_K.shape[1] :]


def by_gains(gain):
    """The ranks of a sorted list, with other gains of an array of singular values."""

    def answer(values, budget):
        gains = sorted(((g, layer) for layer, s in enumerate(values) for g in gain(s)), reverse=True)[:budget]
        return [sum(layer == t for _, layer in gains) for t in range(len(values))]

    return answer


def size_one(shares, theta):
    z = constants_by_cosines(shares, theta)[0]
    return z / abs(z), 2 - 2 * abs(z)


def joint(C, cut):
    """C of the two matrices and alpha; what is returned of C, B_r, the matrices and alpha."""

    def answer(X, W_K, W_V, rank, alpha):
        columns = C(W_K, W_V, alpha)
        return cut(columns, np.linalg.svd(X @ columns)[2][:rank].T, W_K, W_V, alpha)

    return answer


def balance_by_eigenvectors(gram, W_K, W_V):
    """R R^T is the matrix, so R^T W is asked for."""
    values, vectors = np.linalg.eigh(gram)
    keys, values = (np.linalg.norm(vectors * np.sqrt(values) @ W) for W in (W_K, W_V))
    return values / keys


def best_with(top=len, allowed=lambda total, budget: total == budget):
    """The best of all ranks up to `top` of the values, whose sum is allowed."""

    def answer(values, budget):
        every = itertools.product(*(range(top(s) + 1) for s in values))
        error = lambda ranks: sum(np.sum(s[r:] ** 2) / np.sum(s**2) for s, r in zip(values, ranks, strict=True))  # noqa: E731
        return list(min((ranks for ranks in every if allowed(sum(ranks), budget)), key=error))

    return answer


def greedy(gain, start=0, worth=lambda gain: True):
    """One after the other, with a gain of the values and the rank; none where it is not worth it."""

    def answer(values, budget):
        ranks = [start] * len(values)
        for _ in range(budget - sum(ranks)):
            gains = [gain(s, r) for s, r in zip(values, ranks, strict=True)]
            ranks[int(np.argmax(gains))] += worth(max(gains))
        return ranks

    return answer


def saved(s, r):
    return s[r] ** 2 / (s @ s) if r < len(s) else -1


def all_then_fewer(values, budget):
    ranks = [len(s) for s in values]
    while sum(ranks) > budget:
        lost = [s[r - 1] ** 2 / (s @ s) if r else -1 for s, r in zip(values, ranks, strict=True)]
        ranks[lost.index(max(lost))] -= 1
    return ranks


def asked_with(asking):
    """What head h brings to the virtual heads, of q, U and h."""
    return lambda q, mixed, U: np.stack([(asking(q, U, h).conj() @ mixed.T).real for h in range(len(U))])


def reversed_pair(*given):
    return in_torch(*given)[::-1]


def too_short(X, W_K, W_V, rank, alpha):
    return W_K[:, :rank], W_V[:, :rank]


@pytest.mark.parametrize(
    "number, answer, said",
    [
        ("10.1", svd_of_the_weights_by_their_factors, "singular vectors of C"),
        ("10.1", svd_of_the_gram, "the inputs count twice"),
        ("10.1", the_latent_and_its_reading, "in entry 0, your result has shape (5, 5), the expected shape is (5, 3)"),
        ("10.1", values_divided_too, "The values are divided by alpha too"),
        ("10.1", one_too_few, "r - 1 directions are kept"),
        ("10.1", one_too_many, "r + 1 directions are kept"),
        ("10.1", the_factors_apart, "these are the factors"),
        ("10.1", the_latent_cut, "B_r^T is missing"),
        ("10.1", with_another_C, "project the same C"),
        ("10.1", reversed_pair, "keys and values have changed places"),
        ("10.1", too_short, "your result has shape (7, 2), the expected shape is (7, 3)"),
        ("10.1", lambda X, W_K, W_V, rank, alpha: None, "not attempted yet"),
        ("10.2", lambda G, W_K, W_V: np.linalg.norm(W_V) / np.linalg.norm(W_K), "The inputs are ignored"),
        ("10.2", lambda G, W_K, W_V: np.linalg.norm(G @ W_V) / np.linalg.norm(G @ W_K), "taken for X"),
        ("10.3", lambda values, R: [R // len(values)] * len(values), "All layers have the same rank"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q, mixed, U.T), "U is transposed"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q @ U, mixed, np.eye(len(U))), "Each head asks all virtual heads"),
        ("10.1", cut_in_the_middle, "cut in its middle"),
        ("10.1", up_projections, "These are W_LK and W_LV"),
        ("10.1", half_the_rank_each, "half the rank each"),
        ("10.2", lambda G, *W: balance(np.diag(np.diag(G)), *W), "Only the diagonal of G"),
        ("10.3", by_energy, "by the energies of the layers"),
        ("10.3", by_running_sums, "by the sum up to it"),
        ("10.3", where_most_is_missed, "the layer with the largest error"),
        ("10.3", all_above_a_threshold, "more than the budget"),
        (
            "10.3",
            lambda values, R: [R // len(values) + (i < R % len(values)) for i in range(len(values))],
            "share the rest",
        ),
        ("10.4", mixed_without_U, "U is missing"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q, mixed, U.conj()), "U is not conjugated"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q.conj(), mixed, U), "Only U is conjugated"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q, mixed, U) / len(U) ** 0.5, "divided by sqrt(N_h)"),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q, mixed, U * (np.arange(len(U)) == 0)), "Only virtual head 0"),
        (
            "10.5",
            lambda shares, theta: [
                constants_by_cosines(shares, theta)[0] / len(shares),
                1 - abs(constants_by_cosines(shares, theta)[0] / len(shares)) ** 2,
            ],
            "once more",
        ),
        ("10.5", constants_and(lambda shares, factors, z: np.mean(abs(factors - z) ** 2, 0)), "count all shifts alike"),
        ("10.5", constants_and(lambda shares, factors, z: np.real(1 - z * z)), "and the real part is taken"),
        (
            "10.5",
            lambda shares, theta: [c := np.cos(np.outer(theta, np.arange(len(shares)))) @ shares, 1 - c**2],
            "Only the cosine",
        ),
        ("10.5", lambda shares, theta: best_constants(shares, -theta), "The constants are conjugated"),
        ("10.1", alpha_at_the_end_alone, "alpha is missing in C"),
        ("10.1", smallest_directions, "the smallest singular values are kept"),
        ("10.1", lambda X, W_K, W_V, rank, alpha: (W_K, W_V), "All directions are kept"),
        ("10.2", lambda G, W_K, W_V: balance_by_root(G, W_V, W_K), "The ratio is inverted"),
        ("10.2", lambda G, W_K, W_V: balance_by_root(G, W_K, W_V) ** 2, "the ratio of squared norms"),
        ("10.2", lambda G, W_K, W_V: balance_by_root(G, W_V, W_K) ** 2, "the inverse ratio"),
        ("10.3", by_gains(lambda s: s**2 / s.sum()), "divided by the sum of the sigma"),
        ("10.3", by_gains(lambda s: s / (s @ s)), "Each sigma is divided by the sum of the sigma^2"),
        ("10.3", lambda values, R: by_trying_all(values, R)[::-1], "in reverse order"),
        (
            "10.3",
            lambda values, R: np.argsort(-np.hstack([s**2 / (s @ s) for s in values]))[:R],
            "the places of the kept",
        ),
        ("10.4", lambda q, mixed, U: mixed_in_loops(q.real, mixed.real, U.real), "The real parts of q, U and the keys"),
        (
            "10.4",
            lambda q, mixed, U: np.einsum("ah,bh->hab", q.real, (mixed @ U.conj().T).real),
            "unmixed rightly",
        ),
        ("10.5", size_one, "the errors are theirs"),
        ("10.5", constants_and(lambda shares, factors, z: abs(1 - z) ** 2), "This is |1 - z_f|^2"),
        ("10.5", constants_and(lambda shares, factors, z: shares @ abs(factors - 1) ** 2), "the constant 1 leaves"),
        ("10.5", lambda shares, theta: best_constants(np.ones(len(shares)) / len(shares), theta), "count alike"),
        (
            "10.1",
            joint(
                lambda K, V, alpha: alpha * np.hstack([K, V]),
                lambda C, B, K, V, alpha: ((C @ B @ B.T)[:, : K.shape[1]] / alpha, (C @ B @ B.T)[:, K.shape[1] :]),
            ),
            "alpha multiplies the values, too",
        ),
        (
            "10.1",
            joint(
                lambda K, V, alpha: np.hstack([alpha * K, V]),
                lambda C, B, K, V, alpha: [
                    W @ part @ part.T for W, part in zip((K, V), np.split(B, [K.shape[1]]), strict=True)
                ],
            ),
            "its own rows of B_r",
        ),
        ("10.2", lambda G, *W: balance(np.sqrt(G) @ np.sqrt(G).T, *W), "the roots of single entries"),
        ("10.2", balance_by_eigenvectors, "is that of R^T W"),
        (
            "10.2",
            lambda G, *W: np.subtract(*[np.trace(w.T @ G @ w) ** 0.5 for w in W[::-1]]),
            "difference of the norms",
        ),
        ("10.3", best_with(top=lambda s: len(s) - 1), "No layer keeps all of its values"),
        ("10.3", best_with(allowed=lambda total, budget: total <= budget), "Values of 0 are left out"),
        ("10.3", greedy(saved, worth=lambda gain: gain > 0), "Values of 0 are left out"),
        ("10.3", greedy(lambda s, r: max(saved(s, r), 0)), "a layer that has all of its values"),
        ("10.3", greedy(saved, start=1), "Each layer gets rank 1 first"),
        ("10.3", greedy(lambda s, r: saved(s, r + 1)), "the direction behind the next one"),
        ("10.3", all_then_fewer, "Ranks are lowered where the error grows most"),
        ("10.3", lambda values, R: ranks_for_budget(values, R - 1), "One direction too few"),
        (
            "10.3",
            lambda values, R: [R // len(values) + (i == 0) * (R % len(values)) for i in range(len(values))],
            "the first one has the rest",
        ),
        ("10.4", asked_with(lambda q, U, h: q * U[h]), "virtual head c with q_c"),
        ("10.4", asked_with(lambda q, U, h: q * U[0]), "All heads ask with q_c U_0c"),
        ("10.4", asked_with(lambda q, U, h: q * np.diag(U)), "All heads ask with q_c U_cc"),
        ("10.4", asked_with(lambda q, U, h: q[:, [h]] * U[0]), "All heads use row 0"),
        ("10.4", asked_with(lambda q, U, h: q[:, [h]] * np.diag(U)), "Only the diagonal of U"),
        ("10.5", lambda shares, theta: best_constants(shares, -1j * theta), "The factor i is missing"),
        ("10.5", lambda shares, theta: ((z := best_constants(shares, theta)[0]) / abs(z), 0 * theta), "errors are 0"),
        ("10.5", constants_and(lambda shares, factors, z: np.sum(abs(factors - z) ** 2, 0)), "without their shares"),
        ("10.5", constants_and(lambda shares, factors, z: shares @ abs(factors - z)), "mean sizes"),
        ("10.5", constants_and(lambda shares, factors, z: (1 - abs(z)) ** 2), "This is (1 - |z_f|)^2"),
        ("10.5", lambda shares, theta: best_constants(shares, theta)[0], "2 results are asked"),
    ],
)
def test_other_wrong_answers_hear_something_true(number, answer, said):
    result = grade(EXERCISES[number], answer)
    assert not result.passed and said.lower() in result.message.lower(), result.message


def test_minutes_and_number_of_exercises():
    assert list(EXERCISES) == ["10.1", "10.2", "10.3", "10.4", "10.5"]
    assert sum(exercise.minutes for exercise in EXERCISES.values()) == 33
