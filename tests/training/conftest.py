"""Training runs in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


class Runs:
    """Starts runs; `runs_to_kill.py` says what they do and which options they have."""

    def __init__(self):
        command = [sys.executable, str(Path(__file__).with_name("runs_to_kill.py"))]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, folder, processes: int = 1, **options) -> list[int]:
        """Begin a run; the ids of its processes."""
        print(
            json.dumps({"folder": str(folder), "processes": processes, **options}), file=self.server.stdin, flush=True
        )
        return [int(word) for word in self.server.stdout.readline().split()]

    def statuses(self) -> list[int]:
        """Wait for the end of the run; of each process 0, 1 after an exception, or -9 when it was killed."""
        return [int(word) for word in self.server.stdout.readline().split()]

    def run(self, folder, **options) -> list[int]:
        self.start(folder, **options)
        return self.statuses()

    def close(self) -> None:
        self.server.communicate()


@pytest.fixture(scope="session")
def runs():
    if not hasattr(os, "fork"):
        pytest.skip("this system has neither fork nor SIGKILL")
    runs = Runs()
    yield runs
    runs.close()
