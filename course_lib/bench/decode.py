"""Decoding: how long one more token takes after a long text, beside transformers, a floor, and a prediction."""

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
ROUNDS, BLOCK, WARM_UP = 5, 8, 4  # every contender in turn decodes a block; its first steps of all are not timed
SAME = 1e-3  # of the largest logit: float32 through four layers, in another order of sums
PATIENCE = 5.0  # seconds: a prefill that takes less is repeated
REPEATS = 3


@dataclass(frozen=True)
class Row:
    """One implementation of one variant after one context. Quartiles enclose half of the timed steps."""

    implementation: str
    variant: str
    reading: str
    context: int
    ms_per_token: float  # median
    ms_quartiles: tuple[float, float]
    prefill_s: float
    cache_bytes: int
    peak_memory_bytes: int | None  # of prefill and first steps, above the model's own; None where not known
    logits_difference: float  # from the course's, in units of the largest logit
    floor_ms: float  # bytes or FLOPs of the course's reading at the machine's peak rates, whichever takes longer
    predicted_ms: float  # the course's bytes and then its FLOPs, at the two rates that follow
    bytes_per_second: float  # of decoding, measured between the blocks: the rates of a shared machine change
    flops_per_second: float
    faster: float = 1.0  # ratio of its time to the course's
    faster_prefill: float = 1.0

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass
class Runner:
    """A contender and what was measured of it."""

    contender: Contender
    prefill_s: float
    memory: int | None
    logits: list[Tensor]
    steps: tuple[float, ...] = ()


def measure(peak: Machine, variants: Sequence[str] = tuple(VARIANTS), contexts: Sequence[int] = CONTEXTS) -> list[Row]:
    """All rows. `peak`: the machine at its best, for the floor.

    Raises ValueError when an implementation gives other tokens than the course.
    """
    rows = []
    with tqdm(total=len(variants) * len(contexts) * 4, unit="run") as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about names of arguments
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
    """A row for each contender. All read the course's greedy tokens, and must choose the same."""
    model, running = models
    prompt = torch.randint(model.config.vocab_size, (1, context), generator=torch.Generator().manual_seed(context))
    tokens: list[Tensor] = []  # the course goes first and fills it
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
            reading=runner.contender.reading,
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
    """The same machine at its median rates."""
    bandwidth, flops = (
        statistics.median(rates) for rates in zip(*((m.bandwidth, m.flops) for m in machines), strict=True)
    )
    return Machine(machines[0].name, bandwidth, flops)


def prefill(contender: Contender, prompt: Tensor, tokens: list[Tensor]) -> Runner:
    """Time it, up to REPEATS times while it is quick, and warm up the steps that follow."""
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
    """Read the next of the course's tokens; the course, who is first, appends it."""
    at = len(runner.logits) - 1
    if at == len(tokens):
        tokens.append(runner.logits[-1].argmax().view(1, 1))
    runner.logits.append(runner.contender.step(tokens[at]))


def decode_block(runner: Runner, tokens: list[Tensor]) -> None:
    """BLOCK timed steps."""
    runner.steps += time_each([lambda: step(runner, tokens)] * BLOCK).seconds


def compare(runner: Runner, course: Runner) -> float:
    """The largest difference of logits over all steps. Raises ValueError when the tokens or logits differ."""
    ours, theirs = torch.stack(course.logits), torch.stack(runner.logits)
    difference = float((ours - theirs).abs().max() / ours.abs().max())
    require(
        torch.equal(ours.argmax(-1), theirs.argmax(-1)) and difference < SAME,
        f"{runner.contender.name} must give the tokens that the course gives, but its logits differ by "
        f"{difference:.1e} of the largest",
    )
    return difference


def relative(rows: list[Row]) -> list[Row]:
    """The same rows with their times in units of the course's, which is the first."""
    course = rows[0]
    return [
        replace(
            row,
            faster=row.ms_per_token / course.ms_per_token,
            faster_prefill=row.prefill_s / course.prefill_s,
        )
        for row in rows
    ]
