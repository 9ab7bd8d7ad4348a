"""Checks of notebook 12: solutions against the package, right answers in any style, other wrong answers."""

import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from scipy import linalg, special

from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.exercises.nb12_blocks import level_blocks
from course_lib.exercises.nb12_kernel import shifted_kernel
from course_lib.exercises.nb12_numerical_rank import numerical_rank
from course_lib.exercises.nb12_product import scores_at_rank
from course_lib.exercises.nb12_projection import projection_errors
from course_lib.exercises.nb12_storage import hierarchical_storage
from course_lib.limits import ANSWER
from course_lib.randomised import range_error, svd_within, tail_norms, to_hodlr, truncated_svd

EXERCISES = {exercise.id: exercise for exercise in of_notebook("12")}
RANDOM = np.random.default_rng


def causal(n: int, seed: int) -> np.ndarray:
    """Weights of a causal head with random logits."""
    S = np.where(np.tri(n, dtype=bool), RANDOM(seed).normal(size=(n, n)), -np.inf)
    return special.softmax(S, axis=1)


# Solutions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [0.0, 1e-3, 0.1, 0.3, 0.7, 1.0, 2.0])
def test_the_rank_is_that_of_the_package(eps):
    M = RANDOM(0).normal(size=(11, 7)) @ np.diag(2.0 ** -np.arange(7))
    sigma = np.linalg.svd(M, compute_uv=False)
    found, best = numerical_rank(sigma, eps), svd_within(M, eps)
    assert found["rank"] == best.rank
    assert found["tail"] == pytest.approx(np.linalg.norm(M - best.matrix()), rel=1e-12, abs=1e-14)
    assert found["tail"] == tail_norms(sigma)[best.rank]


@pytest.mark.parametrize("n, N, d, r", [(13, 8, 5, 2), (6, 17, 6, 6), (9, 9, 3, 1)])
def test_scores_at_a_rank_are_the_truncated_svd_of_all_scores(n, N, d, r):
    rng = RANDOM(1)
    Q, K, V = (rng.normal(size=shape) for shape in ((n, d), (N, d), (N, 4)))
    found = scores_at_rank(Q, K, V, r)
    np.testing.assert_allclose(found["sigma"], np.linalg.svd(Q @ K.T, compute_uv=False)[:d], rtol=1e-12)
    np.testing.assert_allclose(found["Y"], truncated_svd(Q @ K.T, r) @ V, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_the_kernel_is_scipys_softmax_and_logsumexp(size):
    rng, mask = RANDOM(2), np.tri(6, 9, 3, dtype=bool)
    Q, K = size * rng.normal(size=(6, 5)), rng.normal(size=(9, 5))
    found, S = shifted_kernel(Q, K, 0.7, mask), np.where(mask, 0.7 * Q @ K.T, -np.inf)
    np.testing.assert_allclose(found["P"], special.softmax(S, axis=1), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(found["log_Z"], special.logsumexp(S, axis=1), rtol=1e-13)
    np.testing.assert_allclose(found["A"], found["P"] / found["P"].max(axis=1, keepdims=True), rtol=1e-12)


def test_a_shift_of_rows_keeps_the_rank_of_the_kernel():
    """Two keys that are equal make two columns equal, and no shift of rows changes that."""
    rng = RANDOM(3)
    Q, K = rng.normal(size=(8, 3)), rng.normal(size=(4, 3))[[0, 1, 2, 3, 0, 1]]
    A = shifted_kernel(Q, K, 1.0, np.ones((8, 6), dtype=bool))["A"]
    assert np.linalg.matrix_rank(A) == np.linalg.matrix_rank(np.exp(Q @ K.T)) == 4


@pytest.mark.parametrize("n, level, r", [(24, 1, 3), (24, 2, 4), (24, 3, 1), (56, 3, 2)])
def test_blocks_and_errors_are_those_of_the_hierarchical_format(n, level, r):
    P, b = causal(n, 4), n // 2**level
    found = level_blocks(P, level, r)
    blocks = [block for block in to_hodlr(P, partial(truncated_svd, k=r), b).blocks if len(block.part.U) == b]
    assert len(found["blocks"]) == len(blocks) == 2 ** (level - 1)
    for got, error, block in zip(found["blocks"], found["errors"], blocks, strict=True):
        at = np.s_[block.row : block.row + b, block.column : block.column + b]
        np.testing.assert_array_equal(got, P[at])
        assert error == pytest.approx(np.linalg.norm(P[at] - block.part.matrix()), rel=1e-10)


@pytest.mark.parametrize("m, n, columns", [(12, 9, 4), (7, 15, 6), (9, 9, 1)])
def test_errors_of_projections_are_those_of_the_package(m, n, columns):
    rng = RANDOM(5)
    M, Y = rng.normal(size=(m, n)), rng.normal(size=(m, columns)) + 2
    errors = projection_errors(M, Y)
    assert len(errors) == columns + 1 and errors[0] == pytest.approx(np.linalg.norm(M), rel=1e-14)
    for j in range(1, columns + 1):
        assert errors[j] == pytest.approx(range_error(M, np.linalg.qr(Y[:, :j])[0]), rel=1e-10)


def test_the_error_on_the_whole_range_is_0_up_to_a_ten_millionth():
    """Differences of squares are right to about 1e-16 ||M||^2, so errors are right to about 1e-8 ||M||."""
    rng = RANDOM(6)
    M = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 15))
    error = projection_errors(M, M[:, :2])[-1]
    assert 0 <= error < 1e-7 * np.linalg.norm(M)


