"""Make report.json, tables of losses, report.md and the pictures of a sweep, from the folders of its runs alone.

The same folders give the same bytes. All numbers but those under "speed" are the same when the runs are repeated.
"""

from pathlib import Path

from course_lib.experiments import pictures, probe_tables, tables
from course_lib.experiments.hypotheses import MARGIN, OF_POSITIONS
from course_lib.experiments.loss_tables import loss_tables
from course_lib.experiments.markdown import VIEWS, markdown
from course_lib.experiments.published import LOSSES, REPORT
from course_lib.experiments.recall_tables import recalled
from course_lib.experiments.results import Results, View, read
from course_lib.experiments.statistics import LEVEL, RESAMPLES
from course_lib.files import write_atomically, write_json


def build(folder: Path, to: Path | None = None) -> Path:
    """Write the report of the sweep in `folder` to the folder `to`, by default FOLDER/report; returns that folder.

    Raises ValueError when `folder` holds no sweep, and OSError when the report cannot be written.
    """
    results, to = read(folder), to or folder / "report"
    views = views_of(results)
    found = numbers(results, views)
    drawn = pictures.draw(found, views["tuned"])
    write_json(to / REPORT, found)
    for rates, file in LOSSES.items():
        write_json(to / file, tables.rounded(loss_tables(views[rates])))
    write_atomically(to / "report.md", markdown(found, drawn).encode())
    for name, (picture, _) in drawn.items():
        write_atomically(to / name, picture)
    return to


def views_of(results: Results) -> dict[str, View]:
    """The sets of runs that may be compared: those of VIEWS, and what trained models were probed for."""
    preset = results.settings["preset"]
    steps, common = preset["steps"], preset["common rate"]
    equal = results.view(steps, results.tuned_rate, "equal")
    made = any(run.labels.widths == "equal" for runs in equal.arms.values() for run in runs)  # for that comparison
    return {
        "tuned": results.view(steps, results.tuned_rate),
        "common": results.view(steps, lambda arm: common),
        "equal widths": equal if made else View({}),
        "fewer steps": results.view(preset["fewer steps"], results.tuned_rate),
        "recall": results.view(
            preset["recall_steps"], lambda arm: results.tuned_rate(arm, "recall"), "equal", "recall"
        ),
        "copying": results.view(steps, lambda arm: common, task="copying"),
        "extrapolation": results.view(steps, lambda arm: common, task="extrapolation"),
    }


def numbers(results: Results, views: dict[str, View]) -> dict:
    """All of a report but its pictures, ready for JSON."""
    compared = {
        name: {"arms": tables.arm_rows(view), "differences": tables.difference_rows(view)}
        for name, view in views.items()
        if name in VIEWS
    }
    found = {
        "sweep": results.settings,
        "statistics": {"level": LEVEL, "margin": MARGIN, "resamples": RESAMPLES},
        "learning rates": tables.learning_rates(results, "text"),
        "learning rates of recall": tables.learning_rates(results, "recall"),
        **compared,
        "recall": recalled(views["recall"]),
        "copying": probe_tables.copying(views["copying"]),
        "extrapolation": probe_tables.extrapolation(views["extrapolation"], results.settings["preset"]["context"]),
        "hypotheses": tables.hypothesis_rows(views["tuned"], views["fewer steps"]),
        "at the common rate": tables.hypothesis_rows(views["common"]),
        "of positions": tables.hypothesis_rows(views["common"], of=OF_POSITIONS),
        "of positions, tuned": tables.hypothesis_rows(views["tuned"], of=OF_POSITIONS),
        "failed": [
            {"labels": each["labels"], "tries": each["tries"], "reasons": each["reasons"]} for each in results.failed
        ],
        "diverged": [
            {"labels": run.result["labels"], "reason": run.result["diverged"]} for run in results.runs if run.diverged
        ],
        "speed": tables.speed_rows(results),
    }
    return tables.rounded(found)
