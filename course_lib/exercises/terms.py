"""Say by which factor or by which term of the arguments a wrong number differs from the expected one.

An answer may lack the factor `itemsize`, or the term `2 * d * d_ff`. One input does not show this, but
several do: a sentence is given only if it holds at all inputs, and if no other sentence of its kind does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

from course_lib.exercises.patterns import RTOL

_DEGREE = 3  # of a product of arguments
_COEFFICIENTS = np.array([1.0, 2.0, 3.0, 4.0, 0.5, 0.25])  # of such a product
_EXACT = 1e-13  # relative tolerance for whole numbers, which are rounded to float64
_LARGEST = 1e30  # its powers are still float64 numbers
_EVERYWHERE = "at every input that was tried"


class Change(str):
    """A sentence that says what to change."""


@dataclass(frozen=True)
class Tried:
    """One input: the numbers among the arguments by name, the answer's number, and the expected one."""

    sizes: dict[str, float]
    got: float
    want: float


def relation(tried: Sequence[Tried]) -> str | None:
    """How the answer's numbers differ from the expected ones at all inputs, as a sentence without its full stop.

    The simplest sentences that hold are taken: on a factor, else on a term, else on a change of a term. Of factors, and
    of terms, those with the fewest arguments are simplest. None if no sentence holds, or several equally simple ones.
    """
    if len({one.want for one in tried}) < 2:
        return None
    if not all(abs(x) < _LARGEST for one in tried for x in (one.got, one.want, *one.sizes.values())):
        return None
    with np.errstate(all="ignore"):
        numbers = _Numbers(tried)
        kinds = (list(kind()) for kind in (numbers.factors, numbers.terms, numbers.changes))
        found = next(filter(None, kinds), [])
    return found[0] if len(found) == 1 else None


class _Numbers:
    """The numbers of all inputs. Each public method yields all sentences of one kind that hold for them."""

    def __init__(self, tried: Sequence[Tried]):
        self.names = list(tried[0].sizes)
        sizes = [[one.sizes[name] for one in tried] for name in self.names]
        self.sizes = np.array(sizes, dtype=float).reshape(len(self.names), len(tried))
        self.got, self.want = np.array([(one.got, one.want) for one in tried], dtype=float).T
        whole = all(x % 1 == 0 for one in tried for x in (one.got, one.want))
        self.tolerance = _EXACT if whole else RTOL
        differences = np.array([one.got - one.want for one in tried], dtype=float)  # exact before it is rounded
        self.excess = np.where(np.isclose(self.got, self.want, rtol=self.tolerance, atol=0.0), 0.0, differences)

    def factors(self) -> Iterator[str]:
        if not self.got.all() or not self.want.all() or not self.excess.any():
            return
        ratio = self.got / self.want
        if self._equal(ratio, ratio[0]):
            yield _times_constant(ratio[0])
            return
        powers = _powers(len(self.names), signed=True)
        for coefficient, row in self._of_lowest_degree(powers, ratio):
            yield _times(coefficient, powers[row], self.names)

    def terms(self) -> Iterator[str]:
        if len(self.excess) < 3 or not self.excess.any():
            return
        if self._equal(self.excess, self.excess[0]):
            yield _off(self.excess[0], f"{abs(self.excess[0]):.6g}")
            return
        powers = _powers(len(self.names))
        for coefficient, row in self._of_lowest_degree(powers, self.excess):
            yield _off(coefficient, f"`{_written(abs(coefficient), powers[row], self.names)}`")

    def changes(self) -> Iterator[str]:
        """Sentences on a term to which one factor was added, from which one or two were dropped, or both."""
        if len(np.unique(self.excess)) < 3:
            return
        powers, (ours, theirs) = _powers(len(self.names)), _pairs(len(self.names))
        products = self._products(powers)
        for coefficient, pair in self._multiples(products[ours] - products[theirs], self.excess):
            if coefficient > 0:
                yield _changed(coefficient, powers[ours[pair]], powers[theirs[pair]], self.names)

    def _products(self, powers: np.ndarray) -> np.ndarray:
        return np.prod(self.sizes ** powers[:, :, None], axis=1)

    def _equal(self, first, second) -> np.ndarray:
        return np.isclose(first, second, rtol=self.tolerance, atol=0.0).all(axis=-1)

    def _multiples(self, rows: np.ndarray, wanted: np.ndarray) -> list[tuple[float, int]]:
        """(coefficient, index of a row) wherever the coefficient times the row is `wanted`."""
        largest = np.abs(wanted).argmax()
        quotients = wanted[largest] / rows[:, largest]
        nearest = np.abs(np.abs(quotients)[:, None] - _COEFFICIENTS).argmin(axis=1)
        coefficients = np.copysign(_COEFFICIENTS[nearest], quotients)
        found = np.flatnonzero(self._equal(coefficients[:, None] * rows, wanted))
        return [(float(coefficients[row]), int(row)) for row in found]

    def _of_lowest_degree(self, powers: np.ndarray, wanted: np.ndarray) -> list[tuple[float, int]]:
        if len(wanted) < 3:
            return []
        found = self._multiples(self._products(powers), wanted)
        degrees = [np.abs(powers[row]).sum() for _, row in found]
        return [one for one, degree in zip(found, degrees, strict=True) if degree == min(degrees)]


