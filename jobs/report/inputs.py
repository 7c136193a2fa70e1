"""What came in, by size: units and prices of the last four weeks as histograms, and the values far outside them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pyspark.sql import functions as F

from jobs.lib.stages import Night

DAYS = 28
BINS = 30
# Tukey's far-out fence, on logarithms; where most values are alike, no nearer than a quarter above or below them.
FENCE, LEAST_FENCE = 3.0, 0.1
EXAMPLES = 5
COLUMNS = {"units": "Units of a line", "price": "Price of a piece"}


def distributions(night: Night) -> list[dict[str, Any]]:
    """A histogram over logarithms for each column of order lines: ``bars`` (height from 0 to 1, low, lines), the
    quartiles, and how many ``outliers`` there are, the farthest first in ``examples``."""
    if not night.tables.exists("validated.order_lines"):
        return []
    lines = night.tables.read("validated.order_lines", night.as_of)
    since = night.as_of - timedelta(days=DAYS)
    recent = lines.where("is_product AND NOT is_test AND NOT is_cancellation").where(F.col("order_date") > F.lit(since))
    pairs = ", ".join(f"'{name}', CAST({name} AS DOUBLE)" for name in COLUMNS)
    sizes = recent.selectExpr("item_id", "order_date", f"stack({len(COLUMNS)}, {pairs}) AS (name, value)")
    sizes = sizes.where("value > 0").withColumn("log", F.log10("value"))
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
        F.count(F.lit(1)).alias("lines"), F.sum((F.col("far") > 0).cast("long")).alias("outliers")
    )
    bins = [row.asDict() for row in counted.collect()]
    order = "row_number() OVER (PARTITION BY name ORDER BY far DESC, item_id, order_date)"
    farthest = placed.where("far > 0").withColumn("nth", F.expr(order)).where(F.col("nth") <= EXAMPLES)
    examples = [row.asDict() for row in farthest.orderBy("nth").collect()]
    return [
        _drawn(
            name,
            edges[name],
            [row for row in bins if row["name"] == name],
            [row for row in examples if row["name"] == name],
        )
        for name in COLUMNS
        if name in edges
    ]


def _width(edge: dict[str, Any]) -> float:
    return (edge["high"] - edge["low"]) / BINS


def _drawn(
    name: str, edge: dict[str, Any], bins: list[dict[str, Any]], examples: list[dict[str, Any]]
) -> dict[str, Any]:
    width = _width(edge)
    lines = {row["bin"]: row["lines"] for row in bins}
    most = max(lines.values())
    bars = [
        {"height": lines.get(n, 0) / most, "low": 10 ** (edge["low"] + n * width), "lines": lines.get(n, 0)}
        for n in range(BINS if width else 1)
    ]
    return {
        "title": COLUMNS[name],
        "bars": bars,
        "least": 10 ** edge["low"],
        "most": 10 ** edge["high"],
        "quartiles": [10**value for value in edge["quartiles"]],
        "lines": sum(lines.values()),
        "outliers": sum(row["outliers"] for row in bins),
        "examples": [
            {"item_id": row["item_id"], "day": str(row["order_date"]), "value": row["value"]} for row in examples
        ],
    }
