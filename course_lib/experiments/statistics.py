"""Intervals and verdicts for the difference of two arms, from their losses by seed and document.

The differences D (S, M) of two arms have a row for each seed and a column for each held-out document: the loss of the
first arm minus that of the second, with the same order of batches. Seeds and documents are crossed random effects:

    D[s, m] = mu + a_s + b_m + e_sm,   of variances var_seeds, var_documents and var_rest.

mu is what we estimate, by the mean of D: each document counts the same. Its interval has to hold for other seeds and
for other documents of the same kind. Two intervals are computed:

- `t_interval`: the analysis of variance of this model, with Satterthwaite's degrees of freedom.
- `crossed_bootstrap`: seeds and documents are drawn again independently, and percentiles of the means are taken
  (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007, arXiv 0712.1111).

With three seeds a percentile of means cannot lie outside of the three rows' means, so where seeds dominate the
bootstrap alone covers mu in at most 75 % of cases; where noise dominates it is too wide. `interval` is therefore the
shortest interval that contains both. A verdict is made with it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from course_lib.config import is_whole, require

LEVEL = 0.95
RESAMPLES = 10_000
MOST_SEEDS = 1_000  # that `seeds_needed` tries
SEED = 20_260  # of the bootstrap: the same draws at each call, so that a table can be rebuilt to the digit


class Interval(NamedTuple):
    """An interval with its ends; an end may be infinite."""

    low: float
    high: float

    def hull(self, other: "Interval") -> "Interval":
        """The shortest interval that contains both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def within(self, other: "Interval") -> bool:
        """Whether this interval lies in the other one and touches none of its finite ends."""
        return (self.low > other.low or other.low == -math.inf) and (self.high < other.high or other.high == math.inf)

    def apart(self, other: "Interval") -> bool:
        """Whether the two intervals have no number in common, or an end only."""
        return self.high <= other.low or self.low >= other.high


@dataclass(frozen=True)
class Components:
    """The variances of the three effects, estimated without bias and then cut off at 0."""

    seeds: float
    documents: float
    rest: float

    def standard_error(self, seeds: int, documents: int) -> float:
        """Of the mean over so many seeds and documents."""
        return math.sqrt(self.seeds / seeds + self.documents / documents + self.rest / (seeds * documents))


@dataclass(frozen=True)
class Estimate:
    """The mean of differences, its standard error and degrees of freedom, and its intervals."""

    mean: float
    standard_error: float
    freedom: float  # degrees of freedom of the t distribution
    t: Interval
    bootstrap: Interval
    components: Components
    seeds: int
    documents: int

    @property
    def interval(self) -> Interval:
        """The shortest interval that contains the t interval and the bootstrap's."""
        return self.t.hull(self.bootstrap)


def estimate(differences: ArrayLike, level: float = LEVEL, resamples: int = RESAMPLES) -> Estimate:
    """Mean, intervals and variances of differences (S, M).

    Raises ValueError unless S >= 2, M >= 2 and all are finite.
    """
    D = checked(differences)
    require(0 < level < 1, f"level must lie between 0 and 1, got {level}")
    error, freedom = standard_error(D)
    mean = float(D.mean())
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    bootstrap = crossed_bootstrap(D, np.random.default_rng(SEED), level, resamples)
    return Estimate(mean, error, freedom, Interval(mean - half, mean + half), bootstrap, components(D), *D.shape)


def checked(differences: ArrayLike) -> np.ndarray:
    """The differences as a matrix of float64."""
    D = np.asarray(differences, dtype=float)
    require(D.ndim == 2, f"differences must have a row for each seed and a column for each document, got {D.shape}")
    require(min(D.shape) >= 2, f"differences must be of two seeds and two documents at least, got {D.shape}")
    require(bool(np.isfinite(D).all()), "differences must be finite")
    return D


def mean_squares(D: np.ndarray) -> tuple[float, float, float]:
    """Mean squares between seeds, between documents, and of the rest (two-way analysis of variance, one value a cell).

    Their expectations are var_rest + M var_seeds, var_rest + S var_documents, and var_rest.
    """
    S, M = D.shape
    rows, columns, mean = D.mean(1, keepdims=True), D.mean(0, keepdims=True), D.mean()
    rest = float(((D - rows - columns + mean) ** 2).sum()) / ((S - 1) * (M - 1))
    return M * float(rows.var(ddof=1)), S * float(columns.var(ddof=1)), rest


