"""Compiled work on the rows of sparse matrices: what scipy and a plain loop give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from jobs.recommendations import rows


def drawn(shape: tuple[int, int], seed: int) -> sparse.csr_matrix:
    """A third of the entries, a few whole numbers among them so that some are tied, columns in no order, empty rows."""
    luck = np.random.default_rng(seed)
    dense = np.where(luck.random(shape) < 0.3, np.round(luck.normal(0, 2, shape)), 0).astype(np.float32)
    dense[::7] = 0
    found = sparse.csr_matrix(dense)
    for row in range(shape[0]):
        part = slice(found.indptr[row], found.indptr[row + 1])
        order = luck.permutation(part.stop - part.start)
        found.indices[part], found.data[part] = found.indices[part][order], found.data[part][order]
    found.has_sorted_indices = False
    return found


def test_products_are_scipys_whatever_rows_stand_together():
    left, right = drawn((40, 60), 1), drawn((60, 90), 2)
    whole = rows.product(left, right)
    assert whole.dtype == np.float32 and (whole.toarray() == (left @ right).toarray()).all()
    parts = sparse.vstack([rows.product(left[at : at + 1], right) for at in range(40)])
    assert (whole.toarray() == parts.toarray()).all()
    assert rows.product(left[:0], right).shape == (0, 90)


@pytest.mark.parametrize("k", [0, 1, 5, 100])
def test_the_strongest_entries_of_each_row_ties_to_the_lower_column(k):
    matrix = drawn((50, 80), 3)
    found = rows.keep_strongest(matrix, k)
    for row in range(50):
        dense = matrix[row].toarray().ravel()
        best = np.lexsort((np.arange(80), -np.abs(dense)))[:k]
        expected = np.zeros(80)
        expected[best] = dense[best]
        assert (found[row].toarray().ravel() == expected).all()
    assert found.has_sorted_indices and (found.data != 0).all()


def test_keep_strongest_breaks_ties_by_column():
    matrix = sparse.csr_matrix(np.array([[0.0, 2, -3, 2], [0, 0, 0, 0], [1, 1, 1, 1]]))
    np.testing.assert_array_equal(rows.keep_strongest(matrix, 2).toarray(), [[0, 2, -3, 0], [0, 0, 0, 0], [1, 1, 0, 0]])


def test_keep_strongest_takes_columns_in_any_order():
    matrix = sparse.csr_matrix((np.array([1.0, 2, 1, 1]), [3, 0, 1, 2], [0, 4]), shape=(1, 5))
    found = rows.keep_strongest(matrix, 2)
    assert found.indices.tolist() == [0, 1] and found.data.tolist() == [2, 1]


def test_the_entry_that_adds_most_to_a_product_ties_to_the_lower_column():
    left, right = drawn((20, 30), 8), drawn((30, 50), 9)
    row, column = (which.ravel() for which in np.indices((20, 50)))
    parts = left.toarray()[:, :, None] * right.toarray()[None, :, :]
    best = np.where(parts.max(axis=1) > 0, parts.argmax(axis=1), -1)
    assert (best == -1).any() and (best >= 0).any()
    assert (rows.strongest(left, right, row, column) == best[row, column]).all()


def test_lookup_reads_rows_with_columns_in_any_order_and_empty_rows():
    matrix = sparse.csr_matrix((np.array([5.0, 4, 7], np.float32), [3, 0, 2], [0, 2, 2, 3]), shape=(3, 4))
    found = rows.lookup(matrix, np.array([0, 3, 4, 6]), np.array([0, 1, 3, 0, 0, 2]))
    assert found.dtype == np.float32 and found.tolist() == [4, 0, 5, 0, 0, 7]


def test_dots_are_products_of_the_rows_asked_for():
    left, right = drawn((20, 30), 4), drawn((50, 30), 5)
    starts = np.concatenate([[0], np.cumsum(np.arange(20) % 4)])
    wanted = np.random.default_rng(6).integers(0, 50, starts[-1])
    found, whole = rows.dots(left, right, starts, wanted), (left @ right.T).toarray()
    row = np.repeat(np.arange(20), np.diff(starts))
    assert found == pytest.approx(whole[row, wanted], rel=1e-6)


def test_the_nearest_are_the_largest_of_the_product_without_oneself():
    matrix = drawn((60, 25), 7)
    whole = (matrix @ matrix.T).toarray()
    np.fill_diagonal(whole, 0)
    found = rows.nearest(matrix, matrix.T.tocsr(), np.arange(60), 2.0, 6)
    expected = rows.keep_strongest(sparse.csr_matrix(np.where(whole >= 2, whole, 0)), 6)
    assert found.nnz and (found.toarray() == expected.toarray()).all() and found.has_sorted_indices
    part = rows.nearest(matrix[10:12], matrix.T.tocsr(), np.arange(10, 12), 2.0, 6)
    assert (part.toarray() == found[10:12].toarray()).all()


def test_counts_are_shrunk_and_taken_over_both_norms():
    bought = (drawn((40, 12), 8) != 0).astype(np.float32).tocsr()
    norm = np.sqrt(np.asarray(bought.sum(axis=0)).ravel()) + 1e-9
    both = (bought.T @ bought).toarray()
    np.fill_diagonal(both, 0)
    expected = both**2 / (both + 5) / norm[:, None] / norm[None, :]
    found = rows.nearest_counts(bought.T.tocsr(), bought, np.arange(12), norm, 5.0, 12)
    assert found.toarray() == pytest.approx(expected, rel=1e-5)


def test_a_product_has_room_for_no_more_than_whole_rows():
    """A customer of 200 items that 5,000 others bought each: a million parts in 5,000 columns."""
    left = sparse.csr_matrix(np.ones((3, 200), np.float32)[[0, 0, 0]])
    left[1] = 0
    left.eliminate_zeros()
    right = sparse.csr_matrix(np.ones((200, 5000), np.float32))
    assert rows.room(left.indptr, left.indices, right.indptr, 5000) == 2 * 5000
    assert (rows.product(left, right).toarray() == np.array([200, 0, 200])[:, None]).all()
    few = drawn((40, 60), 1), drawn((60, 5000), 2)
    parts = np.diff(few[1].indptr)[few[0].indices].sum()
    assert rows.room(few[0].indptr, few[0].indices, few[1].indptr, 10**6) == parts
