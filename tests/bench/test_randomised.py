"""The command that times estimates of attention: a row for each method, layer and length, with the machine."""

import json

from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.randomised import crossover


def bench(output, longest):
    command = ["bench", "randomised", "--json", str(output), "--longest", str(longest), "--threads", "1"]
    return CliRunner().invoke(app, command)


def test_it_writes_a_row_for_each_method_and_layer(tmp_path):
    output = tmp_path / "times.json"
    run = bench(output, 256)
    assert run.exit_code == 0, run.output
    written = json.loads(output.read_text())
    assert written["benchmark"] == "randomised" and "processor" in written["machine"]
    rows = {(row["method"], row["layer"], row["N"]) for row in written["rows"]}
    assert rows == {(name, layer, 256) for name in crossover.AT_256 for layer in range(4)}
    assert all(row["exact_ms"] > 0 for row in written["rows"])
    assert "keys: faster from" in run.output


def test_a_text_that_is_too_long_is_refused(tmp_path):
    run = bench(tmp_path / "times.json", 2**20)
    assert run.exit_code == 1 and "1048576" in run.output
