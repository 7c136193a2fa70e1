"""A ceiling that holds: blocks by hand, and two hundred thousand items under half a gigabyte."""

import subprocess
import sys

import numpy as np
from scipy import sparse

from jobs.recommendations import ceiling, item_item
from jobs.recommendations.item_item import ItemItemParams


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


# Asked of a process of its own: what compiled code holds, Python does not count.
GROWTH = """
import resource
import numpy as np
from scipy import sparse
import pandas as pd
from jobs.recommendations import basket, content, embeddings, item_item
from jobs.recommendations.basket import BasketParams
from jobs.recommendations.embeddings import EmbeddingParams
from jobs.recommendations.item_item import ItemItemParams

ITEMS = 200_000

def drawn(rows, columns, each):
    column = np.random.default_rng(1).integers(0, columns, rows * each)
    entries = (np.ones(rows * each, np.float32), (np.repeat(np.arange(rows), each), column))
    return sparse.csr_matrix(entries, (rows, columns))

def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def made(few, many, columns=ITEMS):
    # Compiled before, on little: the compiler is not what is measured.
    few()
    before = held()
    found = many()
    assert found.shape == (ITEMS, columns) and (found != 0).sum()
    print(held() - before)

"""


def grown(code: str) -> float:
    """MiB by which a process grew in ``made(…)`` of this code."""
    done = subprocess.run([sys.executable, "-c", GROWTH + code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_texts_of_many_items_are_compared_under_a_ceiling():
    """Each of two words is shared by a thousand items: whole, the product would hold 400 million entries, 4.6 GiB."""
    text = "content.unit_rows(drawn(%s, %s, 2)).astype(np.float32)"
    few, many = text % (100, 10), text % ("ITEMS", "ITEMS // 500")
    assert grown(f"text = {many}\nmade(lambda: content.neighbours({few}), lambda: content.neighbours(text))") < 500


def test_histories_of_many_items_are_compared_under_a_ceiling():
    """Ten thousand customers with a hundred items each: whole, the product would hold 100 million entries, 1.1 GiB."""
    code = """
params = ItemItemParams(cosine_neighbours=10)
history = drawn(10_000, ITEMS, 100)
few = drawn(10, 20, 3)
made(lambda: item_item.cosine(few, np.arange(20), params), lambda: item_item.cosine(history, np.arange(ITEMS), params))
"""
    assert grown(code) < 500


def test_weights_of_many_items_are_learnt_under_a_ceiling():
    """EASE inverts a square of items: of all 200,000 it would take 450 GiB, of its usual 8,000 more than is given."""
    code = """
params = ItemItemParams(memory=100 * 2**20, cosine_neighbours=10)
made(lambda: item_item.fit(drawn(10, 20, 3), params), lambda: item_item.fit(drawn(10_000, ITEMS, 100), params))
"""
    assert grown(code) < 500


def test_embeddings_of_many_items_are_learnt_under_a_ceiling():
    code = """
params = EmbeddingParams(memory=100 * 2**20)
made(lambda: embeddings.fit(drawn(50, 40, 5), params), lambda: embeddings.fit(drawn(10_000, ITEMS, 100), params), 32)
"""
    assert grown(code) < 500


def test_baskets_of_many_items_are_counted_under_a_ceiling():
    """Ten thousand orders of a hundred items each: whole, their pairs would be 100 million entries, 1.1 GiB."""
    code = """
params = BasketParams(memory=100 * 2**20, min_orders=1)

def pairs(orders, items, each):
    held = drawn(orders, items, each).tocoo()
    held = pd.DataFrame({"order_id": held.row, "item_id": held.col})
    return basket.together(held, pd.Index(np.arange(items)), lambda item, other: item >= 0, params).lift

made(lambda: pairs(10, 20, 3), lambda: pairs(10_000, ITEMS, 100))
"""
    assert grown(code) < 500
