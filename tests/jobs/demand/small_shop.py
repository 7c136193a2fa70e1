"""A small shop as a long frame: busy, slow, new and ended items with a weekly rhythm, closed on Sundays."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd

from jobs.demand.backtest import BacktestParams
from jobs.demand.boosted import BoostedParams
from jobs.demand.calendar import Calendar, calendar
from jobs.demand.history import History, history

FIRST_DAY = date(2025, 1, 6)  # a Monday
DAYS = 210
STORE = SimpleNamespace(period="day", closed_weekdays=frozenset({6}), holidays_country=None)
WEEKLY = SimpleNamespace(period="week", closed_weekdays=frozenset(), holidays_country=None)
SMALL = BacktestParams(boosted=BoostedParams(items=40, rounds=12, min_rows=30, max_rows=20_000, eta=0.2))


def long(items: int = 30, days: int = DAYS, seed: int = 1, period: int = 1) -> pd.DataFrame:
    """Rows of :data:`jobs.demand.history.LONG` for ``days`` days from :data:`FIRST_DAY` on."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(items):
        level = 12.0 * 0.8**number + 0.1
        since = days - 20 if number % 10 == 7 else (days // 3 if number % 5 == 3 else 0)
        until = days - 100 if number % 10 == 9 else days
        for day in range(since, until, period):
            at = FIRST_DAY + timedelta(days=day)
            if period == 1 and at.weekday() == 6:
                continue
            lines = random.poisson(level * (1.6 if at.weekday() == 4 and period == 1 else 1.0))
            if lines:
                units = int(random.integers(1, 4, lines).sum())
                rows.append((f"i{number:03d}", pd.Timestamp(at), units, 0, lines, units * 2.5, None))
    return pd.DataFrame(rows, columns=["item_id", "day", "units", "withdrawn", "lines", "revenue", "on_hand"])


def calendar_of(frame: pd.DataFrame, as_of: date, store: SimpleNamespace = STORE) -> Calendar:
    """The calendar of a long frame as of a day."""
    known = frame[frame["day"] <= pd.Timestamp(as_of)]
    days = known.groupby("day").agg(lines=("lines", "sum"), units=("units", "sum"), items=("units", "size"))
    return calendar(days.reset_index(), store, as_of, 28 if store.period == "day" else 56)


def made(
    frame: pd.DataFrame,
    days: int = DAYS,
    store: SimpleNamespace = STORE,
    campaigns: pd.DataFrame | None = None,
    prices: pd.DataFrame | None = None,
) -> History:
    """The history of a long frame as of its day number ``days``."""
    as_of = FIRST_DAY + timedelta(days=days - 1)
    known = frame[frame["day"] <= pd.Timestamp(as_of)]
    return history(known, calendar_of(frame, as_of, store), campaigns=campaigns, prices=prices)


def weekly_campaigns(told: int, days: int = DAYS) -> pd.DataFrame:
    """A promotion of every third item in every other week, known ``told`` days after it began (before, if negative)."""
    starts = [FIRST_DAY + timedelta(days=n) for n in range(14, days + 28, 14)]
    rows = [
        {"item_id": f"i{number:03d}", "starts_on": start, "ends_on": start + timedelta(days=6),
         "known_from": start + timedelta(days=told), "known_until": None, "depth": 0.1 + number % 4 / 10}
        for start in starts for number in range(0, 30, 3)
    ]  # fmt: skip
    every = pd.DataFrame(rows)
    return every[every["known_from"] < FIRST_DAY + timedelta(days=days)]


def price_row(item: str, first: int, price: float, known_from: int, known_until: int | None = None) -> dict:
    """A row of :func:`jobs.features.list_prices.list_prices` by the numbers of its days."""
    day = {"valid_from": first, "known_from": known_from, "known_until": known_until}
    dates = {name: None if n is None else FIRST_DAY + timedelta(days=n) for name, n in day.items()}
    return {"item_id": item, "price": price, **dates}


def toggled_prices(items: int, told: int, days: int = DAYS, cut: float = 0.75) -> pd.DataFrame:
    """List prices of 10 and 10 times ``cut`` in turns of three to ten weeks, each known ``told`` days after it began
    (before, if negative)."""
    random = np.random.default_rng(4)
    firsts = np.cumsum(random.integers(21, 71, (items, days // 21 + 8)), axis=1) - 100
    rows = [
        price_row(f"i{number:03d}", first, 10.0 * (cut if (turn + number) % 2 else 1.0), first + told)
        for number in range(items)
        for turn, first in enumerate(firsts[number].tolist())
    ]
    every = pd.DataFrame(rows)
    return every[every["known_from"] < FIRST_DAY + timedelta(days=days)]
