"""Find the tensors in a folder, by the headers of its safetensors files, before a weight is read."""

import math
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from course_lib.config import require
from course_lib.files import read_json

Shape = tuple[int, ...]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: where it is, and what the file's header says about it."""

    path: Path
    name: str
    shape: Shape
    dtype: str  # in the words of safetensors: F32, BF16, I8, ...

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor in the file, if its dtype is one of floating point."""
        return math.prod(self.shape) * int(self.dtype.removeprefix("B").removeprefix("F")) // 8


def find_tensors(folder: Path) -> dict[str, Stored]:
    """Every tensor by name. Raises ValueError for files that are missing, damaged or do not agree with their index."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return read_header(single)
    if index.is_file():
        return read_shards(index)
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    require(
        not pickles,
        f"{folder} must hold model.safetensors, got {pickles[:1]}: a pickle, which can run any code, is not read",
    )
    raise ValueError(f"{folder} must hold model.safetensors or model.safetensors.index.json")


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of one file. Raises ValueError when the file is damaged or has another length than it says."""
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            return {
                name: Stored(path, name, tuple(part.get_shape()), part.get_dtype()) for name, part in slices.items()
            }
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} must be a whole safetensors file, but: {error}") from error


def read_shards(index: Path) -> dict[str, Stored]:
    """The tensors of several files. Raises ValueError unless they are those that the index lists."""
    listed = read_json(index).get("weight_map")
    good = isinstance(listed, dict) and listed and all(isinstance(file, str) for file in listed.values())
    require(good, f"weight_map in {index} must list the file of each tensor, got {listed!r:.80}")
    files, tensors = sorted(set(listed.values())), {}
    for file in files:
        require(Path(file).name == file, f"weight_map in {index} must name files beside it, got {file!r}")
        require((index.parent / file).is_file(), f"{index.parent} must hold the file {file}, which its index names")
    for file in files:
        found = read_header(index.parent / file)
        wrong = sorted(set(found) ^ {name for name, place in listed.items() if place == file})
        require(not wrong, f"{file} must hold the tensors that {index.name} lists, but they differ in {wrong[:1]}")
        tensors |= found
    return tensors
