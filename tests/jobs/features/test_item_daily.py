"""What an item sold on a day, what of it was withdrawn or came back, and what was left."""

from __future__ import annotations

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.features.item_daily import item_daily
from tests.jobs.features.conftest import frame, line

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 23), date(2026, 3, 24), date(2026, 3, 25)


def test_a_day_is_summed_by_the_day_it_became_known(spark):
    undone = {"is_cancellation": True, "cancels_line_number": 1}
    orders = frame(
        spark,
        "order_lines",
        [
            line("1", MONDAY, "ann", "pen", 2, 3.0),
            line("2", MONDAY, None, "pen", 80_000, 3.0),
            line("C2", MONDAY, None, "pen", 80_000, 3.0, cancels_order_id="2", **undone),
            line("C1", TUESDAY, "ann", "pen", 1, 3.0, cancels_order_id="1", **undone),
            line("3", TUESDAY, "bob", "pen", 5, 3.0),
            line("4", TUESDAY, "bob", "pen", 9, 3.0, is_test=True),
            line("5", TUESDAY, "bob", "post", is_product=False),
        ],
    ).withColumn("_sign", F.when(F.col("order_id") == "3", -1).otherwise(1))
    stock = frame(
        spark,
        "stock_levels",
        [
            {"item_id": "pen", "location_id": "all", "on_hand": 4.0, "known_day": MONDAY, "_row": 1},
            {"item_id": "pen", "location_id": "all", "on_hand": 3.0, "known_day": MONDAY, "_row": 2},
            {"item_id": "ink", "location_id": "here", "on_hand": 0.0, "known_day": MONDAY, "_row": 3},
            {"item_id": "ink", "location_id": "there", "on_hand": 7.0, "known_day": MONDAY, "_row": 4},
        ],
    )
    back = [
        {"return_id": "R1", "item_id": "pen", "returned_on": TUESDAY, "units": 2, "known_day": TUESDAY},
        {"return_id": "R2", "item_id": "pen", "returned_on": TUESDAY, "units": 1, "is_sellable": False,
         "known_day": TUESDAY},
        {"return_id": "R3", "item_id": "ink", "returned_on": TUESDAY, "units": 4, "known_day": WEDNESDAY},
    ]  # fmt: skip
    signed = F.when(F.col("return_id") == "R3", -1).otherwise(1)
    returns = frame(spark, "returns", back).withColumn("_sign", signed)
    standing = orders.where("_sign = 1").drop("_sign")
    found = item_daily(orders, standing, stock.withColumn("_sign", F.lit(1)), stock, returns)
    rows = {(row["item_id"], row["day"], row["known_day"]): row.asDict() for row in found.collect()}
    # Two places hold ink: a change in one says nothing of what is left in both.
    assert set(rows) == {("pen", MONDAY, MONDAY), ("pen", TUESDAY, TUESDAY), ("ink", TUESDAY, WEDNESDAY)}
    first, second = rows["pen", MONDAY, MONDAY], rows["pen", TUESDAY, TUESDAY]
    assert (first["units"], first["withdrawn"], first["cancelled"], first["lines"]) == (80_002, 80_000, 80_000, 2)
    assert first["revenue"] == 240_006.0 and first["on_hand"] == 3.0
    assert (second["units"], second["withdrawn"], second["cancelled"], second["lines"]) == (-5, 0, 1, -1)
    assert second["on_hand"] is None
    # Damaged or not; one that was told in error is taken back on the day it became known.
    corrected = rows["ink", TUESDAY, WEDNESDAY]
    assert (first["returned"], second["returned"], corrected["returned"], corrected["units"]) == (0, 3, -4, 0)


SALE = line("1", MONDAY, None, "pen", 7, 3.0)
BACK = line("C1", MONDAY, None, "pen", 7, 3.0, is_cancellation=True, cancels_order_id="1", cancels_line_number=1)


def on(day: date, row: dict) -> dict:
    return {**row, "known_day": day}


# What each night hears of as new and as gone, what stands by its end, and by night what is withdrawn.
CASES = {
    "undone a night later": (
        [([SALE], [], [SALE]), ([on(TUESDAY, BACK)], [], [SALE, on(TUESDAY, BACK)])],
        {MONDAY: 0, TUESDAY: 7},
    ),
    "undone in error": (
        [
            ([SALE], [], [SALE]),
            ([on(TUESDAY, BACK)], [], [SALE, on(TUESDAY, BACK)]),
            ([], [on(WEDNESDAY, BACK)], [SALE]),
        ],
        {MONDAY: 0, TUESDAY: 7, WEDNESDAY: -7},
    ),
    "corrected away whole": (
        [
            ([SALE, BACK], [], [SALE, BACK]),
            ([], [on(TUESDAY, SALE), on(TUESDAY, BACK)], []),
        ],
        {MONDAY: 7, TUESDAY: -7},
    ),
    "corrected sale": (
        [
            ([SALE], [], [SALE]),
            ([on(TUESDAY, BACK)], [], [SALE, on(TUESDAY, BACK)]),
            ([on(WEDNESDAY, SALE)], [on(WEDNESDAY, SALE)], [on(WEDNESDAY, SALE), on(TUESDAY, BACK)]),
        ],
        {MONDAY: 0, TUESDAY: 7, WEDNESDAY: 0},
    ),
    "undone before it was told": (
        [([BACK], [], [BACK]), ([on(TUESDAY, SALE)], [], [BACK, on(TUESDAY, SALE)])],
        {MONDAY: 0, TUESDAY: 0},
    ),
}


def withdrawn(spark: SparkSession, came: list[dict], gone: list[dict], standing: list[dict]) -> dict[date, int]:
    def signed(rows: list[dict], sign: int) -> DataFrame:
        return frame(spark, "order_lines", rows).withColumn("_sign", F.lit(sign))

    stock, returns = (frame(spark, name, []) for name in ("stock_levels", "returns"))
    changes = signed(came, 1).unionByName(signed(gone, -1))
    none = (stock.withColumn("_sign", F.lit(1)), stock, returns.withColumn("_sign", F.lit(1)))
    found = item_daily(changes, frame(spark, "order_lines", standing), *none)
    return {row["known_day"]: row["withdrawn"] for row in found.collect()}


@pytest.mark.parametrize("case", CASES)
def test_nights_one_by_one_withdraw_what_they_do_in_one_batch(spark, case):
    nights, expected = CASES[case]
    one_by_one: dict[date, int] = {}
    for night in nights:
        one_by_one |= withdrawn(spark, *night)
    came, gone = ([row for night in nights for row in night[at]] for at in (0, 1))
    assert one_by_one == withdrawn(spark, came, gone, nights[-1][2]) == expected
