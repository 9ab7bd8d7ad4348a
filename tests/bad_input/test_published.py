"""Bad input of the reader of published results."""

import json
from functools import partial

import pytest

from course_lib.experiments.published import Published, load

REPORT = {"statistics": {"level": 0.95, "margin": 0.02}}
ROW = {"arm": "MHA", "rate": 0.1, "seeds": [0, 1], "losses": [[1.0, 2.0], [3.0, 4.0]]}


def tables(**changes):
    return {"documents": ["a", "b"], "arms": [ROW, ROW | {"arm": "GQA2"}], "differences": []} | changes


made = partial(Published, REPORT)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: Published({"statistics": {"level": 0.95}}, tables()), "report", "'level'", "margin"),
        (lambda: made({"documents": []}), "tables", ("arms", "differences"), "lists"),
        (lambda: made(tables(arms=[{"arm": "MHA"}])), "arms", "'MHA'", ("losses", "rate", "seeds")),
        (lambda: made(tables(differences=[{"first": "MHA"}])), "differences", "'MHA'", ("second", "interval")),
        (lambda: made(tables(documents=["a"])), "losses of MHA", "(2, 2)", "(2, 1)"),
        (lambda: made(tables(arms=[ROW | {"seeds": [0]}])), "losses of MHA", "(2, 2)", "(1, 2)"),
        (lambda: made(tables(arms=[ROW | {"losses": [[1.0, float("nan")]] * 2}])), "losses of MHA", (), "finite"),
        (lambda: made(tables()).losses("MLA"), "arm", "'MLA'", ("MHA", "GQA2")),
        (lambda: made(tables()).seeds(None), "arm", "None", ("MHA", "GQA2")),
        (lambda: made(tables()).costs("mha"), "arm", "'mha'", ("MHA", "GQA2")),
        (lambda: made(tables()).rate("mha"), "arm", "'mha'", ("MHA", "GQA2")),
        (lambda: made(tables()).differences("MLA", "MHA"), "first", "'MLA'", ("MHA", "GQA2")),
        (lambda: made(tables()).differences("MHA", "MLA"), "second", "'MLA'", ("MHA", "GQA2")),
        (lambda: made(tables()).pair("MHA", "MHA"), "second", "'MHA'", "another"),
        (
            lambda: made(tables(arms=[ROW, {**ROW, "arm": "GQA2", "seeds": [1, 2]}])).pair("MHA", "GQA2"),
            "second",
            ("'GQA2'", "1"),
            ("two", "'MHA'"),
        ),
        (lambda: load("no such sweep", rates="best"), "rates", "'best'", ("tuned", "common")),
        (lambda: load("no such sweep"), "folder", "'no such sweep'", ("losses.json", "report.json")),
    ],
)
def test_arguments(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


def test_a_file_that_holds_something_else(refuses, tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    refuses(lambda: load(tmp_path), "folder", str(tmp_path), "losses.json")
    (tmp_path / "losses-common.json").write_text("{}")
    (tmp_path / "losses.json").write_text("[1, 2")
    refuses(lambda: load(tmp_path), "losses.json", (), "JSON")
