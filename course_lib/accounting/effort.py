"""How much a notebook computes with a model: everything with the models of the course, less with a larger one.

Work is counted, not timed, so the choice is the same on every machine, however busy it is.
"""

from collections.abc import Callable, Sequence

from tqdm.auto import tqdm

from course_lib.accounting.roofline import Machine
from course_lib.accounting.transformer import model_prefill
from course_lib.accounting.work import Work
from course_lib.config import ModelConfig, require

# Assumed rates: one core of a laptop that does other work at the same time.
BUSY_CORE = Machine("one busy core", bandwidth=4e9, flops=2e10)
SHORT = 15.0  # seconds that a reader waits without a progress bar


def loss_work(config: ModelConfig, tokens: int, batch: int = 1) -> Work:
    """The work to compute a loss on `batch` texts of `tokens` tokens each: a prefill with all logits, in float32."""
    logits = batch * (tokens - 1) * config.vocab_size  # those of the last token are in `model_prefill`
    others = Work({"output": 2 * config.d_model * logits}, {"activations": 4 * logits})
    return model_prefill(config, tokens, batch=batch, dtype="float32") + others


def largest_within(seconds: float, sizes: Sequence[int], work: Callable[[int], Work]) -> int:
    """The largest of `sizes` for which BUSY_CORE does `work(size)` in at most `seconds`; the smallest if there is none.

        n = largest_within(60, (16, 8, 4), lambda n: loss_work(config, 120, batch=n))

    Raises ValueError for empty sizes.
    """
    require(len(sizes) > 0, "sizes must hold at least one size, got none")
    falling = sorted(sizes, reverse=True)
    return next((size for size in falling if BUSY_CORE.seconds(work(size)) <= seconds), falling[-1])


def bar(items: Sequence, work: Work, unit: str) -> tqdm:
    """Iterate over `items`, each of which takes `work`; show a progress bar if all together take longer than SHORT."""
    return tqdm(items, unit=unit, disable=len(items) * BUSY_CORE.seconds(work) <= SHORT)
