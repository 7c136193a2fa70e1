"""Advice in plain frames: what a buyer reads, bad input included."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from jobs.demand.advice import SHARES, Advisor
from jobs.demand.ahead import going_on
from jobs.demand.terms import Params, service_level

POISSON_3 = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def row(item: str = "cup", **more: object) -> dict:
    """An item of three pieces a day, all terms given; ``more`` says what is otherwise."""
    return {
        "item_id": item,
        "location_id": "all",
        "on_hand": 8.0,
        "shelf_capacity": np.nan,
        "ahead": np.tile((*POISSON_3, 3.0), 28),
        "model_version": "m",
        "inbound_units": None,
        "inbound_in": None,
        "inbound_ordered": None,
        "unplaced_units": None,
        "unplaced_in": None,
        "unplaced_ordered": None,
        "lead_time_days": 7.0,
        "lead_time_sd_days": 1.0,
        "review_days": 1.0,
        "pack_size": 1.0,
        "minimum_order": 0.0,
        "price": 5.0,
        "cost": 2.0,
        "supplied_from": None,
        "transfer_days": np.nan,
        **more,
    }


def advised(*rows: dict, **options: object) -> pd.DataFrame:
    return Advisor(**options).advice(pd.DataFrame(list(rows)))


def one(**more: object) -> pd.Series:
    return advised(row(**more)).iloc[0]


def coming(units: list[float], days: list[float], ordered: list[float] | None = None) -> dict:
    return {
        "inbound_units": np.array(units),
        "inbound_in": np.array(days),
        "inbound_ordered": np.array(ordered or [np.nan] * len(units)),
    }


def test_it_orders_up_to_the_level_and_says_why() -> None:
    told = one()
    assert 24 < told["order_up_to"] < 45 and told["order_units"] == told["order_up_to"] - 8
    assert told["reorder_point"] == told["order_up_to"] - 1
    assert re.match("8 left, 2[12] expected before the next delivery; 26 bring it to 34 for 8 days", told["reason"])
    assert told["assumed"] is None and 0 < told["safety_stock"] < told["order_up_to"]
    assert told["stockout_probability"] > 0.9 and one(on_hand=60.0)["stockout_probability"] < 0.05


def test_with_enough_there_or_on_the_way_nothing_is_ordered() -> None:
    assert one(on_hand=60.0)["order_units"] == 0
    told = one(**coming([30.0, 30.0], [2.0, 9.0]))
    assert (told["order_units"], told["on_order"]) == (0, 60) and "60 on the way" in told["reason"]
    assert told["stockout_probability"] < 0.5 < one()["stockout_probability"]


def test_a_late_delivery_still_counts_and_one_without_a_day_may_be_late() -> None:
    late, unknown = one(**coming([40.0], [-3.0])), one(**coming([40.0], [np.nan], [-2.0]))
    assert late["order_units"] == unknown["order_units"] == 0
    assert late["stockout_probability"] > one(**coming([40.0], [1.0]))["stockout_probability"]


def test_an_order_is_there_a_lead_time_and_a_day_after_it_as_one_expected_on_that_day() -> None:
    terms = {"lead_time_days": 3.0, "lead_time_sd_days": 0.0}
    for since in (0.0, -1.0, -2.0):
        by_order, by_day = (
            one(**terms, **coming([20.0], *days)) for days in (([np.nan], [since]), ([since + 3 + 1], [since]))
        )
        assert by_order.equals(by_day)
    # What is there tomorrow is there in time.
    dry = {"on_hand": 0.0, **terms, "lead_time_days": 0.0}
    assert one(**dry, **coming([40.0], [1.0]))["stockout_probability"] == 0
    assert one(**dry, **coming([40.0], [np.nan], [0.0]))["stockout_probability"] == 0


def test_what_never_pays_is_ordered_only_where_it_is_owed() -> None:
    told = one(pack_size=10_000.0, on_hand=0.0)
    assert told["order_units"] == 0 and told["reorder_point"] == -1
    assert "smallest order would cost more" in told["reason"]
    alone = one(ahead=np.zeros(28 * (len(SHARES) + 1)), on_hand=-10.0, pack_size=12.0)
    assert alone["order_units"] == 12 and alone["reorder_point"] == -1
    # An empty shelf is a reorder point: a supply for some weeks is worth it there.
    assert one(ahead=np.tile((0, 0, 0, 0, 0, 0, 0, 1 / 30), 28), on_hand=0.0)["reorder_point"] == 0


def test_packs_minimum_and_shelf_are_kept() -> None:
    free = one()["order_units"]
    packed = one(pack_size=12.0)["order_units"]
    assert packed % 12 == 0 and abs(packed - free) <= 12
    assert one(minimum_order=100.0)["order_units"] == 100
    told = one(shelf_capacity=12.0)
    assert 0 < told["order_units"] < free and "room for" in told["reason"]


@pytest.mark.parametrize("lead", [0.0, np.nan])
def test_a_lead_time_of_none_and_a_missing_one_are_two_things(lead: float) -> None:
    told = one(lead_time_days=lead, lead_time_sd_days=np.nan)
    if lead == 0:
        assert told["lead_time_days"] == 0 and told["order_up_to"] < 9 and told["order_units"] == 0
    else:
        assert told["lead_time_days"] == Params().lead_time_days and "is assumed" in told["reason"]
        assert told["assumed"] == "lead_time_days, lead_time_sd_days"


def test_without_any_terms_all_are_assumed_and_named() -> None:
    nothing = dict.fromkeys(
        ("lead_time_days", "lead_time_sd_days", "review_days", "pack_size", "minimum_order", "price", "cost"), np.nan
    )
    told = one(**nothing)
    assert told["assumed"].split(", ") == [
        "lead_time_days", "lead_time_sd_days", "review_days", "pack_size", "minimum_order", "service_level",
    ]  # fmt: skip
    assert told["service_level"] == Params().service_level and told["order_units"] > 0


def test_stock_below_zero_is_owed_and_ordered_as_well() -> None:
    owed = one(on_hand=-10.0)
    assert owed["order_units"] == owed["order_up_to"] + 10 and owed["on_hand"] == -10
    assert owed["reason"].startswith("10 owed, ")
    alone = one(on_hand=-10.0, ahead=np.zeros(28 * (len(SHARES) + 1)))
    assert alone["order_units"] == 10 and alone["reason"].endswith("10 are for what is owed")


def test_what_nobody_buys_is_not_ordered() -> None:
    told = one(ahead=np.zeros(28 * (len(SHARES) + 1)), on_hand=0.0)
    assert told["order_units"] == told["order_up_to"] == told["stockout_probability"] == 0
    assert "nobody" in told["reason"]
    assert one(ahead=None, on_hand=0.0)["order_units"] == 0


def test_what_sells_once_a_month_is_kept_though_every_quantile_is_zero() -> None:
    rare = lambda mean: one(ahead=np.tile((0, 0, 0, 0, 0, 0, 0, mean), 28), on_hand=0.0)  # noqa: E731
    told = rare(1 / 30)
    assert told["order_units"] >= 1 and told["order_up_to"] <= 3 and "hardly any expected" in told["reason"]
    assert rare(0.3)["order_up_to"] > told["order_up_to"]


def test_a_spike_in_the_forecast_does_no_harm() -> None:
    told = one(ahead=np.tile((0, 0, 0, 0, 0, 0, 80_000.0, 900.0), 28), on_hand=0.0)
    assert np.isfinite(told["order_up_to"]) and told["order_units"] >= 0


def test_lead_times_beyond_the_horizon_go_on_with_the_last_weeks() -> None:
    told = one(lead_time_days=60.0, lead_time_sd_days=0.0)
    assert 150 < told["order_up_to"] < 260
    quantiles = np.arange(28.0)[:, None]
    assert going_on(quantiles, 44)[:, 0].tolist() == [*range(28), *range(14, 28), 14, 15]


def test_service_follows_from_margin_and_holding() -> None:
    params = Params()
    assert service_level(5.0, 2.0, 1, params) == params.highest_level
    assert service_level(2.0, 2.0, 1, params) == params.lowest_level
    slow = service_level(2.02, 2.0, 7, params)
    assert slow is not None and 0.6 < slow < 0.75
    assert service_level(np.nan, 2.0, 1, params) is None and service_level(5.0, None, 1, params) is None


def test_too_little_in_the_warehouse_is_shared_by_what_it_saves() -> None:
    shop = {"supplied_from": "hub", "transfer_days": 1.0, "on_hand": 0.0}
    busy = np.tile((*POISSON_3, 3.0), 28) * 3
    rows = [
        row(location_id="hub", on_hand=20.0, ahead=None),
        row(location_id="north", ahead=busy, **shop),
        row(location_id="south", **shop),
    ]
    told = advised(*rows).set_index("location_id")
    assert told.loc[["north", "south"], "order_units"].sum() == 20
    assert told.loc["north", "order_units"] > told.loc["south", "order_units"] > 0
    assert "hub can give" in told.loc["north", "reason"]
    # The hub orders for all: its level covers the shops' demand over the supplier's lead time.
    assert told.loc["hub", "order_up_to"] > 80 and told.loc["hub", "order_units"] > 60
    rows[0]["on_hand"] = 500.0
    rich = advised(*rows).set_index("location_id")
    assert rich.loc["hub", "order_units"] == 0 and rich["order_units"].sum() > 20


def test_demand_goes_all_the_way_up_and_not_in_circles() -> None:
    shops = [row(location_id=f"shop{n}", on_hand=0.0, supplied_from="region", transfer_days=1.0) for n in (1, 2)]
    region = row(location_id="region", on_hand=0.0, ahead=None, supplied_from="hub", transfer_days=2.0)
    hub = row(location_id="hub", on_hand=0.0, ahead=None)
    told = advised(*shops, region, hub).set_index("location_id")
    # Eight days of six pieces.
    assert 45 < told.loc["hub", "order_up_to"] < 80 and told.loc["hub", "order_units"] == told.loc["hub", "order_up_to"]
    # What stands on the way counts for the hub, wherever it stands.
    stocked = advised(*shops, {**region, "on_hand": 20.0}, hub).set_index("location_id")
    assert stocked.loc["hub", "order_units"] == told.loc["hub", "order_units"] - 20
    circle = advised(*shops, region, {**hub, "supplied_from": "region", "transfer_days": 2.0})
    assert np.isfinite(circle["order_up_to"]).all() and len(circle) == 4


def unplaced(units: float, day: float) -> dict:
    """So many pieces on their way to no place."""
    return {name.replace("inbound", "unplaced"): told for name, told in coming([units], [day]).items()}


def test_what_is_on_its_way_to_no_place_counts_at_the_warehouse_behind_the_places() -> None:
    shop = {"supplied_from": "hub", "transfer_days": 1.0, "on_hand": 0.0}
    rows = [row(location_id="hub", on_hand=0.0, ahead=None), row(location_id="north", **shop)]
    before, rest = advised(*rows).set_index("location_id"), unplaced(20.0, 3.0)
    told = advised(*({**one, **rest} for one in rows)).set_index("location_id")
    assert told["on_order"].to_dict() == {"hub": 20, "north": 0}
    assert told.loc["hub", "order_units"] == before.loc["hub", "order_units"] - 20 > 0
    assert "20 on the way" in told.loc["hub", "reason"]


def test_what_is_on_its_way_to_no_place_is_shared_where_no_warehouse_is_behind_the_places() -> None:
    rows = [row(location_id="north", on_hand=0.0), row(location_id="south", on_hand=10.0)]
    before = advised(*rows)["order_units"]
    for coming_units in (20.0, 301.0):
        told = advised(*({**one, **unplaced(coming_units, 3.0)} for one in rows))
        assert told["on_order"].sum() == coming_units
        assert told["order_units"].sum() == max(before.sum() - coming_units, 0)
    assert advised(*({**one, **unplaced(20.0, 3.0)} for one in rows))["on_order"].is_monotonic_decreasing
    # Of the store as a whole it is on its way there already.
    whole = one(**coming([20.0], [3.0]), **unplaced(20.0, 3.0))
    assert whole.equals(one(**coming([20.0], [3.0])))


def test_weeks_are_steps_of_seven_days() -> None:
    weekly = advised(row(ahead=np.tile(np.array((*POISSON_3, 3.0)) * 7, 8), review_days=7.0), step_days=7).iloc[0]
    assert weekly["review_days"] == 7 and weekly["lead_time_days"] == 7 and 60 < weekly["order_up_to"] < 110


def test_blocks_cut_anywhere_give_the_same_advice() -> None:
    rows = pd.DataFrame([row(f"i{n // 2}", location_id=f"l{n % 2}") for n in range(12)])
    advisor = Advisor()
    whole = pd.concat(advisor.blocks([rows]), ignore_index=True)
    cut = pd.concat(advisor.blocks([rows.iloc[:3], rows.iloc[3:4], rows.iloc[4:]]), ignore_index=True)
    pd.testing.assert_frame_equal(whole, cut)
    assert len(whole) == 12
