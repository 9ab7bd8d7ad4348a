"""A check ends, whatever the answer does, and leaves nothing behind; Ctrl-C works as it always does.

Limits of CPU time are small here and those of the other clock immense (or the other way round), so that a busy machine
changes nothing.
"""

import asyncio
import contextlib
import itertools
import signal
import sys
import threading
import time

import numpy as np
import pytest

from course_lib.exercises import check, find, nb06_intensities
from course_lib.exercises.core import Exercise, Mistake, Stage
from course_lib.exercises.grading import grade
from course_lib.exercises.watchdog import USUAL, Limit, OutOfTime

CPU, WALL = Limit(cpu=0.1, wall=1e6), Limit(cpu=1e6, wall=0.1)


def ones(n):
    return np.ones(n)


ONE = Exercise(
    id="9.3", title="one", minutes=1, difficulty=1, solution=ones, stages=(Stage((1,), "a single one"),),
    mistakes=(Mistake(np.zeros, "zeros"),), hints=(),
)  # fmt: skip


def busy(*_):
    while True:
        pass


def sleepy(*_):
    while True:
        time.sleep(0.01)


def catches_everything(*_):
    while True:
        try:
            busy()
        except:  # noqa: E722
            pass


def catches_again_and_again(*_):
    while True:
        try:
            catches_everything()
        except BaseException:
            continue


def never_gives_up(*_):
    while True:
        try:
            while True:
                with contextlib.suppress(BaseException):
                    catches_again_and_again()
        finally:
            continue  # noqa: B012


def nests(depth=0, *_):
    while True:
        try:
            nests(depth + 1) if depth < 50 else busy()
        except BaseException:
            pass


def catches_within_a_callback(*_):
    while True:
        sorted(range(100), key=lambda i: len([i]))


def consumes(*_):
    return np.array([x for x in itertools.count() if x < 0])


class Endless(list):
    def __iter__(self):
        return (x for x in itertools.count() if x < 0)


class EndlessArray:
    def __array__(self, dtype=None, copy=None):
        busy()


class EndlessError(Exception):
    def __str__(self):
        busy()


def raises_without_end(*_):
    raise EndlessError


LOOPS = [
    busy,
    catches_everything,
    catches_again_and_again,
    never_gives_up,
    nests,
    catches_within_a_callback,
    consumes,
    raises_without_end,
    lambda *_: Endless([1.0]),
    lambda *_: EndlessArray(),
]


@pytest.mark.parametrize("answer", LOOPS)
def test_a_loop_without_end_is_stopped(answer):
    result = grade(ONE, answer, CPU)
    assert result.passed is False and result.message == (
        "a single one\n  Your code was stopped after 0.1 seconds of computing time. Is there a loop that does not end? "
        'Python code is interrupted, but one long call into NumPy or torch ends first.\n  `hint("9.3")` helps.'
    )


def test_an_answer_that_waits_is_stopped_by_the_other_clock():
    assert "stopped after 0.1 seconds. Is there" in grade(ONE, sleepy, WALL).message


def test_the_search_of_exercise_6_7_is_stopped_where_no_batch_ends_it():
    def search(ridge, weights, cache, group, itemsize):
        b = 1
        while nb06_intensities.INTENSITY.solution(b, weights, cache, group, itemsize) < ridge:
            b += 1
        return b

    stage, reason, _ = grade(find("6.7"), search, CPU).message.split("\n")
    assert stage == "with a cache that no batch can make up for"
    assert "Your code was stopped" in reason


def test_an_answer_that_goes_on_after_it_was_stopped_does_not_pass():
    def answer(n):
        with contextlib.suppress(BaseException):
            busy()
        return np.ones(n)

    assert "Your code was stopped" in grade(ONE, answer, CPU).message


def test_a_thread_that_the_answer_leaves_behind_does_not_hold_the_check():
    done = threading.Event()

    def answer(n):
        threading.Thread(target=done.wait, daemon=True).start()
        return np.ones(n)

    assert grade(ONE, answer).passed is True
    done.set()


def test_it_works_in_any_thread_and_beside_an_event_loop():
    found = []
    thread = threading.Thread(target=lambda: found.append(grade(ONE, catches_everything, CPU)))
    thread.start()
    thread.join()

    async def cell():
        return grade(ONE, catches_everything, CPU)

    found.append(asyncio.run(cell()))
    assert all("Your code was stopped" in result.message for result in found) and len(found) == 2


def test_limits_nest():
    def within(inner, outer):
        with pytest.raises(OutOfTime, match=r"after 0.1 seconds of computing"):
            outer.run(lambda: inner.run(catches_everything))

    within(CPU, Limit(cpu=1e6, wall=1e6))
    within(Limit(cpu=1e6, wall=1e6), CPU)
    assert "Your code was stopped" in grade(ONE, lambda n: grade(ONE, catches_everything), CPU).message


def test_nothing_is_raised_after_the_check():
    """Work that ends about when the watchdog looks, many times: what comes too late must be lost."""
    hasty = Limit(cpu=0.0, wall=0.0, pause=0.0)
    for size in range(0, 600, 10):
        with contextlib.suppress(OutOfTime):
            hasty.run(lambda size=size: [len([]) for _ in range(size)])
        for _ in range(50):
            len([])


@pytest.mark.parametrize("answer", [np.ones, busy, catches_everything])
def test_python_can_be_traced_during_a_check_and_after_it(answer):
    before = sys.gettrace()
    try:
        sys.settrace(lambda *_: None)
        result = grade(ONE, answer, CPU)
        sys.settrace(None)
        grade(ONE, answer, CPU)
        sys.settrace(lambda *_: None)
        assert grade(ONE, np.ones).passed and result.passed is (answer is np.ones)
    finally:
        sys.settrace(before)


def test_what_ends_in_time_is_not_touched():
    assert USUAL.run(lambda: 3) == 3 and (USUAL.cpu, USUAL.wall) == (10.0, 120.0)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        Limit(pause=1e6).run(lambda: 1 / 0)  # and the watchdog does not sleep on
    while threading.active_count() > before:
        time.sleep(0.001)


@pytest.mark.parametrize("usual", [signal.default_int_handler, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)])
def test_a_real_interrupt_stops_the_check(usual):
    before = signal.signal(signal.SIGINT, usual)
    try:
        with pytest.raises(KeyboardInterrupt):
            grade(ONE, lambda n: (signal.raise_signal(signal.SIGINT), busy()))
        assert signal.getsignal(signal.SIGINT) is usual
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_the_answer_raises_is_its_own(capsys):
    def answer(A):
        raise KeyboardInterrupt

    check("0.1", answer)
    where, found, _ = capsys.readouterr().out.splitlines()
    line = answer.__code__.co_firstlineno + 1
    assert where == "✗ one row"
    assert found == f"  Your code raises KeyboardInterrupt, in line {line}, `raise KeyboardInterrupt`."
