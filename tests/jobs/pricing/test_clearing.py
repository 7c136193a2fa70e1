"""Plans to clear stock: who is planned, prices that never rise, and what is expected of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jobs.pricing.clearing import MarkdownParams, plans, proposed
from jobs.pricing.guardrails import Clearance, Guardrails, Rules
from tests.jobs.pricing.small_pricing import NIGHT, posterior, rows

NOTHING = pd.DataFrame({"item_id": [], "week": [], "price": [], "units": []})
LAST_WEEK = pd.Timestamp(NIGHT - timedelta(days=6))
SOON = pd.Timestamp(NIGHT + timedelta(days=28))


def planned(
    *items: dict[str, Any], rails: Guardrails = Guardrails(), sold: pd.DataFrame = NOTHING,
    params: MarkdownParams = MarkdownParams(), season: float = 0.0, **beliefs: float | None,
) -> pd.DataFrame:  # fmt: skip
    believed = posterior(beliefs or {item["item_id"]: -2.5 for item in items}, rate=20.0)
    # The best week of the year is the one to come.
    yearly = np.array([[season, (pd.Timestamp(NIGHT) - pd.Timestamp(0)).days + 1]])
    return plans(rows(*items), replace(believed, category_season=yearly), rails, sold, NIGHT, params)


def weeks(prices: list[float], units: float, week: pd.Timestamp = LAST_WEEK) -> pd.DataFrame:
    return pd.DataFrame({"item_id": "a", "week": week, "price": prices, "units": units})


def test_items_with_an_end_and_items_with_too_much_stock_are_planned_and_no_others() -> None:
    found = planned(
        {"item_id": "ends", "clear_by": SOON},
        {"item_id": "leaves", "discontinued_on": SOON},
        {"item_id": "heap", "on_hand": 2000.0},
        {"item_id": "usual"},
        {"item_id": "over", "clear_by": pd.Timestamp(NIGHT)},
        {"item_id": "far", "clear_by": pd.Timestamp(date(2027, 1, 1))},
        {"item_id": "none left", "clear_by": SOON, "on_hand": 0.0},
    )
    assert found.groupby("item_id").size().to_dict() == {"ends": 4, "leaves": 4, "heap": 10}
    assert found.set_index("item_id")["method"].to_dict() == {
        "ends": "scenarios",
        "leaves": "scenarios",
        "heap": "fluid",
    }
    assert found["week"].min() == NIGHT + timedelta(days=1) and (found["clear_by"].loc[:3] == SOON.date()).all()


@pytest.mark.parametrize("dp_stock", [400, 10])
def test_prices_never_rise_and_stock_goes_down_to_what_sells(dp_stock: int) -> None:
    item = {"item_id": "a", "clear_by": pd.Timestamp(NIGHT + timedelta(days=56)), "on_hand": 300.0}
    found = planned(item, params=MarkdownParams(dp_stock=dp_stock))
    prices = found["price"].to_numpy()
    assert (np.diff(prices) <= 0).all() and prices[-1] < 10.0
    left = found["expected_stock_left"].to_numpy()
    np.testing.assert_allclose(300 - np.cumsum(found["expected_units"]), left, rtol=1e-6)
    assert found["clearance_probability"].nunique() == 1 and 0.2 < found["clearance_probability"].iloc[0] <= 1
    np.testing.assert_allclose(found["expected_revenue"], found["price"] * found["expected_units"])


def test_little_stock_keeps_its_price() -> None:
    found = planned({"item_id": "a", "clear_by": SOON, "on_hand": 10.0})
    assert (found["price"] == 10.0).all() and found["clearance_probability"].iloc[0] > 0.99


@pytest.mark.parametrize("cost", [9.99, 12.0])
def test_too_much_stock_at_its_best_price_has_no_plan_that_keeps_it_from_rising(cost: float) -> None:
    heap = {"item_id": "a", "on_hand": 2000.0, "cost": cost}
    assert planned(heap).empty
    assert len(planned({**heap, "clear_by": SOON})) == 4 and len(planned({**heap, "cost": 5.0})) == 10


def test_what_sold_since_moves_the_plan() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 100.0}
    slow, fast = (planned(item, sold=weeks([10.0], units)) for units in (2.0, 60.0))
    assert slow["price"].iloc[0] < fast["price"].iloc[0]


def test_weeks_without_a_sale_lower_the_price_and_the_hope() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 60.0}
    unsold = planned(item, sold=weeks([10.0] * 3, 0.0))
    hoped = planned(item)
    assert unsold["price"].min() < hoped["price"].min() == 10.0
    assert unsold["clearance_probability"].iloc[0] < hoped["clearance_probability"].iloc[0]


def test_a_week_counts_at_the_price_that_it_sold_at() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 100.0, "price": 8.0}
    # The price fell from 12 to 8 since the fit: 20 pieces at 12 promise more at 8 than 20 pieces at 8 do.
    before, now = (planned(item, sold=weeks([price] * 2, 20.0)) for price in (12.0, 8.0))
    assert before["clearance_probability"].iloc[0] > now["clearance_probability"].iloc[0] + 0.1


def test_the_makers_price_the_stores_endings_and_frozen_items_hold() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 300.0}
    assert planned({**item, "map_price": 7.5})["price"].min() >= 7.5
    ends = planned(item, rails=Guardrails(store=Rules(endings=(0.99,))))["price"]
    assert {round(price % 1, 2) for price in ends} <= {0.0, 0.99}
    assert planned(item, rails=Guardrails(items={"a": {"is_frozen": True}})).empty


def test_markdowns_are_whole_multiples_of_the_smallest_unit() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 300.0, "price": 15.0}
    prices = planned(item, rails=Guardrails(store=Rules(smallest_unit=1.0)))["price"]
    assert (prices % 1 == 0).all() and prices.min() < 15.0
    ends = Rules(smallest_unit=1.0, endings=(0.95,))
    assert set(planned({**item, "price": 2.0}, rails=Guardrails(store=ends))["price"]) <= {2.0, 1.95, 1.0, 0.95}


def test_an_item_without_evidence_or_sales_is_planned_by_what_is_usual() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 50.0, "units_28d": 0}
    assert len(planned(item, b=-2.0)) == 4 and len(planned(item, a=None)) == 4


def test_a_shop_without_stock_levels_has_no_plans() -> None:
    assert planned({"item_id": "a", "on_hand": np.nan, "clear_by": SOON}).empty


@pytest.mark.parametrize(
    ("item", "held_by"),
    [
        ({}, None),
        ({"decided_on": pd.Timestamp(NIGHT)}, "decided"),
        ({"on_promotion": True}, "promotion"),
        ({"changed_on": pd.Timestamp(NIGHT)}, "days_between_changes"),
        ({"changed_on": pd.Timestamp(NIGHT - timedelta(days=6))}, None),
    ],
)
def test_the_coming_weeks_price_is_proposed_unless_a_rule_holds_it(item: dict[str, Any], held_by: str | None) -> None:
    found = planned({"item_id": "a", "clear_by": SOON, "on_hand": 300.0, **item})
    assert {told if told == told else None for told in found["held_by"]} == {held_by}
    asked = proposed(found, NIGHT)
    assert len(asked) == (held_by is None) and (asked["price"] < 10.0).all()


def test_no_more_markdowns_than_a_night_may_have_are_proposed_the_earliest_end_first() -> None:
    items = [{"item_id": name, "clear_by": SOON, "on_hand": held} for name, held in (("few", 250.0), ("many", 380.0))]
    items.append({"item_id": "soon", "clear_by": SOON - timedelta(days=14), "on_hand": 200.0})
    found = planned(*items, rails=Guardrails(max_changes=2))
    assert set(proposed(found, NIGHT)["item_id"]) == {"soon", "many"}
    assert set(found.loc[found["held_by"] == "max_changes", "item_id"]) == {"few"}


@pytest.mark.parametrize("dp_stock", [400, 10])
def test_the_last_week_has_the_days_that_are_left_of_it(dp_stock: int) -> None:
    """Eight days sell eight days' worth; what is discontinued on the ninth day is not sold on it."""
    by = {
        n: {"item_id": "a", "on_hand": 390.0, "clear_by": pd.Timestamp(NIGHT + timedelta(days=n))} for n in (7, 8, 14)
    }
    rails = Guardrails(clearance=Clearance(levels=(1,)))
    plans_by = {n: planned(item, rails=rails, params=MarkdownParams(dp_stock=dp_stock)) for n, item in by.items()}
    units = {n: plan["expected_units"].sum() for n, plan in plans_by.items()}
    assert [len(plan) for plan in plans_by.values()] == [1, 2, 2]
    assert units[8] == pytest.approx(units[7] * 8 / 7, rel=0.01) and units[14] == pytest.approx(2 * units[7], rel=0.02)
    ended = {"item_id": "a", "on_hand": 390.0, "discontinued_on": pd.Timestamp(NIGHT + timedelta(days=9))}
    found = planned(ended, rails=rails, params=MarkdownParams(dp_stock=dp_stock))
    pd.testing.assert_frame_equal(found, plans_by[8])
    tomorrow = {"item_id": "a", "discontinued_on": pd.Timestamp(NIGHT + timedelta(days=1))}
    assert planned(tomorrow).empty


