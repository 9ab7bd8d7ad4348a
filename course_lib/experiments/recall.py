"""Recall: a text lists pairs of a key and a value, and then asks for the value of each key (MQAR, as in Zoology).

The task is that of Arora et al., "Zoology", arXiv 2312.04927, in a form that small models learn in few steps: 64 tokens
in all, a blank filler, and a curriculum that begins with two pairs. Answers do not stand in the text. In a first trial
they did, and models stayed at 39%: they guessed among the values that had not been an answer yet. Arms differ in how
many numbers they cache.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.accounting.storage import Config
from course_lib.config import GroupedConfig, LatentConfig, ModelConfig, Rope
from course_lib.experiments.job import Labels
from course_lib.experiments.presets import Preset
from course_lib.experiments.training import ModelJob
from course_lib.kernels import cpu
from course_lib.training.data import IGNORED, Batch, TrainingData, cross_entropy

BLANK, KEYS, VALUES = 0, range(1, 33), range(33, 64)
FEWEST, MOST = 2, 8  # pairs at the beginning of the curriculum, and from a fifth of the steps on
BLANKS = 8  # at most, between pairs and questions
TESTS = (8, 16, 32)  # pairs of test texts: as in training, and texts of about twice and four times the length
SEQUENCES = 200  # of each test, and of the tune split
TUNE, TEST, BATCH = 0, 1, 2  # part of random seeds, so that the three draw different numbers
D_MODEL, HEADS, LAYERS, D_FF = 64, 4, 2, 128
# Numbers per token and layer. 128 goes beyond the registered range: in a first trial 32 were too few by far.
CACHED = (8, 16, 32, 64, 128)
SIDES = ("MQA", "MLA")  # what is compared at each of CACHED


def grouped(cached: int) -> GroupedConfig:
    """Four heads on one key/value head that leaves so many numbers in the cache."""
    return GroupedConfig(d_model=D_MODEL, n_heads=HEADS, n_kv_heads=1, d_head=cached // 2, rope=Rope())


def latent(cached: int) -> LatentConfig:
    """Heads of width 16 on a normalised latent; a quarter of the cached numbers is the rotary key."""
    sizes = {"d_latent": cached * 3 // 4, "d_rope": cached // 4, "d_head": 16, "latent_norm": True}
    return LatentConfig(d_model=D_MODEL, n_heads=HEADS, **sizes)


GATE = "MHA"  # if it does not learn the task, no arm's failure says anything
RECALL_ARMS: Mapping[str, Config] = MappingProxyType(
    {GATE: GroupedConfig(d_model=D_MODEL, n_heads=HEADS, rope=Rope())}
    | {f"MQA {cached}": grouped(cached) for cached in CACHED}
    | {f"MLA {cached}": latent(cached) for cached in CACHED}
)


def texts(random: np.random.Generator, count: int, pairs: int, blanks: int) -> Batch:
    """Inputs and targets (count, 3 pairs + blanks): pairs, blanks, and the keys again in another order.

    There the value of each key is to be predicted; all other targets are IGNORED. Keys are distinct.
    """
    keys = random.permuted(np.tile(np.array(KEYS), (count, 1)), axis=1)[:, :pairs]
    values = random.choice(np.array(VALUES), (count, pairs))
    order = random.permuted(np.tile(np.arange(pairs), (count, 1)), axis=1)
    asked, answers = (np.take_along_axis(each, order, axis=1) for each in (keys, values))
    listed = np.stack((keys, values), axis=-1).reshape(count, -1)
    inputs = np.concatenate([listed, np.full((count, blanks), BLANK), asked], axis=1)
    targets = np.full_like(inputs, IGNORED)
    targets[:, 2 * pairs + blanks :] = answers
    return torch.from_numpy(inputs), torch.from_numpy(targets)


class RecallData(TrainingData):
    """Texts with FEWEST pairs at first and MOST from a fifth of the steps on, endlessly many."""

    vocab_size = 64

    def __init__(self, steps: int, batch_size: int, seed: int):
        self.steps, self.batch_size, self.seed = steps, batch_size, seed

    def pairs(self, step: int) -> int:
        """The pairs of the texts of a step."""
        return min(MOST, FEWEST + (MOST - FEWEST + 1) * 5 * step // self.steps)

    def batch(self, step: int) -> Batch:
        random = np.random.default_rng([self.seed, step, BATCH])
        return texts(random, self.batch_size, self.pairs(step), int(random.integers(BLANKS + 1)))

    def validation(self) -> Iterator[Batch]:
        yield held_out(TUNE, MOST)

    def losses(self, model: nn.Module, batch: Batch) -> Tensor:
        inputs, targets = batch
        return cross_entropy(model(inputs), targets)

    def count(self, batch: Batch) -> tuple[int, int]:
        """(values to be predicted, 0)."""
        return int((batch[1] != IGNORED).sum()), 0

    def describe(self) -> dict:
        sizes = {"steps": self.steps, "batch_size": self.batch_size, "seed": self.seed}
        return {"task": "recall"} | sizes | {"pairs": [FEWEST, MOST], "blanks": BLANKS}


def held_out(part: int, pairs: int) -> Batch:
    """The texts of the tune split or of the test with so many pairs, the same for all arms and seeds."""
    return texts(np.random.default_rng([part, pairs]), SEQUENCES, pairs, BLANKS // 2)


@dataclass(frozen=True, kw_only=True)
class RecallJob(ModelJob):
    """Train on recall; rows of `Job.finish` are texts, and `right` is how many of its values the model predicts."""

    sequences: int = 32  # of a step

    def finish(self, folder: Path, sweep: Path) -> tuple[dict, list[dict]]:
        model = self.new_model()
        found = self.train(model, sweep)
        rows = asked(model, "tune", *held_out(TUNE, MOST))
        for pairs in TESTS:
            rows += asked(model, f"{pairs} pairs", *held_out(TEST, pairs))
        return found, rows + asked(model, "control", *control())

    def batches(self, sweep: Path) -> TrainingData:
        return RecallData(self.recipe.steps, self.sequences, self.recipe.seed)


def control() -> Batch:
    """Test texts whose targets are other values, drawn without regard to the text: no model is right above chance."""
    inputs, targets = held_out(TEST, MOST)
    drawn = np.random.default_rng(TEST).choice(np.array(VALUES), targets.shape)
    return inputs, torch.where(targets == IGNORED, IGNORED, torch.from_numpy(drawn))


@torch.no_grad()
@cpu.plain()
def asked(model: nn.Module, split: str, inputs: Tensor, targets: Tensor) -> list[dict]:
    """A row for each text: how many values are asked for and predicted, and the sum of their losses in nats."""
    device = next(model.parameters()).device
    model.eval()
    logits = model(inputs.to(device)).float().cpu()
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none").double().sum(1)
    right = (logits.argmax(-1) == targets).sum(1)
    count = (targets != IGNORED).sum(1)
    return [
        {"document": f"text {i:03}", "split": split, "tokens": n, "nats": nats, "right": hits, "kept": True}
        for i, (n, nats, hits) in enumerate(zip(count.tolist(), losses.tolist(), right.tolist(), strict=True))
    ]


def recall_job(preset: Preset, arm: str, seed: int, rate: float) -> RecallJob:
    """The run of one of RECALL_ARMS by a preset."""
    sizes = {"vocab_size": RecallData.vocab_size, "n_layers": LAYERS, "d_ff": D_FF}
    config = ModelConfig(**sizes, attention=RECALL_ARMS[arm], feedforward="swiglu", norm="rms")
    steps = preset.recall_steps
    return RecallJob(
        labels=Labels(arm=arm, seed=seed, rate=rate, steps=steps, widths="equal", task="recall"),
        model=config,
        recipe=replace(preset.recipe(seed, rate, steps), precision="float32"),
        initial_seed=seed,
        device=preset.device,
        processes=preset.processes,
    )
