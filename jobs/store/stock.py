"""Stock on hand and on the way: a shopkeeper who orders by recent sales and is at times too late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.store.catalogue import Items
from jobs.store.world import WorldParams, chance

HORIZON = 16  # days ahead for which arrivals are kept; longer than any lead time
COVER_DAYS = 11  # ordered when stock and what is on the way last for less
ORDER_DAYS = 24  # ordered up to as many days of sales
MEMORY_DAYS = 21  # of the shopkeeper's mean of sales


@dataclass
class Stock:
    """Arrays over items: ``on_hand`` pieces, ``coming`` [items, HORIZON] by day modulo HORIZON, ``pace`` sold a day."""

    on_hand: np.ndarray
    coming: np.ndarray
    pace: np.ndarray

    @staticmethod
    def empty() -> Stock:
        """Of no items."""
        return Stock(np.zeros(0, np.int64), np.zeros((0, HORIZON), np.int64), np.zeros(0))

    def extended(self, params: WorldParams, of: Items, day: int) -> Stock:
        """The same with the first stock of items that are new."""
        known, new = len(self.on_hand), len(of) - len(self.on_hand)
        if not new:
            return self
        rng = chance(params, "first stock", day)
        lines_a_day = 0.06 * params.customers
        share = np.exp(of.quality[known:]) / np.exp(of.quality).sum()
        pace = np.maximum(lines_a_day * share, 0.03)
        first = np.ceil(pace * rng.uniform(8, 30, new)).astype(np.int64) + 4
        coming = np.concatenate([self.coming, np.zeros((new, HORIZON), np.int64)])
        return Stock(np.concatenate([self.on_hand, first]), coming, np.concatenate([self.pace, pace]))

    def morning(self, day: int) -> Stock:
        """After the day's deliveries came in."""
        coming = self.coming.copy()
        arrived = coming[:, day % HORIZON].copy()
        coming[:, day % HORIZON] = 0
        return Stock(self.on_hand + arrived, coming, self.pace)

    def evening(self, params: WorldParams, of: Items, day: int, sold: np.ndarray) -> Stock:
        """After ``sold`` pieces left and the shopkeeper ordered; lead times are 2 to 12 days."""
        rng = chance(params, "orders of stock", day)
        on_hand = self.on_hand - sold
        pace = self.pace + (sold - self.pace) / MEMORY_DAYS
        there = on_hand + self.coming.sum(axis=1)
        short = (there < pace * COVER_DAYS + 2) & of.on_sale(day) & (rng.random(len(of)) < 0.6)
        lead = rng.integers(2, 13, len(of))
        wanted = np.ceil(pace * ORDER_DAYS + 5).astype(np.int64) - there
        coming = self.coming.copy()
        coming[np.arange(len(of)), (day + lead) % HORIZON] += np.where(short, np.maximum(wanted, 0), 0)
        return Stock(on_hand, coming, pace)
