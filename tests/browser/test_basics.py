"""What all figures word and sort alike, in Chromium."""

import numpy as np
import pytest

from course_lib.widgets import AttentionMap, modules

pytestmark = pytest.mark.browser
SOURCE = AttentionMap._esm.removesuffix(modules.HOSTED)


@pytest.fixture
def called(open_page):
    """Call one of the shared functions."""
    opened = open_page()
    return lambda call, *given: opened.evaluate(f"(given) => {{ {SOURCE}; return ({call})(...given); }}", list(given))


def test_changes_have_a_sign_and_what_is_counted_its_plural(called):
    changes = [called("asChange", value, 2) for value in (0.314, -0.026, 0, 0.001, -0.001)]
    assert changes == ["+0.31", "−0.03", "+0.00", "+0.00", "+0.00"]
    assert [called("manyOf", n, "KV head") for n in (0, 1, 2048)] == ["0 KV heads", "1 KV head", "2,048 KV heads"]


def test_the_largest_come_first_and_of_equal_ones_the_lower_index(called):
    values = np.random.default_rng(3).integers(9, size=40)
    among = [int(i) for i in range(40) if i % 3]
    order = sorted(among, key=lambda i: (-values[i], i))
    assert called("largestAt", values.tolist(), among, 11) == order[:11]
    assert called("largestAt", values.tolist(), among, 99) == order


def test_a_token_that_comes_back_is_told_apart_by_its_place(called):
    texts = called("(tokens) => tokens.map((_, j) => tokenAt(tokens, j).textContent)", ["the", "cat", "the"])
    assert texts == ["the (0)", "cat", "the (2)"]
