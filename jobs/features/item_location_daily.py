"""What an item sold on a day at one of the store's places, and what was left of it there: forecasts by place need it.

Rows are partials as in ``features.item_daily``. Lines that name no place are in that table alone.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.item_daily import KEY, counted, sold, summed


def item_location_daily(
    order_lines_changes: DataFrame, order_lines: DataFrame, stock_levels_changes: DataFrame
) -> DataFrame:
    """One row per item, place, day and day on which this part of it became known. Products only, no test orders."""
    placed = sold(order_lines_changes, order_lines).where(F.col("location_id").isNotNull())
    return summed(placed.unionByName(counted(stock_levels_changes), allowMissingColumns=True), "location_id", *KEY)
