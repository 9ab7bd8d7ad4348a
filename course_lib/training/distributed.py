"""Where a run computes: the device, its precision, and the other processes when torchrun started several."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.config import require
from course_lib.training.strides import fill, laid_out, strides_of


def choose_device(name: str = "auto") -> torch.device:
    """The named device; "auto" is CUDA, else Apple's MPS, else the CPU. Raises ValueError for one that is missing."""
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if name == "auto":
        name = next(kind for kind, available in there.items() if available())
    kind = name.partition(":")[0]
    require(kind in there, f"device must be auto, {', '.join(there)} or such as cuda:1, got {name!r}")
    require(there[kind](), f"device {name!r} is not available on this machine; auto takes the best that is")
    return torch.device(name)


TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # torchrun sets these and WORLD_SIZE


@dataclass(frozen=True)
class Place:
    """One process of a run: its device, its number among all processes, and the dtype of matrix products."""

    device: torch.device
    rank: int = 0
    processes: int = 1
    dtype: torch.dtype = torch.float32

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def precision(self):
        """A context in which matrix products are in `dtype`; weights, losses and the optimiser stay in float32."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def seed(self, seed: int, step: int) -> None:
        """Seed the random generators of CPU and device, for each step and each process differently."""
        number = ((seed * 1_000_003 + step) * 1_009 + self.rank) % 2**63
        # torch.manual_seed also seeds kinds of devices that are missing, and queues one more call for them each time.
        torch.default_generator.manual_seed(number)
        if self.device.type != "cpu":
            getattr(torch, self.device.type).manual_seed(number)

    def own_randomness(self):
        """A context that restores the random generators of the CPU and of a CUDA device when it ends."""
        return torch.random.fork_rng([self.device] if self.device.type == "cuda" else [])

    def bring(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The batch on the device of this process."""
        return tuple(part.to(self.device, non_blocking=True) for part in batch)

    def share(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The sequences of the batch that belong to this process: every `processes`-th one."""
        return tuple(part[self.rank :: self.processes] for part in batch)

    def total(self, *numbers: float) -> list[float]:
        """The sum of each number over all processes."""
        if self.processes == 1:
            return list(numbers)
        # MPS has no float64, but MPS serves one process only, which has returned above.
        sums = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(sums)
        return sums.tolist()

    def first(self, prepare: Callable[[], None]) -> None:
        """Call `prepare` in the leading process while the others wait. If it raises an error, all processes do."""
        error: Exception | None = None
        if self.leads:
            try:
                prepare()
            except (OSError, ValueError) as caught:
                error = caught
        if self.total(float(error is not None))[0]:
            raise error or RuntimeError(f"process {self.rank} ends, since process 0 could not begin; see its error")

    @torch.no_grad()
    def align(self, model: nn.Module) -> None:
        """Copy parameters and buffers of the leading process to all others, with the same order in memory."""
        if self.processes > 1:
            tensors = [*model.parameters(), *model.buffers()]
            order = [strides_of(tensor) for tensor in tensors]
            torch.distributed.broadcast_object_list(order, 0)
            for tensor, strides in zip(tensors, order, strict=True):
                values = tensor.contiguous()
                torch.distributed.broadcast(values, 0)
                fill(tensor, laid_out(values, strides))

    def add_up(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes.

        torch's DistributedDataParallel rearranges the gradients after the first step. Their places decide in which
        order three or more processes add them, so a resumed run would round one step differently. Here the places stay.

        Raises ValueError when there are several processes and a parameter has no gradient.
        """
        if self.processes == 1:
            return
        gradients = [p.grad for p in parameters if p.requires_grad]
        idle = sum(gradient is None for gradient in gradients)
        require(not idle, f"model must use all parameters when processes share it, got {idle} without a gradient")
        sums = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(sums)
        for gradient, part in zip(gradients, sums.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))


@contextlib.contextmanager
def placed(device: str, precision: str) -> Iterator[Place]:
    """The `Place` of this process, for the `with` block, in which it is joined to the others that torchrun started.

    Raises ValueError for a device that is missing or cannot be shared, and when torchrun's variables are incomplete.
    """
    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    where = choose_device(device)
    if processes > 1:
        missing = [name for name in TORCHRUN if name not in os.environ]
        require(not missing, f"WORLD_SIZE = {processes} processes need {', '.join(missing)} too; start with torchrun")
        require(where.type != "mps", f"device mps serves one process, got {processes}; choose device cpu")
    if where.type == "cuda" and processes > 1:
        where = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(where)
    joined = processes > 1 and not torch.distributed.is_initialized()
    if joined:
        torch.distributed.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Place(where, rank, processes, dtype_of(precision, where))
    finally:
        if joined:
            torch.distributed.destroy_process_group()


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of that name; "auto" is bfloat16 if the device multiplies faster in it, else float32.

    bfloat16 has the range of float32, so losses need not be scaled.
    """
    if precision == "auto":
        return torch.bfloat16 if multiplies_faster_in_bfloat16(device) else torch.float32
    return getattr(torch, precision)


def multiplies_faster_in_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for products in bfloat16. Without them bfloat16 is emulated, and slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older versions of torch have no such function; then float32 is the safe choice.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
