"""A JupyterLab of our own for a while: what is measured or tested there is what a reader has."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from course_lib import limits

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
IDLE = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"


@contextmanager
def running_lab(folder: Path, cells: list[str]) -> Iterator[str]:
    """Serve `folder` with these cells as a notebook; gives the notebook's address. Raises as `serving` does."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=KERNEL)
    nbformat.write(notebook, folder / "notebook.ipynb")
    with serving(folder) as address:
        yield f"{address}/tree/notebook.ipynb"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A lab with the files of `folder`, on 127.0.0.1 without a token; gives its address, below which they are in tree/.

    Settings are the lab's own, inside the folder: all cells are in the page, not only those in view.
    Raises TimeoutError when the server does not answer.
    """
    port = free_port()
    settings = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    settings["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "SETTINGS")
    tracker = folder / "SETTINGS" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/api"), limits.START)
            yield f"http://127.0.0.1:{port}/lab"
        finally:
            server.terminate()
            server.wait(limits.ANSWER)


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_all(page, address: str) -> None:
    """Open the notebook in Playwright's `page` and run its cells; they may still be running afterwards."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=1000 * limits.START)
    # If cells run before the kernel is there, JupyterLab asks which kernel to take.
    page.wait_for_function(IDLE, timeout=1000 * limits.START)
    page.evaluate(RUN_ALL)


def eventually(condition: Callable, seconds: float = limits.ANSWER):
    """The first true value of `condition()`; raises TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"not so within {seconds} s")


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        return urllib.request.urlopen(url, timeout=limits.ANSWER).status == 200
    except OSError:
        return False
