"""The grader itself: every kind of failure has its own message, and styles of writing do not matter."""

import io

import numpy as np
import pytest
import torch

from course_lib import exercises
from course_lib.exercises import check, find, hint, solution
from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn, source
from course_lib.exercises.grading import grade


def halve(X):
    return X / 2


EXERCISE = Exercise(
    id="9.1",
    title="half of it",
    minutes=1,
    difficulty=2,
    solution=halve,
    stages=(
        Stage((np.array([0.0]),), "zero"),
        Stage((np.array([1.0, 2.0, 4.0]),), "three numbers"),
    ),
    mistakes=(Mistake(lambda X: 2 * X, "you doubled instead"),),
    hints=("divide",),
)


def unfilled(X):
    """A stub with its docstring."""
    ...


def not_implemented(X):
    raise NotImplementedError


def ellipsis_after_work(X):
    half = X / 2
    assert half is not None
    return ...


def test_unfilled_answers_are_not_attempted():
    for answer in (None, ..., unfilled, not_implemented):
        result = grade(EXERCISE, answer)
        assert result.passed is None and result.message == "Exercise 9.1: not attempted yet."


def loses_its_return(X):
    half = X / 2
    assert half is not None


def changes_its_argument(X):
    X /= 2
    return X


def raises(X):
    return X @ np.ones(5)


