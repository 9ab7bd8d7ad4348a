"""Settings that a whole process shares: a check neither depends on them nor changes them."""

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def settings_kept() -> Iterator[None]:
    """Afterwards error states, warning filters, random numbers and torch's defaults are what they were before."""
    numbers, legacy_numbers = random.getstate(), np.random.get_state(legacy=False)
    of_torch = _torch_settings()
    with warnings.catch_warnings(), np.errstate():
        try:
            yield
        finally:
            random.setstate(numbers)
            np.random.set_state(legacy_numbers)
            _set_torch(of_torch)


@contextmanager
def for_the_grader() -> Iterator[None]:
    """Verified solutions, known mistakes and comparisons neither warn nor raise because of rounding or overflow."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def for_the_answer() -> Iterator[None]:
    """NumPy's error state of a fresh kernel, and no warning is an error; torch's defaults stay the participant's."""
    with warnings.catch_warnings(), np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
        if any(action == "error" for action, *_ in warnings.filters):
            warnings.simplefilter("default")
        yield


def _torch_settings() -> dict:
    torch = sys.modules.get("torch")
    if torch is None:  # an answer may import it: then a fresh process's settings are to be kept
        return {}
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "numbers": torch.get_rng_state(),
    }


def _set_torch(saved: dict) -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    torch.set_default_dtype(saved.get("dtype", torch.float32))
    torch.set_grad_enabled(saved.get("grad", True))
    device = saved.get("device", torch.device("cpu"))
    if torch.get_default_device() != device:  # setting it costs time at each call of torch from then on
        torch.set_default_device(device)
    if "numbers" in saved:
        torch.set_rng_state(saved["numbers"])
