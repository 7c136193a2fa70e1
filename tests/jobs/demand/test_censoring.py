"""Days on which stock had run out teach nothing: no method takes them for days on which nobody wanted anything."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand import boosted_features, launches, metrics, naive, networks
from jobs.demand.history import History, filled

from .small_shop import FIRST_DAY, long, made

DAYS = 500


def steady(since: int, out: range) -> History:
    """One item that sells four a day from day ``since`` on, except on the days ``out``, on which there was none."""
    at = [n for n in range(since, DAYS) if (FIRST_DAY + timedelta(days=n)).weekday() != 6]
    frame = pd.DataFrame(
        {
            "item_id": "steady",
            "day": [pd.Timestamp(FIRST_DAY + timedelta(days=n)) for n in at],
            "units": [0 if n in out else 4 for n in at],
            "lines": [0 if n in out else 2 for n in at],
            "revenue": [0.0 if n in out else 10.0 for n in at],
            "on_hand": [0.0 if n in out else 50.0 for n in at],
        }
    )
    shop = made(pd.concat([long(8, DAYS), frame], ignore_index=True), DAYS)
    return shop.of(shop.ids == "steady")


LAST_YEAR = range(DAYS - 364 - 5, DAYS - 364 + 12)
OF_LATE = range(DAYS - 20, DAYS)


def test_a_day_without_stock_counts_as_the_weekdays_about_it():
    item = steady(0, LAST_YEAR)
    found = filled(item, item.units)
    is_open = item.calendar.is_open[:DAYS]
    assert (found[0, is_open] == 4).all() and not found[0, ~is_open].any() and item.units[0, LAST_YEAR].sum() == 0
    assert (filled(steady(300, OF_LATE), steady(300, OF_LATE).units)[0, :300] == 0).all()


@pytest.mark.parametrize("method", [naive.seasonal, naive.growing])
def test_last_year_without_stock_is_not_repeated(method):
    item = steady(0, LAST_YEAR)
    is_open = item.calendar.is_open[DAYS:]
    assert method(item).mean[0, is_open] == pytest.approx(4.0)


def test_growth_is_that_of_what_was_wanted():
    assert naive.growth(steady(0, OF_LATE)) == pytest.approx(1.0)
    assert naive.growth(steady(0, LAST_YEAR)) == pytest.approx(1.0)


def test_the_boosted_model_is_told_what_last_year_would_have_sold():
    found = boosted_features.rows(steady(0, LAST_YEAR))
    is_open = steady(0, LAST_YEAR).calendar.is_open[DAYS:]
    assert found.features[is_open, found.names.index("last_year")] == pytest.approx(1.0)


def test_a_launch_that_sold_out_is_remembered_by_what_it_would_have_sold():
    past = launches.library(steady(400, range(404, 420)))
    assert set(past.units[0]) == {4.0} and set(past.lines[0]) == {2.0}


def test_the_scale_is_that_of_days_that_could_be_seen():
    # What sells the same every day has no scale: only stock made it change.
    assert np.isnan(metrics.scale(steady(0, LAST_YEAR), DAYS)).all()


def test_networks_learn_nothing_of_days_without_stock():
    item = steady(0, OF_LATE)
    known, _, _ = networks._frames(item, np.ones(1), 56, has_plans=False)
    is_out = known["ds"].isin(pd.to_datetime(item.calendar.days[list(OF_LATE)])) & (known["is_open"] == 1)
    assert is_out.any() and not known.loc[is_out, "available_mask"].any() and (known.loc[is_out, "y"] == 4).all()
    assert known.loc[~is_out, "available_mask"].all()
