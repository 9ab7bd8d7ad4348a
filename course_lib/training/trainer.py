"""The training loop: `train` runs or resumes a run in a folder."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn
from tqdm.auto import tqdm

from course_lib.kernels import cpu
from course_lib.training import checkpoint
from course_lib.training.data import Batch, TrainingData
from course_lib.training.distributed import Place, placed
from course_lib.training.evaluation import Evaluation, evaluate
from course_lib.training.folder import RunFolder, describe
from course_lib.training.log import Log
from course_lib.training.optimiser import adamw
from course_lib.training.recipe import Recipe
from course_lib.training.schedule import learning_rate

Watcher = Callable[[dict], None]  # called with each line of the log when it is written


class DivergedError(ArithmeticError):
    """The loss or its gradient is infinite or NaN. The message names the step and the checkpoint that is left."""


@dataclass(frozen=True)
class Result:
    """The result of a finished run: its last validation loss, and time and tokens over all its resumed parts."""

    evaluation: Evaluation
    steps: int
    seconds: float  # training, evaluations and checkpoints, without start-up
    training_seconds: float  # steps alone
    tokens: int  # trained on; a token that was read twice counts twice
    resumed: list[int]  # the steps at which the run was resumed

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.training_seconds


@cpu.plain()
def train(
    model: nn.Module,
    data: TrainingData,
    recipe: Recipe,
    folder: str | Path,
    device: str = "auto",
    watchers: tuple[Watcher, ...] | None = None,
) -> Result:
    """Train `model` in place; write log and checkpoints to `folder`, and resume a run that was stopped there.

    A run that is killed at any moment and resumed reaches the same weights as an uninterrupted one, bit for bit on the
    same CPU with the same number of threads.
    watchers: functions called with each line of the log; None shows a progress bar, () shows nothing.
    Under torchrun every process calls this with a folder that all of them see, and takes its share of each batch.

    Raises OSError before the first step when the folder cannot be written or the disk is full. Raises ValueError when
    the folder holds another run, or one begun by an earlier version of the course. Raises DivergedError when the loss
    or its gradient is infinite or NaN; the last good checkpoint is then still there.
    """
    with placed(device, recipe.precision) as place, place.own_randomness():
        return Training(model, data, recipe, RunFolder(folder), place).run(watchers)


class Training:
    """One run on one process: model, optimiser and progress, which each step changes."""

    def __init__(self, model: nn.Module, data: TrainingData, recipe: Recipe, folder: RunFolder, place: Place):
        if data.batch_size % place.processes:
            raise ValueError(f"batch_size must be a multiple of {place.processes} processes, got {data.batch_size}")
        self.data, self.recipe, self.folder, self.place = data, recipe, folder, place
        self.model = model.to(place.device).train()
        self.parameters = list(model.parameters())
        self.optimiser = adamw(model, recipe)
        self.progress = {"step": 0, "tokens": 0, "seconds": 0.0, "training_seconds": 0.0, "resumed": []}
        size = sum(tensor.nbytes for tensor in checkpoint.tensors_of(model).values())
        # A checkpoint holds the weights and AdamW's two moments.
        place.first(lambda: folder.prepare(describe(model, data, recipe), 3 * size))
        if folder.checkpoint.exists():
            self.resume()
        place.align(model)

    def resume(self) -> None:
        """Restore the state of the checkpoint. If steps are left, record the step at which the run is resumed."""
        self.progress = checkpoint.read(self.folder.checkpoint, self.model, self.optimiser)
        if self.progress["step"] < self.recipe.steps:
            self.progress["resumed"].append(self.progress["step"])

    def run(self, watchers: tuple[Watcher, ...] | None) -> Result:
        """Make all steps that are left, and the last evaluation."""
        first, self.began = self.progress["step"], time.perf_counter() - self.progress["seconds"]
        log = Log(self.folder.log, before=first) if self.place.leads else None
        with Bar(self.recipe.steps, first, shown=watchers is None and self.place.leads) as bar:
            self.watchers = () if log is None else (lambda row: log.append(**row), *(watchers or (bar.see,)))
            try:
                for step in range(first, self.recipe.steps):
                    loss = self.step(step)
                    bar.advance(loss, self.progress)
                evaluation = self.finish()
            finally:
                if log is not None:
                    log.close()
        progress = {name: self.progress[name] for name in ("seconds", "training_seconds", "tokens", "resumed")}
        return Result(evaluation, self.recipe.steps, **progress)

    def step(self, step: int) -> float:
        """Evaluate and save if it is time, then update the weights; return the loss before, in nats per token.

        A checkpoint is written between gradient and update, when its weights are known to give a finite loss. It holds
        the state before this step, so a resumed run repeats the step.
        """
        recipe = self.recipe
        if step % recipe.evaluate_every == 0:
            self.evaluate(step)
        began = time.perf_counter()
        rate = self.set_rate(step)
        loss, tokens = self.gradient(step)
        length = float(nn.utils.clip_grad_norm_(self.parameters, recipe.clip))
        self.require_finite(step, loss, length)
        if step % recipe.checkpoint_every == 0:
            before = time.perf_counter()
            self.save(step)
            began += time.perf_counter() - before  # saving is not training
        self.optimiser.step()
        self.progress["tokens"] += tokens
        self.progress["training_seconds"] += time.perf_counter() - began
        if step % recipe.log_every == 0:
            self.tell(step=step, loss=loss, gradient=length, learning_rate=rate, seconds=self.seconds())
        return loss

    def set_rate(self, step: int) -> float:
        rate = learning_rate(self.recipe, step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate

    def gradient(self, step: int) -> tuple[float, int]:
        """(mean loss, tokens) of the batch of all processes; the gradient of this loss is left in the parameters."""
        self.place.seed(self.recipe.seed, step)  # dropout is then the same in a resumed run
        whole: Batch = self.data.batch(step)
        tokens = self.data.count(whole)[0]
        with self.place.precision():
            share = self.data.losses(self.model, self.place.bring(self.place.share(whole))) / tokens
        self.optimiser.zero_grad(set_to_none=True)
        share.backward()
        self.place.add_up(self.parameters)
        return self.place.total(float(share.detach()))[0], tokens

    def require_finite(self, step: int, loss: float, length: float) -> None:
        """Raise DivergedError unless the loss and the length of the gradient are finite."""
        if math.isfinite(loss) and math.isfinite(length):
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the length of the gradient is {length}"
        kept = "no checkpoint was written yet"
        if self.folder.checkpoint.exists():
            kept = f"{self.folder.checkpoint} keeps the last good parameters"
        advice = "a smaller learning_rate or more warmup may help"
        raise DivergedError(f"training diverged: at step {step} {what}; {kept}; {advice}")

    def evaluate(self, step: int) -> Evaluation:
        """The validation loss before step `step`, which all watchers are told. Raises DivergedError if not finite."""
        evaluation = evaluate(self.model, self.data, self.place)
        self.require_finite(step, evaluation.nats_per_token, 0.0)
        self.tell(step=step, validation=evaluation.as_dict(), seconds=self.seconds())
        return evaluation

    def finish(self) -> Evaluation:
        evaluation = self.evaluate(self.recipe.steps)
        self.save(self.recipe.steps)
        return evaluation

    def save(self, step: int) -> None:
        """Write a checkpoint of the state before step `step`."""
        self.progress |= {"step": step, "seconds": self.seconds()}
        if self.place.leads:
            checkpoint.write(self.folder.checkpoint, self.model, self.optimiser, self.progress)

    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def tell(self, **row) -> None:
        """Call each watcher with a line of the log."""
        for watcher in self.watchers:
            watcher(row)


class Bar:
    """The progress bar of a run: loss, tokens per second and time left (the latter two since the last resumption)."""

    def __init__(self, steps: int, first: int, shown: bool):
        self.bar = tqdm(total=steps, initial=first, unit="step", disable=not shown)
        self.loss: float | None = None
        self.before: dict | None = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *error) -> None:
        self.bar.close()

    def advance(self, loss: float, progress: dict) -> None:
        """Move the bar by one step. The loss shown is smoothed over about 20 steps."""
        self.before = self.before or dict(progress)
        self.loss = loss if self.loss is None else 0.95 * self.loss + 0.05 * loss
        seconds = progress["training_seconds"] - self.before["training_seconds"]
        rate = (progress["tokens"] - self.before["tokens"]) / seconds if seconds else 0.0
        self.bar.set_postfix_str(f"loss {self.loss:.3f}, {rate:,.0f} tokens/s", refresh=False)
        self.bar.update()

    def see(self, row: dict) -> None:
        """Show the validation loss in front of the bar if `row`, a line of the log, has one."""
        if "validation" in row:
            self.bar.set_description_str(f"validation {row['validation']['nats_per_token']:.3f}", refresh=False)
