"""The product's tables in a small shop, in Spark: trained, suggested, planned, audited, as a night does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row, SparkSession

from jobs.lib import contracts, lineage, registry, stages
from jobs.lib.stages import Night
from jobs.lib.stores import Store
from jobs.lib.tables import Tables
from jobs.pricing import hand_over, train
from jobs.pricing.elasticity import PANEL
from jobs.report import pricing as report
from tests.conftest import settings_of
from tests.jobs.pricing.small_pricing import table

NIGHT = date(2026, 3, 29)  # a Sunday: the week is over
START = NIGHT - timedelta(days=7 * 60 - 1)
ITEMS = {"pan": 20.0, "pot": 30.0, "mug": 5.0, "cup": 4.0}
NO_FILES: dict[str, Any] = {}


@pytest.fixture(scope="module")
def night(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A year and some of four items whose prices change every few weeks, with sales that answer to them."""
    root = tmp_path_factory.mktemp("pricing")
    settings = settings_of(root / "home", PRODUCTS="pricing")
    store = Store(
        "shop", "EUR", "Europe/Berlin", "DE", "day", frozenset(), None, str(root), root, NO_FILES,
        {name: Path("x.sql") for name in ("order_lines", "items", "prices", "stock_levels")},
    )  # fmt: skip
    (root / "guardrails.yml").write_text(
        "days_between_changes: 0\nfrozen_items: [cup]\nrules: [{item: pot, lowest_price: 50}]\n"
    )
    made = Night(spark, settings, store, Tables(spark, settings.lake, "shop"), NIGHT, "pricing")
    _history(made.tables)
    yield made


def _history(tables: Tables) -> None:
    rng = np.random.default_rng(3)
    lines, prices, stock = [], [], []
    for item, usual in ITEMS.items():
        price = usual
        for week in range(60):
            monday = START + timedelta(days=7 * week)
            if week % 4 == 0:
                price = round(usual * float(rng.choice([0.85, 0.9, 1.0, 1.1, 1.2])), 2)
                prices.append(
                    {"item_id": item, "valid_from": monday, "price": price, "cost": usual / 2, "currency": "EUR"}
                )
            for day in range(7):
                sold = int(rng.poisson(6 * (price / usual) ** -2.5))
                if sold:
                    lines.append(_line(len(lines), monday + timedelta(days=day), item, sold, price))
        stock.append({"item_id": item, "location_id": "all", "on_hand": 900.0 if item == "mug" else 50.0})
    ends = {"pan": NIGHT + timedelta(days=21)}
    items = [
        {"item_id": name, "title": name, "category": "Kitchen", "clear_by": ends.get(name), "known_day": START}
        for name in ITEMS
    ]
    _write(tables, "validated.order_lines", lines)
    _write(tables, "validated.prices", [{**row, "known_day": row["valid_from"]} for row in prices])
    _write(tables, "validated.items", items)
    sale = {"promotion_id": "sale", "starts_on": START + timedelta(days=140), "ends_on": START + timedelta(days=146)}
    _write(tables, "validated.promotions", [{**sale, "item_id": "mug", "depth": 0.0, "known_day": START}])
    _write(tables, "validated.stock_levels", [{**row, "known_day": NIGHT} for row in stock])
    _write(tables, "features.item", _facts(prices, NIGHT))


def _facts(prices: list[dict[str, Any]], as_of: date) -> list[dict[str, Any]]:
    """The items as the features tell them."""
    usual = dict.fromkeys(("orders_28d", "units_28d"), 0)
    return [
        {
            **usual, "item_id": name, "title": name, "category": "Kitchen", "is_active": True, "units_28d": 160,
            "price": [row["price"] for row in prices if row["item_id"] == name][-1], "cost": ITEMS[name] / 2,
            "on_hand": 900.0 if name == "mug" else 50.0, "is_restricted": False, "as_of": as_of,
        }
        for name in ITEMS
    ]  # fmt: skip


def _line(number: int, day: date, item: str, units: int, price: float) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {
        "order_id": str(number), "line_number": 1, "ordered_at": at, "order_date": day, "item_id": item, "units": units,
        "price": price, "currency": "EUR", "is_cancellation": False, "is_product": True, "is_test": False,
        "known_day": day,
    }  # fmt: skip


