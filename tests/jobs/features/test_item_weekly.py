"""What an item did in a week: orders and looks, corrections counted back, machines and tests left out."""

from __future__ import annotations

from datetime import date, datetime

from pyspark.sql import functions as F

from jobs.features.item_weekly import item_weekly
from tests.jobs.features.conftest import frame, line

MONDAY, SUNDAY, NEXT = date(2026, 3, 23), date(2026, 3, 29), date(2026, 3, 30)


def look(spark, rows):
    base = {"event_at": datetime(2026, 3, 23, 10), "event_date": MONDAY, "visitor_id": "v", "known_day": MONDAY}
    return frame(spark, "events", [{**base, "event_id": str(at), **row} for at, row in enumerate(rows)]).withColumn(
        "_sign", F.lit(1)
    )


def test_a_week_is_summed_from_its_monday_and_by_the_day_it_became_known(spark):
    orders = frame(
        spark,
        "order_lines",
        [
            line("1", MONDAY, "ann", "pen", 2, 3.0),
            line("2", SUNDAY, None, "pen", 1, 3.0),
            line("3", NEXT, "ann", "pen", 5, 3.0),
            line("4", SUNDAY, "ann", "pen", 7, 3.0, is_test=True),
        ],
    ).withColumn("_sign", F.when(F.col("order_id") == "2", -1).otherwise(1))
    views = look(
        spark,
        [
            {"event_type": "view", "item_id": "pen"},
            {"event_type": "cart", "item_id": "pen"},
            {"event_type": "view", "item_id": "pen", "is_bot": True},
            {"event_type": "view", "item_id": None},
        ],
    )
    rows = {(row["week"], row["known_day"]): row for row in item_weekly(orders, views).collect()}
    assert set(rows) == {(MONDAY, MONDAY), (MONDAY, SUNDAY), (NEXT, NEXT)}
    first = rows[MONDAY, MONDAY]
    assert (first["views"], first["carts"], first["lines"], first["units"], first["revenue"]) == (1, 1, 1, 2, 6.0)
    # Taken back: what had counted on an earlier day counts against the week on this one.
    assert (rows[MONDAY, SUNDAY]["lines"], rows[MONDAY, SUNDAY]["units"]) == (-1, -1)
    assert rows[NEXT, NEXT]["units"] == 5
