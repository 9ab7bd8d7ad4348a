"""Checks of notebook 11: solutions against the experiments, right answers in any style, other wrong answers."""

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from course_lib.accounting import decode, parameters
from course_lib.config import GroupedConfig, LatentConfig, Rope
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.exercises.nb11_crossed import crossed_interval
from course_lib.exercises.nb11_equal_cache import same_cache
from course_lib.exercises.nb11_equal_parameters import matched_d_ff
from course_lib.exercises.nb11_next_rate import next_rate
from course_lib.exercises.nb11_paired import paired
from course_lib.exercises.nb11_verdict import verdict
from course_lib.experiments import arms, statistics, tuning
from course_lib.experiments.presets import PRESETS
from course_lib.limits import ANSWER

EXERCISES = {exercise.id: exercise for exercise in of_notebook("11")}
INF = math.inf


# Solutions ------------------------------------------------------------------------------------------------------------


def sizes_of(config: GroupedConfig | LatentConfig) -> tuple[int, int, int]:
    """n_kv_heads, d_latent and d_rope as the exercise has them."""
    return (config.n_kv_heads, 0, 0) if isinstance(config, GroupedConfig) else (0, config.d_latent, config.d_rope)


def is_plain(name: str) -> bool:
    """Whether an arm is of the exercise: grouped or latent, as many query coordinates as MHA, a norm on latent rows."""
    config, mha = arms.ARMS[name].attention(128), arms.ARMS["MHA"].attention(128)
    same_queries = config.n_heads * config.d_head == mha.n_heads * mha.d_head
    return same_queries and (type(config) is GroupedConfig or type(config) is LatentConfig and config.latent_norm)


PLAIN = [name for name in arms.ARMS if is_plain(name)]


@pytest.mark.parametrize("preset", ["cpu", "gpu"])
@pytest.mark.parametrize("name", PLAIN)
def test_widths_are_those_of_the_arms(name, preset):
    d, d_ff, arm = PRESETS[preset].d_model, PRESETS[preset].d_ff, arms.ARMS[name]
    config = arm.attention(d)
    found = matched_d_ff(d, config.n_heads, config.d_head, d_ff, *sizes_of(config))
    assert found["attention"] == parameters(config)
    assert found["spare"] == parameters(arms.ARMS["MHA"].attention(d)) - parameters(config)
    assert found["d_ff"] == arms.matched_d_ff(arm, d, d_ff)


def test_the_plain_arms_are_most_of_the_core():
    assert {"MHA", "GQA2", "MQA-64", "MLA-16", "MLA-4", "MLA-64", "NoPE latent", "MLA-32"} <= set(PLAIN)


def growth(config, cached=9) -> int:
    """FLOPs of a decode step for one more cached token."""
    return decode(config, cached + 1).flops - decode(config, cached).flops


@pytest.mark.parametrize("h, e, g, p", [(8, 32, 2, 16), (8, 32, 2, 4), (12, 10, 3, 6), (6, 8, 6, 0), (10, 6, 1, 2)])
def test_layers_of_one_cache_are_those_of_the_accounting(h, e, g, p):
    found, d = same_cache(h, e, g, p), 48
    heads, width = found["multi-query"]
    layer = GroupedConfig(d_model=d, n_heads=h, n_kv_heads=g, d_head=e, rope=Rope())
    single = GroupedConfig(d_model=d, n_heads=heads, n_kv_heads=1, d_head=width, rope=Rope())
    latent = LatentConfig(d_model=d, n_heads=h, d_head=e, d_latent=found["d_latent"], d_rope=p)
    assert layer.floats_per_token == single.floats_per_token == latent.floats_per_token
    assert parameters(layer) == parameters(single)
    assert growth(layer) == growth(single) == found["grouped FLOPs"]
    assert growth(latent) == found["latent FLOPs"]


def test_the_arms_at_128_cached_numbers():
    assert same_cache(8, 32, 2, 16) == {
        "multi-query": (4, 64), "d_latent": 112, "grouped FLOPs": 1024, "latent FLOPs": 3840,
    }  # fmt: skip


