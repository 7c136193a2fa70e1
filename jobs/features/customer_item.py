"""What one customer did with one item up to a day: the ground of every personal list."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.features.learning import baskets, decay, within
from jobs.features.weekly import looks
from jobs.lib.exact import exact_money, exact_sum

WINDOW_DAYS = 28
HALF_LIVES = (14, 30, 90)


def customer_item(
    order_lines: DataFrame,
    events: DataFrame,
    customer_item_weekly: DataFrame,
    as_of: date,
    events_from: date | None,
) -> DataFrame:
    """One row per customer and item that the customer ordered, or viewed or carted within 28 days."""
    orders = baskets(order_lines)
    bought = orders.groupBy("customer_id", "item_id").agg(
        F.count(F.lit(1)).alias("orders"),
        F.sum("units").cast("long").alias("units"),
        exact_money(F.col("revenue")).alias("revenue"),
        F.min("order_date").alias("first_ordered_on"),
        F.max("order_date").alias("last_ordered_on"),
        F.sum(within("order_date", as_of, WINDOW_DAYS).cast("long")).alias("orders_28d"),
        *[exact_sum(decay("order_date", as_of, days)).alias(f"decayed_{days}d") for days in HALF_LIVES],
    )
    counts = ("orders", "units", "revenue", "orders_28d", *[f"decayed_{days}d" for days in HALF_LIVES])
    looked = _looked_at(events, customer_item_weekly, as_of, events_from)
    joined = bought.join(looked, ["customer_id", "item_id"], "full")
    filled = joined.fillna(0, [*counts, "views_28d", "carts_28d"])
    return filled.join(_later_orders(orders), ["customer_id", "last_ordered_on"], "left").fillna(0, ["orders_since"])


def _looked_at(events: DataFrame, customer_item_weekly: DataFrame, as_of: date, events_from: date | None) -> DataFrame:
    key = ["customer_id", "item_id"]
    identified = events.where(F.col("customer_id").isNotNull())
    seen = looks(identified, customer_item_weekly, key, as_of, WINDOW_DAYS, events_from)
    sums = seen.groupBy(*key).agg(
        # Of weekly sums a correction may be in the window and what it corrects not.
        F.greatest(F.sum("views"), F.lit(0)).alias("views_28d"),
        F.greatest(F.sum("carts"), F.lit(0)).alias("carts_28d"),
        F.max(F.when(F.col("views") > 0, F.col("day"))).alias("last_viewed_on"),
        F.max(F.when(F.col("carts") > 0, F.col("day"))).alias("last_carted_on"),
    )
    return sums.where("views_28d > 0 OR carts_28d > 0")


def _later_orders(orders: DataFrame) -> DataFrame:
    """How often a customer has ordered after each day they ordered on: a long silence of an item beside a busy
    customer says that the need has passed."""
    days = orders.groupBy("customer_id", F.col("order_date").alias("last_ordered_on")).agg(
        F.countDistinct("order_id").alias("that_day")
    )
    later = Window.partitionBy("customer_id").orderBy("last_ordered_on").rowsBetween(1, Window.unboundedFollowing)
    return days.select(
        "customer_id", "last_ordered_on", F.coalesce(F.sum("that_day").over(later), F.lit(0)).alias("orders_since")
    )
