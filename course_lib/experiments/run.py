"""Carry out one run in its folder: train, evaluate, and write the result last.

The folder is the truth about a run: it is finished when result.json is there. Files of the trainer beside it:
run.json, log.jsonl and checkpoint.safetensors. `carry_out` may be killed at any moment and called again, by any
process: it goes on from the last checkpoint and ends with the same numbers.
"""

import contextlib
import io
import json
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import torch

from course_lib.experiments import data
from course_lib.experiments.costs import costs
from course_lib.experiments.data import HeldOut, Tokens
from course_lib.experiments.evaluation import document_losses
from course_lib.experiments.plan import Plan
from course_lib.files import read_json, write_atomically
from course_lib.models import DecoderModel
from course_lib.training import DivergedError, Result, checkpoint, train
from course_lib.training.folder import machine

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two processes must not work on the same sweep
    fcntl = None

RESULT, DOCUMENTS, FAILURE, LOCK = "result.json", "documents.parquet", "failure.json", "lock"
TRIES = 3  # a run that raises an error as often is not tried again


def carry_out(plan: Plan, sweep: Path) -> None:
    """Bring a run to its result, or note in failure.json that a try of it failed and why.

    Raises OSError when the folder cannot be written. Two processes that are given the same run wait for each other.
    """
    folder = plan.folder(sweep)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), computing_with(plan.threads):
        if result_of(folder) is None:
            try:
                finish(plan, folder, data.read(sweep / data.NAME))
            except Exception as error:  # whatever it is: the other runs have to go on
                note_failure(plan, sweep, error)
                return
        (folder / FAILURE).unlink(missing_ok=True)


def finish(plan: Plan, folder: Path, tokens: Tokens) -> None:
    """Train and evaluate; write documents.parquet, then result.json. A run that diverges has that as its result."""
    if tokens.digest != plan.tokens:
        raise ValueError(f"the tokens of the sweep must have the digest {plan.tokens}, got {tokens.digest}")
    with torch.random.fork_rng([]):
        torch.manual_seed(plan.initial_seed)
        model = DecoderModel(plan.model)
    batches = tokens.batches(plan.context, plan.sequences, plan.recipe.seed)
    drop_damaged(folder / checkpoint.NAME)
    size = {"parameters": sum(p.numel() for p in model.parameters()), "d_ff": plan.model.d_ff}
    found = plan.describe() | {"costs": size | costs(model)}
    try:
        result = train(model, batches, plan.recipe, folder, plan.device, ())
    except DivergedError as error:
        write_json(folder / RESULT, found | {"diverged": str(error), "machine": machine()})
        return
    began = time.perf_counter()
    rows = [row for split in plan.splits for row in evaluated(model, split, tokens, plan.context)]
    write_documents(folder / DOCUMENTS, rows)
    took = {"evaluation_seconds": round(time.perf_counter() - began, 1)}
    found |= {"curve": result.evaluation.as_dict(), "training": figures(result) | took, "machine": machine()}
    bring_to_disk(folder / DOCUMENTS)  # so that a loss of power leaves no result without its documents
    write_json(folder / RESULT, found)


def bring_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def drop_damaged(path: Path) -> None:
    """Remove a checkpoint that cannot be read, as one may be after a loss of power: the run then begins anew."""
    if path.exists():
        try:
            checkpoint.opened(path)
        except ValueError:
            path.unlink()


def evaluated(model: DecoderModel, split: str, tokens: Tokens, context: int) -> list[dict]:
    """A row for each document of a split: name, sizes, and the sum of its losses in nats."""
    held_out: tuple[HeldOut, ...] = getattr(tokens, split)
    losses = document_losses(model, held_out, tokens.separator, context)
    return [
        {
            "document": each.name,
            "split": split,
            "tokens": len(each.tokens),
            "characters": each.characters,
            "repeated": each.repeated,
            "kept": each.kept,
            "nats": nats,
        }
        for each, nats in zip(held_out, losses, strict=True)
    ]


def figures(result: Result) -> dict:
    """Times and tokens of the training. They differ each time; no table of losses depends on them."""
    return {
        "tokens": result.tokens,
        "seconds": round(result.seconds, 1),
        "training_seconds": round(result.training_seconds, 1),
        "tokens_per_second": round(result.tokens_per_second),
        "resumed": result.resumed,
    }


def write_documents(path: Path, rows: list[dict]) -> None:
    """Write rows as a Parquet file, whole or not at all."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file, compression="zstd")
    write_atomically(path, file.getvalue())


def write_json(path: Path, values: dict) -> None:
    write_atomically(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def note_failure(plan: Plan, sweep: Path, error: BaseException) -> None:
    """Count a failed try in failure.json, with its reason and where it was raised."""
    path = plan.folder(sweep) / FAILURE
    reason = f"{type(error).__name__}: {error}"
    where = traceback.format_exception(error)
    reasons = [*failure(path).get("reasons", []), reason]
    write_json(path, plan.describe() | {"tries": len(reasons), "reasons": reasons, "traceback": "".join(where)})


def failure(path: Path) -> dict:
    """What failure.json holds; {} without the file."""
    return read_json(path) if path.exists() else {}


def result_of(folder: Path) -> dict | None:
    """What result.json holds; None if there is none, or none that can be read."""
    try:
        return read_json(folder / RESULT)
    except (FileNotFoundError, ValueError):
        return None


def settled(plan: Plan, sweep: Path) -> bool:
    """Whether nothing is left to do for a run: it has a result, or it failed TRIES times."""
    folder = plan.folder(sweep)
    return result_of(folder) is not None or failure(folder / FAILURE).get("tries", 0) >= TRIES


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process works in this folder. The system gives the lock back when a process is killed."""
    with (folder / LOCK).open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def at_work(folder: Path) -> bool:
    """Whether a process works in this folder now."""
    if fcntl is None or not (folder / LOCK).exists():
        return False
    with (folder / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def computing_with(number: int) -> Iterator[None]:
    """Compute with so many threads of torch within this context."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
