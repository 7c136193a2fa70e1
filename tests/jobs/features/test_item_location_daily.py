"""What an item sold on a day at each place, beside the same for the store as a whole."""

from __future__ import annotations

from datetime import date

from pyspark.sql import functions as F

from jobs.features.item_daily import item_daily
from jobs.features.item_location_daily import item_location_daily
from tests.jobs.features.conftest import frame, line

MONDAY, TUESDAY = date(2026, 3, 23), date(2026, 3, 24)


def test_places_are_told_apart_and_lines_without_one_are_the_stores_alone(spark):
    back = {"is_cancellation": True, "cancels_line_number": 1, "cancels_order_id": "2"}
    orders = frame(
        spark,
        "order_lines",
        [
            line("1", MONDAY, "ann", "pen", 2, 3.0, location_id="north"),
            line("2", MONDAY, None, "pen", 7, 3.0, location_id="south"),
            line("C2", MONDAY, None, "pen", 7, 3.0, location_id="south", **back),
            line("3", TUESDAY, "bob", "pen", 5, 3.0, location_id="north"),
            line("4", TUESDAY, "bob", "pen", 9, 3.0),
        ],
    ).withColumn("_sign", F.lit(1))
    stock = frame(
        spark,
        "stock_levels",
        [
            {"item_id": "pen", "location_id": "north", "on_hand": 4.0, "known_day": MONDAY, "_row": 1},
            {"item_id": "pen", "location_id": "south", "on_hand": 9.0, "known_day": MONDAY, "_row": 2},
            {"item_id": "pen", "location_id": "south", "on_hand": 7.0, "known_day": MONDAY, "_row": 3},
        ],
    ).withColumn("_sign", F.lit(1))
    standing = orders.drop("_sign")
    found = item_location_daily(orders, standing, stock).collect()
    rows = {(row["location_id"], row["day"]): row for row in found}
    assert set(rows) == {("north", MONDAY), ("south", MONDAY), ("north", TUESDAY)} and len(found) == 3
    north, south, later = rows["north", MONDAY], rows["south", MONDAY], rows["north", TUESDAY]
    assert (north["units"], north["revenue"], north["on_hand"]) == (2, 6.0, 4.0)
    assert (south["units"], south["withdrawn"], south["lines"], south["on_hand"]) == (7, 7, 1, 7.0)
    assert (later["units"], later["on_hand"]) == (5, None)
    none = frame(spark, "returns", []).withColumn("_sign", F.lit(1))
    whole = {row["day"]: row for row in item_daily(orders, standing, stock, stock, none).collect()}
    assert (whole[MONDAY]["units"], whole[TUESDAY]["units"]) == (9, 14)
