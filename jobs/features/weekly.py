"""Additive weekly partials: rows that became known count once, rows that were superseded count against it."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import human, sold
from jobs.lib.exact import exact_money

AMOUNTS = ("views", "carts", "lines", "units")


def weekly(order_lines_changes: DataFrame, events_changes: DataFrame, key: list[str]) -> DataFrame:
    """Sums by ``key``, week and known_day of changes (rows with ``_sign`` +1 or -1, see ``Tables.read_changes``)."""
    sign = F.col("_sign")
    money = F.col("units") * F.col("price") * sign
    orders = sold(order_lines_changes).select(
        *key,
        "known_day",
        F.trunc("order_date", "week").alias("week"),
        sign.alias("lines"),
        (F.col("units") * sign).alias("units"),
        money.alias("revenue"),
    )
    seen = human(events_changes).where(F.col("item_id").isNotNull() & F.col("event_type").isin("view", "cart"))
    looks = seen.select(
        *key,
        "known_day",
        F.trunc("event_date", "week").alias("week"),
        *[((F.col("event_type") == kind).cast("int") * sign).alias(f"{kind}s") for kind in ("view", "cart")],
    )
    parts = orders.unionByName(looks, allowMissingColumns=True)
    sums = [F.coalesce(F.sum(name), F.lit(0)).cast("long").alias(name) for name in AMOUNTS]
    return parts.groupBy(*key, "week", "known_day").agg(*sums, exact_money(F.col("revenue")).alias("revenue"))
