"""What is done to every row of a sparse matrix, compiled: a loop in Python over rows costs more than the work in it.

Rows never touch each other, so results do not depend on which rows stand together; sums are taken in the order of a
row's entries, in float32 as the matrices are. No loop here holds Python's lock: threads run side by side.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from scipy import sparse

PARTS = 4


def product(left: sparse.csr_matrix, right: sparse.csr_matrix) -> sparse.csr_matrix:
    """``left @ right`` in float32; the columns of a row are in no order. One pass, where scipy takes two and keeps the
    columns met in a list: half of its time where rows are short and the right side is wide."""
    left, right = _plain(left), _plain(right)
    parts = _product(left.indptr, left.indices, left.data, right.indptr, right.indices, right.data, right.shape[1])
    return _matrix(parts, (left.shape[0], right.shape[1]))


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


def nearest(
    left: sparse.csr_matrix, right: sparse.csr_matrix, own: np.ndarray, least: float, k: int
) -> sparse.csr_matrix:
    """Each row's k largest entries of ``left @ right`` that are at least ``least`` (above 0), without its column
    ``own``; ties to the lower column, columns sorted. The product itself is never held: a row of it at a time."""
    left, right = _plain(left), _plain(right)
    weight = np.ones(right.shape[1], np.float32)
    return _kept(left, right, own, (weight, np.float32(-1), np.float32(least)), k)


def nearest_counts(
    left: sparse.csr_matrix, right: sparse.csr_matrix, own: np.ndarray, norm: np.ndarray, shrinkage: float, k: int
) -> sparse.csr_matrix:
    """As :func:`nearest`, of counts n in ``left @ right`` taken as n² / (n + shrinkage) / norm of both columns."""
    return _kept(_plain(left), _plain(right), own, (norm.astype(np.float32), np.float32(shrinkage), np.float32(0)), k)


def _kept(left: sparse.csr_matrix, right: sparse.csr_matrix, own: np.ndarray, how: tuple, k: int) -> sparse.csr_matrix:
    def some(rows: np.ndarray) -> sparse.csr_matrix:
        row = left.indptr[rows[0] : rows[-1] + 2]
        sides = (row, left.indices, left.data, right.indptr, right.indices, right.data)
        parts = _nearest(*sides, right.shape[1], own[rows[0] : rows[-1] + 1], *how, k)
        return _matrix(parts, (len(rows), right.shape[1]))

    if not left.shape[0]:
        return sparse.csr_matrix((0, right.shape[1]), dtype=np.float32)
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        # More parts than cores: what rows cost is not even.
        parts = np.array_split(np.arange(left.shape[0]), min(PARTS * cores, left.shape[0]))
        return sparse.vstack(list(pool.map(some, parts)), format="csr")


def lookup(matrix: sparse.csr_matrix, starts: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Entries of a sparse matrix, 0 where it has none: of its row r those of ``column[starts[r]:starts[r + 1]]``."""
    matrix = _plain(matrix)
    return _lookup(matrix.indptr, matrix.indices, matrix.data, matrix.shape[1], starts, column)


