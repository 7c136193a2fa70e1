"""The week's panel, on a history worked out by hand: prices paid, contracts left out, promotions, empty shelves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.lib import contracts
from jobs.lib.stores import Store
from jobs.pricing.guardrails import Guardrails
from jobs.pricing.panel import collected, last_day, panel
from jobs.pricing.tonight import tonight

MONDAY = date(2026, 3, 2)
AS_OF = date(2026, 3, 24)  # a Tuesday: the week of the 23rd is not over
SUNDAY = date(2026, 3, 22)
DAILY = Store("shop", "EUR", "Europe/Berlin", "DE", "day", frozenset(), None, "", Path(), {}, {})


def frame(spark: SparkSession, table: str, rows: list[dict[str, Any]]) -> DataFrame:
    contract = contracts.load(f"validated.{table}")
    usual = {one.name: one.default for one in contract.columns.values()}
    usual["currency"] = "EUR"
    names = contract.schema().fieldNames()
    filled = [{**usual, "known_day": MONDAY, "_row": at, **row} for at, row in enumerate(rows)]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in filled], contract.schema())


def line(day: date, item: str, units: int, price: float, customer: str | None = None) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 12)
    return {"order_id": f"{day}{item}{price}", "line_number": 1, "ordered_at": at, "order_date": day, "item_id": item,
            "units": units, "price": price, "customer_id": customer, "known_day": day}  # fmt: skip


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    day = timedelta(days=1)
    campaign = {"promotion_id": "P", "item_id": "listed", "starts_on": MONDAY + 14 * day, "depth": 0.25,
                "ends_on": MONDAY + 20 * day, "is_featured": True, "known_day": MONDAY + 13 * day}  # fmt: skip
    without_depth = {"promotion_id": "Q", "item_id": "sold", "starts_on": MONDAY, "ends_on": MONDAY + 6 * day,
                     "depth": 0.0, "known_day": MONDAY}  # fmt: skip
    return {
        "order_lines": frame(
            spark,
            "order_lines",
            [
                line(MONDAY, "listed", 3, 10.0),
                line(MONDAY + 8 * day, "listed", 50, 6.0, "firm"),
                line(MONDAY + 8 * day, "listed", 2, 10.0, "firm2"),
                line(MONDAY, "sold", 1, 4.0),
                line(MONDAY + day, "sold", 400, 2.0),
                line(MONDAY + 2 * day, "sold", 1, 4.2),
                line(MONDAY + 15 * day, "sold", 1, 5.0),
                line(AS_OF, "sold", 9, 5.0),
            ],
        ),
        "items": frame(spark, "items", [{"item_id": "listed", "category": "K", "parent_item_id": "p", "cost": 3.0}]),
        "prices": frame(
            spark,
            "prices",
            [
                {"item_id": "listed", "valid_from": MONDAY - 30 * day, "price": 10.0, "cost": 4.0},
                {"item_id": "listed", "valid_from": MONDAY + 9 * day, "price": 12.0, "cost": 5.0},
                {"item_id": "listed", "valid_from": MONDAY + 15 * day, "price": 12.0},
            ],
        ),
        # The shop tells of campaigns that run: the evening after this one had ended, its snapshot held it no more.
        "promotions_changes": frame(
            spark,
            "promotions",
            [campaign, {**campaign, "known_day": MONDAY + 21 * day, "is_deleted": True}, without_depth],
        ),
        "stock_levels_changes": frame(
            spark,
            "stock_levels",
            [
                {"item_id": "listed", "location_id": "all", "on_hand": 5.0, "known_day": MONDAY},
                {"item_id": "listed", "location_id": "all", "on_hand": 0.0, "known_day": MONDAY + 9 * day},
                {"item_id": "listed", "location_id": "all", "on_hand": 7.0, "known_day": MONDAY + 10 * day},
            ],
        ),
        "competitor_prices": frame(
            spark,
            "competitor_prices",
            [
                {"item_id": "listed", "competitor": "Ada", "observed_on": MONDAY, "price": 9.0},
                {"item_id": "listed", "competitor": "Ada", "observed_on": MONDAY + 9 * day, "price": 1000.0},
            ],
        ),
        "contract_prices": frame(
            spark, "contract_prices", [{"customer_id": "firm", "item_id": "listed", "valid_from": MONDAY, "price": 6.0}]
        ),
    }


def test_a_row_an_item_and_whole_week(tables: dict[str, DataFrame]) -> None:
    rows = collected(panel(until=last_day(tables["order_lines"], DAILY, AS_OF), **tables))
    listed, sold = (rows[rows["item_id"] == item].reset_index(drop=True) for item in ("listed", "sold"))
    assert [str(week.date()) for week in listed["week"]] == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert listed["units"].tolist() == [3, 2, 0]  # without what the firm bought at its own price
    assert listed["price"].round(4).tolist() == [10.0, round((10 * 2 + 12 * 5) / 7, 4), 9.0]
    assert listed["cost"].tolist() == [4, 5, 5] and set(listed["nest"]) == {"p"}
    assert listed["is_promotion"].tolist() == [False, False, True] == listed["is_featured"].tolist()
    # A deal that does not tell its depth is a promotion too.
    assert sold["is_promotion"].tolist() == [True, False, False] and not sold["is_featured"].any()
    assert listed["is_stockout"].tolist() == [False, True, False]
    assert listed["competitor_price"].iloc[0] == 9.0 and listed["competitor_price"].iloc[1:].isna().all()
    # Without a table of prices: the median line, not the mean that a bulk order drags down; carried over empty weeks.
    assert sold["price"].tolist() == [4.0, 4.0, 5.0] and sold["units"].tolist() == [402, 0, 1]


def test_a_weekly_stores_weeks_are_its_own(spark: SparkSession, tables: dict[str, DataFrame]) -> None:
    day, wednesday = timedelta(days=1), date(2026, 3, 4)  # sums are dated on the last day of weeks from Thursday on
    lines, prices = [], []
    for week, (units, price) in enumerate([(8, 2.0), (3, 4.0), (9, 2.0)]):
        lines.append(line(wednesday + 7 * week * day, "juice", units, price))
        prices.append({"item_id": "juice", "valid_from": wednesday + (7 * week - 6) * day, "price": price})
    told = {"order_lines": frame(spark, "order_lines", lines), "prices": frame(spark, "prices", prices)}
    until = last_day(told["order_lines"], replace(DAILY, period="week"), AS_OF)
    assert until == wednesday + 14 * day < SUNDAY == last_day(told["order_lines"], DAILY, AS_OF)
    rows = collected(panel(until=until, **{**tables, **told}))
    # No week has anything of the next one's price, and the week that is not told yet is none without sales.
    assert rows[["units", "price"]].to_numpy().tolist() == [[8, 2], [3, 4], [9, 2]]
    assert rows["week"].dt.day_name().unique().tolist() == ["Thursday"]


def items_of(spark: SparkSession, *facts: dict) -> DataFrame:
    """Rows of ``features.item``: what is not said is null where it may be, else nothing."""
    contract = contracts.load("features.item")
    plain = {"long": 0, "double": 0.0, "boolean": True}
    usual = {one.name: None if one.nullable else plain.get(one.type) for one in contract.columns.values()}
    names = contract.schema().fieldNames()
    rows = [tuple({**usual, "as_of": AS_OF, **row}[name] for name in names) for row in facts]
    return spark.createDataFrame(rows, contract.schema())


def test_tonights_price_is_what_was_decided_last(spark: SparkSession, tables: dict[str, DataFrame]) -> None:
    item = items_of(spark, {"item_id": "listed", "price": 12.0}, {"item_id": "sold", "price": 5.0})
    decided = [
        {"suggested_on": AS_OF, "item_id": "sold", "decision": "edited", "price": 4.8,
         "valid_from": AS_OF + timedelta(days=1)},
        {"suggested_on": AS_OF, "item_id": "listed", "decision": "refused"},
    ]  # fmt: skip
    names = ("items", "prices", "competitor_prices")
    given = {name: tables[name] for name in names} | {"promotions": frame(spark, "promotions", [])}
    approvals = frame(spark, "price_approvals", decided)
    rows = tonight(item=item, price_approvals=approvals, as_of=AS_OF, guardrails=Guardrails(move_days=20), **given)
    found = rows.set_index("item_id")
    assert found["price"].to_dict() == {"listed": 12.0, "sold": 4.8}
    assert found.loc["listed", "decided_on"].date() == AS_OF and found["decided_on"].isna().sum() == 1
    assert found.loc["listed", "changed_on"].date() == MONDAY + timedelta(days=9)
    # Of the first it is the price so many days ago, of the second the first one known.
    assert found["past_price"].to_dict() == {"listed": 10.0, "sold": 4.8}
    assert found.loc["listed", "competitor_note"].startswith("Ada ignored: 83.3 times our price")


def test_the_later_word_the_later_refusal_and_tomorrows_cost_count(spark: SparkSession) -> None:
    day, names = timedelta(days=1), ("again", "late", "told", "quiet", "dear", "phantom", "fresh", "set")
    facts = [{"item_id": name, "price": 12.0, "cost": 6.0, "units_28d": 5 * (name == "told")} for name in names]
    kept = {"decision": "edited", "valid_from": AS_OF + day}
    decided = [
        {**kept, "suggested_on": AS_OF - day, "item_id": "again", "price": 9.5},
        {**kept, "suggested_on": AS_OF, "item_id": "again", "price": 9.4},
        {"suggested_on": AS_OF - 20 * day, "item_id": "late", "decision": "refused", "known_day": AS_OF - day},
    ]
    decided += [
        {**kept, "suggested_on": AS_OF - 41 * day, "item_id": item, "price": 9.0, "valid_from": AS_OF - 40 * day}
        for item in ("told", "quiet")
    ]
    # Of a listed item: one that the list never showed, one that it may still show, one that it shows.
    decided += [
        {**kept, "suggested_on": AS_OF - 41 * day, "item_id": item, "price": 9.0, "valid_from": AS_OF - back * day}
        for item, back in (("phantom", 28), ("fresh", 27), ("set", 28))
    ]
    prices = [
        {"item_id": "dear", "valid_from": AS_OF + back * day, "price": 12.0, "cost": cost}
        for back, cost in ((-10, 6.0), (0, 11.0), (1, None), (2, 3.0))
    ]
    listed = (("phantom", 60, 12.0), ("fresh", 60, 12.0), ("set", 60, 12.0), ("set", 28, 9.0))
    prices += [{"item_id": item, "valid_from": AS_OF - back * day, "price": price} for item, back, price in listed]
    ahead = (("set", -9, 8.0), ("set", -5, 11.0), ("set", -2, 9.0), ("fresh", -1, 9.0))
    prices += [{"item_id": item, "valid_from": AS_OF - back * day, "price": price} for item, back, price in ahead]
    given = {name: frame(spark, name, []) for name in ("items", "competitor_prices", "promotions")}
    given |= {"prices": frame(spark, "prices", prices), "price_approvals": frame(spark, "price_approvals", decided)}
    rows = tonight(item=items_of(spark, *facts), as_of=AS_OF, guardrails=Guardrails(), **given).set_index("item_id")
    assert rows["price"].to_dict() == {
        "again": 9.4, "late": 12.0, "told": 12.0, "quiet": 9.0, "dear": 12.0, "phantom": 12.0, "fresh": 9.0, "set": 9.0,
    }  # fmt: skip
    assert rows.loc["phantom", "changed_on"].date() == AS_OF - 60 * day
    assert rows.loc["late", "decided_on"].date() == AS_OF - day
    # The first that differs; the list's word for tomorrow is no plan.
    planned = rows[["planned_on", "planned_price"]].dropna()
    assert [(name, on.date(), price) for name, on, price in planned.itertuples()] == [("set", AS_OF + 5 * day, 11.0)]
    assert rows["cost"].to_dict() == dict.fromkeys(names, 6.0) | {"dear": 11.0}