@pytest.mark.parametrize("n, leaf, r", [(24, 6, 3), (40, 5, 2), (64, 4, 4), (7, 7, 1), (26, 13, 0)])
def test_storage_is_that_of_the_hierarchical_format(n, leaf, r):
    stored, found = to_hodlr(causal(n, 7), partial(truncated_svd, k=r), leaf), hierarchical_storage(n, leaf, r)
    assert found["triangles"] + found["blocks"] == stored.entries
    assert found["blocks"] == sum(block.part.entries for block in stored.blocks)
    assert found["dense"] == len(np.tril_indices(n)[0])
    ranks = [k for k in range(n + 1) if truncated_svd(np.eye(n), k).entries <= stored.entries]
    assert found["rank"] == ranks[-1]


def test_the_exercises_need_neither_torch_nor_scipy():
    code = "import sys; from course_lib.exercises import of_notebook; assert len(of_notebook('12')) == 6; "
    code += "assert not {'torch', 'scipy'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=ANSWER)


# Right answers in other styles ----------------------------------------------------------------------------------------


def rank_in_torch(sigma, eps):
    squares = torch.from_numpy(sigma) ** 2
    left = torch.stack([squares[r:].sum() for r in range(len(sigma) + 1)])
    rank = int((left > eps**2 * squares.sum()).sum())
    return {"rank": rank, "tail": left[rank].sqrt()}


def rank_from_the_end(sigma, eps):
    rank, squares, most = len(sigma), 0.0, eps * np.linalg.norm(sigma)
    while rank > 0 and math.sqrt(squares + sigma[rank - 1] ** 2) <= most:
        rank -= 1
        squares += sigma[rank] ** 2
    return {"tail": math.sqrt(squares), "rank": rank}


def product_in_torch(Q, K, V, r):
    (q, a), (k, b) = (torch.linalg.qr(torch.from_numpy(M)) for M in (Q, K))
    U, sigma, Wt = torch.linalg.svd(a @ b.mT)
    coefficients = Wt[:r] @ (k.mT @ torch.from_numpy(V))
    return {"sigma": sigma, "Y": q @ U[:, :r] @ (sigma[:r, None] * coefficients)}


def product_with_roots(Q, K, V, r):
    """Both factors have the roots of the singular values."""
    basis, R = np.linalg.qr(K)
    U, sigma, Wt = np.linalg.svd(Q @ R.T, full_matrices=False)
    root = np.sqrt(sigma[:r])
    queries, keys = U[:, :r] * root, basis @ (Wt[:r].T * root)
    return {"sigma": sigma, "Y": np.einsum("ir,jr,jc->ic", queries, keys, V)}


def product_by_projection(Q, K, V, r):
    """Q K^T is projected on its leading left singular vectors."""
    (q, a), (_, b) = np.linalg.qr(Q), np.linalg.qr(K)
    U, sigma, _ = np.linalg.svd(a @ b.T)
    U = q @ U[:, :r]
    return {"sigma": sigma, "Y": U @ ((U.T @ Q) @ (K.T @ V))}


def product_with_all_scores(Q, K, V, r):
    """Right, if slow: no check can see the matrix of all scores."""
    U, sigma, Wt = np.linalg.svd(Q @ K.T, full_matrices=False)
    return {"sigma": sigma[: Q.shape[1]], "Y": (U[:, :r] * sigma[:r]) @ Wt[:r] @ V}


def kernel_in_torch(Q, K, scale, mask):
    S = torch.from_numpy(scale * Q @ K.T).masked_fill(~torch.from_numpy(mask), -math.inf)
    log_Z = torch.logsumexp(S, 1)
    return {"A": torch.exp(S - S.amax(1, True)), "P": torch.softmax(S, 1), "log_Z": log_Z}


def kernel_from_weights(Q, K, scale, mask):
    S = np.einsum("id,jd->ij", scale * Q, K)
    S[~mask] = -np.inf
    log_Z = np.logaddexp.reduce(S, axis=1)
    P = np.exp(S - log_Z[:, None])
    return {"A": P / P.max(axis=1)[:, None], "P": P, "log_Z": log_Z}