def _write(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    contract, frame = contracts.load(name), table(tables.spark, name, rows)
    tables.replace_where(name, frame, f"{contract.day_column} >= DATE'1970-01-01'", rows=len(rows))


@pytest.fixture(scope="module")
def trained(night: Night) -> registry.Champion:
    train.run(night)
    found = registry.champion(night.settings, "shop", "pricing", NIGHT)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def tables(night: Night, trained: registry.Champion) -> dict[str, list[Row]]:
    stages.build(night)
    names = [name.split(".")[1] for name in contracts.names("pricing")]
    return {name: night.tables.read(f"pricing.{name}", NIGHT).collect() for name in names}


def test_the_panel_has_a_row_an_item_and_week_with_list_prices(night: Night) -> None:
    rows = train.night_panel(night)
    assert list(rows.columns) == list(PANEL) and len(rows) == 4 * 60
    assert (rows["cost"] > 0).all() and not rows["is_stockout"].any()
    assert rows.groupby("item_id")["price"].nunique().min() > 2


def test_a_model_that_foretells_later_weeks_is_crowned_with_its_verdict(trained: registry.Champion) -> None:
    assert trained.verdict["prices"]["publishes"] == "elasticities" and trained.verdict["prices"]["has_passed"]
    assert "foretell later sales better" in trained.verdict["prices"]["reason"]
    assert -4 < trained.metrics["elasticity"]["mean"] < -1


def test_every_active_item_has_a_suggestion(tables: dict[str, list[Row]]) -> None:
    found = {row["item_id"]: row for row in tables["price_suggestions"]}
    assert set(found) == set(ITEMS) and found["cup"]["bound_by"] == "frozen_items"
    assert all(row["currency"] == "EUR" and row["evidence"] == "own" for row in found.values())
    assert all(abs(row["suggested_price"] / row["current_price"] - 1) <= 0.1001 for row in found.values())


def test_items_with_an_end_or_too_much_stock_are_planned(tables: dict[str, list[Row]]) -> None:
    plans: dict[str, list[Row]] = {}
    for row in sorted(tables["markdown_plan"], key=lambda row: row["week"]):
        plans.setdefault(row["item_id"], []).append(row)
    assert "pan" in plans and len(plans["pan"]) == 3 and plans["pan"][0]["week"] == NIGHT + timedelta(days=1)
    suggested = {row["item_id"]: row for row in tables["price_suggestions"]}
    assert {item for item, row in suggested.items() if row["bound_by"] == "clearance"} == set(plans)
    for weeks in plans.values():
        prices = [row["price"] for row in weeks]
        assert prices == sorted(prices, reverse=True)


def test_every_suggestion_is_audited_and_a_markdown_is_both_there_and_in_the_change_file(
    tables: dict[str, list[Row]],
) -> None:
    audited = {row["item_id"]: row for row in tables["audit"]}
    assert set(audited) == set(ITEMS) and len(tables["audit"]) == len(ITEMS)
    suggested = {item for item, row in audited.items() if row["happened"] == "suggested"}
    frames = {name: pd.DataFrame([row.asDict() for row in tables[name]]) for name in hand_over.TABLES}
    lines = {line["item_id"]: line for line in hand_over.changes(*frames.values(), NIGHT)}
    assert set(lines) == suggested and {audited[item]["kind"] for item in lines} == {"price", "markdown"}
    for item, line in lines.items():
        assert line["kind"] == audited[item]["kind"] and line["new_price"] == pytest.approx(audited[item]["new_price"])
    assert audited["cup"]["bound_by"] == "frozen_items" and audited["cup"]["happened"] == "kept"


def test_the_report_tells_of_the_nights_own_tables(night: Night, tables: dict[str, list[Row]]) -> None:
    found = report.findings(night)
    assert found is not None and (found["items"], found["evidence"]) == (4, [("own", 4)])
    moved = [row["item_id"] for row in tables["price_suggestions"] if row["suggested_price"] != row["current_price"]]
    assert {row["item_id"] for row in found["changes"]} == set(moved) and found["changed"] == len(moved) > 0
    assert dict(found["guardrails"])["frozen_items"] == 1 and dict(found["guardrails"])["clearance"] >= 1
    pan = next(plan for plan in found["plans"] if plan["item_id"] == "pan")
    weeks = sorted((row for row in tables["markdown_plan"] if row["item_id"] == "pan"), key=lambda row: row["week"])
    assert pan["prices"] == [row["price"] for row in weeks]
    assert pan["revenue"] == pytest.approx(sum(row["expected_revenue"] for row in weeks))
    assert len(found["categories"]) == 1 and len(found["curves"]) == 4
    effects = {(row["scope"], row["effect"]): row for row in found["promotions"]}
    assert effects["promotion", "lift"]["name"] == "sale" and effects["all", "lift"]["units"] != 0
    assert (found["realised"], found["total"]) == ([], None)


def test_what_was_approved_is_the_price_of_the_next_night(
    night: Night, trained: registry.Champion, tables: dict[str, list[Row]]
) -> None:
    lake, after = night.tables, NIGHT + timedelta(days=1)
    lineage.complete(lake, "pricing", NIGHT, lake.written, 1.0, 0, datetime.now(UTC), trained.version)
    asked = {row["item_id"]: row["new_price"] for row in tables["audit"]}
    (marked,) = {
        row["item_id"] for row in tables["audit"] if (row["kind"], row["happened"]) == ("markdown", "suggested")
    }
    usual = {"suggested_on": NIGHT, "decision": "approved", "currency": "EUR", "valid_from": after, "known_day": after}
    approved = [{**usual, "item_id": item, "price": asked[item]} for item in ("pot", marked)]
    _write(lake, "validated.price_approvals", approved)
    old = {row["item_id"]: row["current_price"] for row in tables["price_suggestions"]}
    _write(lake, "features.item", _facts([{"item_id": item, "price": price} for item, price in old.items()], after))
    stages.build(replace(night, as_of=after))
    now = {row["item_id"]: row["current_price"] for row in lake.read("pricing.price_suggestions", after).collect()}
    # The table of prices does not know them yet: the decisions alone say so.
    assert now == {**old, "pot": asked["pot"], marked: asked[marked]}
    assert now["pot"] != old["pot"] and now[marked] < old[marked]
    events = {(row["item_id"], row["happened"]) for row in lake.read("pricing.audit", after).collect()}
    both = {(item, happened) for item in ("pot", marked) for happened in ("suggested", "approved")}
    assert both <= events and not any(happened == "applied" for _, happened in events)
    _realised(night, trained, asked, marked)


def _realised(night: Night, trained: registry.Champion, asked: dict[str, float], marked: str) -> None:
    """The list shows the approved prices on the second night; what sold since stands beside what was expected."""
    lake, shown = night.tables, NIGHT + timedelta(days=2)
    lineage.complete(
        lake, "pricing", NIGHT + timedelta(days=1), lake.written, 1.0, 0, datetime.now(UTC), trained.version
    )
    listed = [{"item_id": item, "valid_from": shown, "price": asked[item]} for item in ("pot", marked)]
    old = [{"item_id": item, "valid_from": NIGHT, "price": price} for item, price in asked.items()]
    _write(
        lake,
        "validated.prices",
        [{**row, "currency": "EUR", "known_day": row["valid_from"]} for row in (*old, *listed)],
    )
    _write(lake, "features.item", _facts([*old, *listed], shown))
    stages.build(replace(night, as_of=shown))
    later = replace(night, as_of=shown + timedelta(days=14))
    lines = [
        _line(number, shown + timedelta(days=1 + number % 14), item, 10, asked[item])
        for number, item in enumerate(["pot", marked] * 14)
    ]
    agreed = {"customer_id": "firm", "item_id": "pot", "valid_from": NIGHT, "price": 1.0, "known_day": NIGHT}
    lines.append({**_line(99, shown + timedelta(days=1), "pot", 5000, 1.0), "customer_id": "firm"})
    _write(lake, "validated.contract_prices", [agreed])
    _write(lake, "validated.order_lines", lines)
    found = {row["item_id"]: row for row in report.realised_changes(later)}
    assert set(found) == {"pot", marked} and found["pot"]["weeks"] == 2 and found[marked]["weeks"] == 1
    assert (found["pot"]["sold"], found[marked]["sold"]) == (70.0, 60.0)
    assert found["pot"]["gain"] is not None and found[marked]["gain"] is None
    # What sells once the list has another price is not the suggestion's.
    listed.append({"item_id": "pot", "valid_from": shown + timedelta(days=8), "price": 1.5 * asked["pot"]})
    _write(lake, "validated.prices", [{**row, "currency": "EUR", "known_day": shown} for row in (*old, *listed)])
    found = {row["item_id"]: row for row in report.realised_changes(later)}
    assert (found["pot"]["weeks"], found["pot"]["sold"], found[marked]["weeks"]) == (1, 80.0, 1)
