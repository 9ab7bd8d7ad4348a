"""Exercise 11.6: what an interval of a difference says, given a margin below which a difference counts as none."""

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def verdict(low, high, margin):
    if -margin < low and high < margin:
        return "equivalent"
    if high <= -margin:
        return "better"
    if low >= margin:
        return "worse"
    return "undecided"


def _by_zero(low, high, margin):
    """A wrong answer: an interval that excludes 0 is better or worse, however small the difference."""
    if low > 0 or high < 0:
        return "worse" if low > 0 else "better"
    return verdict(low, high, margin)


VERDICT = Exercise(
    id="11.6",
    title="a verdict",
    minutes=4,
    difficulty=1,
    solution=verdict,
    # The order tells mistakes apart: those that first show at a stage return pairwise distinct words there.
    stages=(
        Stage((-0.008, 0.009, 0.02), "an interval around 0 within the margin of 0.02"),
        Stage((-0.13, -0.06, 0.02), "an interval far below 0, with a margin of 0.02"),
        Stage((0.05, 0.11, 0.02), "an interval far above 0, with a margin of 0.02"),
        Stage((0.004, 0.009, 0.02), "an interval above 0, within the margin of 0.02"),
        Stage((-0.016, -0.003, 0.02), "an interval below 0, within the margin of 0.02"),
        Stage((0.013, 0.041, 0.02), "an interval above 0 that reaches across 0.02"),
        Stage((-0.045, -0.011, 0.02), "an interval below 0 that reaches across -0.02"),
        Stage((-0.2, 0.3, 0.02), "an interval around 0 that is much wider than the margin of 0.02"),
        Stage((-0.007, 0.03, 0.02), "an interval around 0 that reaches across 0.02"),
        Stage((-0.035, 0.005, 0.02), "an interval around 0 that reaches across -0.02"),
        Stage((-0.125, -0.0625, 0.0625), "an interval whose upper end is -margin"),
        Stage((0.0625, 0.125, 0.0625), "an interval whose lower end is the margin"),
        Stage((-0.0625, 0.03125, 0.0625), "an interval around 0 whose lower end is -margin"),
        Stage((-0.03125, 0.0625, 0.0625), "an interval around 0 whose upper end is the margin"),
    ),
    mistakes=(
        Mistake(
            _by_zero,
            "This interval excludes 0, but it lies within the margin. Such a difference counts as none, so the arms "
            "are equivalent.",
        ),
        *edits(
            verdict,
            """
        if -margin < low and high < margin: -> if low < 0 < high or (-margin < low and high < margin): | An interval
          that contains 0 does not show that the arms are equivalent. The whole interval must lie within the margin.
        if high <= -margin: -> if low >= margin + 0: && if low >= margin: -> if high <= -margin: | "better" and "worse"
          are exchanged. A smaller loss is better, so a negative difference speaks for the first arm.
        if -margin < low and high < margin: -> if -margin < low < 0 < high < margin: | This interval excludes 0, but it
          lies within the margin. So the difference is smaller than what counts, and the arms are equivalent.
        if -margin < low and high < margin: -> if -margin < (low + high) / 2 < margin: && if high <= -margin: -> if (low
          + high) / 2 <= -margin: && if low >= margin: -> if (low + high) / 2 >= margin: | This interval reaches across
          the margin. Its middle, its sign and a single end do not decide. A verdict holds for the whole interval.
        if -margin < low and high < margin: -> if high < margin: | The lower end lies beyond -margin here, so the arms
          are not equivalent. Compare both ends with the margin.
        if -margin < low and high < margin: -> if -margin < low: | The upper end lies beyond the margin here, so the
          arms are not equivalent. Compare both ends with the margin.
        if -margin < low and high < margin: -> if -margin < low < margin: | The lower end lies within the margin, the
          upper one does not. Equivalent arms need both ends there.
        if -margin < low and high < margin: -> if -margin < high < margin: | The upper end lies within the margin, the
          lower one does not. Equivalent arms need both ends there.
        if high <= -margin: -> if low <= -margin: | The lower end lies beyond -margin, the upper one does not. The first
          arm is better only if the whole interval lies there.
        if high <= -margin: -> if False: | All of the interval lies below -margin. The first arm has the smaller loss,
          by more than the margin, so it is better.
        if low >= margin: -> if False: | All of the interval lies above the margin. The first arm has the larger loss,
          by more than the margin, so it is worse.
        if -margin < low and high < margin: -> if -margin < low and high < margin and not low < 0 < high: | The whole
          interval lies within the margin, so the arms are equivalent. That is more than undecided.
        high <= -margin -> high < -margin && low >= margin -> low > margin | The interval touches the margin from
          beyond. None of its numbers lies within, so there is a verdict.
        low >= margin -> low > margin | The interval begins at the margin, so all of it lies there or beyond, and there
          is a verdict.
        -margin < low and high < margin -> -margin <= low and high <= margin | An interval that touches the margin from
          within does not lie strictly inside. It is undecided.
        """,
        ),
        Mistake(
            lambda low, high, margin: "better" if low + high < 0 else "worse",
            "This interval lies within the margin, so neither arm is better. Compare both ends with the margin.",
        ),
        Mistake(
            lambda low, high, margin: verdict(low, high, margin / 2),
            "The margin is halved. It is the distance from 0, on either side.",
        ),
        Mistake(
            lambda low, high, margin: verdict(low, high, 2 * margin),
            "The margin is doubled. It is the distance from 0, on either side.",
        ),
    ),
    hints=(
        "A negative difference means that the first arm has the smaller loss.",
        "Ask first whether the whole interval lies strictly between -margin and margin.",
        "Then ask whether all of it lies at or beyond one of the two. What is left is undecided.",
    ),
)
