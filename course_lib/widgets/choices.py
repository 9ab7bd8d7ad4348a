"""What a reader chooses in a figure: traits that check themselves, and sets of choices with a name."""

from typing import NamedTuple

import numpy as np
import traitlets


class ChoiceError(traitlets.TraitError, ValueError):
    """A chosen value out of its range. As a TraitError it undoes the assignment, also one that came from a browser."""


class Index(traitlets.Int):
    """A whole number from Python or NumPy, of those that the figure's `allowed` names; None only if `allow_none`."""

    def validate(self, obj, value):
        if isinstance(value, np.integer):
            value = int(value)
        if isinstance(value, bool):
            self.error(obj, value)
        return among_allowed(self, obj, super().validate(obj, value))


class Name(traitlets.Unicode):
    """One of the names that the figure's `allowed` lists."""

    def validate(self, obj, value):
        return among_allowed(self, obj, super().validate(obj, value))


def among_allowed(trait: traitlets.TraitType, figure, value):
    """The value; raises ChoiceError unless the figure allows it. Before there is data nothing can be checked."""
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
    """The one thing to try: what the button says after "Try:", and what it chooses."""

    text: str
    chosen: dict


class Walk(NamedTuple):
    """A way through a figure by keyboard alone, for its tests: what is pressed, key by key, then chosen, and said."""

    keys: str
    chosen: dict
    said: str
