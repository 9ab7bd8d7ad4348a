"""Trained models, each in a folder with weights, tokenizer and card. Those that come with the course load by name.

shipped = load("docs-mha")                      # one of names()
shipped.model, shipped.tokenizer, shipped.card
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from course_lib.config import ModelConfig, TranslationConfig, require
from course_lib.files import read_json, write_atomically
from course_lib.models.decoder import DecoderModel
from course_lib.models.encoder import EncoderModel
from course_lib.models.on_encoder import MaskedTokenModel
from course_lib.models.translation import TranslationModel
from course_lib.text import tokenizers
from course_lib.text.tokenizers import Tokenizer

ASSETS = Path(__file__).resolve().parent.parent / "assets"
MODELS = {kind.__name__: kind for kind in (DecoderModel, EncoderModel, MaskedTokenModel, TranslationModel)}
STORED = torch.float16  # half the size of float32; 11 bits of each weight


@dataclass(frozen=True)
class Shipped:
    """A model in evaluation mode and float32, its tokenizer, and a card that describes both."""

    model: nn.Module
    tokenizer: Tokenizer
    card: dict


def names() -> tuple[str, ...]:
    """The names of the models that come with the course."""
    return tuple(sorted(path.parent.name for path in ASSETS.glob("*/card.json")))


def load(name: str | Path) -> Shipped:
    """One of `names()`, or a folder that `save` wrote.

    Raises ValueError for another name, for a folder without a model, and for files that do not belong together.
    """
    folder = ASSETS / name if name in names() else Path(name)
    known = f"one of {', '.join(names())}, or a folder with a model"
    require((folder / "card.json").is_file(), f"name must be {known}, got {str(name)!r}")
    card = read_card(folder / "card.json")
    data = (folder / "weights.safetensors").read_bytes()
    require(
        hashlib.sha256(data).hexdigest() == card["weights_sha256"],
        f"weights.safetensors in {folder} must be those of its card.json, but their sha256 differs",
    )
    model = new_model(card["model"])
    fill(model, data, folder)
    return Shipped(model.eval().requires_grad_(False), tokenizers.load(folder / "tokenizer.json"), card)


def read_card(path: Path) -> dict:
    """The content of card.json. Raises ValueError when it lacks a key that `load` needs."""
    card = read_json(path)
    require(
        {"model", "weights_sha256"} <= card.keys(),
        f"{path} must be the card of a model, with the keys model and weights_sha256",
    )
    require(isinstance(card["model"], dict), f"model in {path} must be an object, got {card['model']!r}")
    return card


def new_model(described: dict) -> nn.Module:
    """A model of the class and configs of a card, without memory for its weights, which `fill` allocates.

    Raises ValueError when the description fits no model.
    """
    kind, configs = described.get("class"), described.get("configs")
    known = isinstance(kind, str) and kind in MODELS
    require(known, f"the class of a model must be one of {', '.join(MODELS)}, got {kind!r}")
    wanted = 2 if MODELS[kind] is TranslationModel else 1
    good = isinstance(configs, list) and len(configs) == wanted and all(isinstance(c, dict) for c in configs)
    require(good, f"the configs of a {kind} must be a list of length {wanted}, of objects, got {configs!r}")
    try:
        with torch.device("meta"):
            return MODELS[kind](*map(ModelConfig.from_dict, configs))
    except TypeError as error:  # a field of another type than the rules compare it with
        raise ValueError(f"the configs of a {kind} must have fields of the right types, but: {error}") from error


def describe_model(model: nn.Module) -> dict:
    """Class, configs and number of parameters of a model, for JSON: what `new_model` reads."""
    configs = [config.as_dict() for config in configs_of(model)]
    return {"class": type(model).__name__, "configs": configs, "parameters": sum(p.numel() for p in model.parameters())}


def configs_of(model: nn.Module) -> tuple[ModelConfig, ...]:
    """The config of a model, or the two of an encoder-decoder."""
    config = model.config
    return (config.source, config.target) if isinstance(config, TranslationConfig) else (config,)


def fill(model: nn.Module, data: bytes, folder: Path) -> None:
    """Give the model the weights in `data`. Raises ValueError unless they are all there and fit."""
    try:
        tensors = tensors_from_bytes(data)
        model.float().to_empty(device="cpu").load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"weights.safetensors in {folder} must be of the model in card.json, but: {error}") from error


@torch.no_grad()
def round_to_stored(model: nn.Module) -> None:
    """Give every weight the value that it will have when it is loaded again. Raises ValueError for one too large."""
    for name, weight in model.named_parameters():
        weight.copy_(stored(name, weight))


def save(folder: str | Path, model: nn.Module, tokenizer: Tokenizer, card: dict) -> None:
    """Write weights.safetensors (in float16: see `round_to_stored`), tokenizer.json and card.json.

    Each file is written whole, and the card, which holds the sha256 of the weights, comes last: `load` refuses a folder
    whose weights are of another model. Raises ValueError, and writes nothing, for a model of a class that `load`
    does not know, and for a weight that is too large.
    """
    folder, kind = Path(folder), type(model).__name__
    require(kind in MODELS, f"model must be one of {', '.join(MODELS)}, got {kind}")
    data = tensors_to_bytes({name: stored(name, tensor) for name, tensor in model.state_dict().items()})
    card = {"model": describe_model(model), "weights_sha256": hashlib.sha256(data).hexdigest()} | card
    write_atomically(folder / "weights.safetensors", data)
    tokenizer.save(folder / "tokenizer.json")
    write_atomically(folder / "card.json", (json.dumps(card, indent=2) + "\n").encode())


def stored(name: str, tensor: Tensor) -> Tensor:
    """The tensor as it is written to the file. Raises ValueError when a value is too large for it, or NaN."""
    kept = tensor.detach().to("cpu", STORED).contiguous()
    require(bool(kept.isfinite().all()), f"{name} must lie within the range of {STORED}")
    return kept
