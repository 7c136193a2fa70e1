"""Totals of forecasts: means add up, each item has its own horizon beside the usual ones, the nearest is its judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs.demand.forecast_total import HORIZONS, OWN, Summing, nearest, own_days
from jobs.demand.forecasts import LEVELS, NAMES
from jobs.demand.model import Model
from jobs.lib.errors import DaybreakError

PLAIN = Model.without("too short", "2026-03-31")


def ahead(item: str, own: int, rate: float = 3.0, days: int = 28, lead: int = 0) -> pd.DataFrame:
    """Days ahead of an item that sells ``rate`` pieces a day, give or take."""
    quantiles = {name: rate * (0.2 + 1.6 * level) for name, level in zip(NAMES, LEVELS, strict=True)}
    dates = pd.date_range("2026-04-01", periods=days)
    facts = {
        "item_id": item,
        "location_id": "all",
        "method": "ewq",
        "segment": "dense",
        "lead_days": lead,
        "own_days": own,
    }
    return pd.DataFrame({"target_date": dates, "mean": rate, **quantiles, **facts})


def test_a_mean_is_the_sum_of_its_days_and_goes_on_beyond_them():
    rows = [ahead("a", 12, lead=11), ahead("b", 14, rate=5.0, lead=14), ahead("c", 40, lead=30)]
    found = Summing(PLAIN, 1, 28).totals(pd.concat(rows, ignore_index=True).sample(frac=1, random_state=1))
    spans = found.groupby("item_id")["horizon_days"].agg(sorted)
    assert spans.to_dict() == {"a": [7, 11, 12, 14, 28], "b": list(HORIZONS), "c": [*HORIZONS, 30, 40]}
    rate = found["item_id"].map({"a": 3.0, "b": 5.0, "c": 3.0})
    assert np.allclose(found["mean"], rate * found["horizon_days"])
    assert (np.diff(found[list(NAMES)], axis=1) >= 0).all()
    of_c = found[found["item_id"] == "c"].set_index("horizon_days")["q50"]
    assert of_c[28] < of_c[30] < of_c[40] and of_c[40] == pytest.approx(40 * 3.0, rel=0.1)
    is_beyond = found["horizon_days"] > 28
    assert found.loc[is_beyond, "gap_to_days"].isna().all() and (found.loc[~is_beyond, "gap_to_days"] < 1e-9).all()


def test_how_far_an_item_goes_does_not_depend_on_who_stands_beside_it():
    order = ["item_id", "horizon_days"]
    both = pd.concat([ahead("a", 40, lead=33), ahead("b", 90)], ignore_index=True)
    found = Summing(PLAIN, 1, 28).totals(both).sort_values(order, ignore_index=True)
    alone = [Summing(PLAIN, 1, 28).totals(rows) for _, rows in both.groupby("item_id")]
    pd.testing.assert_frame_equal(found, pd.concat(alone).sort_values(order, ignore_index=True))


def test_beyond_the_forecast_its_last_two_weeks_come_again():
    falling = ahead("a", 42)
    falling["mean"] = np.repeat([9.0, 2.0, 1.0], [14, 7, 7])
    found = Summing(PLAIN, 1, 28).totals(falling).set_index("horizon_days")["mean"]
    assert found[42] == found[28] + 7 * 2.0 + 7 * 1.0


def test_an_item_as_a_whole_stands_beside_the_sum_of_its_places():
    parts = [ahead("a", 12), ahead("a", 12, rate=2.0).assign(location_id="north"), ahead("b", 12)]
    parts.append(ahead("a", 12, rate=1.5).assign(location_id="south"))
    found = Summing(PLAIN, 1, 28).totals(pd.concat(parts, ignore_index=True))
    gap = found.set_index(["item_id", "location_id", "horizon_days"])["gap_to_places"].sort_index()
    assert gap["a", "all", 28] == pytest.approx(0.5 * 28 / (84 + 1)) and gap["a", "all", 12] > 0
    assert gap["a", "north"].isna().all() and gap["b", "all"].isna().all()
    # Of places that are refilled within other times the whole is no sum.
    parts[1]["own_days"] = 9
    found = Summing(PLAIN, 1, 28).totals(pd.concat(parts, ignore_index=True))
    gap = found.set_index(["item_id", "location_id", "horizon_days"])["gap_to_places"].sort_index()
    assert np.isnan(gap["a", "all", 12]) and gap["a", "all", 28] > 0


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


TIMES = [
    ("a", 9.5, 2, None, None),
    ("b", None, None, None, None),
    ("c", 9.5, 2, "hub", 1.5),
    ("d", 9.5, 2, "hub", None),
]
WHOLE_TIMES = {
    1: {"a": (10, 12), "b": (7, 8), "c": (2, 3), "d": (7, 8)},
    7: {"a": (14, 14), "b": (7, 14), "c": (7, 7), "d": (7, 14)},
}


@pytest.mark.parametrize("period", WHOLE_TIMES)
def test_times_are_whole_periods_of_the_supplier_or_of_who_refills_and_assumed_where_unknown(spark, period):
    names = "item_id string, lead_time_days double, review_days int, supplied_from string, transfer_days double"
    rows = spark.createDataFrame(TIMES, names).withColumns(own_days(period)).collect()
    assert {row["item_id"]: tuple(row[name] for name in OWN) for row in rows} == WHOLE_TIMES[period]