def blocks_by_reshaping(P, level, r):
    b = len(P) // 2**level
    tiles = P.reshape(2**level, b, 2**level, b).swapaxes(1, 2)
    places = np.arange(0, 2**level, 2)
    blocks = tiles[places + 1, places]
    U, sigma, Vt = np.linalg.svd(blocks)
    best = (U[..., :r] * sigma[:, None, :r]) @ Vt[:, :r]
    return {"blocks": blocks, "errors": np.linalg.norm(blocks - best, axis=(1, 2))}


def blocks_by_cutting(P, level, r):
    """The recursion of the hierarchical format."""
    half = len(P) // 2
    if level == 1:
        block = torch.from_numpy(P[half:, :half])
        return {"blocks": block[None], "errors": [torch.linalg.svdvals(block)[r:].square().sum() ** 0.5]}
    first, second = (blocks_by_cutting(part, level - 1, r) for part in (P[:half, :half], P[half:, half:]))
    return {"blocks": np.concatenate([first["blocks"], second["blocks"]]), "errors": first["errors"] + second["errors"]}


def errors_by_projecting(M, Y):
    """Each from a projection of its own."""
    errors = [np.linalg.norm(M)]
    for j in range(1, Y.shape[1] + 1):
        Q, _ = np.linalg.qr(Y[:, :j])
        errors.append(np.linalg.norm(M - Q @ (Q.T @ M)))
    return errors


def errors_by_gram_schmidt(M, Y):
    Y, R = torch.from_numpy(Y).clone(), torch.from_numpy(M).clone()
    errors = [R.norm()]
    for j in range(Y.shape[1]):
        q = Y[:, j] / Y[:, j].norm()
        Y -= torch.outer(q, q @ Y)
        R -= torch.outer(q, q @ R)
        errors.append(R.norm())
    return torch.stack(errors)


def errors_by_least_squares(M, Y):
    left = [np.linalg.lstsq(Y[:, :j], M, rcond=None)[0] for j in range(1, Y.shape[1] + 1)]
    return [np.sqrt((M**2).sum())] + [np.sqrt(((M - Y[:, : len(C)] @ C) ** 2).sum()) for C in left]


def storage_by_logarithm(N, leaf, r):
    levels = round(math.log2(N / leaf))
    sizes = N / 2.0 ** np.arange(1, levels + 1)
    blocks = int(np.sum(2.0 ** np.arange(levels) * 2 * r * sizes))
    triangles = sum(range(leaf + 1)) * 2**levels
    return {
        "triangles": triangles,
        "blocks": blocks,
        "dense": math.comb(N + 1, 2),
        "rank": (triangles + blocks) // N // 2,
    }


