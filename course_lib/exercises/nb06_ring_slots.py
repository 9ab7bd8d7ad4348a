"""Exercise 6.5: which token stands in which slot of a ring buffer."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def positions_in_ring(length, window):
    slots = np.arange(window)
    newest = length - 1
    positions = newest - (newest - slots) % window  # the last position that fell into each slot
    return np.where(positions >= 0, positions, -1)


def _written(order, window, slot):
    """Write the positions one after the other, each into its slot."""
    ring = np.full(window, -1)
    for position in order:
        ring[slot(position)] = position
    return ring


def _by_age(length, window):
    """The kept positions, the oldest first."""
    kept = np.arange(max(length - window, 0), length)
    return np.concatenate([kept, np.full(window - len(kept), -1)])


RING = Exercise(
    id="6.5",
    title="the slots of a ring",
    minutes=5,
    difficulty=2,
    solution=positions_in_ring,
    stages=(
        Stage((9, 7), "9 tokens in 7 slots: some are overwritten"),
        Stage((13, 5), "13 tokens in 5 slots: the ring has gone round"),
        Stage((3, 5), "3 tokens in 5 slots"),
        Stage((5, 5), "5 tokens in 5 slots: just full"),
        Stage((0, 3), "no token yet: every slot is empty"),
    ),
    mistakes=(
        Mistake(
            _by_age,
            "These are the right positions in order of age, so every row moves at every step. In a ring rows stay, and "
            "position p lies in slot p mod window.",
        ),
        Mistake(
            lambda length, window: np.roll(_by_age(length, window)[::-1], min(length - window, 0)),
            "This lists the newest first. Position p lies in slot p mod window and stays there.",
        ),
        Mistake(
            lambda length, window: np.roll(_by_age(length, window), min(window - length, 0) % -window),
            "The kept positions are turned the wrong way. Position p lies in slot p mod window.",
        ),
        Mistake(
            lambda length, window: _written(range(1, length + 1), window, lambda p: (p - 1) % window),
            "Each position is one too large. They are counted from 0, so the newest is length - 1.",
        ),
        Mistake(
            lambda length, window: _written(range(length), window, lambda p: (p + 1) % window),
            "Everything lies one slot too far. Position 0 goes into slot 0.",
        ),
        Mistake(
            lambda length, window: _written(range(length), window, lambda p: -1 - p % window),
            "The slots are filled from the last one down. Position p lies in slot p mod window.",
        ),
        Mistake(
            lambda length, window: _written(range(length), window, lambda p: min(p, window - 1)),
            "All later tokens fall into the last slot. Position p lies in slot p mod window.",
        ),
        Mistake(
            lambda length, window: _written(range(length), window, lambda p: p // window),
            "The slot is p // window, which says how often the ring has gone round. Position p lies in slot p mod "
            "window.",
        ),
        Mistake(
            lambda length, window: np.full(window, length - 1),
            "Every slot holds the newest position. Slot s holds the last position p with p mod window = s.",
        ),
        Mistake(
            lambda length, window: np.append(positions_in_ring(length, window), -1),
            "There is one slot too many. The slots are 0 to window - 1.",
        ),
        Mistake(
            lambda length, window: positions_in_ring(length, window)[:-1],
            "The last slot is missing. The slots are 0 to window - 1.",
        ),
        Mistake(
            lambda length, window: np.append(positions_in_ring(length, window)[1:], -1),
            "The slots are counted from 1 here. They are counted from 0, so the first number is that of slot 0.",
        ),
        *edits(
            positions_in_ring,
            """
            newest - (newest - slots) % window -> length // window * window + slots | Every slot has a position of the
                last round here. A slot that this round has not reached still holds a position of the round before.
            newest - (newest - slots) % window -> newest // window * window + slots && positions >= 0 -> positions <=
                newest | Slots that the last round has not reached are empty here. They still hold the positions of the
                round before.
            positions, -1) -> positions, 0) | Empty slots hold 0, which is the position of the first token. Mark them
                with -1.
            return np.where(positions >= 0, positions, -1) -> return positions | An empty slot has a negative position
                that no token has. Mark every empty slot with -1.
            return np.where(positions >= 0, positions, -1) -> return np.where(positions >= 0, positions, np.nan) | An
                empty slot holds NaN. Mark it with -1.
            return np.where(positions >= 0, positions, -1) -> return positions >= 0 | This says which slots are full.
                Return the position that each slot holds.
            newest = length - 1 -> newest = window - 1 | Slot s holds s, the first position that fell into it. A later
                token overwrites it, so slot s holds the last position p with p mod window = s.
            newest = length - 1 -> newest = length | The newest position is length - 1, because positions are counted
                from 0.
            newest - (newest - slots) % window -> np.where(slots + length // window * window < length, slots + length //
                window * window, slots) && positions >= 0 -> slots < length | A slot that the last round has not reached
                holds its first position here. It holds that of the round before.
            """,
        ),
    ),
    hints=(
        "Position p lies in slot p mod window until position p + window takes its place.",
        "A loop over all positions that writes `ring[p % window] = p` into an array full of -1 is a right answer.",
        "Without a loop: `newest - (newest - slot) % window` is the last position that fell into a slot.",
    ),
)
