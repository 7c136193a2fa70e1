"""Which rows the models may learn from, and how old a row is: the two things all features agree on."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.lib.exact import exact_money


def sold(order_lines: DataFrame) -> DataFrame:
    """Lines that say what people buy: products, really ordered; a line later cancelled stays, it was wanted once."""
    return order_lines.where(F.col("is_product") & ~F.col("is_test") & ~F.col("is_cancellation"))


def off_contract(lines: DataFrame, contract_prices: DataFrame) -> DataFrame:
    """Lines without those that a business customer bought under an agreement of theirs for the item."""
    agreed = contract_prices.select(
        "customer_id", "item_id", F.col("valid_from").alias("_from"), F.col("valid_to").alias("_to")
    )
    inside = (F.col("order_date") >= F.col("_from")) & (F.col("_to").isNull() | (F.col("order_date") <= F.col("_to")))
    same = (lines["customer_id"] == agreed["customer_id"]) & (lines["item_id"] == agreed["item_id"])
    return lines.join(agreed, same & inside, "left_anti")


def human(events: DataFrame) -> DataFrame:
    """Events of people: neither bots nor the store's own tests."""
    return events.where(~F.col("is_bot") & ~F.col("is_test"))


def age(day: str, as_of: date) -> Column:
    """Whole days from the date column ``day`` to ``as_of``; that day itself has age 0."""
    return F.date_diff(F.lit(as_of), F.col(day))


def within(day: str, as_of: date, days: int) -> Column:
    """Whether ``day`` is one of the last ``days`` days, ``as_of`` included."""
    return age(day, as_of).between(0, days - 1)


def decay(day: str, as_of: date, half_life_days: int) -> Column:
    """The weight 2^(-age / half-life) of something that happened on ``day``."""
    return F.pow(F.lit(0.5), age(day, as_of) / F.lit(float(half_life_days)))


def baskets(order_lines: DataFrame) -> DataFrame:
    """One row an order of an identified customer and item in it, however many lines it had: ``customer_id``,
    ``item_id``, ``order_id``, ``order_date``, ``units``, ``revenue``, ``price`` (mean of its lines)."""
    lines = sold(order_lines).where(F.col("customer_id").isNotNull())
    return lines.groupBy("customer_id", "item_id", "order_id").agg(
        F.min("order_date").alias("order_date"),
        F.sum("units").alias("units"),
        exact_money(F.col("units") * F.col("price")).alias("revenue"),
    )
