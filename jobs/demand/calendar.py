"""The days of a store, past and to come: which are open. A store with weekly sums has weeks for days.

Past days are open when anything was sold; days to come by the store's closed weekdays, the weekdays on which nothing
was sold of late, and its country's holidays where the store has kept them. In a busy store a day without a sale was
closed, or its file is missing. Where so many are without one that this cannot be, they were open and nobody bought:
left out, they would leave only the good days to learn from, and every day to come would be forecast as one of those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import holidays as public
import numpy as np
import pandas as pd

from jobs.lib.stores import Store

LATE_WEEKS = 8  # a weekday without a sale for so long is closed, in all but slow stores
RUN_DAYS = 3  # so many closed days in a row a year ago were the store's own holiday, and come again
NEVER = np.iinfo(np.int64).max  # the period of a day that does not come
CHANCE = 0.0001  # what is no likelier than this to come by itself, days without a sale in a row, has a reason
# A weekday on which fewer of the days to be open than this had a sale is a slow one. Public holidays that the calendar
# does not know of take a busy store's Mondays to 0.85 of half a year at the least.
SLOW_SHARE = 0.8
SLOW_WEEKS = 26


@dataclass(frozen=True)
class Calendar:
    """``days`` are the first days of the periods, ``past`` of them known; ``period`` their length in days, 1 or 7.
    ``is_open`` covers all of them, ``lines`` (order lines of the whole store) and ``items`` (that sold) the past."""

    days: np.ndarray
    past: int
    period: int
    is_open: np.ndarray
    lines: np.ndarray
    units: np.ndarray
    items: np.ndarray
    store: Store

    @property
    def horizon(self) -> int:
        """Periods to come."""
        return len(self.days) - self.past

    @property
    def weekday(self) -> np.ndarray:
        """0 for Monday; 0 throughout where a period is a week."""
        return _weekdays(self.days, self.period)

    @property
    def year(self) -> int:
        """Periods of 52 weeks: what lies a year back, on the same weekday."""
        return 364 // self.period

    def periods(self, days: int) -> int:
        """So many days in periods, at least one."""
        return max(1, days // self.period)

    def period_of(self, day: pd.Series) -> np.ndarray:
        """The period in which each day lies, less than 0 before the first, :data:`NEVER` for null."""
        when = pd.to_datetime(day).to_numpy("datetime64[D]")
        return np.where(np.isnat(when), NEVER, (when - self.days[0]).astype(int) // self.period)

    def told_in(self, known_day: pd.Series) -> np.ndarray:
        """The period in which what became known on each day was told, :data:`NEVER` for null. The night knows all of
        it, also where it is days after the newest week that the store has told of."""
        period = self.period_of(known_day)
        return np.where(period < NEVER, np.minimum(period, self.past - 1), NEVER)

    def at(self, past: int, horizon: int | None = None) -> Calendar:
        """As it was known when ``past`` periods were: what came after them is as it was planned by then."""
        days = self.days[: past + (self.horizon if horizon is None else horizon)]
        told = {name: getattr(self, name)[:past] for name in ("lines", "units", "items")}
        planned, _ = _plan(days, self.period, told["lines"] > 0, self.store)
        is_open = np.concatenate([self.is_open[:past], planned[past:]])
        return replace(self, days=days, past=past, is_open=is_open, **told)


def calendar(store_days: pd.DataFrame, store: Store, as_of: date, horizon_days: int) -> Calendar:
    """The calendar as of a day. ``store_days`` has a row a day on which anything was sold: ``day``, ``lines``,
    ``units``, ``items``. The horizon begins the day after ``as_of``; weeks begin as the store's own weeks do."""
    period = 7 if store.period == "week" else 1
    sold = store_days.sort_values("day")
    last = np.datetime64(as_of, "D")
    begin = pd.to_datetime(sold["day"]).to_numpy("datetime64[D]")
    first = begin[0] if len(begin) else last
    # Weeks are those of the newest one that the store has told of; later ones that have begun by now are not told.
    newest = last - (last - begin[-1]) % np.timedelta64(7, "D") if period == 7 and len(begin) else last
    past = max(int((newest - first).astype(int)) // period + 1, 1)
    ahead = max(1, horizon_days // period)
    days = newest + (np.arange(past + ahead) - past + 1) * period
    told = sold.assign(day=begin).set_index("day").reindex(days[:past])[["lines", "units", "items"]].fillna(0.0)
    lines, units, items = (told[name].to_numpy(float) for name in ("lines", "units", "items"))
    sells = lines > 0
    planned, is_slow = _plan(days, period, sells, store)
    is_open = np.concatenate([sells | is_slow, planned[past:]])
    return Calendar(days, past, period, is_open, lines, units, items, store)


def _plan(days: np.ndarray, period: int, sells: np.ndarray, store: Store) -> tuple[np.ndarray, np.ndarray]:
    """Which of the days the store means to open by what is known of the first of them, those that ``sells`` covers; and
    on which of these it was open though nobody may have bought."""
    weekday, past = _weekdays(days, period), len(sells)
    usual = np.ones(len(days), bool) if period == 7 else _usual(days, weekday, past, sells, store)
    share = _shares(usual[:past], sells, weekday[:past])
    is_slow = usual[:past] & (share < SLOW_SHARE)
    shut = _runs(usual[:past], sells, np.where(is_slow, 1 - share, 0.0))
    planned = usual if period == 7 else usual & ~_again(shut, len(days))
    return planned, is_slow & ~shut


def _weekdays(days: np.ndarray, period: int) -> np.ndarray:
    return ((days.astype(np.int64) + 3) % 7 if period == 1 else np.zeros(len(days))).astype(int)


def _usual(days: np.ndarray, weekday: np.ndarray, past: int, was_open: np.ndarray, store: Store) -> np.ndarray:
    """Days on which the store opens by its weekdays and by the holidays that it keeps."""
    closed = set(store.closed_weekdays)
    weeks = _telling_weeks(weekday[:past], was_open)
    if past >= 7 * weeks:
        closed |= set(range(7)) - set(weekday[past - 7 * weeks : past][was_open[past - 7 * weeks :]])
    planned = ~np.isin(weekday, sorted(closed))
    holiday = _holidays(days, store.holidays_country)
    before = holiday[:past] & planned[:past]
    if holiday.any() and (not before.any() or was_open[before].mean() < 0.5):
        planned &= ~holiday
    return planned


def _holidays(days: np.ndarray, country: str | None) -> np.ndarray:
    if country is None:
        return np.zeros(len(days), bool)
    return np.isin(days, _holidays_of(country, int(str(days[0])[:4]), int(str(days[-1])[:4])))


@cache
def _holidays_of(country: str, first: int, last: int) -> np.ndarray:
    """The holidays of the years from ``first`` to ``last``: every origin asks for them."""
    return np.array(sorted(public.country_holidays(country, years=range(first, last + 1))), "datetime64[D]")


def _telling_weeks(weekday: np.ndarray, sells: np.ndarray) -> int:
    """For how many weeks nothing must have been sold on a weekday to say that it is closed: eight, and more where by
    the share of sales on the others it could come to that by chance."""
    late = slice(max(0, len(sells) - 7 * SLOW_WEEKS), None)
    known = np.isin(weekday[late], weekday[late][sells[late]])
    share = sells[late][known].mean() if known.any() else 1.0
    return LATE_WEEKS if share == 1 else max(LATE_WEEKS, int(np.ceil(np.log(CHANCE) / np.log(1 - share))))


def _shares(usual: np.ndarray, sells: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """For each day known the share of its weekday's usual days of late that had a sale, or the whole store's where that
    is lower: of one weekday there are few. 1 where there were none."""
    late = usual & (np.arange(len(usual)) >= len(usual) - 7 * SLOW_WEEKS)
    counted, sold = (np.bincount(weekday[chosen], minlength=7) for chosen in (late, late & sells))
    share = np.divide(sold, counted, out=np.ones(7), where=counted > 0)
    return np.minimum(share, sold.sum() / max(counted.sum(), 1))[weekday]


def _runs(usual: np.ndarray, sells: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """Days within a run of usual days without a sale that is too long to be chance, that of each day being ``empty``:
    the store was shut."""
    found = np.zeros(len(usual), bool)
    at = np.flatnonzero(usual)
    ends = np.flatnonzero(np.diff(np.concatenate([[True], sells[at], [True]]).astype(int)))
    for first, after in ends.reshape(-1, 2):
        run = at[first:after]
        found[run] = len(run) >= RUN_DAYS and np.prod(empty[run]) <= CHANCE
    return found


def _again(shut: np.ndarray, days: int) -> np.ndarray:
    """Days to come that a year (364 days, the same weekday) ago were within the store's own holiday."""
    found, ahead = np.zeros(days, bool), np.arange(len(shut), days)
    known = ahead[ahead >= 364]
    found[known] = shut[known - 364]
    return found
