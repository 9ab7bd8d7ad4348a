"""Timings by hand, and rates that no processor leaves."""

import pytest

from course_lib.bench.rates import measure_decode_machine, measure_machine
from course_lib.bench.timing import Timing, time_calls


def test_best_median_and_quartiles_by_hand():
    timing = Timing((5.0, 1.0, 2.0, 4.0, 3.0))
    assert timing.best == 1 and timing.median == 3 and timing.quartiles == (2, 4)


def test_calls_that_warm_up_are_not_timed():
    calls = []
    timing = time_calls(lambda: calls.append(1), repeats=4, warm_up=3)
    assert len(calls) == 7 and len(timing.seconds) == 4 and min(timing.seconds) >= 0


@pytest.mark.parametrize("measure", [measure_machine, measure_decode_machine])
def test_rates_are_those_of_a_processor(measure):
    """From a slow shared core to a large server: 0.1 to 10,000 GB/s, 0.1 to 100,000 GFLOP/s."""
    machine = measure()
    assert 1e8 < machine.bandwidth < 1e13 and 1e8 < machine.flops < 1e14
    assert machine.ridge == pytest.approx(machine.flops / machine.bandwidth)
    assert "threads" in machine.name
