"""Exercise 2.3: a softmax that does not overflow."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def softmax(S):
    A = np.exp(S - S.max(axis=-1, keepdims=True))  # the largest entry of each row becomes exp(0) = 1
    return A / A.sum(axis=-1, keepdims=True)


_SPREAD = [
    -2000.0,
    2.0,
    3000.0,
    -2500.0,
    3001.0,
    -2000.0,
    900.0,
    1.0,
]  # the first and the median lie far below the largest

SOFTMAX = Exercise(
    id="2.3",
    title="a softmax that does not overflow",
    minutes=5,
    difficulty=2,
    solution=softmax,
    stages=(
        Stage((np.log([[1.0, 2.0, 5.0]]),), "the logarithms of 1, 2 and 5"),
        Stage((np.append(400 + randn(1, 6, seed=5), [[0.0]], axis=1),), "one logit of 0 beside logits near 400"),
        Stage((randn(5, 5, seed=2),), "five rows of five logits of size 1"),
        Stage((randn(4, 7, seed=2),), "four rows of seven logits of size 1"),
        Stage((1000 + randn(1, 7, seed=2),), "one row of logits near 1000"),
        Stage((np.array([[0.0, -1.0, -0.5, -1000.0]]),), "one logit of -1000 beside small ones"),
        Stage((np.array([[0.0, -1.0, -0.5, -3000.0]]),), "one logit of -3000 beside small ones"),
        Stage((np.array([_SPREAD]),), "one row with logits from -2500 to 3001"),
        Stage((np.array([[0.0, 1.0, 2.0], [-3e4, -30001.0, -30000.5], [4e4, 40002.0, 39999.0]]),),
              "rows near 0, -30,000 and 40,000 together"),
        Stage((np.array([[-1000.0, -1001.0, -999.5], [-2000.0, -2000.5, -2001.0]]),), "two rows of logits below -900"),
    ),
    mistakes=edits(
        softmax,
        """
        S - S.max(axis=-1, keepdims=True) -> S | exp overflows beyond 709, and inf / inf is NaN. Subtract the maximum of
            each row before exp.
        S - S.max(axis=-1, keepdims=True) -> S + S.max(axis=-1, keepdims=True) | The maximum is added. Subtract it, so
            that no exponent is above 0.
        S - S.max(axis=-1, keepdims=True) -> S - S.max(axis=-1) | The maximum of row j is subtracted from column j. With
            `keepdims=True` the maxima stand below each other, and each is subtracted from its own row.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1) | Column j is divided by the sum of row j. With `keepdims=True`
            the sums stand below each other, and each divides its own row.
        S.max(axis=-1, keepdims=True) -> S.max() | One maximum is subtracted from all rows, so all of a low row
            underflows to 0 / 0. Each row has a maximum of its own.
        S.max(axis=-1, keepdims=True) -> S.mean(axis=-1, keepdims=True) | The mean is subtracted, and logits far above
            it still overflow. Only the maximum bounds exp by 1.
        S.max(axis=-1, keepdims=True) -> S.sum(axis=-1, keepdims=True) | The sum is subtracted, so that all exponentials
            of a row may underflow, or overflow. Only the maximum bounds exp by 1.
        S.max(axis=-1, keepdims=True) -> S.min(axis=-1, keepdims=True) | The smallest logit is subtracted here,
            and the largest still overflow. Only the maximum bounds exp by 1.
        S.max(axis=-1, keepdims=True) -> S[:, :1] | The first logit of each row is subtracted, and logits far above it
            still overflow. Only the maximum bounds exp by 1.
        S.max(axis=-1, keepdims=True) -> np.median(S, axis=-1, keepdims=True) | The median is subtracted, and logits far
            above it still overflow. Only the maximum bounds exp by 1.
        S - S.max(axis=-1, keepdims=True) -> np.clip(S, -700, 700) | Clipping makes all logits beyond the bound equal.
            Subtracting the maximum of a row changes no weight.
        A / A.sum(axis=-1, keepdims=True) -> A / np.exp(S).sum(axis=-1, keepdims=True) | Numerator and sum are shifted
            differently. Both need the same exp(S - maximum of the row).
        A / A.sum(axis=-1, keepdims=True) -> np.nan_to_num(np.exp(S) / np.exp(S).sum(axis=-1, keepdims=True)) | exp is
            infinite beyond 709, so all weights become 0. `nan_to_num` puts 0 where inf / inf was NaN, and exp(-inf) is
            0. Subtract the maximum of each row before exp.
        np.exp(S - S.max(axis=-1, keepdims=True)) -> S - S.max(axis=-1, keepdims=True) | The exponential is missing.
            Take it after the maximum is subtracted.
        return A / -> return (S - S.max(axis=-1, keepdims=True)) / | The exponential is missing above the sum. Divide
            the exponentials by their sum.
        A / A.sum(axis=-1, keepdims=True) -> A / (S - S.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True) | The
            exponential is missing in the sum. Divide by the sum of the exponentials.
        A / A.sum(axis=-1, keepdims=True) -> A | The largest entry of each row is 1, but the row does not sum to 1. The
            normaliser is missing.
        A / A.sum(axis=-1, keepdims=True) -> np.log(A / A.sum(axis=-1, keepdims=True)) | These are the logarithms of the
            weights. Return the weights.
        S - S.max(axis=-1, keepdims=True) -> S / np.abs(S).max(axis=-1, keepdims=True) | The logits are divided by the
            largest, which changes the weights. Subtract it.
        S.max(axis=-1, keepdims=True) -> np.abs(S).max(axis=-1, keepdims=True) | The largest absolute value is
            subtracted. Where a negative logit has it, all exponentials underflow to 0 / 0. Subtract the largest logit.
        axis=-1 -2> axis=0 | The columns sum to 1. The weights of a query stand in a row (`axis=-1`).
        S - S.max(axis=-1, keepdims=True) -> S - 700 | A constant or another number is subtracted, not the maximum of
            the row. Logits far above it overflow, and rows far below it are 0 / 0.
        S - S.max(axis=-1, keepdims=True) -> S - 1000 | A constant is subtracted from all rows, and rows far below it
            are 0 / 0. Subtract the largest logit of each row.
        A / A.sum(axis=-1, keepdims=True) -> S.max(axis=-1, keepdims=True) + np.log(A.sum(axis=-1, keepdims=True)) |
            This is log sum exp, one number for each row. The softmax is exp of the logits minus this number.
        A / A.sum(axis=-1, keepdims=True) -> S.max(axis=-1) + np.log(A.sum(axis=-1)) | This is log sum exp, one number
            for each row. Return a weight for each logit, exp of the logit minus this number.
        S - S.max(axis=-1, keepdims=True) -> S.max(axis=-1, keepdims=True) - S | The logits have the opposite sign, so
            the smallest has the largest weight. Subtract the maximum from the logits.
        A / A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1, keepdims=True) / A | The sums are divided by the
            exponentials. Divide the exponentials by their sum.
        A / A.sum(axis=-1, keepdims=True) -> A / A.sum() | Everything is divided by one sum. Each row has a sum of its
            own.
        S.max(axis=-1, keepdims=True) -> S.max() && A.sum(axis=-1, keepdims=True) -> A.sum() | All rows share one
            maximum and one sum. Each row has its own.
        S.max(axis=-1, keepdims=True) -> S.max(axis=0) | The maximum of each column is subtracted from it, which changes
            the weights of a row. Subtract the maximum of each row.
        A.sum(axis=-1, keepdims=True) -> A.mean(axis=-1, keepdims=True) | The rows are divided by their means. Divide
            them by their sums.
        return A / A.sum(axis=-1, keepdims=True) -> return (S == S.max(axis=-1, keepdims=True)).astype(float) | The
            largest logit has all the weight. Every logit has a weight, its exponential divided by the sum.
        S - S.max(axis=-1, keepdims=True) -> np.clip(S, -50, 50) | Clipping makes all logits near 400 equal. Subtract
            the maximum of each row instead.
        A.sum(axis=-1, keepdims=True) -> A.sum(axis=-1, keepdims=True).cumsum(axis=0) | The sum goes on from row to row.
            It begins with 0 in each row.
        S.max(axis=-1, keepdims=True) -> np.maximum(S.max(axis=-1, keepdims=True), 0.0) | The maximum is subtracted only
            where it is positive. A row far below 0 underflows to 0 / 0, so subtract the maximum whatever its sign.
        S - S.max(axis=-1, keepdims=True) -> S - S.max(axis=-1, keepdims=True) * (S.max() > 700) | The maximum is
            subtracted only if some logit is large. Logits far below 0 underflow to 0 / 0, so subtract it always.
        """,
    ),
    hints=(
        "exp(s - c) / sum exp(s - c) does not depend on c. Which c keeps every exponent at or below 0?",
        "`S.max(axis=-1, keepdims=True)` is one c for each row.",
        "A = exp(S - c). Return A / A.sum(axis=-1, keepdims=True).",
    ),
)  # fmt: skip
