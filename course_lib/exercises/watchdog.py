"""Stop an answer that does not end, and tell the participant's Ctrl-C from a KeyboardInterrupt of the answer itself."""

import ctypes
import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

# Raises an exception in another thread, between two instructions of its Python code; None drops one that is pending.
# Indexing `pythonapi` makes a new function object, so that no other code sees its `restype`. It is None, because
# `_volleys` uses the function as an `__init__`, which must return None.
_raise_in = ctypes.pythonapi["PyThreadState_SetAsyncExc"]
_raise_in.restype = None

_NOBODY = 1  # no thread has this identifier: they are addresses or multiples of 4, and 0 while a thread starts


class Stop(BaseException):
    """The exception that the watchdog raises in the answer. `except Exception` does not catch it; `Limit.run` does."""


class OutOfTime(Exception):
    """Work took longer than its limit; the text is a sentence for the participant."""


@dataclass(frozen=True)
class Limit:
    """How long a check may take, in seconds of the process's CPU time and of wall-clock time.

    A watchdog thread interrupts Python code, on every system and in every thread. A single call into C (a large
    product, a sleep, a lock) is not interrupted: it ends first.
    """

    cpu: float = 10.0
    wall: float = 120.0
    pause: float = 0.05  # seconds between two looks at the clocks

    def run(self, work: Callable):
        """Return `work()`. Raises OutOfTime when it takes longer. Limits may be nested; no exception stays pending."""
        stop = type("Stop", (Stop,), {"reason": None})  # a new class for each run, so that nested limits are told apart
        target, running = ctypes.c_ulong(_NOBODY), threading.Lock()
        forget = partial(_raise_in, ctypes.c_ulong(threading.get_ident()), None)
        watchdog = threading.Thread(target=self._watch, args=(stop, target, running), daemon=True)
        running.acquire()
        try:
            watchdog.start()
            target.value = threading.get_ident()
            return work()
        finally:  # pending exceptions are raised at calls and jumps only: there is none before `forget` drops ours
            target.value = _NOBODY
            if stop.reason:
                forget()
            running.release()
            if stop.reason:  # even when the answer caught what the watchdog raised
                watchdog.join()
                raise OutOfTime(stop.reason) from None

    def _watch(self, stop: type[Stop], target: ctypes.c_ulong, running: threading.Lock) -> None:
        cpu, wall = time.process_time() + self.cpu, time.monotonic() + self.wall
        while time.process_time() < cpu and time.monotonic() < wall:
            if running.acquire(timeout=self.pause):
                return
        stop.reason = self._reason(time.process_time() >= cpu)
        try:
            self._interrupt(stop, target, running)
        finally:  # after a dropped exception a traced Python 3.11 hangs until another one is raised
            with suppress(Stop):
                _raise_in(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(Stop))

    def _interrupt(self, stop: type[Stop], target: ctypes.c_ulong, running: threading.Lock) -> None:
        _raise_in(target, ctypes.py_object(stop))  # most answers end here, with their `finally` clauses
        if running.acquire(timeout=self.pause):
            return
        if hasattr(sys, "monitoring"):
            with _raised_at_each_step(stop, target):
                running.acquire()
            return
        for volley in _volleys(stop, target):
            _raise_in(target, ctypes.py_object(volley))
            if running.acquire(timeout=self.pause):
                return

    def _reason(self, cpu: bool) -> str:
        used = f"{self.cpu:g} seconds of computing time" if cpu else f"{self.wall:g} seconds"
        return (
            f"Your code was stopped after {used}. Is there a loop that does not end? "
            "Python code is interrupted, but one long call into NumPy or torch ends first."
        )


@contextmanager
def _raised_at_each_step(stop: type[Stop], target: ctypes.c_ulong) -> Iterator[None]:
    """From Python 3.12 on: each instruction in the target's thread raises, so that no `except` clause goes on."""
    monitoring, step = sys.monitoring, sys.monitoring.events.INSTRUCTION
    tool = next(number for number in range(6) if monitoring.get_tool(number) is None)

    def raise_in_target(code, offset):
        if threading.get_ident() == target.value and code is not Limit.run.__code__:
            raise stop

    monitoring.use_tool_id(tool, __name__)
    monitoring.register_callback(tool, step, raise_in_target)
    monitoring.set_events(tool, step)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, step, None)
        monitoring.free_tool_id(tool)


def _volleys(stop: type[Stop], target: ctypes.c_ulong) -> Iterator[type[Stop]]:
    """In Python 3.11: longer and longer chains of exceptions, each of which asks for the next when it is made.

    An answer that catches everything is then interrupted again within its `except` clause, and so leaves the `try`
    statement. No Python instruction runs between the two exceptions, since `__init__` is a C function.
    """
    volley = stop
    for length in itertools.count():
        before = staticmethod(partial(_raise_in, target, ctypes.py_object(volley)))
        volley = type("Stop", (stop,), {"__init__": before})
        if length % 10 == 0:
            yield volley


USUAL = Limit()


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collect the signals of Ctrl-C (or of the kernel's stop button) within the block; they act as they always do."""
    came, usual = [], signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield came  # Ctrl-C raises in the main thread only
        return

    def noted(number, frame):
        came.append(number)
        return usual(number, frame)

    signal.signal(signal.SIGINT, noted)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, usual)
