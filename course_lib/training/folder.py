"""The folder of a run: its files, and the checks that it has room for them and belongs to this run."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from course_lib.config import require
from course_lib.files import write_atomically
from course_lib.training import checkpoint, log
from course_lib.training.data import TrainingData
from course_lib.training.recipe import Recipe
from course_lib.versions import installed

BESIDES = 2**20  # bytes kept free for the log and run.json
SAME = ("model", "data", "recipe")  # parts of run.json in which a resumed run must agree


class RunFolder:
    """The paths of a run, and checks before the first step, so that no run fails when it wants to save."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.checkpoint = self.path / checkpoint.NAME
        self.log = self.path / log.NAME
        self.run = self.path / "run.json"

    def prepare(self, description: dict, size: int) -> None:
        """Make the folder, or check that it holds the same run; check that checkpoints of `size` bytes fit into it.

        Raises ValueError when it holds another run, OSError when it cannot be written or the disk is full.
        """
        if self.checkpoint.exists():
            self.require_same(description)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for rest in self.path.glob(".*.tmp"):  # left by a run that was killed while it wrote
                rest.unlink()
            # A new checkpoint is written beside the old one.
            self.probe(size * (1 if self.checkpoint.exists() else 2) + BESIDES)
        except OSError as error:
            message = f"folder {self.path} must take checkpoints of {size / 1e6:.1f} MB, but: {error.strerror or error}"
            raise OSError(error.errno, message) from error
        if not self.checkpoint.exists():
            write_atomically(self.run, json.dumps(description, indent=2).encode())

    def probe(self, size: int) -> None:
        """Write `size` bytes and delete them, since the free space that the system reports ignores quotas.

        Raises OSError when they cannot be written.
        """
        temporary = self.path / ".probe.tmp"
        block = bytes(2**20)
        try:
            with temporary.open("wb") as file:
                for start in range(0, size, len(block)):
                    file.write(block[: size - start])
        finally:
            if self.path.is_dir():
                temporary.unlink(missing_ok=True)

    def require_same(self, description: dict) -> None:
        """Raise ValueError, naming what differs, unless the run in this folder has the same description."""
        try:
            before = json.loads(self.run.read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"folder {self.path} holds a checkpoint, but no readable run.json ({error})") from error
        here, there = (flat({part: side.get(part) for part in SAME}) for side in (description, before))
        # A field that the version of one side does not know counts as None, which is how new fields begin.
        different = [
            f"{key} = {here.get(key)!r} (there: {there.get(key)!r})"
            for key in sorted(here.keys() | there.keys())
            if here.get(key) != there.get(key)
        ]
        require(
            not different,
            f"folder must be empty or hold a run that agrees with this one, but {self.path} differs in "
            f"{', '.join(different[:4])}; choose another folder",
        )


def flat(tree: dict, prefix: str = "") -> dict:
    """A nested dict without nesting: {"a": {"b": 1}} becomes {"a.b": 1}."""
    found = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def describe(model: nn.Module, data: TrainingData, recipe: Recipe) -> dict:
    """The content of run.json: model, data, recipe and machine, enough to repeat the run."""
    config = getattr(model, "config", None)
    return {
        "model": {
            "class": type(model).__name__,
            "config": config.as_dict() if hasattr(config, "as_dict") else None,
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "data": data.describe(),
        "recipe": recipe.as_dict(),
        "machine": machine(),
    }


def machine() -> dict:
    """This machine: system, processor, GPU, torch's threads and versions of packages, ready for JSON."""
    versions = {name: installed(name) for name in ("course-lib", "torch", "numpy", "safetensors")}
    system = {"system": platform.platform(), "processor": processor(), "python": platform.python_version()}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return system | {"threads": torch.get_num_threads(), "gpu": gpu, "versions": versions}


def processor() -> str:
    """The name of the processor, or its architecture if the system knows no name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        asked = subprocess.run(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()
