"""Exercise 6.5: which token stands in which slot of a ring buffer."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def positions_in_ring(length, window):
    newest = length - 1
    slots = np.arange(window)
    positions = newest - (newest - slots) % window  # the last position that fell into each slot
    return np.where(positions >= 0, positions, -1)


def _written(order, window, slot=lambda p, w: p % w):
    """Write the positions one after the other, each into its slot."""
    ring = np.full(window, -1)
    for position in order:
        ring[slot(position, window)] = position
    return ring


def _shifted(length, window):
    kept = np.arange(max(length - window, 0), length)
    return np.concatenate([kept, np.full(window - len(kept), -1)])


def _one_off(length, window):
    return _written(range(1, length + 1), window)


def _one_off_slots(length, window):
    return _written(range(length), window, lambda p, w: (p + 1) % w)


RING = Exercise(
    id="6.5",
    title="the slots of a ring",
    minutes=5,
    difficulty=2,
    solution=positions_in_ring,
    stages=(
        Stage((0, 3), "no token yet: every slot is empty"),
        Stage((3, 5), "3 tokens in 5 slots"),
        Stage((5, 5), "5 tokens in 5 slots: just full"),
        Stage((13, 5), "13 tokens in 5 slots: the ring has gone round"),
    ),
    mistakes=(
        Mistake(
            _shifted,
            "these are the right positions in order of age, so that every row moves at every step; in a ring rows "
            "stay, and position p lies in slot p mod window",
        ),
        Mistake(_one_off, "the positions run from 1 to length; they are counted from 0, so the newest is length - 1"),
        Mistake(_one_off_slots, "everything lies one slot too far: position 0 goes into slot 0"),
        Mistake(
            lambda length, window: np.where(np.arange(window) < length, np.arange(window), -1),
            "the first tokens are never overwritten; the newest one takes the slot of the oldest",
        ),
        Mistake(
            lambda length, window: np.maximum(positions_in_ring(length, window), 0),
            "empty slots hold 0, which is the position of the first token; mark them with -1",
        ),
        Mistake(
            lambda length, window: length - 1 - (length - 1 - np.arange(window)) % window,
            "an empty slot is given a negative position that no token has; mark every empty slot with -1",
        ),
        Mistake(
            lambda length, window: np.arange(length) % window,
            "this has one number for each token; one for each slot is asked for, `window` of them, with -1 for an "
            "empty slot",
        ),
        Mistake(
            lambda length, window: _shifted(length, window)[::-1],
            "this lists the newest first; position p lies in slot p mod window and stays there",
        ),
    ),
    hints=(
        "Position p lies in slot p mod window until position p + window takes its place.",
        "A loop over all positions that writes `ring[p % window] = p` into an array full of -1 is a right answer.",
        "Without a loop: `newest - (newest - slot) % window` is the last position that fell into a slot.",
    ),
)
