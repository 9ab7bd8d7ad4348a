"""Exercise 11.4: the difference of two arms, its standard error over seeds, and its t interval."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def paired(first, second, t):
    differences = first - second  # the same seed and the same document
    of_seeds = differences.mean(axis=1)
    mean = of_seeds.mean()
    error = of_seeds.std(ddof=1) / np.sqrt(len(of_seeds))
    half = t * error
    return {"mean": mean, "error": error, "low": mean - half, "high": mean + half}


def _losses(n_seeds: int, n_documents: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Losses of two arms. Seeds and documents have effects that both arms share."""
    shared = 3 + 0.4 * randn(1, n_documents, seed=seed) + 0.2 * randn(n_seeds, 1, seed=seed + 1)
    gaps = 0.1 * randn(n_seeds, 1, seed=seed + 2) + 0.05 * randn(1, n_documents, seed=seed + 3) - 0.1
    return shared + gaps + 0.03 * randn(n_seeds, n_documents, seed=seed + 4), shared


PAIRED = Exercise(
    id="11.4",
    title="a paired comparison",
    minutes=7,
    difficulty=2,
    solution=paired,
    stages=(
        Stage((*_losses(5, 6, 10), 2.776), "five seeds, six documents"),
        Stage((*_losses(3, 3, 20), 4.303), "three seeds, three documents"),
        Stage((*_losses(6, 3, 30), 2.571), "six seeds, three documents"),
        Stage((*_losses(2, 7, 40), 12.706), "two seeds, seven documents"),
    ),
    mistakes=(
        *edits(
            paired,
            """
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> np.sqrt((first.mean(1).var(ddof=1) +
          second.mean(1).var(ddof=1)) / len(of_seeds)) | The arms are treated as independent samples. They share seeds,
          so take the spread of their differences.
        differences.mean(axis=1) -> differences.ravel() | Seeds times documents are taken for independent values. The
          values of one seed share its effect, so each seed gives one number, its mean over documents.
        half = t * error -> half = 1.96 * error | 1.96 belongs to the normal distribution. With few seeds the interval
          needs the quantile t that is given.
        first - second -> second - first | The difference has the wrong sign. Subtract the losses of the second arm from
          those of the first.
        first - second -> np.abs(first - second) | The sign of the differences is lost. A document that the first arm
          predicts worse counts against it.
        first - second -> first | These are the losses of the first arm. Subtract those of the second.
        first - second -> second | These are the losses of the second arm. Subtract them from those of the first.
        first - second -> first - first | All differences are 0 here. Subtract the losses of the second arm from
          those of the first.
        first - second -> first + second | The losses are added. Subtract those of the second arm.
        first - second -> (first - second) / second | The difference is divided by the loss. Take the difference
          itself, in nats per token.
        of_seeds.mean() -> of_seeds.sum() | The seeds are added. Take their mean.
        of_seeds.mean() -> np.median(of_seeds) | This is the median over seeds. Take the mean.
        / np.sqrt(len(of_seeds)) -> * np.sqrt(len(of_seeds)) | The spread is multiplied by the root of the number of
          seeds. Divide, because a mean of more seeds varies less.
        differences.mean(axis=1) -> differences.mean(axis=0) | The documents are taken as the unit. Average over
          documents first, so that one number of each seed is left.
        differences.mean(axis=1) -> np.median(differences, axis=1) | These are medians over documents. Take means.
        differences.mean(axis=1) -> differences.sum(axis=1) | The differences are added over documents. Take their mean,
          the difference in nats per token.
        differences.mean(axis=1) -> differences[:, 0] | One document is used. Take the mean over all.
        std(ddof=1) -> std() | This is `std` with ddof = 0, which divides by the number of seeds. Divide by one less,
          `ddof=1`, because the mean is estimated, too.
        std(ddof=1) -> std(ddof=2) | This divides by the number of seeds minus 2. One mean is estimated, so subtract 1.
        std(ddof=1) -> std(ddof=-1) | This divides by the number of seeds plus 1. One mean is estimated, so subtract 1.
        std(ddof=1) -> var(ddof=1) | The variance is taken. The error needs its root, the standard deviation.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> of_seeds.std(ddof=1) | This is the spread of single seeds. The
          error of their mean is smaller by the root of their number.
        of_seeds.std(ddof=1) -> np.sqrt(np.sum((of_seeds - mean) ** 2)) | The sum of squares is not divided. Divide it
          by the number of seeds minus 1, as `ddof=1` does.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> of_seeds.var(ddof=1) / len(of_seeds) | This is the variance of
          the mean. The standard error is its root.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> np.sqrt(np.sum(of_seeds**2) / len(of_seeds) / (len(of_seeds) -
          1)) | The squares are those of the differences themselves. Subtract the mean before you square.
        / np.sqrt(len(of_seeds)) -> / len(of_seeds) | The spread is divided by the number of seeds. Divide by its root.
        np.sqrt(len(of_seeds)) -> np.sqrt(len(of_seeds) - 1) | The spread is divided by the root of the number of seeds
          minus 1. The minus 1 belongs in the variance alone.
        np.sqrt(len(of_seeds)) -> np.sqrt(differences.size) | The number of all values divides here. The unit is the
          seed, so divide by the root of the number of seeds.
        np.sqrt(len(of_seeds)) -> np.sqrt(differences.shape[1]) | The number of documents divides here. The unit is the
          seed, so divide by the root of the number of seeds.
        of_seeds.std(ddof=1) -> of_seeds.std() && np.sqrt(len(of_seeds)) -> len(of_seeds) | ddof is 0, and the root of
          the number of seeds is missing. Use `ddof=1`, and divide by the root.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / first.size)
          | The arms are treated as independent samples of all values. Take the spread of their differences, one number
          for each seed.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> np.sqrt((first.mean(1).var() + second.mean(1).var()) /
          len(of_seeds)) | The arms are treated as independent samples, and ddof is 0. Take the spread of their
          differences, with `ddof=1`.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> (first.mean(1).std(ddof=1) + second.mean(1).std(ddof=1)) /
          np.sqrt(len(of_seeds)) | The errors of the two arms are added. The shared part cancels in the
          differences, so take the spread of these.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> differences.std() / np.sqrt(differences.size) | All values
          count as independent, and ddof is 0. Each seed gives one number, its mean over documents, and ddof is 1.
        of_seeds.std(ddof=1) -> differences.std(ddof=1) | This is the spread of all values. Take that of the means of
          the seeds.
        of_seeds.std(ddof=1) -> differences.mean(axis=0).std(ddof=1) | This is the spread of the means of
          documents. Take that of the means of seeds.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> first.mean(1).std(ddof=1) / np.sqrt(len(of_seeds)) | This is
          the error of the first arm alone. Take the spread of the differences.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> differences.std(axis=1, ddof=1).mean() / np.sqrt(len(of_seeds))
          | This is the spread over documents within a seed. Take the spread of the means over seeds.
        of_seeds.std(ddof=1) / np.sqrt(len(of_seeds)) -> (first.mean(1).std(ddof=1) - second.mean(1).std(ddof=1)) /
          np.sqrt(len(of_seeds)) | Two spreads are subtracted. Take the spread of the differences.
        half = t * error -> half = t * error / np.sqrt(len(of_seeds)) | The standard error is divided by the root of the
          number of seeds once more. That root is in it already.
        half = t * error -> half = 2 * error | Two standard errors are right for many seeds. With few the interval needs
          the quantile t that is given.
        half = t * error -> half = error | The quantile is missing. The ends lie t standard errors away from the mean.
        half = t * error -> half = t * error / 2 | The interval is half as wide as it should be. Each end lies t
          standard errors away from the mean.
        "low": mean - half, "high": mean + half -> "low": mean - half, "high": mean - half | Both are the lower end. The
          upper one is mean + t error.
        "low": mean - half, "high": mean + half -> "low": mean + half, "high": mean + half | Both are the upper end. The
          lower one is mean - t error.
        "low": mean - half, "high": mean + half -> "low": mean, "high": mean + half | The lower end is the mean itself.
          It is mean - t error.
        "low": mean - half, "high": mean + half -> "low": mean - half, "high": mean | The upper end is the mean itself.
          It is mean + t error.
        "low": mean - half, "high": mean + half -> "low": -half, "high": half | The interval lies around 0. It lies
          around the mean.
        "low": mean - half, "high": mean + half -> "low": mean + half, "high": mean - half | The two ends are exchanged.
        "low": mean - half, "high": mean + half -> "low": of_seeds.min(), "high": of_seeds.max() | These are the
          smallest and the largest mean of a seed. The ends lie t standard errors away from the mean.
        half = t * error -> half = t | The standard error is missing. The ends lie t standard errors away from the mean.
        half = t * error -> half = t / error | t is divided by the standard error. The ends lie t standard errors away
          from the mean.
        half = t * error -> half = t * of_seeds.std(ddof=1) | The ends are t standard deviations away, so this interval
          is one for single seeds. That of the mean has the standard error.
        """,
        ),
        Mistake(
            lambda first, second, t: [*paired(first, second, t).values()],
            "Return a dict with the keys `mean`, `error`, `low` and `high`.",
        ),
    ),
    hints=(
        "Subtract first: both arms have the same seeds and documents, and what they share then cancels.",
        "`differences.mean(axis=1)` has one number for each seed. The error of their mean is their standard deviation, "
        "divided by the root of their number.",
        "`std(ddof=1)` divides by the number of seeds minus 1. The ends are mean - t error and mean + t error.",
    ),
)
