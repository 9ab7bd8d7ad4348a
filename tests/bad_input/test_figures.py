"""Bad input of still pictures."""

import math
from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib import accounting
from course_lib.config import GroupedConfig
from course_lib.figures import style
from course_lib.figures.attention import attention_map
from course_lib.figures.caching import chunk_masks, ring_table, rows_per_step
from course_lib.figures.curves import loss_curves
from course_lib.figures.devices import split_over_devices
from course_lib.figures.generations import flops_over_length
from course_lib.figures.left_behind import left_behind
from course_lib.figures.roofline import roofline
from course_lib.figures.serving import padded_batch, shared_prefix
from course_lib.figures.sharing import head_groups
from course_lib.figures.turned import two_heads

over = partial(roofline, accounting.Machine("a machine", bandwidth=1e9, flops=1e10))
POSITIVE = ("positive", "integer")


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: rows_per_step(0), "steps", "0", POSITIVE),
        (lambda: rows_per_step(2.0), "steps", "2.0", POSITIVE),
        (lambda: ring_table(0, 4), "tokens", "0", POSITIVE),
        (lambda: ring_table(4, True), "window", "True", POSITIVE),
        (lambda: chunk_masks(np.ones((2, 3, 4), bool), [1]), "masks", "(2, 3, 4)", ("(b, n, N)", "b = 1")),
        (lambda: loss_curves([], 0), "steps", "0", POSITIVE),
        (lambda: split_over_devices([GroupedConfig(d_model=12, n_heads=6)], [2, 4]), "devices", "[2, 4]", "6"),
        (lambda: flops_over_length([1], {}, 9), "panels", "none", "one"),
        (lambda: left_behind([]), "configs", "none", "one"),
        (lambda: padded_batch([3, 0], 2), "lengths", "[3, 0]", "positive"),
        (lambda: shared_prefix(0, [3]), "prefix", ("0", "[3]"), "positive"),
        (lambda: shared_prefix(2, []), "questions", ("2", "[]"), "positive"),
        (lambda: head_groups(True, [1]), "n_heads", "True", POSITIVE),
        (lambda: head_groups(6, [6, 4]), "counts", "[6, 4]", "6"),
        (lambda: two_heads(np.ones((4, 2)), np.ones((4, 3))), "second", "(4, 3)", "(d, 2)"),
        (lambda: over({}), "series", "0", ("1", "5")),
        (lambda: over({"a": {}}), "series", "'a'", "one"),
        (lambda: over({"a": {"b": (1.0, 0.0)}}), "points", "(1.0, 0.0)", ("positive", "finite")),
        (lambda: over({"a": {"b": (math.nan, 1.0)}}), "points", "(nan, 1.0)", ("positive", "finite")),
        (lambda: over({"a": {"b": (1.0,)}}), "points", "(1.0,)", "two"),
        (lambda: attention_map(np.zeros((2, 4, 4)), list("abcd")), "weights", "(2, 4, 4)", "(n, N)"),
        (lambda: style.show(Figure(), alt=""), "alt", "''", "words"),
        (lambda: style.show(Figure(), alt="  "), "alt", "'  '", "words"),
        (lambda: style.show(Figure(), alt=None), "alt", "None", "words"),
        (lambda: style.show(Figure(figsize=(12, 3)), alt="wide"), "fig", "12.0", f"{style.MAX_WIDTH / 100:.1f}"),
    ],
)
def test_pictures(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)
