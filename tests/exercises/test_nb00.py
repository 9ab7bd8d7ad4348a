"""The demonstration exercise: right answers pass in any style, further wrong ones hear why."""

import numpy as np
import pytest
import torch

from course_lib.exercises import nb00_rows as nb00
from course_lib.exercises.grading import grade
from course_lib.reference.attention import kernel_weights, linear


@pytest.mark.parametrize(
    "answer",
    [
        nb00.normalise_rows,
        lambda A: [[x / sum(row) for x in row] for row in A.tolist()],
        lambda A: np.einsum("ij,i->ij", A, 1 / np.einsum("ij->i", A)),
        lambda A: torch.from_numpy(A) / torch.from_numpy(A).sum(1, keepdim=True),
    ],
)
def test_right_answers_pass_in_any_style(answer):
    assert grade(nb00.NORMALISE, answer).passed is True


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda A: A / np.linalg.norm(A, axis=1, keepdims=True), "one row\n  the rows are divided by their lengths"),
        (lambda A: (A / A.sum(1, keepdims=True)).T, "one row\n  your result has shape (2, 1)"),
        (lambda A: A / A.max(1, keepdims=True), "one row\n  the rows are divided by their largest"),
    ],
)
def test_other_wrong_answers_hear_stage_and_reason(answer, message):
    result = grade(nb00.NORMALISE, answer)
    assert result.passed is False and message.lower() in result.message.lower()


def test_solution_is_the_normaliser_of_the_linear_kernel():
    A = np.random.default_rng(2).uniform(1, 2, size=(3, 7))
    # the same two operations, a sum and a division: equal to rounding
    np.testing.assert_allclose(nb00.normalise_rows(A), kernel_weights(A, linear), rtol=1e-15)
