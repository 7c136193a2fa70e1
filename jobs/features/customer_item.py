"""What one customer did with one item up to a day: the ground of every personal list."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.features.learning import baskets, decay, human, within
from jobs.lib.exact import exact_money, exact_sum

WINDOW_DAYS = 28
HALF_LIVES = (14, 30, 90)


def customer_item(order_lines: DataFrame, events: DataFrame, as_of: date) -> DataFrame:
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
    joined = bought.join(_looked_at(events, as_of), ["customer_id", "item_id"], "full")
    filled = joined.fillna(0, [*counts, "views_28d", "carts_28d"])
    return filled.join(_later_orders(orders), ["customer_id", "last_ordered_on"], "left").fillna(0, ["orders_since"])


def _looked_at(events: DataFrame, as_of: date) -> DataFrame:
    recent = human(events).where(
        F.col("customer_id").isNotNull() & F.col("item_id").isNotNull() & within("event_date", as_of, WINDOW_DAYS)
    )
    viewed, carted = F.col("event_type") == "view", F.col("event_type") == "cart"
    return (
        recent.where(viewed | carted)
        .groupBy("customer_id", "item_id")
        .agg(
            F.sum(viewed.cast("long")).alias("views_28d"),
            F.sum(carted.cast("long")).alias("carts_28d"),
            F.max(F.when(viewed, F.col("event_date"))).alias("last_viewed_on"),
            F.max(F.when(carted, F.col("event_date"))).alias("last_carted_on"),
        )
    )


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
