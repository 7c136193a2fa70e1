"""A ceiling that holds: blocks by hand, and two hundred thousand items under a few megabytes."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from jobs.recommendations import ceiling, content, item_item
from jobs.recommendations.item_item import ItemItemParams

ITEMS = 200_000
MEMORY = 16 * 2**20


def test_blocks_are_whole_rows_under_the_ceiling_and_a_large_row_stands_alone():
    left = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 0], [1, 1], [0, 1]], np.float32))
    right = sparse.csr_matrix(np.array([[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0]], np.float32))
    found = list(ceiling.blocks(left, right, memory=4 * ceiling.ENTRY_BYTES))
    assert found == [slice(0, 3), slice(3, 4), slice(4, 5)]
    assert list(ceiling.blocks(left, right, memory=2**30)) == [slice(0, 5)]
    assert list(ceiling.blocks(left[:0], right, memory=1)) == []


def test_a_lower_ceiling_leaves_ease_fewer_items():
    history = sparse.csr_matrix((np.random.default_rng(1).random((60, 12)) < 0.5).astype(np.float32))
    params = ItemItemParams(ease_support=1, memory=12 * 5**2)
    assert (
        item_item.fit(history, params) != item_item.fit(history, ItemItemParams(ease_support=1, ease_items=5))
    ).nnz == 0


@pytest.fixture
def peak():
    """Bytes held at the most since the call before."""
    tracemalloc.start()
    yield lambda: (tracemalloc.get_traced_memory()[1], tracemalloc.reset_peak())[0]
    tracemalloc.stop()


def drawn(rows: int, columns: int, each: int) -> sparse.csr_matrix:
    """``each`` ones a row, evenly over the columns."""
    column = np.random.default_rng(1).integers(0, columns, rows * each)
    found = sparse.csr_matrix(
        (np.ones(rows * each, np.float32), (np.repeat(np.arange(rows), each), column)), (rows, columns)
    )
    found.sum_duplicates()
    return found


def test_texts_of_many_items_are_compared_under_the_ceiling(peak):
    """Each of two words is shared by ten items: whole, the product would hold four million entries, 128 MB."""
    text = content.unit_rows(drawn(ITEMS, ITEMS // 5, 2)).astype(np.float32)
    held = peak()
    found = content.neighbours(text, MEMORY)
    assert found.shape == (ITEMS, ITEMS) and np.diff(found.indptr).max() <= content.NEIGHBOURS
    assert peak() - held < 2 * MEMORY + 5 * (found.data.nbytes + found.indices.nbytes)


def test_histories_of_many_items_are_compared_under_the_ceiling(peak):
    history = drawn(10_000, ITEMS, 20)
    held = peak()
    found = item_item.cosine(history, np.arange(ITEMS), ItemItemParams(memory=MEMORY, cosine_neighbours=20))
    assert found.shape == (ITEMS, ITEMS)
    assert peak() - held < 2 * MEMORY + 6 * (found.data.nbytes + found.indices.nbytes)
