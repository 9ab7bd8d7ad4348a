"""Isolate a check from settings of the whole process: it neither depends on them nor changes them."""

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def settings_kept() -> Iterator[None]:
    """Restore at the end error states, warning filters, random states, the recursion limit and torch's defaults."""
    numbers, depth = random.getstate(), sys.getrecursionlimit()
    generator, legacy_numbers = np.random.get_bit_generator(), np.random.get_state(legacy=False)
    of_torch = _torch_settings()
    with warnings.catch_warnings(), np.errstate():
        try:
            yield
        finally:
            random.setstate(numbers)
            sys.setrecursionlimit(depth)
            np.random.set_bit_generator(generator)  # an answer may have put another one in its place
            np.random.set_state(legacy_numbers)
            _set_torch(of_torch)


@contextmanager
def in_silence() -> Iterator[None]:
    """Show no warnings and raise no floating-point errors, in an answer or in the grader's own code.

    Warnings of an answer are not shown. The verdict says where it first computes NaN.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _torch_settings() -> dict:
    torch = sys.modules.get("torch")
    if torch is None:  # if an answer imports it, `_set_torch` sets the defaults of a fresh process
        return {}
    return {
        "dtype": torch.get_default_dtype(),
        "device": _default_device(torch),
        "grad": torch.is_grad_enabled(),
        "numbers": torch.get_rng_state(),
    }


def _default_device(torch):
    """torch's default device; None if this machine lacks it: it can be set, but torch raises when asked for it."""
    try:
        return torch.get_default_device()
    except Exception:
        return None


def _set_torch(saved: dict) -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    torch.set_default_dtype(saved.get("dtype", torch.float32))
    torch.set_grad_enabled(saved.get("grad", True))
    device = saved.get("device", torch.device("cpu"))
    if _default_device(torch) != device:  # setting it costs time at each call of torch from then on
        torch.set_default_device(device)
    if "numbers" in saved:
        torch.set_rng_state(saved["numbers"])
