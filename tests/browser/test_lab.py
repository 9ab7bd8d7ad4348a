"""The lab that `make lab` starts shows its first page in a browser."""

import os
import sys
import urllib.error
from pathlib import Path

import pytest

from course_lib import limits
from course_lib.bench.browser import new_page
from course_lib.bench.lab import DIRECT, IDLE, free_port, running, wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a running lab, with the settings of the test's own folder and not those of the user."""
    port, home = free_port(), tmp_path_factory.mktemp("jupyter")
    command = [sys.executable, ROOT / "tools" / "lab.py", "--no-browser", f"--port={port}"]
    command += ["--IdentityProvider.token=secret", "--LabApp.expose_app_in_browser=True"]
    surroundings = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "JUPYTERLAB_WORKSPACES_DIR": str(home)}
    path = home / "server.log"
    with path.open("w") as log, running(command, cwd=home, env=surroundings, stdout=log, stderr=log) as server:
        wait_for(server, f"http://127.0.0.1:{port}/api?token=secret", path)
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(browser):
    with new_page(browser) as page:
        yield page


def test_the_lab_opens_the_first_notebook(lab, page):
    page.goto(f"{lab}/?token=secret")
    page.wait_for_selector(".jp-Notebook .jp-MarkdownOutput h1", timeout=1000 * limits.START)
    # A lab that is to end while a kernel starts has to be killed after a minute: see `running`.
    page.wait_for_function(IDLE, timeout=1000 * limits.START)


def test_the_lab_asks_for_its_token(lab):
    with pytest.raises(urllib.error.HTTPError) as error:
        DIRECT.open(f"{lab}/api/contents", timeout=limits.ANSWER)
    assert error.value.code == 403
