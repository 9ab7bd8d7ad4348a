"""Bad input to figure 13: each message names argument, value and rule."""

import pytest

from course_lib.widgets.merge_steps import MergeSteps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 121, "text must have at most 120 characters, got 121"),
        ("", "text must hold a pair of bytes twice within its words, got ''"),
        ("a b a", "text must hold a pair of bytes twice within its words, got 'a b a'"),
    ],
)
def test_texts(text, message):
    with pytest.raises(ValueError, match=message):
        MergeSteps(text)


@pytest.mark.parametrize("most", [0, 41, 2.5, True])
def test_numbers_of_merges(most):
    with pytest.raises(ValueError, match=f"most must be a whole number from 1 to 40, got {most}"):
        MergeSteps("the theory", most=most)


def test_what_is_no_text():
    with pytest.raises(TypeError, match="text must be a str, got bytes"):
        MergeSteps(b"the theory")
