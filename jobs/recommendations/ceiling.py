"""A ceiling on memory: products of sparse matrices are made in blocks of rows, each small enough for what is allowed.

The item side of a night grows with the catalogue; these are the parts of it that would grow with its square.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import sparse

MEMORY = 2**30  # bytes
ENTRY_BYTES = 32  # an entry of a product with its column, its row and what masks of it cost while it is cut down
EASE_BYTES = 12  # an entry of a square matrix and of what is made to invert it
COUNT_BYTES = 64  # an entry of a square of counts and of what is made to weigh it (embeddings)


def blocks(left: sparse.csr_matrix, right: sparse.csr_matrix, memory: int) -> Iterator[slice]:
    """Consecutive rows of ``left`` whose product with ``right`` takes at most ``memory`` bytes (one row, if it alone
    takes more), by an upper bound of its entries."""
    size = np.diff(right.indptr).astype(np.float64)
    pattern = sparse.csr_matrix((np.ones(len(left.indices)), left.indices, left.indptr), shape=left.shape)
    total = np.concatenate([[0.0], np.cumsum(np.minimum(pattern @ size, right.shape[1]))])
    most, start, rows = memory / ENTRY_BYTES, 0, left.shape[0]
    while start < rows:
        stop = max(int(np.searchsorted(total, total[start] + most, side="right")) - 1, start + 1)
        yield slice(start, stop)
        start = stop


def square_items(memory: int, entry: int = EASE_BYTES) -> int:
    """The most items whose dense square of ``entry`` bytes each fits: by default, that may be inverted (EASE)."""
    return math.isqrt(memory // entry)
