"""Which list prices held and were planned, as any earlier day knew it: no origin sees a change announced after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.demand.calendar import Calendar
from jobs.demand.told import Told, periods, placed


@dataclass(frozen=True)
class ListPrices(Told):
    """Prices in the order of the days from which they hold, an entry each: besides what :class:`Told` has the
    ``price``."""

    price: np.ndarray

    def changes(self, items: int, past: int, horizon: int) -> np.ndarray:
        """Logarithm of the price planned for each of the ``horizon`` periods after ``past`` over the price in force on
        the last one before (item, period), as it was said when ``past`` periods were known; 0 where either is not
        known. Where the list has no price of that last period any more, the last one that it dropped after it had
        begun was in force: a list may show an item's next price in place of today's."""
        if not len(self.item):  # as in most stores: training asks for hundreds of days
            return np.zeros((items, horizon))
        known = self.told < past
        had_begun = known & (self.until < past) & (self.first <= self.until)
        stands = known & (past <= self.until) & (self.first < past + horizon)
        price = np.full((items, horizon + 1), np.nan)
        # Of several entries of an item and period the last one written counts.
        price[self.item[had_begun], 0] = self.price[had_begun]
        price[self.item[stands], np.maximum(self.first[stands] - past + 1, 0)] = self.price[stands]
        period = np.where(np.isnan(price), 0, np.arange(horizon + 1))
        in_force = np.take_along_axis(price, np.maximum.accumulate(period, axis=1), axis=1)
        return np.nan_to_num(np.log(in_force[:, 1:] / in_force[:, :1]))


def list_prices(keys: pd.DataFrame, prices: pd.DataFrame | None, calendar: Calendar) -> ListPrices:
    """The rows of :func:`jobs.features.list_prices.list_prices` (``item_id, valid_from, price, known_from,
    known_until``) in periods of the calendar; items by their positions in ``keys``. A price counts in the whole of the
    period in which it begins; one that is not above 0 is none."""
    if prices is None or not len(prices):
        return ListPrices(*np.zeros((5, 0), int))
    told = prices.assign(price=prices["price"].astype(float)).query("price > 0")
    rows = placed(keys, told).sort_values(["valid_from", "known_from"], kind="stable")
    return ListPrices(**periods(rows, "valid_from", calendar), price=rows["price"].to_numpy())
