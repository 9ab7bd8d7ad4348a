"""The numbers of a report on recall: shares of values recalled, and H6 on the cached numbers that it takes."""

import math
from collections.abc import Mapping
from statistics import fmean

import numpy as np
from scipy import stats

from course_lib.experiments.recall import CACHED, SIDES, TESTS
from course_lib.experiments.results import View
from course_lib.experiments.statistics import LEVEL, Interval

SHARE = 0.9  # of the values


def recalled(view: View) -> dict:
    """A row for each arm, and one of H6 for each number of pairs in the test."""
    splits = [*(f"{pairs} pairs" for pairs in TESTS), "control"]
    rows = [
        {
            "arm": arm,
            "cached": runs[0].result["costs"]["cached"],
            "parameters": runs[0].result["costs"]["parameters"],
            "rate": runs[0].labels.rate,
            "seeds": len(runs),
            "right": {split: float(view.losses(arm, split, column="right").mean()) for split in splits},
            "by seed": {split: list(shares_of(view, arm, split).values()) for split in splits},
        }
        for arm, runs in view.arms.items()
    ]
    sides = {arm.split()[0] for arm in view.arms}
    return {"arms": rows, "H6": [h6_row(view, split) for split in splits[:-1]] if sides.issuperset(SIDES) else []}


def h6_row(view: View, split: str) -> dict:
    """The cached numbers that each side needs, by seed, and their ratio with an interval over seeds."""
    needed = {side: {seed: crossing(s) for seed, s in by_seed(view, side, split).items()} for side in SIDES}
    said = {"split": split} | {side: [in_words(each) for each in needed[side].values()] for side in SIDES}
    pairs = [(each, needed["MQA"][seed]) for seed, each in needed["MLA"].items() if seed in needed["MQA"]]
    if len(pairs) < 2 or not all(math.isfinite(each) for pair in pairs for each in pair):
        return said | {"ratio": None, "interval": None, "outcome": "undecided"}
    ratio, interval = geometric([a / b for a, b in pairs])
    alike = all(below(a) == below(b) for a, b in pairs)  # then the ratio comes from the interpolation alone
    outcome = "undecided" if alike or interval.low <= 1 <= interval.high else "fails"
    return said | {"ratio": round(ratio, 3), "interval": [round(end, 3) for end in interval], "outcome": outcome}


def below(cached: float) -> int:
    """The largest size of the sweep below the cached numbers at which a share is reached."""
    return max(size for size in CACHED if size < cached)


def in_words(cached: float) -> str:
    """A number of cached numbers; beyond those that were tried it is a bound."""
    if math.isfinite(cached):
        return f"{cached:.1f}"
    return f"over {CACHED[-1]}" if cached > 0 else f"at most {CACHED[0]}"


def by_seed(view: View, side: str, split: str) -> dict[int, dict[int, float]]:
    """Seed -> cached numbers -> share of values recalled, for each seed that all arms of a side have."""
    arms = {cached: f"{side} {cached}" for cached in CACHED}
    if not all(arm in view.arms for arm in arms.values()):
        return {}
    shares = {cached: shares_of(view, arm, split) for cached, arm in arms.items()}
    seeds = sorted(set.intersection(*(set(each) for each in shares.values())))
    return {seed: {cached: shares[cached][seed] for cached in CACHED} for seed in seeds}


def shares_of(view: View, arm: str, split: str) -> dict[int, float]:
    """Seed -> share of values recalled."""
    return {run.labels.seed: fmean(run.losses(split, column="right").values()) for run in view.arms[arm]}


def crossing(shares: Mapping[int, float], level: float = SHARE) -> float:
    """The cached numbers at which the share recalled first reaches `level`, between two sizes on a log scale.

    inf if no size reaches it, -inf if the smallest one does: then it lies beyond what was tried.
    """
    sizes = sorted(shares)
    above = next((i for i, size in enumerate(sizes) if shares[size] >= level), None)
    if above is None:
        return math.inf
    if above == 0:
        return -math.inf
    small, large = sizes[above - 1], sizes[above]
    part = (level - shares[small]) / (shares[large] - shares[small])
    return small * (large / small) ** part


def geometric(ratios: list[float]) -> tuple[float, Interval]:
    """The geometric mean of ratios by seed and its t interval, computed from their logarithms."""
    logs = np.log(ratios)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(logs) - 1)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    centre = float(logs.mean())
    return math.exp(centre), Interval(math.exp(centre - half), math.exp(centre + half))
