"""Measure the memory and time that one participant needs on a hub: python tools/participants.py [PREFIX ...].

Each notebook runs alone, then twice at the same time, as by two participants. The table has the most memory that one
kernel held, the seconds until the kernel answered, and the seconds that the notebook took. A participant mostly reads,
so a notebook needs the processor for a small part of its minutes.
"""

import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from notebook_kernels import all_notebooks, client
from rich.console import Console
from rich.table import Table

EVERY = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class Run:
    memory: float  # GiB, the most that the kernel and its children held
    start: float  # seconds until the kernel answered
    seconds: float  # that the cells took


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process and its children hold now; 0 when it has ended."""
    try:
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def watch(process: psutil.Process, seen: list[int], ended: threading.Event) -> None:
    while not ended.wait(EVERY):
        seen.append(memory_of(process))


def measured(path: Path) -> Run:
    """Run a notebook from its first cell to its last, in a kernel of its own, and watch the kernel."""
    runner = client(nbformat.read(path, as_version=4))
    begin, ended, seen = time.perf_counter(), threading.Event(), [0]
    with runner.setup_kernel():
        ready = time.perf_counter()
        watcher = threading.Thread(target=watch, args=(psutil.Process(runner.km.provisioner.pid), seen, ended))
        watcher.start()
        try:
            for index, cell in enumerate(runner.nb.cells):
                runner.execute_cell(cell, index)
        finally:
            ended.set()
            watcher.join()
    return Run(max(seen) / 2**30, ready - begin, time.perf_counter() - ready)


def main(prefixes: list[str]) -> None:
    table = Table("notebook", "GiB", "start, s", "alone, s", "beside another, s", box=None)
    for path in all_notebooks(prefixes):
        alone = measured(path)
        with ThreadPoolExecutor(2) as pool:
            beside = max(run.seconds for run in pool.map(measured, [path, path]))
        texts = f"{alone.memory:.2f}", f"{alone.start:.1f}", f"{alone.seconds:.0f}", f"{beside:.0f}"
        table.add_row(path.stem, *texts)
    Console().print(f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores", table)


if __name__ == "__main__":
    main(sys.argv[1:])
