"""Jobs that train a model. The main kind: one arm from one seed, and the loss of each held-out document."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.config import ModelConfig, require
from course_lib.experiments import data, together
from course_lib.experiments.costs import costs
from course_lib.experiments.data import HeldOut, Tokens
from course_lib.experiments.evaluation import document_losses
from course_lib.experiments.job import Job
from course_lib.files import read_json
from course_lib.models import DecoderModel
from course_lib.training import DivergedError, Recipe, Result, TrainingData, checkpoint, train
from course_lib.training.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class ModelJob(Job):
    """Trains a decoder from its first weights, and leaves a checkpoint behind."""

    model: ModelConfig
    recipe: Recipe
    initial_seed: int  # of the first weights
    device: str = "cpu"
    processes: int = 1  # that share each batch, under torchrun; their number changes the order of sums

    def identity(self) -> dict:
        """As of every job; one process is not mentioned, as before runs could have several."""
        found = super().identity()
        return {name: part for name, part in found.items() if name != "processes" or part > 1}

    @abstractmethod
    def batches(self, sweep: Path) -> TrainingData:
        """What the model is trained on."""

    def new_model(self) -> DecoderModel:
        """The model with its first weights."""
        with torch.random.fork_rng([]):
            torch.manual_seed(self.initial_seed)
            return DecoderModel(self.model)

    def train(self, model: DecoderModel, sweep: Path) -> dict:
        """Train the model in place, from the checkpoint if there is one; returns what result.json says about it."""
        size = {"parameters": sum(p.numel() for p in model.parameters()), "d_ff": self.model.d_ff}
        found = {"costs": size | costs(model)}
        drop_damaged(RunFolder(self.folder(sweep)))
        together.announce((self, sweep))
        result = self.share(model, sweep)
        return found | {"curve": result.evaluation.as_dict(), "training": figures(result)}

    def share(self, model: DecoderModel, sweep: Path) -> Result:
        """Train the model in place: the whole of each batch, or the share of this process under torchrun."""
        return train(model, self.batches(sweep), self.recipe, self.folder(sweep), self.device, ())

    def trained_model(self, sweep: Path) -> DecoderModel:
        """The model with its last weights, on the CPU. Raises ValueError if the checkpoint is not that of the end."""
        model = self.new_model()
        path = self.folder(sweep) / checkpoint.NAME
        require(path.exists(), f"folder must hold the checkpoint of a trained model, got {path.parent}")
        step = checkpoint.read(path, model)["step"]
        require(step == self.recipe.steps, f"training must have come to step {self.recipe.steps}, got {step} in {path}")
        return model


@dataclass(frozen=True, kw_only=True)
class TrainingJob(ModelJob):
    """Train on text, in batches whose order the recipe's seed gives, and measure the loss of held-out documents."""

    tokens: str  # digest of the tokens
    context: int
    sequences: int
    splits: tuple[str, ...]  # whose documents are evaluated

    def finish(self, folder: Path, sweep: Path) -> tuple[dict, list[dict]]:
        model = self.new_model()
        found, tokens = self.train(model, sweep), self.read_tokens(sweep)
        rows = [row for split in self.splits for row in evaluated(model, split, tokens, self.context)]
        if not all(math.isfinite(row["nats"]) for row in rows):
            raise DivergedError("training ended with weights that give a document an infinite loss")
        return found, rows

    def batches(self, sweep: Path) -> TrainingData:
        return self.read_tokens(sweep).batches(self.context, self.sequences, self.recipe.seed)

    def read_tokens(self, sweep: Path) -> Tokens:
        """The tokens of the sweep. Raises ValueError if they are not those that the job was planned with."""
        tokens = data.read(sweep / data.NAME)
        rule = f"the tokens of the sweep must have the digest {self.tokens}"
        require(tokens.digest == self.tokens, f"{rule}, got {tokens.digest}")
        return tokens


def drop_damaged(folder: RunFolder) -> None:
    """Remove a checkpoint if it or run.json cannot be read, as after a loss of power: the run then begins anew."""
    if folder.checkpoint.exists():
        try:
            checkpoint.opened(folder.checkpoint)
            read_json(folder.run)
        except (ValueError, FileNotFoundError):
            folder.checkpoint.unlink()


def evaluated(model: DecoderModel, split: str, tokens: Tokens, context: int) -> list[dict]:
    """A row for each document of a split: see `Job.finish`; with its characters and the repeated share of them."""
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
