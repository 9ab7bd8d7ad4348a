"""Start a JupyterLab for a measurement or a test, which then sees what a reader sees."""

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
LINES = 20  # of a log, in an error
# To a proxy 127.0.0.1 is its own machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def running_lab(folder: Path, cells: list[str]) -> Iterator[str]:
    """Serve a notebook of these code cells, in `folder`, for the `with` block; gives its address.

    Raises as `serving`.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=KERNEL)
    nbformat.write(notebook, folder / "notebook.ipynb")
    with serving(folder) as address:
        yield f"{address}/tree/notebook.ipynb"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run a JupyterLab for the `with` block, on 127.0.0.1 without a token; gives ADDRESS.

    A file of `folder` is at ADDRESS/tree/FILE. The lab has its own settings, inside the folder; with these the page
    holds all cells, not only those in view. Raises as `wait_for`.
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
    path = folder / "server.log"
    with path.open("w") as log, running(command, env=os.environ | settings, stdout=log, stderr=log) as server:
        wait_for(server, f"http://127.0.0.1:{port}/api", path)
        yield f"http://127.0.0.1:{port}/lab"


@contextmanager
def running(command: list, **options) -> Iterator[subprocess.Popen]:
    """A server for the `with` block, which is then asked to end, and killed if it still runs after `limits.ANSWER`.

    `options` are those of Popen. A JupyterLab that is asked while a kernel starts may never end: one of its threads
    waits for work that does not come.
    """
    server = subprocess.Popen(command, **options)
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(limits.ANSWER)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(server: subprocess.Popen, url: str, log: Path) -> None:
    """Wait until the server answers at `url`.

    Raises ChildProcessError, with the end of its log, when it ends before, and TimeoutError when it does not answer.
    """
    try:
        eventually(lambda: server.poll() is not None or answers(url), limits.START)
    except TimeoutError as error:
        raise TimeoutError(f"the server did not answer within {limits.START} s") from error
    if server.returncode is not None:
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:])
        raise ChildProcessError(f"the server ended with exit code {server.returncode}; the end of its log:\n{said}")


def free_port() -> int:
    """The number of a port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_all(page, address: str) -> None:
    """Open the notebook at `address` in Playwright's `page` and start all cells; does not wait for their end."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=1000 * limits.START)
    # If cells are run before the kernel is there, JupyterLab asks for a kernel.
    page.wait_for_function(IDLE, timeout=1000 * limits.START)
    page.evaluate(RUN_ALL)


def eventually(condition: Callable, seconds: float = limits.ANSWER):
    """Call `condition()` until its value is true, and return it. Raises TimeoutError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"the condition did not become true within {seconds} s")


def answers(url: str) -> bool:
    """Whether a server answers at `url` with status 200."""
    try:
        return DIRECT.open(url, timeout=limits.ANSWER).status == 200
    except OSError:
        return False
