"""Bad input to the pictures of caches and of the roofline: each message names argument, value and rule."""

import math

import pytest

from course_lib import accounting
from course_lib.figures.caching import ring_table, rows_per_step
from course_lib.figures.roofline import roofline

MACHINE = accounting.Machine("a machine", bandwidth=1e9, flops=1e10)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: rows_per_step(0), "steps must be a positive integer, got 0"),
        (lambda: rows_per_step(2.0), "steps must be a positive integer, got 2.0"),
        (lambda: ring_table(0, 4), "tokens must be a positive integer, got 0"),
        (lambda: ring_table(4, True), "window must be a positive integer, got True"),
        (lambda: roofline(MACHINE, {}), "series must be 1 to 5, got 0"),
        (lambda: roofline(MACHINE, {"a": {}}), "series 'a' must hold at least one point"),
        (lambda: roofline(MACHINE, {"a": {"b": (1.0, 0.0)}}), r"points must be two .*got \(1.0, 0.0\)"),
        (lambda: roofline(MACHINE, {"a": {"b": (math.nan, 1.0)}}), r"points must be two .*got \(nan, 1.0\)"),
        (lambda: roofline(MACHINE, {"a": {"b": (1.0,)}}), r"points must be two .*got \(1.0,\)"),
    ],
)
def test_refused_by_name(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
