"""From the feature tables in Spark to the plain frames that models and blocks work on.

Dates become ages in days before the as-of day, so that no result depends on a calendar, and every value is a number
or a text. What is collected to the driver has a stated bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lib.settings import GROUP_COLUMNS

SAMPLE_CUSTOMERS = 50_000
WINDOW_DAYS = 28
OWN = ("orders", "units", "orders_since", "orders_28d", "decayed_14d", "decayed_30d", "decayed_90d")
SEEN = ("views_28d", "carts_28d")
# What fairness and the splits of an evaluation are measured by; of these the ranker's features know the country alone.
GROUPS = GROUP_COLUMNS
CUSTOMER = {
    "orders": "customer_orders",
    "mean_gap_days": "mean_gap_days",
    "items_per_order": "items_per_order",
    "value_per_order": "value_per_order",
    "mean_price": "customer_price",
    "repeat_share": "repeat_share",
    "views_28d": "customer_views",
}


def pair_rows(customer_item: DataFrame, customer: DataFrame, as_of: date) -> DataFrame:
    """One row per (customer, item) pair with the customer's own columns beside it; only of customers who may be
    given a personal list. Counts are doubles, ages are days before ``as_of`` and null where it never happened."""
    who = customer.where(F.col("is_personal_allowed")).select(
        "customer_id",
        *GROUPS,
        "is_restricted_allowed",
        *[F.col(name).cast("double").alias(alias) for name, alias in CUSTOMER.items()],
        _age("first_ordered_on", as_of).alias("customer_age"),
        _age("last_ordered_on", as_of).alias("customer_recency"),
    )
    pairs = customer_item.select(
        "customer_id",
        "item_id",
        *[F.col(name).cast("double").alias(name) for name in (*OWN, *SEEN)],
        _age("first_ordered_on", as_of).alias("first_age"),
        _age("last_ordered_on", as_of).alias("last_age"),
        _age("last_viewed_on", as_of).alias("viewed_age"),
        _age("last_carted_on", as_of).alias("carted_age"),
    )
    return pairs.join(who, "customer_id", "inner")


def item_rows(item: DataFrame, as_of: date) -> pd.DataFrame:
    """The item table on the driver, sorted by id, with ages for dates; the catalogue is what bounds it."""
    rows = item.withColumns(
        {
            "first_age": _age("first_ordered_on", as_of),
            "last_age": _age("last_ordered_on", as_of),
            "listed_age": _age("available_from", as_of),
        }
    ).drop("as_of", "first_ordered_on", "last_ordered_on", "available_from")
    return _on_the_driver(rows, "item_id")


def sampled(pairs: DataFrame, customers: int = SAMPLE_CUSTOMERS) -> pd.DataFrame:
    """The pairs of at most ``customers`` customers, on the driver: always the same ones, by a hash of their ids."""
    chosen = (
        pairs.where(F.col("orders") > 0)
        .select("customer_id")
        .distinct()
        .orderBy(F.xxhash64("customer_id"), "customer_id")
        .limit(customers)
    )
    return _on_the_driver(pairs.join(F.broadcast(chosen), "customer_id", "left_semi"), "customer_id", "item_id")


def of_customers(pairs: DataFrame, customer_ids: Iterable[str]) -> pd.DataFrame:
    """The pairs of these customers (a bounded list) on the driver, sorted by customer and item."""
    wanted = pairs.sparkSession.createDataFrame([(who,) for who in sorted(customer_ids)], "customer_id string")
    return _on_the_driver(pairs.join(F.broadcast(wanted), "customer_id", "left_semi"), "customer_id", "item_id")


def labels(order_lines: DataFrame, cut: date, customers: int) -> pd.DataFrame:
    """Distinct products bought in the 28 days after ``cut`` by at most ``customers`` buyers (by a hash of their ids):
    customer_id, item_id and the declared country of the order, sorted."""
    day = F.col("order_date")
    inside = (day > F.lit(cut)) & (day <= F.lit(cut + timedelta(days=WINDOW_DAYS)))
    is_learnt = F.col("is_product") & ~F.col("is_test") & ~F.col("is_cancellation") & F.col("customer_id").isNotNull()
    bought = (
        order_lines.where(inside & is_learnt).groupBy("customer_id", "item_id").agg(F.max("country").alias("country"))
    )
    buyers = bought.select("customer_id").distinct().orderBy(F.xxhash64("customer_id"), "customer_id").limit(customers)
    return _on_the_driver(bought.join(F.broadcast(buyers), "customer_id", "left_semi"), "customer_id", "item_id")


def _on_the_driver(frame: DataFrame, *by: str) -> pd.DataFrame:
    """A bounded frame in pandas, its rows in the order of ``by``."""
    rows: pd.DataFrame = frame.toPandas()
    return rows.sort_values(list(by), kind="stable").reset_index(drop=True)


def _age(column: str, as_of: date):
    return F.date_diff(F.lit(as_of), F.col(column)).cast("double")
