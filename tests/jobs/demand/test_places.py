"""Places of an item: what they are forecast adds up to the item as a whole, and each keeps its own rhythm."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from jobs.demand import frames
from jobs.demand.ewq import ewq
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import WHOLE, History, history
from jobs.demand.places import raised, reconciled

from .small_shop import DAYS, FIRST_DAY, calendar_of

IDS = np.array(["pen", "pen", "pen", "ink", "ink", "cup"], object)
PLACES = np.array([WHOLE, "north", "south", WHOLE, "north", WHOLE], object)


def told(mean: list[list[float]], quantile: float = 1.5) -> Forecast:
    means = np.array(mean, float)
    return Forecast(means[:, :, None] * np.linspace(0.2, quantile, len(LEVELS)), means)


def test_places_add_up_to_the_whole_and_split_it_as_they_were_forecast():
    mean = [[12.0, 0.0, 6.0], [4.0, 2.0, 0.0], [4.0, 1.0, 0.0], [5.0, 5.0, 5.0], [2.0, 1.0, 4.0], [9.0, 9.0, 9.0]]
    before = told(mean)
    found = reconciled(before, IDS, PLACES)
    assert found.mean[:, 0] == pytest.approx([12, 6, 6, 5, 5, 9])
    # Nobody buys on the second day, whatever its places were forecast.
    assert found.mean[:, 1] == pytest.approx([0, 0, 0, 5, 5, 9]) and not found.quantiles[1:3, 1].any()
    # On the third no place expects anything: it is split as all days together are.
    assert found.mean[:3, 2] == pytest.approx([6, 6 * 6 / 11, 6 * 5 / 11])
    np.testing.assert_allclose(found.quantiles[1, 0], before.quantiles[1, 0] * 1.5)
    for whole in np.flatnonzero(PLACES == WHOLE):
        np.testing.assert_array_equal(found.quantiles[whole], before.quantiles[whole])


def test_whole_pieces_stay_whole():
    mean = np.array([[0.5], [0.3], [0.1]])
    quantiles = np.zeros((3, 1, len(LEVELS)))
    quantiles[1, 0, -2:] = 1.0, 2.0
    found = reconciled(Forecast(quantiles, mean), IDS[:3], PLACES[:3])
    assert found.quantiles[1, 0].tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert found.mean[1:, 0] == pytest.approx([0.375, 0.125])


def test_a_place_without_any_forecast_gets_an_even_share_and_one_without_a_whole_keeps_its_own():
    nowhere = reconciled(told([[4.0], [0.0], [0.0]]), IDS[:3], PLACES[:3])
    assert nowhere.mean[:, 0].tolist() == [4.0, 2.0, 2.0]
    alone = reconciled(told([[4.0]]), np.array(["pen"], object), np.array(["north"], object))
    assert alone.mean[0, 0] == 4.0


def test_a_store_without_places_is_left_as_it_is():
    made = told([[4.0], [1.0]])
    assert reconciled(made, np.array(["pen", "ink"], object), np.array([WHOLE] * 2, object)) is made


OUT = range(DAYS - 16, DAYS - 2)  # two weeks
OPEN = [n for n in range(DAYS) if (FIRST_DAY + timedelta(days=n)).weekday() != 6]


def shop(out: dict[str, range]) -> pd.DataFrame:
    """Rows of :func:`jobs.demand.frames.with_facts`: pens that sell four a day in the north and six in the south, and
    none where they are ``out``, beside zips that sell every day. Counts are those of places alone."""
    rows = []
    for place, units in {"north": 4, "south": 6}.items():
        for n in OPEN:
            left = n not in out.get(place, ())
            told = ("pen", place, pd.Timestamp(FIRST_DAY + timedelta(days=n)), units * left, 2 * left, 50.0 * left)
            rows.append(told)
    places = pd.DataFrame(rows, columns=["item_id", "location_id", "day", "units", "lines", "on_hand"])
    whole = places.groupby(["item_id", "day"])[["units", "lines"]].sum().reset_index().assign(location_id=WHOLE)
    other = pd.DataFrame({"item_id": "zip", "day": whole["day"], "units": 1, "lines": 1, "location_id": WHOLE})
    facts = pd.DataFrame({"item_id": ["pen", "zip"], "title": "", "category": "", "is_ended": False})
    facts = facts.assign(campaigns=None, prices=None)
    return pd.concat([places, whole, other, facts], ignore_index=True).assign(revenue=1.0, withdrawn=0)


def dense(rows: pd.DataFrame) -> History:
    as_of = FIRST_DAY + timedelta(days=DAYS - 1)
    return frames.dense(rows, calendar_of(rows[(rows["location_id"] == WHOLE) & (rows["lines"] > 0)], as_of))


def test_a_place_that_was_empty_lowers_neither_the_forecast_of_the_whole_nor_of_the_others():
    full, lacking = (dense(shop(out)) for out in ({}, {"north": OUT}))
    assert full.locations.tolist() == [WHOLE, "north", "south", WHOLE]
    is_open = full.calendar.is_open[:DAYS]
    assert (lacking.units[0, is_open] == 10).all() and (lacking.lines[0, is_open] == 4).all()
    assert lacking.observed[0, is_open].all() and not lacking.observed[1, list(OUT)].any()
    for of in (full, lacking):
        told = reconciled(ewq(of), of.ids, of.locations)
        at_work = of.calendar.is_open[DAYS:]
        assert told.mean[:, at_work] == pytest.approx(np.tile([[10.0], [4.0], [6.0], [1.0]], at_work.sum()), rel=0.02)


def test_days_on_which_every_place_was_empty_could_not_be_seen():
    found = dense(shop({"north": OUT, "south": OUT}))
    is_open = found.calendar.is_open[:DAYS]
    assert not found.observed[:3, list(OUT)].any() and found.observed[:3, is_open].sum() == 3 * (is_open.sum() - 12)


def test_an_earlier_origin_knows_nothing_of_what_came_after_it():
    rows = shop({"north": OUT, "south": range(50, 120)})
    days = rows[rows["day"].notna()]
    as_of = FIRST_DAY + timedelta(days=DAYS - 1)
    whole = history(days, calendar_of(days[days["location_id"] == WHOLE], as_of))
    for past in (60, 115, DAYS - 8):
        first, again = raised(whole).at(past), raised(whole.at(past))
        for name in ("units", "lines", "observed", "first", "last"):
            np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    # Of a place that has been empty for longer than two months nobody knows what it would sell.
    assert raised(whole).units[0, 100] == 10 > raised(whole).units[0, 117] == 4
