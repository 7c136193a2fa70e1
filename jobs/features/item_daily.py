"""What an item sold on a day, and what was left of it: what forecasts are made of.

A row is a partial: what became known of the day on one day, corrections as negative amounts; the day is their sum.
Whether the store was closed follows from the calendar (jobs/demand/calendar.py) and promotions from their own table,
since both are plans that change and not events.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.exact import exact_money

AMOUNTS = ("units", "withdrawn", "cancelled", "lines", "returned")
KEY = ("item_id", "day", "known_day")
SALE = ("cancels_order_id", "cancels_line_number", "order_date")


def item_daily(
    order_lines_changes: DataFrame,
    order_lines: DataFrame,
    stock_levels_changes: DataFrame,
    stock_levels: DataFrame,
    returns_changes: DataFrame,
) -> DataFrame:
    """One row per item, day and day on which this part of it became known. Products only, no test orders."""
    # Only counts that changed are told: with several places the sum of a day would lack the others.
    places = stock_levels.groupBy("item_id").agg(F.countDistinct("location_id").alias("places"))
    told = stock_levels_changes.join(places.where("places = 1"), "item_id", "left_semi")
    lines = sold(order_lines_changes, order_lines)
    both = lines.unionByName(counted(told), allowMissingColumns=True)
    return summed(both.unionByName(came_back(returns_changes), allowMissingColumns=True), *KEY)


def summed(parts: DataFrame, *key: str) -> DataFrame:
    """Parts of :func:`sold`, :func:`counted` and :func:`came_back`, where they are among them, added up by ``key``."""
    told = [name for name in AMOUNTS if name in parts.columns]
    sums = [F.coalesce(F.sum(name), F.lit(0)).cast("long").alias(name) for name in told]
    revenue = exact_money(F.col("revenue")).alias("revenue")
    return parts.groupBy(*key).agg(*sums, revenue, F.max("on_hand").alias("on_hand"))


def sold(changes: DataFrame, order_lines: DataFrame) -> DataFrame:
    """Amounts by line of ``changes``; what is taken back on the day of its order is ``withdrawn`` as well as
    ``cancelled``. Its sale may have become known on an earlier night, and stand in ``order_lines`` alone."""
    lines = changes.where(F.col("is_product") & ~F.col("is_test"))
    paired = lines.join(_taken_back(lines, order_lines), list(SALE), "left")
    sign, units, is_sold = F.col("_sign"), F.col("units") * F.col("_sign"), ~F.col("is_cancellation")
    # A sale known later than its cancellation would be paired or not by which nights run together.
    is_same_day = ~is_sold & F.coalesce(F.col("_sale_known") <= F.col("known_day"), F.lit(False))
    money = F.col("units") * F.col("price") * sign
    return paired.select(
        "item_id",
        "location_id",
        F.col("order_date").alias("day"),
        "known_day",
        F.when(is_sold, units).alias("units"),
        F.when(is_same_day, units).alias("withdrawn"),
        F.when(~is_sold, units).alias("cancelled"),
        F.when(is_sold, sign).alias("lines"),
        F.when(is_sold, money).alias("revenue"),
    )


def _taken_back(lines: DataFrame, order_lines: DataFrame) -> DataFrame:
    """The sales (:data:`SALE`) that cancellations among ``lines`` name and date alike, with the day from which each is
    known; of a sale that was corrected away with its cancellation only ``lines`` tells."""
    named = lines.where("is_cancellation").select(*SALE).distinct()
    sold_line = (F.col("order_id").alias(SALE[0]), F.col("line_number").alias(SALE[1]), "order_date", "known_day")
    every = order_lines.where("is_product AND NOT is_test AND NOT is_cancellation").select(*sold_line)
    every = every.unionByName(lines.where("NOT is_cancellation").select(*sold_line))
    sales = every.join(named, list(SALE), "left_semi")
    return sales.groupBy(*SALE).agg(F.min("known_day").alias("_sale_known"))


def came_back(changes: DataFrame) -> DataFrame:
    """What came back to the store after it had been delivered, by line of the returns' ``changes``."""
    returned = (F.col("units") * F.col("_sign")).alias("returned")
    return changes.select("item_id", F.col("returned_on").alias("day"), "known_day", returned)


def counted(changes: DataFrame) -> DataFrame:
    """The last count of each day of an item at a place."""
    told = changes.where(~F.col("is_deleted"))
    place = F.struct("_file_version", "_file", "_row")
    return told.groupBy("item_id", "location_id", F.col("known_day").alias("day"), "known_day").agg(
        F.max_by("on_hand", place).alias("on_hand")
    )
