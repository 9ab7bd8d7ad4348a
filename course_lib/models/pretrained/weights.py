"""Fill a model's parameters from the tensors of files, in the dtype of choice.

Memory: beside the model's own parameters we hold a piece of one tensor, or one tensor whose rows are rearranged. What
is read is a view of a mapped file: it takes memory only as long as it is used, since the file is closed afterwards.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from safetensors import safe_open
from torch import Tensor, nn
from tqdm.auto import tqdm

from course_lib.config import require
from course_lib.models.pretrained.files import Stored
from course_lib.models.pretrained.rules import Family, Rule

PIECE = 2**24  # bytes of a tensor that are read together
PATIENCE = 2  # seconds that a reader waits without a progress bar
DTYPES = (torch.float32, torch.bfloat16)


def require_dtype(dtype: torch.dtype) -> None:
    """Raises ValueError for a dtype in which no model is loaded."""
    require(dtype in DTYPES, f"dtype must be one of {', '.join(map(str, DTYPES))}, got {dtype!r}")


def build(family: Family, found: dict[str, list[Stored]], dtype: torch.dtype = torch.float32) -> nn.Module:
    """The model of a family, filled from the tensors `found` for each name in its rules.

    Raises ValueError when copies of a tensor are not equal.
    """
    with torch.device("meta"):
        model = family.model(family.config)
    empty = dict(model.to(dtype).to_empty(device="cpu").state_dict())
    with tqdm(total=len(family.rules), unit="tensor", delay=PATIENCE, leave=False) as bar:
        for rule in family.rules:
            for name in rule.sources:
                require_equal(found[name])
            fill([empty.pop(name) for name in rule.targets], rule, [found[name][0] for name in rule.sources])
            bar.update()
    require(not empty, f"the rules of the family must fill every parameter, and leave {list(empty)[:1]}")
    return model


def fill(targets: list[Tensor], rule: Rule, sources: list[Stored]) -> None:
    """Write the parameters of one rule; by pieces, where it moves the numbers of one tensor as they are."""
    if rule.place is None:
        for target, tensor in zip(targets, rule.convert(*map(whole, sources)), strict=True):
            target.copy_(tensor)
        return
    place = rule.place(targets[0])
    for rows, piece in pieces(sources[0]):
        place[rows].copy_(piece)


def require_equal(places: list[Stored]) -> None:
    """Raises ValueError unless these tensors, which name the same parameters, are equal."""
    first, *others = places
    for stored in others:
        same = all(torch.equal(x, y) for (_, x), (_, y) in zip(pieces(first), pieces(stored), strict=True))
        require(same, f"{stored.name!r} must equal {first.name!r}, which names the same parameters")


def pieces(stored: Stored) -> Iterator[tuple[slice, Tensor]]:
    """The tensor as it is stored, in pieces of PIECE bytes or a row: which rows, and these rows."""
    rows = stored.shape[0]
    size = max(1, rows * PIECE // max(1, stored.nbytes))
    for start, end in pairwise([*range(0, rows, size), rows]):
        with safe_open(stored.path, framework="pt") as file:
            yield slice(start, end), file.get_slice(stored.name)[start:end]


def whole(stored: Stored) -> Tensor:
    """The tensor as it is stored."""
    with safe_open(stored.path, framework="pt") as file:
        return file.get_tensor(stored.name)
