"""Exercise 5.4: three places for a norm."""

from itertools import permutations

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def place(X, sublayer, norm, where):
    if where == "post":
        return norm(X + sublayer(X))
    if where == "pre":
        return X + sublayer(norm(X))
    return X + norm(sublayer(norm(X)))  # peri


def _row_by_row(X, sublayer, norm, where):
    return np.concatenate([place(x[None], sublayer, norm, where) for x in X])


def _twice(first, second):
    """An `else` that belongs to the last `if` alone applies a second formula to the result of the first."""

    def answer(X, sublayer, norm, where):
        Y = place(X, sublayer, norm, where)
        return place(Y, sublayer, norm, second) if where == first else Y

    return answer


def _rms_norm(gamma):
    return lambda X: gamma * X / np.sqrt((X**2).mean(axis=-1, keepdims=True) + 0.1)


def _parts(where):
    W, gamma = randn(7, 7), 1 + 0.3 * randn(7, seed=6)
    mix = 0.5 * randn(5, 5, seed=8)  # between tokens, as attention does
    return randn(5, 7, seed=7), lambda X: mix[: len(X), : len(X)] @ np.tanh(X @ W), _rms_norm(gamma), where


PLACE = Exercise(
    id="5.4",
    title="three places for a norm",
    minutes=5,
    difficulty=1,
    solution=place,
    stages=(
        Stage(_parts("post"), "Post-LN", case="post"),
        Stage(_parts("pre"), "Pre-LN", case="pre"),
        Stage(_parts("peri"), "Peri-LN", case="peri"),
    ),
    mistakes=edits(
        place,
        """
        where == "post" -> True | This is Post-LN. For `where` = "pre" the norm acts on the sublayer's input.
        norm(X + sublayer(X)) -> X + norm(sublayer(norm(X))) | This is Peri-LN. For `where` = "post" the only norm acts
            on the sum. The three values of `where` are "post", "pre" and "peri".
        X + sublayer(norm(X)) -> X + norm(sublayer(norm(X))) | This is Peri-LN. For `where` = "pre" the only norm acts
            on the sublayer's input.
        norm(X + sublayer(X)) -> sublayer(norm(X)) && X + sublayer(norm(X)) -> sublayer(norm(X)) | The skip connection
            is missing. All three add X to what the sublayer returns.
        norm(X + sublayer(X)) -> norm(sublayer(X)) | The skip connection is missing. Post-LN normalises the sum of X and
            what the sublayer returns.
        norm(X + sublayer(X)) -> norm(X) && X + sublayer(norm(X)) -> X && X + norm(sublayer(norm(X))) -> X | The
            sublayer is missing. All three add what it returns to X.
        norm(X + sublayer(X)) -> norm(X - sublayer(X)) && X + sublayer(norm(X)) -> X - sublayer(norm(X)) &&
            X + norm(sublayer(norm(X))) -> X - norm(sublayer(norm(X))) | What the sublayer returns is subtracted. Add it
            to X.
        norm(X + sublayer(X)) -> norm(X + norm(sublayer(X))) | What the sublayer returns is normalised before the sum,
            too. Post-LN has one norm, on the sum.
        norm(X + sublayer(X)) -> X + norm(sublayer(X)) | Only what the sublayer returns is normalised. Post-LN
            normalises the sum, with X in it.
        norm(X + sublayer(X)) -> X + sublayer(norm(X)) | This is Pre-LN. Post-LN normalises the sum.
        norm(X + sublayer(X)) -> norm(X + sublayer(norm(X))) | The sublayer sees norm(X). In Post-LN it sees X, and the
            only norm acts on the sum.
        norm(X + sublayer(X)) -> norm(norm(X) + sublayer(norm(X))) | X is normalised before the sum, too. Post-LN has
            one norm, on the sum.
        norm(X + sublayer(X)) -> norm(norm(X) + sublayer(X)) | The skip connection carries norm(X). Post-LN has one
            norm, on the sum X + sublayer(X).
        norm(X + sublayer(X)) -> norm(X) + sublayer(X) | Only X is normalised. Post-LN normalises the sum.
        norm(X + sublayer(X)) -> norm(X) + sublayer(norm(X)) | The norm acts on X before the sublayer. Post-LN
            normalises the sum.
        norm(X + sublayer(X)) -> norm(X) + norm(sublayer(X)) | Both terms are normalised apart. Post-LN normalises their
            sum.
        norm(X + sublayer(X)) -> X + sublayer(X) | The norm is missing. Post-LN normalises the sum.
        X + sublayer(norm(X)) -> sublayer(norm(X)) | The skip connection is missing. Pre-LN adds X.
        X + sublayer(norm(X)) -> norm(X) + sublayer(norm(X)) | The skip connection carries norm(X). In Pre-LN it carries
            X itself, and only the sublayer sees norm(X).
        X + sublayer(norm(X)) -> norm(X) + sublayer(X) | Only the skip connection is normalised. In Pre-LN it carries X
            itself, and the sublayer sees norm(X).
        X + sublayer(norm(X)) -> X + norm(sublayer(X)) | The norm acts on the sublayer's output. In Pre-LN it acts on
            the sublayer's input.
        X + sublayer(norm(X)) -> X + sublayer(X) | The norm on the sublayer's input is missing.
        X + sublayer(norm(X)) -> norm(X + sublayer(norm(X))) | The sum is normalised once more. Pre-LN has one norm, on
            the sublayer's input.
        X + norm(sublayer(norm(X))) -> norm(sublayer(norm(X))) | The skip connection is missing. Peri-LN adds X.
        X + norm(sublayer(norm(X))) -> X + norm(sublayer(X)) | The norm on the sublayer's input is missing. Peri-LN has
            both.
        X + norm(sublayer(norm(X))) -> X + sublayer(norm(X)) | This is Pre-LN. Peri-LN normalises the sublayer's output,
            too.
        X + norm(sublayer(norm(X))) -> norm(X + sublayer(X)) | This is Post-LN. Peri-LN normalises the sublayer's input
            and its output, and then adds X.
        X + norm(sublayer(norm(X))) -> norm(X + sublayer(norm(X))) | The second norm acts on the sum. In Peri-LN it acts
            on the sublayer's output, without X.
        X + norm(sublayer(norm(X))) -> norm(X) + norm(sublayer(norm(X))) | The skip connection carries norm(X). In
            Peri-LN it carries X itself.
        X + norm(sublayer(norm(X))) -> norm(X + norm(sublayer(norm(X)))) | The sum is normalised once more. Peri-LN
            leaves the sum as it is.
        X + norm(sublayer(norm(X))) -> norm(X + norm(sublayer(X))) | The norms act on the sublayer's output and on the
            sum. In Peri-LN they act on its input and its output.
        X + norm(sublayer(norm(X))) -> norm(norm(X) + sublayer(norm(X))) | The skip connection carries norm(X), and the
            second norm acts on the sum. In Peri-LN it acts on the sublayer's output, and X stays as it is.
        X + norm(sublayer(norm(X))) -> norm(X) + norm(sublayer(X)) | Both terms of the sum are normalised. In Peri-LN X
            stays as it is, and the sublayer sees norm(X).
        X + norm(sublayer(norm(X))) -> X + sublayer(norm(norm(X))) | Both norms act on the sublayer's input. In Peri-LN
            one acts on its input and one on its output.
        """,
    )
    + (
        Mistake(
            _row_by_row,
            "The sublayer sees one row at a time. It may mix tokens, as attention does, so hand it the whole matrix.",
        ),
        *(
            Mistake(
                _twice(first, second),
                f'For `where` = "{first}" the result goes through {second.title()}-LN, too. An `else` belongs to '
                "the last `if` alone, so write `elif` or `return`.",
            )
            for first, second in permutations(("post", "pre", "peri"), 2)
        ),
    ),
    hints=(
        "In all three, X is added to what the sublayer returns. Which arrow passes through the norm?",
        "Post-LN: the norm acts on the sum. Pre-LN: it acts on the sublayer's input.",
        "Peri-LN: one norm acts on the sublayer's input and one on its output, before X is added.",
    ),
)
