"""Checks of numbers, flags and fields of a config. Each error names the argument or field, its value and the rule."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields


def require(condition: bool, message: str | Callable[[], str]) -> None:
    """Raise ValueError with `message`, which names argument, value and rule, unless `condition` holds.

    Pass a function on hot paths: it is called only when the check fails.
    """
    if not condition:
        raise ValueError(message() if callable(message) else message)


def is_whole(value, least: int = 1) -> bool:
    """Whether the value is an integer of at least `least`; True and 2.0 are not."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def require_positive(config, *names: str) -> None:
    """Each named field must be a positive integer."""
    for name in names:
        value = getattr(config, name)
        require(is_whole(value), f"{name} must be a positive integer, got {value!r}")


def require_flags(config, *names: str) -> None:
    """Each named field must be True or False."""
    for name in names:
        value = getattr(config, name)
        require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")


def require_choice(config, name: str, choices: tuple[str, ...]) -> None:
    """The named field must be one of the choices."""
    value = getattr(config, name)
    require(value in choices, f"{name} must be one of {', '.join(choices)}, got {value!r}")


def given(config, *names: str) -> tuple[str, ...]:
    """The named fields that are not None; None stands for a default, or for a part that is left out."""
    return tuple(name for name in names if getattr(config, name) is not None)


def require_eps(config, name: str) -> None:
    """The named field, which is added to a variance under a square root, must be finite and not negative."""
    value = getattr(config, name)
    require(0 <= value < math.inf, f"{name} must be a finite number, not negative, got {value}")


def require_scale_and_dropout(config, scale: str = "scale") -> None:
    """The named scale must be positive and finite; dropout must lie in [0, 1)."""
    value = getattr(config, scale)
    require(0 < value < math.inf, f"{scale} must be a positive finite number, got {value}")
    require(0 <= config.dropout < 1, f"dropout must lie in [0, 1), got {config.dropout}")


def from_fields(config: type, values: Mapping):
    """Make a config out of a mapping of its fields. Raises ValueError for unknown or missing fields, or no mapping."""
    require(isinstance(values, Mapping), f"{config.__name__} must be an object with its fields, got {values!r}")
    known = {field.name: field.default is MISSING for field in fields(config)}
    unknown = [name for name in values if name not in known]
    require(not unknown, f"{config.__name__} has no fields {unknown}; it has {list(known)}")
    missing = [name for name, needed in known.items() if needed and name not in values]
    require(not missing, f"{config.__name__} needs the fields {missing}, got {list(values)}")
    return config(**values)
