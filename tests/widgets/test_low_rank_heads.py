"""The figure of approximations of low rank: its errors are NumPy's, and its bounds hold for many draws."""

import re

import numpy as np
import pytest

from course_lib.randomised import expected_frobenius_error, truncated_svd
from course_lib.widgets.low_rank_heads import LEAST, LowRankHeads
from course_lib.widgets.numbers.approximations import METHODS, bounds, nested, pooled

RANDOMISED = [name for name in METHODS if name != "SVD"]


def matrices(layers=2, heads=3, n=20, m=14, seed=0):
    """Matrices with falling singular values, and others of rank 3."""
    random = np.random.default_rng(seed)
    B = random.normal(size=(layers, heads, n, m)) * 0.7 ** np.arange(m)
    low = random.normal(size=(layers, heads, n, 3)) @ random.normal(size=(layers, heads, 3, n))
    return {"B": B, "low": low}


@pytest.fixture
def figure():
    return LowRankHeads(matrices(), most=10)


def chosen(figure, **values):
    for name, value in values.items():
        setattr(figure, name, value)
    return figure


@pytest.mark.parametrize("rank", [1, 4, 10])
@pytest.mark.parametrize("head", [(0, 0), (1, 2)])
def test_the_error_of_the_svd_is_that_of_the_nearest_matrix(figure, head, rank):
    B = matrices()["B"][head]
    chosen(figure, matrix="B", layer=head[0], head=head[1], method="SVD", rank=rank)
    expected = np.linalg.norm(B - truncated_svd(B, rank).matrix()) / np.linalg.norm(B)
    assert figure.error == pytest.approx(expected, rel=1e-6) and figure.least == figure.bound == figure.error


@pytest.mark.parametrize("method", RANDOMISED)
def test_no_draw_is_better_than_the_least_error_and_a_power_brings_it_nearer(figure, method):
    found = []
    for rank in figure.allowed()["rank"]:
        chosen(figure, matrix="B", method=method, rank=rank)
        assert figure.least <= figure.error <= 1 and (rank < 4) == (figure.bound is None)
        found.append(figure.error)
    assert (np.diff(found) <= 0).all()
    errors = {name: chosen(figure, method=name, rank=6).error for name in METHODS}
    assert errors["SVD"] < errors["with 1 power"] < errors["range finder"]


def test_a_matrix_of_rank_3_is_found_by_three_columns(figure):
    for method in METHODS:
        assert chosen(figure, matrix="low", method=method, rank=3).error < 1e-6
        assert chosen(figure, matrix="low", method=method, rank=2).error > 1e-2
    assert chosen(figure, method="range finder", rank=8).bound < 1e-6


@pytest.mark.parametrize("powers", [0, 1, 2])
def test_approximations_of_all_ranks_come_from_one_basis(powers):
    """The first r columns of the large basis span what the same random vectors give for rank r."""
    B = matrices()["B"][0, 0]
    U = np.linalg.svd(B)[0]
    found = nested(B, U, 9, powers, np.random.default_rng(3))
    Omega = np.random.default_rng(3).standard_normal((B.shape[1], 9))
    for r in (1, 5, 9):
        basis, _ = np.linalg.qr(np.linalg.matrix_power(B @ B.T, powers) @ B @ Omega[:, :r])
        np.testing.assert_allclose(found.U[:, :r] @ found.W[:r], basis @ basis.T @ B, rtol=0, atol=1e-9)
        expected = np.linalg.norm(B - basis @ basis.T @ B) / np.linalg.norm(B)
        assert found.errors(B)[r - 1] == pytest.approx(expected, rel=1e-6)


def test_without_powers_the_bound_is_that_of_halko_martinsson_and_tropp():
    sigma = 0.8 ** np.arange(14)
    found = bounds(sigma, 9, 0)
    assert np.isnan(found[:3]).all()
    for r in range(4, 10):
        of_theorem = min(expected_frobenius_error(sigma, k, r - k) for k in range(2, r - 1))
        assert found[r - 1] * np.linalg.norm(sigma) == pytest.approx(of_theorem, rel=1e-12)
    assert (bounds(sigma, 9, 1)[3:] < found[3:]).all() and (bounds(sigma, 9, 2)[3:] < bounds(sigma, 9, 1)[3:]).all()


@pytest.mark.parametrize("powers", [0, 1, 2])
@pytest.mark.parametrize("step", [5, 12])
def test_the_mean_square_of_many_draws_keeps_the_bound(powers, step):
    """Singular values with a step after `step` of them: with powers the bound is sharp there."""
    random = np.random.default_rng(7)
    sigma = np.where(np.arange(24) < step, 1.0, 0.2)
    U, V = (np.linalg.qr(random.normal(size=(n, 24)))[0] for n in (30, 24))
    B = U * sigma @ V.T
    squares = np.array([nested(B, U, 16, powers, random).errors(B) ** 2 for _ in range(400)])
    found, limits = np.sqrt(squares.mean(0)), bounds(sigma, 16, powers)
    deviation = squares.std(0) / 20  # of the mean of 400
    assert (squares.mean(0)[3:] <= limits[3:] ** 2 + 4 * deviation[3:]).all()
    assert (found >= bounds(sigma, 16, None) - 1e-9).all()
    if powers:
        assert limits[step + 2] < 1.01 * bounds(sigma, 16, None)[step - 1]


