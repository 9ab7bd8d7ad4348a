"""Smoke test in a real JupyterLab: the figure appears, is driven by keyboard, and talks with Python."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

pytestmark = pytest.mark.browser

CELL = """
import json, pathlib
import numpy as np
from course_lib.widgets import AttentionMap
P = np.tri(4) / np.tri(4).sum(1, keepdims=True)
figure = AttentionMap(np.stack([P, P[::-1]]), ["the", "cat", "sat", "."], title="Smoke")
def seen(change):
    choice = {name: getattr(figure, name) for name in ("head", "query", "key", "pinned")}
    pathlib.Path("choice.part").write_text(json.dumps(choice))
    pathlib.Path("choice.part").rename("choice.json")
    if change["name"] == "pinned":
        figure.head = 1
figure.observe(seen, ["head", "query", "key", "pinned"])
figure
"""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def eventually(condition, seconds=30):
    """The first true value of `condition()`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not so within {seconds} s")


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError:
        return False


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab without token on 127.0.0.1 whose root is tmp_path; its settings are its own."""
    cells = [nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("'after'")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), tmp_path / "smoke.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={tmp_path}"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
        try:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/api"))
            yield f"http://127.0.0.1:{port}/lab/tree/smoke.ipynb"
        finally:
            server.terminate()
            server.wait(20)


def test_figure_is_driven_by_keyboard_in_jupyterlab(lab, open_page, tmp_path):
    page = open_page(lab, offline=False)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    # Run before the kernel is idle, and JupyterLab asks which kernel to take.
    kernel = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => {kernel}?.status === 'idle'", timeout=60_000)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    grid = page.get_by_role("grid", name="Attention weights")
    grid.wait_for(timeout=60_000)
    grid.focus()
    cells_before = page.locator(".jp-Notebook .jp-Cell").count()
    active = "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].map((c) => c.matches('.jp-mod-active'))"
    active_before = page.evaluate(active)
    for key in ("Control+Home", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    choice = tmp_path / "choice.json"
    wanted = {"head": 1, "query": 2, "key": 1, "pinned": 2}
    eventually(lambda: choice.exists() and json.loads(choice.read_text()) == wanted)
    page.wait_for_function("() => document.querySelectorAll('.clf input[type=radio]')[1].checked")  # Python chose it
    assert page.evaluate(active) == active_before
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells_before