def search(grid, loss, most) -> tuple[set, float | None]:
    """All rates tried, and the best, where the solution says which one to try next."""
    losses = {rate: loss(rate) for rate in grid}
    while True:
        best, more = next_rate(grid, losses, most)
        if more is None:
            return set(losses), best
        losses[more] = loss(more)


def test_the_search_is_that_of_the_sweep():
    """Losses with their minimum anywhere, with ties, and with rates that diverge."""
    rng, ends = np.random.default_rng(0), Counter()
    for _ in range(500):
        grid = tuple(0.0015 * 2.0 ** np.arange(rng.integers(1, 5)))
        table = dict(zip(0.0015 * 2.0 ** np.arange(-5, 10), rng.integers(0, 4, 15) + 0.0, strict=True))
        centre, slope = rng.integers(-6, 10), rng.choice([0.0, 3.0])
        losses = {r: y + slope * abs(math.log2(r / 0.0015) - centre) for r, y in table.items()}
        losses |= {r: INF for r in losses if math.log2(r / 0.0015) > rng.integers(-2, 12)}
        rates, best = tuning.tried_rates(grid, losses.get)
        assert search(grid, losses.get, tuning.EXTENSIONS) == (set(rates), best)
        ends[best is None, len(rates) - len(grid)] += 1
    assert len(ends) >= 5  # none is best; none, one, two or three were added


def test_the_paired_interval_is_scipys():
    rng = np.random.default_rng(1)
    for n_seeds, n_documents in ((2, 9), (3, 40), (7, 2)):
        first, second = rng.normal(3, 1, (2, n_seeds, n_documents))
        found = paired(first, second, stats.t.ppf(0.975, n_seeds - 1))
        test = stats.ttest_rel(first.mean(1), second.mean(1))
        interval = test.confidence_interval(0.95)
        assert found["mean"] / found["error"] == pytest.approx(test.statistic)
        assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))


def test_the_paired_interval_is_that_of_the_experiments_where_documents_do_not_differ():
    first = np.repeat(np.random.default_rng(2).normal(3, 1, (4, 1)), 6, axis=1)
    found = paired(first, np.full((4, 6), 3.1), stats.t.ppf(0.975, 3))
    want = statistics.estimate(first - 3.1, resamples=10)
    assert (found["mean"], found["error"]) == pytest.approx((want.mean, want.standard_error))
    assert (found["low"], found["high"]) == pytest.approx(want.t)


def draws_of(random: np.random.Generator, n: int, resamples: int) -> np.ndarray:
    """Indices for counts as the experiments draw them."""
    counts = random.multinomial(n, np.full(n, 1 / n), resamples)
    return np.stack([np.repeat(np.arange(n), row) for row in counts])


@pytest.mark.parametrize("n_seeds, n_documents, level", [(3, 8, 0.95), (6, 4, 0.8)])
def test_the_bootstrap_is_that_of_the_experiments(n_seeds, n_documents, level):
    D, random = np.random.default_rng(3).normal(size=(n_seeds, n_documents)), np.random.default_rng(4)
    seeds, documents = draws_of(random, n_seeds, 300), draws_of(random, n_documents, 300)
    want = statistics.crossed_bootstrap(D, np.random.default_rng(4), level, 300)
    assert crossed_interval(D, seeds, documents, level) == pytest.approx(want, rel=1e-12)


def test_verdicts_are_those_of_the_experiments():
    ends, seen = [-0.3, -0.125, -0.1, -0.0625, -0.01, 0.0, 0.01, 0.0625, 0.1, 0.125, 0.3], set()
    for low in ends:
        for high in [end for end in ends if end >= low]:
            for margin in (0.0625, 0.125):
                found = verdict(low, high, margin)
                assert found == statistics.verdict(statistics.Interval(low, high), margin)
                seen.add(found)
    assert seen == {"better", "worse", "equivalent", "undecided"}


