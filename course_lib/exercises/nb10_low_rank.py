"""Exercise 10.1: keys and values of low rank, by PCA of what the layer computes on real inputs."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def low_rank(X, W_K, W_V, rank, alpha):
    C = np.hstack([alpha * W_K, W_V])
    _, _, Bt = np.linalg.svd(X @ C)  # singular values fall, so the first rows of B^T are the ones to keep
    C = C @ Bt[:rank].T @ Bt[:rank]
    K_part, V_part = np.split(C, [W_K.shape[1]], axis=1)
    return K_part / alpha, V_part


def _each_alone(X, W_K, W_V, rank, alpha):
    return tuple(W @ (B := np.linalg.svd(X @ W)[2][:rank].T) @ B.T for W in (W_K, W_V))


def _half_each(X, W_K, W_V, rank, alpha):
    return _each_alone(X, W_K, W_V, rank // 2, alpha)


def _inputs(rank: int, alpha: float, rows: int = 7, widths: tuple[int, int] = (3, 4)) -> tuple:
    """Inputs with a mean, and with directions of unequal size. By default C has as many columns as X has rows."""
    X = (randn(rows, 5, seed=2) + 0.8) * np.array([4.0, 0.3, 1.0, 0.2, 2.0])
    return X, randn(5, widths[0]), randn(5, widths[1], seed=1), rank, alpha


LOW_RANK = Exercise(
    id="10.1",
    title="keys and values from r numbers",
    minutes=10,
    difficulty=2,
    solution=low_rank,
    stages=(
        Stage(_inputs(5, 2.5), "full rank, r = d: nothing is lost, whatever alpha is"),
        Stage((np.eye(7), randn(7, 3), randn(7, 4, seed=1), 2, 2.0), "X is the identity: W_K and W_V alone decide"),
        Stage(_inputs(2, 1.0, rows=11), "alpha is 1: the inputs decide too"),
        Stage(_inputs(3, 0.4, rows=11), "keys count less than values"),
        Stage(_inputs(3, 1.7, rows=11, widths=(4, 2)), "keys are wider than values"),
    ),
    mistakes=edits(
        low_rank,
        """
        K_part / alpha -> K_part | The keys come out alpha times too large. Divide alpha out of them at the end.
        np.linalg.svd(X @ C) -> np.linalg.svd(C) | These are the singular vectors of C. Take those of X C, so that
          directions count as much as the inputs use them.
        np.linalg.svd(X @ C) -> np.linalg.svd(X.T @ X @ C) | These are the singular vectors of X^T X C, in which the
          inputs count twice. Take those of X C.
        _, _, Bt = np.linalg.svd(X @ C) -> Bt = np.linalg.svd(X @ C)[0].T | These are left singular vectors, with one
          entry per token. B_r has the right ones, with one entry per column of C.
        Bt[:rank].T @ Bt[:rank] -> Bt[:, :rank] @ Bt[:, :rank].T | These are the first columns of what `np.linalg.svd`
          returns last. It returns B^T, so a singular vector is a row of it.
        Bt[:rank].T @ Bt[:rank] -> Bt[-rank:].T @ Bt[-rank:] | The directions with the smallest singular values are
          kept. `svd` sorts them falling, so keep the first; `eigh` sorts them rising.
        Bt[:rank].T @ Bt[:rank] -> Bt[: rank + 1].T @ Bt[: rank + 1] | Here r + 1 directions are kept. The first r
          have the indices 0 to r - 1.
        Bt[:rank].T @ Bt[:rank] -> Bt[: rank - 1].T @ Bt[: rank - 1] | Here r - 1 directions are kept. The first r
          have the indices 0 to r - 1.
        np.linalg.svd(X @ C) -> np.linalg.svd(X @ C - (X @ C).mean(axis=0)) | The mean of X C is subtracted first, as
          statistics does. Keys are to be recovered with their mean, so do not centre.
        np.linalg.svd(X @ C) -> np.linalg.svd(X) && C = C @ Bt[:rank].T @ Bt[:rank] -> C = Bt[:rank].T @ Bt[:rank] @ C
          | This keeps the largest directions of the inputs X. W_K and W_V may ignore these, so take X C.
        Bt[:rank].T @ Bt[:rank] -> Bt.T @ Bt | All directions are kept, so these are W_K and W_V. Keep the first r.
        alpha * W_K -> W_K | alpha is missing in C, and the keys are divided by it. C is (alpha W_K, W_V).
        K_part / alpha -> K_part * alpha | The keys are multiplied by alpha a second time. Divide alpha out of them at
          the end.
        [alpha * W_K, W_V] -> [W_K, W_V] && K_part / alpha -> K_part | alpha is not used. The directions are those of
          (alpha W_K, W_V).
        alpha * W_K, W_V -> W_K, alpha * W_V && K_part / alpha, V_part -> K_part, V_part / alpha | alpha weighs the
          values, or divides the keys. It multiplies W_K.
        alpha * W_K -> W_K / alpha | alpha divides the keys while directions are chosen. It multiplies W_K, and is
          divided out at the end.
        [alpha * W_K, W_V] -> [alpha * W_K, alpha * W_V] | alpha multiplies the values, too. It multiplies W_K alone.
        K_part / alpha, V_part -> K_part / alpha, V_part / alpha | The values are divided by alpha too. Only W_K was
          multiplied by it.
        [alpha * W_K, W_V] -> [W_V, alpha * W_K] | The values stand before the keys in C, and C is cut as if the keys
          came first.
        C = C @ Bt[:rank].T @ Bt[:rank] -> C = np.hstack([W_K, W_V]) @ Bt[:rank].T @ Bt[:rank] && K_part / alpha ->
          K_part | The directions are those of (alpha W_K, W_V), but (W_K, W_V) is projected on them. Project the same
          C, and divide alpha out of the keys afterwards.
        C = C @ Bt[:rank].T @ Bt[:rank] -> C = C @ Bt[:rank].T | This is C B_r, which makes the latent. B_r^T is
          missing, which takes it back to the columns of C.
        return K_part / alpha, V_part -> B_K, B_V = np.split(Bt[:rank].T, [W_K.shape[1]]); return W_K @ B_K @ B_K.T,
          W_V @ B_V @ B_V.T | W_K meets its own rows of B_r alone, W_V the other rows. The latent C B_r holds both, so
          form C B_r B_r^T and cut it then.
        [W_K.shape[1]] -> [C.shape[1] // 2] | The product is cut in its middle. Cut it behind the columns of W_K, which
          can have another width than W_V.
        C = C @ Bt[:rank].T @ Bt[:rank] -> C = Bt[:rank] | These are W_LK and W_LV. Return the products W_L W_LK and W_L
          W_LV.
        C = C @ Bt[:rank].T @ Bt[:rank] -> L = C @ Bt[:rank].T && np.split(C, -> np.split(Bt[:rank], && return ->
          return L, | These are the factors. Return their products, W_L W_LK and W_L W_LV.
        return K_part / alpha, V_part -> return V_part, K_part / alpha | Keys and values have changed places. Those of
          the keys come first.
        return K_part / alpha, V_part -> return X @ K_part / alpha, X @ V_part | These are keys and values of the rows
          of X. Return the matrices that X is to multiply.
        return K_part / alpha, V_part -> return np.hstack([K_part / alpha, V_part]) | Keys and values are returned
          side by side. Return the two matrices apart.
        """,
    )
    + (
        Mistake(
            _each_alone,
            "Keys and values are factored apart, so that two latents of r numbers have to be cached. Put them side by "
            "side in C, for one.",
        ),
        Mistake(
            _half_each,
            "Keys and values are factored apart, with half the rank each. Put them side by side in C, so that the r "
            "directions serve both.",
        ),
    ),
    hints=(
        "Put the matrices side by side, `C = np.hstack([alpha * W_K, W_V])`, and find the singular vectors of `X @ C`.",
        "`np.linalg.svd(X @ C)[2][:rank]` are the first r right singular vectors as rows, B_r^T. The latent is "
        "X C B_r, and `C @ B @ B.T` is C read through it.",
        "Cut the product behind the columns of W_K, and divide the first part by alpha.",
    ),
)
