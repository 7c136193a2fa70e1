"""The days of a store, past and to come: which are open. A store with weekly sums has weeks for days.

Past days are open when anything was sold; days to come by the store's closed weekdays, the weekdays on which nothing
was sold of late, and its country's holidays where the store has kept them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import holidays as public
import numpy as np
import pandas as pd

from jobs.lib.stores import Store

LATE_WEEKS = 8  # a weekday without a sale for so long is closed
RUN_DAYS = 3  # so many closed days in a row a year ago were the store's own holiday, and come again


@dataclass(frozen=True)
class Calendar:
    """``days`` are the first days of the periods, ``past`` of them known; ``period`` their length in days, 1 or 7.
    ``is_open`` covers all of them, ``lines`` (order lines of the whole store) and ``items`` (that sold) the past."""

    days: np.ndarray
    past: int
    period: int
    is_open: np.ndarray
    planned: np.ndarray
    lines: np.ndarray
    units: np.ndarray
    items: np.ndarray

    @property
    def horizon(self) -> int:
        """Periods to come."""
        return len(self.days) - self.past

    @property
    def weekday(self) -> np.ndarray:
        """0 for Monday; 0 throughout where a period is a week."""
        return ((self.days.astype(np.int64) + 3) % 7 if self.period == 1 else np.zeros(len(self.days))).astype(int)

    @property
    def year(self) -> int:
        """Periods of 52 weeks: what lies a year back, on the same weekday."""
        return 364 // self.period

    def periods(self, days: int) -> int:
        """So many days in periods, at least one."""
        return max(1, days // self.period)

    def at(self, past: int, horizon: int | None = None) -> Calendar:
        """As it was known when ``past`` periods were: what came after them is as planned."""
        end = past + (self.horizon if horizon is None else horizon)
        is_open = np.concatenate([self.is_open[:past], self.planned[past:end]])
        told = {name: getattr(self, name)[:past] for name in ("lines", "units", "items")}
        return replace(self, days=self.days[:end], past=past, is_open=is_open, planned=self.planned[:end], **told)


def calendar(store_days: pd.DataFrame, store: Store, as_of: date, horizon_days: int) -> Calendar:
    """The calendar as of a day. ``store_days`` has a row a day on which anything was sold: ``day``, ``lines``,
    ``units``, ``items``. The horizon begins the day after ``as_of``; weeks begin as the store's own weeks do."""
    period = 7 if store.period == "week" else 1
    sold = store_days.sort_values("day")
    last = np.datetime64(as_of, "D")
    begin = pd.to_datetime(sold["day"]).to_numpy("datetime64[D]")
    first = begin[0] if len(begin) else last
    # Weeks are counted back from the newest one that the store has told of.
    newest = begin[-1] if period == 7 and len(begin) else last
    past = max(int((newest - first).astype(int)) // period + 1, 1)
    ahead = max(1, horizon_days // period)
    days = newest + (np.arange(past + ahead) - past + 1) * period
    told = sold.assign(day=begin).set_index("day").reindex(days[:past])[["lines", "units", "items"]].fillna(0.0)
    lines, units, items = (told[name].to_numpy(float) for name in ("lines", "units", "items"))
    planned = np.ones(len(days), bool) if period == 7 else _planned(days, past, lines > 0, store)
    is_open = np.concatenate([lines > 0, planned[past:]])
    return Calendar(days, past, period, is_open, planned, lines, units, items)


def _planned(days: np.ndarray, past: int, was_open: np.ndarray, store: Store) -> np.ndarray:
    weekday = (days.astype(np.int64) + 3) % 7
    closed = set(store.closed_weekdays)
    late = slice(max(0, past - 7 * LATE_WEEKS), past)
    if past >= 7 * LATE_WEEKS:
        closed |= {d for d in range(7) if not was_open[late][weekday[late] == d].any()}
    planned = ~np.isin(weekday, sorted(closed))
    holiday = _holidays(days, store.holidays_country)
    before = holiday[:past] & planned[:past]
    if holiday.any() and (not before.any() or was_open[before].mean() < 0.5):
        planned &= ~holiday
    return planned & ~_again(planned, was_open, past)


def _holidays(days: np.ndarray, country: str | None) -> np.ndarray:
    if country is None:
        return np.zeros(len(days), bool)
    years = range(int(str(days[0])[:4]), int(str(days[-1])[:4]) + 1)
    known = np.array(sorted(public.country_holidays(country, years=years)), "datetime64[D]")
    return np.isin(days, known)


def _again(planned: np.ndarray, was_open: np.ndarray, past: int) -> np.ndarray:
    """Days to come that a year (364 days, the same weekday) ago were within the store's own holiday."""
    shut = planned[:past] & ~was_open
    run = np.zeros(past, int)
    at = np.flatnonzero(planned[:past])
    length = 0
    for day in at:
        length = length + 1 if shut[day] else 0
        if length >= RUN_DAYS:
            run[at[np.searchsorted(at, day) - length + 1 : np.searchsorted(at, day) + 1]] = 1
    found = np.zeros(len(planned), bool)
    ahead = np.arange(past, len(planned))
    known = ahead[ahead - 364 >= 0]
    found[known] = run[known - 364] > 0
    return found
