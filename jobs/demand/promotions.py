"""Which items were promoted when, as any earlier day knew it: no origin sees a campaign that was announced after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.demand.calendar import Calendar
from jobs.demand.told import Told, periods, placed


@dataclass(frozen=True)
class Promotions(Told):
    """Spans, an entry each: besides what :class:`Told` has the ``last`` period, and ``depth``, the share of the price
    that is taken off."""

    last: np.ndarray
    depth: np.ndarray

    def seen(self, items: int, known: np.ndarray) -> np.ndarray:
        """Whether each item is promoted in each period (item, period), where of period t that is said which stood when
        ``known[t]`` periods were known."""
        entry, period = self._standing(known)
        found = np.zeros((items, len(known)), bool)
        found[self.item[entry], period] = True
        return found

    def depths(self, items: int, known: np.ndarray) -> np.ndarray:
        """The deepest promotion of each item in each period, 0 without one, said when as in :meth:`seen`."""
        entry, period = self._standing(known)
        found = np.zeros((items, len(known)))
        np.maximum.at(found, (self.item[entry], period), self.depth[entry])
        return found

    def _standing(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Entries and the periods in which they stand, a pair each."""
        first, last = np.maximum(self.first, 0), np.minimum(self.last, len(known) - 1)
        length = np.maximum(last - first + 1, 0)
        entry = np.repeat(np.arange(len(length)), length)
        period = np.arange(len(entry)) - np.repeat(np.cumsum(length) - length, length) + first[entry]
        stood = (self.told[entry] < known[period]) & (known[period] <= self.until[entry])
        return entry[stood], period[stood]


def promotions(keys: pd.DataFrame, campaigns: pd.DataFrame | None, calendar: Calendar) -> Promotions:
    """The spans of :func:`jobs.features.campaigns.campaigns` (``item_id, starts_on, ends_on, known_from,
    known_until, depth``) as periods of the calendar; items by their positions in ``keys``."""
    if campaigns is None or not len(campaigns):
        return Promotions(*np.zeros((6, 0), int))
    rows = placed(keys, campaigns)
    last, depth = calendar.period_of(rows["ends_on"]), rows["depth"].to_numpy(float)
    return Promotions(**periods(rows, "starts_on", calendar), last=last, depth=depth)
