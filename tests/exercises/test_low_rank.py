"""Checks of exercise 8.6: right answers pass in any style, and other wrong ones hear something true."""

import numpy as np
import pytest
import torch

from course_lib.exercises.grading import grade
from course_lib.exercises.nb10_low_rank import LOW_RANK, low_rank
from course_lib.surgery.factors import joint_factors


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


@pytest.mark.parametrize("answer", [by_eigenvectors, in_torch, by_deflation])
def test_right_answers_in_other_styles_pass(answer):
    result = grade(LOW_RANK, answer)
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


def reversed_pair(*given):
    return in_torch(*given)[::-1]


def too_short(X, W_K, W_V, rank, alpha):
    return W_K[:, :rank], W_V[:, :rank]


@pytest.mark.parametrize(
    "answer, said",
    [
        (svd_of_the_weights_by_their_factors, "singular vectors of the weights C"),
        (svd_of_the_gram, "the inputs count twice"),
        (the_latent_and_its_reading, "in entry 0, your result has shape (5, 5), the expected shape is (5, 3)"),
        (values_divided_too, "full rank, r = d: nothing is lost, whatever alpha is\n  in entry 1, at index"),
        (one_too_few, "r - 1 directions are kept"),
        (one_too_many, "r + 1 directions are kept"),
        (the_factors_apart, "these are the factors"),
        (the_latent_cut, "P_r^T is missing"),
        (with_another_C, "project the same C"),
        (reversed_pair, "keys and values have changed places"),
        (too_short, "your result has shape (5, 2), the expected shape is (5, 3)"),
        (lambda X, W_K, W_V, rank, alpha: None, "not attempted yet"),
    ],
)
def test_other_wrong_answers_hear_something_true(answer, said):
    result = grade(LOW_RANK, answer)
    assert not result.passed and said.lower() in result.message.lower(), result.message