@pytest.mark.parametrize(
    "answer, message",
    [
        (loses_its_return, "is a `return` missing?"),
        (changes_its_argument, "changes its arguments"),
        (raises, "raises ValueError"),
        (lambda X: 2 * X, "three numbers\n  you doubled instead"),
        (lambda X: X / 3, "three numbers\n  at index"),
        (lambda X: X / 2.5, "at index (0,) you got 0.4 where 0.5 is expected"),
        (lambda X: (X / 2)[None], "your result has shape (1, 1), the expected shape is (1,)"),
        (lambda X: X / 2 + 0 * np.log(-1 - X), "contains NaN"),
        (lambda X: "half", "numbers are expected"),
        (lambda X: [[1], [1, 2]], "different lengths"),
        (7.5, "the expected shape is (1,)"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_each_failure_is_named(answer, message):
    result = grade(EXERCISE, answer)
    assert result.passed is False and message.lower() in result.message.lower()


@pytest.mark.parametrize(
    "answer",
    [
        halve,
        lambda X: [x / 2 for x in X],
        lambda X: torch.as_tensor(X, dtype=torch.float32) / 2,
        lambda X: [torch.as_tensor(x) / 2 for x in X],
    ],
)
def test_right_answers_pass_in_any_style(answer):
    assert grade(EXERCISE, answer).passed is True


def test_a_discarded_value_does_not_count_as_an_answer():
    assert grade(EXERCISE, ellipsis_after_work).passed is False


def test_source_is_the_code_of_the_solution():
    assert source(EXERCISE.solution) == "def halve(X):\n    return X / 2\n"


def test_heading_states_time_and_difficulty():
    assert EXERCISE.heading == "Exercise 9.1: half of it (1 min, ●●○)"


def test_check_prints_a_sentence_and_then_where_help_is(capsys):
    check("0.1", lambda A: A / A.sum())
    where, *found, help_line = capsys.readouterr().out.splitlines()
    assert where == "✗ two rows, two columns"
    assert found[0].startswith("  Everything is divided by one sum.") and found[-1].endswith("own.")
    assert help_line == '  `hint("0.1")` helps.'
    check("0.1", lambda A: A / A.sum(axis=1, keepdims=True))
    assert capsys.readouterr().out == "✓ Exercise 0.1: correct.\n"


def test_lines_are_no_longer_than_a_notebook_beside_its_files_and_break_between_words(capsys):
    for exercise in [exercise for number in exercises.notebooks() for exercise in exercises.of_notebook(number)]:
        for _ in exercise.hints:
            hint(exercise.id)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= exercises.WIDTH
    assert all(" ".join(text.split()) in " ".join(printed.split()) for text in find("6.2").hints)
    check("0.1", lambda A: A / A.sum())
    assert capsys.readouterr().out.split()[1:] == grade(find("0.1"), lambda A: A / A.sum()).message.split()


def test_check_prints_where_output_knows_no_marks(monkeypatch):
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", printed)
    check("0.1", lambda A: A / A.sum(axis=1, keepdims=True))
    printed.seek(0)
    assert printed.read() == "? Exercise 0.1: correct.\n"


def test_solution_is_printed_as_it_stands_in_the_source(capsys):
    solution("0.1")
    assert capsys.readouterr().out == "def normalise_rows(A):\n    return A / A.sum(axis=1, keepdims=True)\n"


def test_each_call_shows_one_hint_more_until_all_are_shown(monkeypatch, capsys):
    monkeypatch.setattr(exercises, "_hints_given", {})
    hints = find("2.1").hints
    lines = [f"Hint {number} of {len(hints)}: {text}" for number, text in enumerate(hints, start=1)]
    last = 'That was the last hint; `solution("2.1")` shows the code.'
    for shown in [*range(1, len(hints) + 1), len(hints)]:
        hint("2.1")
        wanted = lines[:shown] + [last] * (shown == len(hints))
        assert capsys.readouterr().out.split() == " ".join(wanted).split()  # it is wrapped
    hint("2.2")
    assert capsys.readouterr().out.startswith("Hint 1 of ")


# Mistakes as edits ----------------------------------------------------------------------------------------------------


def smallest_power(base, bound):
    n = 0
    while base**n < bound:
        n += 1
    return n


def test_an_edit_gives_a_function_and_a_message_of_several_lines():
    text = """
        n = 0 -> n = 1 | The powers begin
            with 1.
        base**n < bound -> bound**n < bound && n += 1 -> n += 2 | Two edits.
    """
    one, two = edits(smallest_power, text)
    assert one.message == "The powers begin with 1." and (one.answer(2, 1), smallest_power(2, 1)) == (1, 0)
    assert two.answer(2, 100) == 2 and two.message == "Two edits."


@pytest.mark.parametrize(
    "edit, message",
    [
        ("n = 5 -> n = 1 | text", "'n = 5' must occur 1 times in smallest_power, not 0 times"),
        ("base -> bound | text", "'base' must occur 1 times in smallest_power, not 2 times"),
        ("base -3> bound | text", "'base' must occur 3 times in smallest_power, not 2 times"),
        ("n = 0 -> n  =  0 | text", "must change the code of smallest_power"),
        ("n = 0, n = 1 | text", "must have the form"),
        ("n = 0 -> n = 1", "must have the form"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edit, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        edits(smallest_power, edit)


# What explains an answer ----------------------------------------------------------------------------------------------

POWER = Exercise(
    id="9.4",
    title="powers",
    minutes=1,
    difficulty=1,
    solution=smallest_power,
    stages=(Stage((2, 1), "one"), Stage((3, 20), "powers of 3"), Stage((2, 100), "powers of 2")),
    mistakes=edits(
        smallest_power,
        """
        n = 0 -> n = 1 | The powers begin with 1.
        return n -> return n - 1 | This is the power before.
        """,
    ),
    hints=(),
)


@pytest.mark.parametrize(
    "answer, reason",
    [
        (lambda base, bound: smallest_power(base, bound) or 1, "The powers begin with 1."),
        (lambda base, bound: smallest_power(base, bound) - 1, "This is the power before."),
        # 1 where 0 is right, as if the powers began with 1, but wrong in another way later: no mistake is named
        (lambda base, bound: smallest_power(base, bound) or 1 if bound < 50 else 77, "The powers begin with 1."),
        (lambda base, bound: {1: 1, 20: 9, 100: 5}[bound], "You got 1 where 0 is expected."),
        # nobody wrote this mistake down, but the solution with one change gives its values
        (lambda base, bound: 0, "Is a comparison the wrong way round?"),
    ],
)
def test_an_answer_hears_what_explains_all_its_values(answer, reason):
    assert grade(POWER, answer).message.split("\n  ")[1] == reason


def scaled(Q, K):
    return Q @ K.T / np.sqrt(Q.shape[-1] + 0.5)


def exercise_of(solution, *stages, text="return -> return 5 + | Five is added."):
    return Exercise(
        id="9.5", title="", minutes=1, difficulty=1, solution=solution, stages=stages, hints=(),
        mistakes=edits(solution, text),
    )  # fmt: skip


SCALED = exercise_of(scaled, Stage((randn(3, 4), randn(5, 4)), "wide"), Stage((randn(4, 7), randn(6, 7)), "wider"))


@pytest.mark.parametrize(
    "answer, kind, lines",
    [
        (lambda Q, K: 5 + scaled(Q, K), "mistake", ["Five is added."]),
        (lambda Q, K: 3 * scaled(Q, K), "common", ["times the expected one"]),
        (lambda Q, K: Q @ Q.T, "fact", ["shape (3, 3), the expected shape is (3, 5).\n  `hint"]),
        (lambda Q, K: scaled(Q, K).T + 1, "fact", ["is (3, 5). The two lengths are exchanged."]),
        (lambda Q, K: (Q, K, scaled(Q, K)), "fact", ["a tuple of 3; one array of", "Entry 2 is right."]),
        (lambda Q, K: scaled(Q, K) + 0 * np.log(-1.0), "fact", ["NumPy first computes NaN in line", "np.log(-1.0)"]),
        (lambda Q, K: Q @ K.T / (Q.shape[-1] + 0.5) + np.tri(len(Q), len(K)), "numbers", ["At index (0, 0) you got"]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_the_certain_comes_first(answer, kind, lines):
    result = grade(SCALED, answer)
    assert (result.kind, [line for line in lines if line not in result.message]) == (kind, []), result.message


def test_a_mistake_that_would_have_shown_earlier_is_not_named():
    """The answer is right at width 4, where the mistake already adds five; at width 7 both give the same numbers."""
    result = grade(SCALED, lambda Q, K: scaled(Q, K) + 5 * (Q.shape[-1] == 7))
    assert result.kind == "common" and "Every number differs from the expected one by 5." in result.message


def doubled_in_place(X):
    X *= 2
    return X


def test_neither_an_answer_nor_a_known_mistake_changes_the_inputs_of_a_stage():
    """The answer is wrong at the first stage, so the others are asked for a reason; there it writes into its input."""
    stages = Stage((np.array([1.0]),), "one"), Stage((np.array([1.0, 2.0, 4.0]),), "three")
    mistake = Mistake(doubled_in_place, "Doubled.")
    exercise = Exercise(**vars(EXERCISE) | {"stages": stages, "mistakes": (mistake,)})

    def answer(X):
        wrong = X + 5
        X[1:] = 77
        return wrong

    for given in (answer, lambda X: 2 * X, lambda X: X / 2 + (len(X) > 1)):
        assert grade(exercise, given).passed is False
        assert [stage.inputs[0].tolist() for stage in stages] == [[1.0], [1.0, 2.0, 4.0]]
    assert grade(exercise, halve).passed is True


def affine(a, b, c):
    return a * b + c


AFFINE = exercise_of(affine, Stage((3, 5, 11), "three numbers"), Stage((7, 2, 30), "three others"))


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda a, b, c: a * b, "Is the term c missing?"),
        (lambda a, b, c: c * b + a, "Are a and c exchanged?"),
        (lambda a, b, c: a * b - c, "Is there a minus sign where a plus sign belongs?"),
        (lambda a, b, c: a + c, "Is the factor b missing?"),
        (lambda a, b, c: a * b + b, "Is b taken where c belongs?"),
        (lambda a, b, c: a * b * c, "You got 165 where 26 is expected."),
    ],
)
def test_a_slip_is_asked_about_in_words(answer, words):
    assert grade(AFFINE, answer).message.split("\n  ")[1] == words


@pytest.mark.parametrize(
    "inputs, answer, message",
    [
        ((3, 3, 7), lambda a, b, c: a + c, "Is the factor b missing, or is the factor a missing?"),
        ((5, 5, 2), lambda a, b, c: a * b + a, "Is a taken where c belongs, or is b taken where c belongs?"),
        ((1, 1, 1), lambda a, b, c: a, "Is a term missing?"),
        ((2, 2, 2), lambda a, b, c: 2 * a, "You got 4 where 6 is expected."),
    ],
)
def test_two_kinds_of_slips_are_both_named_and_more_are_not(inputs, answer, message):
    exercise = exercise_of(affine, Stage((0, 0, 0), "zeros"), Stage(inputs, "numbers"))
    assert message in grade(exercise, answer).message


def less(a, b):
    return a - b


def test_an_answer_that_is_always_0_is_no_slip():
    exercise = exercise_of(less, Stage((7, 5), "two numbers"), Stage((2, 3), "two others"))
    assert "Is a subtraction missing?" in grade(exercise, lambda a, b: a).message
    assert "You got 0 where 2 is expected." in grade(exercise, lambda a, b: 0).message


def doubled_above_3(x, n):
    return 2 * x if n > 3 else x


def test_a_mistake_whose_numbers_tell_it_needs_no_second_stage():
    """Whole or equal numbers may coincide by chance."""
    for numbers, tells in ((randn(7), True), (np.arange(7.0), False), (np.full(7, 0.5), False)):
        stages = Stage((numbers, 4), "above"), Stage((randn(7), 2), "below")
        exercise = exercise_of(doubled_above_3, *stages, text="n > 3 -> n > 5 | It begins above 3.")
        assert (grade(exercise, lambda x, n: x if n == 4 else x + 1).kind == "mistake") is tells


def of_mode(x, mode):
    if mode == "double":
        return 2 * x
    return x**2


def test_a_stage_of_another_case_does_not_contradict_a_mistake():
    text = "2 * x -> 3 * x | Three is not two."
    stages = [Stage((randn(7), mode), mode, case=mode) for mode in ("double", "square")]
    alone = [Stage(stage.inputs, stage.about) for stage in stages]
    text += "\n2 * x -> 3 * x && x**2 -> x**3 | One too many."

    def answer(x, mode):
        return 3 * x if mode == "double" else x + 1

    assert grade(exercise_of(of_mode, *stages, text=text), answer).kind == "mistake"
    both = exercise_of(of_mode, *alone, text=text.split("\n")[1])
    assert grade(both, answer).kind == "common"
    assert grade(exercise_of(of_mode, *stages, text=text.split("\n")[1]), answer).kind == "mistake"


def test_drawn_numbers_depend_on_shape_and_seed_alone():
    np.testing.assert_array_equal(randn(2, 3, seed=4), randn(2, 3, seed=4))
    assert randn(2, 3).shape == (2, 3) and not np.allclose(randn(2, 3), randn(2, 3, seed=1))


def slope(rise, run, c):
    return rise / run + c


def test_two_arguments_that_may_be_confused_in_either_direction_are_named_once():
    message = grade(exercise_of(slope, Stage((6, 3, 8), "numbers")), lambda rise, run, c: c + 1).message
    assert message.split("\n  ")[1] == "Is run taken where rise belongs, or the other way round?"
