"""The benchmark of loading: seconds and memory to load a checkpoint, in the course and in transformers.

Checkpoints of random bfloat16 weights are written here, at the sizes of published models (`siblings`). Each is loaded
in a process of its own (`load_once`), from the disk, so that the peak of memory is that of this loading.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tqdm.auto import tqdm

from course_lib import container
from course_lib.accounting import Model, in_decimal_units, itemsize, model_parameters
from course_lib.bench.load_once import WARM_UP
from course_lib.bench.siblings import SIBLINGS, Sibling, find, write
from course_lib.config import ModelConfig, require

COURSE, PEER = "course", "transformers"
DTYPES = ("bfloat16", "float32")
PROMPT, NEW = 64, 16  # tokens read, and timed steps after them
# Times the weights: what loading may take. transformers puts experts together, and maps the files meanwhile.
LIMITS = {COURSE: 1.15, PEER: 1.5}
ROOM = 2**30  # bytes for a process with its packages, and for what it computes


@dataclass(frozen=True)
class Row:
    """The figures of one implementation for one sibling in one dtype."""

    sibling: str
    layers: int
    dtype: str
    implementation: str
    parameters: int
    stored_bytes: int  # of all tensors in the files
    weights_bytes: int  # of the model's parameters in this dtype; transformers keeps a few in float32
    load_s: float
    peak_bytes: int | None  # of loading, beside what the process held before; None if not known
    ratio: float | None  # peak_bytes / weights_bytes
    peak_in_use_bytes: int | None  # of loading and decoding together
    first_token_s: float  # loading, and reading a prompt of PROMPT tokens
    tokens_per_second: float  # of greedy decoding with a cache
    form: str  # of attention in a decode step: grouped, expanded or absorbed
    cache_bytes: int  # after all tokens, measured; the rows of a window are allocated whole
    predicted_cache_bytes: int  # after all tokens, counted for the course
    cache_bytes_per_token: int  # counted for the course, until a window drops rows
    same_tokens: float | None  # share of the tokens that are the course's, up to the first other one

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class LeftOut:
    """A measurement that was not made, and why."""

    sibling: str
    dtype: str
    implementation: str
    why: str

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Prediction:
    """What all layers of a published model would take, if only some of them were loaded here.

    Bytes of weights and of the cache are counted. Peak and seconds are the measured ones in proportion to the weights.
    """

    sibling: str
    layers: int
    dtype: str
    parameters: int
    active_parameters: int  # those that a token uses
    weights_bytes: int
    cache_bytes_per_token: int
    peak_bytes: int | None
    load_s: float

    def as_dict(self) -> dict:
        return asdict(self)


def measure(
    names: Sequence[str] = tuple(SIBLINGS),
    dtypes: Sequence[str] = DTYPES[:1],
    folder: Path | None = None,
    threads: int = 1,
) -> tuple[list[Row], list[LeftOut]]:
    """Write, load and remove one checkpoint after another: a row for each sibling, dtype and implementation.

    folder: where the checkpoints lie meanwhile, in a folder of their own; None takes the system's place for such files.
    Raises ValueError for another sibling or dtype, OSError when the disk has too little room.
    """
    chosen = [find(name) for name in names]
    for dtype in dtypes:
        require(dtype in DTYPES, f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    running = [COURSE, PEER] if importlib.util.find_spec(PEER) else [COURSE]
    rows, left_out = [], []
    with tqdm(total=len(chosen) * (1 + len(dtypes) * len(running)), unit="run") as bar:
        for sibling in chosen:
            with tempfile.TemporaryDirectory(prefix="course-bench-", dir=folder) as place:
                large, small = Path(place) / sibling.name, Path(place) / "small"
                write(sibling.small_config, small)
                stored = write(sibling.config, large)
                bar.update()
                for dtype in dtypes:
                    course: list[int] = []
                    for implementation in running:
                        found = measure_once(sibling, dtype, implementation, large, small, threads)
                        if isinstance(found, str):
                            left_out.append(LeftOut(sibling.name, dtype, implementation, found))
                        else:
                            course = course or (found["tokens"] if implementation == COURSE else [])
                            rows.append(new_row(sibling, dtype, implementation, stored, found, course))
                        bar.update()
    return rows, left_out


def measure_once(
    sibling: Sibling, dtype: str, implementation: str, large: Path, small: Path, threads: int
) -> dict | str:
    """The figures that `load_once` prints in a new process, or why there are none."""
    need = int(LIMITS[implementation] * weights_bytes(sibling.model, dtype)) + ROOM
    free = container.available().free
    if need > free:
        return f"needs {in_decimal_units(need)} of memory, and {in_decimal_units(free)} are free"
    asked = {"folder": str(large), "small": str(small), "implementation": implementation, "dtype": dtype}
    asked |= {"prompt": PROMPT, "new": NEW, "threads": threads}
    command = [sys.executable, "-m", "course_lib.bench.load_once", json.dumps(asked)]
    # Its progress bar and errors appear on the terminal; only the result is read.
    ended = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace")
    if ended.returncode == 0:
        return json.loads(ended.stdout.splitlines()[-1])
    if ended.returncode < 0:
        return f"the system ended the process with signal {-ended.returncode}; it may have needed too much memory"
    return f"the process ended with code {ended.returncode}; its error stands above"


def new_row(sibling: Sibling, dtype: str, implementation: str, stored: int, found: dict, course: list[int]) -> Row:
    """A row from the figures of one process; `course`: the course's tokens, or none if they are not known."""
    counted = Model(sibling.name, sibling.model.attention_counts)
    peak, weights = found["peak_bytes"], found["weights_bytes"]
    measured = {field.name: found[field.name] for field in fields(Row) if field.name in found}
    return Row(
        sibling=sibling.name,
        layers=sibling.layers,
        dtype=dtype,
        implementation=implementation,
        stored_bytes=stored,
        ratio=None if peak is None else peak / weights,
        predicted_cache_bytes=counted.cache_bytes(PROMPT + WARM_UP + NEW, dtype=dtype),
        cache_bytes_per_token=counted.bytes_per_token(dtype),
        same_tokens=agreement(found["tokens"], course) if course else None,
        **measured,
    )


def agreement(tokens: list[int], course: list[int]) -> float:
    """The share of the course's tokens that come before the first other one."""
    other = (i for i, (x, y) in enumerate(zip(tokens, course, strict=True)) if x != y)
    return next(other, len(course)) / len(course)


def predict(rows: Sequence[Row]) -> list[Prediction]:
    """A prediction for all layers, from each row of the course whose sibling has only some of them."""
    found = []
    for row in rows:
        sibling = find(row.sibling)
        if row.implementation == COURSE and sibling.published != sibling.model:
            whole, size = sibling.published, weights_bytes(sibling.published, row.dtype)
            total, active = model_parameters(whole)
            found.append(
                Prediction(
                    sibling=row.sibling,
                    layers=whole.n_layers,
                    dtype=row.dtype,
                    parameters=total,
                    active_parameters=active,
                    weights_bytes=size,
                    cache_bytes_per_token=Model(row.sibling, whole.attention_counts).bytes_per_token(row.dtype),
                    peak_bytes=None if row.ratio is None else round(row.ratio * size),
                    load_s=row.load_s * size / row.weights_bytes,
                )
            )
    return found


def weights_bytes(config: ModelConfig, dtype: str) -> int:
    """Bytes of all parameters of a model with this config, counted."""
    return model_parameters(config).total * itemsize(dtype)