def components(differences: ArrayLike) -> Components:
    """The variances of seeds, documents and the rest, by the method of moments."""
    D = checked(differences)
    between_seeds, between_documents, rest = mean_squares(D)
    S, M = D.shape
    return Components(max(0.0, between_seeds - rest) / M, max(0.0, between_documents - rest) / S, rest)


def standard_error(D: np.ndarray) -> tuple[float, float]:
    """(standard error of the mean of D, Satterthwaite's degrees of freedom).

    The variance of the mean is (MS_seeds + MS_documents - MS_rest) / (S M) in expectation. The part of the documents,
    MS_documents - MS_rest, is cut off at 0: then seeds alone give the variance, with S - 1 degrees of freedom.
    """
    S, M = D.shape
    between_seeds, between_documents, rest = mean_squares(D)
    if between_documents <= rest:
        return math.sqrt(between_seeds / (S * M)), S - 1
    total = between_seeds + between_documents - rest
    spread = between_seeds**2 / (S - 1) + between_documents**2 / (M - 1) + rest**2 / ((S - 1) * (M - 1))
    return math.sqrt(total / (S * M)), total**2 / spread


def crossed_bootstrap(
    differences: ArrayLike, random: np.random.Generator, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """Percentile interval of the mean: S seeds and M documents are drawn with replacement, independently, each time."""
    D = checked(differences)
    require(is_whole(resamples), f"resamples must be a positive integer, got {resamples!r}")
    S, M = D.shape
    seeds = random.multinomial(S, np.full(S, 1 / S), resamples)  # how often each is drawn
    documents = random.multinomial(M, np.full(M, 1 / M), resamples)
    means = ((seeds @ D) * documents).sum(1) / (S * M)
    return Interval(*np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).tolist())


def p_value(found: Estimate, region: Interval) -> float:
    """Two-sided p of the hypothesis that mu lies outside of `region`, by the t distribution.

    Twice the larger of the p for mu <= region.low and that for mu >= region.high. It is below 1 - level if and only if
    the t interval of this level lies within the region. For (-inf, 0) and a negative mean it is the p of the two-sided
    t test of mu = 0; for (-margin, margin) twice the p of two one-sided tests of equivalence.
    """
    ends = (found.mean - region.low, region.high - found.mean)
    if found.standard_error == 0:
        return 0.0 if min(ends) > 0 else 1.0
    one_sided = max(float(stats.t.sf(end / found.standard_error, found.freedom)) for end in ends)
    return min(1.0, 2 * one_sided)


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Holm's adjusted p of each test: all tests with one below 0.05 together have an error rate of 5 % at most."""
    require(all(0 <= p <= 1 for p in p_values.values()), f"p_values must lie in 0..1, got {p_values}")
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def verdict(interval: Interval, margin: float) -> str:
    """What an interval of a difference of losses says about the first arm: a smaller loss is better.

    "equivalent" if it lies within (-margin, margin), "better" if it lies at or below -margin, "worse" if at or above
    margin, and "undecided" if it straddles one of them. With margin 0 there is no "equivalent".
    """
    require(0 <= margin < math.inf, f"margin must be finite and not negative, got {margin}")
    if margin and interval.within(Interval(-margin, margin)):
        return "equivalent"
    if interval.high < 0 and interval.high <= -margin:
        return "better"
    if interval.low > 0 and interval.low >= margin:
        return "worse"
    return "undecided"


def seeds_needed(found: Components, documents: int, half_width: float) -> int | None:
    """The fewest seeds for which an interval of 95 % has at most this half width; None if MOST_SEEDS are too few.

    The half width is the 97.5 % point of the t distribution with S - 1 degrees of freedom times the standard error.
    """
    for seeds in range(2, MOST_SEEDS + 1):
        if stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * found.standard_error(seeds, documents) <= half_width:
            return seeds
    return None
