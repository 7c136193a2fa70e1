"""Kinds of items: the store's categories, or clusters of what the titles say where it keeps none."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

CLUSTERS = 30
SEED = 7


def of_items(item: pd.DataFrame, embedding: np.ndarray) -> np.ndarray:
    """The kind of each row of the item table as a text, None where it is of none: the whole category path, else one of
    30 clusters of the texts' ``embedding`` (rows of length 1 or 0; k-means)."""
    if item["category"].notna().any():
        return item["category"].astype(object).where(item["category"].notna(), None).to_numpy(object)
    found = np.full(len(item), None, dtype=object)
    has_text = np.abs(embedding).sum(axis=1) > 0
    if has_text.sum() >= CLUSTERS:
        with threadpool_limits(1):
            model = MiniBatchKMeans(CLUSTERS, random_state=SEED, n_init=1, batch_size=4096)
            found[has_text] = [f"cluster {number}" for number in model.fit_predict(embedding[has_text])]
    return found


def membership(kind: np.ndarray) -> sparse.csr_matrix:
    """Items × kinds, 1 where the item is of the kind; the kinds in the order of their names."""
    inside = np.flatnonzero([name is not None for name in kind])
    names, column = np.unique(kind[inside].astype(str), return_inverse=True)
    return sparse.csr_matrix(
        (np.ones(len(inside), np.float32), (inside, column)), shape=(len(kind), len(names)), dtype=np.float32
    )


def leaders(members: sparse.csr_matrix, value: np.ndarray, best: int) -> sparse.csr_matrix:
    """Kinds × items: each kind's ``best`` items by this value (0: not to be shown) over the largest of the kind."""
    rows, columns, values = [], [], []
    by_kind = members.T.tocsr()
    for kind in range(by_kind.shape[0]):
        items = by_kind.indices[by_kind.indptr[kind] : by_kind.indptr[kind + 1]]
        order = np.lexsort((items, -value[items]))[:best]
        top = items[order][value[items[order]] > 0]
        rows.append(np.full(len(top), kind))
        columns.append(top)
        values.append(value[top] / value[top].max(initial=1e-9))
    if not rows:
        return sparse.csr_matrix(by_kind.shape, dtype=np.float32)
    entries = (np.concatenate(values).astype(np.float32), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(entries, shape=by_kind.shape)
