"""The training benchmark: a known run as baseline, then the course's best recipe in the time of the baseline."""

import tempfile
from dataclasses import asdict, dataclass

import torch

from course_lib.bench.characters import CharacterText
from course_lib.bench.contenders import BASELINE, BEST, CONTEXT, Contender
from course_lib.models import DecoderModel
from course_lib.training import NextTokenData, Recipe, Result, train
from course_lib.training.distributed import dtype_of

TRIAL = 30  # steps, to measure how long one takes
DEVICE = "cpu"


@dataclass(frozen=True)
class Row:
    """The results of one contender; its losses are on the whole last tenth of the text."""

    name: str
    about: str
    steps: int
    seconds: float  # of the steps alone
    seconds_in_all: float  # with evaluations and checkpoints
    tokens_per_second: float
    parameters: int
    nats_per_token: float  # on windows of CONTEXT characters side by side
    bits_per_byte: float
    batch_size: int
    precision: str  # of matrix products on this machine; the recipe may say "auto"
    model: dict
    recipe: dict

    def as_dict(self) -> dict:
        return asdict(self)


def measure(text: CharacterText, steps: int, seed: int = 0) -> list[Row]:
    """Run the benchmark: rows of baseline and best. `steps`: of the baseline; the best gets as much time."""
    baseline = run(BASELINE, text, steps, seed)
    affordable = max(1, int(baseline.seconds / trial(BEST, text, seed)))
    return [baseline, run(BEST, text, affordable, seed)]


def run(contender: Contender, text: CharacterText, steps: int, seed: int) -> Row:
    """Train a contender from random weights for `steps`, with a progress bar; its row holds the last validation."""
    model, recipe = new_model(contender, text, seed), contender.recipe(steps)
    result = train_here(model, text.data(CONTEXT, contender.batch_size), recipe)
    return Row(
        name=contender.name,
        about=contender.about,
        steps=steps,
        seconds=result.training_seconds,
        seconds_in_all=result.seconds,
        tokens_per_second=result.tokens_per_second,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        nats_per_token=result.evaluation.nats_per_token,
        bits_per_byte=result.evaluation.bits_per_byte,
        batch_size=contender.batch_size,
        precision=str(dtype_of(recipe.precision, torch.device(DEVICE))).removeprefix("torch."),
        model=model.config.as_dict(),
        recipe=recipe.as_dict(),
    )


def trial(contender: Contender, text: CharacterText, seed: int) -> float:
    """Seconds that a step of this contender takes on this machine, as a mean of TRIAL steps."""
    data = text.data(CONTEXT, contender.batch_size)
    data.validation_tokens = data.validation_tokens[: CONTEXT + 1]  # its loss is not used
    result = train_here(new_model(contender, text, seed), data, contender.recipe(TRIAL), watchers=())
    return result.training_seconds / TRIAL


def new_model(contender: Contender, text: CharacterText, seed: int) -> DecoderModel:
    """The model of a contender with random weights; the caller's random generator is left as it was."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return DecoderModel(contender.model(len(text.vocab)))


def train_here(model: DecoderModel, data: NextTokenData, recipe: Recipe, watchers: tuple | None = None) -> Result:
    """Train on the CPU, in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="course-bench-") as folder:
        return train(model, data, recipe, folder, device=DEVICE, watchers=watchers)
