"""Checkpoints: the state of a run in one safetensors file, which appears whole or not at all.

Tensors: "model/NAME" and "optimiser/NAME/KEY" (the moments and the step count of AdamW). The metadata holds JSON: the
strides of each tensor, and the progress of the run. All is in one file, because two files cannot be replaced at the
same moment. Nothing is pickled: opening a checkpoint from elsewhere runs no code from it.

safetensors stores every tensor row by row. The strides say how the tensor lay in memory, and `read` restores this
order. It is part of the state. torch's fused AdamW walks through a weight and its moments in the order of memory, so
moments in another order would meet the wrong entries. A product with a matrix in another order is rounded differently.

No state of a random generator is kept. The trainer seeds the generators at each step from (seed, step, process), so
the number of the step is enough, on every device and for any number of processes.
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
from course_lib.training.strides import fill, fills, laid_out, strides_of

FORMAT = "2"
NAME = "checkpoint.safetensors"


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name: parameters and persistent buffers, tied ones under their first name only."""
    found, seen = {}, set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor
    return found


def write(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, progress: dict) -> None:
    """Write weights, optimiser state and `progress` (ready for JSON) to `path`. Raises OSError when it cannot."""
    tensors = {f"model/{name}": tensor.detach() for name, tensor in tensors_of(model).items()}
    for name, parameter in optimisers.named(model, optimiser).items():
        state = optimiser.state.get(parameter, {})
        tensors |= {f"optimiser/{name}/{key}": value for key, value in state.items()}
    strides = json.dumps({name: strides_of(tensor) for name, tensor in tensors.items()})
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(tensors, {"format": FORMAT, "strides": strides, "progress": json.dumps(progress)}))


def read(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer | None = None) -> dict:
    """Restore the model, and the optimiser if one is given, from the file that `write` wrote; return `progress`.

    Each tensor gets the values and the strides that it had, so the next step is the same, bit for bit. Raises
    ValueError when the file is damaged, belongs to another model or comes from an earlier version of the course. The
    model is then unchanged.
    """
    tensors, progress = opened(path)
    mine = tensors_of(model)
    saved = {name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")}
    kinds = [{name: (tuple(t.shape), t.dtype) for name, t in side.items()} for side in (mine, saved)]
    different = sorted({name for name, _ in kinds[0].items() ^ kinds[1].items()})
    require(not different, f"the checkpoint must be of this model, but {', '.join(different[:3])} differ in {path}")
    for name, tensor in mine.items():
        fill(tensor, saved[name])
    if optimiser is not None:
        load_optimiser(model, optimiser, tensors)
    return progress


def opened(path: Path) -> tuple[dict[str, Tensor], dict]:
    """(tensors, progress) of a checkpoint file; the tensors have the strides with which they were written."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"path must lead to a checkpoint, got {path} ({error})") from error
    # The first format had no strides: a run resumed from it continued with the moments at wrong entries.
    earlier = "an earlier version of the course wrote it, whose resumed runs were wrong; train anew in another folder"
    require(metadata.get("format") != "1", f"path must lead to a checkpoint of format {FORMAT}, got {path}: {earlier}")
    require(metadata.get("format") == FORMAT, f"path must lead to a checkpoint of this course, got {path}")
    strides = json.loads(metadata.get("strides", "{}"))
    good = strides.keys() == tensors.keys() and all(fills(t.shape, strides[name]) for name, t in tensors.items())
    require(good, f"path must lead to a checkpoint, got {path} (its strides do not fit its tensors)")
    return {name: laid_out(t, strides[name]) for name, t in tensors.items()}, json.loads(metadata["progress"])


def load_optimiser(model: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore the state of the optimiser from the tensors of a checkpoint.

    torch moves each tensor to its device, but also changes the dtype of some; the last lines restore it.
    """
    state = {}
    for name in optimisers.named(model, optimiser):
        prefix = f"optimiser/{name}/"
        state[name] = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    kept = {index: values for index, values in enumerate(state.values()) if values}
    optimiser.load_state_dict(optimiser.state_dict() | {"state": kept})
    for name, parameter in optimisers.named(model, optimiser).items():
        placed = optimiser.state.get(parameter, {})
        placed |= {key: value.to(placed[key].device) for key, value in state[name].items()}
