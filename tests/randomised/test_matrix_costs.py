"""Costs by hand for small sizes, against loops, and beside what the functions really read and call."""

import numpy as np
import pytest

from course_lib.randomised import matrix_costs as costs
from course_lib.randomised.cholesky import randomly_pivoted_cholesky
from course_lib.randomised.psd import PsdMatrix
from course_lib.randomised.ranges import randomized_svd


def test_range_finder_by_hand():
    """m = 30, n = 20, l = 6, q = 1: three products of 2 m n l FLOPs, QR of (30, 6) twice and of (20, 6) once."""
    found = costs.range_finder_work(30, 20, 6, 1)
    assert found.flops_by_part == {
        "products": 3 * 2 * 30 * 20 * 6,
        "factorise": 2 * (4 * 30 * 36 - 288) + 4 * 20 * 36 - 288,
    }
    # Omega (20, 6), Q, W, Q are read by the products, which write (30, 6), (20, 6), (30, 6); each QR reads and writes.
    thin = 6 * ((20 + 30) + (30 + 20) + (20 + 30)) + 2 * 6 * (30 + 20 + 30)
    assert found.bytes_by_part == {"matrix": 8 * 3 * 30 * 20, "factors": 8 * thin}
    assert costs.range_finder_work(30, 20, 6, 1, "float32").bytes == found.bytes / 2


def test_randomized_svd_by_hand():
    whole, first = costs.randomized_svd_work(30, 20, 4, 2, 1), costs.range_finder_work(30, 20, 6, 1)
    assert whole.flops - first.flops == 2 * 30 * 20 * 6 + 2 * 30 * 6 * 4 + 6 * 20 * 36 + 20 * 216
    thin = (30 * 6 + 6 * 20) + 2 * (6 * 20) + (30 * 6 + 30 * 4)  # product, SVD, product
    assert whole.bytes - first.bytes == 8 * (30 * 20 + thin)


@pytest.mark.parametrize("powers", [0, 2])
@pytest.mark.parametrize("m, n", [(31, 23), (23, 31)])
def test_factorisations_that_are_called(monkeypatch, m, n, powers):
    """The QR factorisations and the SVD of a run, by their shapes, have the FLOPs of the formula."""
    flops, qr, svd = [], np.linalg.qr, np.linalg.svd

    def counted_qr(Y):
        flops.append(costs.qr_flops(*Y.shape))
        return qr(Y)

    def counted_svd(Y, **options):
        flops.append(costs.svd_flops(*Y.shape))
        return svd(Y, **options)

    monkeypatch.setattr(np.linalg, "qr", counted_qr)
    monkeypatch.setattr(np.linalg, "svd", counted_svd)
    randomized_svd(np.random.default_rng(0).normal(size=(m, n)), 4, 3, powers, np.random.default_rng(1))
    assert sum(flops) == costs.randomized_svd_work(m, n, 4, 3, powers).flops_by_part["factorise"]


def test_a_randomized_svd_costs_less_than_a_full_one():
    assert 20 * costs.randomized_svd_work(4096, 4096, 32, 8, 1).flops < costs.svd_flops(4096, 4096)


@pytest.mark.parametrize("k", [1, 7])
def test_cholesky_against_a_loop_and_the_entries_read(k):
    X = np.random.default_rng(0).normal(size=(40, 3))
    read = PsdMatrix.exponential(X, 0.5)
    randomly_pivoted_cholesky(read, k, np.random.default_rng(1))
    found = costs.pivoted_cholesky_work(40, k, 3)
    updates = sum(2 * 40 * i for i in range(k))  # the product of F[:, :i] with a row of F
    assert found.flops_by_part == {"entries": 2 * 3 * read.entries, "update": updates}
    factors = sum(40 * i + 40 for i in range(k))
    assert found.bytes_by_part == {"points": 8 * (k + 1) * 40 * 3, "factors": 8 * factors}


def test_nystrom_by_hand():
    """n = 11, and 4 landmarks of points in R^3, or a sketch of width 4."""
    by_columns, by_sketch = costs.column_nystrom_work(11, 4, 3), costs.sketched_nystrom_work(11, 4)
    assert by_columns.flops_by_part == {"entries": 2 * 3 * 44, "factorise": 9 * 64, "products": 2 * 11 * 16}
    # C is written and read, F written; W is read, its root written and read.
    assert by_columns.bytes_by_part == {"points": 8 * 15 * 3, "factors": 8 * (3 * 44 + 3 * 16)}
    assert by_sketch.flops == 2 * 121 * 4 + 2 * 2 * 11 * 16 + (4 * 11 * 16 - 85) + 9 * 64 + (6 * 11 * 16 + 20 * 64)
    assert by_sketch.bytes_by_part == {"matrix": 8 * 121, "factors": 8 * (10 * 44 + 4 * 16)}
    assert costs.column_nystrom_work(4096, 64, 32).flops < costs.sketched_nystrom_work(4096, 64).flops / 10


def test_hodlr_by_hand():
    """12 rows, leaves of 3: blocks of 6 and 3 rows, of rank 2; then rank 9, which no block has."""
    assert costs.hodlr_entries(12, 3, 2) == 4 * 6 + 2 * 12 + 2 * 2 * 6
    assert costs.hodlr_entries(12, 3, 9) == 4 * 6 + 6 * 12 + 2 * 3 * 6
    assert costs.hodlr_entries(12, 12, 2) == 78
    found = costs.hodlr_product_work(12, 3, 2, 5)
    assert found.flops == 2 * 72 * 5
    assert found.bytes_by_part == {"matrix": 8 * 72, "activations": 8 * 2 * 12 * 5}
