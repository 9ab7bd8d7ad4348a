"""Live curves: what is drawn, how often, and what a saved notebook keeps."""

import base64
import time

import numpy as np
import pytest

from course_lib.figures.curves import loss_curves
from course_lib.widgets import LiveCurves
from course_lib.widgets.live_curves import ALT

ROWS = [
    {"step": 0, "validation": {"nats_per_token": 3.5}, "seconds": 0.1},
    {"step": 0, "loss": 3.4, "gradient": 1.0, "learning_rate": 0.1, "seconds": 0.2},
    {"step": 5, "loss": 2.0, "gradient": 1.0, "learning_rate": 0.1, "seconds": 0.3},
    {"step": 9, "validation": {"nats_per_token": 1.75}, "seconds": 0.5},
]


def test_the_picture_shows_the_losses_of_the_log():
    ax = loss_curves(ROWS, 9).axes[0]
    training, validation = ax.lines
    np.testing.assert_array_equal(training.get_xydata(), [[0, 3.4], [5, 2.0]])
    np.testing.assert_array_equal(validation.get_xydata(), [[0, 3.5], [9, 1.75]])
    assert ax.get_xlim() == (0, 9) and ax.get_yscale() == "linear"
    assert [text.get_text() for text in ax.get_legend().texts] == ["training", "validation"]
    assert len(loss_curves([], 9).axes[0].lines[0].get_xydata()) == 0


def test_losses_of_many_sizes_are_drawn_by_their_logarithm():
    assert loss_curves([*ROWS, {"step": 8, "loss": 0.01}], 9).axes[0].get_yscale() == "log"


def test_steps_must_be_positive():
    with pytest.raises(ValueError, match="steps must be a positive integer, got 0"):
        LiveCurves(0)


def test_a_picture_is_drawn_at_most_once_in_so_many_seconds_and_at_the_end(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    curves = LiveCurves(9, seconds=1.0)
    pictures = []
    curves.observe(lambda change: pictures.append((now, len(curves.rows))), "png")
    for now in np.arange(0.125, 4, 0.25):
        curves({"step": int(now), "loss": 4 - float(now)})
    assert pictures == [(1.125, 5), (2.125, 9), (3.125, 13)]
    curves(ROWS[-1])
    assert pictures[-1] == (3.875, 17)


def test_what_a_saved_notebook_keeps(monkeypatch):
    curves = LiveCurves(9)
    for row in ROWS:
        curves(row)
    assert repr(curves) == "LiveCurves(9 steps)" and curves.png.startswith(b"\x89PNG")
    live, _ = curves._repr_mimebundle_()
    assert live["text/plain"] == "LiveCurves(9 steps)"
    picture = curves.still()
    assert curves.over
    data = picture._repr_mimebundle_()
    assert base64.b64encode(curves.png).decode() in data["text/html"]  # the last row was drawn, deterministically
    assert picture.alt == ALT.format(steps=9) == curves.alt
    assert 'alt="The training loss' in data["text/html"]
    assert curves.still(alt="It falls.").alt == "It falls."


def test_a_resumed_run_shows_the_lines_from_before():
    assert LiveCurves(9, rows=tuple(ROWS[:2])).png == LiveCurves(9, rows=tuple(ROWS[:2])).png != LiveCurves(9).png
