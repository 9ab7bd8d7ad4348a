"""Exercise 5.1: layer normalisation."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits, randn


def layer_norm(X, gamma, beta, eps):
    mean = X.mean(axis=-1, keepdims=True)
    centred = X - mean
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(variance + eps) + beta


def _tokens(n, d):
    X = 3 * randn(n, d) + randn(n, 1, seed=6)
    return X, 1 + 0.3 * randn(d, seed=7), randn(d, seed=8), 0.1


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
        X.mean(axis=-1, keepdims=True) -> X.sum(axis=-1, keepdims=True) | The sum of the row is subtracted. Subtract its
            mean.
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
        np.sqrt(variance + eps) -> np.linalg.norm(centred, axis=-1, keepdims=True) | The centred row is divided by its
            length, without eps. Divide by the root of the mean square plus eps.
        np.sqrt(variance + eps) + beta -> np.sqrt(variance) + eps + beta | eps is added to the quotient. It belongs
            under the root, next to the variance.
        gamma * centred / np.sqrt -> gamma * X - mean / np.sqrt | The mean alone is divided by the root. Put X - mean in
            parentheses.
        (centred**2).mean(axis=-1, keepdims=True) -> (X**2).mean(axis=-1, keepdims=True) - mean | The mean is subtracted
            from the mean of the squares. Subtract the square of the mean.
        centred / np.sqrt -> centred * np.sqrt | The centred row is multiplied by the root. Divide by it.
        gamma * centred / np.sqrt(variance + eps) + beta -> centred | The row is only centred. Divide it by the root of
            (variance + eps), then apply gamma and beta.
        variance + eps -> variance + eps**2 | eps is squared. Add eps itself to the variance.
        variance + eps -> variance | The given eps is missing under the root.
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
        (centred**2).mean(axis=-1, keepdims=True) -> X.var() | One variance serves all tokens. Each row has its own,
            with `axis=-1, keepdims=True`.
        gamma * centred -> centred && + beta -> | gamma and beta are missing.
        gamma * centred -> centred | gamma is missing.
        + beta -> | beta is missing.
        + beta -> - beta | beta is subtracted. Add it.
        gamma * centred -> beta * centred && eps) + beta -> eps) + gamma | gamma and beta are exchanged.
            Multiply by gamma, then add beta.
        gamma * centred -> centred / gamma | The row is divided by gamma. Multiply by it.
        mean = X.mean -> X = gamma * X; mean = X.mean && gamma * centred -> centred | gamma multiplies the row before it
            is normalised. It comes after that.
        gamma * centred -> centred && + beta -> && mean = X.mean -> X = gamma * X + beta; mean = X.mean | gamma and beta
            are applied before the row is normalised. They come after that.
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