def test_the_exercises_need_no_package_of_the_experiments():
    code = "import sys; from course_lib.exercises import of_notebook; assert len(of_notebook('11')) == 6; "
    code += "assert not {'scipy', 'pyarrow', 'distributed'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=ANSWER)


# Right answers in other styles ----------------------------------------------------------------------------------------


def width_by_shapes(d, n_heads, d_head, d_ff, n_kv_heads, d_latent, d_rope):
    h, heads, kv = n_heads, n_heads * d_head, n_kv_heads * d_head
    grouped = [(d, heads), (d, kv), (d, kv), (heads, d)]
    latent = [(d, heads), (d, d_latent), (d_latent, heads), (d_latent, heads), (heads, d)]
    latent += [(d, h * d_rope), (d, d_rope), (1, d_latent)]
    shapes = grouped if n_kv_heads else latent
    attention = sum(a * b for a, b in shapes)
    spare = 4 * d * heads - attention
    return {"attention": attention, "spare": spare, "d_ff": int(np.rint(d_ff + spare / (3 * d)))}


def width_by_search(d, n_heads, d_head, d_ff, n_kv_heads, d_latent, d_rope):
    attention = 2 * d * n_heads * d_head + 2 * d * n_kv_heads * d_head
    attention += d_latent * (d + 1 + 2 * n_heads * d_head) + d * d_rope * (n_heads + 1)
    all_of_mha = 4 * d * n_heads * d_head + 3 * d * d_ff
    best = min(range(1, 4 * d_ff), key=lambda width: abs(attention + 3 * d * width - all_of_mha))
    return {"attention": attention, "spare": 4 * d * n_heads * d_head - attention, "d_ff": best}


def cache_by_search(n_heads, d_head, n_kv_heads, d_rope):
    cached = n_kv_heads * (d_head + d_head)
    width = next(w for w in range(1, cached + 1) if w + w == cached)
    heads = next(h for h in range(1, n_heads + 1) if h * width == n_heads * d_head)
    d_latent = next(r for r in range(1, cached + 1) if r + d_rope == cached)
    flops = {"grouped FLOPs": 2 * n_heads * 2 * d_head, "latent FLOPs": 2 * n_heads * (cached + d_latent)}
    return {"multi-query": [heads, width], "d_latent": d_latent} | flops


def rate_by_counting(grid, losses, most):
    best = min(sorted(losses), key=losses.get)
    if losses[best] == math.inf:
        return [None, None]
    lower = [rate for rate in losses if rate < best]
    higher = [rate for rate in losses if rate > best]
    if not lower and len([rate for rate in losses if rate < grid[0]]) < most:
        return [best, best / 2]
    if not higher and len([rate for rate in losses if rate > grid[-1]]) < most:
        return [best, 2 * best]
    return [best, None]


def rate_with_arrays(grid, losses, most):
    rates = np.array(sorted(losses))
    values = np.array([losses[rate] for rate in rates])
    if np.isinf(values).all():
        return None, None
    i = np.argmin(values)
    if i == 0 and rates[0] > grid[0] * 0.5**most:
        return rates[0], rates[0] / 2
    if i == len(rates) - 1 and rates[i] < grid[-1] * 2**most:
        return rates[i], rates[i] * 2
    return rates[i], None


def paired_in_torch(first, second, t):
    gaps = (torch.from_numpy(first) - torch.from_numpy(second)).mean(1)
    error = gaps.std() / math.sqrt(len(gaps))
    ends = gaps.mean() + t * error * torch.tensor([-1.0, 1.0])
    return {"mean": gaps.mean(), "error": error, "low": ends[0], "high": ends[1]}


def paired_by_squares(first, second, t):
    n, gaps = len(first), (first - second).mean(1)
    error = np.sqrt((gaps @ gaps - gaps.sum() ** 2 / n) / (n * (n - 1)))
    return dict(mean=gaps.mean(), error=error, low=gaps.mean() - t * error, high=gaps.mean() + t * error)


