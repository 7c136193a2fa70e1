"""The advice from tables: whose terms count, where stock stands, and a store that counts none."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from jobs.demand.reorder import reorder
from jobs.lib import contracts, quality

D = date(2026, 3, 31)
LEVELS = {"q05": 0.0, "q10": 1.0, "q25": 2.0, "q50": 3.0, "q75": 4.0, "q90": 5.0, "q95": 6.0}
STORE = SimpleNamespace(period="day")
SETTINGS = SimpleNamespace(shuffle_partitions=2)


def frame(spark: SparkSession, table: str, rows: list[dict]) -> DataFrame:
    contract = contracts.load(table)
    defaults = {name: column.default for name, column in contract.columns.items()}
    known = {"known_day": D} if "known_day" in contract.columns else {"as_of": D}
    return spark.createDataFrame([{**defaults, **known, **row} for row in rows], contract.schema())


def stock(item: str, on_hand: float, location: str = "main") -> dict:
    return {"item_id": item, "location_id": location, "on_hand": float(on_hand)}


def terms(supplier: str, item: str, lead: float | None, **more: object) -> dict:
    return {"supplier_id": supplier, "item_id": item, "lead_time_days": lead, **more}


@pytest.fixture(scope="module")
def told(spark: SparkSession) -> dict[str, Row]:
    """The advice of one evening, by item, and by place for the one item that has several."""
    names = ("own", "supplied", "general", "odd", "uncounted", "bulky")
    ahead = [
        {
            "item_id": name, "location_id": place, "target_date": D + timedelta(days=day), "mean": 3.0, **LEVELS,
            "method": "ewq", "segment": "dense", "model_version": "m",
        }
        for name, place in [
            *((name, "all") for name in names), ("chained", "all"), ("chained", "north"), ("chained", "south"),
            ("central", "all"), ("central", "north"), ("central", "south"),
        ]
        for day in range(28, 0, -1)
    ]  # fmt: skip
    items = [{"item_id": name, "supplier_id": "s1" if name == "own" else None} for name in names]
    made = reorder(
        forecast=frame(spark, "demand.forecast", ahead),
        stock_levels=frame(
            spark, "validated.stock_levels",
            [stock("own", 8), stock("own", 4, "shop"), stock("supplied", 100), stock("general", 0),
             stock("odd", -5, "hub"), stock("bulky", 0), stock("never forecast", 3), stock("never forecast", 3, "hub"),
             stock("chained", 10, "hub"), stock("chained", 0, "north"), stock("chained", 0, "south"),
             stock("chained", 50, "attic"), stock("central", 5, "hub"), stock("central", 2, "attic")],
        ),
        inbound=frame(
            spark, "validated.inbound",
            [{"inbound_id": "p1", "item_id": "own", "units": 10.0, "expected_on": D + timedelta(days=2)},
             {"inbound_id": "p2", "item_id": "own", "location_id": "shop", "units": 2.0, "ordered_on": D},
             {"inbound_id": "p3", "item_id": "general", "units": 0.0},
             {"inbound_id": "p4", "item_id": "chained", "units": 7.0, "expected_on": D + timedelta(days=2)}],
        ),
        suppliers=frame(
            spark, "validated.suppliers",
            [terms("s1", "own", 2.0, lead_time_sd_days=0.0, pack_size=6), terms("s0", "own", 1.0),
             terms("s2", "bulky", 1.0, pack_size=10_000),
             terms("s1", "supplied", None), terms("s1", "all", 4.0, minimum_order=10),
             terms("all", "all", None, review_days=3)],
        ),
        locations=frame(
            spark, "validated.locations",
            [{"location_id": name, "supplied_from": "hub", "transfer_days": 1.0} for name in ("north", "south")],
        ),
        items=frame(spark, "validated.items", items),
        item=spark.createDataFrame(
            [(name, 5.0, 2.0 if name != "odd" else None) for name in names], "item_id string, price double, cost double"
        ),
        as_of=D, store=STORE, settings=SETTINGS,
    )  # fmt: skip
    contract = contracts.load("demand.reorder")
    shaped = made.selectExpr(f"DATE'{D}' AS as_of", "*").select(*contract.schema().fieldNames()).cache()
    broken = [result for result in quality.check(shaped, contract, full=True) if result.is_broken]
    assert not broken, broken
    return {row["item_id"] if row["location_id"] == "all" else row["location_id"]: row for row in shaped.collect()}


def test_what_is_counted_and_forecast_gets_advice(told: dict[str, Row]) -> None:
    # Pieces of a chained item in the attic are in nobody's reach: no order line was ever sent from there.
    assert set(told) == {"own", "supplied", "general", "odd", "bulky", "hub", "north", "south", "central"}


def test_an_item_sold_at_places_that_count_no_stock_is_ordered_as_a_whole(told: dict[str, Row]) -> None:
    assert told["central"]["location_id"] == "all" and told["central"]["on_hand"] == 7


def test_stock_and_deliveries_of_all_places_count_as_one(told: dict[str, Row]) -> None:
    assert (told["own"]["on_hand"], told["own"]["on_order"]) == (12, 12)
    assert told["general"]["on_order"] == 0


def test_terms_are_the_items_then_its_suppliers_then_anyones_then_assumed(told: dict[str, Row]) -> None:
    assert told["own"]["lead_time_days"] == 2 and told["own"]["order_units"] % 6 == 0
    assert told["supplied"]["lead_time_days"] == 4 and told["supplied"]["review_days"] == 3
    assert (told["general"]["lead_time_days"], told["general"]["review_days"]) == (7, 3)
    assert "lead_time_days" in told["general"]["assumed"] and "review_days" not in told["general"]["assumed"]
    assert "service_level" in told["odd"]["assumed"] and told["odd"]["reason"].startswith("5 owed")


def test_only_what_runs_short_is_ordered(told: dict[str, Row]) -> None:
    assert told["supplied"]["order_units"] == 0 and told["general"]["order_units"] > 20
    assert told["bulky"]["order_units"] == 0 and told["bulky"]["reorder_point"] == -1
    assert told["odd"]["reorder_point"] == told["odd"]["order_up_to"] - 1
    # Five are owed as well.
    assert told["odd"]["order_units"] == told["odd"]["order_up_to"] + 5


def test_places_share_what_their_warehouse_has_and_it_orders_for_them(told: dict[str, Row]) -> None:
    assert told["north"]["order_units"] + told["south"]["order_units"] == told["hub"]["on_hand"] == 10
    assert abs(told["north"]["order_units"] - told["south"]["order_units"]) <= 1
    assert told["hub"]["order_units"] > 30 and told["hub"]["model_version"] == "m"
    # Nobody says where seven pieces on their way go to: the warehouse has them.
    assert [told[place]["on_order"] for place in ("hub", "north", "south")] == [7, 0, 0]
