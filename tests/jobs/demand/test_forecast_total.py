"""Totals of forecasts: means add up, each item has its own horizon beside the usual ones, the nearest is its judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs.demand.forecast_total import HORIZONS, Summing, nearest, own_days
from jobs.demand.forecasts import LEVELS, NAMES
from jobs.demand.model import Model
from jobs.lib.errors import DaybreakError

PLAIN = Model.without("too short", "2026-03-31")


def ahead(item: str, own: int, rate: float = 3.0, days: int = 28) -> pd.DataFrame:
    """Days ahead of an item that sells ``rate`` pieces a day, give or take."""
    quantiles = {name: rate * (0.2 + 1.6 * level) for name, level in zip(NAMES, LEVELS, strict=True)}
    dates = pd.date_range("2026-04-01", periods=days)
    facts = {"item_id": item, "location_id": "all", "method": "ewq", "segment": "dense", "own_days": own}
    return pd.DataFrame({"target_date": dates, "mean": rate, **quantiles, **facts})


def test_a_mean_is_the_sum_of_its_days_and_a_horizon_beyond_them_is_left_out():
    rows = pd.concat([ahead("a", 12), ahead("b", 14, rate=5.0), ahead("c", 40)], ignore_index=True)
    found = Summing(PLAIN, 1, 28).totals(rows.sample(frac=1, random_state=1))
    spans = found.groupby("item_id")["horizon_days"].agg(sorted)
    assert spans.to_dict() == {"a": [7, 12, 14, 28], "b": list(HORIZONS), "c": list(HORIZONS)}
    rate = found["item_id"].map({"a": 3.0, "b": 5.0, "c": 3.0})
    assert np.allclose(found["mean"], rate * found["horizon_days"])
    assert (np.diff(found[list(NAMES)], axis=1) >= 0).all()


def test_an_item_as_a_whole_stands_beside_the_sum_of_its_places():
    parts = [ahead("a", 12), ahead("a", 12, rate=2.0).assign(location_id="north"), ahead("b", 12)]
    parts.append(ahead("a", 12, rate=1.5).assign(location_id="south"))
    found = Summing(PLAIN, 1, 28).totals(pd.concat(parts, ignore_index=True))
    gap = found.set_index(["item_id", "location_id", "horizon_days"])["gap_to_places"].sort_index()
    assert gap["a", "all", 28] == pytest.approx(0.5 * 28 / (84 + 1)) and gap["a", "all", 12] > 0
    assert gap["a", "north"].isna().all() and gap["b", "all"].isna().all()


def test_what_sells_once_a_month_is_expected_in_four_weeks_though_no_day_expects_it():
    rare = ahead("a", 12).assign(mean=0.045, **dict.fromkeys(NAMES, 0.0))
    found = Summing(PLAIN, 1, 28).totals(rare).set_index("horizon_days").loc[28]
    assert found["mean"] == pytest.approx(1.26) and found["q50"] == 1 and found["q95"] in (3, 4)


def test_an_item_without_each_day_ahead_once_is_refused():
    whole, other = ahead("a", 12), ahead("b", 12)
    for broken in (whole.iloc[1:], pd.concat([whole, whole.iloc[:1]]), pd.concat([whole, whole])):
        with pytest.raises(DaybreakError, match=f"a at all has {len(broken)} rows on 2. days ahead.* 0 others of 2"):
            Summing(PLAIN, 1, 28).totals(pd.concat([broken, other], ignore_index=True))


def test_weeks_are_counted_as_weeks():
    found = Summing(PLAIN, 7, 8).totals(ahead("a", 21, days=8)).set_index("horizon_days")
    assert found["mean"].to_dict() == {7: 3.0, 14: 6.0, 28: 12.0, 21: 9.0}


def test_an_own_horizon_takes_the_correction_of_the_next_longer_one_that_was_judged():
    assert [nearest(days) for days in (1, 7, 8, 14, 15, 28, 60)] == [7, 7, 14, 14, 28, 28, 28]
    wide = {"7": [1.0] * len(LEVELS), "14": [1.5] * len(LEVELS), "28": [1.0] * len(LEVELS)}
    plain, judged = (
        Summing(model, 1, 28).totals(ahead("a", 12)).set_index("horizon_days")
        for model in (PLAIN, replace(PLAIN, corrections={"dense": wide}))
    )
    spread = (judged["q90"] - judged["q50"]) / (plain["q90"] - plain["q50"])
    assert spread.round(6).to_dict() == {7: 1.0, 14: 1.5, 28: 1.0, 12: 1.5}


@pytest.mark.parametrize(("period", "expected"), [(1, {"a": 12, "b": 8}), (7, {"a": 14, "b": 14})])
def test_lead_time_and_review_are_whole_periods_and_assumed_where_unknown(spark, period, expected):
    terms = spark.createDataFrame(
        [("a", 9.5, 2), ("b", None, None)], "item_id string, lead_time_days double, review_days int"
    )
    assert {row["item_id"]: row["own_days"] for row in own_days(terms, period).collect()} == expected
