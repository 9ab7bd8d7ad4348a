"""How fast and how well the course trains: a known run as baseline, and our best in the time which that took."""

import tempfile
from dataclasses import asdict, dataclass, replace

import torch

from course_lib.bench import precision
from course_lib.bench.characters import CharacterText
from course_lib.bench.contenders import BASELINE, BEST, CONTEXT, Contender
from course_lib.models import DecoderModel
from course_lib.training import NextTokenData, Recipe, Result, evaluate, train

TRIAL = 30  # steps, to learn how long one takes


@dataclass(frozen=True)
class Row:
    """What one contender took, and what it reached on the whole last tenth of the text."""

    name: str
    about: str
    steps: int
    seconds: float  # of the steps alone
    seconds_in_all: float  # with evaluations and checkpoints
    tokens_per_second: float
    parameters: int
    nats_per_token: float  # on windows of CONTEXT characters side by side, the same for every row
    bits_per_byte: float
    own_context: int  # characters of the windows it learned from
    own_nats_per_token: float  # on windows of that length
    batch_size: int
    precision: str
    model: dict
    recipe: dict

    def as_dict(self) -> dict:
        return asdict(self)


def measure(text: CharacterText, steps: int, seed: int = 0) -> list[Row]:
    """The rows of the benchmark; `steps` are the baseline's."""
    baseline = run(BASELINE, text, steps, seed)
    affordable = max(1, int(baseline.seconds / trial(BEST, text, seed)))
    return [baseline, run(BEST, text, affordable, seed)]


def run(contender: Contender, text: CharacterText, steps: int, seed: int) -> Row:
    """Train from random weights for `steps`, with a progress bar, and judge."""
    model, recipe = new_model(contender, text, seed), recipe_here(contender, steps)
    data = text.data(contender.context, contender.batch_size)
    result = train_here(model, data, recipe)
    own = result.evaluation
    same = contender.context == CONTEXT
    side_by_side = own if same else evaluate(model, text.data(CONTEXT, contender.batch_size))
    return Row(
        name=contender.name,
        about=contender.about,
        steps=steps,
        seconds=result.training_seconds,
        seconds_in_all=result.seconds,
        tokens_per_second=result.tokens_per_second,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        nats_per_token=side_by_side.nats_per_token,
        bits_per_byte=side_by_side.bits_per_byte,
        own_context=contender.context,
        own_nats_per_token=own.nats_per_token,
        batch_size=contender.batch_size,
        precision=recipe.precision,
        model=model.config.as_dict(),
        recipe=recipe.as_dict(),
    )


def trial(contender: Contender, text: CharacterText, seed: int) -> float:
    """Seconds that a step takes here and now."""
    data = text.data(contender.context, contender.batch_size)
    data.validation_tokens = data.validation_tokens[: contender.context + 1]  # nothing is judged
    result = train_here(new_model(contender, text, seed), data, recipe_here(contender, TRIAL), watchers=())
    return result.training_seconds / TRIAL


def recipe_here(contender: Contender, steps: int) -> Recipe:
    """The contender's recipe in the precision that suits this machine."""
    chosen = precision.fastest() if contender.mixed else "float32"
    return replace(contender.recipe(steps), precision=chosen)


def new_model(contender: Contender, text: CharacterText, seed: int) -> DecoderModel:
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return DecoderModel(contender.model(len(text.vocab)))


def train_here(model: DecoderModel, data: NextTokenData, recipe: Recipe, watchers: tuple | None = None) -> Result:
    """Train on the CPU, in a folder that is dropped afterwards."""
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        return train(model, data, recipe, folder, device="cpu", watchers=watchers)
