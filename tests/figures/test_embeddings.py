"""Pictures of embeddings: numbers in cells, angles between words, singular values."""

import numpy as np

from course_lib.figures.embeddings import angles_and_spectrum, look_up

WORDS = ["cat", "dog", "the"]


def numbers(ax, values):
    texts = {tuple(map(int, text.get_position()[::-1])): float(text.get_text()) for text in ax.texts}
    return np.array([[texts[i, j] for j in range(values.shape[1])] for i in range(values.shape[0])])


def test_the_three_matrices_of_a_look_up_are_printed_and_multiply():
    E = np.array([[0.1, -2.3], [1.2, 0.0], [-0.4, 0.7]])
    H = np.array([[0, 0, 1], [0, 1, 0]])
    for ax, values in zip(look_up(H, E, ["the", "dog"], WORDS).axes, (H, E, E[[2, 1]]), strict=True):
        np.testing.assert_array_equal(numbers(ax, values), values)


def test_rows_and_columns_of_a_look_up_are_named():
    left, middle, right = look_up(np.eye(3)[[2, 1]], np.zeros((3, 2)), ["the", "dog"], WORDS).axes
    assert [label.get_text() for label in left.get_xticklabels()] == WORDS
    assert [label.get_text() for label in middle.get_yticklabels()] == WORDS
    assert [label.get_text() for label in right.get_yticklabels()] == ["the", "dog"]


def test_cosines_and_singular_values_on_two_logarithmic_axes():
    unit = np.array([[1.0, 0.0], [0.6, 0.8]])
    sigma = np.array([8.0, 4.0, 2.0, 1.0])
    cosines, spectrum, _ = angles_and_spectrum(unit, ["one", "two"], sigma, 2).axes
    np.testing.assert_allclose(cosines.images[0].get_array(), [[1, 0.6], [0.6, 1]], rtol=0, atol=1e-15)
    assert (spectrum.get_xscale(), spectrum.get_yscale()) == ("log", "log")
    np.testing.assert_array_equal(spectrum.lines[0].get_data(), [[1, 2, 3, 4], [1, 0.5, 0.25, 0.125]])
    assert list(spectrum.lines[1].get_xdata()) == [2, 2]
