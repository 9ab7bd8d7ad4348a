"""The numbers of figure 11 for a layer: singular values and errors at all ranks, for each width of the rotary slice.

Energies are squared Frobenius norms on the calibration rows X. They add up: at each pair the slice is orthogonal to the
rest, a rotation less its mean is uncorrelated with the mean, and a rank drops the tail of the singular values.
"""

from collections.abc import Sequence

import numpy as np

from course_lib.config import GroupedConfig, require


def require_model(model, layers: Sequence) -> GroupedConfig:
    """The config of the model's attention; raises ValueError for a model that cannot be decoupled."""
    from course_lib.surgery.latent import absorbable_config, one_each

    config = absorbable_config(model)
    require(config.rope is not None, "model must have rotary positions, got none: without them nothing stands apart")
    one_each(model, layers)
    return config


def layer_tables(attention, seen) -> dict[str, np.ndarray]:
    """The tables of one layer, by name. Their first axis, slots, is the number of pairs in the slice.

    It runs from 0 (keys formed and then turned) to d_head / 2. "singular" (slots, m): singular values. "keys",
    "values", "both" (keys times alpha beside values) and "by_weights" (both, but with the singular vectors of the
    matrices alone), each (slots, m): the part of the norm missed at rank 1 to m. "energy" (slots, 3, pairs): the shares
    that keep their rotation, are content, and are lost.
    """
    from course_lib import convert

    W_K, W_V = (convert.array(W) for W in (attention.W_K, attention.W_V))
    found = []
    for pairs in range(attention.config.d_head // 2 + 1):
        content, energy = content_of(W_K, attention.config, seen, pairs)
        found.append(tables_of(content, W_V, energy, seen.gram) | {"energy": energy / energy.sum()})
    return {name: np.stack([table[name] for table in found]) for name in found[0]}


def content_of(W_K: np.ndarray, config: GroupedConfig, seen, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (d, g e) of content keys that `surgery.latent.decouple(..., kept=range(pairs))` factors.

    g is the number of KV heads, e their width. Also returns the energies (3, e / 2): turned, content, lost.
    """
    from course_lib.surgery.calibration import mean_rotation
    from course_lib.surgery.rotary import as_columns, as_pairs, principal_mix, split_rotary

    W = as_pairs(W_K, config.n_kv_heads)
    whole, none = energies(W, seen.gram), np.zeros(W.shape[-1])
    if pairs == 0:
        return W_K, np.stack([whole, none, none])
    v, _ = principal_mix(W[..., :pairs], seen.gram)
    _, slice_, W[..., :pairs] = split_rotary(W[..., :pairs], W[..., :pairs].copy(), v)
    turned = none.copy()
    turned[:pairs] = energies(slice_, seen.gram)
    size = np.abs(mean_rotation(seen.distances, config.rope, config.d_head))
    rest = energies(W, seen.gram)
    # The mean m of e^{i s theta} misses it by 1 - |m|^2 in the mean square.
    return as_columns(W * size), np.stack([turned, size**2 * rest, (1 - size**2) * rest])


def energies(W: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """The energy ||X W||^2 of all heads at each pair, for complex W (d, h, pairs) and the gram matrix X^T X."""
    return np.einsum("dhi,de,ehi->i", W.conj(), gram, W, optimize=True).real


def tables_of(content: np.ndarray, W_V: np.ndarray, energy: np.ndarray, gram: np.ndarray) -> dict[str, np.ndarray]:
    """The singular values of a layer's keys and values, and the parts of the norm that ranks 1 to m miss.

    content: (d, g e), as of `content_of`. energy: (3, e / 2). gram: (d, d), X^T X of the calibration rows.
    """
    from course_lib.surgery.factors import joint_factors, square_root

    m = min(len(content), content.shape[1] + W_V.shape[1])
    full = joint_factors(content, W_V, m, gram)
    squares, alpha = full.singular_values**2, full.balance
    of_keys = alpha**2 * np.square(full.W_LK).sum(1)  # of each right singular vector of length 1, the part in keys
    S = square_root(gram)
    lost, keys, values = energy[2].sum(), energy.sum(), np.square(S @ W_V).sum()
    alone = joint_factors(content, W_V, m, balance=alpha)
    directions = np.hstack([alpha * alone.W_LK, alone.W_LV])  # (m, k + v), orthonormal rows
    C = S @ np.hstack([alpha * content, W_V])
    kept = np.square(C @ directions.T).sum(0)
    together = alpha**2 * lost + np.square(C).sum() - np.cumsum(kept)
    everything = alpha**2 * keys + values
    missed = {
        "keys": (lost + tails(squares * of_keys) / alpha**2) / keys,
        "values": tails(squares * (1 - of_keys)) / values,
        "both": (alpha**2 * lost + tails(squares)) / everything,
        "by_weights": together / everything,
    }
    return {"singular": full.singular_values} | {name: np.sqrt(part.clip(0, 1)) for name, part in missed.items()}


def tails(parts: np.ndarray) -> np.ndarray:
    """The sum of all parts after each one."""
    return np.append(np.cumsum(parts[::-1])[::-1][1:], 0.0)
