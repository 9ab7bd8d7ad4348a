"""A wrong exercise id is answered with the ids there are."""

from functools import partial

import pytest

from course_lib import exercises


@pytest.mark.parametrize("verb", [partial(exercises.check, answer=None), exercises.hint, exercises.solution])
@pytest.mark.parametrize("exercise, known", [("3.9", ("3.1", "3.2")), ("77.1", "notebooks")])
def test_unknown_ids(refuses, verb, exercise, known):
    refuses(lambda: verb(exercise), "exercise", f"'{exercise}'", known)
