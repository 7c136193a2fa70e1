"""Dominick's orange juice through its mappings: a shop's weekly sums as order lines, prices and promotions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from pyspark.sql import Row, SparkSession

from jobs.lib import contracts, mappings, stores
from jobs.lib.settings import Settings

LAST_DAY = date(1990, 6, 20)  # of the chain's week 40


@pytest.fixture
def store(home: Settings, tmp_path) -> stores.Store:
    return stores.load(replace(home, store="dominicks_orange_juice", data=str(tmp_path)))


def mapped(spark: SparkSession, store: stores.Store, table: str) -> list[Row]:
    """The rows of a table from two shops that sell brands 1 and 2 in one week, the second brand on a deal."""
    columns = store.sources["sales"].columns
    prices = [str(0.01 * brand) for brand in range(1, 12)]
    sales = [
        (shop, brand, "40", "9.0186954877", "1", *prices, deal, "0.0", "25.0")
        for shop in ("2", "5")
        for brand, deal in (("1", "0"), ("2", "1"))
    ]
    rows = [(*row, "juice.csv", 1, at, LAST_DAY) for at, row in enumerate(sales, 1)]
    schema = ", ".join(f"{name} string" for name in columns)
    view = spark.createDataFrame(rows, f"{schema}, _file string, _file_version int, _row long, _known_day date")
    run = mappings.run(spark, store.mappings[table], {"sales": view})
    contract = contracts.load(f"validated.{table}")
    return mappings.cast(run, contract, store).orderBy("_row").collect()


def test_a_week_of_a_shop_is_an_order_without_a_customer(spark: SparkSession, store: stores.Store) -> None:
    assert store.period == "week"
    lines = mapped(spark, store, "order_lines")
    assert [(line["order_id"], line["line_number"], line["item_id"]) for line in lines] == [
        ("2-40", 1, "1"), ("2-40", 2, "2"), ("5-40", 1, "1"), ("5-40", 2, "2"),
    ]  # fmt: skip
    assert {(line["units"], line["customer_id"], line["order_date"]) for line in lines} == {(8256, None, LAST_DAY)}
    assert [line["location_id"] for line in lines] == ["shop 2", "shop 2", "shop 5", "shop 5"]
    assert lines[1]["price"] == pytest.approx(0.02)
    assert not any(line["_uncast"] for line in lines)


def test_prices_have_costs_and_deals_are_promotions(spark: SparkSession, store: stores.Store) -> None:
    prices = mapped(spark, store, "prices")
    assert [(one["item_id"], one["valid_from"]) for one in prices] == [
        ("1", date(1990, 6, 14)),
        ("2", date(1990, 6, 14)),
    ]
    assert [one["cost"] for one in prices] == pytest.approx([0.0075, 0.015])
    (deal,) = mapped(spark, store, "promotions")
    assert (deal["item_id"], deal["starts_on"], deal["ends_on"]) == ("2", date(1990, 6, 14), LAST_DAY)
    assert (deal["promotion_id"], deal["depth"], deal["is_featured"]) == ("40-2-deal", 0, False)
    assert {item["title"] for item in mapped(spark, store, "items")} == {
        "Tropicana Premium 64 oz", "Tropicana Premium 96 oz",
    }  # fmt: skip
