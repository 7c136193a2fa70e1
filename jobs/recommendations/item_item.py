"""Item-item models: which items speak for which others, learnt from baskets of a bounded sample of customers.

EASE (Steck 2019, "Embarrassingly shallow autoencoders for sparse data") for the items with the most support, cosine
neighbours (as in item-kNN) for what EASE leaves out. Each item keeps its strongest neighbours only, and products of
items by items are never held whole, so memory is bounded by the settings below and not by the catalogue's square.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from threadpoolctl import threadpool_limits

from jobs.recommendations.ceiling import MEMORY, square_items
from jobs.recommendations.quiet import one_thread
from jobs.recommendations.rows import nearest_counts


@dataclass(frozen=True)
class ItemItemParams:
    """How much is learnt. ``memory`` is the ceiling in bytes: EASE takes some 12 · items² at its peak, so that a lower
    one than 770 MB leaves it fewer than ``ease_items``."""

    ease_items: int = 8000
    ease_support: int = 3
    ease_penalty: float = 20.0
    row_power: float = 0.25
    neighbours: int = 300
    bm25_neighbours: int = 100
    cosine_neighbours: int = 60
    cosine_shrinkage: float = 5.0
    memory: int = MEMORY


def fit(history: sparse.csr_matrix, params: ItemItemParams) -> sparse.csr_matrix:
    """Weights (items × items): ``customer's history @ weights`` scores items; the diagonal is zero.

    ``history`` is customers × items with non-negative weights. Items in the EASE part have EASE weights; every
    other item that anyone bought has the weights of its cosine neighbours, scaled to the EASE part's mean strength.
    """
    support = np.asarray((history > 0).sum(axis=0)).ravel()
    order = np.lexsort((np.arange(len(support)), -support))
    most = order[: min(params.ease_items, square_items(params.memory))]
    core = np.sort(most[support[most] >= params.ease_support])
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
    by_customer = (history > 0).astype(np.float32)
    bought = by_customer.tocsc()
    norm = np.sqrt(np.asarray(bought.sum(axis=0)).ravel()) + 1e-9
    theirs = bought[:, items].T.tocsr()
    near = nearest_counts(theirs, by_customer, items, norm, params.cosine_shrinkage, params.cosine_neighbours)
    row = np.repeat(items, np.diff(near.indptr))
    one_way = sparse.csr_matrix((near.data, (row, near.indices)), shape=(history.shape[1],) * 2)
    return one_way.maximum(one_way.T).tocsr()


def bm25(orders: sparse.csr_matrix, params: ItemItemParams) -> sparse.csr_matrix:
    """Items × items: each item's neighbours by co-occurrence weighted as in BM25 (the library ``implicit``), what a
    shop would try first; ``orders`` is customers × items with how often. One thread, so that it repeats."""
    from implicit.nearest_neighbours import BM25Recommender

    model = BM25Recommender(K=params.bm25_neighbours, num_threads=1)
    with one_thread():
        model.fit(orders, show_progress=False)
    return model.similarity.tocsr().astype(np.float32)


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
    diagonal = np.diag(inverse).copy()
    rows, columns, values = [], [], []
    # A tenth of what inverting took.
    step = max(count // 10, 1)
    for start in range(0, count, step):
        stop = min(start + step, count)
        weights = _columns(inverse, start, stop)
        weights /= -diagonal[start:stop, None]
        weights[np.arange(stop - start), np.arange(start, stop)] = 0
        strength = np.abs(weights)
        threshold = np.partition(strength, count - k, axis=1)[:, count - k, None] if k > 0 else np.inf
        column, row = np.nonzero((strength >= threshold) & (strength > 0))
        rows.append(core[row])
        columns.append(core[start + column])
        values.append(weights[column, row])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(entries, shape=shape, dtype=np.float32)


def _columns(inverse: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Columns of a symmetric matrix of which the lower half is given, as (stop - start) × all, each a row in memory."""
    columns = inverse[:, start:stop].T.copy()
    columns[:, :start] = inverse[start:stop, :start]
    square = columns[:, start:stop]
    columns[:, start:stop] = np.triu(square) + np.triu(square, 1).T
    return columns


def _scale_rows(history: sparse.csr_matrix, power: float) -> sparse.csr_matrix:
    """Rows divided by (number of items)^power: customers with long histories say less about each pair."""
    size = np.maximum(np.diff(history.indptr), 1).astype(np.float32)
    return (sparse.diags(size ** -np.float32(power)) @ history).tocsr().astype(np.float32)
