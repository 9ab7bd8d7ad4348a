"""A sweep killed with SIGKILL at twenty moments, or of which a worker dies, ends with the same results to the digit."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.experiments import report, scheduler
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.display import Display
from course_lib.experiments.run import FAILURE, RESULT, carry_out
from course_lib.experiments.scheduler import Dask, Sequential, settle
from course_lib.limits import START
from course_lib.training.trainer import Training

KILLED = -signal.SIGKILL
PLACES = {  # of sweeps_to_kill.py, with the most times that a place may be met before the kill
    "step": 16,
    "update": 16,
    "half the file": 10,
    "before the rename": 10,
    "after the rename": 10,
    "evaluation": 1,
    "documents": 1,
    "result": 2,
}
KILLS = 20


def stamps(folder: Path) -> dict:
    """When each result was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob(f"runs/*/{RESULT}")}


class Sweeps:
    """Carries out sweeps in processes of their own."""

    def __init__(self):
        command = [sys.executable, str(Path(__file__).with_name("sweeps_to_kill.py"))]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, folder, place=None, when=0) -> int:
        """Begin a sweep, which kills itself at this place if one is given; its process id."""
        print(json.dumps([str(folder), place, when]), file=self.server.stdin, flush=True)
        return int(self.server.stdout.readline())

    def status(self) -> int:
        """Wait for the end of the sweep; its exit status."""
        return int(self.server.stdout.readline())

    def run(self, folder, place=None, when=0) -> int:
        self.start(folder, place, when)
        return self.status()


@pytest.fixture(scope="module")
def sweeps():
    if not hasattr(os, "fork"):
        pytest.skip("this system has neither fork nor SIGKILL")
    sweeps = Sweeps()
    yield sweeps
    sweeps.server.communicate()


@pytest.fixture(scope="module")
def whole(sweeps, tmp_path_factory):
    """A sweep that was never killed."""
    folder = tmp_path_factory.mktemp("whole")
    assert sweeps.run(folder) == 0
    return folder


def test_killed_at_twenty_random_moments(sweeps, whole, tiny, tmp_path):
    draw, finished, kills = random.Random(1), {}, []
    while len(kills) < KILLS:
        place = draw.choice(list(PLACES))
        when = draw.randint(0, PLACES[place])
        status = sweeps.run(tmp_path, place, when)
        kept = {path: stamp for path, stamp in stamps(tmp_path).items() if path in finished}
        assert kept == finished, "a finished run was repeated"
        finished = stamps(tmp_path)
        assert status == KILLED, f"{place} {when} was not met: {len(finished)} runs were finished before"
        kills.append((place, when, len(finished)))
    print(kills)
    assert sweeps.run(tmp_path) == 0
    assert tiny.results(tmp_path) == tiny.results(whole)
    assert len(kills) == KILLS and kills[-1][2] > kills[0][2]


def test_killed_from_outside(sweeps, whole, tiny, tmp_path):
    """At moments that nothing in the sweep decides, whether it has begun, is at work or has ended by then."""
    draw = random.Random(2)
    statuses = []
    for _ in range(6):
        process = sweeps.start(tmp_path)
        time.sleep(draw.uniform(0, 0.8))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        statuses.append(sweeps.status())
    assert set(statuses) <= {KILLED, 0}
    assert sweeps.run(tmp_path) == 0
    assert tiny.results(tmp_path) == tiny.results(whole)


def test_the_tables_of_a_killed_sweep_are_the_same(sweeps, whole, tmp_path):
    for place, when in (("step", 30), ("half the file", 7), ("evaluation", 1)):
        assert sweeps.run(tmp_path, place, when) == KILLED
    assert sweeps.run(tmp_path) == 0
    first, second = (json.loads((report.build(folder) / "report.json").read_text()) for folder in (whole, tmp_path))
    assert first.pop("speed") and second.pop("speed")
    assert first == second


def test_a_worker_of_dask_dies(whole, tiny, tmp_path, monkeypatch):
    """The first run kills its process in the middle. Another worker goes on with it, and it counts as no failure."""
    died = tmp_path / "died"

    def carry_out_or_die(job, folder):
        if not died.exists():
            died.touch()
            step = Training.step

            def deadly(training, number):
                if number == 5:
                    os.kill(os.getpid(), signal.SIGKILL)
                return step(training, number)

            Training.step = deadly
        carry_out(job, folder)

    monkeypatch.setattr(scheduler, "carry_out", carry_out_or_die)
    sweep = tiny.new_sweep(tmp_path / "sweep")
    with Dask() as executor, Display(sweep.folder) as display:
        settle(EXPERIMENTS["equal-cache"], sweep, executor, display)
    assert died.exists()
    assert tiny.results(sweep.folder) == tiny.results(whole)
    assert not list(sweep.folder.glob(f"runs/*/{FAILURE}"))
    resumed = [json.loads(path.read_text())["training"]["resumed"] for path in sweep.folder.glob(f"runs/*/{RESULT}")]
    assert [4] in resumed  # the last checkpoint before step 5


def test_workers_of_this_machine_may_keep_the_memory_of_large_tensors(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)  # the Makefile sets a large one, Dask a small one
    with Dask(workers=1) as executor:
        environment = executor.client.submit(lambda: dict(os.environ)).result()
    assert "MALLOC_TRIM_THRESHOLD_" not in environment and environment["OMP_NUM_THREADS"] == "1"


def test_a_long_job_holds_no_other_up(tmp_path, monkeypatch):
    """One worker has a long job. The other one does all the rest meanwhile, in the order in which it was handed in."""

    def until_the_file_is_there(job, folder):
        given_up = time.monotonic() + START
        while not job.file.exists() and time.monotonic() < given_up:
            time.sleep(0.01)

    monkeypatch.setattr(scheduler, "carry_out", until_the_file_is_there)

    def job(key, file):
        return SimpleNamespace(key=key, file=tmp_path / file)

    (tmp_path / "now").touch()
    with Dask() as executor:
        left = [job("long", "later"), *(job(f"{number}", "now") for number in range(9))]
        for number in range(9):
            ended, _ = executor.wait(left, tmp_path)
            assert ended.key == f"{number}"
            left.remove(ended)
        (tmp_path / "later").touch()
        assert executor.wait(left, tmp_path)[0].key == "long" and not executor.busy


CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    print(cluster.scheduler_address, flush=True)
    input()
"""


def test_the_scheduler_dies(whole, tiny, tmp_path):
    """One elsewhere, reached by its address. The error says what to do, and another executor goes on."""
    (tmp_path / "cluster.py").write_text(CLUSTER)
    command = [sys.executable, str(tmp_path / "cluster.py")]
    elsewhere = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    sweep = tiny.new_sweep(tmp_path / "sweep")
    experiment = EXPERIMENTS["equal-cache"]

    class Killing(Display):
        def ended(self, job):
            super().ended(job)
            elsewhere.kill()

    with pytest.raises(ConnectionError, match="the same command goes on"):
        with Dask(elsewhere.stdout.readline().strip()) as executor, Killing(sweep.folder) as display:
            settle(experiment, sweep, executor, display)
    elsewhere.communicate()
    first = stamps(sweep.folder)
    assert 1 <= len(first) < len(tiny.results(whole))
    with Sequential() as executor, Display(sweep.folder) as display:
        settle(experiment, sweep, executor, display)
    assert tiny.results(sweep.folder) == tiny.results(whole)
    assert first.items() <= stamps(sweep.folder).items()
