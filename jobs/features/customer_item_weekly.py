"""Views, carts and orders of a customer and item in a week, kept for ever; partials as in item_weekly."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.weekly import weekly


def customer_item_weekly(order_lines_changes: DataFrame, events_changes: DataFrame) -> DataFrame:
    """One row per identified customer, item, week (its Monday) and day on which this part of it became known."""
    identified = F.col("customer_id").isNotNull()
    return weekly(order_lines_changes.where(identified), events_changes.where(identified), ["customer_id", "item_id"])