def crossed_by_counts(differences, seeds, documents, level):
    a = np.stack([np.bincount(row, minlength=differences.shape[0]) for row in seeds])
    b = np.stack([np.bincount(row, minlength=differences.shape[1]) for row in documents])
    means = np.einsum("rs,sm,rm->r", a, differences, b) / differences.size
    return np.percentile(means, [50 - 50 * level, 50 + 50 * level])


def crossed_at_once(differences, seeds, documents, level):
    means = differences[seeds[:, :, None], documents[:, None, :]].mean((1, 2))
    return tuple(np.quantile(means, q) for q in (0.5 - level / 2, 0.5 + level / 2))


def crossed_in_torch(differences, seeds, documents, level):
    D, s, m = (torch.from_numpy(a) for a in (differences, seeds, documents))
    means = D[s[:, :, None], m[:, None, :]].mean((1, 2))
    return torch.quantile(means, torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))


def verdict_in_one(low, high, margin):
    outside = "better" if high <= -margin else "worse" if low >= margin else "undecided"
    return "equivalent" if max(-low, high) < margin else outside


@pytest.mark.parametrize(
    "number, answer",
    [
        ("11.1", width_by_shapes),
        ("11.1", width_by_search),
        ("11.2", cache_by_search),
        ("11.3", rate_by_counting),
        ("11.3", rate_with_arrays),
        ("11.4", paired_in_torch),
        ("11.4", paired_by_squares),
        ("11.5", crossed_by_counts),
        ("11.5", crossed_at_once),
        ("11.5", crossed_in_torch),
        ("11.6", verdict_in_one),
    ],
)
def test_right_answers_in_other_styles_pass(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


# Other wrong answers --------------------------------------------------------------------------------------------------


def width(grouped=None, latent=None, d_ff=lambda spare, d, d_ff: d_ff + round(spare / (3 * d)), mha=None):
    """Exercise 11.1 with other parameters of (d, h, e, g, r, p), or another d_ff."""

    def answer(d, h, e, f, g, r, p):
        count = grouped if g else latent
        right = 2 * d * h * e + 2 * d * g * e + d * r + r + 2 * r * h * e + d * p * (h + 1)
        attention = count(d, h, e, g, r, p) if count else right
        spare = (mha(d, h, e) if mha else 4 * d * h * e) - attention
        return {"attention": attention, "spare": spare, "d_ff": d_ff(spare, d, f)}

    return answer


def cache(single=lambda h, e, g: (h // g, g * e), d_latent=None, grouped=None, latent=None):
    """Exercise 11.2 with other entries."""

    def answer(h, e, g, p):
        r = d_latent(h, e, g, p) if d_latent else 2 * g * e - p
        flops = grouped(h, e, g) if grouped else 4 * h * e, latent(h, r, p, e) if latent else 2 * h * (2 * r + p)
        return {"multi-query": single(h, e, g), "d_latent": r, "grouped FLOPs": flops[0], "latent FLOPs": flops[1]}

    return answer


def rate(
    edges=lambda grid, finite, losses: (min(losses), max(losses)), limits=None, order=sorted, end=lambda best: None
):
    """Exercise 11.3 with other edges, limits or order, or another second entry at the end."""

    def answer(grid, losses, most):
        finite = {r: losses[r] for r in order(losses) if losses[r] < INF}
        if not finite:
            return None, None
        best, (lowest, highest) = min(finite, key=finite.get), edges(grid, finite, losses)
        low, high = limits(grid, losses, most) if limits else (grid[0] / 2**most, grid[-1] * 2**most)
        if best == lowest and best > low:
            return best, best / 2
        return (best, best * 2) if best == highest and best < high else (best, end(best))

    return answer


def without_limit(grid, losses, most):
    return 0, INF


def counted_together(grid, losses, most):
    return (0, INF) if len(losses) - len(grid) < most else (INF, 0)


def none_where_one_diverged(grid, losses, most):
    return (None, None) if INF in losses.values() else rate()(grid, losses, most)


def beyond_the_grid(grid, losses, most):
    best, more = rate()(grid, losses, most)
    return best, more and (grid[0] / 2 if more < best else grid[-1] * 2)


def beyond_the_other_edge(grid, losses, most):
    best, more = rate()(grid, losses, most)
    return best, more and (max(losses) * 2 if more < best else min(losses) / 2)


def comparison(error=None, unit=lambda D: D.mean(1), difference=np.subtract, quantile=lambda t: t):
    """Exercise 11.4 with another difference, unit, error or quantile."""

    def answer(first, second, t):
        D = difference(first, second)
        gaps = unit(D)
        spread = error(gaps, D, first.mean(1), second.mean(1)) if error else gaps.std(ddof=1) / len(gaps) ** 0.5
        mean, half = gaps.mean(), quantile(t) * spread
        return {"mean": mean, "error": spread, "low": mean - half, "high": mean + half}

    return answer


def root_twice(first, second, t):
    found = comparison()(first, second, t)
    half = t * found["error"] / len(first) ** 0.5
    return found | {"low": found["mean"] - half, "high": found["mean"] + half}


def unpaired(gaps, D, first, second):
    return ((first.var(ddof=1) + second.var(ddof=1)) / len(gaps)) ** 0.5


def bootstrap(block=lambda D, s, m: D[s][:, m], statistic=np.mean, ends=None):
    """Exercise 11.5 with another block of a draw, statistic of it, or ends."""

    def answer(differences, seeds, documents, level):
        means = [statistic(block(differences, s, m)) for s, m in zip(seeds, documents, strict=True)]
        return ends(means, level) if ends else np.quantile(means, [(1 - level) / 2, (1 + level) / 2])

    return answer


def without_repeats(D, s, m):
    return D[sorted(set(s))][:, sorted(set(m))]


def nearest(means, level):
    ends = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(means, ends, method="nearest")


def by_zero(low, high, margin):
    return "equivalent" if low < 0 < high else "better" if high < 0 else "worse"


def by_sign_beyond_the_margin(low, high, margin):
    by_sign = "better" if high < 0 else "worse" if low > 0 else "undecided"
    return "equivalent" if -margin < low and high < margin else by_sign


def by_any_end(low, high, margin):
    return "better" if low <= -margin else "worse" if high >= margin else "equivalent"


def never_undecided(low, high, margin):
    return "better" if high <= -margin else "worse" if low >= margin else "equivalent"


@pytest.mark.parametrize(
    "number, answer, said",
    [
        (
            "11.1",
            width(latent=lambda d, h, e, g, r, p: 2 * d * h * e + d * r + 2 * r * h * e + d * p * (h + 1)),
            "Its gamma has d_L numbers",
        ),
        (
            "11.1",
            width(latent=lambda d, h, e, g, r, p: 2 * d * h * e + d * (r + p) + 2 * r * h * e + r),
            "W_QR is missing",
        ),
        ("11.1", width(lambda d, h, e, g, r, p: 4 * d * h * e), "W_K and W_V are counted with n_heads heads"),
        ("11.1", width(lambda d, h, e, g, r, p: 2 * d * h * e + 2 * d * (h // g) * e), "heads share a key"),
        ("11.1", width(lambda d, h, e, g, r, p: d * h * e + d * d + 2 * d * g * e), "where `n_heads * d_head` belongs"),
        ("11.1", width(d_ff=lambda spare, d, d_ff: d_ff + round(spare / (2 * d))), "three matrices"),
        ("11.1", width(d_ff=lambda spare, d, d_ff: d_ff + spare // (3 * d)), "rounded down"),
        ("11.1", width(d_ff=lambda spare, d, d_ff: math.ceil(d_ff + spare / (3 * d))), "rounded up"),
        ("11.1", width(d_ff=lambda spare, d, d_ff: d_ff + math.trunc(spare / (3 * d))), "cut towards 0"),
        ("11.1", width(d_ff=lambda spare, d, d_ff: d_ff + spare / (3 * d)), "no whole number"),
        ("11.1", width(mha=lambda d, h, e: 4 * d * d), "MHA is counted with matrices of d * d numbers"),
        ("11.2", cache(lambda h, e, g: (h, g * e)), "W_Q and W_O have more parameters"),
        ("11.2", cache(lambda h, e, g: (g, h // g * e)), "are exchanged"),
        ("11.2", cache(lambda h, e, g: g * e), "a tuple of 2 entries is expected"),
        ("11.2", cache(d_latent=lambda h, e, g, p: g * e - p), "twice as many numbers"),
        ("11.2", cache(d_latent=lambda h, e, g, p: 2 * g * e), "The rotary key is cached, too"),
        ("11.2", cache(d_latent=lambda h, e, g, p: 2 * g * e - h * p), "All heads share one"),
        ("11.2", cache(grouped=lambda h, e, g: 4 * g * e), "Sharing saves numbers"),
        ("11.2", cache(latent=lambda h, r, p, e: 4 * h * (r + p)), "The rotary coordinates are mixed, too"),
        ("11.2", cache(latent=lambda h, r, p, e: 2 * h * (2 * e + p)), "expanded form"),
        ("11.2", cache(latent=lambda h, r, p, e: 4 * h * e), "Equal caches do not make FLOPs equal"),
        ("11.2", cache(latent=lambda h, r, p, e: 2 * h * r), "The scores of the latent layer are missing"),
        ("11.3", rate(order=list), "Of two rates with the same loss this is the larger one"),
        ("11.3", rate(lambda grid, finite, losses: (grid[0], grid[-1])), "The edges are those of the first grid"),
        ("11.3", rate(lambda grid, finite, losses: (min(finite), max(finite))), "A rate that diverged counts as tried"),
        ("11.3", rate(lambda grid, finite, losses: (next(iter(losses)), [*losses][-1])), "the last entry of the dict"),
        ("11.3", rate(limits=without_limit), "one too many"),
        ("11.3", rate(limits=counted_together), "counted together"),
        (
            "11.3",
            rate(limits=lambda grid, losses, most: (grid[0] / 2 / most, grid[-1] * 2 * most)),
            "a factor of 2**most",
        ),
        ("11.3", rate(end=lambda best: best), "not the best rate again"),
        ("11.3", rate(end=lambda best: best * 2), "Nothing is left to try"),
        ("11.3", none_where_one_diverged, "Leave it out"),
        ("11.3", beyond_the_grid, "not those of the first grid"),
        ("11.3", beyond_the_other_edge, "beyond the other edge"),
        ("11.3", lambda *given: rate()(*given) if rate()(*given)[0] else (min(given[1]), None), "No rate is the best"),
        ("11.3", lambda *given: rate()(*given) if rate()(*given)[0] else None, "Return a pair"),
        ("11.3", lambda *given: rate()(*given)[1], "The next rate alone"),
        ("11.4", comparison(difference=lambda a, b: b - a), "wrong sign"),
        ("11.4", comparison(difference=lambda a, b: abs(a - b)), "The sign of the differences is lost"),
        ("11.4", comparison(unpaired), "independent samples. They share seeds"),
        ("11.4", comparison(unit=np.ravel), "Seeds times documents are taken for independent"),
        ("11.4", comparison(lambda gaps, D, *_: D.std(ddof=1) / D.size**0.5), "Seeds times documents are taken for"),
        (
            "11.4",
            comparison(lambda gaps, D, *_: D.std() / D.size**0.5),
            "All values count as independent, and ddof is 0",
        ),
        ("11.4", comparison(unit=lambda D: D.mean(0)), "The documents are taken as the unit"),
        ("11.4", comparison(lambda gaps, *_: gaps.std() / len(gaps) ** 0.5), "ddof = 0"),
        ("11.4", comparison(lambda gaps, *_: gaps.std(ddof=1)), "spread of single seeds"),
        ("11.4", comparison(lambda gaps, *_: gaps.var(ddof=1) / len(gaps) ** 0.5), "The variance is taken"),
        ("11.4", comparison(quantile=lambda t: 1.96), "1.96 belongs to the normal distribution"),
        ("11.4", comparison(quantile=lambda t: stats.norm.ppf(0.975)), "1.96 belongs to the normal distribution"),
        ("11.4", comparison(quantile=lambda t: t / 2), "half as wide"),
        ("11.4", comparison(lambda gaps, D, *_: D.mean(0).std(ddof=1) / len(D) ** 0.5), "means of documents"),
        ("11.4", root_twice, "once more"),
        ("11.4", lambda a, b, t: comparison()(a, b, t) | {"low": (a - b).mean()}, "The lower end is the mean itself"),
        ("11.4", lambda *given: (*comparison()(*given).values(),), "Return a dict"),
        ("11.5", bootstrap(lambda D, s, m: D[s, m]), "Single entries are drawn"),
        ("11.5", bootstrap(lambda D, s, m: D[:, m]), "Documents alone"),
        ("11.5", bootstrap(lambda D, s, m: D[s]), "Seeds alone"),
        ("11.5", bootstrap(lambda D, s, m: D[s][m]), "Rows are chosen twice"),
        ("11.5", bootstrap(without_repeats), "counts as often as it was drawn"),
        ("11.5", bootstrap(statistic=np.median), "median of the block"),
        ("11.5", bootstrap(lambda D, s, m: D[s][:, [*{*m}]]), "A document that was drawn twice counts once"),
        ("11.5", bootstrap(lambda D, s, m: D[[*{*s}]][:, m]), "A seed that was drawn twice counts once"),
        ("11.5", bootstrap(ends=lambda x, level: np.quantile(x, [0, level])), "the lower one leaves out nothing"),
        ("11.5", bootstrap(ends=nearest), "Both ends are single means"),
        ("11.5", bootstrap(ends=lambda x, level: np.quantile(x, [1 - level, level])), "each leaves out half of it"),
        ("11.5", bootstrap(ends=lambda x, level: np.quantile(x, [0.025, 0.975])), "Use `level`"),
        (
            "11.5",
            bootstrap(ends=lambda x, level: np.percentile(x, [(1 - level) / 2, (1 + level) / 2])),
            "from 0 to 100",
        ),
        ("11.5", bootstrap(ends=lambda x, level: x), "means of all draws"),
        (
            "11.5",
            lambda D, seeds, documents, level: bootstrap()(D, seeds, seeds, level),
            "columns are drawn by `seeds`",
        ),
        ("11.6", by_zero, "excludes 0, but it lies within the margin"),
        (
            "11.6",
            lambda low, high, margin: "undecided" if low < 0 < high else by_zero(low, high, margin),
            "more than undecided",
        ),
        (
            "11.6",
            lambda low, high, margin: "equivalent" if low < 0 < high else verdict(low, high, margin),
            "contains 0",
        ),
        ("11.6", by_any_end, "a verdict holds for the whole interval"),
        ("11.6", by_sign_beyond_the_margin, "a verdict holds for the whole interval"),
        ("11.6", never_undecided, "Equivalent arms need both ends there"),
        ("11.6", lambda low, high, margin: verdict(-high, -low, margin), "A smaller loss is better"),
        ("11.6", lambda low, high, margin: verdict(low, high, margin / 2), "The margin is halved"),
        (
            "11.6",
            lambda low, high, margin: verdict(low, high, margin).title(),
            "You got 'Equivalent' where 'equivalent'",
        ),
    ],
)
def test_other_wrong_answers_hear_something_true(number, answer, said):
    result = grade(EXERCISES[number], answer)
    assert not result.passed and said.lower() in result.message.lower(), result.message


def test_minutes_and_number_of_exercises():
    assert list(EXERCISES) == ["11.1", "11.2", "11.3", "11.4", "11.5", "11.6"]
    assert sum(exercise.minutes for exercise in EXERCISES.values()) == 42
