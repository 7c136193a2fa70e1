"""The same week by customer: guests' lines belong to nobody."""

from __future__ import annotations

from datetime import date

from pyspark.sql import functions as F

from jobs.features.customer_item_weekly import customer_item_weekly
from tests.jobs.features.conftest import frame, line

MONDAY = date(2026, 3, 23)


def test_only_identified_customers_have_rows(spark):
    lines = [line("1", MONDAY, "ann", "pen", 2), line("2", MONDAY, "bob", "pen", 3), line("3", MONDAY, None, "pen", 4)]
    orders = frame(spark, "order_lines", lines).withColumn("_sign", F.lit(1))
    none = frame(spark, "events", []).withColumn("_sign", F.lit(1))
    rows = customer_item_weekly(orders, none).collect()
    assert {(row["customer_id"], row["item_id"], row["week"], row["units"]) for row in rows} == {
        ("ann", "pen", MONDAY, 2),
        ("bob", "pen", MONDAY, 3),
    }