@cache
def _powers(names: int, signed: bool = False) -> np.ndarray:
    """A row of exponents for each product of at most _DEGREE of so many names; if `signed`, for each quotient, too."""
    letters = [(name, sign) for name in range(names) for sign in ((1, -1) if signed else (1,))]
    rows = set()
    for degree in range(1, _DEGREE + 1):
        for factors in combinations_with_replacement(letters, degree):
            row = [sum(sign for other, sign in factors if other == name) for name in range(names)]
            rows |= {tuple(row)} if sum(map(abs, row)) == degree else set()
    return np.array(sorted(rows), dtype=float).reshape(len(rows), names)


@cache
def _pairs(names: int) -> tuple[np.ndarray, np.ndarray]:
    """The indices in `_powers` of all pairs where the first has at most one factor more, and the second at most two."""
    steps = _powers(names)[:, None] - _powers(names)[None]
    more, less = steps.clip(min=0).sum(axis=-1), -steps.clip(max=0).sum(axis=-1)
    return np.nonzero((more <= 1) & (less <= 2) & (more + less > 0))


def _off(sign: float, size: str) -> str:
    return f"Your number is too {'large' if sign > 0 else 'small'} by {size} {_EVERYWHERE}"


def _times_constant(ratio: float) -> str:
    if abs(ratio) < 1 and np.isclose(1 / ratio, np.rint(1 / ratio), rtol=RTOL):
        return f"The expected number is {1 / ratio:.6g} times yours {_EVERYWHERE}"
    return f"Your number is {ratio:.6g} times the expected one {_EVERYWHERE}"


def _times(coefficient: float, powers: np.ndarray, names: list[str]) -> str:
    if coefficient in (1.0, 0.5, 0.25) and (powers <= 0).all():
        return f"The expected number is `{_written(1 / coefficient, -powers, names)}` times yours {_EVERYWHERE}"
    return f"Your number is `{_written(coefficient, powers, names)}` times the expected one {_EVERYWHERE}"


def _changed(coefficient: float, ours: np.ndarray, theirs: np.ndarray, names: list[str]) -> Change:
    more = _written(1.0, (ours - theirs).clip(min=0), names)
    less = _written(1.0, (theirs - ours).clip(min=0), names)
    term = f"In the term `{_written(coefficient, ours, names)}` of your number, "
    if less == "1":
        return Change(f"{term}the factor `{more}` is one too many")
    if more == "1":
        return Change(f"{term}the factor `{less}` is missing")
    return Change(f"{term}`{more}` stands where `{less}` belongs")


def _written(coefficient: float, powers: np.ndarray, names: list[str]) -> str:
    """A product as text, such as `2 * d / n_heads`."""
    number, counts = Fraction(coefficient), list(zip(names, powers.astype(int), strict=True))
    above = [name for name, n in counts for _ in range(n)]
    below = [name for name, n in counts for _ in range(-n)]
    above = [str(number.numerator)] * (number.numerator != 1 or not above) + above
    below = [str(number.denominator)] * (number.denominator != 1) + below
    divisor = f"({' * '.join(below)})" if len(below) > 1 else "".join(below)
    return " * ".join(above) + (f" / {divisor}" if divisor else "")
