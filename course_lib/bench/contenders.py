"""The contenders of the training benchmark, each a model, a recipe and a batch size."""

from collections.abc import Callable
from dataclasses import dataclass

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.training import Recipe

CONTEXT = 64  # characters of a window, for both contenders, so that their losses are on the same windows


@dataclass(frozen=True)
class Contender:
    """A model and a recipe to measure: one row of the benchmark."""

    name: str
    about: str
    model: Callable[[int], ModelConfig]  # size of the vocabulary -> config
    recipe: Callable[[int], Recipe]  # number of steps -> recipe
    batch_size: int


def recipe(steps: int, **changes) -> Recipe:
    """A recipe that evaluates and saves only at the first step and at the end, since the time of training counts."""
    return Recipe(steps=steps, evaluate_every=steps, checkpoint_every=steps, **changes)


def plain_model(vocab_size: int) -> ModelConfig:
    """GPT-2's block at nanoGPT's small CPU shape: learned positions, LayerNorm, GELU, tied embeddings, no biases."""
    attention = GroupedConfig(d_model=128, n_heads=4)
    size = {"vocab_size": vocab_size, "n_layers": 4, "d_ff": 512, "max_length": CONTEXT}
    return ModelConfig(attention=attention, ff_bias=False, positions="learned", **size)


def best_model(vocab_size: int) -> ModelConfig:
    """A model with as many parameters and with rotary positions, normalised queries and keys, SwiGLU and RMSNorm."""
    attention = GroupedConfig(d_model=128, n_heads=4, rope=Rope(), qk_norm=True)
    return ModelConfig(
        vocab_size=vocab_size, n_layers=4, attention=attention, d_ff=344, feedforward="swiglu", norm="rms", tied=False
    )


BASELINE = Contender(
    name="baseline",
    about="nanoGPT's small CPU run: its shape, batch and schedule",
    model=plain_model,
    recipe=lambda steps: recipe(
        steps, learning_rate=1e-3, warmup=min(100, steps), final=0.1, weight_decay=0.1, betas=(0.9, 0.99)
    ),
    batch_size=12,
)

BEST = Contender(
    name="best",
    about="the course's recipe: as many parameters, as much time",
    model=best_model,
    recipe=lambda steps: recipe(
        steps,
        learning_rate=6e-3,
        warmup=min(100, steps),
        final=0.0,
        weight_decay=0.1,
        betas=(0.9, 0.98),
        precision="auto",
    ),
    batch_size=24,
)