def test_markdowns_keep_to_endings_the_lowest_price_and_wait_below_the_makers() -> None:
    item = {"item_id": "a", "clear_by": SOON, "on_hand": 2000.0, "price": 4.99}
    ends = planned(item, rails=Guardrails(store=Rules(endings=(0.99,))))["price"]
    assert set(ends) <= {4.99, 3.99, 2.99, 1.99} and ends.min() < 4.99
    # The only lower ending is further down than any level.
    heap = {**item, "price": 1.9, "on_hand": 200_000.0}
    assert set(planned(heap, rails=Guardrails(store=Rules(endings=(0.99,))))["price"]) == {0.99}
    low = planned(item, rails=Guardrails(store=Rules(lowest_price=3.0)))["price"]
    assert 3.0 <= low.min() < 4.99
    cheap = planned({**heap, "price": 0.9}, rails=Guardrails(store=Rules(endings=(0.99,))))["price"]
    assert cheap.min() < 0.9, "no ending is below it"
    assert planned({**item, "map_price": 5.99}).empty
    assert planned(item, rails=Guardrails(store=Rules(lowest_price=5.99))).empty


@pytest.mark.parametrize(("item", "rules"), [({"msrp": 9.0}, {}), ({}, {"highest_price": 9.0})])
def test_little_stock_above_the_highest_price_comes_down_to_it(item: dict[str, Any], rules: dict[str, Any]) -> None:
    few = {"item_id": "a", "on_hand": 3.0, "clear_by": pd.Timestamp(NIGHT + timedelta(days=56)), **item}
    assert planned(few, rails=Guardrails(store=Rules(**rules)))["price"].eq(9.0).all()


@pytest.mark.parametrize("dp_stock", [400, 10])
def test_a_plan_counts_with_the_season_of_its_weeks(dp_stock: int) -> None:
    item = {"item_id": "a", "on_hand": 390.0, "clear_by": pd.Timestamp(NIGHT + timedelta(days=70))}
    kept = Guardrails(clearance=Clearance(levels=(1,)))
    flat, yearly = (
        planned(item, rails=kept, season=season, params=MarkdownParams(dp_stock=dp_stock))["expected_units"].to_numpy()
        for season in (0.0, 0.5)
    )
    assert yearly[0] / flat[0] == pytest.approx(np.exp(0.5), rel=0.03)
    assert yearly[5] / yearly[0] == pytest.approx(np.exp(0.5 * (np.cos(2 * np.pi * 35 / 365.25) - 1)), rel=0.1)


def test_what_sold_in_a_bad_season_promises_more_than_the_same_in_a_good_one() -> None:
    item = {"item_id": "a", "on_hand": 300.0, "clear_by": SOON}
    good, bad = (
        planned(item, season=0.5, sold=weeks([10.0] * 2, 20.0, LAST_WEEK - timedelta(days=back)))["price"].sum()
        for back in (0, 180)
    )
    assert bad > good
