"""What is bought in one basket: pairs of items by lift, shrunk where few orders stand behind it.

``bought_together`` lists and the source "same basket" of personal lists count the same pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from jobs.features.learning import sold
from jobs.recommendations.ceiling import MEMORY, blocks
from jobs.recommendations.rows import keep_strongest

PLACES = 20  # partners of an item


@dataclass(frozen=True)
class BasketParams:
    """Bounds of the orders looked at and of the memory to count pairs in (bytes), and what a pair must show: so many
    orders and a lift above ``min_lift``. ``is_weekly``: the store's orders are weeks, none of them a basket."""

    orders: int = 200_000
    days: int = 365
    min_orders: int = 5
    min_lift: float = 1.0
    shrinkage: float = 10.0
    memory: int = MEMORY
    is_weekly: bool = False


@dataclass(frozen=True)
class Together:
    """Items × items: each item's partners by shrunk lift, and of these the lift itself and the orders with both."""

    shrunk_lift: sparse.csr_matrix
    lift: sparse.csr_matrix
    orders: sparse.csr_matrix


def baskets(order_lines: DataFrame, as_of: date, params: BasketParams) -> pd.DataFrame:
    """Distinct (order_id, item_id) of at most ``params.orders`` orders of the year before ``as_of``, guests' among
    them. None of a weekly store: its orders hold all that a place sold in a week, which nobody bought together."""
    if params.is_weekly:
        return pd.DataFrame(columns=["order_id", "item_id"], dtype=object)
    day = F.col("order_date")
    recent = (day > F.date_sub(F.lit(as_of), params.days)) & (day <= F.lit(as_of))
    held = sold(order_lines).where(recent).select("order_id", "item_id").distinct()
    chosen = held.select("order_id").distinct().orderBy(F.xxhash64("order_id"), "order_id").limit(params.orders)
    return held.join(F.broadcast(chosen), "order_id", "left_semi").toPandas()


def together(
    held: pd.DataFrame,
    index: pd.Index,
    may_stand: Callable[[np.ndarray, np.ndarray], np.ndarray],
    params: BasketParams,
) -> Together:
    """Counts the pairs of baskets in blocks of items (``index``: their numbers by id), keeping each item's strongest
    partners among those that ``may_stand`` beside it."""
    orders, row = np.unique(held["order_id"].to_numpy(object), return_inverse=True)
    column = index.get_indexer(held["item_id"])
    known = column >= 0
    shape = (len(orders), len(index))
    by_order = sparse.csr_matrix((np.ones(known.sum(), np.float32), (row[known], column[known])), shape=shape)
    by_item = by_order.T.tocsr()
    count = np.diff(by_item.indptr).astype(np.float32)
    shrunk, lift, pairs = [], [], []
    for block in blocks(by_item, by_order, params.memory):
        both = (by_item[block] @ by_order).tocsr()
        both.sort_indices()
        item = np.repeat(np.arange(block.start, block.stop), np.diff(both.indptr))
        is_pair = (both.data >= params.min_orders) & (item != both.indices) & may_stand(item, both.indices)
        times = both.data * len(orders) / (count[item] * count[both.indices])
        value = np.where(is_pair & (times > params.min_lift), times * both.data / (both.data + params.shrinkage), 0)
        kept = keep_strongest(like(both, value), PLACES)
        mask = kept.astype(bool)
        shrunk.append(kept)
        lift.append(like(both, times).multiply(mask).tocsr())
        pairs.append(both.multiply(mask).tocsr())
    return Together(*[sparse.vstack(parts).tocsr() for parts in (shrunk, lift, pairs)])


def like(matrix: sparse.csr_matrix, data: np.ndarray) -> sparse.csr_matrix:
    """Other values at the same places; the columns of each row must be in order."""
    return sparse.csr_matrix((data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
