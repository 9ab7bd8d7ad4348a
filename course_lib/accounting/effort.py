"""How much work a notebook does with a model: all of it with the models that ship, less with a larger one.

Work is counted, not timed: the answers are the same on every machine, however busy it is.
"""

from collections.abc import Callable, Sequence

from tqdm.auto import tqdm

from course_lib.accounting.roofline import Machine
from course_lib.accounting.transformer import model_prefill
from course_lib.accounting.work import Work
from course_lib.config import ModelConfig, require

# One core of a laptop that does other work at the same time.
BUSY_CORE = Machine("one busy core", bandwidth=4e9, flops=2e10)
SHORT = 15.0  # seconds that a reader waits without a progress bar


def loss_work(config: ModelConfig, tokens: int, batch: int = 1) -> Work:
    """The work of a loss on `batch` texts of `tokens` tokens, with the logits of every token, in float32."""
    logits = batch * (tokens - 1) * config.vocab_size  # a prefill counts those of the last token
    others = Work({"output": 2 * config.d_model * logits}, {"activations": 4 * logits})
    return model_prefill(config, tokens, batch=batch, dtype="float32") + others


def largest_within(seconds: float, sizes: Sequence[int], work: Callable[[int], Work]) -> int:
    """The largest of `sizes` whose `work(size)` takes BUSY_CORE at most so many seconds; the smallest if none does.

    n = largest_within(60, (16, 8, 4), lambda n: loss_work(config, 120, batch=n))
    """
    require(len(sizes) > 0, "sizes must hold at least one size, got none")
    falling = sorted(sizes, reverse=True)
    return next((size for size in falling if BUSY_CORE.seconds(work(size)) <= seconds), falling[-1])


def bar(items: Sequence, work: Work, unit: str) -> tqdm:
    """Iterate over the items, each of which takes `work`, with a progress bar if all take longer than SHORT."""
    return tqdm(items, unit=unit, disable=len(items) * BUSY_CORE.seconds(work) <= SHORT)
