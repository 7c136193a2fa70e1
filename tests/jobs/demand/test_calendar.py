"""Which days are open: those that were, those that follow from weekdays and holidays, and weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from jobs.demand import naive, sparse
from jobs.demand.calendar import calendar
from jobs.demand.ewq import ewq, weekday_factors
from jobs.demand.history import History

from .small_shop import FIRST_DAY, STORE, WEEKLY, made


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


def test_an_origin_plans_by_the_weeks_before_it():
    always = SimpleNamespace(period="day", closed_weekdays=frozenset(), holidays_country=None)
    days = pd.concat([sold(date(2025, 1, 6), 147, weekday=7), sold(date(2025, 6, 2), 63)])
    found = calendar(days, always, date(2025, 8, 3), 28)
    assert found.past == 210 and found.is_open[210:].sum() == 24
    # Sundays were given up nine weeks ago: no origin before that could know.
    assert found.at(126).is_open[126:].all() and found.at(147).is_open.all() and found.at(182).is_open[182:].all()
    assert found.at(203).is_open[203:].sum() == 24
    # A store that never changed plans alike at each.
    same = calendar(sold(date(2025, 1, 6), 210), always, date(2025, 8, 3), 28)
    for past in (84, 126, 182):
        assert (same.at(past).is_open == (same.weekday[: past + 28] != 6)).all()


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


def slow(rate: float, days: int, seed: int, weekdays: range = range(6)) -> pd.DataFrame:
    """Days of a store with so many lines on an open day."""
    lines = np.random.default_rng(seed).poisson(rate, days)
    all_days = [FIRST_DAY + timedelta(days=n) for n in range(days)]
    kept = [n for n, day in enumerate(all_days) if lines[n] and day.weekday() in weekdays]
    day = pd.to_datetime([all_days[n] for n in kept])
    return pd.DataFrame({"day": day, "lines": lines[kept], "units": lines[kept], "items": 1})


@pytest.mark.parametrize("rate", [0.1, 0.45, 1.0])
def test_in_a_slow_store_a_day_without_a_sale_was_open(rate):
    for seed in range(5):
        found = calendar(slow(rate, 600, seed), STORE, FIRST_DAY + timedelta(days=599), 28)
        days = found.weekday != 6
        assert found.is_open[found.past :][days[found.past :]].all() and not found.is_open[~days].any()
        # The last days of all may lie after the last sale; none is a run too long to be chance.
        assert found.is_open[: found.past][days[: found.past]].mean() > 0.97


def test_a_slow_stores_own_holiday_is_no_chance_and_its_closed_weekday_is_found_later():
    told = slow(0.45, 560, 1)
    told = told[~told["day"].between("2025-08-04", "2025-08-30")]
    undeclared = SimpleNamespace(period="day", closed_weekdays=frozenset(), holidays_country=None)
    found = calendar(told, undeclared, FIRST_DAY + timedelta(days=559), 28)
    shut = (found.days >= np.datetime64("2025-08-05")) & (found.days <= np.datetime64("2025-08-29"))
    assert not found.is_open[shut].any()
    assert not found.is_open[found.past :][found.weekday[found.past :] == 6].any()
    first = calendar(told[told["day"] < "2025-03-10"], undeclared, date(2025, 3, 9), 28)
    assert first.is_open[first.past :].all()


def test_in_a_busy_store_a_day_without_a_sale_was_closed():
    found = calendar(sold(FIRST_DAY, 100, {date(2025, 3, 12), date(2025, 4, 7)}), STORE, date(2025, 4, 15), 28)
    assert not found.is_open[:100][np.isin(found.days[:100], np.array(["2025-03-12", "2025-04-07"], "M8[D]"))].any()


def test_a_slow_store_is_not_forecast_as_if_every_day_were_a_good_one():
    shops = [slow_shop(seed) for seed in range(12)]
    for method in (sparse.lines, ewq, naive.weekday_quantiles):
        said = np.mean([method(shop).mean.sum() for shop in shops])
        assert said == pytest.approx(3 * 0.15 * 28, rel=0.2), method.__name__


def test_a_store_that_sold_nothing_of_late_has_weekdays_all_alike():
    told = slow(0.45, 100, 1)
    found = calendar(told, STORE, told["day"].max().date() + timedelta(days=130), 28)
    assert (weekday_factors(found, 112) == 1).all()
    open_zeros = replace(found, is_open=np.ones_like(found.is_open))
    assert (weekday_factors(open_zeros, 112) == 1).all()


def slow_shop(seed: int) -> History:
    """Three items of .15 a day each."""
    random = np.random.default_rng(seed)
    units = random.poisson(0.15, (3, 400))
    item, day = np.nonzero(units)
    long = pd.DataFrame({"item_id": item.astype(str), "units": units[item, day], "lines": units[item, day]})
    long["day"] = pd.Timestamp(FIRST_DAY) + pd.to_timedelta(day, unit="D")
    always = SimpleNamespace(period="day", closed_weekdays=frozenset(), holidays_country=None)
    return made(long, 400, always)


def test_weeks_are_counted_from_the_newest_that_was_told():
    weeks = pd.DataFrame(
        {"day": pd.date_range("2024-01-05", periods=60, freq="7D"), "lines": 3, "units": 9, "items": 2}
    )
    found = calendar(weeks, WEEKLY, date(2025, 2, 27), 56)
    assert found.past == 60 and found.horizon == 8 and found.year == 52 and found.periods(28) == 4
    assert str(found.days[60]) == "2025-02-28" and found.is_open.all()


@pytest.mark.parametrize("late", [0, 6, 7, 10, 20, 21])
def test_weeks_to_come_begin_after_the_night_however_stale_the_newest_is(late):
    weeks = pd.DataFrame({"day": pd.date_range("2024-01-05", periods=60, freq="7D"), "lines": 3, "units": 9})
    newest = date(2025, 2, 21)
    found = calendar(weeks.assign(items=2), WEEKLY, newest + timedelta(days=late), 56)
    assert found.days[found.past] == np.datetime64(newest + timedelta(days=7 * (late // 7 + 1)))
    # What was not told is no week without sales.
    assert found.past == 60 + late // 7 and not found.is_open[60 : found.past].any() and found.horizon == 8


def test_a_store_without_a_sale_has_a_calendar_too():
    empty = pd.DataFrame({"day": pd.to_datetime([]), "lines": [], "units": [], "items": []})
    found = calendar(empty, STORE, date(2025, 4, 15), 28)
    assert found.past == 1 and found.horizon == 28
