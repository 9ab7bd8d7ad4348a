"""Exercise 5.3: a logit as a sum over what was written to the residual stream."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def logit_parts(parts, gamma, u, eps):
    x = parts.sum(axis=0)  # the stream, the input of the final norm
    rms = np.sqrt((x**2).mean() + eps)
    return (gamma * parts) @ u / rms


def _left_out(parts, gamma, u, eps):
    """What the logit loses when a part is taken out and the norm is computed anew."""

    def logit(x):
        return gamma * x @ u / np.sqrt((x**2).mean() + eps)

    x = parts.sum(axis=0)
    return np.array([logit(x) - logit(x - part) for part in parts])


def _steps_of_the_logit(parts, gamma, u, eps):
    """How much each part changes the logit of the stream so far, which is normalised anew each time."""
    x = parts.cumsum(axis=0)
    rms = np.sqrt((x**2).mean(axis=-1) + eps)
    return np.diff(gamma * x @ u / rms, prepend=0.0)


LOGIT = Exercise(
    id="5.3",
    title="who wrote this logit?",
    minutes=10,
    difficulty=2,
    solution=logit_parts,
    stages=(
        Stage((2 * randn(3, 4), np.array([1.0, 2.0, 0.5, 1.5]), randn(4, seed=8), 0.5), "three parts of width 4"),
        Stage((randn(5, 7), 1 + 0.3 * randn(7, seed=6), randn(7, seed=7), 0.1), "five parts of width 7, any gamma"),
    ),
    mistakes=(
        *edits(
            logit_parts,
            """
            parts.sum(axis=0) -> parts && .mean() -> .mean(axis=-1) | Each part is divided by its own root mean square.
                The final norm sees the whole stream, so divide all parts by the root mean square of their sum.
            (gamma * parts) @ u / rms -> parts @ u | This is <part, u> alone. Multiply by gamma, and divide by the root
                mean square of the stream.
            / rms -> | The parts are not divided by the root mean square of the stream.
            rms = np.sqrt((x**2).mean() + eps) -> rms = (x**2).mean() + eps | The root is missing in the norm.
            gamma * -> | gamma is missing.
            (gamma * parts) -> (gamma**2 * parts) | gamma enters twice. Multiply by it once.
            (gamma * parts) @ u -> (gamma * parts).sum(axis=1) | u is missing. Take the inner product of each part,
                multiplied by gamma, with u.
            (gamma * parts) @ u -> (gamma * parts * u).mean(axis=1) | The products along the features are averaged. An
                inner product is their sum.
            / rms -> * rms | The parts are multiplied by the root mean square of the stream. Divide by it.
            (gamma * parts) -> (parts / gamma) | The parts are divided by gamma. Multiply by it.
            parts.sum(axis=0) -> parts.mean(axis=0) | The stream is the sum of its parts, not their mean.
            parts.sum(axis=0) -> parts[-1] | The norm sees the last part alone. The stream is the sum of all parts.
            parts.sum(axis=0) -> parts[1:].sum(axis=0) | x_0 is missing in the stream that the norm sees. The stream is
                the sum of all parts.
            parts.sum(axis=0) -> parts[0] | The norm sees x_0 alone. The stream is the sum of all parts.
            parts.sum(axis=0) -> parts.cumsum(axis=0) && .mean() -> .mean(axis=-1) | Each part is divided by the root
                mean square of the stream behind it. Only the final norm counts, so divide by that of the whole sum.
            parts.sum(axis=0) -> parts.cumsum(axis=0) && .mean() -> .mean(axis=-1) && gamma * parts -> gamma * x | These
                are the logits of the stream behind each part, with a norm for each. Return what each part adds to the
                final logit, with one norm.
            parts.sum(axis=0) -> parts | The root mean square is that of all numbers in `parts`. Add the parts first.
            (x**2).mean() -> (parts**2).mean(axis=1).sum() | The mean squares of the parts are added. Add the parts,
                then take the mean square of their sum.
            parts.sum(axis=0) -> parts.sum(axis=1) | The sum runs along the features. The stream is the sum over the
                parts, axis 0.
            np.sqrt((x**2).mean() + eps) -> np.sqrt((x**2).mean()) | The given eps is missing under
                the root.
            np.sqrt((x**2).mean() + eps) -> np.sqrt((x**2).mean()) + eps | eps is added to the root. It belongs under
                the root, next to the mean square.
            (x**2).mean() -> (x**2).sum() | The mean of the squares is missing. RMSNorm divides by the root of the mean
                square, and you divide by the length of the stream.
            np.sqrt((x**2).mean() + eps) -> np.linalg.norm(x) | The stream's length has no mean and no eps. RMSNorm
                divides by the root of (mean square + eps).
            np.sqrt((x**2).mean() + eps) -> (np.linalg.norm(x) + eps) | The divisor is the stream's length plus eps.
                RMSNorm divides by the root of (mean square + eps).
            (x**2) -> ((gamma * x) ** 2) | The root mean square is that of gamma * x. Take that of the stream itself.
            np.sqrt((x**2).mean() + eps) -> np.sqrt(x.var() + eps) | The divisor is LayerNorm's, the root of the
                variance. The final norm is an RMSNorm, which divides by the root of the mean square.
            np.sqrt((x**2).mean() + eps) -> (x.std() + eps) | The divisor is the standard deviation plus eps. The final
                norm is an RMSNorm, which divides by the root of (mean square + eps).
            (gamma * parts) @ u -> gamma * (parts - parts.mean(axis=-1, keepdims=True)) @ u && (x**2).mean() -> x.var()
                | The mean is subtracted, as in LayerNorm. The final norm is an RMSNorm here.
            (gamma * parts) @ u -> gamma * (parts - parts.mean(axis=-1, keepdims=True)) @ u && np.sqrt((x**2).mean() +
                eps) -> np.sqrt(parts.var(axis=-1) + eps) | Each part is normalised by itself, as in LayerNorm. The
                final norm is an RMSNorm of the whole stream.
            (gamma * parts) @ u -> gamma * (parts - parts.mean(axis=-1, keepdims=True)) @ u | The mean of each part is
                subtracted. RMSNorm subtracts no mean.
            (gamma * parts) @ u / rms -> ((gamma * parts) @ u / rms)[::-1] | The parts come in reverse. Return them in
                the order of the rows.
            (gamma * parts) @ u / rms -> (gamma * parts) @ u / ((gamma * parts) @ u).sum() | The shares are divided by
                their sum, so they add up to 1. They must add up to the logit.
            (gamma * parts) @ u / rms -> ((gamma * parts) @ u / rms).sum() | This is the logit itself. Return an array
                of its k parts.
            (gamma * parts) @ u / rms -> ((gamma * parts) @ u / rms).cumsum() | The parts are added up one after the
                other. Return each part by itself.
            (gamma * parts) @ u / rms -> ((gamma * parts) @ u / rms)[1:] | The part of x_0, row 0, is missing.
            (gamma * parts) @ u / rms -> gamma * parts * u / rms | This is the share of each feature. Add up the
                features of each part.
            (gamma * parts) @ u / rms -> (gamma * parts * u / rms).sum(axis=0) | The sum runs over the parts, so each
                feature has a number. Add up the features, so that each part has one.
            """,
        ),
        Mistake(
            _left_out,
            "This is what the logit loses when the part is left out and the norm is computed anew. Such numbers do not "
            "add up to the logit. Divide all parts by the root mean square of the whole stream.",
        ),
        Mistake(
            _steps_of_the_logit,
            "This is how much each part changes the logit of the stream so far, with a norm for each sum. There is one "
            "norm, so divide all parts by the root mean square of the whole stream.",
        ),
    ),
    hints=(
        "Write the logit as <gamma * x, u> / r with r = sqrt(mean(x^2) + eps), and x as the sum of its parts. What "
        "is linear in x here?",
        "Compute the number r from the sum of the parts, once. Then each part is treated alike.",
        "`(gamma * parts) @ u` has shape (k,).",
    ),
)
