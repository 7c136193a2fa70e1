"""How a category sells, as of a day: what leads where a customer or an item says little."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import within
from jobs.lib.exact import exact_money

SEPARATOR = " > "


def steps(path: str) -> list[str]:
    """The paths that a category's path leads through, itself the last."""
    parts = path.split(SEPARATOR)
    return [SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def category(item: DataFrame, customer_item: DataFrame, as_of: date) -> DataFrame:
    """One row per category path that an item has."""
    sorted_in = item.where(F.col("category").isNotNull())
    recent = customer_item.where(within("last_ordered_on", as_of, 28)).select("customer_id", "item_id")
    buyers = (
        recent.join(sorted_in.select("item_id", "category"), "item_id", "inner")
        .groupBy("category")
        .agg(F.countDistinct("customer_id").alias("customers_28d"))
    )
    sales = sorted_in.groupBy("category").agg(
        F.count(F.lit(1)).alias("items"),
        F.sum("units_28d").cast("long").alias("units_28d"),
        exact_money(F.col("revenue_28d")).alias("revenue_28d"),
    )
    return sales.join(buyers, "category", "left").fillna(0, ["customers_28d"])
