"""KiB and kB are told apart; rounding never leaves 1024 of a unit."""

import pytest

from course_lib.accounting import in_binary_units, in_decimal_units, itemsize


@pytest.mark.parametrize(
    "size, binary, decimal",
    [
        (0, "0 B", "0 B"),
        (1, "1 B", "1 B"),
        (999, "999 B", "999 B"),
        (1000, "1,000 B", "1 kB"),
        (1024, "1 KiB", "1 kB"),
        (1536, "1.5 KiB", "1.5 kB"),
        (69_120, "67.5 KiB", "69.1 kB"),
        (1024**2 - 1, "1 MiB", "1 MB"),
        (10**6 - 1, "976.6 KiB", "1 MB"),
        (62 * 1024**3, "62 GiB", "66.6 GB"),
        (3 * 1024**5, "3 PiB", "3.4 PB"),
        (5000 * 1024**5, "5,000 PiB", "5,629.5 PB"),
    ],
)
def test_units(size, binary, decimal):
    assert (in_binary_units(size), in_decimal_units(size)) == (binary, decimal)


@pytest.mark.parametrize("dtype, size", [("float64", 8), ("float32", 4), ("bfloat16", 2), ("float8", 1)])
def test_itemsize(dtype, size):
    assert itemsize(dtype) == size