@pytest.mark.parametrize("method", METHODS)
def test_pictures_are_means_of_the_approximation_to_within_a_hundredth(method):
    figure = LowRankHeads({"S": np.random.default_rng(1).normal(size=(1, 1, 150, 130))}, most=12, seed=4)
    chosen(figure, method=method, rank=5)
    B = np.random.default_rng(1).normal(size=(1, 1, 150, 130))[0, 0]
    assert figure.picture.shape == figure.approximation.shape == (50, 44)
    random = np.random.default_rng(4)
    U = np.linalg.svd(B)[0]
    tried = {name: nested(B, U, 12, powers, random) for name, powers in METHODS.items()}[method]
    expected = means(tried.U[:, :5] @ tried.W[:5])
    assert np.abs(figure.approximation - expected).max() < 0.01 * np.abs(expected).max()
    limit = np.quantile(np.abs(means(B)), 0.99)
    np.testing.assert_allclose(figure.picture, np.clip(means(B), -limit, limit), rtol=0, atol=limit / 250)


def means(B):
    """Of 3 x 3 entries, and of fewer at the end."""
    tiles = [[B[i : i + 3, j : j + 3].mean() for j in range(0, B.shape[1], 3)] for i in range(0, B.shape[0], 3)]
    return np.array(tiles)


def test_pooling_leaves_small_matrices_as_they_are():
    B = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(pooled(B, 4), B)
    np.testing.assert_array_equal(pooled(B, 2), [B[:2].mean(0), B[2:].mean(0)])
    np.testing.assert_array_equal(pooled(B, 3), [B[:2].mean(0), B[2:].mean(0)])


def test_the_twin_shows_both_pictures_and_the_curves(figure):
    chosen(figure, matrix="B", method="range finder", rank=4, layer=1, head=2)
    matrix, approximation, plot, colours = figure.drawing().axes
    assert matrix.get_title("left") == "B, 20 × 14" and approximation.get_title("left") == "range finder, rank 4"
    assert colours.get_ylabel() == "entry"
    np.testing.assert_array_equal(matrix.images[0].get_array(), figure.picture)
    np.testing.assert_array_equal(approximation.images[0].get_array(), figure.approximation)
    assert matrix.images[0].get_clim() == approximation.images[0].get_clim()
    error, least, bound = plot.lines[:3]
    assert error.get_ydata()[3] == pytest.approx(figure.error) and least.get_ydata()[3] == pytest.approx(figure.least)
    assert list(bound.get_xdata()) == list(range(4, 11)) and bound.get_ydata()[0] == pytest.approx(figure.bound)
    chosen(figure, method="SVD")
    names = [line.get_label() for line in figure.drawing().axes[2].lines if not line.get_label().startswith("_")]
    assert names == ["error", "least error"]


def test_the_picture_says_how_many_entries_a_cell_stands_for():
    figure = LowRankHeads({"S": np.random.default_rng(1).normal(size=(1, 1, 150, 64))}, most=12)
    assert figure.drawing().axes[3].get_ylabel() == "mean of 3 × 1 entries"


@pytest.mark.parametrize("factor, low", [(0.9, 0.1), (0.6, 0.01), (0.3, LEAST)])
def test_the_axis_of_errors_ends_at_the_power_of_ten_below_them(factor, low):
    figure = LowRankHeads({"B": np.diag(factor ** np.arange(12))[None, None]}, most=8)
    ends = figure.drawing().axes[2].get_ylim()
    assert ends == pytest.approx((low, 2)) and low <= max(figure.least, LEAST)


def test_errors_below_the_axis_stand_on_it(figure):
    chosen(figure, matrix="low", method="SVD", rank=5)
    error = figure.drawing().axes[2].lines[0].get_ydata()
    assert error[4] == LEAST and figure.error < 1e-6


def test_alternative_text_and_table_hold_the_numbers(figure):
    chosen(figure, matrix="B", method="range finder", rank=6)
    numbers = f"relative error {figure.error:.3f}. The least of this rank is {figure.least:.3f}, and the bound is "
    assert f"20 x 14, beside its approximation of rank 6 by the method 'range finder': {numbers}" in figure.alt()
    row = re.search(r"rank 6</th>(.*?)</tr>", figure.table()).group(1)
    cells = re.findall(r"<td>(.*?)</td>", row)
    assert cells[:3] == [f"{figure.least:.3f}", f"{figure.error:.3f}", f"{figure.bound:.3f}"] and len(cells) == 5
    assert "bound" not in chosen(figure, rank=3).alt()
    assert repr(figure) == "LowRankHeads(B, low; layers=2, heads=3)"


def test_it_opens_with_the_range_finder_on_the_last_kind_of_matrix():
    figure = LowRankHeads(matrices(layers=4), most=10)
    assert (figure.matrix, figure.layer, figure.head, figure.method, figure.rank) == ("low", 2, 0, "range finder", 2)
    assert figure.first_try().chosen == {"method": "with 1 power"}
    figure.method = "with 1 power"
    assert figure.first_try().chosen == {"method": "range finder"}
