"""Tables of positions: what they look up is what each position gives by itself, and they grow by doubling."""

import pytest
import torch

from course_lib.config import Rope
from course_lib.layers import RotaryTable, SinusoidalTable
from course_lib.reference.positions import rotate


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "positions", [[3, 4, 5, 6], [6, 5, 4, 3], [3, 5, 4, 6], [3, 3, 6, 6], [3, 4, 4, 6], [63, 64, 65, 9]]
)
def test_positions_may_stand_in_any_order(positions):
    """Also those that fill a range without being in order."""
    x, table = random(2, 4, 6), RotaryTable(Rope(base=50.0), 6)
    want = torch.from_numpy(rotate(x.numpy(), torch.tensor(positions).numpy(), Rope(base=50.0)))
    torch.testing.assert_close(table.rotate(x, torch.tensor(positions)), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("table", [RotaryTable(Rope(), 6), SinusoidalTable(6)], ids=lambda table: type(table).__name__)
def test_a_table_grows_by_doubling(table):
    """One position after the other, as in decoding: sizes 64, 128 and 256 are computed, each once."""
    sizes, original = [], table._new
    table._new = lambda size, *given: sizes.append(size) or original(size, *given)
    for position in range(200):
        found = table.look_up(torch.tensor([position]), torch.device("cpu"), torch.complex128)
        assert torch.equal(found, table.compute(torch.tensor([position])).to(found.dtype))
    assert sizes == [64, 128, 256]


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_rows_may_begin_anywhere_in_memory(first):
    """A view that begins at an odd place cannot be taken for complex numbers as it lies."""
    memory, table = random(2 * 5 * 6 + 4), RotaryTable(Rope(), 6)
    x, positions = memory[first : first + 60].view(2, 5, 6), torch.arange(5)
    assert x.storage_offset() == first
    assert torch.equal(table.rotate(x, positions), table.rotate(x.clone(), positions))
    wide = memory[:60].view(2, 3, 10)[..., first : first + 6]  # columns of wider rows
    assert torch.equal(table.rotate(wide, positions[:3]), table.rotate(wide.contiguous(), positions[:3]))
