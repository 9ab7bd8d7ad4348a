"""Exercise 11.3: whether a learning rate is tuned, or which one to try next."""

import math

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def next_rate(grid, losses, most):
    finite = {rate: loss for rate, loss in losses.items() if loss < math.inf}
    if not finite:
        return None, None
    best = min(finite, key=lambda rate: (finite[rate], rate))
    if best == min(losses) and best > min(grid) / 2**most:
        return best, best / 2
    if best == max(losses) and best < max(grid) * 2**most:
        return best, best * 2
    return best, None


GRID = (0.0015, 0.003, 0.006)
UP, DOWN = (0.012, 0.024, 0.048, 0.096), (0.00075, 0.000375, 0.0001875, 0.00009375)
INF = math.inf


def _stage(losses: list[float], about: str, most: int = 3, grid: tuple[float, ...] = GRID, more: tuple = ()) -> Stage:
    """losses: of the rates of the grid, then of `more`, in the order in which they were tried."""
    return Stage((grid, dict(zip((*grid, *more), losses, strict=True)), most), about)


NEXT_RATE = Exercise(
    id="11.3",
    title="is the learning rate tuned?",
    minutes=8,
    difficulty=2,
    solution=next_rate,
    stages=(
        _stage([3.36, 3.12, 3.41, 3.39], "four rates, the second of them the best", grid=(*GRID, UP[0])),
        _stage([3.11, 3.16, 3.42], "the smallest of three rates is the best", 5),
        _stage([3.58, 3.29, 3.17], "the largest of three rates is the best", 5),
        _stage([3.25, 3.14, INF], "the largest rate diverged, the one below it is the best", 2),
        _stage([3.47, 3.35, 3.26, 3.33], "a larger rate was added, and it is worse", more=UP[:1]),
        _stage([3.27, 3.38, 3.71, 3.19], "a smaller rate was added, and it is the best", 5, more=DOWN[:1]),
        _stage([3.21, 3.30, 3.55, 3.28], "a smaller rate was added, and it is worse", more=DOWN[:1]),
        _stage(
            [3.61, 3.54, 3.47, 3.42, 3.36],
            "two of at most five larger rates were added, and the last is the best",
            5,
            more=UP[:2],
        ),
        _stage(
            [3.62, 3.53, 3.48, 3.41, 3.37],
            "two of at most three larger rates were added, and the last is the best",
            3,
            more=UP[:2],
        ),
        _stage(
            [3.44, 3.56, 3.71, 3.37, 3.31],
            "two of at most two smaller rates were added, and the last is the best",
            2,
            more=DOWN[:2],
        ),
        _stage(
            [3.9, 3.8, 3.7, 3.6, 3.5, 3.4, 3.3],
            "four of at most five larger rates were added, and the last is the best",
            5,
            more=UP,
        ),
        _stage(
            [3.7, 3.8, 3.9, 3.6, 3.5, 3.4, 3.3],
            "four of at most five smaller rates were added, and the last is the best",
            5,
            more=DOWN,
        ),
        _stage(
            [3.7, 3.6, 3.5, 3.4, 3.3, 3.2],
            "three of at most three larger rates were added, and the last is the best",
            3,
            more=UP[:3],
        ),
        _stage([3.24, 3.39, 3.66, 3.24], "a smaller rate was added, and it is as good as the best", more=DOWN[:1]),
        _stage(
            [3.2, 3.4], "a grid of one rate, half of it was tried, and it is worse", 1, grid=(0.003,), more=(0.0015,)
        ),
        _stage([4.02, INF, INF], "two of three rates diverged", 1),
        _stage([INF, INF, INF], "all rates diverged"),
        _stage([3.52, 3.43], "a grid of two rates", 3, grid=(0.004, 0.008)),
    ),
    mistakes=(
        *edits(
            next_rate,
            """
        best == min(losses) -> best == min(finite) && best == max(losses) -> best == max(finite) | A rate that diverged
          counts as tried. There are tried rates on both sides of the best one, so
          the search ends.
        return best, best / 2 -> return best, None | The smallest rate that was tried is the best. A smaller one may be
          better still, so half of it is tried next.
        best == min(losses) -> best == min(grid) && best == max(losses) -> best == max(grid) | The edges are those of
          the first grid. They are the smallest and the largest of all rates that were tried.
        return best, best * 2 -> return best, None | The largest rate that was tried is the best. A larger one may be
          better still, so twice that rate is tried next.
        return best, best / 2 -> return best, best * 2 | The best rate lies at the lower edge, so a smaller one is tried
          next, half of it.
        return best, best * 2 -> return best, best / 2 | The best rate lies at the upper edge, so a larger one is tried
          next, twice that rate.
        return best, None -> return best, best * 2 | There are tried rates on both sides of the best one, or
          `most` rates were added on its side. Nothing is left to try, so the second entry is None.
        best / 2 -> best && best * 2 -> best | This rate was tried already. The next one is half of it at the lower
          edge, and twice that rate at the upper one.
        best / 2 -> min(grid) / 2 && best * 2 -> max(grid) * 2 | This rate was tried already. Halve the smallest of all
          rates tried, or double the largest, not those of the first grid.
        best / 2 -> max(losses) * 2 && best * 2 -> min(losses) / 2 | This rate lies beyond the other edge. The next rate
          lies beyond the edge at which the best one lies.
        best * 2 -> best | This rate was tried already. The next one is twice that rate.
        best / 2 -> best - (grid[1] - grid[0]) | A step of the grid is subtracted. Rates halve, because they differ by
          factors.
        best * 2 -> best + (grid[-1] - grid[-2]) | A step of the grid is added. Rates double, because they differ by
          factors.
        best * 2 -> best + grid[0] | The first rate is added. Rates double.
        best / 2 -> best / 10 | The next rate is a tenth. Rates halve.
        best * 2 -> best * 10 | The next rate is ten times as large. Rates double.
        min(finite, key=lambda rate: (finite[rate], rate)) -> max(finite, key=lambda rate: (finite[rate], rate)) | This
          is the rate with the largest loss. The best rate has the smallest.
        min(finite, key=lambda rate: (finite[rate], rate)) -> min(finite) | This is the smallest rate. The best rate has
          the smallest loss.
        min(finite, key=lambda rate: (finite[rate], rate)) -> max(finite) | This is the largest rate. The best rate has
          the smallest loss.
        min(finite, key=lambda rate: (finite[rate], rate)) -> min(finite, key=lambda rate: (finite[rate], -rate)) | Of
          two rates with the same loss this is the larger one. The smaller one is asked for.
        best == min(losses) -> best == list(losses)[0] && best == max(losses) -> best == list(losses)[-1] | The first
          and the last entry of the dict are taken for the edges. Added rates stand at its end, so compare with the
          smallest and the largest rate.
        best > min(grid) / 2**most -> True | This rate is one too many. `most` rates were added below the first grid, so
          the search ends, though the best one lies at the edge.
        best < max(grid) * 2**most -> True | This rate is one too many. `most` rates were added above the first grid, so
          the search ends, though the best one lies at the edge.
        best > min(grid) / 2**most -> best / 2 > min(grid) / 2**most && best < max(grid) * 2**most -> best * 2 <
          max(grid) * 2**most | The search ends too early. `most` rates may be added on each side.
        best > min(grid) / 2**most -> best > min(grid) / (2 * most) && best < max(grid) * 2**most -> best < max(grid) *
          2 * most | The limit is 2 most times the first grid. `most` doublings are a factor of 2**most.
        best > min(grid) / 2**most -> len(losses) < most && best < max(grid) * 2**most -> len(losses) < most | The
          search ends too early. Only rates beyond the first grid count against `most`, each side for itself.
        best > min(grid) / 2**most -> best == min(grid) && best < max(grid) * 2**most -> best == max(grid) | The search
          ends after one rate that was added. It goes on while the best one lies at an edge, for `most` rates on each
          side.
        if not finite: -> if len(finite) < len(losses): | One rate that diverged ends the search here. Leave it out, and
          choose among the others.
        return best, None -> return best, best | Nothing is left to try here. Return None as the second entry, not the
          best rate again.
        return best, None -> return (best, None) if min(losses) < best < max(losses) else (None, None) | The best rate
          lies at an edge, and the search is at its end. It is still the best of those that were tried, so it is the
          first entry.
        best > min(grid) / 2**most -> len(losses) - len(grid) < most && best < max(grid) * 2**most -> len(losses) -
          len(grid) < most | The rates added on both sides are counted together. At most `most` are added on each side.
        return None, None -> return None | One None is returned. Return a pair, None for the best rate and None for the
          next.
        return None, None -> return None, min(losses) / 2 | All rates diverged. There is no best rate whose neighbour
          could be tried, so the second entry is None, too.
        return None, None -> return min(losses), None | All rates diverged. No rate is the best, so the first
          entry is None, too.
        return None, None -> return min(losses), min(losses) / 2 | All rates diverged, so none is the best. Return None
          and None.
        """,
        ),
        Mistake(
            lambda *given: next_rate(*given)[0], "The best rate alone is returned. Return the best rate and the next."
        ),
        Mistake(
            lambda *given: next_rate(*given)[1], "The next rate alone is returned. Return the best rate and the next."
        ),
        Mistake(
            lambda *given: next_rate(*given)[::-1],
            "The two entries are exchanged. Return the best rate, then the next.",
        ),
        Mistake(
            lambda grid, losses, most: (min(losses.values()), next_rate(grid, losses, most)[1]),
            "This is the smallest loss. Return the rate that has it.",
        ),
    ),
    hints=(
        "Leave out the rates whose loss is inf, and choose the best of the others. If none is left, return None and "
        "None.",
        "The best rate lies at an edge if it is the smallest or the largest of all rates tried. Those that diverged "
        "were tried, too.",
        "After `most` halvings the smallest rate is min(grid) / 2**most. If it is the best, the search ends. On the "
        "other side it ends at max(grid) * 2**most.",
    ),
)
