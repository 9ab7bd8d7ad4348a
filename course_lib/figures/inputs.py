"""Checks of what the attention figures accept (weights, masks, tokens), which bring it to one shape and type."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from course_lib.config import is_whole, require

LONGEST = 40  # characters of a token that are shown
SLACK = 1e-6  # how far rounding in float32 (spacing 1.2e-7 at 1) may carry a weight out of [0, 1], with room


def as_weights(weights, rank: int) -> np.ndarray:
    """Attention weights as float32 with `rank` axes, (layers, heads, n, N) for rank 4; missing leading axes are added.

    Takes an array or a torch tensor. Raises ValueError unless all weights are finite and lie in [0, 1].
    """
    array = as_numpy(weights)
    require(
        array.dtype.kind in "fiub" and 2 <= array.ndim <= rank,
        f"weights must be numbers of shape (n, N) or with up to {rank - 2} leading axes (layers, heads), "
        f"got shape {array.shape}, dtype {array.dtype}",
    )
    array = array.reshape((1,) * (rank - array.ndim) + array.shape).astype(np.float32)
    require(array.size > 0, f"weights must have at least one query, key, head and layer, got shape {array.shape}")
    bad = ~((array >= -SLACK) & (array <= 1 + SLACK))  # true for NaN too
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"weights must lie in [0, 1], got {array[where]} at {where}")
    return array


def as_numpy(values) -> np.ndarray:
    """Convert to a NumPy array. A torch tensor becomes float64, since NumPy has no bfloat16; torch is not imported."""
    return np.asarray(values.detach().cpu().double().numpy() if hasattr(values, "detach") else values)


def as_matrix(values, name: str, rank: int = 2) -> np.ndarray:
    """Numbers as a float64 array with `rank` axes. name: of the argument, for the messages.

    Raises ValueError unless there is at least one number and all are finite.
    """
    array = as_numpy(values)
    good = array.dtype.kind in "fiub" and array.ndim == rank and array.size > 0
    require(good, f"{name} must be numbers with {rank} axes, got shape {array.shape}, dtype {array.dtype}")
    array = array.astype(np.float64)
    require(bool(np.isfinite(array).all()), f"{name} must be finite, got NaN or infinity")
    return array


def as_layers(layers: Sequence[int] | None, count: int) -> list[int]:
    """The numbers of the layers that a figure shows, of a model with `count` layers; None means all.

    Raises ValueError unless they are whole numbers from 0 to count - 1 that rise.
    """
    numbers = list(range(count) if layers is None else layers)
    whole = all(is_whole(number, least=0) and number < count for number in numbers)
    good = len(numbers) > 0 and whole and numbers == sorted(set(numbers))
    require(good, f"layers must be rising numbers of layers below {count}, got {layers!r}")
    return numbers


def as_mask(mask, weights: np.ndarray) -> np.ndarray | None:
    """A mask, true where a query sees a key, brought to as many axes as `weights`; None stays None.

    mask: boolean, of the shape of the weights or of their last axes, such as (n, N). Raises ValueError for another
    dtype or shape, and where a hidden key has weight.
    """
    if mask is None:
        return None
    if hasattr(mask, "detach"):
        mask = mask.detach().cpu().numpy()
    mask = np.asarray(mask)
    require(mask.dtype == bool, f"mask must be boolean, true where seen, got dtype {mask.dtype}")
    fits = mask.ndim >= 2 and mask.shape == weights.shape[weights.ndim - mask.ndim :]
    require(fits, f"mask must have the shape of weights or its last axes, {weights.shape}, got {mask.shape}")
    mask = mask.reshape((1,) * (weights.ndim - mask.ndim) + mask.shape)
    hidden = (weights > SLACK) & ~mask
    if hidden.any():
        where = tuple(int(i) for i in np.argwhere(hidden)[0])
        raise ValueError(f"mask hides the key at {where}, but its weight there is {weights[where]:.4g}, not 0")
    return mask


def as_tokens(tokens: Sequence[str], size: int, name: str) -> list[str]:
    """The tokens as text that can be seen (`shown`). name: of the argument, for the messages.

    Raises TypeError unless all are strings, ValueError unless there are `size` of them.
    """
    if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
        raise TypeError(f"{name} must be a sequence of strings, got {tokens!r:.80}")
    require(len(tokens) == size, f"{name} must hold one token for each of {size} positions, got {len(tokens)}")
    return [shown(token) for token in tokens]


def pair_of_tokens(tokens, query_tokens, weights: np.ndarray) -> tuple[list[str], list[str]]:
    """Tokens of the queries and of the keys, as shown. Without `query_tokens` the sequence attends to itself.

    Raises TypeError and ValueError as `as_tokens` does, and ValueError when query_tokens is needed and missing.
    """
    n, N = weights.shape[-2:]
    require(
        query_tokens is not None or n == N,
        f"query_tokens must be given when queries and keys differ in number, got {n} queries and {N} keys",
    )
    keys = as_tokens(tokens, N, "tokens")
    return (keys if query_tokens is None else as_tokens(query_tokens, n, "query_tokens")), keys


def shown(token: str) -> str:
    """A token as text that can be seen: a space becomes ␣, a line break ⏎, a tab ⇥, other control characters escapes.

    A token of more than LONGEST characters is cut.
    """
    if token == "":
        return "(empty)"
    text = "".join(visible(character) for character in token[:LONGEST])
    return text if len(token) <= LONGEST else text + "…"


def visible(character: str) -> str:
    """One character made visible. Format characters that reverse text are escaped; those that join emoji are kept."""
    known = {" ": "␣", "\n": "⏎", "\t": "⇥", "\u200c": "\u200c", "\u200d": "\u200d"}
    if character in known:
        return known[character]
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"):
        return f"\\u{ord(character):04x}"
    return character
