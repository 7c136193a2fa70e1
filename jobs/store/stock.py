"""Stock on hand and on the way: a shopkeeper who orders by recent sales and is at times too late."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from jobs.store.catalogue import Items
from jobs.store.suppliers import Supply
from jobs.store.world import WorldParams, chance

HORIZON = 16  # days ahead for which arrivals are kept; longer than any lead time or way back
COVER_DAYS = 11  # ordered when stock and what is on the way last for less
ORDER_DAYS = 24  # ordered up to as many days of sales
MEMORY_DAYS = 21  # of the shopkeeper's mean of sales
NEVER_PLACED = -1_000


@dataclass
class Stock:
    """Arrays over items: ``on_hand`` pieces, ``pace`` sold a day; by day modulo HORIZON [items, HORIZON] ``coming``,
    from suppliers, ``placed``, the day of the last order that arrives then, and ``back``, sellable pieces sent back."""

    on_hand: np.ndarray
    coming: np.ndarray
    pace: np.ndarray
    placed: np.ndarray
    back: np.ndarray

    @staticmethod
    def empty() -> Stock:
        """Of no items."""
        nothing = np.zeros((0, HORIZON), np.int64)
        return Stock(np.zeros(0, np.int64), nothing, np.zeros(0), nothing, nothing)

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
        nothing = np.zeros((new, HORIZON), np.int64)
        first_stock = Stock(first, nothing, pace, np.full((new, HORIZON), NEVER_PLACED), nothing)
        joined = (np.concatenate([getattr(part, one.name) for part in (self, first_stock)]) for one in fields(Stock))
        return Stock(*joined)

    def morning(self, day: int) -> Stock:
        """After the day's deliveries and returns came in."""
        today = day % HORIZON
        coming, back = self.coming.copy(), self.back.copy()
        coming[:, today] = back[:, today] = 0
        on_hand = self.on_hand + self.coming[:, today] + self.back[:, today]
        return Stock(on_hand, coming, self.pace, self.placed.copy(), back)

    def evening(
        self, params: WorldParams, of: Items, by: Supply, day: int, sold: np.ndarray, back: np.ndarray
    ) -> Stock:
        """After ``sold`` pieces left, ``back`` [items, HORIZON] of them to come again, and the shopkeeper ordered."""
        rng = chance(params, "orders of stock", day)
        on_hand = self.on_hand - sold
        pace = self.pace + (sold - self.pace) / MEMORY_DAYS
        there = on_hand + self.coming.sum(axis=1)
        short = (there < pace * COVER_DAYS + 2) & of.on_sale(day) & (rng.random(len(of)) < 0.6)
        wanted = np.ceil(pace * ORDER_DAYS + 5).astype(np.int64) - there
        ordered = np.where(short, by.lots(np.maximum(wanted, 0)), 0)
        coming, placed = self.coming.copy(), self.placed.copy()
        at = np.flatnonzero(ordered)
        arrives = (day + by.leads(params, day)[at]) % HORIZON
        coming[at, arrives] += ordered[at]
        placed[at, arrives] = day
        return Stock(on_hand, coming, pace, placed, self.back + back)

    def on_way(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What was ordered and has not arrived: item numbers, pieces, day of the order."""
        item, slot = np.nonzero(self.coming)
        return item, self.coming[item, slot], self.placed[item, slot]
