"""What a reader chooses in a figure: traits that check their values, and named sets of choices."""

from typing import NamedTuple

import numpy as np
import traitlets


class ChoiceError(traitlets.TraitError, ValueError):
    """Raised for a chosen value that is not allowed. As a TraitError it undoes the assignment, also a browser's."""


class Index(traitlets.Int):
    """A trait for a whole number, from Python or NumPy, among those that the figure's `allowed` lists.

    None is a value only with `allow_none`.
    """

    def validate(self, obj, value):
        if isinstance(value, np.integer):
            value = int(value)
        if isinstance(value, bool):
            self.error(obj, value)
        return among_allowed(self, obj, super().validate(obj, value))


class Name(traitlets.Unicode):
    """A trait for one of the names that the figure's `allowed` lists."""

    def validate(self, obj, value):
        return among_allowed(self, obj, super().validate(obj, value))


def among_allowed(trait: traitlets.TraitType, figure, value):
    """Return the value, or raise ChoiceError unless the figure allows it. A figure without data checks nothing yet."""
    if value is None or not figure.data:
        return value
    allowed = figure.allowed()[trait.name]
    if value not in allowed:
        numbers = isinstance(allowed, range)
        rule = (
            f"lie between {allowed[0]} and {allowed[-1]}" if numbers else f"be one of {', '.join(map(repr, allowed))}"
        )
        raise ChoiceError(f"{trait.name} must {rule}, got {value if numbers else repr(value)}")
    return value


class Try(NamedTuple):
    """The one thing to try: what the button says after "Try:", and what it chooses (trait -> value)."""

    text: str
    chosen: dict


class Walk(NamedTuple):
    """A way through a figure by keyboard, for its tests: the keys, what they choose, a part of what is then said."""

    keys: str
    chosen: dict
    said: str
