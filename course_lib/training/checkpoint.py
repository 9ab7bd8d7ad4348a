"""A run's state in one safetensors file, which appears whole or not at all.

Tensors: "model/NAME" and "optimiser/NAME/KEY" (the moments and the step count of AdamW). The metadata holds JSON: the
step, and the seconds spent so far. One file, because two could not be renamed at once. Nothing is pickled: a
checkpoint from elsewhere can be opened without running code from it.

No state of a random generator is kept. The trainer seeds it anew at each step from (seed, step), so the step says it
all, on every device and for any number of processes.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from course_lib.config import require
from course_lib.files import write_atomically
from course_lib.training import optimiser as optimisers

FORMAT = 1
NAME = "checkpoint.safetensors"


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and kept buffers by name; of tied weights the first name only."""
    found, seen = {}, set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor.detach()
    return found


def write(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, progress: dict) -> None:
    """Keep weights, optimiser state and `progress` (ready for JSON) in `path`. Raises OSError when it cannot."""
    tensors = {f"model/{name}": tensor for name, tensor in tensors_of(model).items()}
    state = optimiser.state_dict()["state"]
    for index, name in enumerate(optimisers.names(model, optimiser)):
        tensors |= {f"optimiser/{name}/{key}": value for key, value in state.get(index, {}).items()}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(tensors, {"format": str(FORMAT), "progress": json.dumps(progress)}))


def read(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer | None = None) -> dict:
    """Put what `write` kept into the model, and into the optimiser if one is given; return `progress`.

    Raises ValueError when the file is damaged or of another model; the model is then as it was.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"path must lead to a checkpoint, got {path} ({error})") from error
    require(metadata.get("format") == str(FORMAT), f"path must lead to a checkpoint of this course, got {path}")
    mine = tensors_of(model)
    saved = {name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")}
    shapes = [{name: tuple(t.shape) for name, t in side.items()} for side in (mine, saved)]
    different = sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()})
    require(not different, f"the checkpoint must be of this model, but {', '.join(different[:3])} differ in {path}")
    with torch.no_grad():
        for name, tensor in mine.items():
            tensor.copy_(saved[name])
    if optimiser is not None:
        load_optimiser(model, optimiser, tensors)
    return json.loads(metadata["progress"])


def load_optimiser(model: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = {}
    for index, name in enumerate(optimisers.names(model, optimiser)):
        prefix = f"optimiser/{name}/"
        kept = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        state |= {index: kept} if kept else {}
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
