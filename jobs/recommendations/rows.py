"""What is done to every row of a sparse matrix, compiled: a loop in Python over rows costs more than the work in it.

Rows never touch each other, so results do not depend on which rows stand together; sums are taken in the order of a
row's entries, in float32 as the matrices are.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import sparse


def product(left: sparse.csr_matrix, right: sparse.csr_matrix) -> sparse.csr_matrix:
    """``left @ right`` in float32; the columns of a row are in no order. One pass, where scipy takes two and keeps the
    columns met in a list: half of its time where rows are short and the right side is wide."""
    left, right = _plain(left), _plain(right)
    parts = _product(left.indptr, left.indices, left.data, right.indptr, right.indices, right.data, right.shape[1])
    return _matrix(*parts, (left.shape[0], right.shape[1]))


def keep_strongest(matrix: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Each row's k entries with the largest absolute value, ties to the lower column; columns sorted, no zeros.

    The matrix must not hold an entry twice; its columns need not be in order.
    """
    matrix = matrix.tocsr()
    kept = np.flatnonzero(_strongest(matrix.indptr, matrix.indices, np.abs(matrix.data), max(k, 0)))
    indptr = np.searchsorted(kept, matrix.indptr)
    result = sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
    result.sort_indices()
    return result


def lookup(matrix: sparse.csr_matrix, starts: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Entries of a sparse matrix, 0 where it has none: of its row r those of ``column[starts[r]:starts[r + 1]]``."""
    matrix = _plain(matrix)
    return _lookup(matrix.indptr, matrix.indices, matrix.data, matrix.shape[1], starts, column)


def dots(left: sparse.csr_matrix, right: sparse.csr_matrix, starts: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Products of each row r of ``left`` with the rows ``row[starts[r]:starts[r + 1]]`` of ``right``."""
    left, right = _plain(left), _plain(right)
    width = left.shape[1]
    return _dots(left.indptr, left.indices, left.data, right.indptr, right.indices, right.data, width, starts, row)


def _plain(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    return matrix.tocsr().astype(np.float32, copy=False)


def _matrix(indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((data, indices, indptr), shape=shape)


@njit(cache=True)
def _product(left_ptr, left_index, left_value, right_ptr, right_index, right_value, width):
    rows, most = len(left_ptr) - 1, 0
    for entry in range(len(left_index)):
        most += right_ptr[left_index[entry] + 1] - right_ptr[left_index[entry]]
    indptr = np.zeros(rows + 1, np.int64)
    indices, data = np.empty(most, np.int32), np.empty(most, np.float32)
    total, met = np.zeros(width, np.float32), np.full(width, -1, np.int32)
    end = 0
    for row in range(rows):
        for entry in range(left_ptr[row], left_ptr[row + 1]):
            weight = left_value[entry]
            for at in range(right_ptr[left_index[entry]], right_ptr[left_index[entry] + 1]):
                column = right_index[at]
                if met[column] != row:
                    met[column] = row
                    total[column] = weight * right_value[at]
                    indices[end] = column
                    end += 1
                else:
                    total[column] += weight * right_value[at]
        for at in range(indptr[row], end):
            data[at] = total[indices[at]]
        indptr[row + 1] = end
    return indptr, indices[:end].copy(), data[:end].copy()


@njit(cache=True)
def _strongest(indptr, indices, strength, k):
    kept = strength > 0
    for row in range(len(indptr) - 1):
        first, size = indptr[row], indptr[row + 1] - indptr[row]
        if size <= k:
            continue
        if k == 0:
            kept[first : first + size] = False
            continue
        threshold = np.partition(strength[first : first + size], size - k)[size - k]
        above, tied = 0, 0
        for at in range(first, first + size):
            above += strength[at] > threshold
            tied += strength[at] == threshold
        # Of those tied the lowest columns stay, as many as there is room for.
        last = indices[first]
        if above + tied > k:
            columns = np.empty(tied, indices.dtype)
            count = 0
            for at in range(first, first + size):
                if strength[at] == threshold:
                    columns[count] = indices[at]
                    count += 1
            last = np.sort(columns)[k - above - 1]
        for at in range(first, first + size):
            if strength[at] < threshold or (above + tied > k and strength[at] == threshold and indices[at] > last):
                kept[at] = False
    return kept


@njit(cache=True)
def _lookup(indptr, indices, data, width, starts, column):
    found, dense = np.empty(len(column), np.float32), np.zeros(width, np.float32)
    for row in range(len(indptr) - 1):
        for at in range(indptr[row], indptr[row + 1]):
            dense[indices[at]] = data[at]
        for at in range(starts[row], starts[row + 1]):
            found[at] = dense[column[at]]
        for at in range(indptr[row], indptr[row + 1]):
            dense[indices[at]] = 0
    return found


@njit(cache=True)
def _dots(left_ptr, left_index, left_value, right_ptr, right_index, right_value, width, starts, wanted):
    found, dense = np.empty(len(wanted), np.float32), np.zeros(width, np.float32)
    for row in range(len(left_ptr) - 1):
        for at in range(left_ptr[row], left_ptr[row + 1]):
            dense[left_index[at]] = left_value[at]
        for at in range(starts[row], starts[row + 1]):
            total = np.float32(0)
            for entry in range(right_ptr[wanted[at]], right_ptr[wanted[at] + 1]):
                total += right_value[entry] * dense[right_index[entry]]
            found[at] = total
        for at in range(left_ptr[row], left_ptr[row + 1]):
            dense[left_index[at]] = 0
    return found
