"""One small history of a shop, and the features made of it as of a day, by key."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.features.category import category
from jobs.features.customer import customer
from jobs.features.customer_item import customer_item
from jobs.features.item import item
from jobs.lib import contracts

D = date(2026, 3, 31)
STORE = SimpleNamespace(mappings={"order_lines": None, "items": None, "events": None})


def frame(spark: SparkSession, table: str, rows: list[dict], layer: str = "validated") -> DataFrame:
    """Rows of a table with the contract's defaults for what a test does not say."""
    contract = contracts.load(f"{layer}.{table}")
    defaults = {name: column.default for name, column in contract.columns.items()}
    return spark.createDataFrame([{**defaults, **row} for row in rows], contract.schema())


def line(order: str, day: date, who: str | None, what: str, units: int = 1, price: float = 2.0, **more: object) -> dict:
    at = datetime.combine(day, datetime.min.time())
    number = more.pop("line_number", 1)
    return {
        "order_id": order,
        "line_number": number,
        "ordered_at": at,
        "order_date": day,
        "customer_id": who,
        "item_id": what,
        "units": units,
        "price": price,
        "currency": "EUR",
        "country": "DE",
        "known_day": day,
        **more,
    }


@pytest.fixture(scope="session")
def made(spark: SparkSession) -> dict[str, dict]:
    """The four tables of one small history, by key."""
    first, second = date(2026, 1, 30), date(2026, 3, 17)
    orders = frame(
        spark,
        "order_lines",
        [
            line("1", first, "ann", "pen", 2),
            line("1", first, "ann", "pen", 1, line_number=2),
            line("1", first, "ann", "ink"),
            line("2", second, "ann", "pen"),
            line("3", D, "ann", "cup", 4, 5.0),
            line("4", second, "bob", "pen"),
            line("5", D, None, "cup"),
            line("6", D, "bob", "cup", is_test=True),
            line("7", D, "bob", "post", is_product=False),
            line("8", D, "ann", "pen", is_cancellation=True),
        ],
    )
    items = frame(
        spark,
        "items",
        [
            {"item_id": "pen", "title": "Pen", "category": "desk", "known_day": first},
            {
                "item_id": "ink",
                "title": "Ink",
                "category": "desk",
                "discontinued_on": D + timedelta(days=1),
                "known_day": first,
            },
            {"item_id": "cup", "title": "Cup", "category": "kitchen", "price": 4.5, "known_day": first},
            {
                "item_id": "new",
                "title": "New",
                "category": "kitchen",
                "available_from": date(2026, 5, 1),
                "known_day": first,
            },
        ],
    )

    def event(number: int, kind: str, who: str | None, what: str, **more: object) -> dict:
        return {
            "event_id": str(number),
            "event_at": datetime(2026, 3, 30),
            "event_date": date(2026, 3, 30),
            "event_type": kind,
            "customer_id": who,
            "item_id": what,
            "known_day": D,
            **more,
        }

    events = frame(
        spark,
        "events",
        [
            event(1, "view", "bob", "ink"),
            event(2, "view", "bob", "ink"),
            event(3, "cart", "bob", "ink"),
            event(4, "view", None, "cup"),
            event(5, "view", "bob", "cup", is_bot=True),
            event(6, "impression", "ann", "cup"),
        ],
    )
    empty = {
        name: frame(spark, name, []) for name in ("customers", "consents", "prices", "contract_prices", "stock_levels")
    }
    weeks = {name: frame(spark, name, [], "features") for name in ("customer_item_weekly", "item_weekly")}
    pairs = customer_item(orders, events, weeks["customer_item_weekly"], D, None).cache()
    by_item = (
        empty["prices"],
        empty["contract_prices"],
        empty["stock_levels"],
        orders,
        events,
        pairs,
        weeks["item_weekly"],
    )
    things = item(items, *by_item, D, STORE, None).cache()
    people = customer(empty["customers"], orders, empty["consents"], pairs, STORE)
    return {
        "customer_item": {(row["customer_id"], row["item_id"]): row.asDict() for row in pairs.collect()},
        "item": {row["item_id"]: row.asDict() for row in things.collect()},
        "customer": {row["customer_id"]: row.asDict() for row in people.collect()},
        "category": {row["category"]: row.asDict() for row in category(things, pairs, D).collect()},
    }
