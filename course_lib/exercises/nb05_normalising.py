"""Exercises 5.1 and 5.4: layer normalisation, three places for a norm."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

N, D = 5, 7


# 5.1 ------------------------------------------------------------------------------------------------------------------


def layer_norm(X, gamma, beta, eps):
    centred = X - X.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(variance + eps) + beta


def _centred(X):
    return X - X.mean(-1, keepdims=True)


def _square(X):
    return (X**2).mean(-1, keepdims=True)


def _over_tokens(X, gamma, beta, eps):
    return gamma * (X - X.mean(0)) / np.sqrt(X.var(0) + eps) + beta


def _one_row():
    return np.array([[1.0, 2.0, 3.0, 6.0]]), np.ones(4), np.zeros(4), 1e-9


def _large_eps():
    return np.array([[1.0, 2.0, 3.0, 6.0]]), np.ones(4), np.zeros(4), 0.5


def _five_tokens():
    return 2.0 * draw(N, D) + draw(N, 1, seed=6), 1 + 0.3 * draw(D, seed=7), draw(D, seed=8), 0.1


LAYER_NORM = Exercise(
    id="5.1",
    title="layer normalisation",
    minutes=6,
    difficulty=1,
    solution=layer_norm,
    stages=(
        Stage(_one_row(), "one token (1, 2, 3, 6), gamma = 1, beta = 0, hardly any eps"),
        Stage(_large_eps(), "the same token with eps = 0.5"),
        Stage(_five_tokens(), "five tokens, any gamma and beta, eps = 0.1"),
    ),
    mistakes=(
        Mistake(
            lambda X, gamma, beta, eps: gamma * X / np.sqrt(_square(X) + eps) + beta,
            "the mean is not subtracted; without centring this is RMSNorm",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / np.sqrt(_square(X) + eps) + beta,
            "the denominator is the root mean square of the raw row; it is that of the centred row",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / np.sqrt(X.var(-1, ddof=1, keepdims=True) + eps) + beta,
            "the sum of squares is divided by d - 1; the d features are all there is, not a sample, so divide by d",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / (np.sqrt(_square(_centred(X))) + eps) + beta,
            "eps is added to the deviation; it belongs under the root, beside the variance",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / np.sqrt(_square(_centred(X))) + beta,
            "eps is missing under the root",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / (_square(_centred(X)) + eps) + beta,
            "the row is divided by its variance; take the root",
        ),
        Mistake(
            lambda X, gamma, beta, eps: (
                gamma * _centred(X) / np.sqrt((_centred(X) ** 2).sum(-1, keepdims=True) + eps) + beta
            ),
            "the rows have length 1; the variance is the mean of the squares, not their sum: the length is sqrt(d)",
        ),
        Mistake(
            _over_tokens,
            "mean and variance are taken over the tokens; each token is normalised over its own features, axis -1",
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * (X - X.mean()) / np.sqrt(X.var() + eps) + beta,
            "one mean and one variance serve all tokens; each row has its own (axis=-1, keepdims=True)",
        ),
        Mistake(
            lambda X, gamma, beta, eps: _centred(X) / np.sqrt(_square(_centred(X)) + eps), "gamma and beta are missing"
        ),
        Mistake(
            lambda X, gamma, beta, eps: _centred(X) / np.sqrt(_square(_centred(X)) + eps) + beta, "gamma is missing"
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * _centred(X) / np.sqrt(_square(_centred(X)) + eps), "beta is missing"
        ),
        Mistake(
            lambda X, gamma, beta, eps: gamma * (_centred(X) / np.sqrt(_square(_centred(X)) + eps) + beta),
            "beta is multiplied by gamma; the shift comes last",
        ),
    ),
    hints=(
        "Three steps for each row: subtract its mean, divide by the root of (variance + eps), then gamma and beta.",
        "`X.mean(axis=-1, keepdims=True)` has shape (n, 1), so that it is subtracted from each feature of its row.",
        "The variance is the mean of the squares of the centred row; `np.var` divides by d as well.",
    ),
)


# 5.4 ------------------------------------------------------------------------------------------------------------------


def place(X, sublayer, norm, where):
    if where == "post":
        return norm(X + sublayer(X))
    if where == "pre":
        return X + sublayer(norm(X))
    return X + norm(sublayer(norm(X)))  # peri


def _instead(where, answer):
    """`place`, but wrong for one of the three."""
    return lambda X, sublayer, norm, asked: (answer if asked == where else place)(X, sublayer, norm, asked)


def _parts(where):
    W, gamma = draw(D, D) / 2, 1 + 0.3 * draw(D, seed=6)
    return draw(N, D, seed=7), lambda X: np.tanh(X @ W), lambda X: gamma * X / np.sqrt(_square(X) + 0.1), where


PLACE = Exercise(
    id="5.4",
    title="three places for a norm",
    minutes=5,
    difficulty=1,
    solution=place,
    stages=(
        Stage(_parts("post"), "Post-LN"),
        Stage(_parts("pre"), "Pre-LN"),
        Stage(_parts("peri"), "Peri-LN"),
    ),
    mistakes=(
        Mistake(
            lambda X, sublayer, norm, where: sublayer(norm(X)), "the skip connection is missing: X has to be added"
        ),
        Mistake(
            _instead("post", lambda X, sublayer, norm, where: norm(sublayer(X))),
            "the skip connection is missing inside the norm: norm(X + ...)",
        ),
        Mistake(
            _instead("post", lambda X, sublayer, norm, where: X + norm(sublayer(X))),
            "the norm stands on what the sublayer adds; Post-LN normalises the sum, skip connection included",
        ),
        Mistake(
            _instead("post", lambda X, sublayer, norm, where: X + sublayer(norm(X))),
            "this is Pre-LN; in Post-LN the norm acts on the sum",
        ),
        Mistake(
            _instead("post", lambda X, sublayer, norm, where: norm(X) + sublayer(X)),
            "only X is normalised; Post-LN normalises the sum",
        ),
        Mistake(
            _instead("pre", lambda X, sublayer, norm, where: norm(X) + sublayer(norm(X))),
            "the skip connection carries norm(X); in Pre-LN it carries X itself, and only the sublayer sees norm(X)",
        ),
        Mistake(
            _instead("pre", lambda X, sublayer, norm, where: X + norm(sublayer(X))),
            "the norm stands behind the sublayer; Pre-LN has it in front",
        ),
        Mistake(
            _instead("pre", lambda X, sublayer, norm, where: X + sublayer(X)),
            "the norm in front of the sublayer is missing",
        ),
        Mistake(
            lambda X, sublayer, norm, where: norm(X + sublayer(X)),
            "this is Post-LN; nothing may stand on the skip connection here",
        ),
        Mistake(
            _instead("peri", lambda X, sublayer, norm, where: X + norm(sublayer(X))),
            "Peri-LN has a norm in front of the sublayer too",
        ),
        Mistake(
            _instead("peri", lambda X, sublayer, norm, where: X + sublayer(norm(X))),
            "this is Pre-LN; Peri-LN also normalises what the sublayer adds",
        ),
        Mistake(
            _instead("peri", lambda X, sublayer, norm, where: norm(X + sublayer(norm(X)))),
            "the second norm stands on the skip connection; in Peri-LN it acts on what the sublayer adds, and not on X",
        ),
        Mistake(
            _instead("peri", lambda X, sublayer, norm, where: norm(X) + norm(sublayer(norm(X)))),
            "the skip connection carries norm(X); in Peri-LN it carries X itself",
        ),
    ),
    hints=(
        "In all three, X is added to what the sublayer returns. Which of the three arrows passes through the norm?",
        "Post: the norm around the sum. Pre: the norm inside the sublayer's argument. Peri: inside and around the "
        "sublayer, not around the sum.",
    ),
)
