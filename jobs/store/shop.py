"""The shop as it stands on one day: what is on sale at what price, what it is worth to people, and its own lists.

Before anything is published the shop shows what shops show: what sells most, what is new, what one bought last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from jobs.store import catalogue, prices
from jobs.store.catalogue import LEAVES, Items
from jobs.store.stock import Stock
from jobs.store.world import WorldParams

HOUSE = "house"  # the release that stands in events when a list was the shop's own
PLACEMENTS = ("home", "buy_again", "discover", "related", "search")
HOME, BUY_AGAIN, DISCOVER, RELATED, SEARCH = range(5)
SHOWN = (8, 4, 4, 4, 6)  # places of each placement that a page shows
POPULARITY_DAYS = 12  # half life of the shop's own count of sales


@dataclass(frozen=True)
class Shop:
    """Arrays over items unless said otherwise; built from the state of the evening before."""

    day: int
    date: date
    items: Items
    price: np.ndarray  # what a shopper pays today
    cost: np.ndarray
    depth: np.ndarray  # share taken off by a promotion
    appeal: np.ndarray  # utility before taste and price: quality, drift, season, featured
    dearness: np.ndarray  # log of today's price against the usual one
    on_sale: np.ndarray  # listed
    in_stock: np.ndarray  # listed, and pieces on hand this morning
    popular: np.ndarray  # item numbers, most sold of late first, in stock
    fresh: np.ndarray  # item numbers of the shop's "new and popular"
    leaf_top: np.ndarray  # [leaves, 8] most sold of each leaf, -1 where there is none
    leaf_order: np.ndarray  # item numbers by leaf
    leaf_weight: np.ndarray  # cumulated browsing weight along leaf_order, with a leading 0
    leaf_start: np.ndarray  # [leaves + 1] where each leaf begins in leaf_order

    def browse(self, leaf: np.ndarray, luck: np.ndarray) -> np.ndarray:
        """An item of each leaf, drawn by popularity with ``luck`` from [0, 1); -1 where the leaf has none."""
        low, high = self.leaf_weight[self.leaf_start[leaf]], self.leaf_weight[self.leaf_start[leaf + 1]]
        at = np.searchsorted(self.leaf_weight, low + luck * (high - low), side="right") - 1
        at = np.clip(at, 0, len(self.leaf_order) - 1)
        return np.where(high > low, self.leaf_order[at], -1)


def open_shop(
    params: WorldParams,
    day: int,
    today: date,
    now: prices.Prices,
    running: list[prices.Promotion],
    stock: Stock,
    sales: np.ndarray,
) -> Shop:
    """The shop of the day; ``sales`` is the decayed count of pieces sold by item."""
    of = catalogue.items(params, day)
    depth, featured = prices.depth_of(running, len(of))
    paid = np.round(now.price * (1 - depth), 2)
    on_sale = of.on_sale(day)
    in_stock = on_sale & (stock.on_hand > 0)
    count = sales + 0.3 * np.exp(of.quality)
    popular = np.argsort(-np.where(in_stock, count, -1), kind="stable")[: in_stock.sum()]
    novelty = count * np.exp(-np.maximum(day - of.launched, 0) / 30.0)
    fresh = np.argsort(
        -np.where(in_stock & (depth + featured + (of.launched > day - 60) > 0), novelty + depth * 20, -1), kind="stable"
    )
    order = np.lexsort((-count, of.leaf))
    order = order[on_sale[order]]
    weight = count[order] ** 0.3 + 0.05
    start = np.searchsorted(of.leaf[order], np.arange(len(LEAVES) + 1))
    return Shop(
        day=day, date=today, items=of, price=paid, cost=now.cost, depth=depth,
        appeal=catalogue.day_appeal(params, of, day, today.timetuple().tm_yday) + 0.35 * featured.astype(np.float32),
        dearness=np.log(paid / of.base_price), on_sale=on_sale, in_stock=in_stock,
        popular=popular[:200], fresh=fresh[:50], leaf_top=_leaf_top(of, popular),
        leaf_order=order, leaf_weight=np.concatenate([[0.0], np.cumsum(weight)]), leaf_start=start,
    )  # fmt: skip


def _leaf_top(of: Items, popular: np.ndarray) -> np.ndarray:
    """The first eight of each leaf along ``popular``."""
    top = np.full((len(LEAVES), 8), -1, dtype=np.int64)
    by_leaf = popular[np.argsort(of.leaf[popular], kind="stable")]
    start = np.searchsorted(of.leaf[by_leaf], np.arange(len(LEAVES) + 1))
    for leaf in range(len(LEAVES)):
        found = by_leaf[start[leaf] : start[leaf + 1]][:8]
        top[leaf, : len(found)] = found
    return top
