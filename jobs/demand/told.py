"""What was said of items and when, in periods: an origin sees nothing that was said after it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import pandas as pd

from jobs.demand.calendar import Calendar


@dataclass(frozen=True)
class Told:
    """Arrays of one length, an entry each: ``item`` (position), ``first`` period, ``told`` (period in which it became
    known) and ``until`` (the one in which it was said no more); more of them in the classes below it."""

    item: np.ndarray
    first: np.ndarray
    told: np.ndarray
    until: np.ndarray

    def of(self, rows: np.ndarray, items: int) -> Self:
        """Those of some of ``items`` items, by position or mask."""
        place = np.full(items, -1)
        chosen = np.arange(items)[rows]
        place[chosen] = np.arange(len(chosen))
        kept = place[self.item] >= 0
        entries = {of.name: getattr(self, of.name)[kept] for of in fields(self)}
        return replace(self, **entries | {"item": place[self.item[kept]]})


def periods(rows: pd.DataFrame, begins: str, calendar: Calendar) -> dict[str, np.ndarray]:
    """The arrays of :class:`Told` of rows with ``place``, the day in ``begins``, ``known_from`` and ``known_until``."""
    return {
        "item": rows["place"].to_numpy(),
        "first": calendar.period_of(rows[begins]),
        "told": calendar.told_in(rows["known_from"]),
        "until": calendar.told_in(rows["known_until"]),
    }


def placed(keys: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of items with their positions in ``keys`` as ``place``, a row for each place of an item; of others none."""
    return keys.reset_index(drop=True).reset_index(names="place").merge(rows, on="item_id", how="inner")
