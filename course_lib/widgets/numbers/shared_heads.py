"""The numbers of figure 10: how the attention of a trained decoder changes as its heads share fewer KV heads."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course_lib.config import is_whole, require


def by_mean(model, n_kv_heads: int):
    """Convert a model to n_kv_heads KV heads, each the mean of its group."""
    from course_lib.surgery import kv_heads

    return kv_heads.share_heads(model, n_kv_heads, kv_heads.mean)


def by_first(model, n_kv_heads: int):
    """Convert a model to n_kv_heads KV heads, each the first one of its group."""
    from course_lib.surgery import kv_heads

    return kv_heads.share_heads(model, n_kv_heads, kv_heads.first)


def by_turned_mean(model, n_kv_heads: int):
    """Convert a model to n_kv_heads KV heads, each the mean of its group after these were turned towards each other."""
    from course_lib.surgery.alignment import align_heads

    return by_mean(align_heads(model, n_kv_heads), n_kv_heads)


WAYS: dict[str, Callable] = {"mean": by_mean, "first": by_first, "mean, turned": by_turned_mean}


def checked(model, ids, counts: Sequence[int] | None, largest: int):
    """The ids (1, N) and the numbers of KV heads, checked; counts None means all divisors of the number of heads.

    Raises ValueError for a model with fewer KV heads than query heads, for ids that are not 2 to `largest` whole
    numbers, and for counts that do not fall or do not divide the number of heads.
    """
    import torch

    from course_lib.surgery.kv_heads import grouped_config

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
    """The attention of the converted models, and how far it is from the original one's, for each way and count.

    ids: (1, N), of a text. ways: name -> function (model, n_kv_heads) -> model. counts: numbers of KV heads.

    Returns "weights" (ways, counts, layers, heads, N, N), "weight_errors" (ways, counts, layers, heads) and
    "output_errors" (ways, counts, layers), for which each layer gets the input that it has in the original model; and
    "losses" (ways, counts) of the whole models, in nats per token. All are computed in float64.
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
    """The input (1, N, d) of each layer's attention."""
    inputs = []
    hooks = [b.attention.register_forward_pre_hook(lambda _, given: inputs.append(given[0])) for b in model.blocks]
    try:
        model(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs


def attend(model, inputs: Sequence) -> list[tuple]:
    """Output (1, N, d) and weights (1, h, N, N) of each layer's attention at these inputs."""
    return [block.attention(X, return_weights=True) for block, X in zip(model.blocks, inputs, strict=True)]


def one_departure(model, ids, inputs: Sequence, own: Sequence[tuple]) -> dict[str, np.ndarray]:
    """What `departures` returns, for one converted model. own: what `attend` gives for the original model."""
    from torch.nn import functional as F

    pairs = list(zip(attend(model, inputs), own, strict=True))
    return {
        "weights": np.stack([P[0].numpy() for (_, P), _ in pairs]),
        "weight_errors": np.stack([(P - P_own)[0].abs().sum(-1).mean(-1).numpy() / 2 for (_, P), (_, P_own) in pairs]),
        "output_errors": np.array([((Y - Y_own).norm() / Y_own.norm()).item() for (Y, _), (Y_own, _) in pairs]),
        "losses": np.array(F.cross_entropy(model(ids)[0, :-1], ids[0, 1:]).item()),
    }
