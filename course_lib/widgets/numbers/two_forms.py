"""The numbers of figure 12: scores in both forms of a latent layer, how the forms differ, what their steps cost."""

import copy
from collections.abc import Sequence

import numpy as np

from course_lib import accounting
from course_lib.config import LatentConfig

DTYPE = "bfloat16"  # in which bytes are counted
FORMS = ("expanded", "absorbed")
EQUAL = ("scores", "weights", "heads", "output")  # equal in both forms up to rounding: here they are compared


def both_forms(layer, X: np.ndarray, cached: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The "scores" and "weights" of the first new token in both forms, (2, h, cached + 1), and how the forms differ.

    layer: a torch `LatentAttention`. X: rows (cached + n, d); the first `cached` are in the cache, n are new.

    The differences (n, 4) are the largest absolute ones of each new token, in the order of EQUAL.
    """
    import torch

    from course_lib.layers.latent import Absorbed

    layer = copy.deepcopy(layer).double().eval()
    X, at = torch.from_numpy(X)[None], torch.arange(X.shape[0])
    with torch.no_grad():
        rows = layer.compress(X, at)
        forms = [follow(form, layer, X[:, cached:], at[cached:], rows) for form in (layer, Absorbed(layer))]
        W_LV = layer.W_LV.unflatten(-1, (layer.config.n_heads, -1)).transpose(0, 1)
        forms[1]["heads"] = forms[1]["heads"] @ W_LV  # so far they are mixed rows of the latent
    expanded, absorbed = ({name: tensor[0].numpy() for name, tensor in form.items()} for form in forms)
    shown = {name: np.stack([expanded[name], absorbed[name]])[:, :, 0, : cached + 1] for name in ("scores", "weights")}
    apart = [np.abs(expanded[name] - absorbed[name]) for name in EQUAL]
    over_heads = [np.moveaxis(each, -2, 0).reshape(X.shape[1] - cached, -1).max(axis=1) for each in apart]
    return shown, np.stack(over_heads, axis=1)


def follow(form, layer, X_new, positions, rows) -> dict:
    """The tensors that a form makes on its way to the output, as `course_lib.layers` computes them.

    rows: of the cache and the new tokens. Scores have the layer's scale and are 0 where hidden.
    """
    import torch

    from course_lib.kernels.attention import Seen, attention_weights, mix

    Q, (K, V) = form.queries(X_new, positions), form.read(rows)
    seen = torch.arange(K.shape[-2]) <= positions[:, None]
    P = attention_weights(Q, K, Seen(seen), layer.config.scale)
    Y = mix(P, V)
    scores = layer.config.scale * (Q @ K.mT) * seen
    return {"scores": scores, "weights": P, "heads": Y, "output": form.output(Y, positions)}


def works(config: LatentConfig, cached: int, new: int) -> dict[str, accounting.Work]:
    """The work of a call with `new` tokens in both forms, as `course_lib.accounting` counts it."""
    forms = (accounting.expanded(config), accounting.absorbed(config))
    return {form.name: accounting.chunk(form, new, cached, dtype=DTYPE) for form in forms}


def counted_size(name: str, config: LatentConfig, cached: int, new: Sequence[int]) -> dict:
    """The shapes and costs of both forms at these sizes for each number of new tokens, as the browser takes them."""
    letters = {"h": config.n_heads, "r": config.d_latent, "e": config.d_head, "p": config.d_rope, "v": config.d_value}
    costs = []
    for n in new:
        work, N = works(config, cached, n), cached + n
        numbers = {"cached": N * config.floats_per_token, "made": N * accounting.expanded(config).materialised}
        costs.append(
            {
                "totals": {form: {"flops": work[form].flops, "bytes": work[form].bytes} for form in FORMS},
                "bytes": {form: work[form].bytes_by_part for form in FORMS},
                "factors": {form: factors_of(form, config, N, n) for form in FORMS},
                "numbers": numbers,
            }
        )
    return {"name": name, "cached": cached, "letters": letters, "costs": costs}


def factors_of(form: str, config: LatentConfig, N: int, n: int) -> list[list[int]]:
    """The factors whose product is the FLOPs of each step (2 for a multiply-add); none where nothing is multiplied.

    N: all tokens. n: the new ones.
    """
    h, r, e, p, v = config.n_heads, config.d_latent, config.d_head, config.d_rope, config.d_value
    W_O = h * v * config.d_model
    asking = accounting.absorbed(config).project - W_O  # all matrices on X: queries, and the rows that are cached
    if form == "expanded":
        factors = [[h, N, r, e], [h, n, N, e + p], [], [h, N, r, v], [h, n, N, v]]
    else:
        factors = [[h, n, r, e], [h, n, N, r + p], [], [h, n, N, r], [h, n, r, v]]
    return [[2, *each] if each else [] for each in ([n, asking], *factors, [n, W_O])]
