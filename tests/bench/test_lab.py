"""The servers that a measurement starts end with it."""

import signal
import subprocess
import sys

from course_lib import limits
from course_lib.bench.lab import running

DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); sys.stdin.read()"


def test_a_server_that_does_not_end_when_it_is_asked_is_killed(monkeypatch):
    monkeypatch.setattr(limits, "ANSWER", 0.5)
    command = [sys.executable, "-c", DEAF]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "here\n" and server.poll() is None
    assert server.returncode == -signal.SIGKILL
    server.communicate()
