"""How an item sells, on the history of the conftest worked out by hand."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from jobs.features.item import item
from jobs.lib import contracts
from tests.jobs.features.conftest import STORE, D, frame, line


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


def test_what_a_firm_pays_by_its_agreement_is_nobody_elses_price(spark) -> None:
    firms = [line(f"f{n}", D, "firm", "pen", price=6.0) for n in range(6)]
    orders = frame(spark, "order_lines", [*firms, *[line(f"o{n}", D, None, "pen", price=10.0) for n in range(4)]])
    agreed = {"customer_id": "firm", "item_id": "pen", "valid_from": D, "price": 6.0, "currency": "EUR", "known_day": D}
    given = {name: frame(spark, name, []) for name in ("items", "prices", "stock_levels", "events")}
    given["contract_prices"] = frame(spark, "contract_prices", [agreed])
    given["customer_item"] = spark.createDataFrame([], contracts.load("features.customer_item").schema())
    given["item_weekly"] = frame(spark, "item_weekly", [], "features")
    for mapped, price in (({"contract_prices": None}, 10.0), ({}, 6.0)):
        (row,) = item(
            **given, order_lines=orders, as_of=D, store=SimpleNamespace(mappings=mapped), events_from=None
        ).collect()
        assert (row["price"], row["units_28d"]) == (price, 10)


def test_what_the_coming_weeks_sold_last_year_is_counted(spark) -> None:
    ago = lambda days: line(f"o{days}", D - timedelta(days=days), "ann", "pen")  # noqa: E731
    orders = frame(spark, "order_lines", [ago(days) for days in (0, 335, 336, 350, 363, 364)])
    nothing = {
        name: frame(spark, name, []) for name in ("items", "prices", "contract_prices", "stock_levels", "events")
    }
    pairs = spark.createDataFrame([], contracts.load("features.customer_item").schema())
    nothing["item_weekly"] = frame(spark, "item_weekly", [], "features")
    facts = {"as_of": D, "store": STORE, "events_from": None}
    (row,) = item(**nothing, order_lines=orders, customer_item=pairs, **facts).collect()
    assert row["orders_season"] == 3


def test_the_last_cost_that_was_told_holds(spark) -> None:
    told = ((-9, 8.0, 3.0), (-2, 9.0, None), (1, 9.5, 4.0))
    prices = [
        {
            "item_id": "pen",
            "valid_from": D + timedelta(days=days),
            "price": price,
            "cost": cost,
            "currency": "EUR",
            "known_day": D,
        }
        for days, price, cost in told
    ]
    given = {name: frame(spark, name, []) for name in ("items", "contract_prices", "stock_levels", "events")}
    given |= {"prices": frame(spark, "prices", prices), "item_weekly": frame(spark, "item_weekly", [], "features")}
    pairs = spark.createDataFrame([], contracts.load("features.customer_item").schema())
    orders = frame(spark, "order_lines", [line("o", D, "ann", "pen")])
    (row,) = item(**given, order_lines=orders, customer_item=pairs, as_of=D, store=STORE, events_from=None).collect()
    assert (row["price"], row["cost"]) == (9.0, 3.0)
