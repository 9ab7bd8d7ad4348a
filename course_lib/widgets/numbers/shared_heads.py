"""A trained decoder with fewer and fewer KV heads, and how far its attention departs: the numbers of figure 10."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course_lib.config import is_whole, require


def by_mean(model, n_kv_heads: int):
    """Each new KV head is the mean of its group."""
    from course_lib.surgery import heads

    return heads.share_heads(model, n_kv_heads, heads.mean)


def by_first(model, n_kv_heads: int):
    """Each new KV head is the first of its group."""
    from course_lib.surgery import heads

    return heads.share_heads(model, n_kv_heads, heads.first)


def by_turned_mean(model, n_kv_heads: int):
    """The mean, after the heads of a group have been turned towards each other."""
    from course_lib.surgery.alignment import align_heads

    return by_mean(align_heads(model, n_kv_heads), n_kv_heads)


WAYS: dict[str, Callable] = {"mean": by_mean, "first": by_first, "mean, turned": by_turned_mean}


def checked(model, ids, counts: Sequence[int] | None, largest: int):
    """The ids (1, N) and the numbers of KV heads. Raises ValueError for what does not go together."""
    import torch

    from course_lib.surgery.heads import grouped_config

    config = grouped_config(model)
    h = config.n_heads
    require(config.n_kv_heads == h, f"model must have {h} KV heads, one for each query head, got {config.n_kv_heads}")
    ids = torch.as_tensor(ids)
    good = ids.ndim == 1 and 2 <= len(ids) <= largest and not ids.is_floating_point()
    require(good, f"ids must be 2 to {largest} whole numbers, got shape {tuple(ids.shape)}, {ids.dtype}")
    counts = [g for g in range(h, 0, -1) if h % g == 0] if counts is None else list(counts)
    good = len(counts) > 1 and counts[0] == h and all(is_whole(g) and h % g == 0 for g in counts)
    good = good and all(before > after for before, after in zip(counts, counts[1:], strict=False))
    require(good, f"counts must fall from {h}, each a divisor of it, got {counts}")
    return ids[None], counts


def departures(model, ids, ways: Mapping[str, Callable], counts: Sequence[int]) -> dict[str, np.ndarray]:
    """For each way and count: weights, their errors, errors of the output, and the loss of the whole model.

    ids: (1, N). Of (ways, counts, ...): `weights` (..., layers, heads, N, N), `weight_errors` (..., layers, heads),
    `output_errors` (..., layers), `losses`. Each layer reads what it reads in the model as it is. In float64.
    """
    import copy

    import torch

    exact = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        inputs = read_by_attention(exact, ids)
        own = attend(exact, inputs)
        found = [[one_departure(way(exact, g), ids, inputs, own) for g in counts] for way in ways.values()]
    return {name: np.stack([[each[name] for each in row] for row in found]) for name in found[0][0]}


def read_by_attention(model, ids) -> list:
    """What the attention of each layer reads, (1, N, d)."""
    inputs = []
    hooks = [b.attention.register_forward_pre_hook(lambda _, given: inputs.append(given[0])) for b in model.blocks]
    try:
        model(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs


def attend(model, inputs: Sequence) -> list[tuple]:
    """Output (1, N, d) and weights (1, h, N, N) of each layer."""
    return [block.attention(X, return_weights=True) for block, X in zip(model.blocks, inputs, strict=True)]


def one_departure(model, ids, inputs: Sequence, own: Sequence[tuple]) -> dict[str, np.ndarray]:
    from torch.nn import functional as F

    pairs = list(zip(attend(model, inputs), own, strict=True))
    return {
        "weights": np.stack([P[0].numpy() for (_, P), _ in pairs]),
        "weight_errors": np.stack([(P - P_own)[0].abs().sum(-1).mean(-1).numpy() / 2 for (_, P), (_, P_own) in pairs]),
        "output_errors": np.array([((Y - Y_own).norm() / Y_own.norm()).item() for (Y, _), (Y_own, _) in pairs]),
        "losses": np.array(F.cross_entropy(model(ids)[0, :-1], ids[0, 1:]).item()),
    }
