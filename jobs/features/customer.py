"""Who a customer is and how they buy, as of a day."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.features.learning import baskets, sold
from jobs.lib.exact import MONEY, exact_mean, exact_money
from jobs.lib.stores import Store

PURPOSES = {"personalisation": "is_personal_allowed", "restricted": "is_restricted_allowed"}


def customer(
    customers: DataFrame,
    order_lines: DataFrame,
    consents: DataFrame,
    customer_item: DataFrame,
    store: Store,
) -> DataFrame:
    """One row per customer that the store lists or that has ordered; of a store that lists none also one who only
    looked at items or put them into a cart, within 28 days."""
    granted = [
        F.max(F.when(F.col("purpose") == purpose, F.col("is_granted"))).alias(name)
        for purpose, name in PURPOSES.items()
    ]
    allowed = consents.groupBy("customer_id").agg(*granted)
    profile = customers.select("customer_id", "country", "channel", "segment", "age_band", "is_business")
    everyone = profile.join(_where_from(order_lines), "customer_id", "full").join(
        _orders(order_lines), "customer_id", "left"
    )
    # Who looked and is not among those that a store lists may have closed their account.
    listed = "left" if "customers" in store.mappings else "full"
    everyone = everyone.join(_of_pairs(customer_item), "customer_id", listed)
    # Without a table of consents the store asks for none; with one, silence is no consent.
    without = "consents" not in store.mappings
    return (
        everyone.join(allowed, "customer_id", "left")
        .withColumn("country", F.coalesce("country", "order_country"))
        .withColumn("channel", F.coalesce("channel", "order_channel"))
        .fillna(without, ["is_personal_allowed"])
        .fillna(False, ["is_business", "is_restricted_allowed"])
        .fillna(0, ["orders", "items_per_order", "value_per_order", "mean_price", "repeat_share", "views_28d"])
    )


def _where_from(order_lines: DataFrame) -> DataFrame:
    def newest(name: str) -> Column:
        # An order that leaves it unsaid takes nothing back of what an older one said.
        known = F.when(F.col(name).isNotNull(), F.struct("ordered_at", "order_id", "line_number"))
        return F.max_by(name, known).alias(f"order_{name}")

    return (
        order_lines.where(F.col("customer_id").isNotNull() & ~F.col("is_test"))
        .groupBy("customer_id")
        .agg(newest("country"), newest("channel"))
    )


def _orders(order_lines: DataFrame) -> DataFrame:
    per_order = (
        baskets(order_lines)
        .groupBy("customer_id", "order_id")
        .agg(
            F.min("order_date").alias("order_date"),
            F.count(F.lit(1)).alias("items"),
            exact_money(F.col("revenue")).alias("value"),
        )
    )
    span = F.date_diff(F.max("order_date"), F.min("order_date"))
    days = F.countDistinct("order_date")
    orders = per_order.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("orders"),
        F.min("order_date").alias("first_ordered_on"),
        F.max("order_date").alias("last_ordered_on"),
        F.when(days > 1, span / (days - 1)).alias("mean_gap_days"),
        F.avg("items").alias("items_per_order"),
        exact_mean(F.col("value"), MONEY).alias("value_per_order"),
    )
    identified = sold(order_lines).where(F.col("customer_id").isNotNull())
    return orders.join(
        identified.groupBy("customer_id").agg(exact_mean(F.col("price"), MONEY).alias("mean_price")),
        "customer_id",
        "left",
    )


def _of_pairs(customer_item: DataFrame) -> DataFrame:
    """A row for each customer of any pair; the share of repeats is null for who ordered nothing."""
    again = F.when(F.col("orders") > 0, (F.col("orders") > 1).cast("int"))
    return customer_item.groupBy("customer_id").agg(
        F.avg(again).alias("repeat_share"), F.sum("views_28d").alias("views_28d")
    )
