"""Exercise 5.3: a logit as a sum over what was written to the residual stream."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, draw

K, D = 5, 7


def logit_parts(parts, gamma, u, eps):
    x = parts.sum(axis=0)  # the stream, which the final norm sees
    return parts * gamma @ u / np.sqrt((x**2).mean() + eps)


def _rms(x, eps):
    return np.sqrt((x**2).mean(-1, keepdims=True) + eps)


def _each_by_itself(parts, gamma, u, eps):
    return (gamma * parts / _rms(parts, eps)) @ u


def _shares(parts, gamma, u, eps):
    values = logit_parts(parts, gamma, u, eps)
    return values / values.sum()


def _centring(parts, gamma, u, eps):
    centred = parts - parts.mean(-1, keepdims=True)
    return (gamma * centred / _rms(centred.sum(0), eps)) @ u


def _left_out(parts, gamma, u, eps):
    """What the logit loses when a part is taken out and the norm is computed anew."""
    without = parts.sum(0) - parts
    return logit_parts(parts, gamma, u, eps).sum() - _each_by_itself(without, gamma, u, eps)


def _one():
    return draw(1, D), np.ones(D), draw(D, seed=6), 0.1


def _two():
    return np.array([[3.0, 0.0], [0.0, 4.0]]), np.ones(2), np.array([1.0, 1.0]), 0.5


def _five():
    return draw(K, D), 1 + 0.3 * draw(D, seed=6), draw(D, seed=7), 0.1


LOGIT = Exercise(
    id="5.3",
    title="who wrote this logit?",
    minutes=10,
    difficulty=2,
    solution=logit_parts,
    stages=(
        Stage(_one(), "one part: it is the whole stream, so its share is the whole logit"),
        Stage(_two(), "two parts, (3, 0) and (0, 4), with u = (1, 1)"),
        Stage(_five(), "five parts, any gamma"),
    ),
    mistakes=(
        Mistake(
            _each_by_itself,
            "each part is divided by its own root mean square; the final norm sees the whole stream, and divides all "
            "parts by the one of their sum",
        ),
        Mistake(lambda parts, gamma, u, eps: parts * gamma @ u, "the parts are not divided by the norm of the stream"),
        Mistake(lambda parts, gamma, u, eps: parts @ u / _rms(parts.sum(0), eps), "gamma is missing"),
        Mistake(
            lambda parts, gamma, u, eps: parts * gamma @ u / _rms(parts.mean(0), eps),
            "the stream is the sum of its parts, not their mean",
        ),
        Mistake(
            lambda parts, gamma, u, eps: parts * gamma @ u / (_rms(parts.sum(0), 0.0) + eps),
            "eps belongs under the root, beside the mean square",
        ),
        Mistake(
            lambda parts, gamma, u, eps: parts * gamma @ u / np.sqrt((parts.sum(0) ** 2).sum() + eps),
            "the stream is divided by its length; RMSNorm divides by that over sqrt(d), the root of the mean square",
        ),
        Mistake(
            lambda parts, gamma, u, eps: np.sum(logit_parts(parts, gamma, u, eps)),
            "this is the logit itself; return its k parts",
        ),
        Mistake(_shares, "the parts are divided by the logit; their sum is to be the logit, not 1"),
        Mistake(_centring, "the mean is subtracted, as in LayerNorm; the final norm is an RMSNorm here"),
        Mistake(
            _left_out,
            "this is what the logit loses when the part is left out and the norm is computed anew; such numbers do "
            "not add up to the logit. Keep the divisor of the whole stream",
        ),
    ),
    hints=(
        "Write the logit as <gamma * x, u> / r with r = sqrt(mean(x^2) + eps), and x as the sum of its parts. What "
        "is linear in x here?",
        "Compute the number r from the sum of the parts, once. Then each part is treated alike.",
        "`(parts * gamma) @ u` has shape (k,).",
    ),
)
