"""Hand the jobs of an experiment to processes until each is settled.

Nothing is remembered here or in Dask's scheduler: which jobs are left is read from the folder each time. So whatever
is killed, the same command goes on.
"""

import contextlib
import logging
import signal
import uuid
from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.config import require
from course_lib.experiments import together
from course_lib.experiments.catalogue import Experiment
from course_lib.experiments.display import Display
from course_lib.experiments.job import Job
from course_lib.experiments.run import carry_out, computing_with, failure_of, note_failure, settled
from course_lib.experiments.sweep import Sweep
from course_lib.training import DivergedError

if TYPE_CHECKING:
    from distributed import Future

WORKERS = 2  # processes on this machine, with one thread each
LOOK = 10  # seconds between looks at how many workers there are
DEATHS = 3  # workers that may die over one job; the next death counts as a failed try


class Executor(AbstractContextManager):
    """Carries out jobs."""

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether a job has begun that `wait` has not given back yet."""

    @abstractmethod
    def wait(self, left: list[Job], sweep: Path) -> tuple[Job, BaseException | None]:
        """Begin as many of the jobs that are left as can begin now, in their order, and wait until one has ended.

        Gives that job, and the error if its process could not even note a failure. `left` may name jobs that have
        begun; they are not begun twice.
        """


class Sequential(Executor):
    """One job after the other, in this process, without Dask. Under torchrun the others train along: see `follow`."""

    busy = False

    def wait(self, left: list[Job], sweep: Path) -> tuple[Job, BaseException | None]:
        carry_out(left[0], sweep.absolute())
        return left[0], None

    def __exit__(self, *error) -> None:
        """Nothing is held."""


class Dask(Executor):
    """Jobs on the workers of a Dask cluster: WORKERS processes of this machine, or those of a scheduler elsewhere.

    When a worker dies, its job goes to another one; after more than DEATHS deaths it counts as a failed try. (DEATHS is
    Dask's own default, which holds for a scheduler elsewhere.) Workers elsewhere must see the folder of the sweep under
    the same path, and have one thread each. docs/experiments.md says how to start them, by hand and with Slurm.
    """

    def __init__(self, address: str | None = None, workers: int = WORKERS):
        import dask
        from distributed import Client, LocalCluster

        # A worker without a sign of life is not dead: it computes for long, or begins late on a busy machine.
        patient = {"distributed.scheduler.worker-ttl": None, "distributed.comm.timeouts.connect": "120s"}
        dask.config.set(patient | {"distributed.scheduler.allowed-failures": DEATHS})
        # With this variable the C library gets the memory of each large tensor anew from the system: a slow training.
        environment = dask.config.get("distributed.nanny.pre-spawn-environ")
        keeping = {name: value for name, value in environment.items() if name != "MALLOC_TRIM_THRESHOLD_"}
        dask.config.set({"distributed.nanny.pre-spawn-environ": keeping})
        self.cluster = None
        if address is None:
            quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL, "preload": [__name__]}
            self.cluster = LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=None, **quiet)
        self.client = Client(self.cluster or address)
        self.begun: dict[Future, Job] = {}

    @property
    def busy(self) -> bool:
        return bool(self.begun)

    def wait(self, left: list[Job], sweep: Path) -> tuple[Job, BaseException | None]:
        from distributed import CancelledError

        try:
            self._hand_in(left, sweep)
            while (future := self._ended()) is None:
                self._hand_in(left, sweep)  # workers may have come meanwhile
        except (CancelledError, OSError) as error:
            raise ConnectionError("Dask's scheduler is gone; nothing is lost: the same command goes on") from error
        return self.begun.pop(future), future.exception()

    def _ended(self) -> "Future | None":
        """A job that is at its end, or None if LOOK seconds pass without one."""
        from distributed import wait

        with contextlib.suppress(TimeoutError):
            return next(iter(wait(list(self.begun), LOOK, "FIRST_COMPLETED").done))
        return None

    def _hand_in(self, left: list[Job], sweep: Path) -> None:
        """Give Dask as many jobs as its workers can begin now, and one job if there are no workers yet.

        Dask binds jobs beyond that to a worker beforehand. Then a worker can be idle while another one has a queue.
        """
        able = max(sum(self.client.nthreads().values()), 1)
        begun = {job.key for job in self.begun.values()}
        for job in [job for job in left if job.key not in begun][: max(able - len(begun), 0)]:
            key = f"{job.key}-{uuid.uuid4().hex}"  # a key that was used before would give the earlier outcome
            self.begun[self.client.submit(carry_out, job, sweep.absolute(), key=key, pure=False)] = job

    def __exit__(self, *error) -> None:
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()


def dask_setup(worker) -> None:
    """Let a worker ignore Ctrl-C, which is for the process that hands jobs in: that one ends its workers.

    Dask calls the function of this name when a worker of this machine starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def settle(experiment: Experiment, sweep: Sweep, executor: Executor, display: Display) -> None:
    """Carry out all jobs of an experiment that are not settled, those too that become known on the way.

    Which job is next is asked anew whenever one has ended, so that jobs that have become known take their place in the
    experiment's order. Raises OSError when the folder cannot be written.
    """
    while True:
        jobs, later = experiment.jobs(sweep)
        display.show(jobs, later)
        left = [job for job in jobs if not settled(job, sweep.folder)]
        if not left and not executor.busy:
            return
        job, error = executor.wait(left, sweep.folder)
        note_loss(job, sweep.folder, error)
        display.ended(job)


def follow() -> None:
    """Train along with process 0 until it has no more jobs. It writes down what comes of them.

    Raises SystemExit with the reason after an error.
    """
    while (task := together.announced()) is not None:
        job, sweep = task
        with together.ending_all(job), computing_with(job.threads), contextlib.suppress(DivergedError):
            job.share(job.new_model(), sweep)


def note_loss(job: Job, sweep: Path, error: BaseException | None) -> None:
    """Count a failed try for a job whose process ended without a result and without a note of why.

    Raises the error when a file could not be read or written.
    """
    if isinstance(error, OSError):
        raise error
    if error is not None and not settled(job, sweep):
        note_failure(job, sweep, error)
    noted = settled(job, sweep) or failure_of(job.folder(sweep))
    require(
        bool(noted), f"folder must be the same for this process and its workers, but {sweep} got no result of {job}"
    )
