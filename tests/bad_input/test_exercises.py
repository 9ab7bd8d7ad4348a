"""A wrong exercise id is answered with the ids there are."""

import pytest

from course_lib import exercises


@pytest.mark.parametrize("verb", [lambda i: exercises.check(i, None), exercises.hint, exercises.solution])
def test_unknown_id(verb):
    with pytest.raises(ValueError, match=r"there is no exercise '3.9'; there are: 3.1, 3.2"):
        verb("3.9")


def test_unknown_notebook():
    with pytest.raises(ValueError, match=r"there is no exercise '77.1'; there are: notebooks "):
        exercises.check("77.1", None)
