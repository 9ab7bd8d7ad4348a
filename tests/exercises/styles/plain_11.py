"""Right answers of notebook 11 as participants write them: plain NumPy or loops, in an order of their own.

The name begins with the exercise, `e11_3_in_steps`. test_nb11.py holds answers in further styles.
"""

import numpy as np


def e11_1_in_cases(d, n_heads, d_head, d_ff, n_kv_heads, d_latent, d_rope):
    heads = n_heads * d_head
    mha = 4 * d * heads
    if n_kv_heads > 0:
        attention = d * heads + 2 * d * n_kv_heads * d_head + heads * d
    else:
        attention = d * heads + heads * d
        attention += d * d_latent + d_latent
        attention += d_latent * heads + d_latent * heads
        attention += d * n_heads * d_rope + d * d_rope
    spare = mha - attention
    return {"attention": attention, "spare": spare, "d_ff": d_ff + round(spare / (3 * d))}


def e11_2_in_steps(n_heads, d_head, n_kv_heads, d_rope):
    keys = n_kv_heads * d_head
    cached = keys + keys
    d_latent = cached - d_rope
    group = n_heads // n_kv_heads
    score = 2 * (d_latent + d_rope)
    mix = 2 * d_latent
    return {
        "multi-query": (group, keys),
        "d_latent": d_latent,
        "grouped FLOPs": n_heads * (2 * d_head + 2 * d_head),
        "latent FLOPs": n_heads * (score + mix),
    }


def e11_3_in_a_loop(grid, losses, most):
    best = None
    for rate in sorted(losses):
        if losses[rate] != np.inf and (best is None or losses[rate] < losses[best]):
            best = rate
    if best is None:
        return None, None
    rates = sorted(losses)
    if best == rates[0] and rates[0] > grid[0] / 2**most:
        return best, best / 2
    if best == rates[-1] and rates[-1] < grid[-1] * 2**most:
        return best, best * 2
    return best, None


def e11_4_in_loops(first, second, t):
    means = []
    for a, b in zip(first, second, strict=True):
        means.append(sum(a - b) / len(a))
    n = len(means)
    mean = sum(means) / n
    variance = sum((m - mean) ** 2 for m in means) / (n - 1)
    error = (variance / n) ** 0.5
    return {"mean": mean, "error": error, "low": mean - t * error, "high": mean + t * error}


def e11_4_by_arms(first, second, t):
    gaps = np.mean(first, axis=1) - np.mean(second, axis=1)
    error = np.std(gaps, ddof=1) / len(gaps) ** 0.5
    mean = np.mean(gaps)
    return {"mean": mean, "error": error, "low": mean - t * error, "high": mean + t * error}


def e11_5_in_loops(differences, seeds, documents, level):
    means = []
    for r in range(len(seeds)):
        total = 0.0
        for s in seeds[r]:
            for m in documents[r]:
                total += differences[s, m]
        means.append(total / (len(seeds[r]) * len(documents[r])))
    return np.quantile(means, (1 - level) / 2), np.quantile(means, (1 + level) / 2)


def e11_6_in_steps(low, high, margin):
    inside = low > -margin and high < margin
    if inside:
        return "equivalent"
    if high <= -margin:
        word = "better"
    elif low >= margin:
        word = "worse"
    else:
        word = "undecided"
    return word
