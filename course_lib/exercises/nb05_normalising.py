"""Exercises 5.1 and 5.4: layer normalisation, three places for a norm."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw, edits

# 5.1 ------------------------------------------------------------------------------------------------------------------


def layer_norm(X, gamma, beta, eps):
    mean = X.mean(axis=-1, keepdims=True)
    centred = X - mean
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(variance + eps) + beta


def _tokens(n, d):
    X = 3 * draw(n, d) + draw(n, 1, seed=6)
    return X, 1 + 0.3 * draw(d, seed=7), draw(d, seed=8), 0.1


LAYER_NORM = Exercise(
    id="5.1",
    title="layer normalisation",
    minutes=6,
    difficulty=1,
    solution=layer_norm,
    stages=(
        Stage(
            (np.array([[0.1, 0.2, 0.3, 0.6, 0.9]]), np.ones(5), np.zeros(5), 0.5),
            "one token (0.1, 0.2, 0.3, 0.6, 0.9), gamma = 1, beta = 0, eps = 0.5",
        ),
        Stage(_tokens(5, 5), "five tokens of five features, any gamma and beta, eps = 0.1"),
        Stage(_tokens(3, 7), "three tokens of seven features, any gamma and beta, eps = 0.1"),
    ),
    mistakes=edits(
        layer_norm,
        """
        centred = X - mean -> centred = X | The mean is not subtracted. Without centring this is RMSNorm.
        gamma * centred -> gamma * X | The numerator is the raw row. Subtract the row's mean there, too.
        (centred**2) -> (X**2) | The denominator is the root mean square of the raw row. Take that of the centred row.
        (centred**2).mean(axis=-1, keepdims=True) -> X.var(axis=-1, ddof=1, keepdims=True) | The sum of squares is
            divided by d - 1. The d features are no sample, so divide by d.
        (centred**2).mean -> (centred**2).sum | The squares are added, so the rows get length 1. The variance is the
            mean of the squares.
        (centred**2).mean -> abs(centred).mean | This is the mean absolute deviation. The variance is the mean of the
            squares.
        np.sqrt(variance + eps) -> (np.sqrt(variance) + eps) | eps is added to the root. It belongs under the root,
            next to the variance.
        np.sqrt(variance + eps) -> (X.std(axis=-1, ddof=1, keepdims=True) + eps) | The sum of squares is divided by
            d - 1, and eps stands outside the root. Divide by d, and add eps to the variance.
        np.sqrt(variance + eps) -> (np.sqrt(variance) + np.sqrt(eps)) | Two roots are added. Add eps to the variance,
            then take the root.
        np.sqrt(variance + eps) -> (np.sqrt(variance * X.shape[-1]) + eps) | The centred row is divided by its length.
            Divide by the root of the mean square plus eps.
        gamma * centred / np.sqrt(variance + eps) + beta -> centred | The row is only centred. Divide it by the root of
            (variance + eps), then apply gamma and beta.
        variance + eps -> variance + eps**2 | eps is squared. Add eps itself to the variance.
        variance + eps -> variance | eps is missing under the root.
        variance + eps -> variance + 1e-5 | eps is fixed at 1e-5. Use the argument `eps`.
        np.sqrt(variance + eps) -> (variance + eps) | The row is divided by its variance. Take the root.
        X.mean(axis=-1, keepdims=True) -> X.mean(axis=-1) && (centred**2).mean(axis=-1, keepdims=True) ->
            X.var(axis=-1) | Mean and variance have shape (n,), so NumPy takes them for one number a feature.
            `keepdims=True` makes the shape (n, 1).
        X.mean(axis=-1, keepdims=True) -> X.mean(axis=-1) && (centred**2).mean(axis=-1, keepdims=True) ->
            (centred**2).mean(axis=-1) | Mean and variance have shape (n,), so NumPy lines them up with the features.
            `keepdims=True` makes the shape (n, 1).
        X.mean(axis=-1, keepdims=True) -> X.mean(axis=-1) | The means have shape (n,), so NumPy lines them up with the
            features. `keepdims=True` makes the shape (n, 1).
        (centred**2).mean(axis=-1, keepdims=True) -> (centred**2).mean(axis=-1) | The variances have shape (n,), so
            NumPy lines them up with the features. `keepdims=True` makes the shape (n, 1).
        axis=-1 -2> axis=0 | Mean and variance are taken over the tokens. Each token is normalised over its own
            features, with `axis=-1`.
        axis=-1, keepdims=True -2> | One mean and one variance serve all tokens. Each row has its own, with `axis=-1,
            keepdims=True`.
        gamma * centred -> centred && + beta -> | gamma and beta are missing.
        gamma * centred -> centred | gamma is missing.
        + beta -> | beta is missing.
        + beta -> - beta | beta is subtracted. Add it.
        gamma * centred -> beta * centred && eps) + beta -> eps) + gamma | gamma and beta are exchanged.
            Multiply by gamma, then add beta.
        gamma * centred -> (1 + gamma) * centred | The row is multiplied by 1 + gamma. Multiply by gamma.
        gamma * centred -> gamma * (centred && + beta -> + beta) | beta is multiplied by gamma. Add beta last.
        + beta -> && gamma * centred -> (gamma * centred + beta) | beta is divided by the root, too. Add beta last.
        """,
    ),
    hints=(
        "Three steps for each row: subtract its mean, divide by the root of (variance + eps), then gamma and beta.",
        "`X.mean(axis=-1, keepdims=True)` has shape (n, 1), so NumPy subtracts it from each feature of its row.",
        "The variance is the mean of the squares of the centred row. `np.var` divides by d, too.",
    ),
)


# 5.4 ------------------------------------------------------------------------------------------------------------------


def place(X, sublayer, norm, where):
    if where == "post":
        return norm(X + sublayer(X))
    if where == "pre":
        return X + sublayer(norm(X))
    return X + norm(sublayer(norm(X)))  # peri


def _row_by_row(X, sublayer, norm, where):
    return np.concatenate([place(x[None], sublayer, norm, where) for x in X])


def _rms_norm(gamma):
    return lambda X: gamma * X / np.sqrt((X**2).mean(axis=-1, keepdims=True) + 0.1)


def _parts(where):
    W, gamma = draw(7, 7), 1 + 0.3 * draw(7, seed=6)
    mix = 0.5 * draw(5, 5, seed=8)  # between tokens, as attention does
    return draw(5, 7, seed=7), lambda X: mix[: len(X), : len(X)] @ np.tanh(X @ W), _rms_norm(gamma), where


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
        where == "post" -> True | This is Post-LN. Choose the formula by `where`.
        where == "post" -> where != "post" | The choice of Post-LN is inverted. Return norm(X + sublayer(X)) if `where`
            is "post".
        where == "pre" -> where != "pre" | Pre-LN and Peri-LN are exchanged. Peri-LN has two norms, Pre-LN has one.
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
        X + norm(sublayer(norm(X))) -> X + sublayer(norm(norm(X))) | Both norms act on the sublayer's input. In Peri-LN
            one acts on its input and one on its output.
        """,
    )
    + (
        Mistake(
            _row_by_row,
            "The sublayer sees one row at a time. It may mix tokens, as attention does, so hand it the whole matrix.",
        ),
    ),
    hints=(
        "In all three, X is added to what the sublayer returns. Which arrow passes through the norm?",
        "Post-LN: the norm acts on the sum. Pre-LN: it acts on the sublayer's input.",
        "Peri-LN: one norm acts on the sublayer's input and one on its output, before X is added.",
    ),
)
