"""Look-ups of pairs in sparse scores."""

import numpy as np
from scipy import sparse

from jobs.recommendations.pair_features import lookup


def test_lookup_reads_rows_with_columns_in_any_order_and_empty_rows():
    matrix = sparse.csr_matrix((np.array([5.0, 4, 7], np.float32), [3, 0, 2], [0, 2, 2, 3]), shape=(3, 4))
    found = lookup(matrix, np.array([0, 3, 4, 6]), np.array([0, 1, 3, 0, 0, 2]))
    assert found.dtype == np.float32 and found.tolist() == [4, 0, 5, 0, 0, 7]
