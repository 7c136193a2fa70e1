"""Prices, costs and promotions. A simple process; the fuller world of prices takes this module's place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.store import catalogue
from jobs.store.catalogue import Items
from jobs.store.world import WorldParams, chance

CAMPAIGN_WEEKDAY = 3  # campaigns begin on Thursdays
ANNOUNCED_DAYS = 10  # so long before it holds a new price is told; what costs become is told on the day


@dataclass
class Prices:
    """Arrays over items: ``price`` before promotions and ``cost``, both in the shop's currency per piece."""

    price: np.ndarray
    cost: np.ndarray

    def extended(self, of: Items) -> Prices:
        """The same with the first prices of items that are new."""
        known = len(self.price)
        first = of.base_price[known:]
        return Prices(
            np.concatenate([self.price, first]),
            np.concatenate([self.cost, np.round(first * (1 - of.margin[known:]), 2)]),
        )


@dataclass(frozen=True)
class Promotion:
    """One campaign: items with their depths (share of the price) and whether they stand on the front page."""

    number: int
    starts: int
    ends: int  # the last day
    items: np.ndarray
    depth: np.ndarray
    featured: np.ndarray


def moved(params: WorldParams, of: Items, prices: Prices, day: int) -> tuple[Prices, np.ndarray]:
    """Prices of the day after yesterday's, and the items whose price or cost is another (or new), as numbers."""
    before = len(prices.price)
    now = prices.extended(of)
    rng = chance(params, "prices", day)
    moves, shocks = rng.random(len(of)) < 0.008, rng.random(len(of)) < 0.003
    step, shock = np.exp(rng.normal(0, 0.09, len(of))), np.exp(rng.normal(0.01, 0.06, len(of)))
    cost = np.where(shocks, np.round(now.cost * shock, 2), now.cost)
    target = np.clip(of.base_price * step, cost * 1.08, of.base_price * 1.4)
    price = np.where(
        moves & of.on_sale(day), np.maximum(np.floor(target), 1) + rng.choice((0.95, 0.99, 0.49), len(of)), now.price
    )
    changed = (price != now.price) | (cost != now.cost)
    changed[before:] = True
    return Prices(price, cost), np.flatnonzero(changed)


def announced(params: WorldParams, prices: Prices, day: int) -> tuple[np.ndarray, np.ndarray]:
    """The items that were there on a day, whose prices these are, and get another one ``ANNOUNCED_DAYS`` later, as
    numbers, and that price of each. Chance is drawn by days: what is foreseen is what comes."""
    before = now = prices
    for ahead in range(day + 1, day + ANNOUNCED_DAYS + 1):
        before, (now, _) = now, moved(params, catalogue.items(params, ahead), now, ahead)
    known = len(prices.price)
    other = np.flatnonzero(now.price[:known] != before.price[:known])
    return other, now.price[other]


def promotions(params: WorldParams, of: Items, day: int, weekday: int) -> list[Promotion]:
    """The campaigns that run on the day; they begin weekly and last 5 to 12 days."""
    last_start = day - (weekday - CAMPAIGN_WEEKDAY) % 7
    found = []
    for start in (last_start - 7, last_start):
        if start < 0:
            continue
        rng = chance(params, "campaign", start)
        length = int(rng.integers(5, 13))
        there = np.flatnonzero(of.on_sale(start) & (of.launched < start))
        picked = np.sort(rng.choice(there, max(1, round(len(there) * 0.035)), replace=False))
        depth = rng.choice((0.1, 0.15, 0.2, 0.25, 0.3), len(picked))
        featured = rng.random(len(picked)) < 0.4
        if start + length - 1 >= day:
            found.append(Promotion(1000 + start, start, start + length - 1, picked, depth, featured))
    return found


def depth_of(running: list[Promotion], items: int) -> tuple[np.ndarray, np.ndarray]:
    """The deepest cut of each item (0 without one) and whether it is featured, arrays over items."""
    depth, featured = np.zeros(items), np.zeros(items, dtype=bool)
    for promotion in running:
        known = promotion.items < items
        at = promotion.items[known]
        depth[at] = np.maximum(depth[at], promotion.depth[known])
        featured[at] |= promotion.featured[known]
    return depth, featured
