"""Additive weekly partials: rows that became known count once, rows that were superseded count against it.

They stay when maintenance drops the events they were made of; ``looks`` reads on from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import human, sold, within
from jobs.lib.exact import exact_money

AMOUNTS = ("lines", "units")
LOOKS = ("view", "cart")


def weekly(
    order_lines_changes: DataFrame, events_changes: DataFrame, key: list[str], kinds: Sequence[str] = LOOKS
) -> DataFrame:
    """Sums by ``key``, week and known_day of changes (rows with ``_sign`` +1 or -1, see ``Tables.read_changes``), of
    events those of these ``kinds``, a column each (``views`` of view)."""
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
    seen = human(events_changes).where(F.col("item_id").isNotNull() & F.col("event_type").isin(*kinds))
    looked = seen.select(
        *key,
        "known_day",
        F.trunc("event_date", "week").alias("week"),
        *[((F.col("event_type") == kind).cast("int") * sign).alias(f"{kind}s") for kind in kinds],
    )
    parts = orders.unionByName(looked, allowMissingColumns=True)
    amounts = [f"{kind}s" for kind in kinds] + [*AMOUNTS]
    sums = [F.coalesce(F.sum(name), F.lit(0)).cast("long").alias(name) for name in amounts]
    return parts.groupBy(*key, "week", "known_day").agg(*sums, exact_money(F.col("revenue")).alias("revenue"))


def looks(
    events: DataFrame,
    sums: DataFrame,
    key: list[str],
    as_of: date,
    days: int,
    events_from: date | None,
    kinds: Sequence[str] = LOOKS,
) -> DataFrame:
    """What people did with items in the last ``days`` days: ``key``, ``day`` and a count for each of ``kinds``.

    Of what happened and became known before ``events_from`` (None: never) maintenance has dropped the events, now or
    soon: there the weekly ``sums`` count, on the day on which they became known, or on the last of a week that it is
    not in. Where files are delivered daily that is the very day.
    """
    counts = [f"{kind}s" for kind in kinds]
    seen = human(events).where(
        F.col("item_id").isNotNull() & F.col("event_type").isin(*kinds) & within("event_date", as_of, days)
    )
    if events_from is None or events_from <= as_of - timedelta(days=days - 1):
        return _counted(seen, key, kinds)
    kept_from = F.lit(events_from)
    kept = seen.where((F.col("event_date") >= kept_from) | (F.col("known_day") >= kept_from))
    last = F.date_add("week", 6)
    day = F.when(F.col("known_day").between(F.col("week"), last), F.col("known_day")).otherwise(last)
    gone = sums.where((F.col("week") < kept_from) & (F.col("known_day") < kept_from)).withColumn("day", day)
    return _counted(kept, key, kinds).unionByName(gone.where(within("day", as_of, days)).select(*key, "day", *counts))


def _counted(seen: DataFrame, key: list[str], kinds: Sequence[str]) -> DataFrame:
    one = [(F.col("event_type") == kind).cast("long").alias(f"{kind}s") for kind in kinds]
    return seen.select(*key, F.col("event_date").alias("day"), *one)
