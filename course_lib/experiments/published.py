"""The results of a finished sweep, read with NumPy alone: losses by seed and document, and differences of arms.

    results = load("cpu-docs")
    D = results.differences("MLA-16", "GQA2")           # (S, M): seeds, documents
    results.pair("MLA-16", "GQA2")["interval"]          # of the mean of D, with a verdict beside it
    load("cpu-docs", rates="common")                    # the same for runs in which all arms have one learning rate

`report.build` writes the files that are read here. Reading them needs none of the packages that experiments need.
"""

from pathlib import Path

import numpy as np

from course_lib.config import require
from course_lib.files import read_json

REPORT = "report.json"
LOSSES = {"tuned": "losses.json", "common": "losses-common.json"}  # by the learning rates of the runs
FOLDER = Path(__file__).resolve().parent.parent / "assets" / "experiments"
INTERVALS = ("interval", "t interval", "bootstrap interval")
VERDICTS = ("verdict", "verdict against 0")
MEANS = ("mean", "mean, repeated documents too")
OPPOSITE = {"better": "worse", "worse": "better"}
ROWS = {
    "arms": {"arm", "rate", "seeds", "losses"},
    "differences": {"first", "second", *MEANS, *INTERVALS, *VERDICTS},
}


def names() -> tuple[str, ...]:
    """The names of the sweeps whose results come with the course."""
    return tuple(sorted(path.name for path in FOLDER.glob("*") if holder(path) is not None))


def load(folder: str | Path, rates: str = "tuned") -> "Published":
    """Read the results of a sweep that comes with the course, by its name, or of the folder of a sweep or a report.

    rates: "tuned" for runs in which each arm has its own learning rate, "common" for those in which all have the same.
    Raises ValueError for a folder that holds no results, and for files with other content.
    """
    require(rates in LOSSES, f"rates must be one of {', '.join(LOSSES)}, got {rates!r}")
    found = holder(FOLDER / folder if folder in names() else Path(folder))
    known, files = ", ".join(names()) or "none so far", ", ".join(LOSSES.values())
    rule = f"folder must hold {files} and {REPORT}, or be the name of a sweep that comes with the course ({known})"
    require(found is not None, f"{rule}, got {str(folder)!r}")
    return Published(read_json(found / REPORT), read_json(found / LOSSES[rates]))


def holder(folder: Path) -> Path | None:
    """The folder itself or its subfolder "report", whichever holds the files; None if neither does."""
    files = (REPORT, *LOSSES.values())
    whole = (each for each in (folder, folder / "report") if all((each / file).exists() for file in files))
    return next(whole, None)


class Published:
    """What was found for each arm at one learning rate, on the test documents that count in means.

    report: the content of report.json. tables: that of losses.json or losses-common.json.

    Raises ValueError for tables whose parts do not fit together.
    """

    def __init__(self, report: dict, tables: dict):
        require_whole(report, tables)
        self.report = report
        self.documents: tuple[str, ...] = tuple(tables["documents"])
        self._rows = {row["arm"]: row for row in tables["arms"]}
        self._losses = {arm: matrix(row, len(self.documents)) for arm, row in self._rows.items()}
        self._pairs = {(row["first"], row["second"]): row for row in tables["differences"]}

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of the arms, as the report orders them."""
        return tuple(self._rows)

    @property
    def margin(self) -> float:
        """The difference in nats per token below which two arms count as equivalent."""
        return self.report["statistics"]["margin"]

    @property
    def level(self) -> float:
        """The level of the intervals."""
        return self.report["statistics"]["level"]

    def losses(self, arm: str) -> np.ndarray:
        """Loss by seed and document in nats per token, (S, M): rows as in `seeds`, columns as in `documents`."""
        return self._losses[self._known(arm, "arm")]

    def seeds(self, arm: str) -> tuple[int, ...]:
        """The seeds of an arm, ascending."""
        return tuple(self._rows[self._known(arm, "arm")]["seeds"])

    def rate(self, arm: str) -> float:
        """The learning rate of an arm."""
        return self._rows[self._known(arm, "arm")]["rate"]

    def costs(self, arm: str) -> dict:
        """What an arm costs: "cached" numbers and "decode FLOPs" per token and layer, "parameters", "d_ff"."""
        return {key: value for key, value in self._rows[self._known(arm, "arm")].items() if key not in ROWS["arms"]}

    def shared_seeds(self, first: str, second: str) -> tuple[int, ...]:
        """The seeds that both arms have, ascending."""
        first, second = self._known(first, "first"), self._known(second, "second")
        return tuple(seed for seed in self.seeds(first) if seed in self.seeds(second))

    def differences(self, first: str, second: str) -> np.ndarray:
        """The loss of the first arm minus that of the second, (S, M): rows as in `shared_seeds`. Negative is better."""
        shared = self.shared_seeds(first, second)
        one, other = ([self.seeds(arm).index(seed) for seed in shared] for arm in (first, second))
        return self.losses(first)[one] - self.losses(second)[other]

    def pair(self, first: str, second: str) -> dict:
        """The mean of `differences` with its "interval" and "verdict", as a row of the report's differences has them.

        Raises ValueError for arms that share fewer than two seeds: then there is no interval.
        """
        shared = len(self.shared_seeds(first, second))
        require(first != second, f"second must be another arm than first, got {second!r} twice")
        if (first, second) in self._pairs:
            return self._pairs[first, second]
        row = self._pairs.get((second, first))
        require(row is not None, f"second must share two seeds at least with {first!r}, got {second!r} with {shared}")
        return reversed_pair(row)

    def _known(self, arm: str, argument: str) -> str:
        require(arm in self._rows, f"{argument} must be one of {', '.join(self._rows)}, got {arm!r}")
        return arm


def require_whole(report: dict, tables: dict) -> None:
    """Raise ValueError unless both have the parts that are read."""
    known = report.get("statistics", {})
    rule = "report must hold statistics with level and margin"
    require({"level", "margin"} <= known.keys(), f"{rule}, got {', '.join(map(repr, known)) or 'none'}")
    missing = [name for name in ("documents", *ROWS) if not isinstance(tables.get(name), list)]
    require(not missing, f"tables must hold lists of documents, arms and differences, got none of {missing}")
    for name, keys in ROWS.items():
        wrong = next((row for row in tables[name] if not isinstance(row, dict) or not keys <= row.keys()), None)
        require(wrong is None, f"tables: each of {name} must have {', '.join(sorted(keys))}, got {wrong!r:.80}")


def matrix(row: dict, documents: int) -> np.ndarray:
    """The losses of an arm as a read-only matrix (S, M); raises ValueError unless it fits, and is finite."""
    losses = np.array(row["losses"], dtype=float)
    shape = (len(row["seeds"]), documents)
    require(losses.shape == shape, f"losses of {row['arm']} must have the shape {shape}, got {losses.shape}")
    require(bool(np.isfinite(losses).all()), f"losses of {row['arm']} must be finite")
    losses.flags.writeable = False
    return losses


def reversed_pair(row: dict) -> dict:
    """The row of the same two arms in the other order."""
    changed = {"first": row["second"], "second": row["first"]}
    changed |= {key: 0.0 - row[key] for key in MEANS}  # never -0.0
    changed |= {key: [0.0 - row[key][1], 0.0 - row[key][0]] for key in INTERVALS}
    changed |= {key: OPPOSITE.get(row[key], row[key]) for key in VERDICTS}
    return row | changed
