"""The definitions of the features, each on a few lines worked out by hand."""

from __future__ import annotations

from datetime import date, datetime
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


def frame(spark: SparkSession, table: str, rows: list[dict]) -> DataFrame:
    """Rows of a table with the contract's defaults for what a test does not say."""
    contract = contracts.load(f"validated.{table}")
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


@pytest.fixture(scope="module")
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
            {"item_id": "ink", "title": "Ink", "category": "desk", "discontinued_on": D, "known_day": first},
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
    empty = {name: frame(spark, name, []) for name in ("customers", "consents", "prices", "stock_levels")}
    pairs = customer_item(orders, events, D).cache()
    things = item(items, empty["prices"], empty["stock_levels"], orders, events, pairs, D, STORE).cache()
    people = customer(empty["customers"], orders, events, empty["consents"], pairs, D, STORE)
    return {
        "customer_item": {(row["customer_id"], row["item_id"]): row.asDict() for row in pairs.collect()},
        "item": {row["item_id"]: row.asDict() for row in things.collect()},
        "customer": {row["customer_id"]: row.asDict() for row in people.collect()},
        "category": {row["category"]: row.asDict() for row in category(things, pairs, D).collect()},
    }


def test_two_lines_of_an_order_are_one_order(made: dict) -> None:
    pair = made["customer_item"][("ann", "pen")]
    assert (pair["orders"], pair["units"], pair["revenue"]) == (2, 4, 8.0)


def test_decay_halves_with_each_half_life(made: dict) -> None:
    pair = made["customer_item"][("ann", "pen")]
    assert pair["decayed_30d"] == pytest.approx(0.25 + 0.5 ** (14 / 30), abs=1e-8)


def test_orders_passed_over_since_the_last_one(made: dict) -> None:
    assert made["customer_item"][("ann", "ink")]["orders_since"] == 2
    assert made["customer_item"][("ann", "cup")]["orders_since"] == 0


def test_pairs_only_looked_at_are_there_and_bots_are_not(made: dict) -> None:
    looked = made["customer_item"][("bob", "ink")]
    assert (looked["orders"], looked["views_28d"], looked["carts_28d"], looked["first_ordered_on"]) == (0, 2, 1, None)
    assert ("bob", "cup") not in made["customer_item"]
    assert made["item"]["cup"]["views_28d"] == 1


def test_tests_fees_and_cancellations_teach_nothing(made: dict) -> None:
    assert "post" not in made["item"]
    assert made["item"]["cup"]["units_28d"] == 5
    assert made["item"]["pen"]["customers_all"] == 2


def test_an_item_is_active_from_its_launch_until_it_is_discontinued(made: dict) -> None:
    assert {name: row["is_active"] for name, row in made["item"].items()} == {
        "pen": True,
        "ink": False,
        "cup": True,
        "new": False,
    }


def test_first_baskets_and_discoveries_are_told_apart(made: dict) -> None:
    assert (made["item"]["pen"]["first_basket_28d"], made["item"]["pen"]["discoveries_28d"]) == (1, 0)
    assert (made["item"]["cup"]["first_basket_28d"], made["item"]["cup"]["discoveries_10d"]) == (0, 1)


def test_price_is_the_catalogues_before_that_of_the_lines(made: dict) -> None:
    assert (made["item"]["cup"]["price"], made["item"]["pen"]["price"]) == (4.5, 2.0)


def test_a_customers_habits(made: dict) -> None:
    ann = made["customer"]["ann"]
    assert (ann["orders"], ann["repeat_share"], ann["country"], ann["is_personal_allowed"]) == (
        3,
        pytest.approx(1 / 3),
        "DE",
        True,
    )
    assert ann["mean_gap_days"] == pytest.approx((D - date(2026, 1, 30)).days / 2)
    assert made["customer"]["bob"]["mean_gap_days"] is None


def test_categories_sum_their_items(made: dict) -> None:
    assert made["category"]["kitchen"]["units_28d"] == 5
    assert made["category"]["desk"]["customers_28d"] == 2
