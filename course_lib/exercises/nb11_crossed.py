"""Exercise 11.5: the crossed bootstrap of a mean difference, from draws that are given."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def crossed_interval(differences, seeds, documents, level):
    means = [differences[s][:, m].mean() for s, m in zip(seeds, documents, strict=True)]
    tail = (1 - level) / 2  # what each end leaves out
    low, high = np.quantile(means, [tail, 1 - tail])
    return low, high


def _inputs(n_seeds: int, n_documents: int, draws: int, level: float, seed: int) -> tuple:
    """Differences with effects of seeds and of documents, and draws with replacement."""
    effects = randn(n_seeds, 1, seed=seed) + 1.5 * randn(1, n_documents, seed=seed + 1)
    random = np.random.default_rng(seed)
    seeds, documents = (random.integers(0, n, (draws, n)) for n in (n_seeds, n_documents))
    return effects + 0.4 * randn(n_seeds, n_documents, seed=seed + 2), seeds, documents, level


CROSSED = Exercise(
    id="11.5",
    title="a crossed bootstrap",
    minutes=8,
    difficulty=2,
    solution=crossed_interval,
    stages=(
        Stage(_inputs(6, 6, 5, 0.6, 10), "six seeds, six documents, five draws, 60 %"),
        Stage(_inputs(3, 5, 4, 0.8, 20), "three seeds, five documents, four draws, 80 %"),
        Stage(_inputs(5, 7, 11, 0.7, 30), "five seeds, seven documents, eleven draws, 70 %"),
        Stage(_inputs(6, 6, 40, 0.9, 40), "six seeds, six documents, 40 draws, 90 %"),
        Stage(_inputs(3, 14, 60, 0.95, 50), "three seeds, 14 documents, 60 draws, 95 %"),
    ),
    mistakes=(
        *edits(
            crossed_interval,
            """
        differences[s][:, m].mean() -> differences[s, m[: len(s)]].mean() | Single entries are drawn: the first seed
          with the first document, and so on. Take the whole block, each drawn seed with each drawn document.
        differences[s][:, m].mean() -> differences[:, m].mean() | Documents alone are drawn again. The seeds vary, too:
          take the rows of the draw.
        tail = (1 - level) / 2 -> tail = 1 - level | Each end leaves out 1 - level. Together they leave out 1 - level,
          so each leaves out half of it.
        differences[s][:, m].mean() -> differences.ravel()[m].mean() | Entries of the flat array are drawn. Draw rows by
          `seeds` and columns by `documents`.
        differences[s][:, m].mean() -> differences[s][m].mean() | Rows are chosen twice. Documents are columns, `[:,
          m]`.
        for s, m in zip(seeds, documents, strict=True) -> for s in seeds for m in documents | Each draw of seeds meets
          all draws of documents. Draw r has the rows seeds[r] and the columns documents[r] alone.
        np.quantile -> np.percentile | `np.percentile` counts from 0 to 100. With shares between 0 and 1, use
          `np.quantile`.
        differences[s][:, m].mean() -> differences[s].mean() | Seeds alone are drawn again. The documents vary, too:
          take the columns of the draw.
        differences[s][:, m].mean() -> differences.mean() | Nothing is drawn again. Take the rows and columns of each
          draw.
        differences[s][:, m].mean() -> differences[np.unique(s)][:, np.unique(m)].mean() | A seed or a document that was
          drawn twice counts once. It counts as often as it was drawn.
        differences[s][:, m].mean() -> differences[s][:, np.unique(m)].mean() | A document that was drawn twice counts
          once. It counts as often as it was drawn.
        differences[s][:, m].mean() -> differences[np.unique(s)][:, m].mean() | A seed that was drawn twice counts once.
          It counts as often as it was drawn.
        differences[s][:, m].mean() -> np.median(differences[s][:, m]) | This is the median of the block. Take its mean.
        differences[s][:, m].mean() -> differences[s][:, m].sum() | This is the sum of the block. Take its mean.
        differences[s][:, m].mean() -> (differences[s].mean() + differences[:, m].mean()) / 2 | The mean of drawn rows
          and that of drawn columns are averaged. Take the block where they cross.
        differences[s][:, m].mean() -> differences[s].mean() + differences[:, m].mean() - differences.mean() | The means
          of drawn rows and of drawn columns are added. Take the mean of the block where these rows and columns cross.
        differences[s][:, m].mean() -> differences[s][:, m].mean() - differences.mean() | The mean of all differences is
          subtracted. The interval is one of the means themselves.
        differences[s][:, m].mean() -> differences[seeds[0]][:, documents[0]].mean() | All means are those of draw 0.
          Draw r has the rows seeds[r] and the columns documents[r].
        differences[s][:, m].mean() -> differences[s][:, documents[0]].mean() | All draws have the documents of draw 0.
          Draw r has the columns documents[r].
        differences[s][:, m].mean() -> differences[seeds[0]][:, m].mean() | All draws have the seeds of draw 0. Draw r
          has the rows seeds[r].
        [tail, 1 - tail] -> [1 - level, 1 - tail] | The lower end leaves out 1 - level. It leaves out (1 - level) / 2,
          as the upper one does.
        zip(seeds, documents, strict=True) -> zip(documents, seeds, strict=True) | Rows are drawn by `documents` and
          columns by `seeds`. A row of `differences` is a seed, a column a document.
        zip(seeds, documents, strict=True) -> zip(seeds, seeds, strict=True) | The columns are drawn by `seeds`, too.
          Documents have draws of their own, independent of those of the seeds.
        zip(seeds, documents, strict=True) -> zip(documents, documents, strict=True) | The rows are drawn by
          `documents`, too. Seeds have draws of their own, independent of those of the documents.
        zip(seeds, documents, strict=True) -> zip(seeds[:-1], documents[:-1], strict=True) | The last draw is missing.
        [tail, 1 - tail] -> [tail, 1] | The upper end is the largest mean. It leaves out (1 - level) / 2, as the lower
          one does.
        [tail, 1 - tail] -> [0, 1 - tail] | The lower end is the smallest mean. It leaves out (1 - level) / 2, as the
          upper one does.
        [tail, 1 - tail] -> [0, level] | The upper end leaves out 1 - level, the lower one leaves out nothing. Each end
          leaves out (1 - level) / 2.
        [tail, 1 - tail] -> [1 - level, 1] | The lower end leaves out 1 - level, the upper one leaves out nothing. Each
          end leaves out (1 - level) / 2.
        np.quantile(means, [tail, 1 - tail]) -> np.quantile(means, [tail, 1 - tail], method="nearest") | Both ends are
          single means. `np.quantile` interpolates between neighbours, as it does without `method`.
        np.quantile(means, [tail, 1 - tail]) -> np.quantile(means, [tail, 1 - tail], method="lower") | Both ends are
          means at rounded places of the sorted list. `np.quantile` without `method` interpolates between neighbours.
        [tail, 1 - tail] -> [0.5, 1 - tail] | The lower end is the median of the means. It leaves out (1 - level) / 2.
        [tail, 1 - tail] -> [tail, 0.5] | The upper end is the median of the means. It leaves out (1 - level) / 2.
        [tail, 1 - tail] -> [1 - tail, 1 - tail] | Both are the upper end. The lower one is at (1 - level) / 2.
        [tail, 1 - tail] -> [tail, tail] | Both are the lower end. The upper one is at 1 - (1 - level) / 2.
        [tail, 1 - tail] -> [0.025, 0.975] | These are the ends for 95 %. Use `level`.
        [tail, 1 - tail] -> [0.05, 0.95] | These are the ends for 90 %. Use `level`.
        [tail, 1 - tail] -> [0, 1] | These are the smallest and the largest mean. Take quantiles.
        tail = (1 - level) / 2 -> tail = level / 2 | Each end leaves out level / 2. It leaves out (1 - level) / 2.
        [tail, 1 - tail] -> [tail, level] | The upper end leaves out 1 - level. It leaves out (1 - level) / 2, as the
          lower one does.
        [tail, 1 - tail] -> [tail, level / 2] | The upper end is at level / 2. It leaves out (1 - level) / 2, so it is
          at 1 - (1 - level) / 2.
        return low, high -> return 2 * differences.mean() - high, 2 * differences.mean() - low | The percentiles are
          reflected at the mean. That is another bootstrap interval; return the percentiles themselves.
        return low, high -> return np.mean(means) - 1.96 * np.std(means), np.mean(means) + 1.96 * np.std(means) | This
          is a normal interval around the mean of the draws. Return quantiles of the means.
        return low, high -> return high, low | The two ends are exchanged.
        """,
        ),
        Mistake(
            lambda differences, seeds, documents, level: tuple(
                np.quantile(
                    [differences[s][:, m] for s, m in zip(seeds, documents, strict=True)],
                    [(1 - level) / 2, (1 + level) / 2],
                )
            ),
            "These are quantiles of single differences. Take the mean of each draw first.",
        ),
        Mistake(
            lambda differences, seeds, documents, level: (
                [differences[s][:, m].mean() for s, m in zip(seeds, documents, strict=True)]
            ),
            "These are the means of all draws. Return two quantiles of them.",
        ),
    ),
    hints=(
        "Draw r takes the rows seeds[r] and the columns documents[r]. Every such row meets every such column.",
        "`differences[s][:, m]` is the block of one draw, for `s, m in zip(seeds, documents)`. Take its mean.",
        "`np.quantile(means, [(1 - level) / 2, (1 + level) / 2])` has both ends.",
    ),
)
