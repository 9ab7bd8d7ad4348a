"""Checks of tensors that layers and caches are given. Each ValueError names the argument, its value and the rule."""

import torch
from torch import Tensor

from course_lib.config import require

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def check_input(X: Tensor, d_model: int, weight: Tensor) -> None:
    """X (b, n, d_model) must not be empty, and have the dtype and device of `weight`."""
    require(isinstance(X, Tensor), lambda: f"X must be a torch tensor, got {type(X).__name__}")
    require(
        X.ndim == 3 and X.shape[-1] == d_model,
        lambda: f"X must have shape (sequences, tokens, d_model = {d_model}), got {tuple(X.shape)}",
    )
    require(X.numel() > 0, lambda: f"X must hold at least one sequence and one token, got shape {tuple(X.shape)}")
    require(
        X.dtype == weight.dtype and X.device == weight.device,
        lambda: (
            f"X must have the dtype and device of the parameters, {weight.dtype} on {weight.device}, "
            f"got {X.dtype} on {X.device}"
        ),
    )


def check_finite(X: Tensor) -> None:
    """X must not hold NaN or infinity. Skipped while torch.compile traces, since a graph cannot depend on values."""
    if torch.compiler.is_compiling():
        return
    least, most = X.aminmax()  # both are NaN when an entry is; one pass, no copies
    require(bool(torch.isfinite(least) & torch.isfinite(most)), "X must be finite, got NaN or infinite entries")


def check_lengths(lengths: Tensor | None, shape: tuple[int, ...]) -> None:
    """lengths (b,) counts each sequence's tokens: integers from 0 to n; rows of X behind them are padding."""
    if lengths is None:
        return
    batch, n = shape[:2]
    whole = isinstance(lengths, Tensor) and lengths.dtype in INTEGERS and lengths.layout == torch.strided
    whole = whole and not lengths.is_meta
    require(whole, f"lengths must be a tensor of integers, got {lengths!r}")
    require(
        lengths.shape == (batch,) and bool(((lengths >= 0) & (lengths <= n)).all()),
        f"lengths must be {batch} numbers from 0 to n = {n}, got {lengths.tolist()}",
    )


def whole_numbers(name: str, values) -> Tensor:
    """A whole number, a list or a tensor of them, as a tensor of 64-bit integers on the CPU.

    Raises ValueError for anything else; True and 2.0 are no whole numbers.
    """
    try:
        numbers = torch.as_tensor(values).to_dense().cpu()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        numbers = None
    good = numbers is not None and (numbers.dtype in INTEGERS or numbers.numel() == 0)  # an empty list has no type
    require(good, lambda: f"{name} must hold whole numbers, got {values!r}")
    return numbers.long()


def sequence_indices(indices, held: int) -> Tensor:
    """Indices into `held` sequences, as a tensor (c,) on the CPU; an index may be repeated.

    Raises ValueError for anything but whole numbers from 0 to held - 1.
    """
    chosen = whole_numbers("indices", indices)
    good = chosen.ndim == 1 and bool(((chosen >= 0) & (chosen < held)).all())
    require(good, lambda: f"indices must be a list of numbers from 0 to {held - 1}, got {chosen.tolist()}")
    return chosen


def check_mask(mask: Tensor, batch: int, n: int, N: int) -> None:
    """mask (n, N) or (b, n, N) is boolean, true where a new token sees the token at a position from 0 to N - 1."""
    require(
        isinstance(mask, Tensor) and mask.dtype == torch.bool,
        f"mask must be a boolean tensor, true where seen, got {getattr(mask, 'dtype', type(mask).__name__)}",
    )
    require(
        tuple(mask.shape) in {(n, N), (batch, n, N)},
        f"mask must have shape (n, N) = {(n, N)} or (b, n, N) = {(batch, n, N)}, got {tuple(mask.shape)}",
    )


def check_kernel(Q: Tensor, K: Tensor, mask: Tensor | None, causal: bool) -> None:
    """Q (b, h, n, e), K (b, g, N, e) and the visible sets must fit together."""
    require(
        Q.ndim == K.ndim == 4, lambda: f"Q, K must have four axes, got shapes {tuple(Q.shape)} and {tuple(K.shape)}"
    )
    (b, h, n, e), (b_K, g, N, e_K) = Q.shape, K.shape
    require(b == b_K, lambda: f"Q and K must have the same batch, got {b} and {b_K}")
    require(e == e_K, lambda: f"Q and K must have the same width, got {e} and {e_K}")
    require(h % g == 0, lambda: f"the heads of Q must be a multiple of those of K, got {h} and {g}")
    require(not causal or n == N, lambda: f"causal needs as many keys as queries, got {n} queries and {N} keys")
    require(
        mask is None or (mask.dtype == torch.bool and tuple(mask.shape) in {(n, N), (b, n, N), (1, n, N)}),
        lambda: (
            f"mask must be boolean of shape {(n, N)} or {(b, n, N)}, got {None if mask is None else mask.dtype} "
            f"{None if mask is None else tuple(mask.shape)}"
        ),
    )
