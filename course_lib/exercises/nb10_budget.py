"""Exercise 10.3: ranks of all layers from their singular values, at a budget for their sum."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits


def ranks_for_budget(singular_values, budget):
    gains = [np.square(s) / np.square(s).sum() for s in singular_values]  # the error that each direction removes
    layer = np.repeat(np.arange(len(gains)), [len(g) for g in gains])
    best = np.argsort(-np.concatenate(gains))[:budget]  # the values of a layer fall, so its first ones are chosen
    return np.bincount(layer[best], minlength=len(gains)).tolist()


def _one_by_one(score, start=0, until=sum):
    """Wrong answers: the rank grows by 1 in the layer with the largest score, until `until(ranks)` is the budget."""

    def answer(singular_values, budget):
        ranks = [start] * len(singular_values)
        while until(ranks) < budget:
            scores = [score(np.square(s), rank) for s, rank in zip(singular_values, ranks, strict=True)]
            ranks[int(np.argmax(scores))] += 1
        return ranks

    return answer


def _saved(squares, rank):
    return squares[rank : rank + 1].sum() / squares.sum()


def _all_then_fewer(singular_values, budget):
    """A wrong answer: lower full ranks by 1, each time in the layer where the error grows most."""
    ranks = [len(s) for s in singular_values]
    while sum(ranks) > budget:
        costs = [_saved(np.square(s), r - 1) if r else -1 for s, r in zip(singular_values, ranks, strict=True)]
        ranks[int(np.argmax(costs))] -= 1
    return ranks


def _inputs(budget: int, *layers: list[float]) -> tuple:
    return [np.array(layer) for layer in layers], budget


LAYERS = (  # chosen so that wrong answers give pairwise distinct ranks
    [4.7, 3.3],
    [7.4, 7.3, 6.2, 4.7, 4.0, 2.9],
    [4.1, 3.4, 3.0, 0.3],
    [8.5, 7.5, 6.3, 1.8, 1.3],
    [4.3, 3.4, 3.2],
    [5.5, 4.6, 2.4, 2.2],
)
BUDGET = Exercise(
    id="10.3",
    title="a budget for all layers",
    minutes=6,
    difficulty=2,
    solution=ranks_for_budget,
    stages=(
        Stage(_inputs(9, *LAYERS), "six layers with different numbers of values"),
        Stage(
            _inputs(4, [9.0, 0.1, 0.1], [2.0, 1.9, 1.8, 1.7, 1.6, 1.5], [30.0, 29.0, 2.5, 1.0]),
            "the last of three layers has much larger values",
        ),
        Stage(_inputs(2, [3.0, 2.9, 2.8, 2.7], [4.0, 0.2], [1.0, 0.1]), "two of three layers have one large value"),
        Stage(_inputs(3, [10.0, 6.0, 1.0], [12.0, 10.5, 9.0, 7.5]), "one layer falls fast, one slowly"),
        Stage(
            _inputs(4, [5.0, 3.0, 2.65], [1.0, 0.98, 0.96, 0.94, 0.92, 0.9]),
            "one layer has many nearly equal values",
        ),
        Stage(_inputs(2, [5.0, 0.1], [1.1, 0.3], [1.0, 0.999, 0.99, 0.98]), "one of three layers gets rank 0"),
        Stage(_inputs(4, [1.0, 0.9], [5.0, 1.0, 0.5, 0.4]), "one layer keeps all of its values"),
        Stage(
            _inputs(7, [9.0, 1.0, 0.9], [5.0, 4.9, 4.7, 4.0, 3.0], [1.0, 0.95, 0.1, 0.05], [7.0, 0.02]),
            "four layers with different numbers of values",
        ),
        Stage(_inputs(3, [2.0, 2.0, 2.0, 2.0], [3.0, 1.0]), "one layer has equal values, and keeps two of them"),
        Stage(_inputs(2, [3.0, 2.0, 1.0]), "one layer"),
        Stage(_inputs(5, [2.0, 1.0], [4.0, 3.0, 0.0, 0.0]), "one layer has values 0, and the budget reaches them"),
    ),
    mistakes=edits(
        ranks_for_budget,
        """
        np.square(s) / np.square(s).sum() -> np.square(s) | The errors are absolute, so that a layer with large values
          gets most. Divide by the sum of squares of the layer.
        np.square(s) / np.square(s).sum() -> s / s.sum() | A square is missing, or it
          stands at the wrong place. Divide each sigma^2 by the sum of the sigma^2.
        np.square(s) / np.square(s).sum() -> np.square(s) / s.sum() | The squares are divided by the sum of the sigma.
          Divide by the sum of the sigma^2.
        np.square(s) / np.square(s).sum() -> s / np.square(s).sum() | Each sigma is divided by the sum of the sigma^2.
          A direction saves sigma^2.
        np.square(s) / np.square(s).sum() -> 1 - np.square(s).cumsum() / np.square(s).sum() | The directions are sorted
          by the error that remains behind them. Sort them by what each one saves.
        np.square(s) / np.square(s).sum() -> np.square(s) / np.square(s).max() | The errors are relative to the
          largest value of the layer. Divide by the sum of its squares.
        np.square(s) / np.square(s).sum() -> np.square(s)[:-1] / np.square(s).sum() | No layer keeps all of its values
          here. A rank may be as large as the number of values.
        -np.concatenate(gains) -> np.concatenate(gains) | The directions that save least are kept. Sort in falling
          order.
        np.square(s) / np.square(s).sum() -> np.square(s) / np.square(s).cumsum() | Each square is divided by the sum up
          to it. Divide by the sum of all squares of the layer.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> energies = [np.square(s).sum() for s in
          singular_values]; return [round(budget * e / sum(energies)) for e in energies] | The budget is divided by the
          energies of the layers. The gains of single directions decide.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return [budget // len(gains) + (t < budget %
          len(gains)) for t in range(len(gains))] | All layers have the same rank, and the first ones share the rest. A
          layer whose values fall fast needs fewer.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return [budget // len(gains) + (t == 0) *
          (budget % len(gains)) for t in range(len(gains))] | All layers have the same rank, and the first one has the
          rest. A layer whose values fall fast needs fewer.
        , minlength=len(gains)) -> ) | A layer at the end that gets rank 0 is missing in the list.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return [budget // len(gains)] * len(gains) |
          All layers have the same rank. A layer whose values fall fast needs fewer.
        layer[best] -> layer[:budget] | The first layers get all they have. Take the largest gains of all layers.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return [round(budget * len(g) / sum(map(len,
          gains))) for g in gains] | The budget is divided by the number of values of each layer. Their sizes decide.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return np.maximum(np.bincount(layer[best],
          minlength=len(gains)), 1).tolist() | Each layer gets at least rank 1, so that the sum exceeds the budget.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> least = np.concatenate(gains)[best[-1]];
          return [int(np.sum(g >= least)) for g in gains] | All gains of at least a threshold are kept. Where gains are
          equal, these are more than the budget.
        [:budget] -> [: budget + 1] | One direction too many is kept. The ranks add up to the budget.
        [:budget] -> [: budget - 1] | One direction too few is kept. The last of the `budget` largest gains counts, too.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return [int(np.sum(g[: np.sum(layer[best] ==
          t)] > 0)) for t, g in enumerate(gains)] | Values of 0 are left out, so the ranks add up to less than
          the budget. They save nothing, but the sum of the ranks is given.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return best.tolist() | These are the places
          of the kept directions. Count how many belong to each layer.
        return np.bincount(layer[best], minlength=len(gains)).tolist() -> return layer[best].tolist() | These are the
          layers of the kept directions. Count how often each layer occurs.
        """,
    )
    + (
        Mistake(
            _one_by_one(lambda squares, rank: squares[rank:].sum() / squares.sum()),
            "The next number goes to the layer with the largest error. It belongs where it lowers the error most.",
        ),
        Mistake(
            _one_by_one(lambda squares, rank: squares[rank : rank + 1].sum() / max(squares[rank:].sum(), 1e-12)),
            "Each sigma^2 is divided by the error that is left then. Divide by the sum of all sigma^2 of the layer.",
        ),
        Mistake(
            _one_by_one(lambda squares, rank: -_saved(squares, rank)),
            "The next number goes where it saves least. It belongs where it saves most.",
        ),
        Mistake(
            _one_by_one(lambda squares, rank: _saved(squares, rank + 1)),
            "The direction behind the next one counts here. At rank r, the next direction has the index r, and the "
            "error begins there.",
        ),
        Mistake(
            _one_by_one(_saved),
            "The next number goes to a layer that has all of its values. Its rank is at most their number.",
        ),
        Mistake(_all_then_fewer, "Ranks are lowered where the error grows most. Lower them where it grows least."),
        Mistake(_one_by_one(_saved, start=1), "Each layer gets rank 1 first. A rank may be 0."),
        Mistake(
            _one_by_one(_saved, start=1, until=lambda ranks: sum(ranks) - len(ranks)),
            "The ranks begin at 1, so that their sum is too large. Begin at 0.",
        ),
    ),
    hints=(
        "One more direction in a layer lowers the sum by sigma_n^2 / sum_n sigma_n^2, with its own values. Do these "
        "gains rise or fall?",
        "They fall. So the `budget` largest gains of all layers together are the first ones of each layer.",
        "`np.argsort(-all_gains)[:budget]` are the places of the largest. Count how many belong to each layer.",
    ),
)
