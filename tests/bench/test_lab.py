"""The servers that a measurement starts: they are waited for and end with it."""

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from course_lib import limits
from course_lib.bench.lab import answers, free_port, running, wait_for

DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); sys.stdin.read()"


def test_a_server_that_does_not_end_when_it_is_asked_is_killed(monkeypatch):
    monkeypatch.setattr(limits, "ANSWER", 0.5)
    command = [sys.executable, "-c", DEAF]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "here\n" and server.poll() is None
    assert server.returncode == -signal.SIGKILL
    server.communicate()


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


def test_a_server_of_this_machine_is_not_asked_for_through_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/api")


def test_a_server_that_ends_before_it_answers_is_quoted(tmp_path):
    path = tmp_path / "server.log"
    with path.open("w") as log, running([sys.executable, "-c", "exit('no room')"], stderr=log) as server:
        with pytest.raises(ChildProcessError, match="exit code 1; the end of its log:\nno room"):
            wait_for(server, f"http://127.0.0.1:{free_port()}", path)