def dots(left: sparse.csr_matrix, right: sparse.csr_matrix, starts: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Products of each row r of ``left`` with the rows ``row[starts[r]:starts[r + 1]]`` of ``right``."""
    left, right = _plain(left), _plain(right)
    width = left.shape[1]
    return _dots(left.indptr, left.indices, left.data, right.indptr, right.indices, right.data, width, starts, row)


def strongest(left: sparse.csr_matrix, right: sparse.csr_matrix, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """For each pair the entry of ``left``'s row ``row`` that adds most to the product with ``right`` in ``column``: its
    column, ties to the lower one; -1 where nothing above 0 does."""
    left, right = _sorted(left), _sorted(right)
    sides = (left.indptr, left.indices, left.data, right.indptr, right.indices, right.data)
    return _speaking(*sides, np.asarray(row, np.int64), np.asarray(column, np.int64))


def _sorted(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = _plain(matrix)
    return matrix if matrix.has_sorted_indices else matrix.sorted_indices()


def _plain(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    return matrix.tocsr().astype(np.float32, copy=False)


def _matrix(parts: tuple[np.ndarray, np.ndarray, np.ndarray], shape: tuple[int, int]) -> sparse.csr_matrix:
    indptr, indices, data = parts
    return sparse.csr_matrix((data, indices, indptr), shape=shape)


@njit(cache=True, nogil=True)
def _sum_row(row, index, value, right_ptr, right_index, right_value, total, met, columns):
    """Adds up one row of a product in ``total``; which columns it has goes to ``columns``, how many is returned.
    ``met`` says of each column which row met it last, so that nothing is emptied between rows."""
    count = 0
    for entry in range(len(index)):
        weight = value[entry]
        for at in range(right_ptr[index[entry]], right_ptr[index[entry] + 1]):
            column = right_index[at]
            if met[column] != row:
                met[column] = row
                total[column] = weight * right_value[at]
                columns[count] = column
                count += 1
            else:
                total[column] += weight * right_value[at]
    return count


@njit(cache=True, nogil=True)
def room(left_ptr, left_index, right_ptr, width):
    """Entries that a product may have: of a row no more than its parts, which meet in many columns, nor its width."""
    most = 0
    for row in range(len(left_ptr) - 1):
        parts = 0
        for entry in range(left_ptr[row], left_ptr[row + 1]):
            parts += right_ptr[left_index[entry] + 1] - right_ptr[left_index[entry]]
        most += min(parts, width)
    return most


@njit(cache=True, nogil=True)
def _product(left_ptr, left_index, left_value, right_ptr, right_index, right_value, width):
    rows, most = len(left_ptr) - 1, room(left_ptr, left_index, right_ptr, width)
    indptr = np.zeros(rows + 1, np.int64)
    indices, data = np.empty(most, np.int32), np.empty(most, np.float32)
    total, met = np.zeros(width, np.float32), np.full(width, -1, np.int32)
    end = 0
    for row in range(rows):
        first, last = left_ptr[row], left_ptr[row + 1]
        end += _sum_row(
            row, left_index[first:last], left_value[first:last], right_ptr, right_index, right_value, total, met,
            indices[end:],
        )  # fmt: skip
        for at in range(indptr[row], end):
            data[at] = total[indices[at]]
        indptr[row + 1] = end
    return indptr, indices[:end].copy(), data[:end].copy()


@njit(cache=True, nogil=True)
def _largest(values, columns, k):
    """Which k values (above 0) of a row are the largest, ties to the lower column."""
    kept = values > 0
    if len(values) <= k:
        return kept
    if k == 0:
        return np.zeros(len(values), np.bool_)
    threshold = np.partition(values, len(values) - k)[len(values) - k]
    room = k - (values > threshold).sum()
    tied = values == threshold
    kept &= values >= threshold
    if tied.sum() > room:
        last = np.sort(columns[tied])[room - 1]
        kept &= (values > threshold) | (columns <= last)
    return kept


@njit(cache=True, nogil=True)
def _strongest(indptr, indices, strength, k):
    kept = np.empty(len(indices), np.bool_)
    for row in range(len(indptr) - 1):
        first, last = indptr[row], indptr[row + 1]
        kept[first:last] = _largest(strength[first:last], indices[first:last], k)
    return kept


@njit(cache=True, nogil=True)
def _nearest(
    left_ptr, left_index, left_value, right_ptr, right_index, right_value, width, own, norm, shrinkage, least, k
):
    rows = len(left_ptr) - 1
    indptr = np.zeros(rows + 1, np.int64)
    indices, data = np.empty(rows * k, np.int32), np.empty(rows * k, np.float32)
    total, met = np.zeros(width, np.float32), np.full(width, -1, np.int32)
    columns, values = np.empty(width, np.int32), np.empty(width, np.float32)
    for row in range(rows):
        first, last = left_ptr[row], left_ptr[row + 1]
        count = _sum_row(
            row, left_index[first:last], left_value[first:last], right_ptr, right_index, right_value, total, met,
            columns,
        )  # fmt: skip
        near = 0
        for place in range(count):
            column = columns[place]
            value = total[column]
            if shrinkage >= 0:
                value = value * value / (value + shrinkage) / norm[own[row]] / norm[column]
            if column != own[row] and value > 0 and value >= least:
                columns[near], values[near] = column, value
                near += 1
        kept = np.flatnonzero(_largest(values[:near], columns[:near], k))
        kept = kept[np.argsort(columns[kept])]
        end = indptr[row] + len(kept)
        indices[indptr[row] : end], data[indptr[row] : end] = columns[kept], values[kept]
        indptr[row + 1] = end
    return indptr, indices[: indptr[rows]].copy(), data[: indptr[rows]].copy()


@njit(cache=True, nogil=True)
def _speaking(left_ptr, left_index, left_value, right_ptr, right_index, right_value, row, column):
    found = np.full(len(row), -1, np.int64)
    for pair in range(len(row)):
        most = np.float32(0)
        for entry in range(left_ptr[row[pair]], left_ptr[row[pair] + 1]):
            item = left_index[entry]
            there = right_index[right_ptr[item] : right_ptr[item + 1]]
            at = np.searchsorted(there, column[pair])
            if at < len(there) and there[at] == column[pair]:
                value = left_value[entry] * right_value[right_ptr[item] + at]
                if value > most:
                    most = value
                    found[pair] = item
    return found


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
