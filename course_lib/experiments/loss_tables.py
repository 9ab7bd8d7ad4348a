"""The content of losses.json: losses of each arm by seed and document, and the difference of every two arms.

losses-common.json has the same for runs at the common learning rate. `published.Published` reads both without the
packages that the experiments need.
"""

from itertools import combinations

from course_lib.config import require
from course_lib.experiments.results import View
from course_lib.experiments.tables import difference_row


def loss_tables(view: View) -> dict:
    """Documents, arms and differences of a view, ready for JSON, for the documents of the test that count in means.

    The rows of a loss matrix are seeds in ascending order, its columns the documents sorted by name. Of two arms that
    share two seeds at least there is one row of differences, the arm that stands first in the view as "first".
    """
    pairs = (difference_row(first, second, view) for first, second in combinations(view.arms, 2))
    return {
        "documents": documents_of(view),
        "arms": [arm_losses(arm, view) for arm in view.arms],
        "differences": [row for row in pairs if row is not None],
    }


def documents_of(view: View) -> list[str]:
    """The names of the documents, which are the same for all runs; raises ValueError otherwise."""
    names = {tuple(run.losses()) for runs in view.arms.values() for run in runs}
    require(len(names) <= 1, f"runs must be evaluated on the same documents, got {len(names)} different lists")
    return list(names.pop()) if names else []


def arm_losses(arm: str, view: View) -> dict:
    """An arm's costs, learning rate, seeds and losses."""
    runs = view.arms[arm]
    return {
        "arm": arm,
        **runs[0].result["costs"],
        "rate": runs[0].labels.rate,
        "seeds": [run.labels.seed for run in runs],
        "losses": view.losses(arm).tolist(),
    }
