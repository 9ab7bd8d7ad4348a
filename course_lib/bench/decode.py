"""The decoding benchmark: how long one more token takes after a long text, in the course and in transformers.

Each row also has a floor (the least time that the machine allows) and a predicted time, both from counted work.
"""

import statistics
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.accounting import Machine, model_decode
from course_lib.bench.decode_contenders import VARIANTS, Contender, Variant, contenders
from course_lib.bench.memory import PeakMemory
from course_lib.bench.rates import measure_decode_machine
from course_lib.bench.timing import Timing, time_calls, time_each
from course_lib.config import require
from course_lib.models import DecoderModel

CONTEXTS = (2048, 8192)
ROUNDS, BLOCK, WARM_UP = 5, 8, 4  # contenders take turns to decode a block of steps; the warm-up steps are not timed
SAME = 1e-3  # allowed difference, relative to the largest logit: float32 sums in another order, in four layers
PATIENCE = 5.0  # seconds: a prefill that takes less is repeated
REPEATS = 3  # of such a prefill


@dataclass(frozen=True)
class Row:
    """The results of one implementation for one variant and one context."""

    implementation: str
    variant: str
    form: str  # of attention in a decode step: grouped, expanded or absorbed
    context: int  # tokens before
    ms_per_token: float  # median
    ms_quartiles: tuple[float, float]  # half of the timed steps lie between them
    prefill_s: float
    cache_bytes: int
    peak_memory_bytes: int | None  # of prefill and first steps, without the model; None if not known
    logits_difference: float  # largest difference from the course's logits, relative to the largest logit
    floor_ms: float  # bytes or FLOPs of the course's form at the machine's peak rates, whichever takes longer
    predicted_ms: float  # bytes and then FLOPs of the course's form, at the two rates that follow
    bytes_per_second: float  # measured between the blocks, since the rates of a shared machine change
    flops_per_second: float  # likewise
    faster: float = 1.0  # its time per token, divided by the course's
    faster_prefill: float = 1.0  # its time of prefill, divided by the course's

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass
class Runner:
    """A contender and its measurements."""

    contender: Contender
    prefill_s: float
    memory: int | None  # bytes, at the peak
    logits: list[Tensor]  # after the prefill and after each step, each (vocab,)
    steps: tuple[float, ...] = ()  # seconds of each timed step


def measure(peak: Machine, variants: Sequence[str] = tuple(VARIANTS), contexts: Sequence[int] = CONTEXTS) -> list[Row]:
    """Run the benchmark: a row for each variant, context and implementation.

    peak: the best rates of the machine, for the floor.
    Raises ValueError when an implementation gives other tokens than the course, or transformers is not installed.
    """
    rows = []
    with tqdm(total=len(variants) * len(contexts) * 4, unit="run") as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # transformers warns of renamed arguments
        for name in variants:
            variant = VARIANTS[name]
            models = contenders(variant)
            for context in contexts:
                rows += relative(list(measure_variant(variant, models, context, peak, bar.update)))
    return rows


@torch.inference_mode()
def measure_variant(
    variant: Variant,
    models: tuple[DecoderModel, Sequence[Contender]],
    context: int,
    peak: Machine,
    tell: Callable[[], object],
) -> Iterator[Row]:
    """A row for each contender. All read the tokens that the course chooses greedily, and must choose the same."""
    model, running = models
    prompt = torch.randint(model.config.vocab_size, (1, context), generator=torch.Generator().manual_seed(context))
    tokens: list[Tensor] = []  # filled by the course, which goes first
    runners = []
    for contender in running:
        runners.append(prefill(contender, prompt, tokens))
        tell()
    met = []
    for _ in range(ROUNDS):
        met.append(measure_decode_machine())
        for runner in runners:
            decode_block(runner, tokens)
    decoding = middle(met)
    work = model_decode(model.config, context + WARM_UP + ROUNDS * BLOCK // 2, dtype="float32")
    for runner in runners:
        timing = Timing(runner.steps)
        low, high = timing.quartiles
        yield Row(
            implementation=runner.contender.name,
            variant=variant.name,
            form=runner.contender.form,
            context=context,
            ms_per_token=1e3 * timing.median,
            ms_quartiles=(1e3 * low, 1e3 * high),
            prefill_s=runner.prefill_s,
            cache_bytes=runner.contender.cache_bytes,
            peak_memory_bytes=runner.memory,
            logits_difference=compare(runner, runners[0]),
            floor_ms=1e3 * peak.seconds(work),
            predicted_ms=1e3 * decoding.serial_seconds(work),
            bytes_per_second=decoding.bandwidth,
            flops_per_second=decoding.flops,
        )


def middle(machines: list[Machine]) -> Machine:
    """The machine with the medians of the measured rates."""
    bandwidth, flops = (
        statistics.median(rates) for rates in zip(*((m.bandwidth, m.flops) for m in machines), strict=True)
    )
    return Machine(machines[0].name, bandwidth, flops)


def prefill(contender: Contender, prompt: Tensor, tokens: list[Tensor]) -> Runner:
    """Time the prefill of one contender, repeat it if it is quick, and make the WARM_UP steps after it."""
    room = WARM_UP + ROUNDS * BLOCK + 1
    logits: list[Tensor] = []
    contender.clear()

    def once() -> None:
        logits[:] = [contender.prefill(prompt, room)]

    with PeakMemory() as memory:
        first = time_calls(once, 1, warm_up=0).median
        runner = Runner(contender, first, memory=None, logits=logits)
        for _ in range(WARM_UP):
            step(runner, tokens)
    if first < PATIENCE:
        runner.prefill_s = time_calls(once, REPEATS, warm_up=0).median
        for _ in range(WARM_UP):
            step(runner, tokens)
    runner.memory = memory.peak
    return runner


def step(runner: Runner, tokens: list[Tensor]) -> None:
    """Make one decode step with the next of the course's tokens. The course runs first and appends it to `tokens`."""
    at = len(runner.logits) - 1
    if at == len(tokens):
        tokens.append(runner.logits[-1].argmax().view(1, 1))
    runner.logits.append(runner.contender.step(tokens[at]))


def decode_block(runner: Runner, tokens: list[Tensor]) -> None:
    """Make and time BLOCK steps."""
    runner.steps += time_each([lambda: step(runner, tokens)] * BLOCK).seconds


def compare(runner: Runner, course: Runner) -> float:
    """The largest difference of logits over all steps, relative to the largest logit.

    Raises ValueError when the chosen tokens differ, or the logits by more than SAME.
    """
    ours, theirs = torch.stack(course.logits), torch.stack(runner.logits)
    difference = float((ours - theirs).abs().max() / ours.abs().max())
    require(
        torch.equal(ours.argmax(-1), theirs.argmax(-1)) and difference < SAME,
        f"{runner.contender.name} must give the tokens that the course gives, but its logits differ by "
        f"{difference:.1e} of the largest",
    )
    return difference


def relative(rows: list[Row]) -> list[Row]:
    """The rows with the ratios of their times to those of the course, which is the first row."""
    course = rows[0]
    return [
        replace(
            row,
            faster=row.ms_per_token / course.ms_per_token,
            faster_prefill=row.prefill_s / course.prefill_s,
        )
        for row in rows
    ]
