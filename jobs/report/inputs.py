"""What came in, by size: lines, orders, stock and visits of the last four weeks as histograms, and the values far
outside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib.stages import Night

DAYS = 28
BINS = 30
# Tukey's far-out fence, on logarithms; where most values are alike, no nearer than a quarter above or below them.
FENCE, LEAST_FENCE = 3.0, 0.1
EXAMPLES = 5
# Name of a size → what a picture of it says, and what is counted in it.
SIZES = {
    "units": ("Units of a line", "lines"),
    "price": ("Price of a piece", "lines"),
    "order": ("Value of an order", "orders"),
    "on_hand": ("Pieces of an item in stock", "counts"),
    "session": ("Events of a visit", "visits"),
}


def distributions(night: Night) -> list[dict[str, Any]]:
    """A histogram over logarithms for each size that the store delivers: ``bars`` (height from 0 to 1, low, rows), the
    quartiles, and how many ``outliers`` there are, the farthest first in ``examples``."""
    frames = list(_sizes(night))
    if not frames:
        return []
    # Read for their edges, for their counts and for the farthest.
    sizes = reduce(DataFrame.unionByName, frames).where("value > 0").withColumn("log", F.log10("value")).persist()
    try:
        return _pictures(sizes)
    finally:
        sizes.unpersist()


def _pictures(sizes: DataFrame) -> list[dict[str, Any]]:
    quartiles = F.percentile("log", F.array(*map(F.lit, (0.25, 0.5, 0.75)))).alias("quartiles")
    edges = {
        row["name"]: row.asDict()
        for row in sizes.groupBy("name").agg(quartiles, F.min("log").alias("low"), F.max("log").alias("high")).collect()
    }
    if not edges:
        return []
    place, far = F.lit(None).cast("int"), F.lit(None).cast("double")
    for name, edge in edges.items():
        width = _width(edge) or 1.0
        first, _, third = edge["quartiles"]
        fence = max(FENCE * (third - first), LEAST_FENCE)
        beyond = F.greatest(F.col("log") - F.lit(third + fence), F.lit(first - fence) - F.col("log"))
        at = F.least(F.floor((F.col("log") - F.lit(edge["low"])) / F.lit(width)), F.lit(BINS - 1)).cast("int")
        place = F.when(F.col("name") == name, at).otherwise(place)
        far = F.when(F.col("name") == name, beyond).otherwise(far)
    placed = sizes.withColumns({"bin": place, "far": far})
    counted = placed.groupBy("name", "bin").agg(
        F.count(F.lit(1)).alias("rows"), F.sum((F.col("far") > 0).cast("long")).alias("outliers")
    )
    bins = [row.asDict() for row in counted.collect()]
    order = "row_number() OVER (PARTITION BY name ORDER BY far DESC, what, day)"
    farthest = placed.where("far > 0").withColumn("nth", F.expr(order)).where(F.col("nth") <= EXAMPLES)
    examples = [row.asDict() for row in farthest.orderBy("nth").collect()]
    return [
        _drawn(
            name,
            edges[name],
            [row for row in bins if row["name"] == name],
            [row for row in examples if row["name"] == name],
        )
        for name in SIZES
        if name in edges
    ]


def _sizes(night: Night) -> Iterator[DataFrame]:
    """Rows ``name, what, day, value``; ``what`` names the item or order, never a person or a visit."""
    since = F.lit(night.as_of - timedelta(days=DAYS))
    if night.tables.exists("validated.order_lines"):
        lines = night.tables.read("validated.order_lines", night.as_of)
        recent = lines.where("is_product AND NOT is_test AND NOT is_cancellation").where(F.col("order_date") > since)
        for name in ("units", "price"):
            yield _sized(recent, name, F.col("item_id"), F.col("order_date"), F.col(name))
        value = F.sum(F.col("units") * F.col("price")).alias("value")
        orders = recent.groupBy("order_id").agg(F.min("order_date").alias("day"), value)
        yield _sized(orders, "order", F.col("order_id"), F.col("day"), F.col("value"))
    if night.tables.exists("validated.stock_levels"):
        levels = night.tables.read("validated.stock_levels", night.as_of)
        yield _sized(levels, "on_hand", F.col("item_id"), F.col("known_day"), F.col("on_hand"))
    if night.tables.exists("validated.events"):
        events = night.tables.read("validated.events", night.as_of)
        visits = events.where("session_id IS NOT NULL AND NOT is_bot AND NOT is_test AND event_type <> 'impression'")
        counted = (F.min("event_date").alias("day"), F.count(F.lit(1)).alias("value"))
        visits = visits.where(F.col("event_date") > since).groupBy("session_id").agg(*counted)
        yield _sized(visits, "session", F.lit(None), F.col("day"), F.col("value"))


def _sized(frame: DataFrame, name: str, what: Column, day: Column, value: Column) -> DataFrame:
    columns = (F.lit(name).alias("name"), what.cast("string").alias("what"), day.alias("day"))
    return frame.select(*columns, value.cast("double").alias("value"))


def _width(edge: dict[str, Any]) -> float:
    return (edge["high"] - edge["low"]) / BINS


def _drawn(
    name: str, edge: dict[str, Any], bins: list[dict[str, Any]], examples: list[dict[str, Any]]
) -> dict[str, Any]:
    width = _width(edge)
    rows = {row["bin"]: row["rows"] for row in bins}
    most = max(rows.values())
    bars = [
        {"height": rows.get(n, 0) / most, "low": 10 ** (edge["low"] + n * width), "rows": rows.get(n, 0)}
        for n in range(BINS if width else 1)
    ]
    return {
        "title": SIZES[name][0],
        "of": SIZES[name][1],
        "bars": bars,
        "least": 10 ** edge["low"],
        "most": 10 ** edge["high"],
        "quartiles": [10**value for value in edge["quartiles"]],
        "rows": sum(rows.values()),
        "outliers": sum(row["outliers"] for row in bins),
        "examples": [{"what": row["what"], "day": str(row["day"]), "value": row["value"]} for row in examples],
    }
