"""Which days are open: those that were, those that follow from weekdays and holidays, and weeks."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd

from jobs.demand.calendar import calendar

from .small_shop import STORE, WEEKLY


def sold(first: date, days: int, shut: set[date] = frozenset(), weekday: int = 6) -> pd.DataFrame:
    all_days = [first + timedelta(days=n) for n in range(days)]
    kept = [day for day in all_days if day.weekday() != weekday and day not in shut]
    return pd.DataFrame({"day": pd.to_datetime(kept), "lines": 10, "units": 30, "items": 5})


def test_days_to_come_are_closed_on_the_stores_weekday():
    found = calendar(sold(date(2025, 1, 6), 100), STORE, date(2025, 4, 15), 28)
    assert found.past == 100 and found.horizon == 28 and found.is_open[100:].sum() == 24
    assert not found.is_open[100:][found.weekday[100:] == 6].any()
    assert found.days[100] == np.datetime64("2025-04-16")


def test_a_weekday_that_no_longer_sells_is_closed_and_an_unused_one_stays_unknown():
    open_always = SimpleNamespace(period="day", closed_weekdays=frozenset(), holidays_country=None)
    assert calendar(sold(date(2025, 1, 6), 100), open_always, date(2025, 4, 15), 28).is_open[100:].sum() == 24
    assert calendar(sold(date(2025, 1, 6), 20), open_always, date(2025, 1, 25), 28).is_open[20:].all()


def test_holidays_are_kept_where_the_store_kept_them():
    german = SimpleNamespace(period="day", closed_weekdays=frozenset({6}), holidays_country="DE")
    easter = {date(2025, 4, 18), date(2025, 4, 21)}
    shut = calendar(sold(date(2025, 1, 6), 107, easter), german, date(2025, 4, 22), 28)
    assert not shut.is_open[shut.days == np.datetime64("2025-05-01")].any()
    works = calendar(sold(date(2025, 1, 6), 107), german, date(2025, 4, 22), 28)
    assert works.is_open[works.days == np.datetime64("2025-05-01")].all()


def test_the_stores_own_holiday_comes_again():
    shut = {date(2025, 8, 4) + timedelta(days=n) for n in range(6)}
    found = calendar(sold(date(2025, 1, 6), 560, shut), STORE, date(2026, 7, 19), 28)
    ahead = found.days[found.past :][~found.is_open[found.past :]]
    assert {str(day) for day in ahead} >= {"2026-08-03", "2026-08-08"} and len(ahead) == 4 + 6


def test_weeks_are_counted_from_the_newest_that_was_told():
    weeks = pd.DataFrame(
        {"day": pd.date_range("2024-01-05", periods=60, freq="7D"), "lines": 3, "units": 9, "items": 2}
    )
    found = calendar(weeks, WEEKLY, date(2025, 2, 27), 56)
    assert found.past == 60 and found.horizon == 8 and found.year == 52 and found.periods(28) == 4
    assert str(found.days[60]) == "2025-02-28" and found.is_open.all()


def test_a_store_without_a_sale_has_a_calendar_too():
    empty = pd.DataFrame({"day": pd.to_datetime([]), "lines": [], "units": [], "items": []})
    found = calendar(empty, STORE, date(2025, 4, 15), 28)
    assert found.past == 1 and found.horizon == 28
