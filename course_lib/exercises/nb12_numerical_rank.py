"""Exercise 12.1: the least rank whose Frobenius error is within a tolerance, from singular values."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def numerical_rank(sigma, eps):
    squares = np.append(sigma**2, 0.0)  # the 0 stands for the error of full rank
    tails = np.sqrt(np.cumsum(squares[::-1])[::-1])  # entry r is the error of rank r
    rank = int(np.argmax(tails <= eps * tails[0]))
    return {"rank": rank, "tail": tails[rank]}


def _without_full_rank(sigma, eps):
    """A wrong answer: a loop over ranks that ends before full rank, and returns nothing then."""
    found = numerical_rank(sigma, eps)
    return found if found["rank"] < len(sigma) else None


def _by_what_is_kept(sigma, eps):
    """A wrong answer: the squares of the kept values are subtracted from the squared norm."""
    squares = np.append(0.0, np.cumsum(sigma**2))
    tails = np.sqrt(np.maximum(squares[-1] - squares, 0.0))
    rank = int(np.argmax(tails <= eps * tails[0]))
    return {"rank": rank, "tail": tails[rank]}


def _by_energy(sigma, eps):
    """A wrong answer: the kept share of the squares is compared with 1 - eps^2."""
    kept = np.append(0.0, np.cumsum(sigma**2))
    rank = int(np.argmax(kept / kept[-1] >= 1 - eps**2))
    return {"rank": rank, "tail": np.linalg.norm(sigma[rank:])}


def _by_norms_of_what_is_kept(sigma, eps):
    """A wrong answer: the norm of what is kept is compared with a share of the norm."""
    kept = np.sqrt(np.append(0.0, np.cumsum(sigma**2)))
    rank = int(np.argmax(kept >= np.sqrt(max(1 - eps**2, 0.0)) * kept[-1]))
    return {"rank": rank, "tail": np.linalg.norm(sigma[rank:])}


NUMERICAL_RANK = Exercise(
    id="12.1",
    title="the numerical rank",
    minutes=6,
    difficulty=1,
    solution=numerical_rank,
    stages=(
        # With these values wrong criteria give pairwise distinct ranks. Sums of their squares are exact in float64.
        Stage((np.round(320 / (1 + np.arange(70) / 4) ** 1.2) / 64, 0.22), "70 values that fall slowly, eps 0.22"),
        Stage((np.array([0.8, 0.23, 0.21, 0.16, 0.13, 0.05, 0.01]), 0.2), "values below 1, eps 0.2"),
        Stage((np.array([70.0, 8.0, 6.0, 2.0, 1.0, 0.5]), 0.04), "values above 1 that fall fast, eps 0.04"),
        Stage((np.array([4.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 1.0]), 0.5), "the tail of rank 3 equals eps tail_0"),
        Stage((np.array([6.0, 4.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0]), 0.25), "the tail of rank 4 equals eps tail_0"),
        Stage((np.array([5.0, 3.0, 2.0]), 1e-3), "a small eps: full rank is needed"),
        Stage((np.array([5.0, 3.0, 2.0, 0.0, 0.0]), 1e-3), "a small eps, and two values are 0"),
        Stage((np.array([3.0, 2.0, 0.5]), 1.25), "eps is above 1: rank 0 suffices"),
        Stage((np.array([5.0, 3.0, 2.0, 0.0, 0.0]), 0.0), "eps is 0, and two values are 0: rank 3 is exact"),
        Stage((10.0 ** (6 - np.arange(12)), 3e-9), "values from 1e6 to 1e-5, eps 3e-9: squares below 1e-16 are lost"),
        Stage((np.array([1.0, 1e-8]), 1e-9), "the values 1 and 1e-8, eps 1e-9: 1e-16 is lost beside 1"),
        Stage((np.array([1.0, 1e-9]), 0.0), "the values 1 and 1e-9, eps is 0: only full rank is exact"),
    ),
    mistakes=(
        *edits(
            numerical_rank,
            """
        tails <= eps * tails[0] -> np.append(sigma, 0.0) <= eps * sigma[0] | The rank is chosen by the spectral norm, as
          sigma_r <= eps sigma_0. Many small values add up, so compare the tail with eps tail_0.
        tails <= eps * tails[0] -> np.append(sigma, 0.0) <= eps * sigma[0] && "tail": tails[rank] -> "tail":
          np.append(sigma, 0.0)[rank] | This is the rank in the spectral norm, and sigma_r. Add the squares of all
          values that are left out.
        np.append(sigma**2, 0.0) -> np.append(sigma, 0.0) && np.sqrt(np.cumsum(squares[::-1])[::-1]) ->
          np.cumsum(squares[::-1])[::-1] | The singular values are added, not their squares. The Frobenius norm is the
          root of the sum of squares.
        np.sqrt(np.cumsum(squares[::-1])[::-1]) -> np.cumsum(squares[::-1])[::-1] | The root is missing: sums of squares
          are compared with eps. If both sides are squared, eps is squared, too.
        np.argmax(tails <= eps * tails[0]) -> np.argmax(np.cumsum(squares[::-1])[::-1] <= eps * squares.sum()) | The
          squared tail is compared with eps times the squared norm, as if a share 1 - eps of the squares were kept. eps
          needs a square there, too.
        tails <= eps * tails[0] -> tails <= eps * sigma[0] | The tail is compared with eps sigma_0. Compare it with eps
          times the norm of all values.
        tails <= eps * tails[0] -> tails <= eps | The tail is compared with eps itself. The tolerance is relative, so
          multiply it by the norm of all values.
        tails <= eps * tails[0] -> tails <= eps**2 * tails[0] | eps is squared, the tail is not.
        tails <= eps * tails[0] -> tails < eps * tails[0] | The comparison is strict. A tail that equals eps tail_0 is
          small enough.
        tails <= eps * tails[0] -> np.append(sigma, 0.0) <= eps * tails[0] | Single values are compared with eps
          tail_0. The error of rank r has all values from sigma_r on.
        int(np.argmax(tails <= eps * tails[0])) -> int(np.argmax(tails <= eps * tails[0])) - 1 | The rank is one too
          small. Rank r keeps sigma_0 ... sigma_{r-1}, and the tail begins at sigma_r.
        int(np.argmax(tails <= eps * tails[0])) -> min(int(np.argmax(tails <= eps * tails[0])) + 1, len(sigma)) | The
          rank is one too large. Rank r keeps sigma_0 ... sigma_{r-1}, and the tail begins at sigma_r.
        rank = int(np.argmax(tails <= eps * tails[0])) -> rank = int(np.argmax(np.sqrt(np.cumsum(sigma**2)) >= eps *
          tails[0])) + 1 | The norm of what is kept is compared with eps. The tail is the norm of what is left out. It
          has to be small.
        rank = int(np.argmax(tails <= eps * tails[0])) -> rank = int(np.argmax(np.sqrt(np.cumsum(sigma**2)) >= (1 - eps)
          * tails[0])) + 1 | The norm of what is kept is compared with (1 - eps) tail_0. Norms of parts do not add up
          to the norm, their squares do.
        rank = int(np.argmax(tails <= eps * tails[0])) -> rank = int(np.argmax(np.cumsum(sigma) >= (1 - eps) *
          sigma.sum())) + 1 | A share of the sum of the values is kept. Take squares.
        int(np.argmax(tails <= eps * tails[0])) -> max(int(np.argmax(tails <= eps * tails[0])), 1) | Rank 0 is not
          tried. Its error is the norm, and here this is small enough.
        np.argmax(tails <= eps * tails[0]) -> np.sum(tails <= eps * tails[0]) | This is the number of ranks that
          suffice. The least of them is asked for.
        np.argmax(tails <= eps * tails[0]) -> len(sigma) | This is full rank, where the tail is 0. The least rank that
          suffices is asked for.
        np.argmax(tails <= eps * tails[0]) -> np.argmax(tails[:-1] <= eps * tails[0]) | Full rank is not among the
          candidates. Its tail is 0, so it always suffices; append a 0 to the tails.
        int(np.argmax(tails <= eps * tails[0])) -> min(int(np.argmax(tails <= eps * tails[0])), len(sigma) - 1) | The
          rank is one below full rank, where full rank is needed. Full rank has the tail 0, so try it, too.
        np.argmax(tails <= eps * tails[0]) -> 0 | Rank 0 is taken, whose error is the norm of all values. Is eps
          missing, is the comparison the wrong way round, or do the sums begin at sigma_0?
        [::-1])[::-1]) -> [::-1])) | Rank 0 has the tail 0 here, but it leaves out all values. If your sums begin with
          the smallest value, they rise with r: reverse them, so that entry r begins at sigma_r.
        tails <= eps * tails[0] -> tails <= eps * tails[1] | The norm in the tolerance leaves out sigma_0. Take the norm
          of all values.
        np.append(sigma**2, 0.0) -> np.append(0.0, sigma**2) | The rank is one too large, though the tail is right. Rank
          r keeps sigma_0 ... sigma_{r-1}. A 0 for full rank belongs behind the squares.
        np.append(sigma**2, 0.0) -> np.append(sigma, 0.0) | The root of a sum of singular values is taken. Add their
          squares.
        np.append(sigma**2, 0.0) -> np.append(2 * sigma, 0.0) | The singular values are doubled, not squared.
        np.append(sigma**2, 0.0) -> np.append(sigma**3, 0.0) | These are cubes. Add squares.
        "rank": rank, -> "rank": rank - 1, | The tail is right, but the rank is one too small. Rank r keeps sigma_0 ...
          sigma_{r-1}.
        tails <= eps * tails[0] -> tails <= eps * np.sqrt(sigma.sum()) | The squares are missing in the norm. It is the
          root of the sum of all squares.
        tails = np.sqrt(np.cumsum(squares[::-1])[::-1]) -> tails = np.sqrt(np.append(np.cumsum(sigma[::-1])[::-1], 0.0))
          && eps * tails[0] -> eps * np.linalg.norm(sigma) | The squares are missing in the tail. Its square is a sum of
          squares.
        "tail": tails[rank] -> "tail": tails[rank] / tails[0] | The tail is divided by the norm. Return the tail itself.
        "tail": tails[rank] -> "tail": tails[rank] ** 2 | The tail is squared. Return its root.
        "tail": tails[rank] -> "tail": np.append(sigma, 0.0)[rank] | This is sigma_r, the error in the spectral norm.
          Add the squares of all values that are left out.
        "tail": tails[rank] -> "tail": sigma[rank:].sum() | The values that are left out are added. Add their squares
          and take the root.
        "tail": tails[rank] -> "tail": eps * tails[0] | This is the tolerance eps tail_0. Return the error of the
          rank that you found.
        "tail": tails[rank] -> "tail": np.sqrt(np.sum(sigma[:rank] ** 2)) | This is the norm of what is kept. The tail
          is the norm of what is left out, sigma_r and later ones.
        "tail": tails[rank] -> "tail": tails[min(rank + 1, len(sigma))] | This tail begins one value too late. Rank r
          keeps sigma_0 ... sigma_{r-1}, so sigma_r is left out.
        "tail": tails[rank] -> "tail": tails[rank - 1] | This tail begins one value too early. Rank r keeps sigma_{r-1}.
        "tail": tails[rank] -> "tail": tails[0] | This is the norm of all values. The tail begins at sigma_r.
        """,
        ),
        Mistake(
            _by_what_is_kept,
            "Squares of kept values are subtracted from the whole, and small tails are lost in rounding. Add the "
            "squares that are left out.",
        ),
        Mistake(
            _by_energy,
            "The rank is found from the squares that are kept. A small square is lost beside their sum in rounding, so "
            "add the squares that are left out and compare these sums.",
        ),
        Mistake(
            _by_norms_of_what_is_kept,
            "The rank is found from the norms of what is kept. A small value is lost beside them in rounding, so take "
            "the norms of what is left out.",
        ),
        Mistake(
            _without_full_rank,
            "Nothing is returned where no rank below full rank suffices. Full rank has the tail 0, so try it, too.",
        ),
        Mistake(
            lambda sigma, eps: numerical_rank(sigma, eps)["rank"],
            "Return a dict with the keys `rank` and `tail`.",
        ),
        Mistake(
            lambda sigma, eps: (*numerical_rank(sigma, eps).values(),),
            "Return the rank and the tail in a dict, under the keys `rank` and `tail`.",
        ),
    ),
    hints=(
        "The error of rank r in the Frobenius norm is the root of sigma_r^2 + sigma_{r+1}^2 + ..., counted from 0.",
        "`np.cumsum(sigma[::-1]**2)[::-1]` has all of these sums but the last, which is 0. Append it.",
        "Take the first r whose tail is at most eps times the tail of rank 0. `np.argmax` of truth values is the place "
        "of the first True.",
    ),
)
