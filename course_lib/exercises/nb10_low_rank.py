"""Exercise 10.1: keys and values of low rank, by PCA of what the layer computes on real inputs."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage

D, K_WIDTH, V_WIDTH = 5, 3, 4


def low_rank(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    _, _, Pt = np.linalg.svd(X @ C)  # singular values fall, so the first rows of P^T are the ones to keep
    C = C @ Pt[:rank].T @ Pt[:rank]
    K_part, V_part = np.split(C, [W_K.shape[1]], axis=1)
    return K_part / alpha, V_part


def _projected(directions, undo=True):
    """C B B^T, where B has the columns directions(X, C, rank); `undo` divides alpha out of the keys."""

    def answer(X, W_K, W_V, rank, alpha):
        C = np.hstack([alpha * W_K, W_V])
        B = directions(X, C, rank)
        K_part, V_part = np.split(C @ B @ B.T, [W_K.shape[1]], axis=1)
        return K_part / alpha if undo else K_part, V_part

    return answer


def _right(X, C, rank):
    return np.linalg.svd(X @ C)[2][:rank].T


def _weights_alone(X, C, rank):
    return np.linalg.svd(C)[2][:rank].T


def _left(X, C, rank):
    return np.linalg.svd(X @ C)[0][:, :rank]


def _columns_of_Pt(X, C, rank):
    return np.linalg.svd(X @ C)[2][:, :rank]


def _last(X, C, rank):
    return np.linalg.svd(X @ C)[2][-rank:].T


def _of_the_gram(X, C, rank):
    return np.linalg.svd(X.T @ X @ C)[2][:rank].T


def _centred(X, C, rank):
    Y = X @ C
    return np.linalg.svd(Y - Y.mean(0))[2][:rank].T


def _other_rank(change):
    return lambda X, W_K, W_V, rank, alpha: low_rank(X, W_K, W_V, rank + change, alpha)


def _unscaled(X, W_K, W_V, rank, alpha):
    B = _right(X, np.hstack([alpha * W_K, W_V]), rank)
    return tuple(np.split(np.hstack([W_K, W_V]) @ B @ B.T, [W_K.shape[1]], axis=1))


def _factors(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    B = _right(X, C, rank)
    P_K, P_V = np.split(B, [W_K.shape[1]])
    return C @ B, P_K.T / alpha, P_V.T


def _latent_alone(X, W_K, W_V, rank, alpha):
    first, second = np.split(_factors(X, W_K, W_V, rank, alpha)[0], [W_K.shape[1]], axis=1)
    return first / alpha, second


def _pca_of_the_inputs(X, W_K, W_V, rank, alpha):
    B = np.linalg.svd(X)[2][:rank].T
    return B @ B.T @ W_K, B @ B.T @ W_V


def _each_alone(X, W_K, W_V, rank, alpha):
    return tuple(W @ (B := _right(X, W, rank)) @ B.T for W in (W_K, W_V))


def _alpha_on_values(X, W_K, W_V, rank, alpha):
    return low_rank(X, W_K, W_V, rank, 1 / alpha)


def _computed(X, W_K, W_V, rank, alpha):
    return tuple(X @ W for W in low_rank(X, W_K, W_V, rank, alpha))


def _inputs(rank: int, alpha: float, rows: int = 7, plain: bool = False):
    """As many rows as columns of C where a mistake is to fit; inputs with a mean, and directions of unlike size."""
    rng = np.random.default_rng(86)
    W_K, W_V = rng.normal(size=(D, K_WIDTH)), rng.normal(size=(D, V_WIDTH))
    X = np.eye(D) if plain else (rng.normal(size=(rows, D)) + 0.8) * np.array([4.0, 0.3, 1.0, 0.2, 2.0])
    return X, W_K, W_V, rank, alpha


LOW_RANK = Exercise(
    id="10.1",
    title="keys and values from r numbers",
    minutes=10,
    difficulty=2,
    solution=low_rank,
    stages=(
        Stage(_inputs(D, 2.5), "full rank, r = d: nothing is lost, whatever alpha is"),
        Stage(_inputs(2, 1.0, plain=True), "X is the identity and alpha is 1: the weights alone decide"),
        Stage(_inputs(2, 1.0, rows=11), "alpha is 1: the inputs decide too"),
        Stage(_inputs(3, 0.4, rows=11), "keys count less than values"),
    ),
    mistakes=(
        Mistake(
            _projected(_right, undo=False),
            "the keys come out alpha times too large; alpha stands in front of W_K while directions are chosen, and "
            "is divided out at the end",
        ),
        Mistake(
            _projected(_weights_alone),
            "these are the singular vectors of the weights C; take those of X C, so that directions count as much as "
            "the inputs use them",
        ),
        Mistake(
            _projected(_of_the_gram),
            "these are the singular vectors of X^T X C, in which the inputs count twice; those of X C are asked for "
            "(they are those of (X^T X)^(1/2) C too)",
        ),
        Mistake(
            _projected(_left),
            "these are left singular vectors, one entry per token; P_r has the right ones, one entry per column of C",
        ),
        Mistake(
            _projected(_columns_of_Pt),
            "these are the first columns of what `np.linalg.svd` returns last; it returns P^T, so a singular vector is "
            "a row of it",
        ),
        Mistake(
            _projected(_last),
            "the directions with the smallest singular values are kept; `svd` sorts them falling, so keep the first "
            "(`eigh` sorts rising, so there keep the last)",
        ),
        Mistake(_other_rank(1), "r + 1 directions are kept; the first r have the indices 0 to r - 1, `[:rank]`"),
        Mistake(_other_rank(-1), "r - 1 directions are kept; the first r have the indices 0 to r - 1, `[:rank]`"),
        Mistake(
            _projected(_centred),
            "the mean of X C is subtracted first, as statistics does; keys are to be recovered with their mean, so do "
            "not centre",
        ),
        Mistake(
            _pca_of_the_inputs,
            "this keeps the largest directions of the inputs X, and they may be ones that W_K and W_V ignore; take X C",
        ),
        Mistake(
            _each_alone,
            "keys and values are factored apart, so that two latents of r numbers have to be cached; put them side by "
            "side in C, for one",
        ),
        Mistake(
            lambda X, W_K, W_V, rank, alpha: low_rank(X, W_K, W_V, rank, 1.0),
            "alpha is not used; the directions are those of [alpha W_K | W_V]",
        ),
        Mistake(
            _unscaled,
            "the directions are those of [alpha W_K | W_V], but [W_K | W_V] is projected on them; project the same C, "
            "and divide alpha out of the keys afterwards",
        ),
        Mistake(
            _latent_alone,
            "this is C P_r, which makes the latent; P_r^T is missing, which takes it back to the columns of C",
        ),
        Mistake(_factors, "these are the factors; return their products, W_L W_LK and W_L W_LV"),
        Mistake(
            lambda *given: low_rank(*given)[::-1],
            "keys and values have changed places; those of the keys come first",
        ),
        Mistake(_alpha_on_values, "alpha weighs the values; it stands in front of W_K"),
        Mistake(_computed, "these are keys and values of the rows of X; return the matrices that X is to multiply"),
        Mistake(
            lambda *given: np.hstack(low_rank(*given)),
            "keys and values are returned side by side; return the two matrices apart",
        ),
    ),
    hints=(
        "Put the weights side by side, `C = np.hstack([alpha * W_K, W_V])`, and find the singular vectors of `X @ C`.",
        "`np.linalg.svd(X @ C)[2][:rank]` are the first r right singular vectors as rows, P_r^T. The latent is "
        "X C P_r, and `C @ P @ P.T` is C read through it.",
        "Cut the product behind the columns of W_K, and divide the first part by alpha.",
    ),
)
