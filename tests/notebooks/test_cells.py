"""Which cells need which others."""

import pytest
from cells import cell, with_needs

SOURCES = [
    "import numpy as np\nfrom course_lib import figures",
    "model, data = np.ones(3), np.zeros(2)",
    "result = train(model, data)",
    "def shown(x):\n    local = x + offset\n    return [model @ y for y in local]",
    "offset = 2",
    "for i in range(3):\n    print(i, data)",
    "i = 7",
    "model = model + 1",
    "shown(data)",
]
CELLS = [cell(source) for source in SOURCES]


def test_names_of_functions_comprehensions_and_loops_are_their_own():
    assert CELLS[0].defined == {"np", "figures"} and not CELLS[0].read
    assert CELLS[3].read == {"offset", "model"} and CELLS[3].defined == {"shown"}
    assert CELLS[5].read == {"range", "print", "data"} and CELLS[5].defined == {"i"}


def test_what_a_cell_changes_it_reads_and_defines():
    assert CELLS[7].read == CELLS[7].defined == {"model"}
    assert CELLS[2].defined == {"result", "model", "data"} and {"model", "data"} <= CELLS[2].read


@pytest.mark.parametrize(
    "chosen, needed", [([6], [6]), ([5], [0, 1, 2, 5]), ([7], [0, 1, 2, 7]), ([8], [0, 1, 2, 3, 8]), ([], [])]
)
def test_the_last_cells_that_define_what_is_read_are_needed(chosen, needed):
    assert with_needs(CELLS, chosen) == needed