def storage_by_recursion(N, leaf, r):
    def stored(n):
        if n == leaf:
            return leaf * (leaf + 1) // 2, 0
        triangle, block = stored(n // 2)
        return 2 * triangle, 2 * block + 2 * r * (n // 2)

    triangles, blocks = stored(N)
    rank = 0
    while 2 * N * (rank + 1) <= triangles + blocks:
        rank += 1
    return {"rank": rank, "dense": sum(range(1, N + 1)), "triangles": triangles, "blocks": blocks}


@pytest.mark.parametrize(
    "number, answer",
    [
        ("12.1", rank_in_torch),
        ("12.1", rank_from_the_end),
        ("12.2", product_in_torch),
        ("12.2", product_with_roots),
        ("12.2", product_by_projection),
        ("12.2", product_with_all_scores),
        ("12.3", kernel_in_torch),
        ("12.3", kernel_from_weights),
        ("12.4", blocks_by_reshaping),
        ("12.4", blocks_by_cutting),
        ("12.6", errors_by_projecting),
        ("12.6", errors_by_gram_schmidt),
        ("12.6", errors_by_least_squares),
        ("12.5", storage_by_logarithm),
        ("12.5", storage_by_recursion),
    ],
)
def test_right_answers_in_other_styles_pass(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


# Wrong answers, written otherwise than the known mistakes -------------------------------------------------------------


def ranked(suffices, tail=np.linalg.norm):
    """The first r for which suffices(kept values, other values, all, eps), with a tail of the other values."""

    def answer(sigma, eps):
        for r in range(len(sigma) + 1):
            if suffices(sigma[:r], sigma[r:], sigma, eps):
                return {"rank": r, "tail": tail(sigma[r:])}
        return None

    return answer


def is_small(kept, left, sigma, eps):
    return np.linalg.norm(left) <= eps * np.linalg.norm(sigma)


def first_or_zero(values):
    return values[0] if len(values) else 0.0


def by_energy(sigma, eps):
    """The energy of what is kept; for a small eps all of it is lost in rounding."""
    kept = np.concatenate([[0.0], np.cumsum(sigma**2)])
    rank = np.count_nonzero(kept < (1 - eps**2) * kept[-1] - 1e-12 * kept[-1])
    return {"rank": rank, "tail": np.sqrt(np.maximum(kept[-1] - kept[rank], 0))}


def by_shares(suffices):
    """The kept share of the squares is compared with 1 - eps^2."""

    def answer(sigma, eps):
        shares = np.append(0, np.cumsum(sigma**2)) / np.sum(sigma**2)
        rank = int(np.argmax(suffices(shares, 1 - eps**2)))
        return {"rank": rank, "tail": np.linalg.norm(sigma[rank:])}

    return answer


def by_norms_of_what_is_kept(sigma, eps):
    norms = [np.sqrt(np.sum(sigma[:r] ** 2)) for r in range(len(sigma) + 1)]
    least = (1 - eps**2) ** 0.5 * norms[-1] if eps < 1 else 0
    rank = next(r for r, norm in enumerate(norms) if norm >= least)
    return {"rank": rank, "tail": np.linalg.norm(sigma[rank:])}


def at_most_left(shares, least):
    return 1 - shares <= 1 - least


def ends_too_early(sigma, eps):
    """The loop ends before full rank, and its last rank is returned."""
    for r in range(len(sigma)):
        if is_small(sigma[:r], sigma[r:], sigma, eps):
            break
    return {"rank": r, "tail": np.linalg.norm(sigma[r:])}


def one_less(sigma, eps):
    rank = ranked(is_small)(sigma, eps)["rank"] - 1
    return {"rank": rank, "tail": np.linalg.norm(sigma[rank:])}


def scores(small=lambda a, b: a @ b.T, cut=slice, weights=lambda s: s):
    """Exercise 12.2 by QR and SVD, with another small product, other kept indices or other weights."""

    def answer(Q, K, V, r):
        (q, a), (k, b) = np.linalg.qr(Q), np.linalg.qr(K)
        U, s, Wt = np.linalg.svd(small(a, b))
        kept = cut(r)
        return {"sigma": s, "Y": q @ (U[:, kept] @ (weights(s[kept])[:, None] * (Wt[kept] @ (k.T @ V))))}

    return answer


def truncated_apart(Q, K, V, r):
    low = [truncated_svd(M, r).matrix() for M in (Q, K)]
    return {"sigma": np.linalg.svd(Q @ K.T, compute_uv=False)[: Q.shape[1]], "Y": low[0] @ low[1].T @ V}


def with_rows_of_U(Q, K, V, r):
    (q, a), (k, b) = np.linalg.qr(Q), np.linalg.qr(K)
    U, s, Wt = np.linalg.svd(a @ b.T)
    return {"sigma": s, "Y": q @ (np.diag(s) @ U)[:, :r] @ Wt[:r] @ k.T @ V}


def by_eigenvalues(Q, K, V, r):
    s = np.sqrt(np.abs(np.linalg.eigvals(Q.T @ Q @ K.T @ K)))
    return {"sigma": -np.sort(-s), "Y": product_with_all_scores(Q, K, V, r)["Y"]}


def of_gram(Q, K):
    """The singular values of Q K^T by a Gram matrix on the side of K alone."""
    R = np.linalg.qr(Q)[1]
    return np.sqrt(np.maximum(np.linalg.eigvalsh(R @ (K.T @ K) @ R.T), 0))[::-1]


def by_cholesky(Q, K, V, r):
    """Triangles from Gram matrices, in place of QR."""
    a, b = (np.linalg.cholesky(X.T @ X).T for X in (Q, K))
    return product_with_all_scores(Q, K, V, r) | {"sigma": np.linalg.svd(a @ b.T)[1]}


def spectrum(change):
    return lambda Q, K, V, r: product_with_all_scores(Q, K, V, r) | {"sigma": change(Q, K, r)}


def kernel(shift=lambda S, mask: np.where(mask, S, -np.inf).max(1, keepdims=True), logit=np.multiply, log_Z=None):
    """Exercise 12.3 with another shift, other logits, or another logarithm of the shift and the sums."""

    def answer(Q, K, scale, mask):
        S = logit(scale, Q @ K.T)
        c = shift(S, mask)
        A = np.where(mask, np.exp(S - c), 0)
        Z = A.sum(1)
        c = np.broadcast_to(c, (len(S), c.shape[1]) if np.ndim(c) else (len(S), 1))[:, 0]
        return {"A": A, "P": A / Z[:, None], "log_Z": log_Z(c, Z) if log_Z else c + np.log(Z)}

    return answer


def with_a_finite_mask(least):
    """The mask is a number that is added to hidden logits."""

    def answer(Q, K, scale, mask):
        S = scale * Q @ K.T + np.where(mask, 0.0, least)
        return kernel(lambda *_: S.max(1, keepdims=True), lambda *_: S)(Q, K, scale, np.ones_like(mask))

    return answer


def with_finite_logits(number):
    return lambda Q, K, scale, mask: kernel_in_torch(
        np.where(mask, scale * Q @ K.T, number), np.eye(len(K)), 1.0, np.ones_like(mask)
    )


def masked_after_the_softmax(names):
    def answer(Q, K, scale, mask):
        found = kernel_in_torch(Q, K, scale, np.ones_like(mask))
        return {name: value * torch.from_numpy(mask) if name in names else value for name, value in found.items()}

    return answer


def with_a_late_mask(names):
    """Some of the three results count hidden keys."""

    def answer(Q, K, scale, mask):
        S = scale * Q @ K.T
        largest = np.where(mask, S, -np.inf).max(1, keepdims=True)
        everything = np.exp(S - largest)
        A = np.where(mask, everything, 0)
        sums = {name: (everything if name in names else A).sum(1, keepdims=True) for name in ("P", "log_Z")}
        log_Z = largest[:, 0] + np.log(sums["log_Z"][:, 0])
        return {"A": everything if "A" in names else A, "P": A / sums["P"], "log_Z": log_Z}

    return answer


def kernel_of_all_keys(Q, K, scale, mask):
    return kernel_in_torch(Q, K, scale, np.ones_like(mask))


def cut_at(places, error=lambda s, r: np.sqrt((s[r:] ** 2).sum())):
    """Exercise 12.4 with other places (row, column) of the blocks of 2^level leaves, in blocks."""

    def answer(P, level, r):
        b = len(P) // 2**level
        blocks = np.stack([P[i * b : (i + 1) * b, j * b : (j + 1) * b] for i, j in places(2**level)])
        return {"blocks": blocks, "errors": [error(np.linalg.svd(block)[1], r) for block in blocks]}

    return answer


def of_all_levels(joined):
    def answer(P, level, r):
        found = [blocks_by_reshaping(P, i, r) for i in range(1, level + 1)]
        return {key: joined([one[key] for one in found]) for key in ("blocks", "errors")}

    return answer


def of_the_level(n):
    return [(i + 1, i) for i in range(0, n, 2)]


def projected(basis=lambda Y: np.linalg.qr(Y)[0], error=lambda M, Q: np.linalg.norm(M - Q @ Q.T @ M), first=0):
    """Exercise 12.6 by projections, with another basis or another error."""

    def answer(M, Y):
        Q = basis(Y)
        return np.array([error(M, Q[:, :j]) for j in range(first, Y.shape[1] + 1)])

    return answer


def stored(triangle=lambda m: m * (m + 1) // 2, block=lambda r, b, i: 2 * r * b, stop=1, rank=None, count=None):
    """Exercise 12.5 with other counts of a leaf, of a block, of the blocks at level i, or another rank."""

    def answer(N, leaf, r):
        n, total = N // leaf, 0
        for i in range(1, round(math.log2(n)) + stop):
            total += (count(i) if count else 2 ** (i - 1)) * block(r, N // 2**i, i)
        triangles = n * triangle(leaf)
        found = {"triangles": triangles, "blocks": total, "dense": N * (N + 1) // 2}
        return found | {"rank": rank(triangles, total, N) if rank else (triangles + total) // (2 * N)}

    return answer


RANKS = [
    (ranked(lambda kept, left, sigma, eps: first_or_zero(left) <= eps * sigma[0]), "chosen by the spectral norm"),
    (ranked(lambda kept, left, sigma, eps: first_or_zero(left) <= eps * sigma[0], first_or_zero), "and sigma_r"),
    (ranked(is_small, first_or_zero), "This is sigma_r, the error in the spectral norm"),
    (ranked(lambda kept, left, sigma, eps: left.sum() <= eps * sigma.sum(), np.sum), "are added, not their squares"),
    (ranked(lambda kept, left, sigma, eps: left @ left <= eps * (sigma @ sigma)), "eps needs a square there, too"),
    (ranked(lambda kept, left, sigma, eps: kept @ kept >= (1 - eps) * (sigma @ sigma)), "as if a share 1 - eps"),
    (ranked(lambda kept, left, sigma, eps: np.linalg.norm(left) < eps * np.linalg.norm(sigma)), "is strict"),
    (ranked(lambda kept, left, sigma, eps: np.linalg.norm(left) <= eps), "compared with eps itself"),
    (ranked(lambda kept, left, sigma, eps: np.linalg.norm(left) <= eps * sigma[0]), "compared with eps sigma_0"),
    (ranked(lambda kept, left, sigma, eps: len(left) and is_small(kept, left, sigma, eps)), "Full rank has the tail 0"),
    (ranked(lambda kept, left, sigma, eps: len(kept) and is_small(kept, left, sigma, eps)), "Rank 0 is not tried"),
    (ranked(is_small, lambda left: left @ left), "The tail is squared"),
    (one_less, "one too small"),
    (by_energy, "to 1e-5, eps 3e-9"),
    *((by_shares(suffices), "found from the squares that are kept") for suffices in (np.greater_equal, at_most_left)),
    (by_norms_of_what_is_kept, "found from the norms of what is kept"),
    (lambda sigma, eps: numerical_rank(sigma, eps) if eps else by_shares(at_most_left)(sigma, 1e-8), "only full rank"),
    (lambda sigma, eps: ranked(is_small)(sigma, eps) if eps else {"rank": len(sigma), "tail": 0.0}, "eps is 0"),
    (ends_too_early, "one below full rank"),
    (lambda sigma, eps: {"rank": 0, "tail": 0.0}, "Rank 0 has the tail 0 here, but it leaves out all values"),
]
SCORES = [
    (spectrum(lambda Q, K, r: of_gram(Q, K)), "K^T K loses the small ones"),
    (spectrum(lambda Q, K, r: of_gram(K, Q)), "Q^T Q loses them"),
    (spectrum(lambda Q, K, r: np.linalg.svd(np.linalg.qr(Q.astype(np.float32))[1] @ np.float32(K.T))[1]), "as float32"),
    (scores(lambda a, b: a @ b), "R_K is not transposed"),
    (scores(lambda a, b: a.T @ b), "R_Q is transposed, and R_K is not"),
    (scores(lambda a, b: a.T @ b.T), "R_Q is transposed, too"),
    (scores(lambda a, b: b @ a.T), "small product of K Q^T"),
    (scores(cut=lambda r: slice(None)), "Nothing is truncated"),
    (scores(cut=lambda r: slice(-r, None)), "smallest singular values are kept"),
    (scores(cut=lambda r: slice(r + 1)), "r + 1 singular values are kept"),
    (scores(weights=np.ones_like), "The singular values are missing in the product"),
    (scores(weights=np.sqrt), "One factor has the roots"),
    (scores(weights=np.square), "The singular values count twice"),
    (with_rows_of_U, "The rows of U are multiplied by sigma"),
    (truncated_apart, "Q and K are truncated apart"),
    (by_eigenvalues, "those of Gram matrices lose the small ones"),
    (spectrum(lambda Q, K, r: np.linalg.svd(Q)[1] * np.linalg.svd(K)[1]), "Those of a product are not products"),
    (spectrum(lambda Q, K, r: np.linalg.svd(Q @ K.T)[1][:r]), "These are the first r singular values"),
    (spectrum(lambda Q, K, r: np.linalg.svd(Q @ K.T)[1]), "These are min(n, N) singular values"),
    (by_cholesky, "Q^T Q loses them"),
    (
        lambda Q, K, V, r: (
            product_in_torch(Q, K, V, r) | {"Y": special.softmax(truncated_svd(Q @ K.T, r).matrix(), 1) @ V}
        ),
        "Y has a softmax in it",
    ),
    (
        lambda Q, K, V, r: product_in_torch(Q, K, V, r) | {"Y": truncated_svd(Q @ (K.T @ V), r).matrix()},
        "The product with V is truncated",
    ),
]
KERNELS = [
    (kernel(lambda S, mask: np.where(mask, S, -np.inf).max(0, keepdims=True)), "The shift is that of each column"),
    (kernel(lambda S, mask: np.where(mask, S, -np.inf).max()), "One shift serves all rows"),
    (kernel(lambda S, mask: np.abs(S).max()), "largest absolute value of all logits"),
    (kernel(lambda S, mask: np.abs(S).max(1, keepdims=True)), "largest absolute value of a row"),
    (kernel(lambda S, mask: S.max(1, keepdims=True)), "looks at hidden keys"),
    (kernel(lambda S, mask: np.zeros((len(S), 1))), "A is not shifted"),
    (kernel(log_Z=lambda c, Z: np.log(Z)), "log_Z is that of the shifted kernel"),
    (kernel(log_Z=lambda c, Z: np.log(Z) - c), "The shift is subtracted from log_Z"),
    (kernel(log_Z=lambda c, Z: np.log(np.exp(c) * Z)), "exp(shift) overflows"),
    (kernel(log_Z=lambda c, Z: (c + np.log(Z))[:, None]), "one column too much"),
    (kernel(logit=lambda scale, S: S), "The scale is missing"),
    (kernel(logit=lambda scale, S: S / scale), "divided by the scale"),
    (kernel_of_all_keys, "The mask is not used"),
    (kernel(logit=lambda scale, S: scale**2 * S), "the scale twice"),
    (kernel(lambda S, mask: -np.where(mask, S, -np.inf).max(1, keepdims=True)), "The shift is added to the logits"),
    (with_a_late_mask(["A"]), "A has hidden keys"),
    (with_a_late_mask(["P", "log_Z"]), "the mask is used after them"),
    (with_a_late_mask(["log_Z"]), "log_Z counts hidden keys"),
    *((with_finite_logits(number), "Set hidden ones to minus infinity") for number in (-1e4, -1e6, -1e9)),
    (with_finite_logits(-2e7), "a finite number for hidden keys"),
    (kernel(lambda S, mask: (S * mask).max(1, keepdims=True)), "as if hidden keys had the logit 0"),
    (
        kernel(lambda S, mask: np.max(S, 1, where=mask, initial=0, keepdims=True)),
        "as if hidden keys had the logit 0",
    ),
    (masked_after_the_softmax(["A", "P"]), "The mask is used after the softmax"),
    (masked_after_the_softmax(["P"]), "The mask is used for P alone"),
    (with_a_late_mask(["P"]), "A and log_Z are right"),
    *((with_a_finite_mask(-number), "A finite number is added") for number in (50, 2000, 1e4, 1e5)),
]
BLOCKS = [
    (cut_at(lambda n: [(i, i) for i in range(n // 2)]), "These are the first blocks on the diagonal"),
    (cut_at(lambda n: [(i + 1, 0) for i in range(0, n, 2)]), "have the right rows"),
    (cut_at(lambda n: [(i + 1, 0) for i in range(n // 2)]), "in the first b columns, one under the other"),
    (of_all_levels(lambda found: [entry for one in found for entry in one]), "the blocks of all levels up to the one"),
    (of_all_levels(list), "one entry for each level"),
    (cut_at(lambda n: [(i, i + 1) for i in range(0, n, 2)]), "above the diagonal"),
    (cut_at(lambda n: [(i, i) for i in range(n)]), "These are the blocks on the diagonal"),
    (cut_at(lambda n: [(i + 1, i) for i in range(n - 1)]), "Every second one was cut at an earlier level"),
    (cut_at(lambda n: [(i, j) for i in range(n) for j in range(i)]), "All blocks below the diagonal"),
    (cut_at(lambda n: [(i + 2, i + 1) for i in range(0, n - 2, 2)]), "b columns too far right"),
    (cut_at(lambda n: [(i + 1, i) for i in range(n // 2)]), "The first blocks next to the diagonal"),
    (cut_at(of_the_level, lambda s, r: (s[r:] ** 2).sum()), "The errors are squared"),
    (cut_at(of_the_level, lambda s, r: s[r:].sum()), "The values that are left out are added"),
    (cut_at(of_the_level, lambda s, r: first_or_zero(s[r:])), "the error in the spectral norm"),
    (cut_at(of_the_level, lambda s, r: np.linalg.norm(s[:r])), "the norm of what is kept"),
    (cut_at(of_the_level, lambda s, r: np.linalg.norm(s[r + 1 :])), "those of rank r + 1"),
    (
        cut_at(of_the_level, lambda s, r: np.linalg.norm(s[r:]) / np.linalg.norm(s)),
        "divided by the norms of the blocks",
    ),
    (lambda P, level, r: blocks_by_reshaping(P, level + 1, r), "b is half as large"),
    (
        lambda P, level, r: (
            blocks_by_reshaping(P, level, r)
            | {"blocks": np.stack([truncated_svd(B, r).matrix() for B in level_blocks(P, level, r)["blocks"]])}
        ),
        "These are the approximations of the blocks",
    ),
    (
        lambda P, level, r: (
            blocks_by_reshaping(P, level, r) | {"errors": level_blocks(P, level, r)["errors"] / np.linalg.norm(P)}
        ),
        "divided by the norm of P",
    ),
    (
        lambda P, level, r: (
            {"blocks": level_blocks(P, level, r)["blocks"].mT} | {"errors": level_blocks(P, level, r)["errors"]}
        ),
        "transposed",
    ),
]


def by_norms(basis=lambda Y: np.linalg.qr(Y)[0], clipped=lambda left: np.maximum(left, 0)):
    """Exercise 12.6 by differences of squares, with another basis or without a lower end."""

    def answer(M, Y):
        return np.sqrt(clipped(np.sum(M**2) - np.append(0, np.cumsum(np.linalg.norm(basis(Y).T @ M, axis=1) ** 2))))

    return answer


def by_cholesky_of_gram(Y):
    return np.linalg.solve(np.linalg.cholesky(Y.T @ Y), Y.T).T


def by_classical_gram_schmidt(Y):
    basis = np.zeros((len(Y), 0))
    for y in Y.T:
        y = y - basis @ (basis.T @ y)
        basis = np.column_stack([basis, y / np.linalg.norm(y)])
    return basis


PROJECTIONS = [
    (by_norms(clipped=lambda left: left), "Replace negative differences by 0"),
    (by_norms(by_classical_gram_schmidt), "Classical Gram-Schmidt"),
    (by_norms(by_cholesky_of_gram), "nearly parallel"),
    (by_norms(lambda Y: np.linalg.qr(Y.astype(np.float32))[0]), "float32 are too inexact"),
    (by_norms(lambda Y: linalg.qr(Y, mode="economic", pivoting=True)[0]), "QR with pivoting"),
    (by_norms(lambda Y: np.linalg.qr(Y, mode="complete")[0]), "U has columns beyond the span of G"),
    (projected(lambda Y: Y), "G G^T B is subtracted"),
    (
        lambda M, Y: np.sqrt(np.maximum(np.sum(M**2) - np.append(0, np.cumsum(np.sum((Y.T @ M) ** 2, 1))), 0)),
        "as if they were orthonormal",
    ),
    (projected(lambda Y: np.linalg.svd(Y, full_matrices=False)[0]), "left singular vectors of G"),
    (projected(error=lambda M, Q: np.linalg.norm(M - Q @ Q.T @ M) ** 2), "These are the squared errors"),
    (projected(error=lambda M, Q: np.linalg.norm(Q.T @ M)), "the norms of what is kept"),
    (projected(error=lambda M, Q: np.linalg.norm(M) - np.linalg.norm(Q.T @ M)), "The norms are subtracted"),
    (projected(error=lambda M, Q: np.linalg.norm(M - Q @ Q.T @ M, 2)), "spectral norms"),
    (projected(error=lambda M, Q: np.linalg.norm(M + Q @ Q.T @ M)), "Subtract U U^T B"),
    (projected(error=lambda M, Q: np.linalg.norm(M - Q[:, -1:] @ Q[:, -1:].T @ M)), "Each column is subtracted alone"),
    (projected(error=lambda M, Q: np.linalg.norm(M - Q @ Q.T @ M) / np.linalg.norm(M)), "divided by ||B||_F"),
    (projected(first=1), "The error without columns is missing"),
    (lambda M, Y: projected()(M, Y)[:-1], "The error with all columns is missing"),
    (lambda M, Y: projected()(M, Y)[-1], "Return one for each number of columns"),
]


def with_levels(count):
    """Exercise 12.5 with another number of levels."""

    def answer(N, leaf, r):
        triangles, blocks = N // leaf * (leaf * (leaf + 1) // 2), count(N, leaf) * r * N
        rank = int((triangles + blocks) // (2 * N))
        return {"triangles": triangles, "blocks": blocks, "dense": N * (N + 1) // 2, "rank": rank}

    return answer


STORAGES = [
    (stored(count=lambda i: 2**i), "the blocks of both triangles"),
    (stored(block=lambda r, b, i: r * b), "One of the two factors is counted"),
    (stored(block=lambda r, b, i: b * b), "as they are, with b^2 numbers"),
    (stored(block=lambda r, b, i: 2 * r * b + r), "The singular values are counted, too"),
    (stored(stop=2), "One level too many"),
    (stored(stop=0), "One level is missing"),
    (stored(count=lambda i: 1), "have N - m rows here"),
    (stored(block=lambda r, b, i: r * (2 * b - r)), "as many as a matrix of rank r has parameters"),
    (with_levels(lambda N, leaf: math.log2(N)), "counted as log2(N)"),
    (with_levels(lambda N, leaf: int(math.log2(N))), "log2(N), rounded down"),
    (with_levels(lambda N, leaf: math.log(N / leaf)), "natural logarithm"),
    (stored(count=lambda i: 1, block=lambda r, b, i: 2 ** (i - 1) * 2 * r), "Each block is counted with 2 r numbers"),
    (stored(lambda m: m * m), "counted as full squares"),
    (stored(lambda m: m * (m - 1) // 2), "The diagonal is missing in the leaves"),
    (stored(rank=lambda t, s, N: (t + s) // N), "One factor is counted for the single"),
    (stored(rank=lambda t, s, N: (t + s - 1) // (2 * N)), "at most, not fewer"),
    (stored(rank=lambda t, s, N: next(k for k in range(N) if 2 * N * (k + 1) >= t + s)), "at most, not fewer"),
    (stored(rank=lambda t, s, N: s // (2 * N)), "The leaves are not counted for the rank"),
    (stored(rank=lambda t, s, N: math.ceil((t + s) / (2 * N))), "The rank is rounded up"),
    (stored(rank=lambda t, s, N: round((t + s) / (2 * N))), "rounded to the nearest"),
    (lambda N, leaf, r: stored()(N, leaf, r) | {"dense": N * N // 2}, "This is half of the square"),
]
WRONG = {"12.1": RANKS, "12.2": SCORES, "12.3": KERNELS, "12.4": BLOCKS, "12.5": STORAGES, "12.6": PROJECTIONS}


@pytest.mark.parametrize("number, answer, said", [(number, *case) for number, cases in WRONG.items() for case in cases])
def test_other_wrong_answers_hear_something_true(number, answer, said):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and said.lower() in result.message.lower(), result.message


def test_minutes_and_number_of_exercises():
    assert list(EXERCISES) == ["12.1", "12.2", "12.3", "12.4", "12.5", "12.6"]
    assert sum(exercise.minutes for exercise in EXERCISES.values()) == 44
    assert all(len(exercise.mistakes) >= 8 for exercise in EXERCISES.values())
