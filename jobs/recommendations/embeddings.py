"""Item embeddings: items as short vectors, near each other where the same customers buy them.

Levy and Goldberg (2014, "Neural word embedding as implicit matrix factorization"): word2vec's skip-gram with negative
samples factorises the shifted positive pointwise mutual information of words; with customers' histories for sentences
that is item2vec (Barkan and Koenigstein 2016), here factorised outright, which repeats to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from jobs.recommendations.ceiling import COUNT_BYTES, MEMORY, square_items
from jobs.recommendations.item_figures import DIMENSIONS, embedding
from jobs.recommendations.rows import keep_strongest


@dataclass(frozen=True)
class EmbeddingParams:
    """``items`` bounds the square of counts: those with most customers have vectors, of fewer where their square would
    not fit into ``memory`` (bytes). ``shift`` is the number of negative samples; of an item's neighbours the
    ``neighbours`` strongest count."""

    items: int = 4000
    shift: float = 1.0
    neighbours: int = 300
    memory: int = MEMORY


def fit(bought: sparse.csr_matrix, params: EmbeddingParams) -> np.ndarray:
    """Items × 32, rows of length 1 (zeros for items without a vector), from customers × items with ones."""
    support = np.asarray(bought.sum(axis=0)).ravel()
    most = min(params.items, square_items(params.memory, COUNT_BYTES))
    columns = np.sort(np.lexsort((np.arange(len(support)), -support))[:most])
    columns = columns[support[columns] > 0]
    inner = bought[:, columns].astype(np.float32).tocsr()
    both = (inner.T @ inner).tocsr()
    row = np.repeat(np.arange(len(columns)), np.diff(both.indptr))
    count = support[columns]
    expected = count[row] * count[both.indices] * params.shift
    information = np.log(np.maximum(both.data * bought.shape[0], 1e-9) / expected)
    both.data = np.where(row == both.indices, 0, np.maximum(information, 0)).astype(np.float32)
    found = np.zeros((bought.shape[1], DIMENSIONS), np.float32)
    with threadpool_limits(1):
        found[columns] = embedding(keep_strongest(both, params.neighbours).astype(float))
    return found


def profiles(recent: sparse.csr_matrix, vectors: np.ndarray) -> np.ndarray:
    """Customers × 32: the direction of what each bought of late (customers × items with weights), length 1 or 0."""
    found = recent @ vectors
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(length > 0, length, 1)
