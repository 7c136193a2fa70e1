"""Item-item models: which items speak for which others, learnt from baskets of a bounded sample of customers.

EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data") for the items with the most support, cosine
neighbours (as in item-kNN) for what EASE leaves out. Each item keeps its strongest neighbours only, and the
products of items by items are made in blocks, so memory is bounded by the settings below and not by the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class ItemItemParams:
    """How much is learnt: EASE takes some 12 · ease_items² bytes at its peak, about 770 MB at the default."""

    ease_items: int = 8000
    ease_support: int = 3
    ease_penalty: float = 20.0
    row_power: float = 0.25
    neighbours: int = 300
    cosine_neighbours: int = 60
    cosine_shrinkage: float = 5.0
    block_items: int = 2000


def fit(history: sparse.csr_matrix, params: ItemItemParams) -> sparse.csr_matrix:
    """Weights (items × items): ``customer's history @ weights`` scores items; the diagonal is zero.

    ``history`` is customers × items with non-negative weights. Items in the EASE part have EASE weights; every
    other item that anyone bought has the weights of its cosine neighbours, scaled to the EASE part's mean strength.
    """
    support = np.asarray((history > 0).sum(axis=0)).ravel()
    order = np.lexsort((np.arange(len(support)), -support))
    core = np.sort(order[: params.ease_items][support[order[: params.ease_items]] >= params.ease_support])
    rows_scaled = _scale_rows(history, params.row_power)
    weights = _ease(rows_scaled, core, params)
    rest = np.setdiff1d(np.flatnonzero(support > 0), core)
    if not len(rest):
        return weights
    around = cosine(history, rest, params)
    if len(core) and around.nnz:
        around *= float(abs(weights).sum() / max(weights.nnz, 1) / (around.sum() / around.nnz))
    return (weights + around).tocsr()


def cosine(history: sparse.csr_matrix, items: np.ndarray, params: ItemItemParams) -> sparse.csr_matrix:
    """Cosine neighbours of these items (items × items, both directions filled for them), shrunk for thin support."""
    bought = (history > 0).astype(np.float32).tocsc()
    norm = np.sqrt(np.asarray(bought.sum(axis=0)).ravel()) + 1e-9
    parts = []
    for start in range(0, len(items), params.block_items):
        block = items[start : start + params.block_items]
        both = (bought[:, block].T @ bought).tocsr()
        row = np.repeat(np.arange(len(block)), np.diff(both.indptr))
        shrunk = both.data * both.data / (both.data + params.cosine_shrinkage)
        both.data = np.where(block[row] == both.indices, 0, shrunk / norm[block[row]] / norm[both.indices])
        kept = keep_strongest(both.astype(np.float32), params.cosine_neighbours)
        row = np.repeat(block, np.diff(kept.indptr))
        parts.append(sparse.csr_matrix((kept.data, (row, kept.indices)), shape=(history.shape[1],) * 2))
    if not parts:
        return sparse.csr_matrix((history.shape[1],) * 2, dtype=np.float32)
    one_way = sum(parts[1:], parts[0])
    return one_way.maximum(one_way.T).tocsr()


def keep_strongest(matrix: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Each row's k entries with the largest absolute value, ties to the lower column; columns sorted, no zeros."""
    matrix = matrix.tocsr()
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -np.abs(matrix.data), row))
    place = np.arange(len(order)) - matrix.indptr[row[order]]
    kept = np.sort(order[(place < k) & (matrix.data[order] != 0)])
    result = sparse.csr_matrix(
        (matrix.data[kept], matrix.indices[kept], np.searchsorted(row[kept], np.arange(matrix.shape[0] + 1))),
        shape=matrix.shape,
    )
    return result


def _ease(history: sparse.csr_matrix, core: np.ndarray, params: ItemItemParams) -> sparse.csr_matrix:
    """EASE over the core items, each keeping its strongest neighbours on either side of zero."""
    shape = (history.shape[1],) * 2
    if not len(core):
        return sparse.csr_matrix(shape, dtype=np.float32)
    inner = history[:, core].astype(np.float32)
    gram = (inner.T @ inner).astype(np.float32).toarray(order="F")
    gram[np.diag_indices_from(gram)] += params.ease_penalty
    # One thread: a parallel factorisation differs in the last bits with the number of threads.
    with threadpool_limits(1):
        factor, failed = linalg.lapack.spotrf(gram, lower=1, overwrite_a=1)
        inverse, failed_too = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ArithmeticError(f"EASE: the matrix of {len(core)} items is not positive definite")
    return _strongest_of_inverse(inverse, core, shape, params)


def _strongest_of_inverse(
    inverse: np.ndarray, core: np.ndarray, shape: tuple[int, int], params: ItemItemParams
) -> sparse.csr_matrix:
    """EASE's weights -P / diag(P) from the lower half of P, in blocks of columns: the largest absolute weights of
    each column (what may speak for an item), as a sparse matrix of all items."""
    count, k = len(core), min(params.neighbours, len(core) - 1)
    diagonal, number = np.diag(inverse).copy(), np.arange(count)
    rows, columns, values = [], [], []
    for start in range(0, count, params.block_items):
        block = number[start : start + params.block_items]
        weights = np.where(number[:, None] >= block[None, :], inverse[:, block], inverse[block, :].T)
        weights /= -diagonal[block][None, :]
        weights[block, block - start] = 0
        strength = np.abs(weights)
        threshold = np.partition(strength, count - k, axis=0)[count - k] if k > 0 else np.inf
        row, column = np.nonzero((strength >= threshold) & (strength > 0))
        rows.append(core[row])
        columns.append(core[block[column]])
        values.append(weights[row, column])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(entries, shape=shape, dtype=np.float32)


def _scale_rows(history: sparse.csr_matrix, power: float) -> sparse.csr_matrix:
    """Rows divided by (number of items)^power: customers with long histories say less about each pair."""
    size = np.maximum(np.diff(history.indptr), 1).astype(np.float32)
    return (sparse.diags(size ** -np.float32(power)) @ history).tocsr().astype(np.float32)
