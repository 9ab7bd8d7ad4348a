"""What figure 12 shows: the tensors of both readings of a latent layer, how far they differ, and what steps cost."""

import copy
import math
from collections.abc import Sequence

import numpy as np

from course_lib import accounting
from course_lib.config import LatentConfig

DTYPE = "bfloat16"  # in which bytes are counted
FORMS = ("expanded", "absorbed")
EQUAL = ("scores", "weights", "heads", "output")  # what both readings have, and where they are compared


def both_forms(layer, X: np.ndarray, cached: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The tensors of the first new token, by their names in the JavaScript, and the differences of all new ones.

    "scores", "weights", "heads" and "output" have the readings as their first axis. The differences (n, 4) are the
    largest ones of each new token, over heads and visible keys, in the order of EQUAL.
    """
    import torch

    from course_lib.layers.latent import AbsorbedReading

    layer = copy.deepcopy(layer).double().eval()
    X, r, e, h = torch.from_numpy(X)[None], layer.config.d_latent, layer.config.d_head, layer.config.n_heads
    at = torch.arange(X.shape[1])
    with torch.no_grad():
        rows = layer.compress(X, at)
        readings = [
            follow(reading, layer, X[:, cached:], at[cached:], rows) for reading in (layer, AbsorbedReading(layer))
        ]
        W_LV = layer.W_LV.unflatten(-1, (h, -1)).transpose(0, 1)
        mixed = readings[1]["heads"]
        readings[1]["heads"] = mixed @ W_LV
    expanded, absorbed = ({name: tensor[0].numpy() for name, tensor in found.items()} for found in readings)
    N = cached + 1
    held = rows["L"][0, 0, :N].numpy()
    tensors = {"L": held[:, :r], "K_R": held[:, r:], "K": expanded["keys"][:, :N, :e], "V": expanded["values"][:, :N]}
    tensors |= {"Q": expanded["queries"][:, 0, :e], "Q_R": expanded["queries"][:, 0, e:]}
    tensors |= {"asking": absorbed["queries"][:, 0, :r], "mixed": mixed[0, :, 0].numpy()}
    first = {
        "scores": np.s_[:, :, 0, :N],
        "weights": np.s_[:, :, 0, :N],
        "heads": np.s_[:, :, 0],
        "output": np.s_[:, 0],
    }
    tensors |= {name: np.stack([expanded[name], absorbed[name]])[part] for name, part in first.items()}
    apart = [np.abs(expanded[name] - absorbed[name]) for name in EQUAL]
    over_heads = [np.moveaxis(each, -2, 0).reshape(X.shape[1] - cached, -1).max(axis=1) for each in apart]
    return tensors, np.stack(over_heads, axis=1)


def follow(reading, layer, X_new, positions, rows) -> dict:
    """What a reading makes on its way to the output, as `course_lib.layers` computes it; hidden scores are zero."""
    import torch

    from course_lib.layers.kernel import Seen, attention_weights, mix

    Q, (K, V) = reading.queries(X_new, positions), reading.read(rows)
    seen = torch.arange(K.shape[-2]) <= positions[:, None]
    P = attention_weights(Q, K, Seen(seen), layer.config.scale)
    Y = mix(P, V)
    found = {"queries": Q, "keys": K, "values": V, "scores": layer.config.scale * (Q @ K.mT) * seen, "weights": P}
    return found | {"heads": Y, "output": reading.output(Y, positions)}


def works(config: LatentConfig, cached: int, new: int) -> dict[str, accounting.Work]:
    """What accounting counts for both readings."""
    readings = (accounting.expanded(config), accounting.absorbed(config))
    return {reading.name: accounting.chunk(reading, new, cached, dtype=DTYPE) for reading in readings}


def counted_size(name: str, config: LatentConfig, cached: int, new: Sequence[int]) -> dict:
    """Shapes and costs at these sizes, for each number of new tokens."""
    letters = {"h": config.n_heads, "r": config.d_latent, "e": config.d_head, "p": config.d_rope, "v": config.d_value}
    letters["d"] = config.d_model
    costs = []
    for n in new:
        work = works(config, cached, n)
        totals = {reading: {"flops": work[reading].flops, "bytes": work[reading].bytes} for reading in FORMS}
        parts = {reading: work[reading].bytes_by_part for reading in FORMS}
        cells = {reading: cells_of(reading, config, cached + n, n) for reading in FORMS}
        rows = cached + n
        numbers = {"cached": rows * config.floats_per_token, "made": rows * accounting.expanded(config).materialised}
        costs.append({"totals": totals, "bytes": parts, "cells": cells, "numbers": numbers})
    return {"name": name, "cached": cached, "letters": letters, "formulas": formulas(config), "costs": costs}


def formulas(config: LatentConfig) -> dict[str, dict[str, str]]:
    """Of the tensors whose formula the config changes, by reading; what ^ and _ mean says the JavaScript."""
    rows = [f"norm({rows})" if config.latent_norm else rows for rows in ("X W^L", "X W^{LQ}")]
    Q = "X W^Q_h" if config.d_latent_q is None else f"{rows[1]} W^{{LQQ}}_h"
    rotary = " + Q^R_h K^R{}^⊤" if config.d_rope else ""
    scale = f" / √{config.d_qk}" if config.scale == config.d_qk**-0.5 else f" × {config.scale:.4g}"
    products = zip(FORMS, ("Q_h K_h^⊤", "A_h L^⊤"), strict=True)
    scores = {reading: {"scores": f"S_h = ({product}{rotary}){scale}"} for reading, product in products}
    return {"both": {"Q": f"Q_h = {Q}", "L": f"L = {rows[0]}"}} | scores


def cells_of(reading: str, config: LatentConfig, N: int, n: int) -> list[dict]:
    """For each stage the factors of its FLOPs (2 for a multiply-add), and bytes of keys or values put into memory."""
    h, r, e, p, v = config.n_heads, config.d_latent, config.d_head, config.d_rope, config.d_value
    size = accounting.units.itemsize(DTYPE)
    W_O = h * v * config.d_model
    asking = accounting.absorbed(config).project - W_O  # all weights on X: queries, and the rows that are cached
    if reading == "expanded":
        factors = [[h, N, r, e], [h, n, N, e + p], [], [h, N, r, v], [h, n, N, v]]
        made = {1: N * h * (e + p) * size, 4: N * h * v * size}
    else:
        factors = [[h, n, r, e], [h, n, N, r + p], [], [h, n, N, r], [h, n, r, v]]
        made = {}
    factors = [[n, asking], *factors, [n, W_O]]
    return [
        {"factors": [2, *each] if each else [], "flops": 2 * math.prod(each) if each else 0, "made": made.get(i, 0)}
        for i, each in enumerate(factors)
    ]
